package pdf

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ledongthuc/pdf"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/fault"
)

// maxPages bounds the loop over pages, whose number the file claims.
const maxPages = 100_000

// fallback reads a file with the reader in pure Go. That library panics on much
// of what is damaged, and may loop: it is stopped through what it reads from.
func fallback(ctx context.Context, content []byte) (t *document.Text, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fallbackFault(ctx, fmt.Errorf("panic: %v", r))
		}
	}()
	reader, err := pdf.NewReader(source{ctx, bytes.NewReader(content)}, int64(len(content)))
	if err != nil {
		return nil, fallbackFault(ctx, err)
	}
	t = &document.Text{MIME: MIME}
	budget := &bound.Budget{}
	blank, unreadable := true, 0
	count := min(reader.NumPage(), maxPages)
	for i := range count {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		text, err := reader.Page(i + 1).GetPlainText(nil)
		if err != nil {
			unreadable++
		}
		text = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD"))
		if text != "" {
			blank = false
		}
		if err := budget.Take(len(text) + pageCost); err != nil {
			return nil, err
		}
		t.Pages = append(t.Pages, document.Page{Number: i, Text: text})
	}
	switch {
	case count <= 0 || unreadable == count:
		return nil, fault.New(fault.Invalid, "The file is damaged: none of its pages can be read.")
	case unreadable > 0:
		t.Notes = append(t.Notes, fmt.Sprintf("%d of %d pages cannot be read and were left out.", unreadable, count))
	}
	if blank {
		t.Pages = nil
	}
	return t, nil
}

// source ends the library's reading when the context does.
type source struct {
	ctx  context.Context
	from io.ReaderAt
}

func (s source) ReadAt(p []byte, off int64) (int, error) {
	if s.ctx.Err() != nil {
		return 0, errStopped
	}
	return s.from.ReadAt(p, off)
}

// fallbackFault keeps the library's words out of the message: they quote the file.
func fallbackFault(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case isPassword(err):
		return fault.Wrap(fault.Invalid, err, "The file is encrypted with a password.")
	}
	return fault.Wrap(fault.Invalid, err, "The file is damaged, or uses a feature of PDF that the simpler reader does not know.")
}
