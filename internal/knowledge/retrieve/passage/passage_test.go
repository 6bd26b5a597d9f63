package passage_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

func cut(text string) []string {
	var parts []string
	for _, s := range passage.Sentences(text) {
		parts = append(parts, text[s.Start:s.End])
	}
	return parts
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"empty":         {"", nil},
		"white space":   {" \n\t ", nil},
		"two":           {"  Refunds take 7 days. Call us!  ", []string{"Refunds take 7 days.", "Call us!"}},
		"abbreviations": {"Open from 9 a.m. to 7 p.m. on weekdays. Closed on Sunday", []string{"Open from 9 a.m. to 7 p.m. on weekdays.", "Closed on Sunday"}},
		"lines":         {"- one\n- two", []string{"- one", "- two"}},
		"other scripts": {"退货期限是45天。请保留收据。", []string{"退货期限是45天。", "请保留收据。"}},
		"items":         {"1. Tents\n2. Food. Also this", []string{"1. Tents", "2. Food.", "Also this"}},
		"no letters":    {"3.5 % ... 7!", []string{"3.5 % ... 7!"}},
		"a ruled line":  {"***\nTents", []string{"***", "Tents"}},
		"numbers":       {"It costs 1.50 euros.", []string{"It costs 1.50 euros."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, cut(tc.text)); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

// A document may be any text of some tens of thousands of characters, and there
// may be a thousand of them in a request. Each of these takes a millisecond;
// looking at all of the text again and again takes seconds.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"signs after a full stop": "One." + strings.Repeat(")", 500_000) + " Two",
		"nothing but numbers":     strings.Repeat("1. ", 170_000),
		"empty lines":             strings.Repeat("\n", 500_000) + "One",
	} {
		begin := time.Now()
		got := len(passage.Sentences(text))
		if took := time.Since(begin); got == 0 || took > 20*time.Second {
			t.Errorf("%s: got %d sentences after %v", name, got, took)
		}
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	text := "# Refunds\n\nItems may be returned within\n45 days. Keep the\nreceipt.\n\n- no tents\n- no food\n  rations\n1. First\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n"
	want := []string{
		"Items may be returned within 45 days.", "Keep the receipt.", "- no tents", "- no food rations", "1. First", "| a | b |", "| 1 | 2 |",
	}
	got := passage.Units(text)
	// The number of an item is a sentence by Unicode's rules; it does no harm.
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Only a heading"}, passage.Units("## Only a heading\n")); diff != "" {
		t.Errorf("units of a heading (-want +got):\n%s", diff)
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"What is the company's refund policy?":    {"company", "refund", "policy"},
		"Shipping costs 1,000.50 euros, shipped!": {"ship", "cost", "1,000.50", "euro", "ship"},
		"": nil, "the of and": nil,
		"Größe ändern": {"größe", "ändern"},
		"退货":           {"退", "货"},
		"policies":     {"policy"},
	} {
		if diff := cmp.Diff(want, passage.Terms(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	texts := [][]string{{"refund", "day"}, {"ship", "day"}, {"tent", "day"}}
	w := passage.NewWeights(texts)
	if rare, common := w.Of("refund"), w.Of("day"); rare <= common || common <= 0 {
		t.Errorf("got %v for a rare word and %v for a common one", rare, common)
	}
	if got := w.Overlap([]string{"refund", "day"}, []string{"day", "refund", "more"}); got != 1 {
		t.Errorf("all words are found: got %v, want 1", got)
	}
	if got := w.Overlap([]string{"refund", "day"}, []string{"day"}); got <= 0 || got >= 0.5 {
		t.Errorf("only the common word is found: got %v, want less than half", got)
	}
	if got := w.Overlap(nil, []string{"day"}); got != 0 {
		t.Errorf("no words: got %v, want 0", got)
	}
}

// However an answer is cut into pieces on its way, the sentences that are called
// complete are those of the whole.
func FuzzComplete(f *testing.F) {
	f.Add("Open until 7 p.m. 12 apples. Then it closes. See etc. (and so on) now.", 3)
	f.Add("one\ntwo\n\nthree. Four", 1)
	f.Add("\"Yes.\" he said. 「はい。」「いいえ」", 2)
	f.Add("One."+strings.Repeat(")", 200)+"two. Three "+strings.Repeat("- ", 40)+"four. 5", 3)
	f.Fuzz(func(t *testing.T, text string, step int) {
		if step < 1 || step > 16 || len(text) > 2000 || !utf8.ValidString(text) {
			return
		}
		want := strings.Join(cut(text), "\x00")
		var got []string
		rest := ""
		runes := []rune(text)
		for i := 0; i < len(runes); i += step {
			rest += string(runes[i:min(i+step, len(runes))])
			if n := passage.Complete(rest); n > 0 {
				got = append(got, cut(rest[:n])...)
				rest = rest[n:]
			}
		}
		got = append(got, cut(rest)...)
		if g := strings.Join(got, "\x00"); g != want {
			t.Errorf("in steps of %d: got %q, want %q", step, g, want)
		}
	})
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "short", strings.Repeat("word ", 50), strings.Repeat("ü", 100), " " + strings.Repeat("x", 30)} {
		joined := ""
		for _, piece := range passage.Pieces(text, 20) {
			if len(piece) > 20 || len(piece) == 0 || !utf8.ValidString(piece) {
				t.Errorf("%q: got the piece %q", text, piece)
			}
			joined += piece
		}
		if strings.ReplaceAll(joined, " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Errorf("got %q, want all of %q", joined, text)
		}
	}
}
