package ingest_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// bucket is a source in memory, and the knowledge.Sources that knows only it.
type bucket struct {
	mu      sync.Mutex
	files   map[string]file
	open    func(ctx context.Context, o knowledge.Object) error // nil: nothing happens
	listErr error
	opened  map[string]int
}

type file struct {
	content string
	etag    string
	size    int64 // 0: of content
}

func (b *bucket) put(id, content string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := sha256.Sum256([]byte(content))
	b.files[id] = file{content: content, etag: fmt.Sprintf("%x", sum[:4])}
}

func (b *bucket) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.files, id)
}

func (b *bucket) set(change func(b *bucket)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *bucket) Open(context.Context, knowledge.DataSource) (knowledge.Source, error) {
	return bucketSource{b}, nil
}

type bucketSource struct{ *bucket }

func (b bucketSource) object(id string) (knowledge.Object, bool) {
	f, ok := b.files[id]
	return knowledge.Object{ID: id, Name: id[strings.LastIndex(id, "/")+1:], Size: cmp.Or(f.size, int64(len(f.content))), ETag: f.etag}, ok
}

func (b bucketSource) List(_ context.Context, yield func(knowledge.Object) error) error {
	b.mu.Lock()
	if b.listErr != nil {
		defer b.mu.Unlock()
		return b.listErr
	}
	var list []knowledge.Object
	for _, id := range slices.Sorted(maps.Keys(b.files)) {
		o, _ := b.object(id)
		list = append(list, o)
	}
	b.mu.Unlock()
	for _, o := range list {
		if err := yield(o); err != nil {
			return err
		}
	}
	return nil
}

func (b bucketSource) Open(ctx context.Context, o knowledge.Object) (io.ReadCloser, error) {
	b.mu.Lock()
	hook := b.open
	b.opened[o.ID]++
	b.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, o); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f, ok := b.files[o.ID]
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no %s.", o.ID)
	}
	if f.etag != o.ETag {
		return nil, fault.New(fault.Conflict, "The object has changed.")
	}
	return io.NopCloser(bytes.NewReader([]byte(f.content))), nil
}

func (b bucketSource) Stat(_ context.Context, id string) (knowledge.Object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.object(id)
	if !ok {
		return o, fault.New(fault.NotFound, "There is no %s.", id)
	}
	return o, nil
}

// parser reads plain text, and fails as the text says.
type parser struct{}

func (parser) Parse(_ context.Context, in document.Input) (*document.Text, error) {
	text := string(in.Content)
	switch {
	case strings.HasPrefix(text, "!unsupported"):
		return nil, fault.New(fault.Unsupported, "Files of this format are not read.")
	case strings.HasPrefix(text, "!invalid"):
		return nil, fault.New(fault.Invalid, "The file is encrypted.")
	case strings.HasPrefix(text, "!panic"):
		panic("a bug in a parser")
	}
	if in.Records != nil {
		out := &document.Text{MIME: "text/csv"}
		for line := range strings.Lines(text) {
			out.Records = append(out.Records, document.Record{Text: strings.TrimSpace(line), Metadata: map[string]string{"column": in.Records.Content}})
		}
		return out, nil
	}
	return &document.Text{MIME: "text/plain", Pages: []document.Page{{Number: -1, Text: text}}}, nil
}

func (parser) Close() error { return nil }

// dimensions of the vectors of a model.
const dimensions = 8

// model makes vectors out of sums, and tokens out of words.
type model struct {
	mu     sync.Mutex
	embed  func(ctx context.Context, texts []string) error // nil: nothing happens
	opened func() error
	calls  [][]string
}

