package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// queue gives documents to the data source.
func (w *world) queue(work registry.DocumentsWork) {
	w.t.Helper()
	if err := w.reg.QueueDocuments(w.t.Context(), w.source, work, store.Token{}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) untilDone() {
	w.t.Helper()
	w.until("the documents are done", func() bool {
		busy, err := w.reg.Busy(w.t.Context(), w.source)
		if err != nil {
			w.t.Fatal(err)
		}
		return !busy
	})
}

func text(s string) *string { return &s }

func TestDirectDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source = w.addSource(knowledge.DataSource{Name: "custom", Kind: knowledge.Custom})
	w.start()
	w.bucket.put(uri+"object.txt", "in the bucket")
	w.bucket.put(uri+"elsewhere.json", `{"metadataAttributes":{"k":"v","e":{"value":{"type":"STRING","stringValue":"E"},"includeForEmbedding":true}}}`)
	w.bucket.put(uri+"broken.json", `{`)
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{
		{ID: "text", Text: text("<b>as it is</b>"), Metadata: knowledge.Metadata{"a": knowledge.String("b")}, EmbedKeys: []string{"a"}},
		{ID: "twice", Text: text("first")},
		{ID: "bytes", MIME: "text/plain", Content: []byte("some bytes")},
		{ID: "bad", MIME: "application/pdf", Content: []byte("!invalid")},
		{ID: "image", MIME: "image/png", Content: []byte("!unsupported")},
		{ID: "object", FromSource: true, Object: uri + "object.txt", MetadataURI: uri + "elsewhere.json"},
		{ID: "missing", FromSource: true, Object: uri + "missing.txt"},
		{ID: "no-uri", FromSource: true, Object: "https://example.com"},
		{ID: "no-metadata", Text: text("x"), MetadataURI: uri + "missing.json"},
		{ID: "bad-metadata", Text: text("x"), MetadataURI: uri + "broken.json"},
		{ID: "twice", Text: text("second")},
	}})
	w.untilDone()
	w.wantTexts("text", "<b>as it is</b>")
	e, _ := w.document("text")
	if !cmp.Equal(e.content.Chunks[0].Vector, vectorOf("a: b\n\n<b>as it is</b>")) || !cmp.Equal(e.content.Metadata, knowledge.Metadata{"a": knowledge.String("b")}) {
		t.Errorf("got %+v, want its metadata, embedded too", e.content)
	}
	w.wantTexts("twice", "second")
	w.wantTexts("bytes", "some bytes")
	w.wantTexts("object", "in the bucket")
	if e, _ := w.document("object"); !cmp.Equal(e.content.Metadata, knowledge.Metadata{"k": knowledge.String("v"), "e": knowledge.String("E")}) ||
		!cmp.Equal(e.content.Chunks[0].Vector, vectorOf("e: E\n\nin the bucket")) {
		t.Errorf("got %+v, want the metadata of its file", e.content)
	}
	w.wantStatus("text", knowledge.Indexed, "")
	w.wantStatus("bad", knowledge.Failed, "The file is encrypted.")
	w.wantStatus("image", knowledge.Ignored, "Files of this format are not read.")
	w.wantStatus("missing", knowledge.Failed, "The object cannot be read. There is no s3://b/missing.txt.")
	w.wantStatus("no-uri", knowledge.Failed, "The object cannot be read. It is not the URI of an object in S3.")
	w.wantStatus("no-metadata", knowledge.Failed, "The metadata file cannot be used. There is no s3://b/missing.json.")
	w.wantStatus("bad-metadata", knowledge.Failed, "The metadata file cannot be used. The metadata file is not JSON of the expected form.")

	// Later requests win, whatever worker has them.
	for range 10 {
		w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "text", Text: text("older")}, {ID: "bytes", Text: text("!")}}})
	}
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "text", Text: text("newer")}}})
	w.queue(registry.DocumentsWork{Delete: []string{"bytes", "never"}})
	w.untilDone()
	w.wantTexts("text", "newer")
	if _, ok := w.document("bytes"); ok {
		t.Error("got a document that was deleted")
	}
}

func TestDirectDocumentsOfABucketAreNotSyncedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.bucket.put(uri+"a.txt", "alpha")
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: uri + "a.txt", FromSource: true, Object: uri + "a.txt"}}})
	w.untilDone()
	w.wantTexts(uri+"a.txt", "alpha")
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 1})
}

func TestDirectDocumentsShowWhereTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.params = func(p *ingest.Params) { p.Readers = 1 }
	stop := w.start()
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("old")}}})
	w.untilDone()
	entered := w.blocked(0)
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("new")}, {ID: "fresh", Text: text("new")}}})
	<-entered
	w.wantStatus("known", knowledge.InProgress, "")
	w.wantTexts("known", "old")
	_, _, err := w.reg.StartJob(t.Context(), knowledge.Job{Account: account, Region: region, Base: w.base.ID, Source: w.source.ID}, store.Token{})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v, want Invalid while documents wait", err)
	}
	stop() // as a restart does
	w.model.set(nil)
	w.start()
	w.untilDone()
	w.wantTexts("known", "new")
	w.wantTexts("fresh", "new")
	w.wantStatus("fresh", knowledge.Indexed, "")
}

func TestDirectDocumentsFailWhenTheModelIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("old")}}})
	w.untilDone()
	w.model.set(func(context.Context, []string) error { return fault.New(fault.Unavailable, "The model is gone.") })
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("new")}, {ID: "fresh", Text: text("new")}}})
	w.untilDone()
	w.wantStatus("fresh", knowledge.Failed, "The model is gone.")
	w.wantStatus("known", knowledge.Failed, "The model is gone.")
	w.wantTexts("known", "old")
}

func TestDirectDocumentsThatNeverEndAreGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start()
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("old")}}})
	w.untilDone()
	stop()
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "known", Text: text("kills the server")}}})
	for range 99 { // as many crashes
		job, ok, err := w.store.Claim(t.Context(), []string{registry.WorkDocuments}, time.Hour)
		if err == nil && ok {
			err = w.store.Release(t.Context(), job, time.Time{})
		}
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	w.start()
	w.untilDone()
	w.wantStatus("known", knowledge.Failed, "The request was interrupted 100 times and is given up.")
	w.wantTexts("known", "old")
}
