package all_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/native/all"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func TestEveryFormatRefusesAForeignBody(t *testing.T) {
	t.Parallel()
	const want = "Malformed input request: #: extraneous key [foo] is not permitted"
	body := []byte(`{"foo":1}`)
	m := nativetest.Model("some.model-v1:0")
	for format, f := range all.Families() {
		if format == "openai-chat" { // servers of its models have members of their own
			continue
		}
		_, err := f.Decode(m, body)
		check(t, format, err, want)
	}
	for format, f := range all.Embeddings() {
		_, err := f.Decode(m, body)
		check(t, format, err, want)
	}
	for format, f := range all.Rerankings() {
		_, err := f.Decode(m, body)
		check(t, format, err, want)
	}
	for format, f := range all.Images() {
		_, err := f.Decode(m, body)
		check(t, format, err, want)
	}
}

func check(t *testing.T, format string, err error, want string) {
	t.Helper()
	if err == nil || len(fault.As(err).Message) < len(want) || fault.As(err).Message[:len(want)] != want {
		t.Errorf("got %v from %s, want it to begin with %q", err, format, want)
	}
}

func TestNoFormatIsBoth(t *testing.T) {
	t.Parallel()
	for format := range all.Embeddings() {
		if _, ok := all.Families()[format]; ok {
			t.Errorf("got %s as text and as embedding, want one of them", format)
		}
	}
}
