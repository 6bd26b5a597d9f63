package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// Search implements knowledge.Index.
func (x *Index) Search(ctx context.Context, q knowledge.Query) ([]knowledge.Hit, error) {
	if err := x.checkQuery(q); err != nil {
		return nil, err
	}
	for {
		var hits []knowledge.Hit
		err := x.db.Read(ctx, func(tx *sql.Tx) error {
			s := search{x: x, tx: tx, q: q}
			ranked, err := s.rank(ctx)
			if err != nil {
				return err
			}
			hits, err = s.hits(ctx, ranked)
			return err
		})
		if !errors.Is(err, errStale) {
			return hits, ended(ctx, err)
		}
		if err := x.catchUp(ctx); err != nil {
			return nil, ended(ctx, err)
		}
	}
}

func (x *Index) checkQuery(q knowledge.Query) error {
	switch q.Mode {
	case knowledge.SemanticSearch, knowledge.HybridSearch:
		if err := x.checkVector(q.Vector); err != nil {
			return err
		}
	case knowledge.TextSearch:
	default:
		return fault.New(fault.Invalid, "There is no search of the type %q.", string(q.Mode))
	}
	if q.Limit < 1 || q.Offset < 0 {
		return fault.New(fault.Invalid, "A search returns at least one result.")
	}
	return nil
}

// errStale says that memory and the database are of different generations.
var errStale = errors.New("memory is not what is in the database")

// catchUp waits for a write in progress, and reads what another process has
// written.
func (x *Index) catchUp(ctx context.Context) error {
	unlock, err := x.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	err = x.db.Read(ctx, func(tx *sql.Tx) error {
		var generation int64
		if err := tx.QueryRowContext(ctx, "SELECT generation FROM meta").Scan(&generation); err != nil {
			return err
		}
		if generation == x.memory.generation {
			return nil
		}
		return x.refresh(ctx, tx)
	})
	if err != nil {
		return err
	}
	return x.tend(ctx)
}

// search is one search in one snapshot of the database.
type search struct {
	x  *Index
	tx *sql.Tx
	q  knowledge.Query

	ids []chunkID // of all chunks; nil: not read yet
}

// found is a chunk that is a candidate.
type found struct {
	slot   int
	number int64
	group  int64 // the same for chunks that are one hit
	score  float64
}

// rank returns the hits of the page that was asked for, the best first.
func (s *search) rank(ctx context.Context) ([]found, error) {
	x := s.x
	var generation int64
	if err := x.reads.in(ctx, s.tx, selectGeneration).QueryRowContext(ctx).Scan(&generation); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.memory.generation != generation {
		return nil, errStale
	}
	allowed, err := s.allowed(ctx)
	if err != nil {
		return nil, err
	}
	need := s.q.Offset + s.q.Limit
	var ranked []found
	switch s.q.Mode {
	case knowledge.SemanticSearch:
		ranked, err = s.semantic(ctx, allowed, need)
	case knowledge.TextSearch:
		ranked = s.text(allowed, need)
	default:
		ranked, err = s.hybrid(ctx, allowed, need)
	}
	if err != nil || len(ranked) <= s.q.Offset {
		return nil, err
	}
	return ranked[s.q.Offset:min(need, len(ranked))], nil
}

// choice is what a search may return.
type choice struct {
	set   bitmap.Set
	count int
}

func (s *search) allowed(ctx context.Context) (choice, error) {
	m := s.x.memory
	if s.q.Filter == nil {
		return choice{m.live, m.slots() - m.dead}, nil
	}
	filter := selection{m: m, ids: func(test func(string) bool) (bitmap.Set, error) { return s.byID(ctx, test) }}
	set, err := filter.slots(s.q.Filter, 1)
	if err != nil {
		return choice{}, err
	}
	set.And(m.live)
	return choice{set, set.Count()}, nil
}

// byID finds the slots of the chunks whose ID passes.
func (s *search) byID(ctx context.Context, test func(packed string) bool) (bitmap.Set, error) {
	if s.ids == nil {
		if err := s.readIDs(ctx); err != nil {
			return nil, err
		}
	}
	set := bitmap.Of(s.x.memory.slots())
	for _, id := range s.ids {
		if test(id.packed) {
			set = set.With(id.slot)
		}
	}
	return set, nil
}

// chunkID is the ID of the chunk in a slot, in the packed form of values.
type chunkID struct {
	slot   int
	packed string
}

// readIDs reads the IDs of all chunks. They are among the texts, so a filter
// with many conditions on them must not read them for each.
func (s *search) readIDs(ctx context.Context) error {
	m := s.x.memory
	slots := make(map[int64]int, m.slots()-m.dead)
	for slot := range m.live.All() {
		slots[m.numbers[slot]] = slot
	}
	rows, err := s.tx.QueryContext(ctx, "SELECT number, id FROM chunk")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	s.ids = make([]chunkID, 0, len(slots))
	for rows.Next() {
		var number int64
		var id string
		if err := rows.Scan(&number, &id); err != nil {
			return err
		}
		if slot, alive := slots[number]; alive {
			s.ids = append(s.ids, chunkID{slot, string(packedString) + id})
		}
	}
	return rows.Err()
}

