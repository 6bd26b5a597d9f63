// Package packtest gives tests the real packs: engine libraries, renderer and
// default models, fetched once for the whole checkout.
//
// It is for tests of any package; nothing that ships imports it.
package packtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/progress"
)

// Models returns the models directory that tests share: OUTCROP_TEST_MODELS,
// else build/models below the repository root. It is kept between runs.
func Models(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("OUTCROP_TEST_MODELS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "build", "models")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the repository root was not found above the working directory")
		}
		dir = parent
	}
}

// Open returns the Store of Models with the named packs in it, the default ones
// when none is named. It fetches what is missing; with -short the test is
// skipped instead.
func Open(t testing.TB, names ...string) *pack.Store {
	t.Helper()
	store, err := pack.Open(Models(t), pack.Params{Progress: progress.Silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		if names, err = store.Default(); err != nil {
			t.Skip(err)
		}
	}
	missing, err := store.Missing(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 && testing.Short() {
		t.Skipf("packs are not on this machine yet and -short fetches none: %v", missing)
	}
	if err := store.Ensure(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
	return store
}
