// Package pdf reads PDF files, page by page.
//
// PDFium does the work, in the sandbox of package pdfium. Where its module is
// not there (it is a pack that may still be on its way), a simpler reader in
// pure Go serves, and the text says so in its notes.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
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
	PDFium    func() (wasmPath string, err error) // nil: the simpler reader only
	CacheDir  string                              // see pdfium.Params
	Instances int                                 // of PDFium, at most; 0 or more than 2: 2
	Logger    *slog.Logger
}

// Reader reads PDF files. It is safe for concurrent use.
type Reader struct {
	p Params

	mu     sync.Mutex
	engine *pdfium.Reader
	broken error // the module is there and does not run; asked once
	warned bool
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
// bound). The context's own error when it ends.
func (r *Reader) Parse(ctx context.Context, content []byte) (*document.Text, error) {
	engine, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	if engine == nil {
		t, err := fallback(ctx, content)
		if err == nil {
			t.Notes = append(t.Notes, "PDFium is not installed; a simpler reader was used, which may lose spaces and characters.")
		}
		return t, err
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

// open returns PDFium, or nil while it cannot be had.
func (r *Reader) open(ctx context.Context) (*pdfium.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, fault.New(fault.Unavailable, "the reader of documents is closed")
	case r.engine != nil:
		return r.engine, nil
	case r.broken != nil || r.p.PDFium == nil:
		return nil, nil //nolint:nilnil // no PDFium is not an error: there is the fallback
	}
	path, err := r.p.PDFium()
	var wasm []byte
	if err == nil {
		wasm, err = os.ReadFile(path)
	}
	if err != nil {
		if !r.warned {
			r.warned = true
			r.p.Logger.WarnContext(ctx, "PDF files are read without PDFium until it is there", slog.Any("cause", err))
		}
		return nil, nil //nolint:nilnil // the same
	}
	// Compiling serves every file to come, so it does not end with this one.
	engine, err := pdfium.Open(context.WithoutCancel(ctx), wasm, pdfium.Params{CacheDir: r.p.CacheDir, Instances: r.p.Instances})
	if err != nil {
		r.broken = err
		r.p.Logger.ErrorContext(ctx, "PDFium does not run; PDF files are read without it", slog.Any("cause", err))
		return nil, nil //nolint:nilnil // the same
	}
	r.engine = engine
	return engine, nil
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

// isPassword recognizes what the fallback's library says of encrypted files.
func isPassword(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), "encrypt"))
}

var errStopped = errors.New("stopped")
