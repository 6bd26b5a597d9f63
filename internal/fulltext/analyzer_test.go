package fulltext_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fulltext"
)

func terms(text string) []string {
	var a fulltext.Analyzer
	var list []string
	a.Each(text, func(term []byte) { list = append(list, string(term)) })
	return list
}

func TestAnalyzer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"empty":                 {"", ""},
		"nothing but signs":     {" .,;:!?\n\t\"'()–…", ""},
		"case and stem":         {"Refunds REFUNDED refunding", "refund refund refund"},
		"stop words":            {"The cat and the hat in it", "cat hat"},
		"words of asking count": {"what does it do", "what doe do"},
		"hyphens":               {"boundary-layer e-mail", "boundari layer e mail"},
		"underscores":           {"snake_case_name", "snake case name"},
		"apostrophes":           {"the author's book, John’s too; don't", "author book john too don t"},
		"numbers":               {"3 items, 3.5 m, 10,000 km, 1,2,3 and 1.26.4. Then 7,", "3 item 3.5 m 10000 km 1 2 3 1.26.4 7"},
		"words with digits":     {"MD5 x86_64 v1.26 utf8", "md5 x86 64 v1.26 utf8"},
		"accents":               {"Café NAÏVE résumés Zürich", "cafe naiv resum zurich"},
		"accents in two runes":  {"Cafe\u0301 re\u0301sume\u0301s", "cafe resum"},
		"special letters":       {"Straße Ærø Łódź Øre", "strass aero lodz or"},
		"ligatures and width":   {"ﬁnd Ｗｉｄｅ ①", "find wide 1"},
		"Greek":                 {"Οδός ΟΔΌΣ", "οδοσ οδοσ"},
		"Cyrillic":              {"Ёлка ёлки Й", "елка елки и"},
		"Arabic without points": {"كِتَاب كتاب", "كتاب كتاب"},
		"Hindi keeps vowels":    {"हिन्दी किताब", "हिन्दी किताब"},
		"Chinese":               {"退款政策 abc 款", "退款 款政 政策 abc 款"},
		"Japanese":              {"返金ポリシー。東京", "返金 金ポ ポリ リシ シー 東京"},
		"Korean":                {"환불 정책은", "환불 정책은"},
		"Thai":                  {"คืนเงิน", "คื ืน นเ เง งิ ิน"},
		"soft hyphen":           {"re\u00adfund", "refund"},
		"emoji":                 {"good 👍🏽 day", "good dai"},
		"broken UTF-8":          {"a\xffb\xc3 word", "b word"},
		"zero bytes":            {"one\x00two", "on two"},
		"long words are cut":    {strings.Repeat("Ab1", 100), strings.Repeat("ab1", 13) + "a"},
		"cut at a character":    {strings.Repeat("я", 50), strings.Repeat("я", 20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, strings.Join(terms(tc.text), " ")); diff != "" {
				t.Errorf("terms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnalyzerOfQueries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"What is our refund policy?":          "refund polici",
		"How do I get my money back?":         "get monei back",
		"which items can not be returned":     "item return",
		"who am I":                            "who am i", // nothing else is left
		"what was it":                         "what",
		"the":                                 "",
		"Tell me about the S3 bucket's limit": "s3 bucket limit",
	} {
		var a fulltext.Analyzer
		var list []string
		a.EachOfQuery(text, func(term []byte) { list = append(list, string(term)) })
		if diff := cmp.Diff(want, strings.Join(list, " ")); diff != "" {
			t.Errorf("%q: terms (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzAnalyzer(f *testing.F) {
	for _, text := range []string{"The cafés' 10,000 words", "退款政策", "e\u0301\u0301", "a\xff'\u2019s", "ies ed ing", "한국어 ﬃ Ⅷ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first := terms(text)
		for _, term := range first {
			if term == "" || len(term) > 64 {
				t.Errorf("got term %q of %d bytes", term, len(term))
			}
		}
		if diff := cmp.Diff(first, terms(text)); diff != "" {
			t.Errorf("a second time (-first +second):\n%s", diff)
		}
	})
}
