package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fulltext"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// remembered is for how many generations removed documents are kept in mind.
// Who was away for longer loads everything.
const remembered = 1000

// reload makes memory anew from the database, without dead slots. Searches go
// on with the old one meanwhile. The caller is the only one who writes.
func (x *Index) reload(ctx context.Context) error {
	m := newMemory(x.spec.Dimensions)
	err := x.db.Read(ctx, func(tx *sql.Tx) error { return m.load(ctx, tx) })
	if err != nil {
		return err
	}
	m.vectors = m.vectors.Rebuilt()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.memory = m
	return nil
}

// refresh brings memory to the state of the database, which another process has
// changed. The caller is the only one who writes.
func (x *Index) refresh(ctx context.Context, tx *sql.Tx) error {
	c, err := x.changesSince(ctx, tx, x.memory.generation)
	if errors.Is(err, errTooLong) {
		m := newMemory(x.spec.Dimensions)
		if err := m.load(ctx, tx); err != nil {
			return err
		}
		m.vectors = m.vectors.Rebuilt()
		x.mu.Lock()
		defer x.mu.Unlock()
		x.memory = m
		return nil
	}
	if err != nil {
		return err
	}
	return x.apply(c)
}

// apply changes memory. The caller is the only one who writes.
func (x *Index) apply(c changes) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.memory.apply(c); err != nil {
		x.memory.generation = unknown
		return err
	}
	return nil
}

// unknown is the generation of memory that does not fit any.
const unknown = -1

// errTooLong says that changes cannot be told any more.
var errTooLong = errors.New("the changes since then are not known")

// load reads everything.
func (m *memory) load(ctx context.Context, tx *sql.Tx) error {
	if err := tx.QueryRowContext(ctx, "SELECT generation FROM meta").Scan(&m.generation); err != nil {
		return err
	}
	terms, err := loadTerms(ctx, tx, 0)
	if err != nil {
		return err
	}
	for _, term := range terms {
		m.dictionary.Add([]byte(term))
	}
	documents, err := loadDocuments(ctx, tx, "chunks > 0 ORDER BY first")
	if err != nil {
		return err
	}
	// One goroutine reads while another one puts in place what was read.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan *change, 64)
	failed := make(chan error, 1)
	go func() {
		defer close(read)
		failed <- readAll(ctx, tx, documents, len(terms), read)
	}()
	for d := range read {
		if err == nil {
			if err = m.add(d); err != nil {
				cancel()
			}
		}
	}
	return cmp.Or(err, <-failed)
}

// readAll reads the chunks of all documents, which are in the order of their
// chunks, and sends one after the other.
func readAll(ctx context.Context, tx *sql.Tx, documents []loaded, terms int, to chan<- *change) error {
	rows, err := tx.QueryContext(ctx, selectEntries+" ORDER BY number")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	r := entryReader{rows: rows}
	for i := range documents {
		d := documents[i]
		documents[i] = loaded{} // not all of them at once
		if err := r.read(&d.change, d.first, d.chunks, terms); err != nil {
			return err
		}
		select {
		case to <- &d.change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rows.Err()
}

func loadTerms(ctx context.Context, tx *sql.Tx, from int) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, term FROM term WHERE number >= ? ORDER BY number", from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var terms []string
	for rows.Next() {
		var number int
		var term sql.RawBytes
		if err := rows.Scan(&number, &term); err != nil {
			return nil, err
		}
		if number != from+len(terms) {
			return nil, fmt.Errorf("term %d of the index is missing", from+len(terms))
		}
		terms = append(terms, string(term))
	}
	return terms, rows.Err()
}

// loaded is a document whose chunks are still to be read.
type loaded struct {
	change
	first   int64
	chunks  int
	content int64
}

func loadDocuments(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]loaded, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, source, id, modality, mime, metadata, first, chunks, content FROM document WHERE "+where, args...) //nolint:gosec // conditions are written in this file
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []loaded
	for rows.Next() {
		var l loaded
		var d knowledge.Document
		var metadata sql.RawBytes
		if err := rows.Scan(&l.document, &d.Source, &d.ID, &d.Modality, &d.MIME, &metadata, &l.first, &l.chunks, &l.content); err != nil {
			return nil, err
		}
		if l.user, err = decodeMetadata(metadata); err != nil {
			return nil, err
		}
		l.service = serviceKeys(d)
		l.replaced = true
		list = append(list, l)
	}
	return list, rows.Err()
}

