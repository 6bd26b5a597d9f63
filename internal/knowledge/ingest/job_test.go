package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// fill puts n small documents into the bucket.
func (w *world) fill(n int) {
	for i := range n {
		w.bucket.put(fmt.Sprintf("%s%04d.txt", uri, i), fmt.Sprintf("document number %d", i))
	}
}

func TestSmallDocumentsShareRequestsAndTheModelNeverWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const documents = 300
	w.fill(documents)
	// Requests are answered by hand: the second one must come before the first
	// is answered.
	arrived, answer := make(chan int), make(chan struct{})
	w.model.set(func(ctx context.Context, texts []string) error {
		select {
		case arrived <- len(texts):
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-answer:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	w.start()
	j := w.startJob()
	requests, texts := 0, 0
	for range 3 {
		texts += <-arrived
		requests++
	}
	for texts < documents {
		// The model is slower than the readers.
		w.until("the next batch is read", func() bool {
			w.bucket.mu.Lock()
			defer w.bucket.mu.Unlock()
			return len(w.bucket.opened) >= min(documents, texts+32)
		})
		answer <- struct{}{}
		texts += <-arrived
		requests++
	}
	for range 3 {
		answer <- struct{}{}
	}
	w.want(w.wait(j), knowledge.JobComplete, knowledge.Statistics{Scanned: documents, New: documents})
	if requests > documents/32+6 {
		t.Errorf("got %d requests for %d documents, want most of them to have 32 texts", requests, documents)
	}
}

func TestTextThatTheModelFailsOnCostsItsDocumentAlone(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]fault.Kind{"refused": fault.Invalid, "failed": fault.Upstream, "killed": fault.Unavailable, "unclassified": fault.Internal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.fill(40)
			w.bucket.put(uri+"0020.txt", "poison")
			w.model.set(func(_ context.Context, texts []string) error {
				if slices.Contains(texts, "poison") {
					return fault.New(kind, "The model failed.")
				}
				return nil
			})
			j := w.sync()
			w.want(j, knowledge.JobComplete, knowledge.Statistics{Scanned: 40, New: 39, Failed: 1})
			if len(j.Reasons) != 1 || !strings.Contains(j.Reasons[0], uri+"0020.txt]") || strings.Contains(j.Reasons[0], "poison") {
				t.Errorf("got the reasons %q, want one that names the file and not its text", j.Reasons)
			}
		})
	}
}

func TestModelThatIsGoneEndsTheJob(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind fault.Kind
		when int // texts that are embedded before
	}{
		"unavailable":     {fault.Unavailable, 0},
		"not found":       {fault.NotFound, 0},
		"fails on all":    {fault.Upstream, 0},
		"dies in between": {fault.Unavailable, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.fill(120)
			var embedded atomic.Int64
			w.model.set(func(_ context.Context, texts []string) error {
				if embedded.Add(int64(len(texts))) > int64(test.when) {
					return fault.New(test.kind, "The model is gone.")
				}
				return nil
			})
			j := w.sync()
			if j.Status != knowledge.JobFailed || len(j.Reasons) == 0 || j.Reasons[0] != "Encountered error: The model is gone." {
				t.Fatalf("got %s, %q, want a job that failed with the model's reason", j.Status, j.Reasons)
			}
			w.model.set(nil)
			j = w.sync()
			if j.Status != knowledge.JobComplete || j.Statistics.Failed != 0 || len(w.index().documents) != 120 {
				t.Errorf("got %s, %+v, want the next job to index what is left", j.Status, j.Statistics)
			}
		})
	}
}

func TestJobWaitsForAModelThatIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tries := 0
	w.model.opened = func() error {
		if tries++; tries < 5 {
			return fault.New(fault.NotReady, "The model is being fetched.")
		}
		return nil
	}
	w.start()
	w.fill(1)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 1, New: 1})
}

func TestIndexOfAnotherModelFailsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.indexes.Open(t.Context(), w.base.ID, knowledge.Spec{Model: "another", Dimensions: 3}); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.fill(1)
	j := w.sync()
	w.want(j, knowledge.JobFailed, knowledge.Statistics{})
	w.wantReasons(j, "Encountered error: The index was made for another model.")
}

// spoiled are indexes whose writes fail while told to.
type spoiled struct {
	knowledge.Indexes

	puts atomic.Int64 // how many still succeed
	err  error
}

