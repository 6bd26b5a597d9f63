package router

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// via begins the name of a chain, which no backend can have.
const via = "via "

// candidates are those of a route in the order in which they are tried.
func (r *Route) candidates() []Candidate {
	if len(r.Chain) == 0 {
		return []Candidate{{Model: r.Model}}
	}
	return slices.SortedStableFunc(slices.Values(r.Chain), func(a, b Candidate) int { return cmp.Compare(a.Tier, b.Tier) })
}

// chain finds the first candidate of a route and names them all.
func (r *Router) chain(t *Target, route Route) (first localName, err error) {
	asked := cmp.Or(t.ProfileID, t.ModelID)
	var names []string
	for i, c := range route.candidates() {
		name, err := r.local(c.Model)
		if err != nil {
			return localName{}, err
		}
		if name.model == "*" {
			name.model = asked
		}
		if i == 0 {
			first = name
		}
		names = append(names, name.String())
	}
	if len(names) > 1 {
		t.Via = via + strings.Join(names, " ")
	}
	return first, nil
}

// Generate implements inference.Backend; req.Model is a Target's Name.
func (r *Router) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	names := []string{req.Model}
	if all, ok := strings.CutPrefix(req.Model, via); ok {
		names = strings.Split(all, " ")
	}
	var err error
	for _, name := range names {
		var b inference.Backend
		var model string
		if b, model, err = r.backend(name); err != nil {
			return err
		}
		sub := *req
		sub.Model = model
		told := false
		var held *inference.Started
		err = b.Generate(ctx, &sub, func(ev inference.Event) error {
			if started, ok := ev.(inference.Started); ok {
				started.ServedBy = name
				if len(names) == 1 {
					return emit(started)
				}
				held = &started
				return nil
			}
			if !told && held != nil {
				if err := emit(*held); err != nil {
					told = true
					return err
				}
			}
			told = true
			return emit(ev)
		})
		if err == nil || told || ctx.Err() != nil || fault.Is(err, fault.Invalid) {
			return err
		}
	}
	return err
}
