package embedded

import (
	"context"
	"database/sql"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Put implements knowledge.Index.
func (x *Index) Put(ctx context.Context, job string, doc knowledge.Document, content *knowledge.Content, outcome knowledge.Outcome) error {
	if err := x.check(doc, content); err != nil {
		return err
	}
	return x.write(ctx, func(w *writer) error {
		old, err := w.find(ctx, doc.Source, doc.ID)
		if err != nil {
			return err
		}
		if err := w.put(ctx, doc, content, old); err != nil {
			return err
		}
		return w.record(ctx, job, doc.Source, doc.ID, outcome)
	})
}

// PutMetadata implements knowledge.Index.
func (x *Index) PutMetadata(ctx context.Context, job string, doc knowledge.Document, metadata knowledge.Metadata, outcome knowledge.Outcome) error {
	if err := x.check(doc, nil); err != nil {
		return err
	}
	return x.write(ctx, func(w *writer) error {
		old, err := w.find(ctx, doc.Source, doc.ID)
		if err != nil {
			return err
		}
		if err := w.describe(ctx, doc, metadata, old); err != nil {
			return err
		}
		return w.record(ctx, job, doc.Source, doc.ID, outcome)
	})
}

// Remove implements knowledge.Index.
func (x *Index) Remove(ctx context.Context, job, source string, ids []string, outcome knowledge.Outcome) error {
	if len(ids) == 0 {
		return nil
	}
	return x.write(ctx, func(w *writer) error {
		for _, id := range ids {
			old, err := w.find(ctx, source, id)
			if err != nil {
				return err
			}
			if old == nil {
				continue
			}
			if err := w.remove(ctx, old); err != nil {
				return err
			}
			if err := w.record(ctx, job, source, id, outcome); err != nil {
				return err
			}
		}
		return nil
	})
}

// RemoveSource implements knowledge.Index.
func (x *Index) RemoveSource(ctx context.Context, source string) error {
	return x.write(ctx, func(w *writer) error {
		documents, err := w.ofSource(ctx, source)
		if err != nil {
			return err
		}
		for _, old := range documents {
			if err := w.remove(ctx, old); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget implements knowledge.Index.
func (x *Index) Forget(ctx context.Context, job string) error {
	return x.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM outcome WHERE job = ?", job)
		return err
	})
}

// check refuses what would not make sense in the index.
func (x *Index) check(doc knowledge.Document, content *knowledge.Content) error {
	if doc.Source == "" || doc.ID == "" {
		return fault.New(fault.Invalid, "A document needs an ID and a data source.")
	}
	if content == nil {
		return nil
	}
	for i := range content.Chunks {
		c := &content.Chunks[i]
		if err := x.checkVector(c.Vector); err != nil {
			return err
		}
		if c.Parent < -1 || c.Parent >= len(content.Parents) {
			return fault.New(fault.Invalid, "Chunk %d is a part of passage %d, and the document has %d.", i, c.Parent, len(content.Parents))
		}
	}
	return nil
}

func (x *Index) checkVector(v []float32) error {
	if len(v) != x.spec.Dimensions {
		return fault.New(fault.Invalid, "The vector has %d dimensions, and the index was made for %d.", len(v), x.spec.Dimensions)
	}
	for _, n := range v {
		if n-n != 0 { // not a number, or without bounds
			return fault.New(fault.Invalid, "The vector has a number that is not finite.")
		}
	}
	return nil
}

// write runs f in a transaction of the database, and changes memory when that
// was committed.
func (x *Index) write(ctx context.Context, f func(w *writer) error) error {
	unlock, err := x.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	w := &writer{x: x}
	err = x.db.Write(ctx, func(tx *sql.Tx) error {
		w.tx = tx
		if err := w.begin(ctx); err != nil {
			return err
		}
		if err := f(w); err != nil {
			return err
		}
		return w.end(ctx)
	})
	if err != nil {
		// Should it have been committed all the same, the next search sees that
		// the generation is another one.
		return ended(ctx, err)
	}
	// It is written, so this does not fail any more. What goes wrong with memory
	// is seen by who next needs it: the generation is not that of the database.
	if x.apply(w.changes) == nil {
		_ = x.tend(context.WithoutCancel(ctx))
	}
	return nil
}

// tend keeps memory small and searches good. The caller is the only one who
// writes.
func (x *Index) tend(ctx context.Context) error {
	m := x.memory
	const few = 1024
	if m.dead > few && m.dead > m.slots()/3 || m.described > few && m.described > len(m.documents) {
		return x.reload(ctx)
	}
	if m.vectors.Due() {
		vectors := m.vectors.Rebuilt()
		x.mu.Lock()
		defer x.mu.Unlock()
		m.vectors = vectors
	}
	return nil
}
