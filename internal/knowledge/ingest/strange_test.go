package ingest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
)

// strange is a splitter that some texts are too much for.
type strange struct{ chunk.Splitter }

func (s strange) Split(ctx context.Context, text *document.Text, how knowledge.Chunking, m chunk.Model) (*knowledge.Content, error) {
	switch text.Pages[0].Text {
	case "cannot be cut":
		panic("a bug in a splitter")
	case "!many":
		passage := strings.Repeat("word ", 1000)
		return &knowledge.Content{Chunks: slices.Repeat([]knowledge.Chunk{{Text: passage, Parent: -1, Page: -1}}, 250_000)}, nil
	}
	return s.Splitter.Split(ctx, text, how, m)
}

func TestStrangeTextsFailAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.params = func(p *ingest.Params) { p.Splitter = strange{p.Splitter} }
	w.start()
	w.bucket.put(uri+"good.txt", "good")
	w.bucket.put(uri+"many.csv", "!many")
	w.bucket.put(uri+"panic.txt", "cannot be cut")
	j := w.sync()
	w.want(j, knowledge.JobComplete, knowledge.Statistics{Scanned: 3, New: 1, Failed: 2})
	w.wantStatus(uri+"many.csv", knowledge.Failed, "The file makes too many passages, or they overlap too much. Split the file, or choose other passages.")
	w.wantStatus(uri+"panic.txt", knowledge.Failed, "The file cannot be read.")
	if log := w.log.String(); !strings.Contains(log, "a bug in a splitter") {
		t.Errorf("got the log %s, want the panic in it", log)
	}
}
