package ingest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// syncing is one run of a job, from the claim to its end or to a crash.
type syncing struct {
	w    *Worker
	log  *slog.Logger
	work registry.Work

	mu    sync.Mutex
	runs  bool                 // it is its turn
	stats knowledge.Statistics // what is not counted in the index: Scanned, MetadataScanned
	index knowledge.Index      // nil until it is open
	line  *pipeline            // nil until documents are worked on
	total int                  // documents that line works on
	began time.Time            // of line
	told  time.Time            // when progress was logged
}

// sync runs a job. A nil error means that it has ended, in whatever state.
func (w *Worker) sync(ctx context.Context, work registry.Work, last lastAttempt) error {
	s := &syncing{w: w, work: work, log: w.log.With(
		slog.String("knowledge_base", work.Base), slog.String("data_source", work.Source), slog.String("job", work.Job))}
	job, err := s.read(ctx)
	if err != nil {
		return gone(err)
	}
	s.stats = job.Statistics
	began := w.p.Now()
	switch {
	case over(job.Status):
		// Its worker did not come to say so to the queue.
		return s.forget(ctx)
	case job.Status == knowledge.JobStopping:
		err = errStop
	case bool(last):
		err = fault.New(fault.Unavailable, "The job was interrupted %d times and is given up. Start another one to go on.", mostAttempts)
	default:
		err = s.run(ctx)
	}
	status := knowledge.JobComplete
	switch {
	case errors.Is(err, errGone):
		return nil
	case errors.Is(err, errStop):
		status, err = knowledge.JobStopped, nil
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		status = knowledge.JobFailed
		s.log.ErrorContext(ctx, "sync failed", slog.String("cause", err.Error()))
	}
	if job, err = s.end(ctx, status, err); err != nil {
		return gone(err)
	}
	s.log.InfoContext(ctx, "sync ended", slog.String("status", string(status)), slog.Duration("took", w.p.Now().Sub(began)),
		slog.Any("statistics", job.Statistics))
	return s.forget(ctx)
}

func over(status knowledge.JobStatus) bool {
	return status == knowledge.JobComplete || status == knowledge.JobFailed || status == knowledge.JobStopped
}

