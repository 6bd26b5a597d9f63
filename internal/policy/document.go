package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Document is a policy that has been read. It is never changed.
type Document struct {
	kind       Kind
	text       string
	version    string
	statements []*statement
	allow      table
	deny       table
}

// Kind returns what the document was read as.
func (d *Document) Kind() Kind { return d.kind }

// Text returns the document as it was read.
func (d *Document) Text() string { return d.text }

// Version returns the version of the language; 2008-10-17 when the document has none.
func (d *Document) Version() string { return d.version }

// Statements lists the document's statements in order.
func (d *Document) Statements() []Statement {
	list := make([]Statement, len(d.statements))
	for i, s := range d.statements {
		list[i] = s.Statement
	}
	return list
}

// ContextKeys lists the condition keys that the document asks for, in conditions
// and in variables, each once and as it is written where it comes first.
func (d *Document) ContextKeys() []string {
	var keys []string
	seen := map[string]bool{}
	add := func(name string) {
		if lower := strings.ToLower(name); !seen[lower] {
			seen[lower] = true
			keys = append(keys, name)
		}
	}
	inParts := func(p pattern) {
		for _, q := range p.parts {
			if q.kind == variablePart {
				add(q.written)
			}
		}
	}
	for _, s := range d.statements {
		for i := range s.resources {
			inParts(s.resources[i].fields[arnFields-1])
		}
		for i := range s.conditions {
			c := &s.conditions[i]
			add(c.written)
			for _, p := range c.texts {
				inParts(p)
			}
			for _, p := range c.arns {
				inParts(p.whole)
			}
		}
	}
	return keys
}

// table finds the statements that may cover an action. A statement that names
// actions in full is under each of them, one with wildcards under the service,
// and the rest is asked always.
type table struct {
	exact, vendor buckets
	rest          []*statement
}

// buckets are lists of statements by name, in the order of the names' hashes. The
// mask answers without a search for most of the names that are not there.
type buckets struct {
	mask   uint64
	sorted []bucket
}

type bucket struct {
	hash       uint64
	name       string
	statements []*statement
}

func (t *table) add(s *statement) {
	if s.notActions {
		t.rest = append(t.rest, s)
		return
	}
	for _, a := range s.actions {
		switch {
		case a.vendor == "":
			t.rest = insert(t.rest, s)
		case a.wild:
			t.vendor.add(a.vendor, s)
		default:
			t.exact.add(a.vendor+":"+a.name, s)
		}
	}
}

// sort makes the table ready to be asked.
func (t *table) sort() {
	t.exact.sort()
	t.vendor.sort()
}

func (b *buckets) add(name string, s *statement) {
	b.sorted = append(b.sorted, bucket{hash: hash([]byte(name)), name: name, statements: []*statement{s}})
}

// sort puts the statements of a name together, in the order in which they came.
func (b *buckets) sort() {
	slices.SortStableFunc(b.sorted, func(x, y bucket) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), strings.Compare(x.name, y.name))
	})
	merged := b.sorted[:0]
	for _, x := range b.sorted {
		b.mask |= bit(x.hash)
		if n := len(merged); n > 0 && merged[n-1].name == x.name {
			merged[n-1].statements = insert(merged[n-1].statements, x.statements[0])
			continue
		}
		merged = append(merged, x)
	}
	b.sorted = slices.Clone(merged)
}

// search returns the first place whose hash is not less.
func (b *buckets) search(h uint64) int {
	low, high := 0, len(b.sorted)
	for low < high {
		middle := int(uint(low+high) / 2)
		if b.sorted[middle].hash < h {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

func (b *buckets) find(h uint64, name []byte) []*statement {
	if b.mask&bit(h) == 0 {
		return nil
	}
	for i := b.search(h); i < len(b.sorted) && b.sorted[i].hash == h; i++ {
		if b.sorted[i].name == string(name) {
			return b.sorted[i].statements
		}
	}
	return nil
}

// insert appends what is not the latest already.
func insert(list []*statement, s *statement) []*statement {
	if n := len(list); n > 0 && list[n-1] == s {
		return list
	}
	return append(list, s)
}

// hash is FNV-1a.
func hash(s []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range s {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// bit takes upper bits, which FNV mixes best.
func bit(h uint64) uint64 { return 1 << (h >> 58) }

// first returns a statement that applies, or nil. named is how it names the
// caller; want is the least that is asked for.
func (t *table) first(e *evaluation, want grant) *statement {
	for _, s := range t.exact.find(e.actionHash, e.action()) {
		if named, ok := s.applies(e); ok && named >= want {
			return s
		}
	}
	for _, s := range t.vendor.find(e.vendorHash, e.vendor()) {
		if s.covers(e.vendor(), e.name()) {
			if named, ok := s.applies(e); ok && named >= want {
				return s
			}
		}
	}
	for _, s := range t.rest {
		if s.covers(e.vendor(), e.name()) {
			if named, ok := s.applies(e); ok && named >= want {
				return s
			}
		}
	}
	return nil
}
