package policy

import "strings"

// Text returns the whole sentence that AWS denies with, or nothing for a decision
// that allows. resource may be empty or "*": the sentence then names none, as for
// actions that work on nothing in particular.
func (d Decision) Text(principalARN, action, resource string) string {
	if d.Allowed {
		return ""
	}
	if principalARN == "" {
		principalARN = "anonymous"
	}
	var b strings.Builder
	b.WriteString("User: " + principalARN + " is not authorized to perform: " + action)
	if resource != "" && resource != "*" && d.By != ByTrust {
		b.WriteString(" on resource: " + resource)
	}
	if !d.Explicit {
		b.WriteString(" because no " + string(d.By) + " allows the " + action + " action")
		return b.String()
	}
	b.WriteString(" with an explicit deny in " + article(d.By) + " " + string(d.By))
	if d.By == ByService && strings.HasPrefix(d.Policy, "arn:") {
		b.WriteString(": " + d.Policy)
	}
	return b.String()
}

func article(l Layer) string {
	switch l {
	case ByIdentity:
		return "an"
	case ByTrust:
		return "the" // a role has one
	}
	return "a"
}
