package bert_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf/bert"
)

// FuzzConvert feeds weights files to the converter: it must refuse or convert.
func FuzzConvert(f *testing.F) {
	source := tiny(f, func(map[string]any, map[string][]uint64) {})
	raw, err := os.ReadFile(source.Weights)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:200])
	f.Fuzz(func(t *testing.T, raw []byte) {
		changed := source
		changed.Weights = filepath.Join(t.TempDir(), "model.safetensors")
		if err := os.WriteFile(changed.Weights, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := bert.Convert(io.Discard, changed, bert.Meta{}); err != nil && fault.Is(err, fault.Internal) {
			t.Errorf("got an unclassified error %v, want a fault", err)
		}
	})
}
