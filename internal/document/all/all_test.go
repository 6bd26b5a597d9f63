package all

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/pdf/pdftest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

// open returns a Parser with the real PDFium, whose compiled form all tests share.
func open(t testing.TB) document.Parser {
	t.Helper()
	store := packtest.Open(t, pack.PDFium)
	p := New(Params{PDFium: store.PDFium, CacheDir: filepath.Join(packtest.Models(t), "cache", "pdfium")})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Each file in testdata/golden has one beside it with what is found in it.
func TestGolden(t *testing.T) {
	t.Parallel()
	p := open(t)
	files, err := filepath.Glob("testdata/golden/*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		found++
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Parse(t.Context(), document.Input{Name: filepath.Base(name), Content: content})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := text.MIME + "\n"
		for _, note := range text.Notes {
			got += "note: " + note + "\n"
		}
		for _, page := range text.Pages {
			got += fmt.Sprintf("page %d\n%s\n", page.Number, page.Text)
		}
		goldentest.Check(t, name+".golden", got)
	}
	if found < 9 {
		t.Errorf("got %d files, want one for each format", found)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// patched is a golden file in which bytes are replaced: what says that a file is
// encrypted is itself not.
func patched(t testing.TB, name, from, to string) []byte {
	t.Helper()
	content := read(t, "testdata/golden/"+name)
	if bytes.Count(content, []byte(from)) != 1 {
		t.Fatalf("%s: got no place to change, want one", name)
	}
	return bytes.Replace(content, []byte(from), []byte(to), 1)
}

func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	page = "<!DOCTYPE html>\n<html><body><p>A page</p></body></html>"
)

// What a file is called does not matter where its content leaves no doubt.
func TestRenamedFiles(t *testing.T) {
	t.Parallel()
	p := open(t)
	docx, xlsx := read(t, "testdata/golden/policy.docx"), read(t, "testdata/golden/prices.xlsx")
	pdf := pdftest.Write(pdftest.Prose("A page"))
	for _, c := range []struct {
		name, mime string
		content    []byte
		want       string // MIME
	}{
		{"report.txt", "text/plain", pdf, "application/pdf"},
		{"report", "", pdf, "application/pdf"},
		{"report.pdf", "", append([]byte("junk before it\n"), pdf...), "application/pdf"},
		{"report.pdf", "", docx, docxType},
		{"report.zip", "application/octet-stream", docx, docxType},
		{"report.csv", "", xlsx, xlsxType},
		{"page.md", "", []byte(page), "text/html"},
		{"export.xls", "", []byte(page), "text/html"},
		{"letter.docx", "", read(t, "testdata/golden/letter.doc"), "application/msword"},
		{"numbers", "", read(t, "testdata/golden/small.xls"), "application/vnd.ms-excel"},
		{"page.txt", "text/plain", []byte("\ufeff<!-- saved -->\n" + page), "text/html"},
		{"page", "", []byte("<?xml version=\"1.0\"?>\n<html xmlns=\"x\"><body>A page</body></html>"), "text/html"},
		{"readme.md", "", []byte("<div align=center>\n\n# Title\n\n</div>"), "text/markdown"},
		{"readme.MD", "", []byte("# Title"), "text/markdown"},
		{"fragment.htm", "", []byte("A <b>fragment</b>"), "text/html"},
		{"table.csv", "text/plain", []byte("a,b\n1,2\n"), "text/csv"},
		{"report.pdf", "text/plain", []byte("The text of the report"), "text/plain"},
		{"report.docx", "text/html; charset=utf-8", []byte("<p>The text of the report"), "text/html"},
		{"report.pdf", "text/plain", pdf, "application/pdf"},
		{"", "text/csv; charset=utf-8", []byte("a,b\n1,2\n"), "text/csv"},
		{"my-document", "text/markdown", []byte("# Title"), "text/markdown"},
		{"my-document", "", []byte("Just text"), "text/plain"},
		{"notes.2024-01-01", "binary/octet-stream", []byte("Just text"), "text/plain"},
		{"bm.txt", "", []byte("BM is how this text begins, and how pictures do"), "text/plain"},
	} {
		text, err := p.Parse(t.Context(), document.Input{Name: c.name, MIME: c.mime, Content: c.content})
		if err != nil || text.MIME != c.want || len(text.Pages) == 0 {
			t.Errorf("%s (%s): got %+v, %v, want %s", c.name, c.mime, text, err, c.want)
		}
	}
}

// What cannot be read says why, and whether it was meant to be.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	p := open(t)
	docx, xlsx := read(t, "testdata/golden/policy.docx"), read(t, "testdata/golden/prices.xlsx")
	pdf := pdftest.Write(pdftest.Prose("A page"))
	junk := make([]byte, 4000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(junk)
	shiftJIS := []byte("\x95\xd4\x8b\xe0\x82\xcd\x8eO\x8f\x5c\x93\xfa\x88\xc8\x93\xe0\x82\xc9\x8ds\x82\xed\x82\xea\x82\xdc\x82\xb7\r\n")
	const types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/x" ContentType="%s"/></Types>`
	wordType := fmt.Sprintf(types, "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml")
	for _, c := range []struct {
		name    string
		content []byte
		kind    fault.Kind
		want    string
	}{
		{"large.txt", make([]byte, document.MaxSize+1), fault.Invalid, "The file is larger than 50 MB."},
		{"picture.png", []byte(png), fault.Unsupported, "The file is an image (image/png), a format that is not read."},
		{"picture.pdf", []byte(png), fault.Unsupported, "The file is an image (image/png), a format that is not read."},
		{"archive.zip", zipped(t, map[string]string{"a.txt": "text"}), fault.Unsupported, "The file is a ZIP archive, a format that is not read."},
		{"archive.gz", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), fault.Unsupported, "The file is of the type application/gzip, a format that is not read."},
		{"slides.pptx", zipped(t, map[string]string{"[Content_Types].xml": fmt.Sprintf(types, "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml")}), fault.Unsupported, "The file is a presentation (PowerPoint), a format that is not read."},
		{"secret.docx", read(t, "testdata/password.docx"), fault.Invalid, "The file is encrypted with a password."},
		{"secret.xlsx", read(t, "testdata/password.docx"), fault.Invalid, "The file is encrypted with a password."},
		{"secret.doc", patched(t, "letter.doc", "\xf0\x12\xbf\x00", "\xf0\x13\xbf\x00"), fault.Invalid, "The file is encrypted with a password."},
		{"secret.xls", patched(t, "small.xls", "\x5c\x00\x70\x00", "\x2f\x00\x70\x00"), fault.Invalid, "The file is encrypted with a password."},
		{"truncated.doc", read(t, "testdata/golden/letter.doc")[:3000], fault.Invalid, "The file is damaged or truncated."},
		{"text.xls", []byte("just text"), fault.Invalid, "The file is damaged: it is not the XLS file that its name or type says."},
		{"secret.pdf", read(t, "../pdf/testdata/password.pdf"), fault.Invalid, "The file is encrypted with a password."},
		{"truncated.docx", docx[:len(docx)/2], fault.Invalid, "The file is damaged or truncated."},
		{"truncated.xlsx", xlsx[:len(xlsx)/2], fault.Invalid, "The file is damaged or truncated."},
		{"truncated.pdf", pdf[:200], fault.Invalid, "The file is damaged: it is not a PDF file that can be read."},
		{"junk.txt", junk, fault.Invalid, "The file is not text: it has binary content."},
		{"junk", junk, fault.Unsupported, "The file has binary content, and is of no format that is read."},
		{".DS_Store", append([]byte("\x00\x00\x00\x01Bud1\x00\x00\x10\x00"), junk...), fault.Unsupported, "The file has binary content, and is of no format that is read."},
		{"README", shiftJIS, fault.Invalid, "The text is in an encoding that was not recognized; save the file as UTF-8."},
		{"junk.pdf", junk, fault.Invalid, "The file is damaged: it is not the PDF file that its name or type says."},
		{"text.docx", []byte("just text"), fault.Invalid, "The file is damaged: it is not the DOCX file that its name or type says."},
		{"bomb.docx", zipped(t, map[string]string{"[Content_Types].xml": wordType, "word/document.xml": strings.Repeat("<w:p>", 10<<20)}), fault.Invalid, "The file expands to far more than its size; it is not read."},
		{"settings.json", []byte(`{"a": 1}`), fault.Unsupported, "Files that end in .json are not read."},
		{"cut.png", []byte("\x89PNG\r\n\x1a\n"), fault.Unsupported, "Files that end in .png are not read."},
		{"data.PARQUET", []byte("PAR1 and what looks like text"), fault.Unsupported, "Files that end in .parquet are not read."},
		{"letter.rtf", []byte(`{\rtf1 text}`), fault.Unsupported, "The file is Rich Text (.rtf), a format that is not read."},
	} {
		text, err := p.Parse(t.Context(), document.Input{Name: c.name, Content: c.content})
		if !fault.Is(err, c.kind) || fault.As(err).Message != c.want {
			t.Errorf("%s: got %+v, %v, want %v: %s", c.name, text, err, c.kind, c.want)
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	t.Parallel()
	p := open(t)
	for _, name := range []string{"a.txt", "a.pdf", "a.docx", "a.csv", "a.html", "a"} {
		text, err := p.Parse(t.Context(), document.Input{Name: name})
		if err != nil || len(text.Pages) != 0 {
			t.Errorf("%s: got %+v, %v, want a text without pages", name, text, err)
		}
	}
	for _, name := range []string{"a.txt", "a.md", "a.csv", "a.html"} {
		text, err := p.Parse(t.Context(), document.Input{Name: name, Content: []byte(" \r\n\t")})
		if err != nil || len(text.Pages) != 0 {
			t.Errorf("%s of blanks: got %+v, %v, want a text without pages", name, text, err)
		}
	}
}

func TestRecordsAreForCSV(t *testing.T) {
	t.Parallel()
	p := open(t)
	o := &document.RecordOptions{Content: "text"}
	text, err := p.Parse(t.Context(), document.Input{Name: "a.csv", Content: []byte("text,owner\nhello,Ada\n"), Records: o})
	want := &document.Text{MIME: "text/csv", Records: []document.Record{{Text: "hello", Metadata: map[string]string{"owner": "Ada"}}}}
	if diff := cmp.Diff(want, text); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
	text, err = p.Parse(t.Context(), document.Input{Name: "a.md", Content: []byte("# Title"), Records: o})
	if err != nil || len(text.Pages) != 1 || len(text.Notes) != 1 {
		t.Errorf("Markdown: got %+v, %v, want the text and a note", text, err)
	}
}

// A panic in a reader is the file's fault, and the next file is read.
func TestPanic(t *testing.T) {
	t.Parallel()
	p := New(Params{}).(*parser)
	p.formats[textFile] = func(context.Context, document.Input) (*document.Text, error) { panic("secret text") }
	_, err := p.Parse(t.Context(), document.Input{Name: "a.txt", Content: []byte("x")})
	if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want invalid", err)
	}
	if text, err := p.Parse(t.Context(), document.Input{Name: "a.md", Content: []byte("x")}); err != nil || len(text.Pages) != 1 {
		t.Errorf("the next: got %+v, %v, want its text", text, err)
	}
}

// A reader that does not come back is left alone with its slot.
func TestTimeout(t *testing.T) {
	t.Parallel()
	p := New(Params{Timeout: time.Millisecond, Files: 1}).(*parser)
	release := make(chan struct{})
	p.formats[textFile] = func(context.Context, document.Input) (*document.Text, error) {
		<-release
		return nil, errors.New("too late to be heard")
	}
	in := document.Input{Name: "a.txt", Content: []byte("x")}
	if _, err := p.Parse(t.Context(), in); !fault.Is(err, fault.Invalid) || fault.As(err).Message != "The file took longer than 1ms to read." {
		t.Errorf("got %v, want the time-out", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Parse(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("without a free slot: got %v, want the context's error", err)
	}
	close(release)
	p.slots <- struct{}{} // is free again
}

func FuzzSniff(f *testing.F) {
	f.Add("a.txt", "text/plain", []byte("text"))
	f.Add("a.docx", "", zipped(f, map[string]string{"[Content_Types].xml": "<Types><Override ContentType=\"x\"/></Types>"}))
	f.Add("a", "application/pdf", []byte("%PDF-1.7"))
	f.Add("a.html", "text/html; charset=x", []byte("<!-- <?xml ?> <html>"))
	f.Add("a.xls", "", read(f, "testdata/golden/small.xls"))
	f.Fuzz(func(t *testing.T, name, mime string, content []byte) {
		_, err := sniff(document.Input{Name: name, MIME: mime, Content: content})
		if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unsupported) {
			t.Errorf("got %v, want a kind, invalid or unsupported", err)
		}
	})
}

// BenchmarkPDF reads a report of dense pages, 46 lines of 95 characters each,
// one file after the other as one worker does.
func BenchmarkPDF(b *testing.B) {
	words := strings.Fields("the of lift and boundary layer in a flow with heat transfer to surface pressure is for wing mach number at supersonic body which are")
	random := rand.New(rand.NewPCG(1, 2))
	pages := make([]pdftest.Page, 50)
	for i := range pages {
		var text strings.Builder
		for range 46 {
			line := words[random.IntN(len(words))]
			for len(line) < 90 {
				line += " " + words[random.IntN(len(words))]
			}
			text.WriteString(line + "\n")
		}
		pages[i] = pdftest.Prose(text.String())
	}
	in := document.Input{Name: "report.pdf", Content: pdftest.Write(pages...)}
	p := open(b)
	if _, err := p.Parse(b.Context(), in); err != nil { // compiles PDFium
		b.Fatal(err)
	}
	start := processorTime()
	for b.Loop() {
		text, err := p.Parse(b.Context(), in)
		if err != nil || len(text.Pages) != len(pages) {
			b.Fatalf("got %v, want %d pages", err, len(pages))
		}
	}
	b.ReportMetric(float64(b.N*len(pages))/b.Elapsed().Seconds(), "pages/s")
	if spent := processorTime() - start; spent > 0 {
		b.ReportMetric(float64(b.N*len(pages))/spent.Seconds(), "pages/cpu-s")
	}
}
