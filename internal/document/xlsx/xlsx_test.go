package xlsx_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/xlsx"
	"github.com/outcrop/outcrop/internal/fault"
)

// book makes a workbook of sheets of rows. Names that begin with "-" are hidden.
func book(t testing.TB, fill func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	content := book(t, func(f *excelize.File) {
		date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		must(t, err)
		percent, err := f.NewStyle(&excelize.Style{NumFmt: 9})
		must(t, err)
		must(t,
			f.SetSheetName("Sheet1", "Prices"),
			f.SetSheetRow("Prices", "A1", &[]any{"Item", "Price", "Since", "Share"}),
			f.SetSheetRow("Prices", "A2", &[]any{"Wing", 12.5, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), 0.25}),
			f.SetSheetRow("Prices", "A4", &[]any{"Tail", true}),
			f.SetCellStyle("Prices", "C2", "C2", date),
			f.SetCellStyle("Prices", "D2", "D2", percent),
		)
		_, err = f.NewSheet("Empty")
		must(t, err)
		_, err = f.NewSheet("Secret")
		must(t, err, f.SetCellValue("Secret", "A1", "hidden"), f.SetSheetVisible("Secret", false))
		_, err = f.NewSheet("Notes")
		must(t, err, f.SetCellValue("Notes", "B3", "Just a\nnote"))
	})
	got, err := xlsx.Parse(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	want := &document.Text{
		MIME:  xlsx.MIME,
		Pages: []document.Page{{Number: -1, Text: "## Prices\n\nItem: Wing\nPrice: 12.5\nSince: 03-01-24\nShare: 25%\n\nItem: Tail\nPrice: TRUE\n\n## Notes\n\nJust a\nnote"}},
		Notes: []string{"1 hidden sheets were left out."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// rewrite changes one part of a workbook.
func rewrite(t *testing.T, content []byte, name string, change func(string) string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	must(t, err)
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, file := range in.File {
		r, err := file.Open()
		must(t, err)
		raw, err := io.ReadAll(r)
		must(t, err)
		if file.Name == name {
			raw = []byte(change(string(raw)))
		}
		w, err := out.Create(file.Name)
		must(t, err)
		_, err = w.Write(raw)
		must(t, err)
	}
	must(t, out.Close())
	return b.Bytes()
}

// The value of a formula is the one that was saved with it.
func TestFormulas(t *testing.T) {
	t.Parallel()
	content := book(t, func(f *excelize.File) {
		must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"a", "b"}), f.SetSheetRow("Sheet1", "A2", &[]any{1, 99}))
	})
	content = rewrite(t, content, "xl/worksheets/sheet1.xml", func(s string) string {
		return strings.Replace(s, "<v>99</v>", "<f>A2*2</f><v>2</v>", 1)
	})
	got, err := xlsx.Parse(t.Context(), content)
	if err != nil || len(got.Pages) != 1 || got.Pages[0].Text != "## Sheet1\n\na: 1\nb: 2" {
		t.Errorf("got %+v, %v, want the saved value", got, err)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := book(t, func(f *excelize.File) { must(t, f.SetCellValue("Sheet1", "A1", strings.Repeat("x", 2000))) })
	for name, content := range map[string][]byte{
		"nothing":            nil,
		"truncated":          good[:len(good)/2],
		"no workbook in it":  rewrite(t, good, "xl/workbook.xml", func(string) string { return "" }),
		"sheet cut off":      rewrite(t, good, "xl/worksheets/sheet1.xml", func(s string) string { return s[:len(s)/2] }),
		"an enormous row":    rewrite(t, good, "xl/worksheets/sheet1.xml", func(s string) string { return strings.Replace(s, `r="1"`, `r="99999999"`, 1) }),
		"expands when read":  rewrite(t, good, "xl/worksheets/sheet1.xml", bomb),
		"expands by strings": rewrite(t, good, "xl/worksheets/sheet1.xml", func(string) string { return sheetOf(strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 100_000)) }),
	} {
		got, err := xlsx.Parse(t.Context(), content)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %+v, %v, want invalid", name, got, err)
		}
	}
}

func sheetOf(rows string) string {
	return `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`
}

func bomb(string) string {
	return sheetOf(strings.Repeat(`<row><c t="inlineStr"><is><t>`+strings.Repeat(" ", 1000)+`</t></is></c></row>`, 100_000))
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := book(t, func(f *excelize.File) { must(t, f.SetCellValue("Sheet1", "A1", "x")) })
	if _, err := xlsx.Parse(ctx, content); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// A file of a few kilobytes can say that each of its rows is as wide as a sheet
// can be; a table whose cells are far apart is read.
func TestWideRows(t *testing.T) {
	t.Parallel()
	wide := func(rows int) []byte {
		return book(t, func(f *excelize.File) {
			w, err := f.NewStreamWriter("Sheet1")
			must(t, err)
			for i := 1; i <= rows; i++ {
				cell, err := excelize.CoordinatesToCellName(excelize.MaxColumns, i)
				must(t, err, w.SetRow(cell, []any{i}))
			}
			must(t, w.Flush())
		})
	}
	text, err := xlsx.Parse(t.Context(), wide(10))
	if err != nil || len(text.Pages) != 1 || !strings.Contains(text.Pages[0].Text, "10") {
		t.Errorf("ten rows: got %v, %v", text, err)
	}
	if _, err := xlsx.Parse(t.Context(), wide(2100)); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, "empty cells") {
		t.Errorf("2100 rows: got %v, want a refusal", err)
	}
}
