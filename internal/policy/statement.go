package policy

// Statement is what others may know of a statement.
type Statement struct {
	SID  string // empty when it has none
	Deny bool
	// Start and End are its place in the text, in bytes.
	Start, End int
}

// statement is a Statement with what it says, compiled.
type statement struct {
	Statement

	actions      []action
	notActions   bool
	resources    []resource
	notResources bool
	// anywhere is true for a statement without resources: in a trust policy the
	// resource is the role itself.
	anywhere      bool
	principals    *principals // nil: whoever has the policy
	notPrincipals bool
	conditions    []condition
}

// covers reports whether the statement is about the action.
func (s *statement) covers(vendor, name []byte) bool {
	for i := range s.actions {
		if s.actions[i].matches(vendor, name) {
			return !s.notActions
		}
	}
	return s.notActions
}

// applies reports whether a statement that covers the action is about the rest of
// the request too, and how it names the caller.
func (s *statement) applies(e *evaluation) (named grant, ok bool) {
	if !s.at(e) {
		return notNamed, false
	}
	if s.principals != nil {
		named = s.principals.match(&e.principal)
		if (named == notNamed) != s.notPrincipals {
			return notNamed, false
		}
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(&e.values, s.Deny) {
			return notNamed, false
		}
	}
	return named, true
}

// at reports whether the statement is about the resource. A variable without a
// value covers nothing; where that would let a NotResource apply, it does so in a
// Deny only.
func (s *statement) at(e *evaluation) bool {
	if s.anywhere {
		return true
	}
	known := true
	for i := range s.resources {
		matched, resolved := s.resources[i].matches(&e.fields, e.isARN, &e.values)
		if matched {
			return !s.notResources
		}
		known = known && resolved
	}
	return s.notResources && (known || s.Deny)
}
