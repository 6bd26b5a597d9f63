// Package fulltext searches texts for words and ranks them by BM25: an analyzer
// that cuts text into terms, a dictionary that numbers them, and an index in
// memory that is appended to.
//
// It keeps nothing on disk and does not know what the texts are: who uses it
// gives each a number, keeps the terms of a text (Terms.Append) beside it, and
// adds them again at the next start.
package fulltext

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// The constants of BM25, as everybody has them: how soon more of the same word
// stops to count, and how much long texts are held back.
const (
	k1 = 1.2
	b  = 0.75
)

// Count is a term of a text and how often it is there.
type Count struct{ Term, Count uint32 }

// Index finds texts by their terms. Texts have numbers that ascend as they are
// added. Searches may run at once, while nothing is added or removed.
type Index struct {
	postings postings
	lengths  []uint16 // of each text by number, in terms; 0: not there, or removed
	texts    int      // that are there
	terms    int64    // of all of them together
	scratch  sync.Pool
}

// Add adds a text under a number above all before. The terms are different from
// each other.
func (x *Index) Add(text int, terms []Count) {
	for text >= len(x.lengths) {
		x.lengths = append(x.lengths, 0)
	}
	length := uint32(0)
	for _, t := range terms {
		x.postings.add(t.Term, uint32(text), t.Count)
		length += t.Count
	}
	if length == 0 {
		return
	}
	x.lengths[text] = uint16(min(length, math.MaxUint16))
	x.terms += int64(x.lengths[text])
	x.texts++
}

// Remove takes a text out of the counts that weights are made of. terms are the
// ones that it was added with. Its postings stay until Compact: a search must
// not allow the number.
func (x *Index) Remove(text int, terms []Count) {
	if text >= len(x.lengths) || x.lengths[text] == 0 {
		return
	}
	for _, t := range terms {
		x.postings.lists[t.Term].live--
	}
	x.terms -= int64(x.lengths[text])
	x.texts--
	x.lengths[text] = 0
}

// Hit is a text that was found. Score is above 0 and has no upper bound.
type Hit struct {
	Text  int
	Score float32
}

// Search returns the n best of the allowed texts for the terms, a term for each
// time that it is asked for, the best first; of equal ones the lower number.
func (x *Index) Search(query []Count, allowed bitmap.Set, n int) []Hit {
	if n <= 0 || x.texts == 0 {
		return nil
	}
	scores := x.borrow()
	defer x.giveBack(scores)
	average := float32(x.terms) / float32(x.texts)
	for _, q := range query {
		if int(q.Term) < len(x.postings.lists) {
			x.accumulate(*scores, q, average)
		}
	}
	return best(*scores, allowed, n)
}

func (x *Index) accumulate(scores []float32, q Count, average float32) {
	weight := float32(x.weight(q))
	if weight == 0 {
		return
	}
	const fixed = k1 * (1 - b)
	slope := k1 * b / average
	lengths := x.lengths
	x.postings.each(q.Term, func(text, count uint32) {
		tf := float32(count)
		scores[text] += weight * tf / (tf + fixed + slope*float32(lengths[text]))
	})
}

// weight is what a term adds to a score at most.
func (x *Index) weight(q Count) float64 {
	live := float64(x.postings.lists[q.Term].live)
	if live == 0 {
		return 0
	}
	return float64(q.Count) * math.Log1p((float64(x.texts)-live+0.5)/(live+0.5)) * (k1 + 1)
}

// borrow returns a zero for each text.
func (x *Index) borrow() *[]float32 {
	scores, _ := x.scratch.Get().(*[]float32)
	if scores == nil || cap(*scores) < len(x.lengths) {
		fresh := make([]float32, len(x.lengths), cap(x.lengths))
		return &fresh
	}
	*scores = (*scores)[:len(x.lengths)]
	return scores
}

func (x *Index) giveBack(scores *[]float32) {
	clear(*scores)
	x.scratch.Put(scores)
}

func best(scores []float32, allowed bitmap.Set, n int) []Hit {
	var hits []Hit
	least := float32(0)
	order := func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Text, b.Text))
	}
	room := 2*n + 64
	for text, score := range scores {
		if score <= least || !allowed.Has(text) {
			continue
		}
		if hits = append(hits, Hit{text, score}); len(hits) == room {
			slices.SortFunc(hits, order)
			hits = hits[:n]
			least = hits[n-1].Score
		}
	}
	slices.SortFunc(hits, order)
	return hits[:min(n, len(hits))]
}

// Encode appends terms to dst, for keeping them.
func Encode(dst []byte, terms []Count) []byte {
	last := uint32(0)
	for _, t := range terms {
		distance := uint64(t.Term-last) << 1
		last = t.Term
		if t.Count == 1 {
			dst = binary.AppendUvarint(dst, distance|1)
			continue
		}
		dst = binary.AppendUvarint(dst, distance)
		dst = binary.AppendUvarint(dst, uint64(t.Count))
	}
	return dst
}

// Decode appends the terms that Encode wrote to dst.
func Decode(dst []Count, data []byte) ([]Count, error) {
	dst = slices.Grow(dst, 2*len(data)/3) // most terms take a byte or two
	last := uint64(0)
	for len(data) > 0 {
		distance, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, errTerms
		}
		data = data[n:]
		last += distance >> 1
		count := uint64(1)
		if distance&1 == 0 {
			if count, n = binary.Uvarint(data); n <= 0 {
				return nil, errTerms
			}
			data = data[n:]
		}
		if last > math.MaxUint32 || count > math.MaxUint32 {
			return nil, errTerms
		}
		dst = append(dst, Count{uint32(last), uint32(count)})
	}
	return dst, nil
}

var errTerms = errors.New("the terms of a text are damaged")

// Most is the score that no text can reach: of one that has every word of the
// query without end.
func (x *Index) Most(query []Count) float64 {
	sum := 0.0
	for _, q := range query {
		if int(q.Term) < len(x.postings.lists) {
			sum += x.weight(q)
		}
	}
	return sum
}

// RemoveRange removes the texts with numbers from first up to end, whose terms
// are not known any more. It goes through all postings.
func (x *Index) RemoveRange(first, end int) {
	end = min(end, len(x.lengths))
	for term := range x.postings.lists {
		l := &x.postings.lists[term]
		if int(l.last) <= first {
			continue
		}
		x.postings.each(uint32(term), func(text, _ uint32) {
			if int(text) >= first && int(text) < end && x.lengths[text] > 0 {
				l.live--
			}
		})
	}
	for text := first; text < end; text++ {
		if x.lengths[text] > 0 {
			x.terms -= int64(x.lengths[text])
			x.texts--
			x.lengths[text] = 0
		}
	}
}

// Terms is how many different terms there are in the texts that were not
// removed. It goes through all terms that there ever were.
func (x *Index) Terms() int {
	n := 0
	for i := range x.postings.lists {
		if x.postings.lists[i].live > 0 {
			n++
		}
	}
	return n
}

// Bytes is the memory in use.
func (x *Index) Bytes() int64 {
	return x.postings.bytes() + 2*int64(cap(x.lengths)) + 4*int64(len(x.lengths))
}
