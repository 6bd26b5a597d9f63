package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// row is one figure. A row without a limit is for information.
type row struct {
	name    string
	figure  float64
	unit    string
	limit   float64
	compare comparison
}

// comparison says on which side of the limit a figure must be.
type comparison int

const (
	informs comparison = iota
	below
	atLeast
)

func (r row) met() bool {
	switch r.compare {
	case below:
		return r.figure < r.limit
	case atLeast:
		return r.figure >= r.limit
	}
	return true
}

// report collects the figures in the order in which they are measured.
type report struct {
	rows  []row
	notes []string
}

// note adds a sentence below the figures.
func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) inform(name string, figure float64, unit string) {
	r.rows = append(r.rows, row{name: name, figure: figure, unit: unit})
}

func (r *report) demand(name string, figure float64, unit string, c comparison, limit float64) {
	r.rows = append(r.rows, row{name, figure, unit, limit, c})
}

func (r *report) targets() int {
	return len(slices.DeleteFunc(slices.Clone(r.rows), func(r row) bool { return r.compare == informs }))
}

func (r *report) missed() int {
	return len(slices.DeleteFunc(slices.Clone(r.rows), row.met))
}

func (r *report) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\ttarget\t")
	for _, row := range r.rows {
		target, verdict := "", ""
		if row.compare != informs {
			target, verdict = "< ", "ok"
			if row.compare == atLeast {
				target = "≥ "
			}
			target += number(row.limit, row.unit)
			if !row.met() {
				verdict = "MISSED"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.name, number(row.figure, row.unit), target, verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, note := range r.notes {
		if _, err := fmt.Fprintln(out, note); err != nil {
			return err
		}
	}
	return nil
}

func number(v float64, unit string) string {
	digits := 0
	if a := math.Abs(v); a < 10 {
		digits = 2
	} else if a < 100 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}

// quantile is the smallest value that at least the fraction q of the values do
// not exceed.
func quantile[T cmp.Ordered](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[max(i, 0)]
}

func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }
