package policy

import (
	"slices"

	"github.com/outcrop/outcrop/internal/iam"
)

// Explain is Evaluate with the reasons. It asks every condition of every
// statement that is about the action, the resource and the caller, so it takes
// longer and allocates.
func Explain(r *Request, s *Set) Decision {
	d := Evaluate(r, s)
	asked := &recorder{values: r.Values}
	again := *r
	again.Values = asked
	var e evaluation
	e.begin(&again)
	x := explanation{evaluation: &e, decision: &d}
	switch r.Principal.Type {
	case iam.Root:
	case AWSService, Federated:
		x.list(s.Resource, ByResource)
	default:
		x.list(s.Identity, ByIdentity)
		x.list(s.Boundary, ByBoundary)
		x.list(s.Session, BySession)
		for _, level := range s.Service {
			x.list(level, ByService)
		}
		x.list(s.Resource, ByResource)
	}
	x.list(s.Endpoint, ByEndpoint)
	slices.Sort(asked.missing)
	d.Missing = slices.Compact(asked.missing)
	return d
}

type explanation struct {
	*evaluation

	decision *Decision
}

func (x *explanation) list(list []Attached, by Layer) {
	for i := range list {
		d := list[i].Document
		if d == nil {
			continue
		}
		layer := by
		if d.kind == Trust {
			layer = ByTrust
		}
		for n, s := range d.statements {
			if !s.covers(x.vendor(), x.name()) || !s.at(x.evaluation) {
				continue
			}
			for c := range s.conditions {
				s.conditions[c].holds(&x.values, s.Deny) // to ask for every key
			}
			if _, ok := s.applies(x.evaluation); !ok {
				continue
			}
			x.decision.Matches = append(x.decision.Matches, Match{
				Policy: list[i], Layer: layer, Statement: n, SID: s.SID, Deny: s.Deny, Start: s.Start, End: s.End,
			})
		}
	}
}

// recorder notes the keys that are asked for and not there.
type recorder struct {
	values  Values
	missing []string
}

func (r *recorder) Get(key string) ([]string, bool) {
	var found []string
	ok := false
	if r.values != nil {
		found, ok = r.values.Get(key)
	}
	if !ok {
		r.missing = append(r.missing, key)
	}
	return found, ok
}

// Deciding is the statement that made an explained decision: the first that denies,
// or the first that allows where none does. Nil: what was missing made it.
func (d Decision) Deciding() *Match {
	for i := range d.Matches {
		if m := &d.Matches[i]; m.Deny == (d.Explicit && !d.Allowed) && (d.Allowed || d.Explicit && m.Layer == d.By) {
			return m
		}
	}
	return nil
}

// Text is the statement as it was written.
func (m *Match) Text() string {
	text := m.Policy.Text()
	if m.Start < 0 || m.End > len(text) || m.Start > m.End {
		return ""
	}
	return text[m.Start:m.End]
}
