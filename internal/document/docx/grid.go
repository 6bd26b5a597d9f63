package docx

import (
	"strings"

	"github.com/outcrop/outcrop/internal/document/table"
)

// maxSpan is how many columns Word lets a table have.
const maxSpan = 63

// grid is a table that has begun.
type grid struct {
	rows [][]string
	span int  // columns that the cell in progress takes
	goes bool // it goes on from the cell above
	cell *flow
}

func (w *walker) grid() *grid {
	if len(w.grids) == 0 {
		return nil
	}
	return w.grids[len(w.grids)-1]
}

func (w *walker) finishCell(g *grid) {
	text := g.cell.out.String()
	if g.goes {
		text = "" // the cell above goes on
	}
	g.cell = nil
	if len(g.rows) == 0 {
		g.rows = append(g.rows, nil)
	}
	row := &g.rows[len(g.rows)-1]
	*row = append(append(*row, text), make([]string, g.span-1)...)
}

// finishGrid adds a table. One column is no table but a frame around
// paragraphs; a table inside of a cell becomes lines.
func (w *walker) finishGrid(g *grid) error {
	columns := 0
	var rows [][]string
	for _, row := range g.rows {
		if strings.TrimSpace(strings.Join(row, "")) != "" {
			rows = append(rows, row)
			columns = max(columns, len(row))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	to := w.flows[len(w.flows)-1]
	var s string
	switch {
	case columns == 1:
		parts := make([]string, len(rows))
		for i, row := range rows {
			parts[i] = row[0]
		}
		s = strings.Join(parts, "\n\n")
	case len(w.grids) > 0:
		lines := make([]string, len(rows))
		for i, row := range rows {
			lines[i] = strings.Join(row, ", ")
		}
		s = strings.Join(lines, "; ")
	default:
		s = table.Markdown(rows)
	}
	to.add(s, paragraphBlock)
	return w.budget.Take(len(s))
}
