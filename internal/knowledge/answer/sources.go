package answer

import (
	"cmp"
	"context"
	"slices"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// How a sentence of the passages is compared with a question: by meaning, by its
// words, and by the place of its passage among the results. The weights were
// chosen on the questions in testdata with the default models.
const (
	weightWords = 0.3
	weightPlace = 0.15
	// mostEmbedded bounds how many sentences of the passages are embedded for
	// one answer, each of which costs a few milliseconds: those with the most
	// words of the question.
	mostEmbedded = 48
	// embeddedBytes bounds how long they are together: text without punctuation
	// has units that are as long as a paragraph.
	embeddedBytes = 8000
	// relevant is the similarity in meaning and words from which a sentence has
	// to do with the question. Of twenty questions in other words than the
	// documents', nineteen reach 0.33; of twenty-two about something else, two
	// do. That is with an embedding model whose similarities begin at 0; with
	// another one, more is answered than should be.
	relevant = 0.33
	// allWords is the share of the question's words from which a sentence has to
	// do with it, whatever its meaning. One word is not enough.
	allWords = 0.75
)

// How a sentence of an answer is compared with the passages that it may come
// from, half by meaning and half by words.
const (
	supported   = 0.5  // at least, to be cited
	hardly      = 0.25 // at least, to be cited by an answer that has no other source
	alsoSupport = 0.93 // of the best, for a further passage to be cited as well
	mostCited   = 3
	// mostCompared bounds how many sentences a sentence is compared with.
	mostCompared = 16
	// comparedBytes bounds how long they are together.
	comparedBytes = 4000
)

// unit is a sentence of a passage.
type unit struct {
	hit    int
	text   string
	terms  []string
	vector []float32
}

// sources are the passages of an answer, taken apart. They are used by one
// answer.
type sources struct {
	embedding knowledge.Embedding
	hits      []knowledge.Hit
	texts     []string // what is read of each passage
	units     []unit
	weights   *passage.Weights
}

// mostRead is how much of a passage is read, in bytes: more than the longest
// chunk of every strategy but NONE has, whose chunks are whole files.
const mostRead = 64_000

// newSources takes passages apart. Of those that are very long it reads what has
// the wanted words, given as passage.Terms.
func newSources(e knowledge.Embedding, hits []knowledge.Hit, wanted []string) *sources {
	s := &sources{embedding: e, hits: hits, texts: make([]string, len(hits))}
	var terms [][]string
	for i, hit := range hits {
		s.texts[i] = passage.Excerpt(hit.Text, mostRead, wanted)
		for _, text := range passage.Units(s.texts[i]) {
			u := unit{hit: i, text: text, terms: passage.Terms(text)}
			s.units = append(s.units, u)
			terms = append(terms, u.terms)
		}
	}
	s.weights = passage.NewWeights(terms)
	return s
}

// scored is a unit with how well it suits.
type scored struct {
	unit  int
	score float64
}

func sorted(list []scored) []scored {
	slices.SortStableFunc(list, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	return list
}

// first returns the beginning of a list: so many units at most, of so many bytes
// together, and one at least.
func (s *sources) first(list []scored, most, bytes int) []scored {
	for i, l := range list {
		if bytes -= len(s.units[l.unit].text); i == most || bytes < 0 && i > 0 {
			return list[:i]
		}
	}
	return list
}

// place is what the rank of a unit's passage adds to its score.
func (s *sources) place(u unit) float64 {
	return weightPlace * (1 - float64(u.hit)/float64(len(s.hits)))
}

// ranking are the sentences of the passages, the best first.
type ranking struct {
	list []scored
	// relevant reports whether one of them has to do with a question that is
	// not only aside.
	relevant bool
}

// rank orders the sentences of the passages by how well they answer any of the
// questions.
func (s *sources) rank(ctx context.Context, questions []retrieve.Question) (*ranking, error) {
	texts := make([]string, len(questions))
	terms := make([][]string, len(questions))
	for i, q := range questions {
		texts[i], terms[i] = q.Text, passage.Terms(q.Text)
	}
	words := make([][]float64, len(s.units)) // by unit and question
	list := make([]scored, len(s.units))
	for i, u := range s.units {
		words[i] = make([]float64, len(questions))
		best := 0.0
		for j := range questions {
			words[i][j] = s.weights.Overlap(terms[j], u.terms)
			best = max(best, words[i][j])
		}
		list[i] = scored{i, best + s.place(u)}
	}
	list = s.first(sorted(list), mostEmbedded, embeddedBytes)
	asked, err := s.embed(ctx, texts, list)
	if err != nil {
		return nil, err
	}
	out := &ranking{}
	for i, l := range list {
		u := s.units[l.unit]
		best := 0.0
		for j, q := range questions {
			share := words[l.unit][j]
			like := passage.Cosine(asked[j], u.vector) + weightWords*share
			best = max(best, like)
			if !aside(q) {
				out.relevant = out.relevant || like >= relevant || share >= allWords && several(terms[j])
			}
		}
		list[i].score = best + s.place(u)
	}
	out.list = sorted(list)
	return out, nil
}

// several reports whether there are two different words.
func several(terms []string) bool {
	for _, t := range terms {
		if t != terms[0] {
			return true
		}
	}
	return false
}

// embed returns the vectors of texts and sees to it that the units of the list
// have theirs, with one request.
func (s *sources) embed(ctx context.Context, texts []string, list []scored) ([][]float32, error) {
	all := slices.Clone(texts)
	var missing []int
	for _, l := range list {
		if s.units[l.unit].vector == nil {
			missing = append(missing, l.unit)
			all = append(all, s.units[l.unit].text)
		}
	}
	vectors, err := s.embedding.Embed(ctx, all)
	if err != nil {
		return nil, err
	}
	for i, u := range missing {
		s.units[u].vector = vectors[len(texts)+i]
	}
	return vectors[:len(texts)], nil
}

// support is what a sentence of an answer rests on.
type support struct {
	hits []knowledge.Hit // the best first
	// best is the passage that is most like it, and how much, also where that
	// is not enough to be cited. Nil when there is none.
	best  *knowledge.Hit
	score float64
}

// of finds what a sentence of an answer rests on. within are the units that the
// model was shown; nil: all.
func (s *sources) of(ctx context.Context, sentence string, within []int) (*support, error) {
	terms := passage.Terms(sentence)
	if len(terms) == 0 {
		return &support{}, nil
	}
	if within == nil {
		within = make([]int, len(s.units))
		for i := range within {
			within[i] = i
		}
	}
	list := make([]scored, len(within))
	words := make(map[int]float64, len(within))
	for i, u := range within {
		words[u] = s.weights.Overlap(terms, s.units[u].terms)
		list[i] = scored{u, words[u]}
	}
	list = s.first(sorted(list), mostCompared, comparedBytes)
	said, err := s.embed(ctx, []string{sentence}, list)
	if err != nil {
		return nil, err
	}
	like := make(map[int]float64) // by hit
	for _, l := range list {
		u := s.units[l.unit]
		like[u.hit] = max(like[u.hit], 0.5*passage.Cosine(said[0], u.vector)+0.5*words[l.unit])
	}
	hits := make([]scored, 0, len(like))
	for hit := range s.hits {
		if score := like[hit]; score > 0 {
			hits = append(hits, scored{hit, score})
		}
	}
	hits = sorted(hits)
	out := &support{}
	for i, h := range hits {
		if i == 0 {
			out.best, out.score = &s.hits[h.unit], h.score
		}
		if i == mostCited || h.score < supported || h.score < alsoSupport*hits[0].score {
			break
		}
		out.hits = append(out.hits, s.hits[h.unit])
	}
	return out, nil
}
