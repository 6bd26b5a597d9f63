package embed

import (
	"context"
	"math"
	"sync"

	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/router"
)

const (
	// mostInFlight is how many bulk requests a model has at a time, from all
	// callers together: one that is computed, and others that wait so that the
	// engine never does.
	mostInFlight = 4
	// A bulk request has at most so many texts or bytes: about a second of
	// computing for a small model on two cores, and not so few that their ways
	// through the pipe count.
	requestTexts = 64
	requestBytes = 16 << 10
)

// model is an embedding model as a base uses it.
type model struct {
	e      *Embeddings
	base   knowledge.Base
	target *router.Target
	name   string // the router's
	spec   knowledge.Spec
	window int // tokens, with those that the model adds
	lane   chan struct{}
}

// Spec implements knowledge.Embedding.
func (m *model) Spec() knowledge.Spec { return m.spec }

// Window implements knowledge.Embedding.
func (m *model) Window() int { return m.window }

// Embed implements knowledge.Embedding. A text that is longer than the window
// is embedded in parts: see windows.
func (m *model) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	parts, err := m.windows(ctx, texts)
	if err != nil {
		return nil, err
	}
	vectors, err := m.embedAll(ctx, parts)
	if err != nil {
		return nil, err
	}
	// Cut or not, Fit copies: what is averaged next is ours.
	vectors, err = m.e.fitter.Fit(ctx, m.name, join(len(texts), parts, vectors), m.spec.Dimensions, embedding.Unit)
	if err != nil {
		return nil, err
	}
	for _, v := range vectors {
		if !isUnit(v) {
			return nil, fault.New(fault.Upstream, "Model %s made a vector without a direction.", m.name)
		}
	}
	return vectors, nil
}

func isUnit(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Abs(sum-1) < 1e-3 // false for NaN
}

// embedAll computes all parts, several requests at a time when there is more
// than fits into one.
func (m *model) embedAll(ctx context.Context, parts []part) ([][]float32, error) {
	vectors := make([][]float32, len(parts))
	groups := group(parts)
	if len(groups) == 1 {
		// A question does not stand in line behind documents.
		return vectors, m.embedGroup(ctx, parts, vectors)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for _, g := range groups {
		if err := m.enter(ctx); err != nil {
			break // which context.Cause tells
		}
		running.Go(func() {
			defer func() { <-m.lane }()
			if err := m.embedGroup(ctx, parts[g.start:g.end], vectors[g.start:g.end]); err != nil {
				stop(err)
			}
		})
	}
	running.Wait()
	return vectors, context.Cause(ctx)
}

// enter takes a place in the lane.
func (m *model) enter(ctx context.Context) error {
	select {
	case m.lane <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// embedGroup makes one request.
func (m *model) embedGroup(ctx context.Context, parts []part, vectors [][]float32) error {
	req := &inference.EmbedRequest{Model: m.target.Name(), Texts: make([]string, len(parts))}
	for i, p := range parts {
		req.Texts[i] = p.text
	}
	return m.e.repeat(ctx, m.name, func() error {
		made, err := m.e.models.Embed(ctx, req)
		if err != nil {
			return err
		}
		if len(made.Vectors) != len(parts) {
			return fault.New(fault.Upstream, "Model %s made %d vectors of %d texts.", m.name, len(made.Vectors), len(parts))
		}
		copy(vectors, made.Vectors)
		if m.e.p.Used != nil {
			tokens := 0
			for _, n := range made.InputTokens {
				tokens += n
			}
			m.e.p.Used(ctx, Used{m.base, m.target, tokens})
		}
		return nil
	})
}

// span is the parts of one request.
type span struct{ start, end int }

// group cuts the parts into requests.
func group(parts []part) []span {
	var groups []span
	size := 0
	for i, p := range parts {
		n := len(groups)
		if n == 0 || groups[n-1].end-groups[n-1].start == requestTexts || size+len(p.text) > requestBytes {
			groups = append(groups, span{i, i})
			n++
			size = 0
		}
		groups[n-1].end = i + 1
		size += len(p.text)
	}
	return groups
}

// CountTokens implements knowledge.Embedding. Where the model's backend cannot
// count, the numbers are estimates.
func (m *model) CountTokens(ctx context.Context, texts []string) ([]int, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	var counts []int
	err := m.e.repeat(ctx, m.name, func() (err error) {
		counts, err = m.e.models.CountTexts(ctx, &inference.TokenizeRequest{Model: m.target.Name(), Texts: texts})
		return err
	})
	switch {
	case fault.Is(err, fault.Unsupported):
		return estimate(texts), nil
	case err != nil:
		return nil, err
	case len(counts) != len(texts):
		return nil, fault.New(fault.Upstream, "Model %s counted %d texts of %d.", m.name, len(counts), len(texts))
	}
	return counts, nil
}

var _ knowledge.Embedding = (*model)(nil)
