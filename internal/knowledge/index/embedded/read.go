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

// rescore gives candidates the cosine of their vectors.
func (s *search) rescore(ctx context.Context, candidates []found) error {
	if len(candidates) == 0 {
		return nil
	}
	// In the order of the file, which is that of the rows that come back.
	slices.SortFunc(candidates, func(a, b found) int { return int(a.number - b.number) })
	rows, err := s.x.reads.in(ctx, s.tx, selectVectors).QueryContext(ctx, list(candidates))
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
		if i == len(candidates) || candidates[i].number != number {
			return errIncomplete
		}
		candidates[i].score = float64(vector.Dot(s.q.Vector, floats))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if i < len(candidates) {
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
	hits := make([]knowledge.Hit, len(ranked))
	places := make(map[int64]int, len(ranked))
	for i, f := range ranked {
		places[f.number] = i
	}
	rows, err := s.x.reads.in(ctx, s.tx, selectHits).QueryContext(ctx, list(ranked))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		var h knowledge.Hit
		var d knowledge.Document
		var number int64
		var own, whole sql.RawBytes
		var parent sql.NullString
		if err := rows.Scan(&number, &h.Chunk, &h.Text, &h.Page, &own, &d.Source, &d.ID, &d.Modality, &d.MIME, &whole, &parent); err != nil {
			return nil, err
		}
		at := places[number]
		if parent.Valid {
			h.Text = parent.String
		}
		h.Source, h.Document, h.Score = d.Source, d.ID, clamp(ranked[at].score)
		if h.Metadata, err = hitMetadata(whole, own, d, h); err != nil {
			return nil, err
		}
		hits[at] = h
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if n != len(ranked) {
		return nil, errIncomplete
	}
	return hits, nil
}

// list is the numbers of chunks as a JSON array, for a statement.
func list(chunks []found) string {
	numbers := []byte{'['}
	for i, f := range chunks {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = strconv.AppendInt(numbers, f.number, 10)
	}
	return string(append(numbers, ']'))
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
