package runner

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTextFilter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stops  []string
		tokens []string
		want   []string // text after each token, then the flush
		stop   string
	}{
		"plain":                        {tokens: []string{"a", "b"}, want: []string{"a", "b", ""}},
		"emoji over four tokens":       {tokens: []string{"\xf0", "\x9f", "\x98", "\x80!"}, want: []string{"", "", "", "😀!", ""}},
		"text before an open rune":     {tokens: []string{"ab\xc3", "\xbc"}, want: []string{"ab", "ü", ""}},
		"broken bytes":                 {tokens: []string{"a\xff", "b"}, want: []string{"a\uFFFD", "b", ""}},
		"open rune at the end":         {tokens: []string{"a", "\xf0\x9f"}, want: []string{"a", "", ""}},
		"stop inside a token":          {stops: []string{"END"}, tokens: []string{"a", "bENDc"}, want: []string{"a", "b"}, stop: "END"},
		"stop over three tokens":       {stops: []string{"\n\nHuman:"}, tokens: []string{"a", "\n", "\nHum", "an: x"}, want: []string{"a", "", "", ""}, stop: "\n\nHuman:"},
		"not a stop after all":         {stops: []string{"abc"}, tokens: []string{"xa", "b", "d"}, want: []string{"x", "", "abd", ""}},
		"held back at the end":         {stops: []string{"abc"}, tokens: []string{"xab"}, want: []string{"x", "ab"}},
		"the earlier stop wins":        {stops: []string{"c", "b"}, tokens: []string{"abc"}, want: []string{"a"}, stop: "b"},
		"a stop that begins itself":    {stops: []string{"aab"}, tokens: []string{"a", "a", "a", "b"}, want: []string{"", "", "a", ""}, stop: "aab"},
		"stop right at the start":      {stops: []string{"x"}, tokens: []string{"x"}, want: []string{""}, stop: "x"},
		"multibyte stop over tokens":   {stops: []string{"»"}, tokens: []string{"a\xc2", "\xbb"}, want: []string{"a", ""}, stop: "»"},
		"open rune and open stop":      {stops: []string{"é!"}, tokens: []string{"é", "\xc3", "\xa9!"}, want: []string{"", "é", ""}, stop: "é!"},
		"the longer open stop matters": {stops: []string{"b", "abX"}, tokens: []string{"za"}, want: []string{"z", "a"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := textFilter{stops: tc.stops}
			var got []string
			stop := ""
			for _, tok := range tc.tokens {
				var text string
				text, stop = f.write([]byte(tok))
				got = append(got, text)
				if stop != "" {
					break
				}
			}
			if stop == "" {
				got = append(got, f.flush())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
			if stop != tc.stop {
				t.Errorf("got stop %q, want %q", stop, tc.stop)
			}
		})
	}
}

func FuzzTextFilter(f *testing.F) {
	f.Add([]byte("hello \xf0\x9f\x98\x80 stop here"), uint8(3), "stop")
	f.Add([]byte("aaab"), uint8(1), "aab")
	f.Fuzz(func(t *testing.T, data []byte, step uint8, stop string) {
		filter := textFilter{}
		if stop = strings.ToValidUTF8(stop, "?"); stop != "" {
			filter.stops = []string{stop}
		}
		n := int(step)%7 + 1
		var got strings.Builder
		found := ""
		for rest := data; len(rest) > 0 && found == ""; {
			k := min(n, len(rest))
			var text string
			text, found = filter.write(rest[:k])
			if !utf8.ValidString(text) {
				t.Fatalf("got %q, which is not UTF-8", text)
			}
			got.WriteString(text)
			rest = rest[k:]
		}
		if found == "" {
			got.WriteString(filter.flush())
		}
		want := string(data)
		if i := strings.Index(want, stop); stop != "" && i >= 0 {
			want = want[:i]
			if found != stop {
				t.Errorf("%q in %q was not found", stop, data)
			}
		}
		if want = strings.ToValidUTF8(want, "\uFFFD"); utf8.Valid(data) && got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
	})
}
