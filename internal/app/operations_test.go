package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

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
	goldentest.Check(t, "testdata/unimplemented.txt", got)
}
