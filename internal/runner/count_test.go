package runner

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Texts are counted one by one, and no tokenizer gets more than a slice at once.
func TestCounts(t *testing.T) {
	t.Parallel()
	p, f := fakePrompter(1, 1)
	got, err := p.counts(t.Context(), []string{"abcde", "", strings.Repeat("a", 2*sliceBytes+1), "\xff"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 0, sliceBytes/2 + 1, 1}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{5, sliceBytes, sliceBytes, 1, 3}, f.sizes); diff != "" {
		t.Errorf("bytes tokenized (-want +got):\n%s", diff)
	}
}

// While as many requests are prepared as may be, texts are counted, and while
// texts are counted, requests are prepared.
func TestCountingHasATurnOfItsOwn(t *testing.T) {
	t.Parallel()
	p, f := fakePrompter(1<<10, 128)
	in, out := make(chan struct{}), make(chan struct{})
	f.enter = func() {
		in <- struct{}{}
		<-out
	}
	s := newSession(newOutput(io.Discard))
	defer s.out.close()
	s.model = &loaded{prompter: p, scheduler: &scheduler{}}
	close(s.ready)
	for id := range uint32(mostPreparing) {
		s.start(t.Context(), protocol.Frame{Kind: protocol.KindCount, ID: id + 1, Payload: []byte(`{"prompt":{"Text":"abcd"}}`)})
		<-in
	}
	wire := protocol.AppendCountTexts(nil, 10, protocol.CountTexts{Texts: []string{"abcd"}})
	texts, err := protocol.Read(strings.NewReader(string(wire)))
	if err != nil {
		t.Fatal(err)
	}
	s.start(t.Context(), texts)
	<-in // nothing has left yet
	for range mostPreparing + 1 {
		out <- struct{}{}
	}
}
