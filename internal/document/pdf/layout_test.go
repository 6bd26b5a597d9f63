package pdf

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/document/pdf/pdfium"
)

// at makes lines of ten points, twelve below each other unless a line is empty.
func at(texts ...string) []pdfium.Line {
	var lines []pdfium.Line
	base := 800.0
	for _, text := range texts {
		base -= 12
		if text != "" {
			lines = append(lines, pdfium.Line{Text: text, Left: 72, Right: 72 + 5*float64(len(text)), Base: base, Size: 10})
		}
	}
	return lines
}

func TestLayout(t *testing.T) {
	t.Parallel()
	large := at("A heading", "The text that is under it and fills the whole of the line up to its end", "goes on.")
	large[0].Size = 16
	hyphen := at("This is a line that ends in the middle of a word that is divi", "ded, and that is all.")
	hyphen[0].Hyphen = true
	column := at("The first column has a line of text that fills all of its width, and", "ends here.", "The second column has a line of text too, which fills its width and")
	column[2].Base = 788
	for _, c := range []struct {
		name  string
		lines []pdfium.Line
		want  string
	}{
		{"nothing", nil, ""},
		{
			"paragraphs", at("This is a line that goes on in the next because it is full of words", "and this is the end.", "", "A new paragraph."),
			"This is a line that goes on in the next because it is full of words and this is the end.\n\nA new paragraph.",
		},
		{"a table stays in lines", at("Item Price Unit", "Wing 12 kN", "Tail 3 kN"), "Item Price Unit\nWing 12 kN\nTail 3 kN"},
		{
			"a list stays in lines", at("These are the items of the list that the text is about to tell of:", "• the first, which has so many words that it fills all of its line", "• the second"),
			"These are the items of the list that the text is about to tell of:\n• the first, which has so many words that it fills all of its line\n• the second",
		},
		{"a heading is a paragraph", large, "A heading\n\nThe text that is under it and fills the whole of the line up to its end goes on."},
		{"a divided word", hyphen, "This is a line that ends in the middle of a word that is divided, and that is all."},
		{
			"the next column is a new paragraph", column,
			"The first column has a line of text that fills all of its width, and ends here.\n\nThe second column has a line of text too, which fills its width and",
		},
	} {
		if diff := cmp.Diff(c.want, layout(c.lines)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
