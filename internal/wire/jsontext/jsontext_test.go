package jsontext

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	const text = "a\"b\\c\x00\b\t\n\f\r\x1f\x7f<>&é\u2028\U0001F600"
	if got, want := string(AppendString([]byte("x"), text)), "x\"a\\\"b\\\\c\\u0000\\b\\t\\n\\f\\r\\u001f\x7f<>&é\u2028\U0001F600\""; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is read back is what was written, as far as it was text.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff\xfe", "a\xc3", "\x00\x1f\"\\", "é\u2029"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		var want strings.Builder
		for _, r := range s { // a byte that is no text is the replacement character
			want.WriteRune(r)
		}
		if got != want.String() {
			t.Errorf("got %q, want %q", got, want.String())
		}
	})
}
