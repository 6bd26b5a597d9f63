// Package xlsx reads Excel workbooks: each sheet that is shown, under its name,
// with the values as the cells show them.
package xlsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/bound"
	"github.com/outcrop/outcrop/internal/document/table"
	"github.com/outcrop/outcrop/internal/fault"
)

// MIME of what this package reads.
const MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// checkEvery is after how many rows the context is looked at.
const checkEvery = 256

// mostCells of a sheet are looked at, empty ones too: a cell in the last column
// of a row is a few bytes of the file and makes thousands of empty ones. Those
// that are really there are fewer in any part that is not too large.
const mostCells = 32 << 20

// Parse reads a workbook. Faults: Invalid (damaged, encrypted, expands without
// bound). The context's own error when it ends.
func Parse(ctx context.Context, content []byte) (_ *document.Text, err error) {
	if err := whole(content); err != nil {
		return nil, err
	}
	// The limits are checked above for what is not media; excelize counts those
	// too. Nothing is spilled to temporary files.
	limit := int64(bound.MaxExpanded + 2*document.MaxSize)
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: limit, UnzipXMLSizeLimit: limit})
	if err != nil {
		return nil, damaged(err)
	}
	defer func() {
		if closeErr := book.Close(); err == nil && closeErr != nil {
			err = damaged(closeErr)
		}
	}()
	var b strings.Builder
	budget := &bound.Budget{}
	hidden := 0
	for _, sheet := range book.GetSheetList() {
		visible, err := book.GetSheetVisible(sheet)
		if err != nil {
			return nil, damaged(err)
		}
		if !visible {
			hidden++
			continue
		}
		text, err := rows(ctx, book, sheet, budget)
		if err != nil {
			return nil, err
		}
		if text != "" {
			b.WriteString("## " + strings.TrimSpace(sheet) + "\n\n" + text + "\n\n")
		}
	}
	t := &document.Text{MIME: MIME}
	if s := strings.TrimSpace(b.String()); s != "" {
		t.Pages = []document.Page{{Number: -1, Text: s}}
	}
	if hidden > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d hidden sheets were left out.", hidden))
	}
	return t, nil
}

// whole refuses a workbook with a sheet that is cut off, of which excelize would
// return what there is without a word.
func whole(content []byte) error {
	archive, err := bound.Open(content)
	if err != nil {
		return err
	}
	for _, name := range archive.Names("xl/worksheets") {
		part, err := archive.Part(name)
		if err != nil {
			return err
		}
		end := &tail{}
		if _, err := io.Copy(end, part); err != nil {
			return damaged(err)
		}
		if last := bytes.TrimSpace(end.kept); !bytes.HasSuffix(last, []byte("</worksheet>")) && !bytes.HasSuffix(last, []byte(":worksheet>")) {
			return fault.New(fault.Invalid, "The file is damaged: a sheet is cut off.")
		}
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	const size = 64
	t.kept = append(t.kept, p[max(0, len(p)-size):]...)
	t.kept = t.kept[max(0, len(t.kept)-size):]
	return len(p), nil
}

func rows(ctx context.Context, book *excelize.File, sheet string, budget *bound.Budget) (string, error) {
	it, err := book.Rows(sheet)
	if err != nil {
		if _, ok := errors.AsType[excelize.ErrSheetNotExist](err); ok {
			return "", nil // a sheet of charts has no rows
		}
		return "", damaged(err)
	}
	defer func() {
		// There is no file of its own to close: nothing is spilled.
		_ = it.Close()
	}()
	w := table.NewWriter(budget)
	seen := 0
	for i := 0; it.Next(); i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		cells, err := it.Columns()
		if err != nil {
			return "", damaged(err)
		}
		if seen += len(cells); seen > mostCells {
			return "", fault.New(fault.Invalid, "A sheet of the file has too many empty cells to be read.")
		}
		if err := w.Row(cells); err != nil {
			return "", err
		}
	}
	if err := it.Error(); err != nil {
		return "", damaged(err)
	}
	return w.String(), nil
}

// damaged keeps faults as they are and makes one of all else.
func damaged(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, excelize.ErrWorkbookPassword) {
		return fault.Wrap(fault.Invalid, err, "The file is encrypted with a password.")
	}
	return fault.Wrap(fault.Invalid, err, "The file is damaged: the workbook cannot be read.")
}
