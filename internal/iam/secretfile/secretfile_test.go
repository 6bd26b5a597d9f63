package secretfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCreateOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "file")
	const callers = 8
	got := make([][]byte, callers)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			var err error
			if got[i], err = Create(path, fmt.Appendf(nil, "from %d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		if !bytes.Equal(g, want) {
			t.Errorf("caller %d: got %q, want %q", i, g, want)
		}
	}
	checkAlone(t, path)
}

// TestCreateWithoutLinks covers file systems that have no hard links.
func TestCreateWithoutLinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := createExclusive(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := createExclusive(path, []byte("second")); !os.IsExist(err) {
		t.Errorf("got error %v, want that the file exists", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "file")
	for _, want := range []string{"first", "second, which is longer", "3"} {
		if err := Replace(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("got %q, error %v; want %q", got, err, want)
		}
	}
	checkAlone(t, path)
}

// checkAlone checks that a file is for its owner only and has left nothing else.
func checkAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("got entries %v, error %v; want one file", entries, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got mode %v, error %v; want %v", p, info.Mode().Perm(), err, want)
		}
	}
}

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "file")
	const callers, rounds = 4, 25
	var count atomic.Int64 // atomic for the race detector, which knows no file locks
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range rounds {
				unlock, err := Lock(path)
				if err != nil {
					t.Error(err)
					return
				}
				n := count.Load()
				runtime.Gosched()
				count.Store(n + 1)
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := count.Load(); got != callers*rounds {
		t.Errorf("got %d, want %d: the lock let two in", got, callers*rounds)
	}
}
