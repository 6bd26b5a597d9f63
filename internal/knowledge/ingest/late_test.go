package ingest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/store"
)

// farewell is a queue that tells when the first piece of work was finished.
type farewell struct {
	store.Queue

	once     sync.Once
	finished chan struct{}
}

func (q *farewell) Finish(ctx context.Context, j store.Job) error {
	defer q.once.Do(func() { close(q.finished) })
	return q.Queue.Finish(ctx, j)
}

// endAsAnother ends a job as a worker does that has taken it over, while the
// first one does not know yet: its machine slept.
func (w *world) endAsAnother(j knowledge.Job, stats knowledge.Statistics) {
	w.t.Helper()
	for {
		now := w.job(j)
		now.Status, now.Statistics = knowledge.JobComplete, stats
		_, err := w.reg.UpdateJob(w.t.Context(), now)
		if store.Reason(err) == store.Changed {
			continue
		}
		if err == nil {
			err = w.index().Forget(w.t.Context(), j.ID)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return
	}
}

func TestLateWorkerLeavesAnEndedJobAsItIs(t *testing.T) {
	t.Parallel()
	for name, poll := range map[string]time.Duration{"while it runs": 10 * time.Millisecond, "at its end": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			queue := &farewell{Queue: w.store, finished: make(chan struct{})}
			w.params = func(p *ingest.Params) { p.Queue, p.Poll = queue, poll }
			w.fill(10)
			entered, gate := make(chan struct{}, 10), make(chan struct{})
			w.model.set(func(ctx context.Context, _ []string) error {
				entered <- struct{}{}
				select {
				case <-gate:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			j := w.startJob()
			w.start()
			<-entered
			want := knowledge.Statistics{Scanned: 10, New: 10}
			w.endAsAnother(j, want)
			if poll == time.Hour {
				close(gate)
			}
			select {
			case <-queue.finished:
			case <-time.After(10 * time.Second):
				t.Errorf("the late worker goes on; the job is %s", w.job(j).Status)
			}
			w.want(w.job(j), knowledge.JobComplete, want)
		})
	}
}
