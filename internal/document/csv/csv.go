// Package csv reads tables of comma-separated values: as text, or as records of
// which each is a text of its own.
//
// As text it is lenient, as people are with the files that their programs write.
// For records it wants RFC 4180 with a header row, because a row that slipped by
// one column would put wrong metadata on a text.
package csv

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/table"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "text/csv"

// Parse reads a table; charset is the encoding that the caller declares, or "".
// With records each row is a document.Record. Fault: Invalid (no text, not
// the format, no such column).
func Parse(ctx context.Context, content []byte, charset string, records *document.RecordOptions) (*document.Text, error) {
	s, note, err := text.Decode(content, charset)
	if err != nil {
		return nil, err
	}
	t := &document.Text{MIME: MIME}
	if note != "" {
		t.Notes = append(t.Notes, note)
	}
	s = strings.TrimLeft(s, "\n")
	if strings.TrimSpace(s) == "" {
		return t, nil
	}
	s, comma := delimiter(s)
	if records != nil {
		return t, parseRecords(ctx, t, newReader(s, comma), records)
	}
	out, err := parseText(ctx, newReader(s, comma), table.NewWriter(&bound.Budget{}))
	if fault.Is(err, fault.Invalid) {
		// Long names before short values: the table goes in without them.
		out, err = parseText(ctx, newReader(s, comma), table.NewPlainWriter(&bound.Budget{}))
	}
	if err != nil {
		return nil, err
	}
	if out != "" {
		t.Pages = []document.Page{{Number: -1, Text: out}}
	}
	return t, nil
}

// checkEvery is after how many rows the context is looked at.
const checkEvery = 1024

func parseText(ctx context.Context, reader *csv.Reader, w *table.Writer) (string, error) {
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	for i := 0; ; i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return w.String(), nil
		}
		if err != nil {
			return "", syntaxFault(err)
		}
		if err := w.Row(row); err != nil {
			return "", err
		}
	}
}

func newReader(s string, comma rune) *csv.Reader {
	reader := csv.NewReader(strings.NewReader(s))
	reader.Comma = comma
	reader.ReuseRecord = true
	return reader
}

// delimiters are what separates fields, beside the comma: programs write
// semicolons where the comma is in numbers, or tabs.
var delimiters = []rune{';', '\t', '|'}

// delimiter returns the table and its separator: the one that a line of its own
// before it names, as Excel reads and writes it ("sep=;"), or else the one that
// is in the first line most often.
func delimiter(s string) (string, rune) {
	if line, rest, ok := strings.Cut(s, "\n"); ok && len(line) < 10 {
		if name, ok := strings.CutPrefix(strings.ToLower(strings.Trim(line, `" `)), "sep="); ok {
			named := []rune(name)
			if len(named) == 1 && (named[0] == ',' || slices.Contains(delimiters, named[0])) {
				return rest, named[0]
			}
		}
	}
	counts := map[rune]int{}
	quoted := false
	for _, r := range s {
		if r == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if r == '\n' {
			break
		}
		counts[r]++
	}
	best := ','
	for _, r := range delimiters {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return s, best
}

// syntaxFault tells the place of an error and nothing of the text.
func syntaxFault(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fault.Wrap(fault.Invalid, err, "The file is not a CSV file that can be read.")
	}
	reason := "it cannot be read"
	switch {
	case errors.Is(parse.Err, csv.ErrFieldCount):
		reason = "the row has not as many fields as the header"
	case errors.Is(parse.Err, csv.ErrQuote), errors.Is(parse.Err, csv.ErrBareQuote):
		reason = "a quotation mark is out of place"
	}
	return fault.Wrap(fault.Invalid, err, "The CSV file is not well formed at line %d: %s.", parse.Line, reason)
}

// columns says what becomes of each column of the file.
type columns struct {
	content  int
	metadata []int
	names    []string
}

func parseRecords(ctx context.Context, t *document.Text, reader *csv.Reader, o *document.RecordOptions) error {
	header, err := reader.Read()
	if err != nil {
		return syntaxFault(err)
	}
	c, err := choose(header, o)
	if err != nil {
		return err
	}
	budget := &bound.Budget{}
	empty := 0
	for i := 0; ; i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return syntaxFault(err)
		}
		record := document.Record{Text: strings.TrimSpace(row[c.content]), Metadata: make(map[string]string, len(c.metadata))}
		if record.Text == "" {
			empty++
			continue
		}
		size := len(record.Text)
		for _, i := range c.metadata {
			if value := strings.TrimSpace(row[i]); value != "" {
				record.Metadata[c.names[i]] = value
				size += len(value)
			}
		}
		if err := budget.Take(size); err != nil {
			return err
		}
		t.Records = append(t.Records, record)
	}
	if empty > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d rows have no text and were left out.", empty))
	}
	return nil
}

// choose finds the columns that the options name. Fault: Invalid naming those
// that are not there.
func choose(header []string, o *document.RecordOptions) (columns, error) {
	c := columns{content: -1, names: make([]string, len(header))}
	index := make(map[string]int, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		c.names[i] = name
		if _, twice := index[name]; !twice {
			index[name] = i
		}
	}
	var unknown []string
	for _, name := range slices.Concat([]string{o.Content}, o.Include, o.Exclude) {
		if _, ok := index[strings.TrimSpace(name)]; !ok && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return c, fault.New(fault.Invalid, "The CSV file has no column %s. Its first row must name the columns.", quoted(unknown))
	}
	c.content = index[strings.TrimSpace(o.Content)]
	is := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.TrimSpace(s) == name })
	}
	for i, name := range c.names {
		switch {
		case name == "", index[name] != i, is(o.Exclude, name):
		case i == c.content && !is(o.Include, name):
		case len(o.Include) == 0 || is(o.Include, name):
			c.metadata = append(c.metadata, i)
		}
	}
	return c, nil
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = `"` + name + `"`
	}
	return strings.Join(out, ", ")
}
