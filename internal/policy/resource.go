package policy

import "strings"

// arnFields is the number of fields of an ARN; the last may have colons itself.
const arnFields = 6

// splitARN cuts an ARN into its fields.
func splitARN(s string) (fields [arnFields]string, ok bool) {
	for i := range arnFields - 1 {
		fields[i], s, ok = strings.Cut(s, ":")
		if !ok {
			return fields, false
		}
	}
	fields[arnFields-1] = s
	return fields, fields[0] == "arn"
}

// resource is an entry of Resource or NotResource. Every field of an ARN is
// compared with the same field of the pattern, so a wildcard never covers the
// colon between two of them.
type resource struct {
	every  bool // "*", which covers also what is no ARN
	fields [arnFields]pattern
}

// matches reports what pattern.matches does.
func (p *resource) matches(fields *[arnFields]string, isARN bool, values *lookup) (matched, resolved bool) {
	if p.every {
		return true, true
	}
	if !isARN {
		return false, true
	}
	// From the end: there they differ most.
	matched, resolved = p.fields[arnFields-1].matches(fields[arnFields-1], values)
	for i := arnFields - 2; i > 0 && (matched || !resolved); i-- {
		if !p.fields[i].covers(fields[i]) {
			return false, true
		}
	}
	return matched, resolved
}

// resourceFields completes an entry: the first field counts as "arn" however it
// is spelled, and fields that are missing are wildcards.
func resourceFields(s string) (fields [arnFields]string, given int) {
	for i := range fields {
		fields[i] = "*"
	}
	given = copy(fields[:], splitFields(s))
	fields[0] = "arn"
	return fields, given
}

// splitFields cuts at the first five colons that are not inside of a variable.
func splitFields(s string) []string {
	var fields []string
	depth, start := 0, 0
	for i := 0; i < len(s) && len(fields) < arnFields-1; i++ {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			depth++
		case s[i] == '}' && depth > 0:
			depth--
		case s[i] == ':' && depth == 0:
			fields = append(fields, s[start:i])
			start = i + 1
		}
	}
	return append(fields, s[start:])
}

// newResource compiles an entry that resourceProblem found nothing wrong with.
func newResource(s string, variables bool) (resource, bool) {
	if s == "*" {
		return resource{every: true}, true
	}
	var r resource
	fields, _ := resourceFields(s)
	for i, f := range fields {
		var ok bool
		if r.fields[i], ok = parsePattern(f, true, variables); !ok || r.fields[i].variables && i < arnFields-1 {
			return resource{}, false
		}
	}
	return r, true
}

const textVendor = "Resource vendor must be fully qualified and cannot contain regexes."

// resourceProblem says what is wrong with an entry, in IAM's words, or nothing.
// Entries that IAM's older parser refuses are textLegacy.
func resourceProblem(s string) string {
	if s == "*" {
		return ""
	}
	if !strings.Contains(s, ":") {
		return "Resource " + s + ` must be in ARN format or "*".`
	}
	fields, given := resourceFields(s)
	partition, vendor, region, account := fields[1], fields[2], fields[3], fields[4]
	switch {
	case !isPartition(partition):
		return `Partition "` + partition + `" is not valid for resource "` + strings.Join(fields[:], ":") + `".`
	case given < 3:
		return textVendor
	case vendor == "":
		return textLegacy
	case strings.ContainsAny(vendor, "*?"):
		return textVendor
	case given < arnFields && strings.Contains(s, "::"), !isAccount(account), strings.Contains(region, "$"):
		return textLegacy
	}
	return serviceProblem(s, vendor, region, fields[arnFields-1], given)
}

// serviceProblem is resourceProblem for services whose ARNs IAM knows more of.
func serviceProblem(s, vendor, region, id string, given int) string {
	if given < arnFields {
		return ""
	}
	switch vendor {
	case "s3":
		if region != "" && region != "*" && !strings.HasPrefix(id, "accesspoint/") {
			return "Resource " + s + " can not contain region information."
		}
	case "iam":
		if region != "" && region != "*" {
			return "IAM resource " + s + " cannot contain region information."
		}
		kinds := []string{
			"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/",
			"saml-provider/", "oidc-provider/", "report/", "access-report/",
		}
		// A wildcard may stand for the kind, and the root has none.
		if strings.ContainsAny(strings.SplitN(id, "/", 2)[0], "*?") || id == "root" {
			return ""
		}
		for _, k := range kinds {
			if strings.HasPrefix(id, k) {
				return ""
			}
		}
		return `IAM resource path must either be "*" or start with ` + strings.Join(kinds, ", ") + "."
	}
	return ""
}

func isPartition(s string) bool {
	switch s {
	case "*", "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc":
		return true
	}
	return false
}

// isAccount: 12 digits, possibly with wildcards; nothing; or a name that AWS uses
// for what is its own ("aws", "cloudfront"). A variable is none of them.
func isAccount(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c == '*', c == '?':
			digits++
		case 'a' <= c && c <= 'z', c == '-':
		default:
			return false
		}
	}
	if strings.ContainsAny(s, "*?") {
		return digits == len(s)
	}
	return s == "" || digits == 12 && len(s) == 12 || digits == 0
}
