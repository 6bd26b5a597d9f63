package all_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// elsewhere are the formats of models that InvokeModel does not have, and the
// operation that has them.
var elsewhere = map[string]string{
	"luma-ray-async":       "StartAsyncInvoke",
	"nova-reel-async":      "StartAsyncInvoke",
	"nova-sonic-bidi":      "InvokeModelWithBidirectionalStream",
	"openai-responses":     "the Responses API",
	"twelvelabs-marengo-2": "nothing yet: embeddings of films",
	"twelvelabs-marengo-3": "nothing yet: embeddings of films",
}

// TestEveryModelHasAFamily walks the catalog: each format is in one list, and no
// list has a format that no model has.
func TestEveryModelHasAFamily(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "catalog", "catalog.json"))
	if err != nil {
		t.Fatal(err)
	}
	var models []struct {
		ID     string `json:"modelId"`
		Format string `json:"nativeFormat"`
	}
	if err := json.Unmarshal(data, &models); err != nil {
		t.Fatal(err)
	}
	if len(models) < 100 {
		t.Fatalf("got %d models, want the whole catalog", len(models))
	}
	formats := map[string]string{}
	add := func(format string, family any) {
		if was, ok := formats[format]; ok {
			t.Errorf("got %T for %s, which %s serves", family, format, was)
		}
		formats[format] = fmt.Sprintf("%T", family)
	}
	for format, f := range all.Families() {
		add(format, f)
	}
	for format, f := range all.Embeddings() {
		add(format, f)
	}
	for format, f := range all.Rerankings() {
		add(format, f)
	}
	for format, f := range all.Images() {
		add(format, f)
	}
	for format, f := range elsewhere {
		add(format, f)
	}
	used := map[string]bool{}
	for _, m := range models {
		family, ok := formats[m.Format]
		if !ok {
			t.Errorf("got no family for %s (%s)", m.ID, m.Format)
		}
		used[m.Format] = true
		t.Logf("%s: %s", m.ID, family)
	}
	for format := range formats {
		if !used[format] {
			t.Errorf("got a family for %s, which no model of the catalog has", format)
		}
	}
}
