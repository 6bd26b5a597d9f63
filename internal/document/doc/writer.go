package doc

import (
	"strings"
	"unicode/utf16"

	"github.com/outcrop/outcrop/internal/document/table"
)

// Characters with a meaning of their own.
const (
	cellMark   = 0x07
	lineBreak  = 0x0b
	pageBreak  = 0x0c
	paraMark   = 0x0d
	columnMark = 0x0e
	fieldBegin = 0x13
	fieldText  = 0x14
	fieldEnd   = 0x15
	hyphen     = 0x1e

	maxHeading = 6 // the deepest that Markdown has
)

// writer makes Markdown of stories.
type writer struct {
	spans []span
	out   strings.Builder

	para   []uint16 // the paragraph in progress
	cell   []string // its paragraphs, where it is in a cell
	row    []string
	rows   [][]string
	fields []bool // that the character is in; true: in the code, which is not text
	codes  int
}

// story writes one of the texts of a document.
func (w *writer) story(chars []char) {
	w.fields, w.codes = nil, 0
	wasMark := false // a mark of a cell came right before
	for _, c := range chars {
		if w.field(c.unit) {
			continue
		}
		mark := false
		switch c.unit {
		case cellMark:
			s := at(w.spans, c.offset)
			// Without settings, a mark right behind another ends the row.
			if s.rowEnd || wasMark && s.from == s.to {
				w.endRow()
			} else {
				w.endCell()
				mark = true
			}
		case paraMark, pageBreak, columnMark:
			w.endParagraph(at(w.spans, c.offset))
		case lineBreak:
			w.para = append(w.para, '\n')
		case hyphen:
			w.para = append(w.para, '-')
		default:
			// Others below the blank are places of pictures and notes, and
			// hyphens that are not seen.
			if c.unit >= ' ' || c.unit == '\t' {
				w.para = append(w.para, c.unit)
			}
		}
		wasMark = mark
	}
	w.endParagraph(span{})
	w.endTable()
}

// field reports whether a character is of a field and not shown.
func (w *writer) field(unit uint16) bool {
	n := len(w.fields)
	switch unit {
	case fieldBegin:
		w.fields = append(w.fields, true)
		w.codes++
		return true
	case fieldText, fieldEnd:
		if n > 0 {
			if w.fields[n-1] {
				w.codes--
			}
			w.fields[n-1] = false
			if unit == fieldEnd {
				w.fields = w.fields[:n-1]
			}
		}
		return true
	}
	return w.codes > 0
}

func (w *writer) take() string {
	s := strings.TrimSpace(string(utf16.Decode(w.para)))
	w.para = w.para[:0]
	return s
}

func (w *writer) endParagraph(s span) {
	text := w.take()
	if s.inTable {
		w.cell = append(w.cell, text)
		return
	}
	w.endTable()
	if text == "" {
		return
	}
	if s.heading > 0 {
		text = strings.Repeat("#", min(s.heading, maxHeading)) + " " + strings.Join(strings.Fields(text), " ")
	}
	w.block(text)
}

func (w *writer) endCell() {
	w.row = append(w.row, strings.TrimSpace(strings.Join(append(w.cell, w.take()), "\n")))
	w.cell = nil
}

func (w *writer) endRow() {
	if rest := w.take(); rest != "" {
		w.row = append(w.row, rest)
	}
	w.rows = append(w.rows, w.row)
	w.row = nil
}

// endTable writes the rows that came before. One column is no table but a frame.
func (w *writer) endTable() {
	if len(w.row) > 0 || len(w.cell) > 0 {
		w.row = append(w.row, w.cell...)
		w.cell = nil
		w.endRow()
	}
	columns := 0
	var rows [][]string
	for _, row := range w.rows {
		if strings.TrimSpace(strings.Join(row, "")) != "" {
			rows = append(rows, row)
			columns = max(columns, len(row))
		}
	}
	w.rows = nil
	switch {
	case columns == 1:
		for _, row := range rows {
			w.block(row[0])
		}
	case columns > 1:
		w.block(table.Markdown(rows))
	}
}

func (w *writer) block(s string) {
	if w.out.Len() > 0 {
		w.out.WriteString("\n\n")
	}
	w.out.WriteString(s)
}
