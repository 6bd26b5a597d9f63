package policy

import "strings"

// action is an entry of Action or NotAction, in lower case.
type action struct {
	vendor string // empty: every one
	name   string // may have wildcards
	wild   bool
	// fixed is the length of name before the first wildcard; tail is true when
	// that is a star and the last character.
	fixed int
	tail  bool
}

// actionProblem says what is wrong with the form of an action, or nothing.
func actionProblem(s string) string {
	if s == "*" {
		return ""
	}
	vendor, name, ok := strings.Cut(s, ":")
	switch {
	case !ok:
		return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	case strings.Contains(name, ":"):
		return "Actions/Condition can contain only one colon."
	case vendor != "*" && !isVendor(vendor):
		return "Vendor " + vendor + " is not valid"
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			return textLegacy
		}
	}
	return ""
}

func isVendor(s string) bool {
	for i := range len(s) {
		if c := lower(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// newAction compiles what actionProblem found nothing wrong with.
func newAction(s string) action {
	if s == "*" {
		return action{name: "*", wild: true, tail: true}
	}
	vendor, name, _ := strings.Cut(strings.ToLower(s), ":")
	if vendor == "*" {
		vendor = ""
	}
	a := action{vendor: vendor, name: name, fixed: strings.IndexAny(name, "*?")}
	a.wild = a.fixed >= 0
	a.tail = a.wild && name[a.fixed:] == "*"
	return a
}

// matches compares with an action of a request, which is in lower case.
func (a *action) matches(vendor, name []byte) bool {
	if a.vendor != "" && a.vendor != string(vendor) {
		return false
	}
	if !a.wild {
		return a.name == string(name)
	}
	if len(name) < a.fixed || a.name[:a.fixed] != string(name[:a.fixed]) {
		return false
	}
	return a.tail || globBytes(a.name[a.fixed:], name[a.fixed:])
}

// globBytes is glob for names that are ASCII: the pattern is a plain text.
func globBytes(p string, s []byte) bool {
	star, mark := -1, 0
	i, at := 0, 0
	for at < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, at
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[at]):
			i++
			at++
		case star < 0:
			return false
		default:
			mark++
			i, at = star+1, mark
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
