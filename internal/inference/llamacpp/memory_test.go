package llamacpp

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/outcrop/outcrop/internal/gguf"
)

func TestContainerLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"not Linux":   {nil, 0},
		"no limit":    {map[string]string{"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n"}, 0},
		"a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2147483648\n"}, 2 << 30},
		"a group above": {map[string]string{
			"proc/self/cgroup":                           "0::/a.slice/b.service\n",
			"sys/fs/cgroup/a.slice/memory.max":           "1000\n",
			"sys/fs/cgroup/a.slice/b.service/memory.max": "2000\n",
		}, 1000},
		"a path of the host": {map[string]string{"proc/self/cgroup": "0::/docker/1234\n", "sys/fs/cgroup/memory.max": "1000\n"}, 1000},
		"first version": {map[string]string{
			"proc/self/cgroup":                             "9:name=systemd:/\n4:cpu,cpuacct:/x\n5:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1000\n",
		}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for path, text := range tc.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := containerLimit(root); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestTheMachinesMemoryIsTheDefault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ given, want int64 }{
		"default": {0, machineMemory() / 4 * 3}, "given": {1 << 30, 1 << 30}, "no limit": {-1, 0},
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
