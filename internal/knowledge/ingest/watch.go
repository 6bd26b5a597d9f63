package ingest

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// watched is a folder that is synced when something in it changes.
type watched struct {
	synced, last uint64 // fingerprints: of what a job was started for, and of the last look
	started      bool   // synced is valid
	due          time.Time
	trouble      string // that was logged
}

// watch looks at the watched folders now and then, those included that other
// processes add, and starts a job for one that has changed and then been quiet
// between two looks. A folder is synced once when the server starts, because it
// may have changed meanwhile.
func (w *Worker) watch(ctx context.Context) {
	folders := map[string]*watched{}
	seed := maphash.MakeSeed()
	ticker := time.NewTicker(w.p.Watch)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sources, err := w.p.Registry.AllSources(ctx, knowledge.Folder)
		if err != nil {
			continue // the queue tells of a store that cannot be read
		}
		there := map[string]bool{}
		for _, ds := range sources {
			if !ds.Watch || ds.Status != knowledge.SourceAvailable || ctx.Err() != nil {
				continue
			}
			id := ds.Base + "/" + ds.ID
			there[id] = true
			if folders[id] == nil {
				folders[id] = &watched{}
			}
			w.look(ctx, ds, folders[id], seed)
		}
		for id := range folders {
			if !there[id] {
				delete(folders, id)
			}
		}
	}
}

// lookShare bounds the share of time that looking at one folder takes: a look
// that took a second is followed by one 20 seconds later.
const lookShare = 20

// look compares a folder with its last look, and starts a job when it is time.
func (w *Worker) look(ctx context.Context, ds knowledge.DataSource, f *watched, seed maphash.Seed) {
	began := time.Now()
	if began.Before(f.due) {
		return
	}
	objects, err := w.folder(ctx, ds)
	f.due = began.Add(lookShare * time.Since(began))
	log := w.log.With(slog.String("knowledge_base", ds.Base), slog.String("data_source", ds.ID))
	if err == nil {
		now := fingerprint(objects, seed)
		quiet := now == f.last
		f.last = now
		if !quiet || f.started && now == f.synced {
			return
		}
		err = w.startIfChanged(ctx, ds, objects)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) {
			return // something is under way: the next look tries again
		}
		if err == nil {
			f.synced, f.started, f.trouble = now, true, ""
		}
	}
	if err != nil && ctx.Err() == nil && f.trouble != err.Error() {
		f.trouble = err.Error()
		log.WarnContext(ctx, "a watched folder cannot be synced", slog.String("cause", f.trouble))
	}
}

func (w *Worker) folder(ctx context.Context, ds knowledge.DataSource) ([]knowledge.Object, error) {
	source, err := w.p.Sources.Open(ctx, ds)
	if err != nil {
		return nil, err
	}
	return listing(ctx, source)
}

// startIfChanged starts a job unless it would find nothing to do, as when the
// server was started again or another server was faster.
func (w *Worker) startIfChanged(ctx context.Context, ds knowledge.DataSource, objects []knowledge.Object) error {
	index, err := w.p.Indexes.Existing(ctx, ds.Base)
	if err == nil {
		todo, err := makePlan(ctx, objects, index, ds.ID)
		if err != nil || len(todo.changes)+len(todo.gone)+len(todo.unindexed) == 0 {
			return err
		}
	}
	_, _, err = w.p.Registry.StartJob(ctx, knowledge.Job{
		Account: ds.Account, Region: ds.Region, Base: ds.Base, Source: ds.ID, Description: "The folder has changed.",
	}, store.Token{})
	return err
}

// fingerprint is a number that is another one when the files of a source are.
func fingerprint(objects []knowledge.Object, seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, o := range objects {
		h.WriteString(o.ID)
		h.WriteByte(0)
		h.WriteString(o.ETag)
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(o.Size)))
	}
	return h.Sum64()
}
