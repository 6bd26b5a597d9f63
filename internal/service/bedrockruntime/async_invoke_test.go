package bedrockruntime

import (
	"strings"
	"testing"
)

// A text is cut into pieces that are the text again, none too long, between words
// where there are any.
func TestCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "",
		"short":               "short",
		"one two three four":  "one two |three four",
		"ééééééééééééé":       "éééééééééé|ééé",
		"0123456789 12345678": "0123456789| 12345678",
		"abcde fghij klmno":   "abcde |fghij |klmno",
	} {
		var got []string
		at := 0
		for _, p := range cut([]rune(text), 10) {
			if p.start != at || p.end-p.start != len([]rune(p.text)) {
				t.Errorf("%q: the piece %q is from %d to %d", text, p.text, p.start, p.end)
			}
			at = p.end
			got = append(got, p.text)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: got %q, want %q", text, strings.Join(got, "|"), want)
		}
	}
}