// serviceKeys are the keys of the service's own that all chunks of a document
// have.
func serviceKeys(d knowledge.Document) knowledge.Metadata {
	m := knowledge.Metadata{
		knowledge.KeySourceURI:    knowledge.String(d.ID),
		knowledge.KeyDataSourceID: knowledge.String(d.Source),
	}
	if d.Modality != "" {
		m[knowledge.KeyModality] = knowledge.String(d.Modality)
	}
	if d.MIME != "" {
		m[knowledge.KeyMIME] = knowledge.String(d.MIME)
	}
	return m
}

func decodeMetadata(text []byte) (knowledge.Metadata, error) {
	if len(text) == 0 || string(text) == "{}" {
		return nil, nil //nolint:nilnil // no metadata
	}
	var m knowledge.Metadata
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read metadata of the index: %w", err)
	}
	return m, nil
}

const selectEntries = "SELECT number, parent, page, metadata, code, terms FROM entry"

// entryReader reads the chunks of one document after the other.
type entryReader struct{ rows *sql.Rows }

// read reads count chunks, the first of which has the number first.
func (r *entryReader) read(d *change, first int64, count, terms int) error {
	d.chunks = make([]chunk, count)
	for i := range d.chunks {
		if !r.rows.Next() {
			return cmp.Or(r.rows.Err(), error(errIncomplete))
		}
		c := &d.chunks[i]
		var metadata, encoded sql.RawBytes
		if err := r.rows.Scan(&c.number, &c.parent, &c.page, &metadata, &c.code, &encoded); err != nil {
			return err
		}
		if c.number != first+int64(i) {
			return errIncomplete
		}
		var err error
		if c.metadata, err = decodeMetadata(metadata); err != nil {
			return err
		}
		if c.terms, err = decodeTerms(encoded, terms); err != nil {
			return err
		}
	}
	return nil
}

var errIncomplete = fault.New(fault.Internal, "the index is damaged: a chunk is missing")

// decodeTerms decodes the terms of a chunk, whose numbers are below a limit.
func decodeTerms(data []byte, limit int) ([]fulltext.Count, error) {
	terms, err := fulltext.Decode(nil, data)
	if err != nil {
		return nil, err
	}
	if n := len(terms); n > 0 && int(terms[n-1].Term) >= limit {
		return nil, fault.New(fault.Internal, "the index is damaged: a term is missing")
	}
	return terms, nil
}

// changesSince reads what has become of the documents after a generation.
func (x *Index) changesSince(ctx context.Context, tx *sql.Tx, generation int64) (changes, error) {
	var c changes
	if err := tx.QueryRowContext(ctx, "SELECT generation FROM meta").Scan(&c.generation); err != nil {
		return c, err
	}
	if generation == unknown || c.generation > generation+remembered || c.generation < generation {
		return c, errTooLong
	}
	known := x.memory.dictionary.Len()
	var err error
	if c.terms, err = loadTerms(ctx, tx, known); err != nil {
		return c, err
	}
	known += len(c.terms)
	if err := removedSince(ctx, tx, generation, &c); err != nil {
		return c, err
	}
	// In the order of their chunks, so that slots are in the order in which every
	// other process has them: it decides between equally good ones.
	documents, err := loadDocuments(ctx, tx, "generation > ? ORDER BY first", generation)
	if err != nil {
		return c, err
	}
	for _, d := range documents {
		d.replaced = d.content > generation
		if err := loadChunks(ctx, tx, &d, known); err != nil {
			return c, err
		}
		c.documents = append(c.documents, d.change)
	}
	return c, nil
}

func removedSince(ctx context.Context, tx *sql.Tx, generation int64, c *changes) error {
	rows, err := tx.QueryContext(ctx, "SELECT document FROM removed WHERE generation > ?", generation)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		gone := change{gone: true}
		if err := rows.Scan(&gone.document); err != nil {
			return err
		}
		c.documents = append(c.documents, gone)
	}
	return rows.Err()
}

func loadChunks(ctx context.Context, tx *sql.Tx, d *loaded, terms int) error {
	rows, err := tx.QueryContext(ctx, selectEntries+" WHERE number >= ? AND number < ? ORDER BY number", d.first, d.first+int64(d.chunks))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	r := entryReader{rows: rows}
	return errors.Join(r.read(&d.change, d.first, d.chunks, terms), rows.Err())
}
