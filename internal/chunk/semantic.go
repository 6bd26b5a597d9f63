package chunk

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
)

// compareTexts is how many sentences are embedded at a time, so that the vectors
// of a long document are never all in memory.
const compareTexts = 1024

// semantic makes passages that end where the meaning changes: between sentences
// whose vectors are further apart than most of the text's neighbors are.
func (w *work) semantic(ctx context.Context, pages []document.Page, most int) ([]passage, error) {
	s, err := layout(ctx, pages)
	if err != nil {
		return nil, err
	}
	if err := s.weigh(ctx, w.model, most); err != nil {
		return nil, err
	}
	sentences := s.sentences(most)
	distances, err := w.distances(ctx, s, sentences)
	if err != nil {
		return nil, err
	}
	far := percentile(distances, cmp.Or(w.how.BreakpointPercentile, defaultPercentile))
	var spans []span
	start := 0
	for i, sp := range sentences {
		if i == len(sentences)-1 || distances[i] > far {
			spans = append(spans, s.pack(start, sp.end, most, 0)...)
			start = sp.end
		}
	}
	return w.fit(ctx, s, spans, most)
}

// sentences are the units between good borders; those that were too long are
// cut to the size of a passage.
func (s *script) sentences(most int) []span {
	var all []span
	for start := 0; start < len(s.units); {
		end := start + 1
		for end < len(s.units) && s.units[end].before != glue && s.units[end].before < sentence {
			end++
		}
		all = append(all, s.pack(start, end, most, 0)...)
		start = end
	}
	return all
}

// distances are the cosine distances between the surroundings of each sentence
// and of the next one.
func (w *work) distances(ctx context.Context, s *script, sentences []span) ([]float64, error) {
	if len(sentences) < 2 {
		return nil, nil
	}
	buffer := max(w.how.BufferSize, 0)
	distances := make([]float64, 0, len(sentences)-1)
	var before []float32
	for begin := 0; begin < len(sentences); begin += compareTexts {
		texts := make([]string, min(compareTexts, len(sentences)-begin))
		for i := range texts {
			first := max(begin+i-buffer, 0)
			last := min(begin+i+buffer, len(sentences)-1)
			texts[i] = s.passage(span{sentences[first].start, sentences[last].end}).text()
		}
		vectors, err := w.model.Embed(ctx, texts)
		if err != nil {
			return nil, err
		}
		if len(vectors) != len(texts) {
			return nil, fault.New(fault.Internal, "%d texts have %d vectors", len(texts), len(vectors))
		}
		for _, v := range vectors {
			if before != nil {
				distances = append(distances, 1-cosine(before, v))
			}
			before = v
		}
	}
	return distances, nil
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// percentile is the value that p percent of the values do not exceed, between
// two of them where it falls there.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(values))
	at := float64(len(sorted)-1) * float64(p) / 100
	i := int(at)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
