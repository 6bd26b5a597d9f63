package passage_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

func TestExcerpt(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 2000 {
		switch i {
		case 700:
			b.WriteString("The companies were sold. ")
		case 1500:
			b.WriteString("Größe und Gewicht. THE SHIPPING COMPANIES PAY. ")
		}
		fmt.Fprintf(&b, "This is sentence %d of the text. ", i)
	}
	text := b.String()
	const most = 4000
	for name, tc := range map[string]struct {
		text, question string
		want           []string // in this order
	}{
		"the best and the rest":   {text, "Which company pays for shipping?", []string{"This is sentence 0 ", "The companies were sold.", "\n\n", "THE SHIPPING COMPANIES PAY."}},
		"no word of it":           {text, "Who?", []string{"This is sentence 0 ", "This is sentence 90 "}},
		"without spaces":          {strings.Repeat("大", 20_000) + "小猫。" + strings.Repeat("大", 20_000), "小猫", []string{"小猫"}},
		"one word":                {strings.Repeat("ü", 50_000), "ü", []string{"ü"}},
		"not UTF-8":               {strings.Repeat("\x80", 50_000), "x", nil},
		"a question without end":  {text, numbers(5000) + " company", []string{"This is sentence 0 "}},
		"short enough as a whole": {strings.Repeat(" x ", most/3), "y", []string{strings.Repeat(" x ", most/3)}},
	} {
		got := passage.Excerpt(tc.text, most, passage.Terms(tc.question))
		if len(got) > most || len(got) < most/2 || utf8.ValidString(got) != utf8.ValidString(tc.text) {
			t.Errorf("%s: got %d bytes, valid: %v", name, len(got), utf8.ValidString(got))
		}
		rest := got
		for _, want := range tc.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: got no %q in its place:\n%s", name, want, got)
			}
			rest = after
		}
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "w%d ", i)
	}
	return b.String()
}
