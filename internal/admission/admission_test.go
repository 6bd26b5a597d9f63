package admission_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
)

// check writes down what is asked of it and of its ticket.
type check struct {
	name    string
	refuse  error // at Admit
	reserve error // at Reserve
	silent  bool  // has no ticket
	log     *[]string
}

func (c *check) Admit(context.Context, *admission.Use) (admission.Ticket, error) {
	*c.log = append(*c.log, c.name+" admit")
	if c.refuse != nil || c.silent {
		return nil, c.refuse
	}
	return c, nil
}

func (c *check) Reserve(int, int) error {
	*c.log = append(*c.log, c.name+" reserve")
	return c.reserve
}

func (c *check) Settle(u call.Usage) {
	what := " settle"
	if u == (call.Usage{}) {
		what = " settle nothing"
	}
	*c.log = append(*c.log, c.name+what)
}

func TestGate(t *testing.T) {
	t.Parallel()
	no := fault.New(fault.Throttled, "no")
	for name, tt := range map[string]struct {
		change func(checks []*check)
		want   []string
		err    error
	}{
		"all admit": {func([]*check) {}, []string{
			"a admit", "b admit", "c admit", "a reserve", "b reserve", "c reserve", "a settle", "b settle", "c settle",
		}, nil},
		"one has no ticket": {func(checks []*check) { checks[1].silent = true }, []string{
			"a admit", "b admit", "c admit", "a reserve", "c reserve", "a settle", "c settle",
		}, nil},
		"the first refusal is the answer": {func(checks []*check) { checks[1].refuse, checks[2].refuse = no, errors.New("other") }, []string{
			"a admit", "b admit", "a settle nothing",
		}, no},
		"a reservation is refused": {func(checks []*check) { checks[1].reserve = no }, []string{
			"a admit", "b admit", "c admit", "a reserve", "b reserve", "c reserve", "a settle", "b settle", "c settle",
		}, no},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log []string
			checks := []*check{{name: "a", log: &log}, {name: "b", log: &log}, {name: "c", log: &log}}
			tt.change(checks)
			ticket, err := admission.Gate{checks[0], checks[1], checks[2]}.Admit(t.Context(), &admission.Use{})
			if err == nil {
				err = ticket.Reserve(1, 2)
				ticket.Settle(call.Usage{InputTokens: 1})
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if d := cmp.Diff(tt.want, log); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
