package iam

import (
	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/policy"
)

// mostWork bounds a page: its actions times resources times statements. A request
// of a hundred kilobytes could else keep the server busy for hours, and have an answer
// of gigabytes.
const mostWork = 100_000

// page simulates the actions that a page has. It has fewer of them than were
// asked for where one of them is much work.
func (x *simulation) page(marker *string, n *int32) ([]api.EvaluationResult, *bool, *string, error) {
	work := x.work()
	if work > mostWork {
		return nil, nil, nil, invalidInput("The policies are too large to be simulated for so many resources. Name fewer resources in a request.")
	}
	most := int32(min(itemsOf(n), mostWork/work))
	actions, truncated, next, err := part(x.actions, same, marker, &most)
	return each(actions, x.action), truncated, next, err
}

// work is what an action takes: every statement may be about every resource, and
// is compared with all of it.
func (x *simulation) work() int {
	const shortest, step = 40, 64 // bytes of a statement, and of a resource
	statements, resources := 1, max(1, len(x.resources))
	for _, layer := range append([][]policy.Attached{x.set.Identity, x.set.Boundary, x.set.Resource}, x.set.Service...) {
		for _, a := range layer {
			statements += 1 + len(a.Text())/shortest
		}
	}
	for _, resource := range x.resources {
		resources += len(resource) / step
	}
	return statements * resources
}

// place is where a statement is.
type place struct {
	document *policy.Document
	start    int
}

// statement is statementOf, once for each: a place is found by counting lines.
func (x *simulation) statement(m policy.Match) api.Statement {
	at := place{m.Policy.Document, m.Start}
	s, ok := x.places[at]
	if !ok {
		if x.places == nil {
			x.places = map[place]api.Statement{}
		}
		s = statementOf(m)
		x.places[at] = s
	}
	return s
}
