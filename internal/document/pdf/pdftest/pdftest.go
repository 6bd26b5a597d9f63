// Package pdftest writes small PDF files for tests and benchmarks: text in the
// standard fonts, and in a font without letters that has a table of its
// characters instead, as fonts of East Asian scripts do.
//
// It is no general writer; what it writes is what readers are tested with.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Line is a line of text on a page.
type Line struct {
	X, Y float64 // of its first letter's origin, in points from the lower left corner
	Size float64
	Text string // Latin letters, or with Wide anything
	Wide bool   // in the font with a table of characters
}

// Page is what is on a page.
type Page []Line

// Sizes of a page of A4, and of its text.
const (
	width, height = 595, 842
	margin        = 72
	leading       = 12
)

// Prose fills a page with words: lines of ten points below each other, an empty
// one wherever the text has one.
func Prose(text string) Page {
	var page Page
	y := float64(height - margin)
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			page = append(page, Line{X: margin, Y: y, Size: 10, Text: line})
		}
		y -= leading
	}
	return page
}

// Write makes a file of pages.
func Write(pages ...Page) []byte {
	w := &writer{}
	w.buf.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	const fixed = 7 // objects before those of the pages
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", fixed+1+2*i)
	}
	w.object("<< /Type /Catalog /Pages 2 0 R >>")
	w.object(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages)))
	w.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	w.object("<< /Type /Font /Subtype /Type0 /BaseFont /Wide /Encoding /Identity-H /DescendantFonts [5 0 R] /ToUnicode 7 0 R >>")
	w.object("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Wide /DW 1000 /FontDescriptor 6 0 R" +
		" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>")
	w.object("<< /Type /FontDescriptor /FontName /Wide /Flags 4 /FontBBox [0 -200 1000 800] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>")
	w.stream("", []byte(toUnicode))
	for i, page := range pages {
		w.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R"+
			" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>", width, height, fixed+2+2*i))
		w.stream("/Filter /FlateDecode", deflate(page.content()))
	}
	return w.finish()
}

// toUnicode says that each code is the character of that number.
const toUnicode = `/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Wide def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange
endcmap
end` + "\nend"

func (p Page) content() []byte {
	var b bytes.Buffer
	b.WriteString("BT\n")
	for _, line := range p {
		font, text := "F1", "("+escape(line.Text)+")"
		if line.Wide {
			font, text = "F2", "<"
			for _, unit := range utf16.Encode([]rune(line.Text)) {
				text += fmt.Sprintf("%04X", unit)
			}
			text += ">"
		}
		fmt.Fprintf(&b, "/%s %g Tf 1 0 0 1 %g %g Tm %s Tj\n", font, line.Size, line.X, line.Y, text)
	}
	b.WriteString("ET")
	return b.Bytes()
}

func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '(', r == ')', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x80:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\%03o", byte(r)) // the same in WinAnsi from 0xA0 on
		}
	}
	return b.String()
}

func deflate(content []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(content) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// writer numbers objects from 1 and remembers where they are.
type writer struct {
	buf     bytes.Buffer
	offsets []int
}

func (w *writer) object(s string) {
	w.offsets = append(w.offsets, w.buf.Len())
	fmt.Fprintf(&w.buf, "%d 0 obj\n%s\nendobj\n", len(w.offsets), s)
}

func (w *writer) stream(filter string, content []byte) {
	w.offsets = append(w.offsets, w.buf.Len())
	fmt.Fprintf(&w.buf, "%d 0 obj\n<< /Length %d %s >>\nstream\n", len(w.offsets), len(content), filter)
	w.buf.Write(content)
	w.buf.WriteString("\nendstream\nendobj\n")
}

func (w *writer) finish() []byte {
	start := w.buf.Len()
	fmt.Fprintf(&w.buf, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, offset := range w.offsets {
		fmt.Fprintf(&w.buf, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&w.buf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, start)
	return w.buf.Bytes()
}
