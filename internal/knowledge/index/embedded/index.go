package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/sqlite"
)

// Index is one open index. It implements knowledge.Index.
type Index struct {
	path   string
	spec   knowledge.Spec
	db     *sqlite.DB
	reads  statements // of the readers' connections
	writes statements // of the writer's

	// writing is held by who changes the database or memory: one at a time.
	writing chan struct{}
	analyst analyst // of who is writing

	mu     sync.RWMutex // of memory
	memory *memory

	closed atomic.Bool
}

var _ knowledge.Index = (*Index)(nil)

// readers is how many searches can read from the database at once.
const readers = 8

// openIndex opens the database at path. Without a spec, it has to have one.
func openIndex(ctx context.Context, path string, spec *knowledge.Spec, p Params) (_ *Index, err error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{
		Migrations: migrations, Application: application, Durability: p.Durability, Readers: readers,
	})
	if err != nil {
		return nil, cannotOpen(err, path)
	}
	x := &Index{path: path, db: db, writing: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close())
		}
	}()
	if err := x.readSpec(ctx, spec); err != nil {
		return nil, err
	}
	if x.reads, err = prepare(ctx, db.Reader(), selectGeneration, selectVectors, selectHits); err != nil {
		return nil, sqlite.Classify(err)
	}
	x.writes, err = prepare(ctx, db.Writer(), selectGeneration, selectStored, selectLast, selectWas, insertDocument, updateDocument, deleteDocument,
		insertEntry, insertVector, insertChunk, deleteEntries, deleteVectors, deleteChunks, insertParent, deleteParents, insertTerm, insertRemoved,
		forgetRemoved, insertOutcome, updateGeneration)
	if err != nil {
		return nil, sqlite.Classify(err)
	}
	if err := x.reload(ctx); err != nil {
		return nil, err
	}
	return x, x.forgetTerms(ctx, p.ManyTerms)
}

// cannotOpen words why a database cannot be opened for clients, whom the
// server's paths do not concern.
func cannotOpen(err error, path string) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unavailable:
		base := filepath.Base(filepath.Dir(path))
		return fault.Wrap(fault.Unavailable, fmt.Errorf("open %s: %w", path, err), "The index of the knowledge base %s cannot be opened. The log of the server tells why.", base)
	default:
		return err
	}
}

// readSpec reads what the index was made for, or writes it into a new one.
func (x *Index) readSpec(ctx context.Context, spec *knowledge.Spec) error {
	return x.db.Write(ctx, func(tx *sql.Tx) error {
		var text string
		var version int
		err := tx.QueryRowContext(ctx, "SELECT spec, analyzer FROM meta").Scan(&text, &version)
		switch {
		case errors.Is(err, sql.ErrNoRows) && spec == nil:
			return fault.New(fault.NotFound, "There is no index of the knowledge base.")
		case errors.Is(err, sql.ErrNoRows):
			written, err := json.Marshal(spec)
			if err != nil {
				return fmt.Errorf("encode the spec: %w", err)
			}
			x.spec = *spec
			_, err = tx.ExecContext(ctx, "INSERT INTO meta (only, spec, analyzer, generation) VALUES (1, ?, ?, 1)", written, analyzer)
			return err
		case err != nil:
			return err
		}
		if err := json.Unmarshal([]byte(text), &x.spec); err != nil {
			return fmt.Errorf("read the spec of %s: %w", x.path, err)
		}
		if version == analyzer {
			return nil
		}
		return reanalyze(ctx, tx)
	})
}

// Spec implements knowledge.Index.
func (x *Index) Spec() knowledge.Spec { return x.spec }

// lock makes the caller the only one who writes, until it calls the function.
func (x *Index) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case x.writing <- struct{}{}:
		return func() { <-x.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Size implements knowledge.Index.
func (x *Index) Size(ctx context.Context) (knowledge.Size, error) {
	var size knowledge.Size
	err := x.db.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(chunks), 0) FROM document").Scan(&size.Documents, &size.Chunks)
	})
	if err != nil {
		return size, err
	}
	for _, suffix := range []string{"", "-wal"} {
		// A file that is not there has no size.
		if info, err := os.Stat(x.path + suffix); err == nil {
			size.Bytes += info.Size()
		}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	size.Memory = x.memory.bytes()
	return size, nil
}

// close waits for what is in progress. Whatever comes later fails.
func (x *Index) close() error {
	if x.closed.Swap(true) {
		return nil
	}
	// The statements go last: those who are still searching need them.
	return errors.Join(sqlite.Classify(x.db.Close()), x.reads.close(), x.writes.close())
}
