package docx_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/document/docx"
	"github.com/outcrop/outcrop/internal/fault"
)

const (
	rels = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`
	space  = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"`
	styles = `<w:styles ` + space + `>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
</w:styles>`
	numbering = `<w:numbering ` + space + `>
<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xf0b7;"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="§ %1"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
</w:numbering>`
	footnotes = `<w:footnotes ` + space + `><w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:t>line</w:t></w:r></w:p></w:footnote>
<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> See the law.</w:t></w:r></w:p></w:footnote></w:footnotes>`
)

// file makes a document with a body.
func file(t testing.TB, body string) []byte {
	t.Helper()
	return archive(t, map[string]string{
		"_rels/.rels": rels, "word/styles.xml": styles, "word/numbering.xml": numbering, "word/footnotes.xml": footnotes,
		"word/document.xml": `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document ` + space + `><w:body>` + body + `<w:sectPr><w:headerReference/></w:sectPr></w:body></w:document>`,
	})
}

func archive(t testing.TB, parts map[string]string) []byte {
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

// p is a paragraph with settings.
func p(settings, text string) string {
	return `<w:p><w:pPr>` + settings + `</w:pPr><w:r><w:t xml:space="preserve">` + text + `</w:t></w:r></w:p>`
}

func item(list, level, text string) string {
	return p(`<w:numPr><w:ilvl w:val="`+level+`"/><w:numId w:val="`+list+`"/></w:numPr>`, text)
}

func cell(settings, text string) string {
	return `<w:tc><w:tcPr>` + settings + `</w:tcPr>` + p("", text) + `</w:tc>`
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"paragraphs", p("", "One.") + `<w:p/>` + p("", "Two &amp; three."), "One.\n\nTwo & three."},
		{"runs are one text", `<w:p><w:r><w:t>ref</w:t></w:r><w:proofErr/><w:r><w:t xml:space="preserve">und </w:t></w:r><w:hyperlink><w:r><w:t>policy</w:t></w:r></w:hyperlink></w:p>`, "refund policy"},
		{
			"headings, by name in any language, by what they are based on, by level",
			p(`<w:pStyle w:val="Titel"/>`, "Title") + p(`<w:pStyle w:val="berschrift1"/>`, "First") + p(`<w:pStyle w:val="Mine"/>`, "Mine") + p(`<w:outlineLvl w:val="2"/>`, "Deep") + p(`<w:pStyle w:val="Loop"/>`, "Text"),
			"# Title\n\n# First\n\n# Mine\n\n### Deep\n\nText",
		},
		{"numbers of headings", p(`<w:pStyle w:val="berschrift2"/>`, "Scope") + p(`<w:pStyle w:val="berschrift2"/>`, "Terms"), "## § IV Scope\n\n## § V Terms"},
		{
			"lists", item("1", "0", "one") + item("1", "1", "below") + item("1", "0", "two") + p("", "Text") + item("2", "0", "first") + item("2", "1", "a") + item("2", "1", "b") + item("2", "0", "second") + item("2", "1", "a again") + item("4", "0", "seventh"),
			"- one\n  - below\n- two\n\nText\n\n1. first\n  1.a) a\n  1.b) b\n2. second\n  2.a) a again\n7. seventh",
		},
		{"no list", item("0", "0", "plain") + item("99", "0", "unknown"), "plain\n\nunknown"},
		{"tabs and line breaks", `<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>`, "a\tb\nc-d"},
		{
			"tracked changes are accepted",
			`<w:p><w:del><w:r><w:delText>30</w:delText></w:r></w:del><w:ins><w:r><w:t>14</w:t></w:r></w:ins><w:r><w:t xml:space="preserve"> days</w:t></w:r><w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom></w:p>`, "14 days",
		},
		{
			"hidden text and codes of fields",
			`<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:rPr><w:rStyle w:val="Secret"/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>`, "shown",
		},
		{"notes", `<w:p><w:r><w:t>Refunds</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>`, "Refunds[^2]\n\n[^2]: See the law."},
		{
			"a table", `<w:tbl><w:tblGrid><w:gridCol/></w:tblGrid><w:tr>` + cell("", "Item") + cell("", "Price | EUR") + `</w:tr><w:tr>` + cell("", "Wing") + cell("", "12") + `</w:tr><w:tr>` + cell(`<w:gridSpan w:val="2"/>`, "both") + `</w:tr></w:tbl>` + p("", "after"),
			"| Item | Price \\| EUR |\n| --- | --- |\n| Wing | 12 |\n| both | |\n\nafter",
		},
		{
			"cells joined below each other", `<w:tbl><w:tr>` + cell("", "A") + cell("", "B") + `</w:tr><w:tr>` + cell(`<w:vMerge w:val="restart"/>`, "x") + cell("", "1") + `</w:tr><w:tr>` + cell(`<w:vMerge/>`, "") + cell("", "2") + `</w:tr></w:tbl>`,
			"| A | B |\n| --- | --- |\n| x | 1 |\n| | 2 |",
		},
		{"one column is a frame", `<w:tbl><w:tr>` + cell("", "One") + `</w:tr><w:tr>` + cell("", "Two") + `</w:tr></w:tbl>`, "One\n\nTwo"},
		{
			"a table in a table", `<w:tbl><w:tr>` + cell("", "A") + `<w:tc><w:tbl><w:tr>` + cell("", "x") + cell("", "y") + `</w:tr><w:tr>` + cell("", "1") + cell("", "2") + `</w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>`,
			"| A | x, y; 1, 2 |\n| --- | --- |",
		},
		{
			"a text box, once", `<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent>` + p("", "boxed") + `</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>` + p("", "boxed") + `</w:txbxContent></mc:Fallback></mc:AlternateContent><w:t>around</w:t></w:r></w:p>`,
			"boxed\n\naround",
		},
		{"content controls", `<w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent>` + p("", "inside") + `</w:sdtContent></w:sdt>`, "inside"},
	} {
		want := &document.Text{MIME: docx.MIME, Pages: []document.Page{{Number: -1, Text: c.want}}}
		if c.name != "notes" {
			// The note of the file is at the end of every text.
			want.Pages[0].Text += "\n\n[^2]: See the law."
		}
		got, err := docx.Parse(t.Context(), file(t, c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestEmptyDocument(t *testing.T) {
	t.Parallel()
	body := `<w:document ` + space + `><w:body><w:p/></w:body></w:document>`
	got, err := docx.Parse(t.Context(), archive(t, map[string]string{"word/document.xml": body}))
	if diff := cmp.Diff(&document.Text{MIME: docx.MIME}, got); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	good := file(t, p("", "text"))
	deep := strings.Repeat("<w:sdt>", 5000) + strings.Repeat("</w:sdt>", 5000)
	for name, content := range map[string][]byte{
		"nothing":           nil,
		"truncated":         good[:len(good)/2],
		"no document in it": archive(t, map[string]string{"_rels/.rels": rels}),
		"not well formed":   file(t, "<w:p>"),
		"nested too deeply": file(t, deep),
		"unknown entity":    file(t, p("", "&lol;")),
		"expands":           file(t, strings.Repeat(p("", "bomb"), 1_000_000)),
	} {
		if _, err := docx.Parse(t.Context(), content); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := docx.Parse(ctx, file(t, p("", "text"))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// The document's XML is what people's tools write; the rest of the archive is
// the same in each case.
func FuzzDocument(f *testing.F) {
	for _, body := range []string{
		p("", "text"), item("2", "1", "a"), `<w:tbl><w:tr>` + cell(`<w:gridSpan w:val="2"/>`, "x") + `</w:tr></w:tbl>`,
		`<w:p><w:r><w:t>a</w:t><w:tab/><w:footnoteReference w:id="2"/></w:r><w:del><w:r><w:delText>x</w:delText></w:r></w:del></w:p>`,
		`</w:p></w:tc></w:tbl>`, `<w:tc><w:p/></w:tc>`, `<w:tr/><w:tbl><w:tc/></w:tbl>`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if _, err := docx.Parse(t.Context(), file(t, body)); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v, want a text or invalid", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	content := file(b, strings.Repeat(p("", strings.Repeat("word ", 60)), 3000))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := docx.Parse(b.Context(), content); err != nil {
			b.Fatal(err)
		}
	}
}
