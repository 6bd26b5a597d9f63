package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
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
	for i := range 2000 {
		content.Chunks = append(content.Chunks, knowledge.Chunk{ID: fmt.Sprint(i), Text: "part of a large document", Parent: -1, Page: -1, Vector: v})
	}
	began := time.Now()
	if err := index.Put(t.Context(), "", knowledge.Document{Source: source, ID: "2"}, content, ""); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	canceled := 0
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), took*time.Duration(i)/60)
		err := index.Put(ctx, "", knowledge.Document{Source: source, ID: "3"}, content, "")
		cancel()
		switch {
		case fault.Is(err, fault.Timeout):
			canceled++
		case err != nil:
			t.Fatalf("a write: got %v (%s), want %v", err, fault.KindOf(err), fault.Timeout)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i*50)*time.Microsecond)
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
