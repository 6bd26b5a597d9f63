package embedded

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector"
)

// statements are what every search asks the database.
type statements struct {
	generation *sql.Stmt
	vectors    *sql.Stmt
	chunk      *sql.Stmt
	parent     *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.generation, "SELECT generation FROM meta"},
		{&s.vectors, "SELECT v.number, v.vector FROM json_each(?) j JOIN vector v ON v.number = j.value"},
		{&s.chunk, `SELECT c.id, c.text, e.page, e.metadata, d.number, d.source, d.id, d.modality, d.mime, d.metadata
			FROM chunk c JOIN entry e ON e.number = c.number JOIN document d ON d.number = c.document WHERE c.number = ?`},
		{&s.parent, "SELECT text FROM parent WHERE document = ? AND position = ?"},
	} {
		statement, err := db.PrepareContext(ctx, p.text)
		if err != nil {
			return err
		}
		*p.to = statement
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, statement := range []*sql.Stmt{s.generation, s.vectors, s.chunk, s.parent} {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(errs...)
}

// rescore gives candidates the cosine of their vectors.
func (s *search) rescore(ctx context.Context, list []found) error {
	if len(list) == 0 {
		return nil
	}
	// In the order of the file, which is that of the rows that come back.
	slices.SortFunc(list, func(a, b found) int { return int(a.number - b.number) })
	numbers := []byte{'['}
	for i, f := range list {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = strconv.AppendInt(numbers, f.number, 10)
	}
	rows, err := s.tx.StmtContext(ctx, s.x.read.vectors).QueryContext(ctx, string(append(numbers, ']')))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	i := 0
	for ; rows.Next(); i++ {
		var number int64
		var floats sql.RawBytes
		if err := rows.Scan(&number, &floats); err != nil {
			return err
		}
		if i == len(list) || list[i].number != number {
			return errIncomplete
		}
		list[i].score = float64(vector.Dot(s.q.Vector, floats))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if i < len(list) {
		return errIncomplete
	}
	return nil
}

// clamp makes a cosine, or a share that was rounded up, a score.
func clamp(score float64) float64 { return min(max(score, 0), 1) }

// exact ranks by all vectors as they are stored.
func (s *search) exact(ctx context.Context, allowed choice, need int) ([]found, error) {
	m := s.x.memory
	slots := make(map[int64]int, m.slots())
	for slot := range allowed.set.All() {
		slots[m.numbers[slot]] = slot
	}
	rows, err := s.tx.QueryContext(ctx, "SELECT number, vector FROM vector")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []found
	for rows.Next() {
		var number int64
		var floats sql.RawBytes
		if err := rows.Scan(&number, &floats); err != nil {
			return nil, err
		}
		if slot, ok := slots[number]; ok {
			list = append(list, s.found(slot, float64(vector.Dot(s.q.Vector, floats))))
		}
	}
	slices.SortFunc(list, better)
	list = collapse(list)
	return list[:min(need, len(list))], rows.Err()
}

// hits reads what is returned of ranked chunks.
func (s *search) hits(ctx context.Context, ranked []found) ([]knowledge.Hit, error) {
	chunk := s.tx.StmtContext(ctx, s.x.read.chunk)
	parent := s.tx.StmtContext(ctx, s.x.read.parent)
	hits := make([]knowledge.Hit, 0, len(ranked))
	for _, f := range ranked {
		var h knowledge.Hit
		var d knowledge.Document
		var own, whole []byte
		var number int64
		err := chunk.QueryRowContext(ctx, f.number).Scan(&h.Chunk, &h.Text, &h.Page, &own, &number, &d.Source, &d.ID, &d.Modality, &d.MIME, &whole)
		if err != nil {
			return nil, err
		}
		if f.group >= 0 {
			if err := parent.QueryRowContext(ctx, number, f.group&(1<<31-1)).Scan(&h.Text); err != nil {
				return nil, err
			}
		}
		h.Source, h.Document, h.Score = d.Source, d.ID, clamp(f.score)
		if h.Metadata, err = hitMetadata(whole, own, d, h); err != nil {
			return nil, err
		}
		hits = append(hits, h)
	}
	return hits, nil
}

func hitMetadata(whole, own []byte, d knowledge.Document, h knowledge.Hit) (knowledge.Metadata, error) {
	m, err := decodeMetadata(whole)
	if err != nil {
		return nil, err
	}
	if m == nil {
		m = knowledge.Metadata{}
	}
	chunks, err := decodeMetadata(own)
	if err != nil {
		return nil, err
	}
	maps.Copy(m, chunks)
	maps.Copy(m, serviceKeys(d))
	m[knowledge.KeyChunkID] = knowledge.String(h.Chunk)
	if h.Page >= 0 {
		m[knowledge.KeyPageNumber] = knowledge.Number(float64(h.Page))
	}
	return m, nil
}

const selectDocuments = "SELECT source, id, etag, metadata_etag, modality, mime, size, status, reason, counted, updated FROM document"

func scanDocument(row interface{ Scan(to ...any) error }) (knowledge.Document, error) {
	var d knowledge.Document
	var updated int64
	err := row.Scan(&d.Source, &d.ID, &d.ETag, &d.MetadataETag, &d.Modality, &d.MIME, &d.Size, &d.Status, &d.Reason, &d.Chunks, &updated)
	d.Updated = time.Unix(0, updated).UTC()
	return d, err
}

// Document implements knowledge.Index.
func (x *Index) Document(ctx context.Context, source, id string) (knowledge.Document, error) {
	var d knowledge.Document
	err := x.db.Read(ctx, func(tx *sql.Tx) (err error) {
		d, err = scanDocument(tx.QueryRowContext(ctx, selectDocuments+" WHERE source = ? AND id = ?", source, id))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "There is no document %s in the data source %s.", id, source)
		}
		return err
	})
	return d, err
}

// Documents implements knowledge.Index.
func (x *Index) Documents(ctx context.Context, source, after string, limit int) ([]knowledge.Document, error) {
	if limit <= 0 {
		limit = -1 // none
	}
	var list []knowledge.Document
	err := x.db.Read(ctx, func(tx *sql.Tx) error {
		list = nil
		rows, err := tx.QueryContext(ctx, selectDocuments+" WHERE source = ? AND id > ? ORDER BY id LIMIT ?", source, after, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			d, err := scanDocument(rows)
			if err != nil {
				return err
			}
			list = append(list, d)
		}
		return rows.Err()
	})
	return list, err
}

// Outcomes implements knowledge.Index.
func (x *Index) Outcomes(ctx context.Context, job string) (map[knowledge.Outcome]int64, error) {
	counts := map[knowledge.Outcome]int64{}
	err := x.db.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT outcome, count(*) FROM outcome WHERE job = ? GROUP BY outcome", job)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var outcome knowledge.Outcome
			var n int64
			if err := rows.Scan(&outcome, &n); err != nil {
				return err
			}
			counts[outcome] = n
		}
		return rows.Err()
	})
	return counts, err
}
