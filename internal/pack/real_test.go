package pack_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

// TestRealPacks fetches the pinned packs from the registries this machine uses.
func TestRealPacks(t *testing.T) {
	t.Parallel()
	store := packtest.Open(t)
	engine, err := store.Engine()
	if err != nil {
		t.Fatal(err)
	}
	pattern := map[string]string{"darwin": "libllama*.dylib", "windows": "*llama*.dll"}[runtime.GOOS]
	if pattern == "" {
		pattern = "libllama*.so"
	}
	if found, err := filepath.Glob(filepath.Join(engine, pattern)); err != nil || len(found) != 1 {
		t.Errorf("libraries: got %v, %v, want one file %s", found, err, pattern)
	}
	model, err := store.ChatModel()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	magic := make([]byte, 4)
	if _, err := file.Read(magic); err != nil || !bytes.Equal(magic, []byte("GGUF")) {
		t.Errorf("chat model: got %q, %v, want GGUF", magic, err)
	}
	names, err := store.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		dir, err := store.Dir(name)
		if err != nil {
			t.Fatal(err)
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "LICENSE*")); len(found) == 0 {
			t.Errorf("%s: got no licence text beside it", name)
		}
	}
	wasm, err := store.PDFium()
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(wasm); err != nil || !bytes.HasPrefix(raw, []byte("\x00asm")) {
		t.Errorf("PDF reader: got %d bytes, %v, want a WebAssembly module", len(raw), err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(wasm), "LICENSE.pdfium")); err != nil {
		t.Error(err)
	}
	again, err := pack.Open(packtest.Models(t), pack.Params{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Ensure(t.Context()); err != nil {
		t.Errorf("second start, offline: got %v, want no error", err)
	}
}

func TestEmbeddingModel(t *testing.T) {
	t.Parallel()
	store := packtest.Open(t, pack.Embedding)
	path, err := store.EmbeddingModel()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != pack.EmbeddingSize {
		t.Errorf("got %v, %v, want a file of %d bytes", info, err, pack.EmbeddingSize)
	}
	if err := store.Verify(t.Context(), pack.Embedding); err != nil {
		t.Error(err)
	}
}
