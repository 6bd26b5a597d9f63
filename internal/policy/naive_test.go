package policy_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// naive decides by the rules of AWS as one would write them down: it walks the
// JSON of every statement each time, and lets regular expressions match. It
// shares no code with the package, so that the two find each other's mistakes.
type naive struct {
	request *policy.Request
	keys    values
}

// layers are the texts of a Set.
type layerTexts struct {
	identity, boundary, session, endpoint, resource []string
	service                                         [][]string
	trust                                           bool // what is in resource are trust policies
}

type verdict struct {
	allowed, explicit bool
	by                policy.Layer
}

func (n naive) decide(l layerTexts) verdict {
	who := n.request.Principal
	byResource := policy.ByResource
	if l.trust {
		byResource = policy.ByTrust
	}
	type layer struct {
		texts []string
		by    policy.Layer
	}
	var all []layer
	nobody := who.Type == policy.AWSService || who.Type == policy.Federated
	if !nobody && who.Type != iam.Root {
		all = append(all, layer{l.identity, policy.ByIdentity}, layer{l.boundary, policy.ByBoundary}, layer{l.session, policy.BySession})
		for _, level := range l.service {
			all = append(all, layer{level, policy.ByService})
		}
	}
	all = append(all, layer{l.endpoint, policy.ByEndpoint})
	if who.Type != iam.Root {
		all = append(all, layer{l.resource, byResource})
	}
	for _, a := range all {
		if n.any(a.texts, "Deny", nil) {
			return verdict{explicit: true, by: a.by}
		}
	}
	no := func(by policy.Layer) verdict { return verdict{by: by} }
	endpoint := l.endpoint == nil || n.any(l.endpoint, "Allow", nil)
	grants := map[string]bool{}
	n.any(l.resource, "Allow", grants)
	granted := len(grants) > 0
	switch {
	case who.Type == iam.Root && endpoint:
		return verdict{allowed: true}
	case who.Type == iam.Root:
		return no(policy.ByEndpoint)
	case nobody && !endpoint:
		return no(policy.ByEndpoint)
	case nobody && granted:
		return verdict{allowed: true}
	case nobody:
		return no(byResource)
	}
	foreign := n.request.ResourceAccount != "" && n.request.ResourceAccount != who.Account
	own := n.any(l.identity, "Allow", nil)
	bySession := grants["session"] && !foreign
	byUser := bySession || grants["user"] && !foreign
	anyhow := byUser || (grants["role"] || grants["everyone"]) && !foreign
	if !own && !anyhow {
		return no(policy.ByIdentity)
	}
	if l.boundary != nil && !byUser && !n.any(l.boundary, "Allow", nil) {
		return no(policy.ByBoundary)
	}
	if l.session != nil && !bySession && !n.any(l.session, "Allow", nil) {
		return no(policy.BySession)
	}
	for _, level := range l.service {
		if !n.any(level, "Allow", nil) {
			return no(policy.ByService)
		}
	}
	if !endpoint {
		return no(policy.ByEndpoint)
	}
	if (foreign || l.trust) && !granted {
		return no(byResource)
	}
	return verdict{allowed: true}
}

// any reports whether a statement of the effect applies, and collects how such
// statements name the caller.
func (n naive) any(texts []string, effect string, grants map[string]bool) bool {
	found := false
	for _, text := range texts {
		var doc struct {
			Version   string
			Statement any
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			panic(err)
		}
		list, ok := doc.Statement.([]any)
		if !ok {
			list = []any{doc.Statement}
		}
		for _, item := range list {
			s := item.(map[string]any)
			if s["Effect"] == effect && n.applies(s, doc.Version == "2012-10-17", grants) {
				found = true
			}
		}
	}
	return found
}

func list(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, item := range x {
			all = append(all, list(item)...)
		}
		return all
	case string:
		return []string{x}
	}
	return []string{fmt.Sprint(v)}
}