func (s *spoiled) Open(ctx context.Context, base string, spec knowledge.Spec) (knowledge.Index, error) {
	index, err := s.Indexes.Open(ctx, base, spec)
	return spoiledIndex{index, s}, err
}

type spoiledIndex struct {
	knowledge.Index

	s *spoiled
}

func (x spoiledIndex) Put(ctx context.Context, job string, doc knowledge.Document, content *knowledge.Content, outcome knowledge.Outcome) error {
	if x.s.puts.Add(-1) < 0 {
		return x.s.err
	}
	return x.Index.Put(ctx, job, doc, content, outcome)
}

func TestFullDiskFailsTheJobAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	full := &spoiled{Indexes: w.indexes, err: fault.New(fault.Unavailable, "The server's disk is full.")}
	full.puts.Store(10)
	w.params = func(p *ingest.Params) { p.Indexes = full }
	w.start()
	w.fill(30)
	j := w.sync()
	w.want(j, knowledge.JobFailed, knowledge.Statistics{Scanned: 30, New: 10})
	w.wantReasons(j, "Encountered error: The server's disk is full.")
	full.puts.Store(1 << 30)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 30, New: 20})
}

// blocked makes the model wait until the test ends or its caller does, after
// some texts; entered is closed then.
func (w *world) blocked(after int) (entered chan struct{}) {
	entered = make(chan struct{})
	var once sync.Once
	var embedded atomic.Int64
	w.model.set(func(ctx context.Context, texts []string) error {
		if embedded.Add(int64(len(texts))) <= int64(after) {
			return nil
		}
		once.Do(func() { close(entered) })
		<-ctx.Done()
		return ctx.Err()
	})
	return entered
}

func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.fill(200)
	entered := w.blocked(100)
	j := w.startJob()
	<-entered
	if _, err := w.reg.StopJob(t.Context(), account, region, j.Base, j.Source, j.ID); err != nil {
		t.Fatal(err)
	}
	j = w.wait(j)
	indexed := int64(len(w.index().documents))
	w.want(j, knowledge.JobStopped, knowledge.Statistics{Scanned: 200, New: indexed})
	if indexed == 0 || indexed == 200 {
		t.Errorf("got %d documents, want some", indexed)
	}
	w.model.set(nil)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 200, New: 200 - indexed})
}

func TestStopBeforeItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.params = func(p *ingest.Params) { p.Syncs = 1 }
	other := w.addSource(knowledge.DataSource{Name: "other", Kind: knowledge.S3, Bucket: "b"})
	w.start()
	w.fill(1)
	entered := w.blocked(0)
	first := w.startJob()
	<-entered
	waiting, _, err := w.reg.StartJob(t.Context(), knowledge.Job{Account: account, Region: region, Base: w.base.ID, Source: other.ID}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.reg.StopJob(t.Context(), account, region, waiting.Base, waiting.Source, waiting.ID); err != nil {
		t.Fatal(err)
	}
	w.want(w.wait(waiting), knowledge.JobStopped, knowledge.Statistics{})
	w.until("the first job is in progress", func() bool { return w.job(first).Status == knowledge.JobInProgress })
}

func TestSecondSyncIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.fill(1)
	entered := w.blocked(0)
	w.startJob()
	<-entered
	_, _, err := w.reg.StartJob(t.Context(), knowledge.Job{Account: account, Region: region, Base: w.base.ID, Source: w.source.ID}, store.Token{})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want a Conflict", err)
	}
}

func TestStatisticsAreCurrentWhileTheJobRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.fill(200)
	entered := w.blocked(100)
	j := w.startJob()
	<-entered
	w.until("the record shows what was indexed", func() bool {
		got := w.job(j)
		return got.Status == knowledge.JobInProgress && got.Statistics.Scanned == 200 && got.Statistics.New > 0
	})
}

func TestRestartGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.params = func(p *ingest.Params) { p.Lease = time.Hour } // only a Release lets the next worker have it
	stop := w.start()
	w.fill(200)
	entered := w.blocked(100)
	j := w.startJob()
	<-entered
	// The record is written by a clock of its own: embedding begins without waiting for it.
	inProgress := func() bool { return w.job(j).Status == knowledge.JobInProgress }
	w.until("the job is in progress", inProgress)
	stop()
	if !inProgress() {
		t.Fatalf("got a job that is %s, want IN_PROGRESS", w.job(j).Status)
	}
	before := len(w.index().documents)
	w.model.set(nil)
	w.model.calls = nil
	w.start()
	w.want(w.wait(j), knowledge.JobComplete, knowledge.Statistics{Scanned: 200, New: 200})
	embedded := 0
	for _, texts := range w.model.calls {
		embedded += len(texts)
	}
	if embedded != 200-before {
		t.Errorf("got %d texts embedded by the second worker, want the %d that were left", embedded, 200-before)
	}
}

func TestWorkersShareAStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.start()
	w.fill(50)
	for i := range 4 {
		w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 50, New: int64(50 * max(0, 1-i))})
	}
	embedded := map[string]int{}
	for _, texts := range w.model.calls {
		for _, text := range texts {
			embedded[text]++
		}
	}
	for text, n := range embedded {
		if n != 1 {
			t.Errorf("%q was embedded %d times, want once", text, n)
		}
	}
}

// thief is a queue that lets others have what a worker holds.
type thief struct {
	store.Queue

	stolen atomic.Bool
}

func (q *thief) Renew(ctx context.Context, j store.Job, lease time.Duration) error {
	if q.stolen.Load() {
		return store.Conflict(store.LeaseTaken)
	}
	return q.Queue.Renew(ctx, j, lease)
}

func (q *thief) Finish(ctx context.Context, j store.Job) error {
	if q.stolen.Load() {
		return store.Conflict(store.LeaseTaken)
	}
	return q.Queue.Finish(ctx, j)
}

func TestLostLeaseStopsTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := &thief{Queue: w.store}
	w.params = func(p *ingest.Params) { p.Queue, p.Lease = queue, 100*time.Millisecond }
	w.start()
	w.fill(10)
	entered := w.blocked(0)
	stopped := make(chan struct{})
	w.model.mu.Lock()
	block := w.model.embed
	var once sync.Once
	w.model.embed = func(ctx context.Context, texts []string) error {
		err := block(ctx, texts)
		once.Do(func() { close(stopped) })
		return err
	}
	w.model.mu.Unlock()
	j := w.startJob()
	<-entered
	queue.stolen.Store(true)
	<-stopped // nothing but the lost lease ends it
	if got := w.job(j); finished(got) {
		t.Errorf("got a job that is %s, want it left to who has the lease", got.Status)
	}
	queue.stolen.Store(false)
	w.model.set(nil)
	w.want(w.wait(j), knowledge.JobComplete, knowledge.Statistics{Scanned: 10, New: 10})
}

func TestBugCostsAnAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tries := 0
	w.model.opened = func() error {
		if tries++; tries < 3 {
			panic("a bug")
		}
		return nil
	}
	w.start()
	w.fill(1)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 1, New: 1})
	if !strings.Contains(w.log.String(), "panic: a bug") {
		t.Errorf("got the log %s, want the panic in it", w.log)
	}
}

func TestWorkThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fill(1)
	j := w.startJob()
	for range 99 { // as many crashes
		job, ok, err := w.store.Claim(t.Context(), []string{registry.WorkSync}, time.Hour)
		if err == nil && ok {
			err = w.store.Release(t.Context(), job, time.Time{})
		}
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	w.start()
	j = w.wait(j)
	w.want(j, knowledge.JobFailed, knowledge.Statistics{})
	w.wantReasons(j, "Encountered error: The job was interrupted 100 times and is given up. Start another one to go on.")
}

func TestLogHasNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	const secret = "the-salary-of-the-director"
	w.bucket.put(uri+"a", secret)
	w.bucket.put(uri+"b", "!invalid "+secret)
	w.bucket.put(uri+"c", "!panic "+secret)
	w.bucket.put(uri+"d", "poison "+secret)
	w.bucket.put(uri+"d.metadata.json", `{"metadataAttributes":{"k":"`+secret+`"`)
	w.model.set(func(_ context.Context, texts []string) error {
		if strings.HasPrefix(texts[0], "poison") {
			return errors.New("cannot embed")
		}
		return nil
	})
	j := w.sync()
	if text := w.log.String() + fmt.Sprint(j.Reasons); strings.Contains(text, secret) || !strings.Contains(text, j.ID) {
		t.Errorf("got %s, want the job and no text of a document", text)
	}
}
