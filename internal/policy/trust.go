package policy

import "slices"

// ParseTrust is ParseNamed of a role's trust policy.
func ParseTrust(text string, ids map[string]string) (*Document, error) {
	return ParseNamed(Trust, text, ids)
}

// ParseNamed reads a policy of a kind that has principals, in which the users and
// roles of ids, by their ARNs, are meant by their IDs: those that had the ARN when
// the policy was written, and nobody who is made under the same name later. Errors
// as Parse.
func ParseNamed(kind Kind, text string, ids map[string]string) (*Document, error) {
	d, err := Parse(kind, text)
	if err != nil {
		return nil, err
	}
	for _, s := range d.statements {
		if s.principals == nil {
			continue
		}
		for i, named := range s.principals.named {
			if id, ok := ids[named.arn]; ok && named.arn != "" {
				s.principals.named[i] = principal{kind: idPrincipal, text: id}
			}
		}
	}
	return d, nil
}

// Named lists the ARNs of the users and roles that the document's principals
// name, each once, as they are written.
func (d *Document) Named() []string {
	var arns []string
	for _, s := range d.statements {
		if s.principals == nil {
			continue
		}
		for _, named := range s.principals.named {
			if named.arn != "" && !slices.Contains(arns, named.arn) {
				arns = append(arns, named.arn)
			}
		}
	}
	return arns
}
