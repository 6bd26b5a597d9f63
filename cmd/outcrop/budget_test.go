package main

import (
	"strings"
	"testing"
)

func TestBudgets(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, step := range []struct {
		args []string
		code int
		want string // in what is printed, or in the complaint
	}{
		{[]string{"set", "alice", "--for", "user/alice", "--limit", "12.5"}, 0, "alice: 12.50 USD a month for user/alice; beyond it calls are refused\n"},
		{[]string{"set", "all", "--limit", "0.000001", "--period", "day", "--warn-only"}, 0, "all: 0.000001 USD a day for all; beyond it answers carry a warning\n"},
		{[]string{"set", "alice", "--for", "user/alice", "--limit", "20"}, 0, "20.00 USD"},
		{[]string{"list"}, 0, "alice  user/alice  month   0.00       20.00"},
		{[]string{"set", "x"}, 2, "give it with --limit"},
		{[]string{"set", "x", "--limit", "abc"}, 2, `"abc" is not a number of dollars`},
		{[]string{"set", "x", "--limit", "NaN"}, 2, `"NaN" is not a number of dollars`},
		{[]string{"set", "x", "--limit", "0.0000001"}, 2, "less than can be counted"},
		{[]string{"rm", "all"}, 0, "removed all\n"},
		{[]string{"rm", "all"}, 1, "all"},
	} {
		code, stdout, stderr := c.run(append([]string{"budget"}, step.args...)...)
		got := stdout
		if step.code != 0 {
			got = stderr
		}
		if code != step.code || !strings.Contains(got, step.want) {
			t.Errorf("%v: got exit code %d and %q, want %d and %q", step.args, code, got, step.code, step.want)
		}
	}
}
