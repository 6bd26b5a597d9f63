package ingest

import (
	"context"
	"log/slog"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
)

// deleteAttempts is how often a deletion is begun before the resource is shown
// as one that could not be deleted. It can be asked for again then.
const deleteAttempts = 10

// deleteSource removes the documents of a data source, unless they are to stay,
// and then its records. Jobs of it came before in the queue and have ended.
func (w *Worker) deleteSource(ctx context.Context, work registry.Work, attempts int) error {
	ds, err := w.p.Registry.Source(ctx, work.Account, work.Region, work.Base, work.Source)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !ds.Retain {
		err = w.emptySource(ctx, work)
	}
	if err == nil {
		err = w.p.Registry.RemoveSource(ctx, work.Account, work.Region, work.Base, work.Source)
	}
	if err == nil {
		w.log.InfoContext(ctx, "data source deleted", slog.String("knowledge_base", work.Base), slog.String("data_source", work.Source))
		return nil
	}
	if attempts < deleteAttempts || ctx.Err() != nil {
		return err
	}
	w.log.ErrorContext(ctx, "a data source cannot be deleted", slog.String("data_source", work.Source), slog.String("cause", err.Error()))
	ds.Status, ds.Reasons = knowledge.SourceDeleteUnsuccessful, []string{reasonOf(err)}
	_, err = w.p.Registry.UpdateSource(ctx, ds)
	return err
}

func (w *Worker) emptySource(ctx context.Context, work registry.Work) error {
	index, err := w.p.Indexes.Existing(ctx, work.Base)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return index.RemoveSource(ctx, work.Source)
}

// deleteBase drops the index of a base and then its records, when nobody works
// on any of its data sources any more.
func (w *Worker) deleteBase(ctx context.Context, work registry.Work, attempts int) error {
	base, err := w.p.Registry.Base(ctx, work.Account, work.Region, work.Base)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.quiet(ctx, work); err != nil {
		return err
	}
	err = w.p.Indexes.Drop(ctx, work.Base)
	if err == nil {
		err = w.p.Registry.RemoveBase(ctx, work.Account, work.Region, work.Base)
	}
	if err == nil {
		w.log.InfoContext(ctx, "knowledge base deleted", slog.String("knowledge_base", work.Base))
		return nil
	}
	if attempts < deleteAttempts || ctx.Err() != nil {
		return err
	}
	w.log.ErrorContext(ctx, "a knowledge base cannot be deleted", slog.String("knowledge_base", work.Base), slog.String("cause", err.Error()))
	base.Status, base.Reasons = knowledge.BaseDeleteUnsuccessful, []string{reasonOf(err)}
	_, err = w.p.Registry.UpdateBase(ctx, base)
	return err
}

// quiet waits until no job of a base runs and no documents that were given to
// it directly wait. Both see that the base is being deleted, and end.
func (w *Worker) quiet(ctx context.Context, work registry.Work) error {
	for {
		busy, err := w.busy(ctx, work)
		if err != nil || !busy {
			return err
		}
		if err := wait(ctx, w.p.Poll); err != nil {
			return err
		}
	}
}

func (w *Worker) busy(ctx context.Context, work registry.Work) (bool, error) {
	sources, _, err := w.p.Registry.Sources(ctx, work.Account, work.Region, work.Base, 0, "")
	if err != nil {
		return false, err
	}
	for _, ds := range sources {
		if busy, err := w.p.Registry.Busy(ctx, ds); busy || err != nil {
			return busy, err
		}
		jobs, _, err := w.p.Registry.Jobs(ctx, work.Account, work.Region, work.Base, ds.ID, registry.JobQuery{
			Statuses: []knowledge.JobStatus{knowledge.JobStarting, knowledge.JobInProgress, knowledge.JobStopping}, Limit: 1,
		})
		if len(jobs) > 0 || err != nil && !fault.Is(err, fault.NotFound) {
			return len(jobs) > 0, err
		}
	}
	return false, nil
}
