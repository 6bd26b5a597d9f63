package passage

import "math"

// Weights tell how much each word says: the fewer of the texts have it, the
// more. They do not change after they were made.
type Weights struct {
	texts     float64
	frequency map[string]int
}

// NewWeights counts the words of texts, given as Terms.
func NewWeights(texts [][]string) *Weights {
	w := &Weights{texts: float64(len(texts)), frequency: make(map[string]int)}
	for _, terms := range texts {
		for term := range unique(terms) {
			w.frequency[term]++
		}
	}
	return w
}

// Of is the weight of a term, above 0.
func (w *Weights) Of(term string) float64 {
	return math.Log1p((w.texts + 1) / float64(w.frequency[term]+1))
}

// Overlap is the share of the weight of part's words that whole has too, between
// 0 and 1; 0 when part has no words.
func (w *Weights) Overlap(part, whole []string) float64 {
	has := unique(whole)
	var found, all float64
	for term := range unique(part) {
		weight := w.Of(term)
		all += weight
		if _, ok := has[term]; ok {
			found += weight
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}

func unique(terms []string) map[string]struct{} {
	set := make(map[string]struct{}, len(terms))
	for _, t := range terms {
		set[t] = struct{}{}
	}
	return set
}

// Cosine is the cosine of two vectors of unit length, 0 where it is negative or
// they are of different sizes.
func Cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return max(sum, 0)
}
