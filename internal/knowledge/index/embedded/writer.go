package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fulltext"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector"
)

// writer is one transaction.
type writer struct {
	x       *Index
	tx      *sql.Tx
	changes changes
}

// stored is what a document's row says of where things are.
type stored struct {
	knowledge.Document
	number   int64
	metadata string
	first    int64
	count    int
}

func (w *writer) begin(ctx context.Context) error {
	var generation int64
	if err := w.row(ctx, selectGeneration).Scan(&generation); err != nil {
		return err
	}
	if generation != w.x.memory.generation {
		if err := w.x.refresh(ctx, w.tx); err != nil {
			return err
		}
	}
	w.changes.generation = generation + 1
	w.x.analyst.begin(w.x.memory.dictionary)
	return nil
}

func (w *writer) end(ctx context.Context) error {
	w.changes.terms = w.x.analyst.fresh
	known := w.x.memory.dictionary.Len()
	for i, term := range w.changes.terms {
		if err := w.exec(ctx, insertTerm, known+i, []byte(term)); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, updateGeneration, w.changes.generation); err != nil {
		return err
	}
	return w.exec(ctx, forgetRemoved, w.changes.generation-remembered)
}

// exec runs one of the prepared statements.
func (w *writer) exec(ctx context.Context, statement string, args ...any) error {
	_, err := w.x.writes.in(ctx, w.tx, statement).ExecContext(ctx, args...)
	return err
}

// row runs one of the prepared statements that have one row.
func (w *writer) row(ctx context.Context, statement string, args ...any) *sql.Row {
	return w.x.writes.in(ctx, w.tx, statement).QueryRowContext(ctx, args...)
}

func scanStored(row interface{ Scan(to ...any) error }) (*stored, error) {
	var s stored
	err := row.Scan(&s.number, &s.Source, &s.ID, &s.Modality, &s.MIME, &s.metadata, &s.first, &s.count)
	return &s, err
}

