package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// world is all that a worker works with, and that outlives it: a real store and
// registry, an index, a bucket and a model in memory.
type world struct {
	t       testing.TB
	store   store.Store
	reg     *registry.Registry
	indexes knowledge.Indexes
	bucket  *bucket
	model   *model
	log     *logs
	base    knowledge.Base
	source  knowledge.DataSource
	params  func(p *ingest.Params) // changes those of workers to come
	ahead   atomic.Int64           // how far the store's clock is ahead, ns
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// expire lets all leases run out.
func (w *world) expire() { w.ahead.Add(int64(time.Hour)) }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, indexes: &memory{indexes: map[string]*memoryIndex{}}, log: &logs{}, model: &model{},
		bucket: &bucket{files: map[string]file{}, opened: map[string]int{}}, params: func(*ingest.Params) {},
	}
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store, w.reg = s, newRegistry(s)
	if w.base, _, err = w.reg.CreateBase(t.Context(), knowledge.Base{Account: account, Region: region, Name: "kb", EmbeddingModel: "arn"}, store.Token{}); err != nil {
		t.Fatal(err)
	}
	w.source = w.addSource(knowledge.DataSource{Name: "docs", Kind: knowledge.S3, Bucket: "b"})
	return w
}

// newRegistry makes IDs that are the same in every world.
func newRegistry(s store.Store) *registry.Registry {
	var mu sync.Mutex
	ids := 0
	return registry.New(registry.Params{Store: s, NewID: func() string {
		mu.Lock()
		defer mu.Unlock()
		ids++
		return fmt.Sprintf("ID%08d", ids)
	}})
}

func (w *world) addSource(ds knowledge.DataSource) knowledge.DataSource {
	w.t.Helper()
	ds.Account, ds.Region, ds.Base = account, region, w.base.ID
	made, _, err := w.reg.CreateSource(w.t.Context(), ds, store.Token{})
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// start runs a worker until stop is called, or the test ends.
func (w *world) start() (stop func()) {
	w.t.Helper()
	p := ingest.Params{
		Registry: w.reg, Queue: w.store, Indexes: w.indexes, Sources: w.bucket, Embeddings: w.model, Parser: parser{}, Splitter: chunk.New(),
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    w.now, Lease: time.Minute, Poll: 10 * time.Millisecond, Watch: 5 * time.Millisecond, Pause: time.Millisecond, Patience: 5 * time.Second,
	}
	w.params(&p)
	return run(w.t, ingest.New(p))
}

func run(t testing.TB, worker *ingest.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := worker.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func (w *world) startJob() knowledge.Job {
	w.t.Helper()
	j, _, err := w.reg.StartJob(w.t.Context(), knowledge.Job{Account: account, Region: region, Base: w.base.ID, Source: w.source.ID}, store.Token{})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func (w *world) job(j knowledge.Job) knowledge.Job {
	w.t.Helper()
	got, err := w.reg.Job(w.t.Context(), account, region, j.Base, j.Source, j.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// sync runs a job to its end, with a worker that is running.
func (w *world) sync() knowledge.Job {
	w.t.Helper()
	return w.wait(w.startJob())
}

func (w *world) wait(j knowledge.Job) knowledge.Job {
	w.t.Helper()
	w.until("the job ends", func() bool {
		switch w.job(j).Status {
		case knowledge.JobComplete, knowledge.JobFailed, knowledge.JobStopped:
			return true
		default:
			return false
		}
	})
	return w.job(j)
}

// until waits for something that other goroutines bring about.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain until %s; log:\n%s", what, w.log)
		}
		time.Sleep(3 * time.Millisecond)
	}
}

// want compares the state and the statistics of a job.
func (w *world) want(j knowledge.Job, status knowledge.JobStatus, stats knowledge.Statistics) {
	w.t.Helper()
	if j.Status != status {
		w.t.Errorf("got a job that is %s (%v), want %s; log:\n%s", j.Status, j.Reasons, status, w.log)
	}
	if diff := cmp.Diff(stats, j.Statistics); diff != "" {
		w.t.Errorf("statistics (-want +got):\n%s", diff)
	}
}

// wantReasons compares the reasons of a job.
func (w *world) wantReasons(j knowledge.Job, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, j.Reasons, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func (w *world) index() *memoryIndex {
	w.t.Helper()
	index, err := w.indexes.Existing(w.t.Context(), w.base.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return index.(*memoryIndex)
}

// document is what the index has of a document, without the time.
func (w *world) document(id string) (entry, bool) {
	w.t.Helper()
	x := w.index()
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.documents[docKey{w.source.ID, id}]
	e.doc.Updated = time.Time{}
	return e, ok
}

// texts are the chunks of a document.
func (w *world) texts(id string) []string {
	w.t.Helper()
	e, _ := w.document(id)
	var texts []string
	for _, c := range e.content.Chunks {
		texts = append(texts, c.Text)
	}
	return texts
}

func (w *world) wantTexts(id string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.texts(id), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("chunks of %s (-want +got):\n%s", id, diff)
	}
}

func (w *world) wantStatus(id string, status knowledge.DocumentStatus, reason string) {
	w.t.Helper()
	e, ok := w.document(id)
	if !ok || e.doc.Status != status || e.doc.Reason != reason {
		w.t.Errorf("%s: got %t, %s, %q, want %s, %q", id, ok, e.doc.Status, e.doc.Reason, status, reason)
	}
}

// logs is a log that a test can read.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
