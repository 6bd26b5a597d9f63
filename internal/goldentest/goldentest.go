// Package goldentest compares what a test got with a file of what it should get.
// With the flag -update a test writes its files instead, for git to show what
// has changed.
//
// It is used by tests only.
package goldentest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update is a flag of every test that uses the package.
var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag of the test binary

// Updating reports whether the test was asked to write its files. It is for
// tests whose files hold the question too.
func Updating() bool { return *update }

// Check compares got with a file, or writes the file first.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, run with -update to accept (-want +got):\n%s", file, diff)
	}
}
