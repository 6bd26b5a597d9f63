package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

var update = flag.Bool("update", false, "rewrite golden files")

// noSink refuses to be opened: an operation that gets that far is built.
type noSink struct{}

var errOpened = errors.New("opened")

func (noSink) Open(any) error { return errOpened }
func (noSink) Send(any) error { return errOpened }

// built reports whether a handler does anything: whatever it answers to an
// empty input, and a panic too, is more than Unimplemented has to say.
func built(h schema.Handler) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing shall be computed
	var err error
	if h.Unary != nil {
		_, err = h.Unary(ctx, h.Op.Input.New())
	} else {
		err = h.Stream(ctx, h.Op.Input.New(), nil, noSink{})
	}
	return !errors.Is(err, schema.ErrNotImplemented)
}

// TestUnimplementedOperations keeps the list of operations that are answered by
// an honest error, in testdata/unimplemented.txt: it must shrink knowingly.
func TestUnimplementedOperations(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	var lines []string
	total, missing := 0, 0
	for _, svc := range a.edgeServices {
		for _, h := range svc.Handlers {
			total++
			if !built(h) {
				missing++
				lines = append(lines, svc.Schema.ID+" "+h.Op.Name)
			}
		}
	}
	slices.Sort(lines)
	got := fmt.Sprintf("# %d of %d operations answer that they are not implemented yet.\n%s\n", missing, total, strings.Join(lines, "\n"))
	path := filepath.Join("testdata", "unimplemented.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("unimplemented operations, run with -update to accept (-want +got):\n%s", diff)
	}
}
