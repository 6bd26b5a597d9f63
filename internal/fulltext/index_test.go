package fulltext_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fulltext"
	"github.com/outcrop/outcrop/internal/vector/bitmap"
)

// naive is BM25 by the book.
type naive map[int][]fulltext.Count

func (n naive) search(query []fulltext.Count, allowed bitmap.Set, limit int) []fulltext.Hit {
	length := func(terms []fulltext.Count) (sum float64) {
		for _, t := range terms {
			sum += float64(t.Count)
		}
		return sum
	}
	total, texts := 0.0, 0.0
	for _, terms := range n {
		if l := length(terms); l > 0 {
			total += l
			texts++
		}
	}
	var hits []fulltext.Hit
	for text, terms := range n {
		if !allowed.Has(text) {
			continue
		}
		score := 0.0
		for _, q := range query {
			with := 0.0
			for _, other := range n {
				if slices.ContainsFunc(other, func(t fulltext.Count) bool { return t.Term == q.Term }) {
					with++
				}
			}
			for _, t := range terms {
				if t.Term == q.Term {
					tf := float64(t.Count)
					score += float64(q.Count) * math.Log(1+(texts-with+0.5)/(with+0.5)) * tf * 2.2 / (tf + 1.2*(0.25+0.75*length(terms)/(total/texts)))
				}
			}
		}
		if score > 0 {
			hits = append(hits, fulltext.Hit{Text: text, Score: float32(score)})
		}
	}
	slices.SortFunc(hits, func(a, b fulltext.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Text, b.Text))
	})
	return hits[:min(limit, len(hits))]
}

func randomTerms(r *rand.Rand, words int) []fulltext.Count {
	counts := map[uint32]uint32{}
	for range words {
		counts[uint32(r.ExpFloat64()*20)]++ // few of them are in nearly every text
	}
	var list []fulltext.Count
	for term, count := range counts {
		list = append(list, fulltext.Count{Term: term, Count: count})
	}
	slices.SortFunc(list, func(a, b fulltext.Count) int { return cmp.Compare(a.Term, b.Term) })
	return list
}

func TestIndexLikeTheBook(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var x fulltext.Index
	book := naive{}
	next := 0
	compare := func(when string) {
		t.Helper()
		for range 5 {
			query := randomTerms(r, 1+r.IntN(6))
			allowed := bitmap.Of(next)
			for text := range book {
				if r.IntN(3) > 0 {
					allowed = allowed.With(text)
				}
			}
			limit := 1 + r.IntN(200)
			want, got := book.search(query, allowed, limit), x.Search(query, allowed, limit)
			if len(got) != len(want) {
				t.Fatalf("%s: got %d hits, want %d", when, len(got), len(want))
			}
			for i := range want {
				if math.Abs(float64(got[i].Score-want[i].Score)) > 1e-4 {
					t.Fatalf("%s: hit %d: got %v, want %v", when, i, got[i], want[i])
				}
				if most := x.Most(query); float64(got[i].Score) > most {
					t.Fatalf("%s: got score %v, want at most %v", when, got[i].Score, most)
				}
			}
		}
	}
	for round := range 20 {
		for range r.IntN(30) {
			terms := randomTerms(r, r.IntN(60))
			x.Add(next, terms)
			book[next] = terms
			next += 1 + r.IntN(300) // numbers may have gaps
		}
		for text, terms := range book {
			if r.IntN(5) == 0 {
				x.Remove(text, terms)
				x.Remove(text, terms) // once is enough
				delete(book, text)
			}
		}
		compare(fmt.Sprintf("round %d", round))
	}
	x.RemoveRange(next/3, next/2)
	for text := range book {
		if text >= next/3 && text < next/2 {
			delete(book, text)
		}
	}
	compare("after the removal of a range")
	x.RemoveRange(0, next+1000)
	clear(book)
	compare("after the removal of all")
	if x.Bytes() <= 0 {
		t.Error("an index that has something takes no memory")
	}
}

// TestLongLists has lists of every length, over many pieces and pages.
func TestLongLists(t *testing.T) {
	t.Parallel()
	const texts = 100_000
	var x fulltext.Index
	for i := range texts {
		terms := []fulltext.Count{{Term: 0, Count: uint32(1 + i%300)}}
		if i%1000 == 0 {
			terms = append(terms, fulltext.Count{Term: 1 + uint32(i/1000), Count: 1})
		}
		x.Add(i, terms)
	}
	for i := range texts / 1000 {
		hits := x.Search([]fulltext.Count{{Term: 1 + uint32(i), Count: 1}}, bitmap.Full(texts), 10)
		if len(hits) != 1 || hits[0].Text != i*1000 {
			t.Fatalf("term %d: got %v, want text %d", i+1, hits, i*1000)
		}
	}
	if hits := x.Search([]fulltext.Count{{Term: 0, Count: 1}}, bitmap.Full(texts), texts); len(hits) != texts {
		t.Errorf("got %d texts, want %d", len(hits), texts)
	}
	if hits := x.Search([]fulltext.Count{{Term: 4_000_000_000, Count: 1}}, bitmap.Full(texts), 10); len(hits) != 0 {
		t.Errorf("got %v by a term that there is not", hits)
	}
}

func TestDictionary(t *testing.T) {
	t.Parallel()
	d := fulltext.NewDictionary()
	const terms = 20_000
	for i := range terms {
		term := []byte(fmt.Sprint("term", i))
		if _, found := d.Find(term); found {
			t.Fatalf("found %s before it was added", term)
		}
		if number, isNew := d.Add(term); number != uint32(i) || !isNew {
			t.Fatalf("%s: got number %d, new %v, want %d", term, number, isNew, i)
		}
	}
	for i := range terms {
		term := []byte(fmt.Sprint("term", i))
		if number, isNew := d.Add(term); number != uint32(i) || isNew {
			t.Fatalf("%s again: got number %d, new %v", term, number, isNew)
		}
		if number, found := d.Find(term); number != uint32(i) || !found || string(d.Term(number)) != string(term) {
			t.Fatalf("%s: got number %d, found %v, term %s", term, number, found, d.Term(number))
		}
	}
	if d.Len() != terms {
		t.Errorf("got %d terms, want %d", d.Len(), terms)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for name, terms := range map[string][]fulltext.Count{
		"none":  nil,
		"one":   {{Term: 0, Count: 1}},
		"many":  {{Term: 0, Count: 7}, {Term: 1, Count: 1}, {Term: 200, Count: 1}, {Term: 70_000, Count: 1000}},
		"large": {{Term: math.MaxUint32 - 1, Count: math.MaxUint32}, {Term: math.MaxUint32, Count: 1}},
	} {
		data := fulltext.Encode([]byte("before"), terms)
		got, err := fulltext.Decode(nil, data[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(terms, got); diff != "" {
			t.Errorf("%s: terms (-want +got):\n%s", name, diff)
		}
	}
	if _, err := fulltext.Decode(nil, []byte{0x80}); err == nil {
		t.Error("got no error for half a number")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{3, 0, 2, 5})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		terms, err := fulltext.Decode(nil, data)
		if err != nil {
			return
		}
		again, err := fulltext.Decode(nil, fulltext.Encode(nil, terms))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(terms, again); diff != "" {
			t.Errorf("terms (-want +got):\n%s", diff)
		}
	})
}
