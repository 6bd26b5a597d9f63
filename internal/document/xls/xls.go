// Package xls reads workbooks of Excel 97 to 2003: each sheet that is shown,
// under its name, with numbers, dates and percentages nearly as the cells show
// them and the values that formulas had when the file was saved.
package xls

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/compound"
	"github.com/outcrop/outcrop/internal/document/table"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "application/vnd.ms-excel"

// Records of a workbook.
const (
	recFormula  = 0x0006
	recEOF      = 0x000a
	recDateMode = 0x0022
	recPassword = 0x002f
	recContinue = 0x003c
	recSheet    = 0x0085
	recMulRK    = 0x00bd
	recXF       = 0x00e0
	recStrings  = 0x00fc
	recLabelSST = 0x00fd
	recNumber   = 0x0203
	recLabel    = 0x0204
	recBool     = 0x0205
	recString   = 0x0207
	recRK       = 0x027e
	recFormat   = 0x041e
	recBOF      = 0x0809

	version8 = 0x0600
)

// Parse reads a workbook. Faults: Invalid (damaged, encrypted, older than Excel
// 97, expands without bound). The context's own error when it ends.
func Parse(ctx context.Context, content []byte) (*document.Text, error) {
	file, err := compound.Open(content)
	if err != nil {
		return nil, err
	}
	stream, err := file.Stream("Workbook")
	if err != nil {
		return nil, err
	}
	b := &book{stream: stream, budget: &bound.Budget{}, formats: map[uint16]string{}}
	if err := b.globals(); err != nil {
		return nil, err
	}
	var out strings.Builder
	hidden := 0
	for _, s := range b.sheets {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if s.hidden {
			hidden++
			continue
		}
		text, err := b.sheet(s)
		if err != nil {
			return nil, err
		}
		if text != "" {
			out.WriteString("## " + strings.TrimSpace(s.name) + "\n\n" + text + "\n\n")
		}
	}
	t := &document.Text{MIME: MIME}
	if s := strings.TrimSpace(out.String()); s != "" {
		t.Pages = []document.Page{{Number: -1, Text: s}}
	}
	if hidden > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d hidden sheets were left out.", hidden))
	}
	return t, nil
}

func damaged() error {
	return fault.New(fault.Invalid, "The file is damaged: the workbook cannot be read.")
}

// book is what the first part of a workbook says of all sheets.
type book struct {
	stream  []byte
	budget  *bound.Budget
	sheets  []sheet
	strings []string
	styles  []uint16          // the number format of each cell style
	formats map[uint16]string // the formats that the file brings
	from04  bool              // days count from 1904
}

type sheet struct {
	name   string
	at     int
	hidden bool
}

// record returns the record at a place, and the place of the next; ok is false
// at the end of the stream.
func (b *book) record(at int) (kind uint16, data []byte, next int, ok bool) {
	if at < 0 || at+4 > len(b.stream) {
		return 0, nil, at, false
	}
	kind = binary.LittleEndian.Uint16(b.stream[at:])
	next = at + 4 + int(binary.LittleEndian.Uint16(b.stream[at+2:]))
	if next > len(b.stream) {
		return 0, nil, at, false
	}
	return kind, b.stream[at+4 : next], next, true
}

func (b *book) globals() error {
	kind, data, at, ok := b.record(0)
	if !ok || kind != recBOF || len(data) < 4 || binary.LittleEndian.Uint16(data) != version8 {
		return fault.New(fault.Invalid, "The file is damaged, or was written by an Excel before 1997.")
	}
	for {
		kind, data, next, ok := b.record(at)
		if !ok {
			return damaged()
		}
		switch kind {
		case recEOF:
			return nil
		case recPassword:
			return fault.New(fault.Invalid, "The file is encrypted with a password.")
		case recDateMode:
			b.from04 = len(data) > 0 && data[0] == 1
		case recXF:
			if len(data) >= 4 {
				b.styles = append(b.styles, binary.LittleEndian.Uint16(data[2:]))
			}
		case recFormat:
			if len(data) > 5 {
				r := &reader{parts: [][]byte{data[2:]}}
				b.formats[binary.LittleEndian.Uint16(data)] = r.long()
			}
		case recSheet:
			if len(data) > 8 && data[5] == 0 { // of cells, not of charts or macros
				r := &reader{parts: [][]byte{data[6:]}}
				b.sheets = append(b.sheets, sheet{name: r.short(), at: int(binary.LittleEndian.Uint32(data)), hidden: data[4]&3 != 0})
			}
		case recStrings:
			var err error
			if next, err = b.shared(data, next); err != nil {
				return err
			}
		}
		at = next
	}
}

