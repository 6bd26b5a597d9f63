package policy

import (
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
)

// The callers that are nobody's user or role, as CloudTrail names them. Their
// Name is the service ("bedrock.amazonaws.com") or the identity provider.
const (
	AWSService iam.PrincipalType = "AWSService"
	Federated  iam.PrincipalType = "WebIdentityUser"
)

// grant says how a resource-based policy named the caller. What else must allow
// the request depends on it.
type grant uint8

const (
	notNamed       grant = iota
	namedByAccount       // the account may, and its own policies say who in it
	namedEveryone
	namedRole
	namedUser // of the grants, those from here on do not ask a permissions boundary
	namedSession
)

// principals is a Principal or NotPrincipal element.
type principals struct {
	everyone bool
	named    []principal
}

type principal struct {
	kind principalKind
	text string // an account, ARN, ID, service, provider, or the name of a role
	in   string // account of a role
	arn  string // of a user or role, as it is written
}

type principalKind uint8

const (
	accountPrincipal principalKind = iota
	rolePrincipal
	userPrincipal
	sessionPrincipal
	idPrincipal
	servicePrincipal
	federatedPrincipal
)

// match returns the most direct way in which a caller is named.
func (p *principals) match(who *iam.Principal) grant {
	most := notNamed
	own := who.Type != AWSService && who.Type != Federated
	if p.everyone && own {
		most = namedEveryone
	}
	for i := range p.named {
		most = max(most, p.named[i].match(who, own))
	}
	return most
}

func (p *principal) match(who *iam.Principal, own bool) grant {
	switch {
	case p.kind == servicePrincipal && who.Type == AWSService && p.text == who.Name,
		p.kind == federatedPrincipal && who.Type == Federated && p.text == who.Name:
		return namedUser
	case !own:
		return notNamed
	case p.kind == accountPrincipal && p.text == who.Account:
		return namedByAccount
	case p.kind == rolePrincipal && who.Type == iam.AssumedRole && p.text == who.Name && p.in == who.Account:
		return namedRole
	case p.kind == userPrincipal && p.text == who.ARN && who.Type == iam.User:
		return namedUser
	case p.kind == sessionPrincipal && p.text == who.ARN && who.Type == iam.AssumedRole:
		return namedSession
	case p.kind == idPrincipal:
		id, _, session := strings.Cut(who.UserID, ":")
		if p.text == id && session {
			return namedRole
		}
		if p.text == id {
			return namedUser
		}
	}
	return notNamed
}

// parsePrincipals reads the object form; bad is the entry that is not one, as
// `"AWS":"x"`.
func parsePrincipals(n *node) (p *principals, bad string) {
	p = &principals{}
	for _, m := range n.members {
		list, ok := m.value.strings()
		if !ok {
			return nil, `"` + m.name + `"`
		}
		for _, s := range list {
			e, ok := parsePrincipal(m.name, s)
			if !ok {
				switch m.name {
				case "AWS", "Service", "Federated":
					return nil, `"` + strings.ToUpper(m.name) + `":"` + s + `"`
				}
				return nil, `"` + m.name + `"`
			}
			if e == nil {
				p.everyone = true
				continue
			}
			p.named = append(p.named, *e)
		}
	}
	return p, ""
}

// parsePrincipal returns nil for everyone.
func parsePrincipal(kind, s string) (*principal, bool) {
	switch kind {
	case "AWS":
		return parseAWS(s)
	case "Service":
		return &principal{kind: servicePrincipal, text: s}, s != "" && !strings.ContainsAny(s, "*? /")
	case "Federated":
		return &principal{kind: federatedPrincipal, text: s}, s != "" && !strings.ContainsAny(s, "*? ")
	}
	return nil, false
}

func parseAWS(s string) (*principal, bool) {
	if s == "*" {
		return nil, true
	}
	if len(s) == 12 && isDigits(s) {
		return &principal{kind: accountPrincipal, text: s}, true
	}
	if isID(s) {
		return &principal{kind: idPrincipal, text: s}, true
	}
	f, ok := splitARN(s)
	if !ok || !strings.HasPrefix(f[1], "aws") || f[3] != "" || len(f[4]) != 12 || !isDigits(f[4]) || strings.ContainsAny(s, "*?") {
		return nil, false
	}
	kind, name, _ := strings.Cut(f[5], "/")
	last := name[strings.LastIndex(name, "/")+1:]
	switch {
	case f[2] == "iam" && f[5] == "root":
		return &principal{kind: accountPrincipal, text: f[4]}, true
	case last == "":
		return nil, false
	case f[2] == "iam" && kind == "user":
		return &principal{kind: userPrincipal, text: s, arn: s}, true
	case f[2] == "iam" && kind == "role":
		// The ARN of a session lacks the role's path; a name is unique without it.
		return &principal{kind: rolePrincipal, text: last, in: f[4], arn: s}, true
	case f[2] == "sts" && (kind == "assumed-role" && last != name || kind == "federated-user"):
		return &principal{kind: sessionPrincipal, text: s}, true
	}
	return nil, false
}

// isID: AIDA and what follows is a user, AROA a role.
func isID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
