package bedrockruntime_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

func TestParsePointer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"/a", []string{"a"}, true},
		{"/a/0/b", []string{"a", "0", "b"}, true},
		{"/", []string{""}, true},
		{"/a~1b/~0~01", []string{"a/b", "~~1"}, true},
		{"", nil, false},
		{"a", nil, false},
		{"/~", nil, false},
		{"/a~", nil, false},
		{"/a~2", nil, false},
	} {
		got, ok := bedrockruntime.ParsePointer(tc.in)
		if ok != tc.ok || !cmp.Equal(tc.want, got) {
			t.Errorf("%q: got %q, %v, want %q, %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func FuzzParsePointer(f *testing.F) {
	f.Add("/a/0")
	f.Add("/~0~1")
	f.Add("~")
	f.Fuzz(func(t *testing.T, s string) {
		tokens, ok := bedrockruntime.ParsePointer(s)
		if !ok {
			return
		}
		// Written out again, a pointer is what was read.
		var b strings.Builder
		for _, token := range tokens {
			b.WriteString("/" + strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
		}
		if b.String() != s {
			t.Errorf("got %q out of %q", b.String(), s)
		}
	})
}
