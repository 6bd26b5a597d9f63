// Package table writes rows of cells as text that can be found: one paragraph
// for each row, with the name of its column before each value, so that a passage
// cut out of a long table still says what its numbers are.
//
// CSV files and sheets of workbooks come through it. Tables inside of documents
// are Markdown instead (Markdown), because they are read with the text around them.
package table

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/document/bound"
)

// Writer collects a table, row after row. It is for one goroutine.
type Writer struct {
	out    strings.Builder
	budget *bound.Budget
	first  []string // until the second row shows whether it is a header
	header []string
	plain  bool
	rows   int
}

// NewWriter returns a Writer that takes what it writes from the budget.
func NewWriter(budget *bound.Budget) *Writer { return &Writer{budget: budget} }

// NewPlainWriter returns a Writer that repeats no names of columns: a row is a
// line, and the text is not much longer than the cells.
func NewPlainWriter(budget *bound.Budget) *Writer { return &Writer{budget: budget, plain: true} }

// Row adds a row. It keeps no reference to cells. Rows of nothing but blanks are
// left out. Fault: the budget's.
func (w *Writer) Row(cells []string) error {
	cells = trimmed(cells)
	if len(cells) == 0 {
		return nil
	}
	w.rows++
	switch {
	case w.rows == 1:
		w.first = cells
		return nil
	case w.rows == 2 && !w.plain && isHeader(w.first):
		w.header, w.first = w.first, nil
	case w.rows == 2:
		if err := w.write(w.first); err != nil {
			return err
		}
		w.first = nil
	}
	return w.write(cells)
}

// String returns the text.
func (w *Writer) String() string {
	if w.first != nil {
		_ = w.write(w.first) // one row more than the budget does no harm
		w.first = nil
	}
	return strings.TrimSpace(w.out.String())
}

func (w *Writer) write(cells []string) error {
	before := w.out.Len()
	if w.header == nil {
		for _, cell := range cells {
			if cell == "" {
				continue
			}
			if w.out.Len() > before {
				w.out.WriteString(" | ")
			}
			w.out.WriteString(cell)
		}
		w.out.WriteString("\n")
		return w.budget.Take(w.out.Len() - before)
	}
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		if i < len(w.header) && w.header[i] != "" {
			w.out.WriteString(w.header[i])
			w.out.WriteString(": ")
		}
		w.out.WriteString(cell)
		w.out.WriteString("\n")
	}
	w.out.WriteString("\n")
	return w.budget.Take(w.out.Len() - before)
}

// trimmed copies cells without the blanks around them and the empty ones at the end.
func trimmed(cells []string) []string {
	end := len(cells)
	for end > 0 && strings.TrimSpace(cells[end-1]) == "" {
		end--
	}
	if end == 0 {
		return nil
	}
	out := make([]string, end)
	for i, cell := range cells[:end] {
		out[i] = strings.TrimSpace(cell)
	}
	return out
}

// isHeader guesses whether a table's first row names its columns: at least two
// names, short, different, none of them a number or missing.
func isHeader(cells []string) bool {
	if len(cells) < 2 {
		return false
	}
	seen := make(map[string]bool, len(cells))
	for _, cell := range cells {
		if cell == "" || seen[cell] || utf8.RuneCountInString(cell) > 80 || isNumber(cell) {
			return false
		}
		seen[cell] = true
	}
	return true
}

func isNumber(s string) bool {
	s = strings.NewReplacer(",", "", " ", "", "%", "", "$", "", "€", "", "£", "").Replace(s)
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// Markdown writes a table as Markdown does, its first row as the header. Cells
// may hold several lines; they become one. Rows may differ in length.
func Markdown(rows [][]string) string {
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	if columns == 0 {
		return ""
	}
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("|")
		for c := range columns {
			cell := ""
			if c < len(row) {
				cell = oneLine(row[c])
			}
			b.WriteString(" ")
			b.WriteString(cell)
			if cell != "" {
				b.WriteString(" ")
			}
			b.WriteString("|")
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", columns) + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func oneLine(cell string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(cell), " "), "|", `\|`)
}
