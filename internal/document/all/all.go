// Package all reads files of every format that there is a reader for. It
// decides what a file is, hands it to that format's package, and sees to it that
// no file takes more than its share of time and memory.
//
// It is the one place that names the formats, as their package all is the one
// for backends. It cuts nothing into chunks and keeps nothing.
package all

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/pdf"
	"github.com/outcrop/outcrop/internal/document/text"
	"github.com/outcrop/outcrop/internal/fault"
)

// Params are what a Parser is made of.
type Params struct {
	// PDFium returns the path of PDFium's WebAssembly module. It is asked when
	// the first PDF file comes, and again while it fails; until then, and when
	// it is nil, PDF files are Invalid with the reason.
	PDFium func() (wasmPath string, err error)
	// CacheDir keeps what was compiled of it between runs, see pdfium.Params;
	// empty: compiled at each start.
	CacheDir string
	Logger   *slog.Logger  // nil: nothing is logged
	Timeout  time.Duration // for one file; 0: three minutes
	Files    int           // read at once, others wait; 0: one for each processor, at least two
}

// defaultTimeout is far above what the largest file of any format takes.
const defaultTimeout = 3 * time.Minute

// New returns a Parser for all formats. It opens nothing yet.
func New(p Params) document.Parser {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Timeout <= 0 {
		p.Timeout = defaultTimeout
	}
	if p.Files <= 0 {
		p.Files = max(2, runtime.GOMAXPROCS(0))
	}
	a := &parser{
		log: p.Logger, timeout: p.Timeout, slots: make(chan struct{}, p.Files),
		pdf: pdf.New(pdf.Params{PDFium: p.PDFium, CacheDir: p.CacheDir, Logger: p.Logger, Instances: p.Files}),
	}
	a.formats = a.table()
	return a
}

type parser struct {
	log     *slog.Logger
	timeout time.Duration
	slots   chan struct{}
	pdf     *pdf.Reader
	formats map[kind]format
}

// format reads files of one kind.
type format func(ctx context.Context, in document.Input) (*document.Text, error)

// Parse implements document.Parser.
func (p *parser) Parse(ctx context.Context, in document.Input) (*document.Text, error) {
	if len(in.Content) > document.MaxSize {
		return nil, fault.New(fault.Invalid, "The file is larger than %d MB.", document.MaxSize>>20)
	}
	if len(in.Content) == 0 {
		return &document.Text{MIME: text.MIME}, nil
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, fault.New(fault.Invalid, "The file took longer than %v to read.", p.timeout))
	defer cancel()
	type outcome struct {
		text *document.Text
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		// Most libraries cannot be interrupted. What is given up on below comes
		// to its end on its own, since its input is bounded, and keeps its slot
		// until then.
		defer func() { <-p.slots }()
		t, err := p.parse(ctx, in)
		done <- outcome{t, err}
	}()
	select {
	case out := <-done:
		if out.err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return out.text, out.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// parse reads a file in this goroutine. A panic of a reader is a fault.
func (p *parser) parse(ctx context.Context, in document.Input) (t *document.Text, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The value may quote the document, so only its type is logged.
			p.log.ErrorContext(ctx, "a reader of documents panicked", "size", len(in.Content), "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
			t, err = nil, fault.New(fault.Invalid, "The file is damaged: reading it failed.")
		}
	}()
	k, err := sniff(in)
	if err != nil {
		return nil, err
	}
	t, err = p.formats[k](ctx, in)
	if err != nil {
		return nil, err
	}
	if in.Records != nil && k != csvFile {
		t.Notes = append(t.Notes, "Columns were named for its records, but the file is not a CSV file; it was read as a whole.")
	}
	return t, nil
}

// Close implements document.Parser.
func (p *parser) Close() error { return p.pdf.Close() }

var _ document.Parser = (*parser)(nil)
