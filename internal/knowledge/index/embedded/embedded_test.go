package embedded_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/index/indextest"
)

func open(t testing.TB, dir string) *embedded.Indexes {
	t.Helper()
	return openWith(t, dir, embedded.Params{})
}

func openWith(t testing.TB, dir string, p embedded.Params) *embedded.Indexes {
	t.Helper()
	indexes, err := embedded.Open(dir, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := indexes.Close(); err != nil {
			t.Error(err)
		}
	})
	return indexes
}

func TestContract(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(t testing.TB) indextest.Subject {
		dir := t.TempDir()
		return func(t testing.TB) knowledge.Indexes { return open(t, dir) }
	})
}