// find returns what is stored of a document; nil: nothing.
func (w *writer) find(ctx context.Context, source, id string) (*stored, error) {
	s, err := scanStored(w.row(ctx, selectStored, source, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return s, err
}

func (w *writer) ofSource(ctx context.Context, source string) ([]*stored, error) {
	rows, err := w.tx.QueryContext(ctx, "SELECT number, source, id, modality, mime, metadata, first, chunks FROM document WHERE source = ?", source)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []*stored
	for rows.Next() {
		s, err := scanStored(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// put writes a document and its chunks, if there is a content.
func (w *writer) put(ctx context.Context, doc knowledge.Document, content *knowledge.Content, old *stored) error {
	if content == nil {
		return w.status(ctx, doc, old)
	}
	metadata, err := encodeMetadata(content.Metadata)
	if err != nil {
		return err
	}
	c := change{replaced: true, user: content.Metadata, service: serviceKeys(doc)}
	if old != nil {
		if c.was, err = w.removeChunks(ctx, old); err != nil {
			return err
		}
	}
	row := stored{Document: doc, metadata: metadata, count: len(content.Chunks)}
	if err := w.row(ctx, selectLast).Scan(&row.first); err != nil {
		return err
	}
	row.first++
	if c.document, err = w.writeDocument(ctx, row, old, w.changes.generation); err != nil {
		return err
	}
	for i, text := range content.Parents {
		if err := w.exec(ctx, insertParent, c.document, i, text); err != nil {
			return err
		}
	}
	c.chunks, err = w.writeChunks(ctx, c.document, row.first, content.Chunks)
	w.changes.documents = append(w.changes.documents, c)
	return err
}

// status writes a document whose chunks stay what they are.
func (w *writer) status(ctx context.Context, doc knowledge.Document, old *stored) error {
	row := stored{Document: doc, metadata: "{}"}
	if old != nil {
		row.metadata, row.first, row.count = old.metadata, old.first, old.count
	}
	number, err := w.writeDocument(ctx, row, old, 0)
	if err != nil || old == nil || old.MIME == doc.MIME && old.Modality == doc.Modality {
		return err
	}
	user, err := decodeMetadata([]byte(old.metadata))
	if err != nil {
		return err
	}
	return w.describeChunks(ctx, change{document: number, user: user, service: serviceKeys(doc)}, row)
}

// describe writes a document with other metadata.
func (w *writer) describe(ctx context.Context, doc knowledge.Document, metadata knowledge.Metadata, old *stored) error {
	text, err := encodeMetadata(metadata)
	if err != nil {
		return err
	}
	row := stored{Document: doc, metadata: text}
	if old != nil {
		row.first, row.count = old.first, old.count
	}
	number, err := w.writeDocument(ctx, row, old, 0)
	if err != nil {
		return err
	}
	return w.describeChunks(ctx, change{document: number, user: metadata, service: serviceKeys(doc)}, row)
}

func (w *writer) describeChunks(ctx context.Context, c change, row stored) error {
	d := loaded{change: c, first: row.first, chunks: row.count}
	if err := loadChunks(ctx, w.tx, &d, math.MaxInt); err != nil {
		return err
	}
	w.changes.documents = append(w.changes.documents, d.change)
	return nil
}

// writeDocument writes the row. content is the generation of the chunks; 0: as
// it was.
func (w *writer) writeDocument(ctx context.Context, row stored, old *stored, content int64) (number int64, err error) {
	d := row.Document
	args := []any{
		d.Source, d.ID, d.ETag, d.MetadataETag, d.Modality, d.MIME, d.Size, string(d.Status), d.Reason, d.Chunks, d.Updated.UnixNano(),
		row.metadata, row.first, row.count, w.changes.generation, content,
	}
	if old != nil {
		return old.number, w.exec(ctx, updateDocument, append(args, old.number)...)
	}
	result, err := w.x.writes.in(ctx, w.tx, insertDocument).ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

func (w *writer) writeChunks(ctx context.Context, document, first int64, chunks []knowledge.Chunk) ([]chunk, error) {
	entry := w.x.writes.in(ctx, w.tx, insertEntry)
	floats := w.x.writes.in(ctx, w.tx, insertVector)
	text := w.x.writes.in(ctx, w.tx, insertChunk)
	written := make([]chunk, len(chunks))
	var encoded, numbers []byte
	var err error
	for i := range chunks {
		c := &chunks[i]
		number := first + int64(i)
		written[i] = chunk{
			number: number, parent: int32(c.Parent), page: c.Page, metadata: c.Metadata,
			code: vector.Encode(nil, c.Vector), terms: w.x.analyst.terms(c.Text),
		}
		var metadata any
		if len(c.Metadata) > 0 {
			if metadata, err = encodeMetadata(c.Metadata); err != nil {
				return nil, err
			}
		}
		encoded = fulltext.Encode(encoded[:0], written[i].terms)
		numbers = vector.AppendFloats(numbers[:0], c.Vector)
		if _, err := entry.ExecContext(ctx, number, c.Parent, c.Page, metadata, written[i].code, nonNil(encoded)); err != nil {
			return nil, err
		}
		if _, err := floats.ExecContext(ctx, number, nonNil(numbers)); err != nil {
			return nil, err
		}
		if _, err := text.ExecContext(ctx, number, document, c.ID, c.Text); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// nonNil keeps an empty blob from being NULL.
func nonNil(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

func encodeMetadata(m knowledge.Metadata) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "The metadata cannot be stored.")
	}
	return string(text), nil
}

// removeChunks removes the chunks of a document, and returns what their terms
// were.
func (w *writer) removeChunks(ctx context.Context, old *stored) ([][]fulltext.Count, error) {
	was := make([][]fulltext.Count, 0, old.count)
	end := old.first + int64(old.count)
	rows, err := w.x.writes.in(ctx, w.tx, selectWas).QueryContext(ctx, old.first, end)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var encoded sql.RawBytes
		if err := rows.Scan(&encoded); err != nil {
			return nil, err
		}
		terms, err := decodeTerms(encoded, w.x.memory.dictionary.Len())
		if err != nil {
			return nil, err
		}
		was = append(was, terms)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(was) != old.count {
		return nil, errIncomplete
	}
	for _, statement := range []string{deleteEntries, deleteVectors, deleteChunks} {
		if err := w.exec(ctx, statement, old.first, end); err != nil {
			return nil, err
		}
	}
	return was, w.exec(ctx, deleteParents, old.number)
}

func (w *writer) remove(ctx context.Context, old *stored) error {
	was, err := w.removeChunks(ctx, old)
	if err != nil {
		return err
	}
	if err := w.exec(ctx, deleteDocument, old.number); err != nil {
		return err
	}
	if err := w.exec(ctx, insertRemoved, w.changes.generation, old.number); err != nil {
		return err
	}
	w.changes.documents = append(w.changes.documents, change{document: old.number, gone: true, was: was})
	return nil
}

// record notes what a job did with a document.
func (w *writer) record(ctx context.Context, job, source, id string, outcome knowledge.Outcome) error {
	if job == "" || outcome == knowledge.OutcomeNone {
		return nil
	}
	return w.exec(ctx, insertOutcome, job, source, id, string(outcome))
}
