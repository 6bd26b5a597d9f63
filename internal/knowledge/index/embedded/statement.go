package embedded

import (
	"context"
	"database/sql"
	"errors"
)

// statements are prepared once, by their text: parsing them again would be a
// large part of what short transactions take.
type statements map[string]*sql.Stmt

// What every search reads.
const (
	selectGeneration = "SELECT generation FROM meta"
	selectVectors    = "SELECT v.number, v.vector FROM json_each(?) j CROSS JOIN vector v ON v.number = j.value"
	selectHits       = `SELECT c.number, c.id, c.text, e.page, e.metadata, d.source, d.id, d.modality, d.mime, d.metadata, p.text
		FROM json_each(?) j CROSS JOIN chunk c ON c.number = j.value CROSS JOIN entry e ON e.number = c.number
		CROSS JOIN document d ON d.number = c.document LEFT JOIN parent p ON p.document = c.document AND p.position = e.parent`
)

// What writes use. A range is a first number and the one after the last.
const (
	selectStored   = "SELECT number, source, id, modality, mime, metadata, first, chunks FROM document WHERE source = ? AND id = ?"
	selectLast     = "SELECT coalesce(max(number), 0) FROM entry"
	selectWas      = "SELECT terms FROM entry WHERE number >= ? AND number < ? ORDER BY number"
	insertDocument = `INSERT INTO document (source, id, etag, metadata_etag, modality, mime, size, status, reason, counted, updated, metadata,
		first, chunks, generation, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateDocument = `UPDATE document SET source = ?, id = ?, etag = ?, metadata_etag = ?, modality = ?, mime = ?, size = ?, status = ?, reason = ?,
		counted = ?, updated = ?, metadata = ?, first = ?, chunks = ?, generation = ?, content = max(content, ?) WHERE number = ?`
	deleteDocument   = "DELETE FROM document WHERE number = ?"
	insertEntry      = "INSERT INTO entry (number, parent, page, metadata, code, terms) VALUES (?, ?, ?, ?, ?, ?)"
	insertVector     = "INSERT INTO vector (number, vector) VALUES (?, ?)"
	insertChunk      = "INSERT INTO chunk (number, document, id, text) VALUES (?, ?, ?, ?)"
	deleteEntries    = "DELETE FROM entry WHERE number >= ? AND number < ?"
	deleteVectors    = "DELETE FROM vector WHERE number >= ? AND number < ?"
	deleteChunks     = "DELETE FROM chunk WHERE number >= ? AND number < ?"
	insertParent     = "INSERT INTO parent (document, position, text) VALUES (?, ?, ?)"
	deleteParents    = "DELETE FROM parent WHERE document = ?"
	insertTerm       = "INSERT INTO term (number, term) VALUES (?, ?)"
	insertRemoved    = "INSERT INTO removed (generation, document) VALUES (?, ?)"
	forgetRemoved    = "DELETE FROM removed WHERE generation <= ?"
	insertOutcome    = "INSERT INTO outcome (job, source, document, outcome) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET outcome = excluded.outcome"
	updateGeneration = "UPDATE meta SET generation = ?"
)

// prepare prepares statements on a pool.
func prepare(ctx context.Context, db *sql.DB, texts ...string) (statements, error) {
	s := statements{}
	for _, text := range texts {
		statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // close does it
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s[text] = statement
	}
	return s, nil
}

// prepared is a statement in a transaction, which closes it.
type prepared interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// in returns a statement for a transaction.
func (s statements) in(ctx context.Context, tx *sql.Tx, text string) prepared {
	return tx.StmtContext(ctx, s[text])
}

// ended is err, or that the context has ended when it has: database/sql closes
// the statements of a transaction then, and says no more than that.
func ended(ctx context.Context, err error) error {
	if over := ctx.Err(); err != nil && over != nil {
		return over
	}
	return err
}

func (s statements) close() error {
	var errs []error
	for _, statement := range s {
		errs = append(errs, statement.Close())
	}
	return errors.Join(errs...)
}
