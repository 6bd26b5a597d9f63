package table_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/table"
	"github.com/outcrop/outcrop/internal/fault"
)

func TestHeaderIsGuessed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		rows [][]string
		want string
	}{
		{"none", nil, ""},
		{"names", [][]string{{"Item", "Price"}, {"Wing", "12"}}, "Item: Wing\nPrice: 12"},
		{"a number is no name", [][]string{{"2023", "2024"}, {"1", "2"}}, "2023 | 2024\n1 | 2"},
		{"twice the same is no name", [][]string{{"x", "x"}, {"1", "2"}}, "x | x\n1 | 2"},
		{"a missing name", [][]string{{"Item", "", "Price"}, {"Wing", "", "1"}}, "Item | Price\nWing | 1"},
	} {
		w := table.NewWriter(&bound.Budget{})
		for _, row := range c.rows {
			if err := w.Row(row); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(c.want, w.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	budget := &bound.Budget{}
	if err := budget.Take(bound.MaxText); err != nil {
		t.Fatal(err)
	}
	w := table.NewWriter(budget)
	if err := w.Row([]string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Row([]string{"1", "2"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v, want invalid", err)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	got := table.Markdown([][]string{{"A", "B"}, {"one\n two", "x|y"}, {"", "z", "more"}})
	want := "| A | B | |\n| --- | --- | --- |\n| one two | x\\|y | |\n| | z | more |"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := table.Markdown(nil); got != "" {
		t.Errorf("no rows: got %q, want nothing", got)
	}
}
