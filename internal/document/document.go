// Package document gets the text out of files: plain text, Markdown, HTML, CSV,
// DOC, DOCX, XLS, XLSX and PDF.
//
// It decides by content and name what a file is, keeps pages where the format
// has them, and bounds time and memory whatever the file claims. It does not cut
// text into chunks (package chunk does) and knows nothing of where files come
// from. Each format is a folder below.
package document

import "context"

// MaxSize is the size of a file above which it is refused, in bytes.
const MaxSize = 50 << 20

// Input is a file.
type Input struct {
	Name    string // "report.pdf"; its ending helps to tell what it is
	MIME    string // as the caller declares it; empty: found out
	Content []byte
	// Records, for CSV, makes each row a text of its own.
	Records *RecordOptions
}

// RecordOptions say which columns of a CSV file are text and which metadata.
type RecordOptions struct {
	Content string // the one column that is text
	// Include are the columns that are metadata; empty: every other column
	// that Exclude does not name.
	Include []string
	Exclude []string
}

// Text is what was found in a file.
type Text struct {
	MIME string // what the file really is
	// Pages in order. A format without pages has one, with Number -1.
	Pages []Page
	// Records, when Input.Records was given; Pages are empty then.
	Records []Record
	// Notes are what was left out and why, for people.
	Notes []string
}

// Page is the text of one page. Paragraphs are separated by empty lines; tables
// and headings are Markdown.
type Page struct {
	Number int // from 0; -1: the format has no pages
	Text   string
}

// Record is one row of a CSV file.
type Record struct {
	Text     string
	Metadata map[string]string
}

// Parser reads files. It is safe for concurrent use.
type Parser interface {
	// Parse returns the text of a file. Faults, each with a reason that can be
	// shown: Unsupported (a format that is not read; it is skipped), Invalid
	// (damaged, encrypted, not the encoding it claims, too large, expands
	// without bound). An empty file is a Text without pages.
	Parse(ctx context.Context, in Input) (*Text, error)
	Close() error
}