func (m *model) set(embed func(ctx context.Context, texts []string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.embed = embed
}

func (m *model) Open(context.Context, knowledge.Base) (knowledge.Embedding, error) {
	m.mu.Lock()
	opened := m.opened
	m.mu.Unlock()
	if opened != nil {
		if err := opened(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *model) Spec() knowledge.Spec {
	return knowledge.Spec{Model: "test/model", Dimensions: dimensions}
}

func (m *model) Window() int { return 256 }

func (m *model) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	embed := m.embed
	m.calls = append(m.calls, slices.Clone(texts))
	m.mu.Unlock()
	if embed != nil {
		if err := embed(ctx, texts); err != nil {
			return nil, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = vectorOf(text)
	}
	return vectors, ctx.Err()
}

func vectorOf(text string) []float32 {
	sum := sha256.Sum256([]byte(text))
	v := make([]float32, dimensions)
	var length float64
	for i := range v {
		v[i] = float32(binary.LittleEndian.Uint16(sum[2*i:])) + 1
		length += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(length))
	}
	return v
}

func (m *model) CountTokens(_ context.Context, texts []string) ([]int, error) {
	counts := make([]int, len(texts))
	for i, text := range texts {
		counts[i] = len(strings.Fields(text))
	}
	return counts, nil
}

// memory is a knowledge.Indexes that outlives the workers of a test.
type memory struct {
	mu      sync.Mutex
	indexes map[string]*memoryIndex
}

func (m *memory) Open(_ context.Context, base string, spec knowledge.Spec) (knowledge.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.indexes[base]
	if x == nil {
		x = &memoryIndex{spec: spec, documents: map[docKey]entry{}, outcomes: map[string]map[docKey]knowledge.Outcome{}}
		m.indexes[base] = x
	}
	if x.spec != spec {
		return nil, fault.New(fault.Conflict, "The index was made for another model.")
	}
	return x, nil
}

func (m *memory) Existing(_ context.Context, base string) (knowledge.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.indexes[base]; x != nil {
		return x, nil
	}
	return nil, fault.New(fault.NotFound, "There is no index.")
}

func (m *memory) Drop(_ context.Context, base string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.indexes, base)
	return nil
}

func (m *memory) Close() error { return nil }

type docKey struct{ source, id string }

type entry struct {
	doc     knowledge.Document
	content knowledge.Content
}

type memoryIndex struct {
	spec knowledge.Spec

	mu        sync.Mutex
	documents map[docKey]entry
	outcomes  map[string]map[docKey]knowledge.Outcome
}

func (x *memoryIndex) Spec() knowledge.Spec { return x.spec }

func (x *memoryIndex) record(job string, key docKey, outcome knowledge.Outcome) {
	if outcome == knowledge.OutcomeNone {
		return
	}
	if x.outcomes[job] == nil {
		x.outcomes[job] = map[docKey]knowledge.Outcome{}
	}
	x.outcomes[job][key] = outcome
}

func (x *memoryIndex) Put(_ context.Context, job string, doc knowledge.Document, content *knowledge.Content, outcome knowledge.Outcome) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := docKey{doc.Source, doc.ID}
	e := x.documents[key]
	e.doc = doc
	if content != nil {
		e.content = knowledge.Content{Metadata: maps.Clone(content.Metadata), Chunks: slices.Clone(content.Chunks), Parents: slices.Clone(content.Parents)}
		for _, c := range content.Chunks {
			if len(c.Vector) != x.spec.Dimensions {
				return fault.New(fault.Invalid, "A vector has %d dimensions.", len(c.Vector))
			}
		}
	}
	x.documents[key] = e
	x.record(job, key, outcome)
	return nil
}

func (x *memoryIndex) PutMetadata(_ context.Context, job string, doc knowledge.Document, metadata knowledge.Metadata, outcome knowledge.Outcome) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := docKey{doc.Source, doc.ID}
	e := x.documents[key]
	e.doc = doc
	e.content.Metadata = maps.Clone(metadata)
	x.documents[key] = e
	x.record(job, key, outcome)
	return nil
}

func (x *memoryIndex) Remove(_ context.Context, job, source string, ids []string, outcome knowledge.Outcome) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		key := docKey{source, id}
		if _, ok := x.documents[key]; ok {
			delete(x.documents, key)
			x.record(job, key, outcome)
		}
	}
	return nil
}

func (x *memoryIndex) RemoveSource(_ context.Context, source string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.DeleteFunc(x.documents, func(k docKey, _ entry) bool { return k.source == source })
	return nil
}

func (x *memoryIndex) Document(_ context.Context, source, id string) (knowledge.Document, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.documents[docKey{source, id}]
	if !ok {
		return knowledge.Document{}, fault.New(fault.NotFound, "There is no document %s.", id)
	}
	return e.doc, nil
}

func (x *memoryIndex) Documents(_ context.Context, source, after string, limit int) ([]knowledge.Document, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []knowledge.Document
	for key, e := range x.documents {
		if key.source == source && key.id > after {
			list = append(list, e.doc)
		}
	}
	slices.SortFunc(list, func(a, b knowledge.Document) int { return cmp.Compare(a.ID, b.ID) })
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, nil
}

func (x *memoryIndex) Outcomes(_ context.Context, job string) (map[knowledge.Outcome]int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	counts := map[knowledge.Outcome]int64{}
	for _, o := range x.outcomes[job] {
		counts[o]++
	}
	return counts, nil
}

func (x *memoryIndex) Forget(_ context.Context, job string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.outcomes, job)
	return nil
}

func (x *memoryIndex) Search(context.Context, knowledge.Query) ([]knowledge.Hit, error) {
	return nil, fault.New(fault.Unsupported, "The index of these tests does not search.")
}

func (x *memoryIndex) Size(context.Context) (knowledge.Size, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return knowledge.Size{Documents: int64(len(x.documents))}, nil
}
