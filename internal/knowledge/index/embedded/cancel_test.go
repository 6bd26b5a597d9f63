package embedded_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
)

// TestCanceledInTheMiddle stops writes of a large document wherever they are,
// and searches: whoever has stopped them must not be told of a broken server.
func TestCanceledInTheMiddle(t *testing.T) {
	t.Parallel()
	index := openSmall(t, t.TempDir())
	putVersion(t, index, 1, 1)
	_, content := version(1, 1)
	v := content.Chunks[0].Vector
	content.Chunks = nil
	for i := range 500 {
		content.Chunks = append(content.Chunks, knowledge.Chunk{ID: fmt.Sprint(i), Text: "part of a large document", Parent: -1, Page: -1, Vector: v})
	}
	began := time.Now()
	if err := index.Put(t.Context(), "", knowledge.Document{Source: source, ID: "2"}, content, ""); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	canceled := 0
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), took*time.Duration(i)/30)
		err := index.Put(ctx, "", knowledge.Document{Source: source, ID: "3"}, content, "")
		cancel()
		switch {
		case fault.Is(err, fault.Timeout):
			canceled++
		case err != nil:
			t.Fatalf("a write: got %v (%s), want %v", err, fault.KindOf(err), fault.Timeout)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i*100)*time.Microsecond)
		_, err = index.Search(ctx, knowledge.Query{Mode: knowledge.HybridSearch, Vector: v, Text: "part", Limit: 50})
		cancel()
		if err != nil && !fault.Is(err, fault.Timeout) {
			t.Fatalf("a search: got %v (%s), want %v", err, fault.KindOf(err), fault.Timeout)
		}
	}
	if canceled == 0 {
		t.Errorf("got %d canceled writes, want some", canceled)
	}
	if len(find(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "round1", Limit: 10})) == 0 {
		t.Error("got nothing of the document before, want it unharmed")
	}
}

// TestOpeningGoesOn opens a large index for clients none of whom waits for long.
func TestOpeningGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, err := embedded.Open(dir, embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	index, err := before.Open(t.Context(), base, smallSpec())
	if err != nil {
		t.Fatal(err)
	}
	for id := range 200 {
		doc, content := version(id, 1)
		if err := index.Put(t.Context(), "", doc, content, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	indexes := open(t, dir)
	for tries := 0; ; tries++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := indexes.Open(ctx, base, smallSpec())
		cancel()
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Timeout) || tries == 5000 {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
}

// TestOpenBesideExisting makes an index while others ask whether there is one.
func TestOpenBesideExisting(t *testing.T) {
	t.Parallel()
	indexes := open(t, t.TempDir())
	for i := range 60 {
		name := fmt.Sprint("KB", i)
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() {
				if _, err := indexes.Existing(t.Context(), name); err != nil && !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
			})
			running.Go(func() {
				if _, err := indexes.Open(t.Context(), name, smallSpec()); err != nil {
					t.Errorf("make %s: %v", name, err)
				}
			})
		}
		running.Wait()
	}
}
