package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/store"
)

// machine is a process that dies at one of its operations on what outlives it:
// before the operation, or after it without learning that it succeeded. From
// then on all of its operations fail, so that nothing of it is left.
type machine struct {
	at    int // which operation, from 1; 0: none
	after bool
	died  chan struct{}

	mu   sync.Mutex // operations do not overlap, as none must when it is dead
	n    int
	dead bool
}

var errDead = errors.New("this process was killed")

func (m *machine) do(operation func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errDead
	}
	m.n++
	if m.n == m.at {
		m.dead = true
		close(m.died)
		if !m.after {
			return errDead
		}
	}
	err := operation()
	if m.dead {
		return errDead
	}
	return err
}

type mortalStore struct {
	store.Store

	m *machine
}

func (s mortalStore) Update(ctx context.Context, r store.Record, enqueue ...store.Job) (made store.Record, err error) {
	err = s.m.do(func() (err error) {
		made, err = s.Store.Update(ctx, r, enqueue...)
		return err
	})
	return made, err
}

func (s mortalStore) Claim(ctx context.Context, kinds []string, lease time.Duration) (j store.Job, ok bool, err error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.dead {
		return j, false, errDead
	}
	return s.Store.Claim(ctx, kinds, lease) // is repeated any number of times, so it is not counted
}

func (s mortalStore) Finish(ctx context.Context, j store.Job) error {
	return s.m.do(func() error { return s.Store.Finish(ctx, j) })
}

func (s mortalStore) Release(ctx context.Context, j store.Job, at time.Time) error {
	return s.m.do(func() error { return s.Store.Release(ctx, j, at) })
}

type mortalIndexes struct {
	knowledge.Indexes

	m *machine
}

func (x mortalIndexes) Open(ctx context.Context, base string, spec knowledge.Spec) (knowledge.Index, error) {
	index, err := x.Indexes.Open(ctx, base, spec)
	return mortalIndex{index, x.m}, err
}

func (x mortalIndexes) Existing(ctx context.Context, base string) (knowledge.Index, error) {
	index, err := x.Indexes.Existing(ctx, base)
	return mortalIndex{index, x.m}, err
}

type mortalIndex struct {
	knowledge.Index

	m *machine
}

func (x mortalIndex) Put(ctx context.Context, job string, doc knowledge.Document, content *knowledge.Content, outcome knowledge.Outcome) error {
	return x.m.do(func() error { return x.Index.Put(ctx, job, doc, content, outcome) })
}

func (x mortalIndex) PutMetadata(ctx context.Context, job string, doc knowledge.Document, metadata knowledge.Metadata, outcome knowledge.Outcome) error {
	return x.m.do(func() error { return x.Index.PutMetadata(ctx, job, doc, metadata, outcome) })
}

func (x mortalIndex) Remove(ctx context.Context, job, source string, ids []string, outcome knowledge.Outcome) error {
	return x.m.do(func() error { return x.Index.Remove(ctx, job, source, ids, outcome) })
}

func (x mortalIndex) Forget(ctx context.Context, job string) error {
	return x.m.do(func() error { return x.Index.Forget(ctx, job) })
}

// result is what must be the same, however often the server was killed.
type result struct {
	Status    knowledge.JobStatus
	Stats     knowledge.Statistics
	Reasons   []string
	Documents map[string]knowledge.Document
	Contents  map[string]knowledge.Content
	Outcomes  int // that were not forgotten
}