// gone is nil for the errors which say that there is nothing to do any more.
func gone(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// read returns the job as it is now. errGone: it was deleted with its source.
func (s *syncing) read(ctx context.Context) (knowledge.Job, error) {
	job, err := s.w.p.Registry.Job(ctx, s.work.Account, s.work.Region, s.work.Base, s.work.Source, s.work.Job)
	if fault.Is(err, fault.NotFound) {
		return job, errGone
	}
	return job, err
}

// run does what is left of the job, while record shows how far it is and
// notices that it is to stop.
func (s *syncing) run(ctx context.Context) error {
	ctx, end := s.w.every(ctx, s.record)
	defer end()
	err := s.wait(ctx)
	if err == nil {
		defer func() { <-s.w.turns }()
		err = s.do(ctx)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && pointless(cause) {
		return cause
	}
	return err
}

// wait waits for a turn.
func (s *syncing) wait(ctx context.Context) error {
	select {
	case s.w.turns <- struct{}{}:
		s.mu.Lock()
		s.runs = true
		s.mu.Unlock()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// do opens the parts, compares the source with the index, and makes the index
// the same.
func (s *syncing) do(ctx context.Context) error {
	base, ds, err := s.w.resources(ctx, s.work)
	if err != nil {
		return err
	}
	if ds.Kind == knowledge.Custom {
		return fault.New(fault.Unsupported, "A data source of the type CUSTOM has nothing to sync. Give it documents with IngestKnowledgeBaseDocuments.")
	}
	model, index, err := s.w.openIndex(ctx, base)
	if err != nil {
		return err
	}
	source, err := s.w.p.Sources.Open(ctx, ds)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.index = index
	s.mu.Unlock()
	var objects []knowledge.Object
	err = s.w.insist(ctx, func() (err error) {
		objects, err = listing(ctx, source)
		return err
	})
	if err != nil {
		return err
	}
	todo, err := makePlan(ctx, objects, index, ds.ID)
	if err != nil {
		return err
	}
	line := &pipeline{w: s.w, log: s.log, index: index, model: model, job: s.work.Job, readers: s.w.p.Readers}
	s.mu.Lock()
	s.stats.Scanned, s.stats.MetadataScanned = todo.scanned, todo.metadata
	s.line, s.total, s.began = line, len(todo.changes), s.w.p.Now()
	s.told = s.began
	s.mu.Unlock()
	s.log.InfoContext(ctx, "sync", slog.Int64("scanned", todo.scanned), slog.Int("to_do", len(todo.changes)),
		slog.Int("to_delete", len(todo.gone)))
	if err := s.settle(ctx, todo, index, ds.ID); err != nil {
		return err
	}
	r := &reader{w: s.w, log: s.log, source: source, ds: ds, model: model}
	if err := line.run(ctx, r.tasks(todo.changes)); err != nil {
		return err
	}
	return r.denied(todo.scanned)
}

// tasks are the changes as tasks of a pipeline.
func (r *reader) tasks(changes []change) iter.Seq[task] {
	return func(yield func(task) bool) {
		for _, c := range changes {
			size := c.object.Size
			if c.same && !c.shaped {
				size = 0
			}
			if !yield(task{size: size, prepare: func(ctx context.Context) (*prepared, error) { return r.object(ctx, c) }}) {
				return
			}
		}
	}
}

// removeAtOnce is how many documents leave the index in one transaction.
const removeAtOnce = 100

// settle does what takes no reading: documents that are gone leave the index,
// and those that are not read are counted once more.
func (s *syncing) settle(ctx context.Context, todo *plan, index knowledge.Index, source string) error {
	remove := func(ids []string, outcome knowledge.Outcome) error {
		for some := range slices.Chunk(ids, removeAtOnce) {
			err := s.w.insist(ctx, func() error { return index.Remove(ctx, s.work.Job, source, some, outcome) })
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := remove(todo.gone, knowledge.OutcomeDeleted); err != nil {
		return err
	}
	if err := remove(todo.unindexed, knowledge.OutcomeNone); err != nil {
		return err
	}
	for _, doc := range todo.ignored {
		err := s.w.insist(ctx, func() error { return index.Put(ctx, s.work.Job, doc, nil, knowledge.OutcomeSkipped) })
		if err != nil {
			return err
		}
	}
	return nil
}

// progressEvery is how often the log shows how far a sync is.
const progressEvery = 10 * time.Second

// record brings the job's record up to date. errStop: it is to stop. errGone:
// it is no more, or has ended. Other trouble passes, or shows at the end.
func (s *syncing) record(ctx context.Context) error {
	job, err := s.read(ctx)
	switch {
	case errors.Is(err, errGone):
		return err
	case err != nil:
		return nil
	case over(job.Status):
		// Another worker took the job over and has ended it, which this one has
		// not noticed: its machine slept. A job that ran again would never end.
		return errGone
	case job.Status == knowledge.JobStopping:
		return errStop
	}
	s.mu.Lock()
	runs := s.runs
	s.mu.Unlock()
	if !runs {
		return nil
	}
	stats, err := s.statistics(ctx)
	if err == nil && (job.Status != knowledge.JobInProgress || job.Statistics != stats) {
		job.Status, job.Statistics = knowledge.JobInProgress, stats
		// A Conflict is a request to stop, which the next look finds.
		_, _ = s.w.p.Registry.UpdateJob(ctx, job)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.w.p.Now(); s.line != nil && now.Sub(s.told) >= progressEvery {
		s.told = now
		s.line.progress(ctx, s.total, s.began)
	}
	return nil
}

// statistics are counted in the index, so that they are right whatever happened
// to the processes that did the work.
func (s *syncing) statistics(ctx context.Context) (knowledge.Statistics, error) {
	s.mu.Lock()
	stats, index := s.stats, s.index
	s.mu.Unlock()
	if index == nil {
		return stats, nil
	}
	counts, err := index.Outcomes(ctx, s.work.Job)
	if err != nil {
		return stats, err
	}
	stats.New = counts[knowledge.OutcomeNew]
	stats.Modified = counts[knowledge.OutcomeModified]
	stats.MetadataModified = counts[knowledge.OutcomeMetadataModified]
	stats.Deleted = counts[knowledge.OutcomeDeleted]
	stats.Failed = counts[knowledge.OutcomeFailed]
	stats.Skipped = counts[knowledge.OutcomeSkipped]
	return stats, nil
}

// end writes the last state of the job.
func (s *syncing) end(ctx context.Context, status knowledge.JobStatus, cause error) (knowledge.Job, error) {
	s.mu.Lock()
	if s.index == nil {
		// It may have been stopped while no worker had it.
		if index, err := s.w.p.Indexes.Existing(ctx, s.work.Base); err == nil {
			s.index = index
		}
	}
	index := s.index
	s.mu.Unlock()
	stats, err := s.statistics(ctx)
	var reasons []string
	if err == nil && index != nil {
		reasons, err = failureReasons(ctx, index, s.work.Source)
	}
	if err != nil && status != knowledge.JobFailed {
		return knowledge.Job{}, err
	}
	if cause != nil {
		reasons = append([]string{"Encountered error: " + reasonOf(cause)}, reasons...)
	}
	for {
		job, err := s.read(ctx)
		if err != nil || over(job.Status) { // see record
			return job, err
		}
		job.Status, job.Statistics, job.Reasons = status, stats, reasons
		job, err = s.w.p.Registry.UpdateJob(ctx, job)
		if store.Reason(err) == store.Changed {
			continue // by a request to stop, of which there can be one
		}
		return job, err
	}
}

// forget drops the outcomes of a job, whose record has the statistics now.
func (s *syncing) forget(ctx context.Context) error {
	index, err := s.w.p.Indexes.Existing(ctx, s.work.Base)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return index.Forget(ctx, s.work.Job)
}

// resources reads the base and the data source of some work. errGone and
// errStop: they were deleted, or are about to be.
func (w *Worker) resources(ctx context.Context, work registry.Work) (base knowledge.Base, ds knowledge.DataSource, err error) {
	base, err = w.p.Registry.Base(ctx, work.Account, work.Region, work.Base)
	if err == nil {
		ds, err = w.p.Registry.Source(ctx, work.Account, work.Region, work.Base, work.Source)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return base, ds, errGone
	case err == nil && (base.Status == knowledge.BaseDeleting || ds.Status == knowledge.SourceDeleting):
		return base, ds, errStop
	}
	return base, ds, err
}

// openIndex opens the model and the index of a base. It waits for a model that
// is not ready, as it is at the first start of a server.
func (w *Worker) openIndex(ctx context.Context, base knowledge.Base) (knowledge.Embedding, knowledge.Index, error) {
	began := time.Now()
	for try := 1; ; try++ {
		model, err := w.p.Embeddings.Open(ctx, base)
		switch {
		case err == nil:
			var index knowledge.Index
			err = w.insist(ctx, func() (err error) {
				index, err = w.p.Indexes.Open(ctx, base.ID, model.Spec())
				return err
			})
			return model, index, err
		case !passes(err) || time.Since(began) > w.p.Patience:
			return nil, nil, err
		}
		if err := wait(ctx, min(w.backoff(try), 5*w.p.Pause)); err != nil {
			return nil, nil, err
		}
	}
}