// shared reads the strings that cells refer to, which go on in further records.
func (b *book) shared(data []byte, next int) (int, error) {
	if len(data) < 8 {
		return 0, damaged()
	}
	parts := [][]byte{data[8:]}
	for {
		kind, more, after, ok := b.record(next)
		if !ok || kind != recContinue {
			break
		}
		parts, next = append(parts, more), after
	}
	r := &reader{parts: parts}
	for range binary.LittleEndian.Uint32(data[4:]) {
		s := r.long()
		if r.failed {
			return 0, damaged()
		}
		if err := b.budget.Take(len(s)); err != nil {
			return 0, err
		}
		b.strings = append(b.strings, s)
	}
	return next, nil
}

// cell is one with a value.
type cell struct {
	row, column uint16
	text        string
}

// sheet returns the text of a sheet.
func (b *book) sheet(s sheet) (string, error) {
	kind, _, at, ok := b.record(s.at)
	if !ok || kind != recBOF {
		return "", damaged()
	}
	var cells []cell
	depth := 1 // charts inside of a sheet have records of their own
	for depth > 0 {
		kind, data, next, ok := b.record(at)
		if !ok {
			return "", damaged()
		}
		at = next
		switch kind {
		case recBOF:
			depth++
		case recEOF:
			depth--
		}
		if depth != 1 || len(data) < 6 && kind != recString {
			continue
		}
		if kind == recString {
			// The value of the formula before it.
			if n := len(cells); n > 0 {
				r := &reader{parts: [][]byte{data}}
				cells[n-1].text = r.long()
			}
			continue
		}
		found, err := b.values(kind, data)
		if err != nil {
			return "", err
		}
		cells = append(cells, found...)
	}
	return b.rows(cells)
}

// values returns the cells of a record.
func (b *book) values(kind uint16, data []byte) ([]cell, error) {
	c := cell{row: binary.LittleEndian.Uint16(data), column: binary.LittleEndian.Uint16(data[2:])}
	style, value := binary.LittleEndian.Uint16(data[4:]), data[6:]
	switch kind {
	case recLabelSST:
		if len(value) < 4 {
			return nil, damaged()
		}
		i := binary.LittleEndian.Uint32(value)
		if uint64(i) >= uint64(len(b.strings)) {
			return nil, damaged()
		}
		c.text = b.strings[i]
	case recLabel:
		r := &reader{parts: [][]byte{value}}
		c.text = r.long()
	case recNumber:
		if len(value) < 8 {
			return nil, damaged()
		}
		c.text = b.number(math.Float64frombits(binary.LittleEndian.Uint64(value)), style)
	case recRK:
		if len(value) < 4 {
			return nil, damaged()
		}
		c.text = b.number(compact(binary.LittleEndian.Uint32(value)), style)
	case recMulRK:
		var cells []cell
		for data = data[4:]; len(data) >= 8; data = data[6:] {
			c.text = b.number(compact(binary.LittleEndian.Uint32(data[2:])), binary.LittleEndian.Uint16(data))
			cells = append(cells, c)
			c.column++
		}
		return cells, nil
	case recBool:
		if len(value) < 2 {
			return nil, damaged()
		}
		c.text = boolean(value[0], value[1] != 0)
	case recFormula:
		if len(value) < 8 {
			return nil, damaged()
		}
		c.text = b.formula(value[:8], style)
	default:
		return nil, nil
	}
	return []cell{c}, nil
}

// formula reads the value that a formula had. A text comes in the next record.
func (b *book) formula(value []byte, style uint16) string {
	if binary.LittleEndian.Uint16(value[6:]) != 0xffff {
		return b.number(math.Float64frombits(binary.LittleEndian.Uint64(value)), style)
	}
	switch value[0] {
	case 1:
		return boolean(value[2], false)
	case 2:
		return boolean(value[2], true)
	}
	return ""
}

func boolean(v byte, isError bool) string {
	switch {
	case isError:
		return "" // an error is no value to find
	case v != 0:
		return "TRUE"
	}
	return "FALSE"
}

// compact reads a number in four bytes: the upper half of a float, or an
// integer, either of them perhaps in hundredths.
func compact(v uint32) float64 {
	var f float64
	if v&2 != 0 {
		f = float64(int32(v) >> 2)
	} else {
		f = math.Float64frombits(uint64(v&^3) << 32)
	}
	if v&1 != 0 {
		f /= 100
	}
	return f
}

// maxColumns is how many columns a sheet of this format has.
const maxColumns = 256

func (b *book) rows(cells []cell) (string, error) {
	slices.SortStableFunc(cells, func(x, y cell) int {
		if x.row != y.row {
			return int(x.row) - int(y.row)
		}
		return int(x.column) - int(y.column)
	})
	w := table.NewWriter(b.budget)
	for start := 0; start < len(cells); {
		var row []string
		end := start
		for ; end < len(cells) && cells[end].row == cells[start].row; end++ {
			c := int(cells[end].column)
			if c >= maxColumns {
				continue
			}
			for len(row) <= c {
				row = append(row, "")
			}
			row[c] = cells[end].text
		}
		if err := w.Row(row); err != nil {
			return "", err
		}
		start = end
	}
	return w.String(), nil
}