// story is a job with everything in it, after another one, on a server that is
// killed at some of its operations. It returns the result and how many
// operations the first server did.
func story(t *testing.T, crashes []machine) (result, int) {
	t.Helper()
	w := newWorld(t)
	stop := w.start()
	for i := range 6 {
		w.bucket.put(fmt.Sprintf("%sold%d", uri, i), fmt.Sprintf("old text %d", i))
	}
	w.bucket.put(uri+"old1.metadata.json", `{"metadataAttributes":{"k":1}}`)
	w.bucket.put(uri+"old2", "!unsupported")
	w.sync()
	stop()

	w.fill(8)
	w.bucket.put(uri+"long", longText)
	w.bucket.put(uri+"old0", "changed")
	w.bucket.put(uri+"old1.metadata.json", `{"metadataAttributes":{"k":2}}`)
	w.bucket.put(uri+"old3", "!invalid")
	w.bucket.put(uri+"bad", "!invalid")
	w.bucket.put(uri+"other", "!unsupported")
	w.bucket.remove(uri + "old4")
	w.bucket.remove(uri + "old5")

	j := w.startJob()
	parts := func(m *machine) func(p *ingest.Params) {
		return func(p *ingest.Params) {
			s := mortalStore{w.store, m}
			p.Queue, p.Registry, p.Indexes = s, newRegistry(s), mortalIndexes{w.indexes, m}
			p.Readers, p.Poll = 1, 20*time.Millisecond
		}
	}
	operations := 0
	for i := range crashes {
		m := &crashes[i]
		w.params = parts(m)
		stop := w.start()
		w.until("the server is killed or the job is over", func() bool {
			select {
			case <-m.died:
				return true
			default:
				return finished(w.job(j)) && w.idle()
			}
		})
		stop()
		w.expire()
		operations = max(operations, m.n)
	}
	last := &machine{}
	w.params = parts(last)
	stop = w.start()
	j = w.wait(j)
	w.until("the queue is empty", w.idle)
	stop()
	r := result{Status: j.Status, Stats: j.Statistics, Reasons: j.Reasons, Documents: map[string]knowledge.Document{}, Contents: map[string]knowledge.Content{}}
	x := w.index()
	for key, e := range x.documents {
		e.doc.Updated = time.Time{}
		r.Documents[key.id], r.Contents[key.id] = e.doc, e.content
	}
	r.Outcomes = len(x.outcomes)
	return r, max(operations, last.n)
}

func finished(j knowledge.Job) bool {
	return j.Status == knowledge.JobComplete || j.Status == knowledge.JobFailed || j.Status == knowledge.JobStopped
}

// idle reports whether nothing is left in the queue: work of a group that is
// done lets the next of the group be claimed.
func (w *world) idle() bool {
	w.t.Helper()
	probe := store.Job{ID: "probe", Kind: "probe", Group: w.base.ID + "/" + w.source.ID}
	if err := w.store.Enqueue(w.t.Context(), probe); err != nil {
		w.t.Fatal(err)
	}
	j, ok, err := w.store.Claim(w.t.Context(), []string{"probe"}, time.Minute)
	if err == nil && ok {
		err = w.store.Finish(w.t.Context(), j)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return ok
}

// longText makes many chunks.
var longText = func() string {
	text := ""
	for i := range 3000 {
		text += fmt.Sprintf("word%d ", i)
		if i%20 == 19 {
			text += "end.\n\n"
		}
	}
	return text
}()

// seed is printed, and can be given to repeat a run.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv("OUTCROP_TEST_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("OUTCROP_TEST_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

func TestKilledAnywhereTheIndexIsTheSame(t *testing.T) {
	t.Parallel()
	want, operations := story(t, nil)
	if stats := (knowledge.Statistics{Scanned: 15, MetadataScanned: 1, New: 9, Modified: 1, MetadataModified: 1, Deleted: 2, Failed: 2, Skipped: 2}); want.Stats != stats || want.Status != knowledge.JobComplete {
		t.Fatalf("undisturbed: got %s, %+v, want %+v", want.Status, want.Stats, stats)
	}
	if len(want.Contents[uri+"long"].Chunks) < 5 || want.Outcomes != 0 {
		t.Fatalf("undisturbed: got %d chunks of the long document and the outcomes of %d jobs", len(want.Contents[uri+"long"].Chunks), want.Outcomes)
	}
	random := seed(t)
	check := func(name string, crashes []machine) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range crashes {
				crashes[i].died = make(chan struct{})
			}
			got, _ := story(t, crashes)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-undisturbed +killed:\n%s", diff)
			}
		})
	}
	// At every operation, before and after it. A machine that is slow makes more
	// of them, as the record is brought up to date now and then.
	for at := 1; at <= min(operations, 40); at++ {
		check(fmt.Sprintf("before %d", at), []machine{{at: at}})
		check(fmt.Sprintf("after %d", at), []machine{{at: at, after: true}})
	}
	// Again and again.
	for i := range 2 {
		crashes := make([]machine, 20)
		for k := range crashes {
			crashes[k].at, crashes[k].after = 1+random.IntN(3), random.IntN(2) == 0
		}
		check(fmt.Sprintf("20 times, %d", i), crashes)
	}
}
