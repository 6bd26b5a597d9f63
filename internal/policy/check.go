package policy

import (
	"slices"
	"strings"
)

const textLegacy = "The policy failed legacy parsing"

// words are AWS's texts where they differ by who reads the document: IAM's
// validator for what a principal has, and the one of trust and resource policies.
type words struct {
	json, syntax, unknown, version, empty, noEffect string
	noActions, noResources, sids, value             string

	badEffect  func(effect string) string
	effectCase func(effect string) string
	operator   func(name string) string
}

func wordsOf(k Kind) words {
	const syntax = "Syntax errors in policy."
	always := func(text string) func(string) string { return func(string) string { return text } }
	w := words{
		json: syntax, syntax: syntax, unknown: syntax, version: syntax, empty: syntax, noEffect: syntax,
		noActions:   "Policy statement must contain actions.",
		noResources: "Policy statement must contain resources.",
		sids:        "Statement IDs (SID) in a single policy must be unique.",
		value:       textLegacy,
		badEffect:   always(syntax),
		effectCase:  always(textLegacy),
		operator:    always(syntax),
	}
	if k != Trust && k != Resource {
		return w
	}
	const other = "Syntax error in policy."
	w = words{
		json: "This policy contains invalid Json", syntax: other, unknown: "This policy contains invalid Json",
		version:     "The policy must contain a valid version string",
		empty:       "Could not parse the policy: Statement is empty!",
		noEffect:    "Missing required field Effect",
		noActions:   "Missing required field Action",
		noResources: "Missing required field Resource",
		sids:        "The Statement Ids in the policy are not unique",
		value:       other,
		badEffect:   func(effect string) string { return "Invalid effect: " + effect },
		operator:    always(other),
	}
	w.effectCase = w.badEffect
	if k == Resource {
		w.operator = func(name string) string { return "Invalid Condition type : " + name }
	}
	return w
}

// check finds what is wrong with statements whose form is right, in the order in
// which IAM does: of several errors a client sees the same one.
func (p *parser) check() string {
	resource := ""
	for _, w := range p.statements {
		if w.effect != "Allow" && w.effect != "Deny" {
			return p.words.effectCase(w.effect)
		}
		if !p.compileConditions(w) {
			return p.words.value
		}
		if p.kind == Trust {
			continue // which may have no resources at all: checkResources
		}
		for _, text := range slices.Concat(w.resource, w.notResource) {
			problem := resourceProblem(text)
			if _, ok := newResource(text, p.document.version == version2012); !ok && problem == "" {
				problem = textLegacy
			}
			if problem == textLegacy && resource == "" {
				return p.words.value
			}
			if resource == "" {
				resource = problem
			}
		}
	}
	if problem := p.checkSIDs(); problem != "" {
		return problem
	}
	for _, w := range p.statements {
		if problem := p.checkPrincipal(w); problem != "" {
			return problem
		}
	}
	for _, w := range p.statements {
		if len(w.action)+len(w.notAction) == 0 {
			return p.words.noActions
		}
	}
	if resource != "" {
		return resource
	}
	for _, step := range []func(*written) string{p.checkActions, p.checkResources} {
		for _, w := range p.statements {
			if problem := step(w); problem != "" {
				return problem
			}
		}
	}
	return ""
}

func (p *parser) compileConditions(w *written) bool {
	if w.condition == nil {
		return true
	}
	for _, m := range w.condition.members {
		t, _ := parseTest(m.name)
		for _, k := range m.value.members {
			values, _ := k.value.scalars()
			c, ok := newCondition(t, k.name, values, p.document.version == version2012)
			if !ok {
				return false
			}
			w.compiledConditions = append(w.compiledConditions, c)
		}
	}
	return true
}

func (p *parser) checkSIDs() string {
	seen := map[string]bool{}
	for _, w := range p.statements {
		if w.sid == "" {
			continue
		}
		if seen[w.sid] {
			return p.words.sids
		}
		seen[w.sid] = true
		if p.kind != Resource && !isAlphanumeric(w.sid) {
			return "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
		}
	}
	return ""
}

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := lower(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (p *parser) checkActions(w *written) string {
	for _, a := range slices.Concat(w.action, w.notAction) {
		if problem := actionProblem(a); problem != "" {
			return problem
		}
		if vendor, _, _ := strings.Cut(a, ":"); p.kind == Trust && !strings.EqualFold(vendor, "sts") {
			return "AssumeRole policy may only specify STS AssumeRole actions."
		}
	}
	return ""
}

func (p *parser) checkResources(w *written) string {
	switch {
	case p.kind != Trust && len(w.resource)+len(w.notResource) == 0:
		return p.words.noResources
	case p.kind == Trust && w.hasResource:
		return "Has prohibited field Resource"
	case p.kind == Trust && w.hasNotResource:
		return "AssumeRole policy must not contain resources."
	}
	return ""
}

func (p *parser) checkPrincipal(w *written) string {
	if p.kind != Trust && p.kind != Resource {
		if w.principal != nil || w.notPrincipal != nil {
			return "Policy document should not specify a principal."
		}
		return ""
	}
	n := w.principal
	if w.notPrincipal != nil {
		n = w.notPrincipal
		switch {
		case w.effect == "Allow":
			return "Allow with NotPrincipal is not allowed."
		case p.kind == Trust:
			return "AssumeRole policy must not contain NotPrincipal field."
		}
	}
	if n == nil {
		return "Missing required field Principal"
	}
	if n.kind == stringNode {
		switch {
		case p.kind == Trust && n.text == "*":
			return `AssumeRolepolicy contained an invalid principal: "STAR":"*".`
		case n.text != "*":
			return "Invalid principal in policy: " + `"` + n.text + `"`
		}
		w.compiledPrincipals = &principals{everyone: true}
		return ""
	}
	if n.kind != objectNode {
		return p.words.syntax
	}
	found, bad := parsePrincipals(n)
	switch {
	case bad != "":
		return "Invalid principal in policy: " + bad
	case !found.everyone && len(found.named) == 0:
		return "Missing required field Principal cannot be empty!"
	}
	w.compiledPrincipals = found
	return ""
}
