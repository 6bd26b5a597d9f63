package pdfium

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Compiled code is loaded only from where nobody else can put it.
func TestCacheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"": false, file: false, open: runtime.GOOS == "windows", filepath.Join(dir, "new", "one"): true} {
		if got := isOurs(name); got != want {
			t.Errorf("%s: got %v, want %v", filepath.Base(name), got, want)
		}
	}
}