// semantic ranks by the vectors.
func (s *search) semantic(ctx context.Context, allowed choice, need int) ([]found, error) {
	const first = 32 // whatever the size of a page, which may change from one to the next
	return paged(first, 4, need, func(length int) ([]found, bool, error) {
		list, err := s.nearest(ctx, allowed, length)
		return list[:min(length, len(list))], len(list) < length, err
	})
}

// paged makes one long list of lists that grow. What a longer one finds that the
// shorter ones did not comes after all that they found, wherever it ranks in the
// longer one: so pages neither overlap nor leave anything out. The lengths must
// be the same for all pages.
func paged(length, growth, need int, find func(length int) (list []found, all bool, err error)) ([]found, error) {
	var ranked []found
	seen := map[int64]bool{}
	last := 1.0
	for ; ; length *= growth {
		list, all, err := find(length)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if seen[f.group] {
				continue
			}
			seen[f.group] = true
			last = min(last, f.score)
			f.score = last
			ranked = append(ranked, f)
		}
		if len(ranked) >= need || all {
			return ranked, nil
		}
	}
}

// nearest returns the hits with the best vectors, as many as are needed or
// some more. How good the last of them are depends on how many that is.
func (s *search) nearest(ctx context.Context, allowed choice, need int) ([]found, error) {
	if s.q.Exact {
		return s.exact(ctx, allowed, need)
	}
	m := s.x.memory
	// More than asked for: the order of the codes is not quite that of the
	// vectors, and several chunks can be one hit.
	for n := need + need/4 + 16; ; n *= 4 {
		candidates := m.vectors.Search(s.q.Vector, allowed.set, allowed.count, n)
		list := make([]found, len(candidates))
		for i, c := range candidates {
			list[i] = s.found(c.Slot, 0)
		}
		if err := s.rescore(ctx, list); err != nil {
			return nil, err
		}
		slices.SortFunc(list, better)
		list = collapse(list)
		if len(list) >= need || len(candidates) < n {
			return list, nil
		}
	}
}

// found describes the chunk in a slot.
func (s *search) found(slot int, score float64) found {
	m := s.x.memory
	f := found{slot: slot, number: m.numbers[slot], score: score, group: -int64(slot) - 1}
	if parent := m.parents[slot]; parent >= 0 {
		f.group = int64(m.starts[slot])<<31 | int64(parent)
	}
	return f
}

// better orders by score, and equal ones by age.
func better(a, b found) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.number, b.number))
}

// collapse keeps the best of each group. The list is in order.
func collapse(list []found) []found {
	seen := make(map[int64]bool, len(list))
	return slices.DeleteFunc(list, func(f found) bool {
		if f.group < 0 {
			return false
		}
		was := seen[f.group]
		seen[f.group] = true
		return was
	})
}

// text ranks by the words. Scores are the share of what a text would get that
// had every word without end.
func (s *search) text(allowed choice, need int) []found {
	m := s.x.memory
	terms := query(m.dictionary, s.q.Text)
	possible := m.texts.Most(terms)
	for n := need; ; n *= 4 {
		hits := m.texts.Search(terms, allowed.set, n)
		list := make([]found, len(hits))
		for i, h := range hits {
			list[i] = s.found(h.Text, float64(h.Score)/possible)
		}
		list = collapse(list)
		if len(list) >= need || len(hits) < n {
			return list
		}
	}
}

// Hybrid search fuses the first hits of both searches by their ranks: each gives
// a hit 1/(60+rank).
const (
	fusion    = 60
	legLength = 100
)

// hybrid ranks by both.
func (s *search) hybrid(ctx context.Context, allowed choice, need int) ([]found, error) {
	return paged(legLength, 10, need, func(length int) ([]found, bool, error) {
		semantic, err := s.nearest(ctx, allowed, length)
		if err != nil {
			return nil, false, err
		}
		text := s.text(allowed, length)
		all := len(semantic) < length && len(text) < length
		return fuse(semantic[:min(length, len(semantic))], text[:min(length, len(text))]), all, nil
	})
}

// fuse orders the hits of two lists by their ranks in both. The score is the
// share of what the first hit of both lists would have.
func fuse(lists ...[]found) []found {
	most := float64(len(lists)) / (fusion + 1)
	var fused []found
	at := map[int64]int{}
	for _, list := range lists {
		for i, f := range list {
			points := 1 / float64(fusion+1+i) / most
			if known, ok := at[f.group]; ok {
				fused[known].score += points
				continue
			}
			at[f.group] = len(fused)
			f.score = points
			fused = append(fused, f)
		}
	}
	slices.SortStableFunc(fused, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	return fused
}
