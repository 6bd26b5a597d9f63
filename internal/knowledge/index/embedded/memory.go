package embedded

import (
	"github.com/outcrop/outcrop/internal/fulltext"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// memory is what of an index is in memory, at one generation of its database.
// Chunks have a slot, ascending as they come; those of a document are neighbors.
// Slots of chunks that are gone are dead until the index is loaded anew.
type memory struct {
	generation int64
	live       bitmap.Set
	dead       int
	described  int     // times that a document got other metadata; the old values stay in mind
	numbers    []int64 // of the chunk in each slot
	parents    []int32 // position among the document's parents; -1: none
	starts     []int32 // the first slot of the document
	documents  map[int64]span

	vectors    *vector.Planes
	dictionary *fulltext.Dictionary
	texts      *fulltext.Index
	attributes *attributes
}

// span are the slots of a document.
type span struct{ first, count int }

func newMemory(dimensions int) *memory {
	return &memory{
		documents: map[int64]span{}, vectors: vector.New(dimensions), dictionary: fulltext.NewDictionary(),
		texts: &fulltext.Index{}, attributes: newAttributes(),
	}
}

// slots is how many there are, dead ones included.
func (m *memory) slots() int { return len(m.numbers) }

// change is what became of a document.
type change struct {
	document int64
	gone     bool // it was removed, with its chunks
	replaced bool // its chunks are the ones here; else they are the same as before
	chunks   []chunk
	// was are the terms of the chunks that there were before. Nil: unknown.
	was     [][]fulltext.Count
	user    knowledge.Metadata // of the whole document
	service knowledge.Metadata // the service's own keys
}

// chunk is what memory has of one.
type chunk struct {
	number   int64
	parent   int32
	page     int
	code     []byte
	terms    []fulltext.Count
	metadata knowledge.Metadata // its own
}

// changes lead from one generation to another.
type changes struct {
	generation int64
	terms      []string // new ones, in the order of their numbers
	documents  []change
}

// apply makes memory that of a later generation.
func (m *memory) apply(c changes) error {
	for _, term := range c.terms {
		m.dictionary.Add([]byte(term))
	}
	for i := range c.documents {
		d := &c.documents[i]
		if d.gone || d.replaced {
			m.remove(d)
		}
		switch {
		case d.gone:
		case d.replaced:
			if err := m.add(d); err != nil {
				return err
			}
		default:
			m.describe(d)
		}
	}
	m.generation = c.generation
	return nil
}

// remove makes the slots of a document dead.
func (m *memory) remove(d *change) {
	s, found := m.documents[d.document]
	if !found {
		return
	}
	delete(m.documents, d.document)
	m.attributes.remove(s)
	for i := range s.count {
		slot := s.first + i
		m.live.Remove(slot)
		if d.was != nil {
			m.texts.Remove(slot, d.was[i])
		}
	}
	if d.was == nil {
		m.texts.RemoveRange(s.first, s.first+s.count)
	}
	m.dead += s.count
}

// add gives the chunks of a document slots.
func (m *memory) add(d *change) error {
	first := m.slots()
	for i := range d.chunks {
		c := &d.chunks[i]
		if err := m.vectors.Add(c.code); err != nil {
			return err
		}
		slot := first + i
		m.numbers = append(m.numbers, c.number)
		m.parents = append(m.parents, c.parent)
		m.starts = append(m.starts, int32(first))
		m.texts.Add(slot, c.terms)
		m.live = m.live.With(slot)
	}
	m.documents[d.document] = span{first, len(d.chunks)}
	m.describe(d)
	return nil
}

// describe sets the metadata of a document's slots. What is of one chunk goes
// over what is of the document, and the service's keys over both.
func (m *memory) describe(d *change) {
	s := m.documents[d.document]
	user := m.attributes.resolve(nil, d.user)
	service := m.attributes.resolve(nil, d.service)
	var own []assignment
	if !d.replaced {
		m.attributes.remove(s)
		m.described++
	}
	for i := range s.count {
		slot := s.first + i
		m.attributes.set(slot, user)
		if c := &d.chunks[i]; c.metadata != nil || c.page >= 0 {
			own = m.attributes.resolve(own[:0], c.metadata)
			m.attributes.set(slot, own)
			if c.page >= 0 {
				own = m.attributes.resolve(own[:0], knowledge.Metadata{knowledge.KeyPageNumber: knowledge.Number(float64(c.page))})
				m.attributes.set(slot, own)
			}
		}
		m.attributes.set(slot, service)
	}
}

// bytes is about the memory in use.
func (m *memory) bytes() int64 {
	const perDocument = 48 // a map entry
	return m.vectors.Bytes() + m.texts.Bytes() + m.dictionary.Bytes() + m.attributes.bytes() +
		8*int64(cap(m.numbers)) + 4*int64(cap(m.parents)) + 4*int64(cap(m.starts)) + 8*int64(cap(m.live)) +
		perDocument*int64(len(m.documents))
}
