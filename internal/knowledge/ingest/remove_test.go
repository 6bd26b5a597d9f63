package ingest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
)

func (w *world) untilGone(what string, look func() error) {
	w.t.Helper()
	w.until(what+" is gone", func() bool { return fault.Is(look(), fault.NotFound) })
}

func (w *world) lookForSource() error {
	_, err := w.reg.Source(w.t.Context(), account, region, w.base.ID, w.source.ID)
	return err
}

func (w *world) lookForBase() error {
	_, err := w.reg.Base(w.t.Context(), account, region, w.base.ID)
	return err
}

func TestDeleteSource(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retain bool
		want   int
	}{"delete": {false, 0}, "retain": {true, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.source = w.addSource(knowledge.DataSource{Name: "other", Kind: knowledge.S3, Bucket: "b", Retain: test.retain})
			w.start()
			w.fill(3)
			w.sync()
			if _, err := w.reg.DeleteSource(t.Context(), account, region, w.base.ID, w.source.ID); err != nil {
				t.Fatal(err)
			}
			w.untilGone("the data source", w.lookForSource)
			if got := len(w.index().documents); got != test.want {
				t.Errorf("got %d documents, want %d", got, test.want)
			}
		})
	}
}

func TestDeleteWhileItIsSynced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.fill(200)
	entered := w.blocked(100)
	w.startJob()
	<-entered
	if _, err := w.reg.DeleteSource(t.Context(), account, region, w.base.ID, w.source.ID); err != nil {
		t.Fatal(err)
	}
	w.untilGone("the data source", w.lookForSource)
	if got := len(w.index().documents); got != 0 {
		t.Errorf("got %d documents of a data source that is gone, want none", got)
	}
}

func TestDeleteBaseWhileItIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	custom := w.addSource(knowledge.DataSource{Name: "custom", Kind: knowledge.Custom})
	w.fill(200)
	entered := w.blocked(100)
	w.startJob()
	<-entered
	w.source = custom
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "x", Text: text("x")}}})
	if _, err := w.reg.DeleteBase(t.Context(), account, region, w.base.ID); err != nil {
		t.Fatal(err)
	}
	w.untilGone("the base", w.lookForBase)
	if _, err := w.indexes.Existing(t.Context(), w.base.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("got an index (%v) of a base that is gone", err)
	}
}

// stubborn are indexes that cannot be dropped for a while.
type stubborn struct {
	knowledge.Indexes

	refuse atomic.Bool
}

func (s *stubborn) Drop(ctx context.Context, base string) error {
	if s.refuse.Load() {
		return fault.New(fault.Unavailable, "The disk is broken.")
	}
	return s.Indexes.Drop(ctx, base)
}

func TestDeletionThatFailsShowsAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	indexes := &stubborn{Indexes: w.indexes}
	indexes.refuse.Store(true)
	w.params = func(p *ingest.Params) { p.Indexes, p.Pause = indexes, time.Microsecond }
	w.start()
	if _, err := w.reg.DeleteBase(t.Context(), account, region, w.base.ID); err != nil {
		t.Fatal(err)
	}
	w.until("the deletion is given up", func() bool {
		b, err := w.reg.Base(t.Context(), account, region, w.base.ID)
		return err == nil && b.Status == knowledge.BaseDeleteUnsuccessful && len(b.Reasons) == 1 && b.Reasons[0] == "The disk is broken."
	})
	indexes.refuse.Store(false)
	if _, err := w.reg.DeleteBase(t.Context(), account, region, w.base.ID); err != nil {
		t.Fatal(err)
	}
	w.untilGone("the base", w.lookForBase)
}
