package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/document/pdf/pdfium"
)

// Where a paragraph ends, as seen from its lines.
const (
	gapFactor   = 1.3  // a distance so much larger than the usual one between lines
	sizeFactor  = 1.15 // a font so much larger or smaller: a heading
	fullFactor  = 0.72 // a line shorter than this part of the longest one ends its sentence
	proseLength = 40   // a line with fewer characters is no running text
)

// layout makes paragraphs of the lines of a page: an empty line where there is
// more space than between lines, or the font changes; lines of running text
// joined, words that were divided put together. Short lines, as of tables and
// addresses, stay lines.
func layout(lines []pdfium.Line) string {
	var b strings.Builder
	leading := usualLeading(lines)
	for start := 0; start < len(lines); {
		end := start + 1
		for end < len(lines) && !breaks(lines[end-1], lines[end], leading) {
			end++
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		writeParagraph(&b, lines[start:end])
		start = end
	}
	return strings.TrimSpace(b.String())
}

// usualLeading returns the median distance between lines, relative to the size
// of their font, or 0.
func usualLeading(lines []pdfium.Line) float64 {
	var distances []float64
	for i := 1; i < len(lines); i++ {
		if d := lines[i-1].Base - lines[i].Base; d > 0 && lines[i].Size > 0 && d < 4*lines[i].Size {
			distances = append(distances, d/lines[i].Size)
		}
	}
	if len(distances) == 0 {
		return 0
	}
	slices.Sort(distances)
	return distances[(len(distances)-1)/2]
}

// breaks reports whether a paragraph ends between two lines.
func breaks(above, below pdfium.Line, leading float64) bool {
	if above.Hyphen {
		return false
	}
	if larger, smaller := max(above.Size, below.Size), min(above.Size, below.Size); smaller > 0 && larger > smaller*sizeFactor {
		return true
	}
	distance := above.Base - below.Base
	if distance < -below.Size {
		return true // up again: the next column, or a header that comes last
	}
	return leading > 0 && distance > leading*gapFactor*max(below.Size, above.Size)
}

func writeParagraph(b *strings.Builder, lines []pdfium.Line) {
	longest := 0.0
	for _, line := range lines {
		longest = max(longest, line.Right-line.Left)
	}
	for i, line := range lines {
		b.WriteString(line.Text)
		if i == len(lines)-1 {
			return
		}
		next := lines[i+1]
		switch {
		case line.Hyphen:
		case !flows(line, next, longest):
			b.WriteByte('\n')
		case !unspaced(line.Text, next.Text):
			b.WriteByte(' ')
		}
	}
}

// flows reports whether a line goes on in the next: both are of running text,
// and it ends where its column does.
func flows(line, next pdfium.Line, longest float64) bool {
	if line.Right-line.Left < longest*fullFactor || isItem(next.Text) {
		return false
	}
	return len(line.Text) >= proseLength || utf8.RuneCountInString(line.Text) >= proseLength/2 && unspaced(line.Text, line.Text)
}

// isItem reports whether a line begins as the items of lists do.
func isItem(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	if strings.ContainsRune("•◦▪‣·●○■□–—*-", r) {
		return strings.HasPrefix(s[size:], " ")
	}
	digits := 0
	for digits < len(s) && digits < 3 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	return digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') && strings.HasPrefix(s[digits+1:], " ")
}

// unspaced reports whether the scripts on both sides of a line's end are written
// without spaces between words.
func unspaced(above, below string) bool {
	last, _ := utf8.DecodeLastRuneInString(above)
	first, _ := utf8.DecodeRuneInString(below)
	return isIdeographic(last) && isIdeographic(first)
}

func isIdeographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60
}
