package llamacpp

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/machine"
)

func TestTheMachinesMemoryIsTheDefault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ given, want int64 }{
		"default": {0, machine.Memory() / 4 * 3}, "given": {1 << 30, 1 << 30}, "no limit": {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := New(Params{MemoryLimit: tc.given})
			defer b.Close()
			if b.p.MemoryLimit != tc.want {
				t.Errorf("got a limit of %d bytes, want %d", b.p.MemoryLimit, tc.want)
			}
			if name == "default" && b.p.MemoryLimit < 64<<20 {
				t.Errorf("got a limit of %d bytes, which no machine has", b.p.MemoryLimit)
			}
		})
	}
}

// An 8B model of the Llama 3 kind answers requests of 8192 tokens on a machine
// of 16 GB, whatever the rest of the cache has room for.
func TestCacheOfAUsualModel(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "header.gguf")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := gguf.Write(out, []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "llama.context_length", Value: uint32(131072)},
		{Key: "llama.embedding_length", Value: uint32(4096)},
		{Key: "llama.block_count", Value: uint32(32)},
		{Key: "llama.attention.head_count", Value: uint32(32)},
		{Key: "llama.attention.head_count_kv", Value: uint32(8)},
	}, nil); err != nil {
		t.Fatal(err)
	}
	file, err := gguf.Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	file.Size = 4_900_000_000
	p := Params{MemoryLimit: 12 << 30}
	limit, bytes := cacheSize(file, p.sized(file))
	if limit != 8192 || bytes != 1<<30 {
		t.Errorf("got %d tokens and %d bytes, want 8192 and 1 GiB", limit, bytes)
	}
}