func (n naive) applies(s map[string]any, variables bool, grants map[string]bool) bool {
	deny := s["Effect"] == "Deny"
	action := func(patterns []string) bool {
		for _, p := range patterns {
			if regexp.MustCompile("(?is)^" + wildcards(p) + "$").MatchString(n.request.Action) {
				return true
			}
		}
		return false
	}
	if s["Action"] != nil && !action(list(s["Action"])) || s["NotAction"] != nil && action(list(s["NotAction"])) {
		return false
	}
	if s["Resource"] != nil {
		if hit, _ := n.resource(list(s["Resource"]), variables); !hit {
			return false
		}
	}
	if s["NotResource"] != nil {
		if hit, unknown := n.resource(list(s["NotResource"]), variables); hit || unknown && !deny {
			return false
		}
	}
	named := map[string]bool{}
	if s["Principal"] != nil {
		if n.principal(s["Principal"], named); len(named) == 0 {
			return false
		}
	}
	if s["NotPrincipal"] != nil {
		other := map[string]bool{}
		if n.principal(s["NotPrincipal"], other); len(other) > 0 {
			return false
		}
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, block := range conditions {
		for key, want := range block.(map[string]any) {
			if !n.condition(operator, key, list(want), variables, deny) {
				return false
			}
		}
	}
	for how := range named {
		if grants != nil {
			grants[how] = true
		}
	}
	return true
}

// wildcards writes a pattern as a regular expression.
func wildcards(p string) string {
	return strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(p))
}

var variable = regexp.MustCompile(`\$\{([^}',]*)(?:, *'([^']*)')? *\}`)

// expand writes a text with variables as a regular expression, or reports false.
func (n naive) expand(text string, wild, variables bool) (string, bool) {
	quote := regexp.QuoteMeta
	if wild {
		quote = wildcards
	}
	if !variables {
		return quote(text), true
	}
	out, last := "", 0
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		out += quote(text[last:m[0]])
		last = m[1]
		name := text[m[2]:m[3]]
		if name == "*" || name == "?" || name == "$" {
			out += regexp.QuoteMeta(name)
			continue
		}
		have, ok := n.keys[strings.ToLower(name)]
		switch {
		case ok && len(have) == 1:
			out += regexp.QuoteMeta(have[0])
		case !ok && m[4] >= 0:
			out += regexp.QuoteMeta(text[m[4]:m[5]])
		default:
			return "", false
		}
	}
	return out + quote(text[last:]), true
}

func (n naive) resource(patterns []string, variables bool) (hit, unknown bool) {
	for _, p := range patterns {
		if p == "*" {
			return true, false
		}
		have := strings.SplitN(n.request.Resource, ":", 6)
		if len(have) < 6 || have[0] != "arn" {
			continue
		}
		want := strings.SplitN(p, ":", 6)
		for len(want) < 6 {
			want = append(want, "*")
		}
		all := true
		for i := 1; i < 5; i++ {
			all = all && regexp.MustCompile("(?s)^"+wildcards(want[i])+"$").MatchString(have[i])
		}
		if !all {
			continue
		}
		last, ok := n.expand(want[5], true, variables)
		if !ok {
			unknown = true
			continue
		}
		if regexp.MustCompile("(?s)^" + last + "$").MatchString(have[5]) {
			return true, false
		}
	}
	return false, unknown
}

func (n naive) principal(p any, named map[string]bool) {
	who := n.request.Principal
	outside := who.Type == policy.AWSService || who.Type == policy.Federated
	if p == "*" {
		p = map[string]any{"AWS": "*"}
	}
	m := p.(map[string]any)
	for _, s := range list(m["Service"]) {
		if who.Type == policy.AWSService && who.Name == s {
			named["user"] = true
		}
	}
	for _, s := range list(m["Federated"]) {
		if who.Type == policy.Federated && who.Name == s {
			named["user"] = true
		}
	}
	if outside {
		return
	}
	for _, s := range list(m["AWS"]) {
		switch {
		case s == "*":
			named["everyone"] = true
		case s == who.Account, s == "arn:aws:iam::"+who.Account+":root":
			named["account"] = true
		case s == who.ARN && who.Type == iam.User, s == who.UserID:
			named["user"] = true
		case s == who.ARN && who.Type == iam.AssumedRole:
			named["session"] = true
		case who.Type == iam.AssumedRole && regexp.MustCompile(`^arn:aws:iam::`+who.Account+`:role/(.*/)?`+who.Name+`$`).MatchString(s),
			strings.HasPrefix(who.UserID, s+":"):
			named["role"] = true
		}
	}
}
