package runner

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/runner/llama"
)

// fakeEncoder notes which requests each batch is of: their tokens are their IDs.
type fakeEncoder struct {
	room    int
	batch   []llama.Token
	last    int // sequence
	batches [][]int
	encode  func() error
}

func (f *fakeEncoder) Reset()         { f.batch, f.last = f.batch[:0], -1 }
func (f *fakeEncoder) Len() int       { return len(f.batch) }
func (f *fakeEncoder) Room() int      { return f.room - len(f.batch) }
func (f *fakeEncoder) Decode() error  { return errors.New("an encoder does not decode") }
func (f *fakeEncoder) HasCache() bool { return false }
func (f *fakeEncoder) Clear()         {}
func (f *fakeEncoder) SetThreads(int) {}

func (f *fakeEncoder) Add(t llama.Token, _, seq int, _ llama.Output) int {
	if seq != f.last {
		f.last = seq
		if seq == 0 {
			f.batches = append(f.batches, nil)
		}
		n := len(f.batches) - 1
		f.batches[n] = append(f.batches[n], int(t))
	}
	f.batch = append(f.batch, t)
	return len(f.batch) - 1
}

func (f *fakeEncoder) Encode() error {
	if f.encode != nil {
		return f.encode()
	}
	return nil
}

func (f *fakeEncoder) Embedding(int, int) []float32 { return []float32{3, 4} }

// newEmbedder packs ten tokens into a batch, which has room for so many.
func newEmbedder(t *testing.T, room int) (*embedder, *fakeEncoder, *[]uint32) {
	t.Helper()
	f := &fakeEncoder{room: room}
	out := newOutput(io.Discard)
	t.Cleanup(out.close)
	var gone []uint32
	return &embedder{
		comp: f, out: out, now: time.Now, threads: newThreads(1, unknown), dims: 2, sequences: 4, packed: 10,
		forget: func(id uint32) { gone = append(gone, id) },
		wake:   make(chan struct{}, 1),
	}, f, &gone
}

// texts is a request for texts of so many tokens.
func texts(id uint32, tokens ...int) *embedding {
	j := &embedding{id: id, canceled: new(atomic.Bool), vectors: make([][]float32, len(tokens))}
	for _, n := range tokens {
		j.texts = append(j.texts, slices.Repeat([]llama.Token{llama.Token(id)}, n))
	}
	return j
}

func TestEmbedderPacksTexts(t *testing.T) {
	t.Parallel()
	e, f, gone := newEmbedder(t, 100)
	e.submit(texts(1, 4, 6, 5, 6, 30, 2, 2, 2, 2, 2))
	for e.step() {
	}
	want := [][]int{{1, 1}, {1}, {1}, {1}, {1, 1, 1, 1}, {1}}
	if diff := cmp.Diff(want, f.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint32{1}, *gone); diff != "" {
		t.Errorf("requests that are over (-want +got):\n%s", diff)
	}
}

// A question that comes while documents are embedded is in the next batch, and
// documents are embedded while questions keep coming.
func TestEmbedderServesShortRequestsFirst(t *testing.T) {
	t.Parallel()
	e, f, _ := newEmbedder(t, 100)
	e.submit(texts(1, 8, 8, 8, 8, 8, 8))
	e.submit(texts(2, 8, 8, 8))
	e.step()
	e.submit(texts(3, 2))
	e.step()
	want := [][]int{{2}, {3, 2}}
	if diff := cmp.Diff(want, f.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	f.batches = nil
	for id := range uint32(2 * oldestEvery) {
		e.submit(texts(10+id, 10))
		e.step()
	}
	served := 0
	for _, b := range f.batches {
		if slices.Contains(b, 1) {
			served++
		}
	}
	if served != 2 {
		t.Errorf("got %d batches of the oldest request in %v, want 2", served, f.batches)
	}
}

func TestEmbedderFailsWhatWasInTheBatch(t *testing.T) {
	t.Parallel()
	e, f, gone := newEmbedder(t, 100)
	f.encode = func() error { return errors.New("broken") }
	e.submit(texts(1, 5, 5, 5))
	e.submit(texts(2, 10, 10))
	e.step()
	f.encode = nil
	for e.step() {
	}
	if diff := cmp.Diff([]uint32{1, 2}, *gone); diff != "" {
		t.Errorf("requests that are over (-want +got):\n%s", diff)
	}
	if got := len(f.batches); got != 3 {
		t.Errorf("got %d batches, want one of the first and two of the second", got)
	}
}

func TestEmbedderDropsCanceled(t *testing.T) {
	t.Parallel()
	e, f, gone := newEmbedder(t, 100)
	j := texts(1, 10, 10, 10)
	e.submit(j)
	e.step()
	j.canceled.Store(true)
	if e.step() || len(f.batches) != 1 {
		t.Errorf("got %d batches, want none after the cancellation", len(f.batches))
	}
	if diff := cmp.Diff([]uint32{1}, *gone); diff != "" {
		t.Errorf("requests that are over (-want +got):\n%s", diff)
	}
}
