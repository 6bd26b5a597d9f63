// Package pdf reads PDF files, page by page.
//
// PDFium does the work, in the sandbox of package pdfium; here are its life and
// the way from lines on a page to paragraphs. Without PDFium's module, a pack,
// no PDF file is read. A reader in pure Go was tried in its place
// (github.com/ledongthuc/pdf) and left out: one wrong byte in a file is enough
// to keep it in a loop that nothing can end.
package pdf

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/pdf/pdfium"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "application/pdf"

// Params are what a Reader is made of.
type Params struct {
	PDFium    func() (wasmPath string, err error) // where the module is; nil: nowhere
	CacheDir  string                              // see pdfium.Params
	Instances int                                 // of PDFium, at most; 0 or more than 2: 2
	Logger    *slog.Logger
}

// Reader reads PDF files. It is safe for concurrent use.
type Reader struct {
	p Params

	mu     sync.Mutex
	engine *pdfium.Reader
	broken error // the module is there and does not run: it is tried once
	closed bool
}

// New returns a Reader. It opens nothing until the first file.
func New(p Params) *Reader {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Instances <= 0 || p.Instances > 2 {
		p.Instances = 2
	}
	return &Reader{p: p}
}

// Parse reads a file. Faults: Invalid (encrypted, damaged, expands without
// bound, or PDFium is not there). The context's own error when it ends.
func (r *Reader) Parse(ctx context.Context, content []byte) (*document.Text, error) {
	engine, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	t := &document.Text{MIME: MIME}
	budget := &bound.Budget{}
	blank := true
	unreadable, err := engine.Read(ctx, content, func(number int, lines []pdfium.Line) error {
		page := layout(lines)
		if page != "" {
			blank = false
		}
		t.Pages = append(t.Pages, document.Page{Number: number, Text: page})
		return budget.Take(len(page) + pageCost)
	})
	if err != nil {
		return nil, err
	}
	switch {
	case unreadable > 0 && unreadable == len(t.Pages):
		return nil, fault.New(fault.Invalid, "The file is damaged: none of its %d pages can be read.", unreadable)
	case unreadable > 0:
		t.Notes = append(t.Notes, fmt.Sprintf("%d of %d pages are damaged and were left out.", unreadable, len(t.Pages)))
	case blank && len(t.Pages) > 0:
		t.Notes = append(t.Notes, "No page has text; a scanned document needs text recognition first.")
	}
	if blank {
		t.Pages = nil
	}
	return t, nil
}

// pageCost is what an empty page takes from the budget: a file can claim a
// great many of them.
const pageCost = 64

// open returns PDFium, which it starts at the first file. Where it could not,
// because the module is still on its way, it tries again at the next.
func (r *Reader) open(ctx context.Context) (*pdfium.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, fault.New(fault.Unavailable, "the reader of documents is closed")
	case r.engine != nil:
		return r.engine, nil
	case r.broken != nil:
		return nil, r.broken
	case r.p.PDFium == nil:
		return nil, missing(nil)
	}
	path, err := r.p.PDFium()
	if err != nil {
		return nil, missing(err)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, missing(err)
	}
	// Compiling serves every file to come, so it does not end with this one.
	engine, err := pdfium.Open(context.WithoutCancel(ctx), wasm, pdfium.Params{CacheDir: r.p.CacheDir, Instances: r.p.Instances})
	if err != nil {
		r.p.Logger.ErrorContext(ctx, "PDFium does not run on this machine", slog.Any("cause", err))
		r.broken = fault.Wrap(fault.Invalid, err, "PDF files cannot be read: PDFium does not run on this machine.")
		return nil, r.broken
	}
	r.engine = engine
	return engine, nil
}

func missing(cause error) error {
	return fault.Wrap(fault.Invalid, cause, "PDF files cannot be read: PDFium is not on this machine yet. Run: outcrop setup")
}

// Close ends PDFium. Files that are being read fail.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.engine == nil {
		return nil
	}
	engine := r.engine
	r.engine = nil
	return engine.Close()
}
