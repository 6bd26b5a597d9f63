package ingest_test

import (
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
)

func TestWatchedFolderFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start()
	w.bucket.put(uri+"a", "alpha")
	// Added while the worker runs, as another process does.
	w.source = w.addSource(knowledge.DataSource{Name: "folder", Kind: knowledge.Folder, Path: "/docs", Watch: true})
	indexed := func(id, want string) {
		t.Helper()
		w.until(id+" is indexed", func() bool {
			if _, err := w.indexes.Existing(t.Context(), w.base.ID); err != nil {
				return false
			}
			texts := w.texts(id)
			return len(texts) == 1 && texts[0] == want
		})
	}
	indexed(uri+"a", "alpha")
	w.bucket.put(uri+"b", "beta")
	w.bucket.put(uri+"a", "alpha two")
	indexed(uri+"b", "beta")
	indexed(uri+"a", "alpha two")
	w.bucket.remove(uri + "a")
	w.until("a is gone", func() bool { _, ok := w.document(uri + "a"); return !ok })

	// A folder that cannot be read for a while is not an empty one.
	w.bucket.set(func(b *bucket) { b.listErr = fault.New(fault.NotFound, "The folder /docs does not exist.") })
	w.until("the log tells", func() bool { return strings.Contains(w.log.String(), "does not exist") })
	w.wantTexts(uri+"b", "beta")
	w.bucket.set(func(b *bucket) { b.listErr = nil })
	w.bucket.put(uri+"c", "gamma")
	indexed(uri+"c", "gamma")
	w.until("the last job ends", func() bool { return !w.active() })
	stop()

	// A restart that finds nothing new starts no job.
	before := w.jobs()
	w.start()
	w.bucket.put(uri+"d", "delta")
	indexed(uri+"d", "delta")
	w.until("the last job ends", func() bool { return !w.active() })
	if got := w.jobs() - before; got != 1 {
		t.Errorf("got %d jobs after the restart, want one, for the file that is new", got)
	}
}

func (w *world) list() []knowledge.Job {
	w.t.Helper()
	jobs, _, err := w.reg.Jobs(w.t.Context(), account, region, w.base.ID, w.source.ID, registry.JobQuery{})
	if err != nil {
		w.t.Fatal(err)
	}
	return jobs
}

func (w *world) jobs() int { return len(w.list()) }

func (w *world) active() bool {
	for _, j := range w.list() {
		if !finished(j) {
			return true
		}
	}
	return false
}
