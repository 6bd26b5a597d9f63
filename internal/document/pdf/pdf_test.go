package pdf_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/pdf"
	"github.com/outcrop/outcrop/internal/document/pdf/pdftest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

// open returns a Reader with the real PDFium, whose compiled form all tests share.
func open(t testing.TB) *pdf.Reader {
	t.Helper()
	store := packtest.Open(t, pack.PDFium)
	r := pdf.New(pdf.Params{PDFium: store.PDFium, CacheDir: filepath.Join(packtest.Models(t), "cache", "pdfium")})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

const prose = `Refunds

Customers may return goods within thirty days of their purchase, un-
less the goods were made to measure. The money is paid back within
a week of the return.

1. Goods that were used are not taken back.
2. Gift cards are paid back as gift cards, and never in money or in any-
thing else.`

var chinese = pdftest.Page{
	{X: 72, Y: 700, Size: 12, Wide: true, Text: "知识库是一种存储结构化信息的系统能够回答用户的问题并给出"},
	{X: 72, Y: 685, Size: 12, Wide: true, Text: "引用来源。"},
}

var headings = pdftest.Page{
	{X: 72, Y: 760, Size: 20, Text: "Annual report"},
	{X: 72, Y: 720, Size: 10, Text: "The company has grown in all of its markets, and has hired people in each."},
	{X: 72, Y: 708, Size: 10, Text: "It will go on to do so."},
	{X: 72, Y: 680, Size: 10, Text: "Caf\u00e9 (na\u00efve)"},
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, c := range []struct {
		name    string
		content []byte
		want    []string
	}{
		{"prose", pdftest.Write(pdftest.Prose(prose)), []string{`Refunds

Customers may return goods within thirty days of their purchase, unless the goods were made to measure. The money is paid back within a week of the return.

1. Goods that were used are not taken back.
2. Gift cards are paid back as gift cards, and never in money or in anything else.`}},
		{"several pages, one of them empty", pdftest.Write(pdftest.Prose("first"), nil, pdftest.Prose("third")), []string{"first", "", "third"}},
		{"no spaces between words", pdftest.Write(chinese), []string{"知识库是一种存储结构化信息的系统能够回答用户的问题并给出引用来源。"}},
		{"headings", pdftest.Write(headings), []string{"Annual report\n\nThe company has grown in all of its markets, and has hired people in each. It will go on to do so.\n\nCafé (naïve)"}},
		{"a form", file(t, "form.pdf"), []string{"Name:\nSigned in London\n\nAda Lovelace"}},
		{"no password to read", file(t, "owner-password.pdf"), []string{"The refund policy is secret.", "Second page."}},
	} {
		text, err := r.Parse(t.Context(), c.content)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := &document.Text{MIME: pdf.MIME}
		for i, s := range c.want {
			want.Pages = append(want.Pages, document.Page{Number: i, Text: s})
		}
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	whole := pdftest.Write(pdftest.Prose(prose), pdftest.Prose("second"))
	looping := strings.Replace(string(whole), "/Kids [8 0 R 10 0 R]", "/Kids [2 0 R 2 0 R]", 1)
	r := open(t)
	for _, c := range []struct {
		name    string
		content []byte
		want    string // the beginning of the reason
	}{
		{"password", file(t, "password.pdf"), "The file is encrypted with a password."},
		{"password, old", file(t, "password-rc4.pdf"), "The file is encrypted with a password."},
		{"cut off before its end", whole[:len(whole)-300], "The file is damaged"},
		{"cut off early", whole[:300], "The file is damaged"},
		{"nothing but the first line", []byte("%PDF-1.7\n"), "The file is damaged"},
		{"not a PDF at all", []byte("%PDF-" + strings.Repeat("x", 5000)), "The file is damaged"},
		{"a tree of pages that has itself in it", []byte(looping), ""},
		{"arrays in arrays", []byte("%PDF-1.7\n1 0 obj\n" + strings.Repeat("[", 1<<20) + "\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF"), "The file is damaged"},
	} {
		_, err := r.Parse(t.Context(), c.content)
		if c.want == "" && err == nil {
			continue // that it came to an end is enough
		}
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.As(err).Message, c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// A small file that makes PDFium grow to a great size leaves nothing of that
// behind on the heap, which the collector would keep for minutes.
//
//nolint:paralleltest // it counts what everybody allocates
func TestExpandingFileLeavesNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("memory is the heap's there")
	}
	const expanded = 48 << 20
	var stream bytes.Buffer
	z := zlib.NewWriter(&stream)
	if _, err := z.Write(bytes.Repeat([]byte(" "), expanded)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	content := fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>endobj "+
		"4 0 obj<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%%%EOF", stream.Len(), stream.Bytes())
	r := open(t)
	// The first file on a machine pays for compiling PDFium, which is kept in a
	// directory; that is not the file's.
	if _, err := r.Parse(t.Context(), pdftest.Write(pdftest.Prose("first"))); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := r.Parse(t.Context(), content); err != nil && !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > expanded {
		t.Errorf("a file that expands to %d MB took %d MB of the heap", expanded>>20, got>>20)
	}
}

// Without its last lines, a file has lost only where its table of objects is.
func TestTruncatedFile(t *testing.T) {
	t.Parallel()
	r := open(t)
	whole := pdftest.Write(pdftest.Prose("first"), pdftest.Prose("second"))
	cut, _, _ := bytes.Cut(whole, []byte("startxref"))
	text, err := r.Parse(t.Context(), cut)
	if err != nil {
		t.Fatal(err)
	}
	want := []document.Page{{Number: 0, Text: "first"}, {Number: 1, Text: "second"}}
	if diff := cmp.Diff(want, text.Pages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScanHasANote(t *testing.T) {
	t.Parallel()
	text, err := open(t).Parse(t.Context(), pdftest.Write(nil, nil))
	if err != nil || len(text.Pages) != 0 || len(text.Notes) != 1 {
		t.Errorf("got %+v, %v, want no pages and a note", text, err)
	}
}

// While the pack is on its way, a file says so, and the next one asks again.
func TestWithoutPDFium(t *testing.T) {
	t.Parallel()
	store := packtest.Open(t, pack.PDFium)
	asked := 0
	r := pdf.New(pdf.Params{CacheDir: filepath.Join(packtest.Models(t), "cache", "pdfium"), PDFium: func() (string, error) {
		if asked++; asked < 3 {
			return "", fault.New(fault.NotReady, "not there")
		}
		return store.PDFium()
	}})
	defer r.Close()
	content := pdftest.Write(pdftest.Prose("first"))
	for range 2 {
		if _, err := r.Parse(t.Context(), content); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, "outcrop setup") {
			t.Errorf("got %v, want how to get PDFium", err)
		}
	}
	if text, err := r.Parse(t.Context(), content); err != nil || len(text.Pages) != 1 {
		t.Errorf("got %+v, %v, want the page", text, err)
	}
	if _, err := pdf.New(pdf.Params{}).Parse(t.Context(), content); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a pack: got %v, want invalid", err)
	}
}

// A module that does not run is tried once.
func TestBrokenPDFium(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broken.wasm")
	if err := os.WriteFile(path, []byte("\x00asm\x01\x00\x00\x00broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	r := pdf.New(pdf.Params{PDFium: func() (string, error) { asked++; return path, nil }})
	defer r.Close()
	for range 2 {
		if _, err := r.Parse(t.Context(), pdftest.Write(pdftest.Prose("first"))); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want invalid", err)
		}
	}
	if asked != 1 {
		t.Errorf("the module was opened %d times, want once", asked)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := pdftest.Write(pdftest.Prose("first"))
	if _, err := r.Parse(ctx, content); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := r.Parse(t.Context(), content); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// More files at once than there are instances, damaged ones among them, and
// more of them than an instance reads.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	r := open(t)
	good, bad := pdftest.Write(pdftest.Prose("first")), []byte("%PDF-1.7\nnothing")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 150 {
				if text, err := r.Parse(t.Context(), good); err != nil || len(text.Pages) != 1 || text.Pages[0].Text != "first" {
					t.Errorf("got %+v, %v, want the page", text, err)
					return
				}
				if _, err := r.Parse(t.Context(), bad); !fault.Is(err, fault.Invalid) {
					t.Errorf("got %v, want invalid", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Closing while files are read neither crashes nor hangs.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	store := packtest.Open(t, pack.PDFium)
	r := pdf.New(pdf.Params{PDFium: store.PDFium, CacheDir: filepath.Join(packtest.Models(t), "cache", "pdfium")})
	pages := make([]pdftest.Page, 300)
	for i := range pages {
		pages[i] = pdftest.Prose(strings.Repeat(prose+"\n", 4))
	}
	content := pdftest.Write(pages...)
	if _, err := r.Parse(t.Context(), pdftest.Write(pdftest.Prose("first"))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := r.Parse(t.Context(), content); err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
		})
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := r.Parse(t.Context(), content); !fault.Is(err, fault.Unavailable) {
		t.Errorf("afterwards: got %v, want unavailable", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pdftest.Write(pdftest.Prose("first"), chinese))
	r := open(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := r.Parse(t.Context(), content); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want a text or invalid", err)
		}
	})
}
