package answer

import (
	"context"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// For tests.
var (
	SplitQuestion = splitQuestion
	SubQuestions  = subQuestions
	SearchQuery   = searchQuery
	IsFollowUp    = isFollowUp
	Render        = render
)

// ReadFormat reads an answer in pieces as a formatted one from passages.
func ReadFormat(ctx context.Context, e knowledge.Embedding, hits []knowledge.Hit, pieces []string) (*Whole, error) {
	return read(ctx, pieces, func(o *output) reader {
		return &format{out: o, hits: hits, prose: &prose{out: o, sources: newSources(e, hits, nil), cites: true}}
	})
}

// ReadProse reads an answer in pieces as a small model's.
func ReadProse(ctx context.Context, e knowledge.Embedding, hits []knowledge.Hit, pieces []string) (*Whole, error) {
	return read(ctx, pieces, func(o *output) reader {
		return &prose{out: o, sources: newSources(e, hits, nil), cites: true, circles: true}
	})
}

func read(ctx context.Context, pieces []string, newReader func(*output) reader) (*Whole, error) {
	c := &collector{}
	o := &output{sink: c, open: func() error { return c.Open("session") }}
	r := behindThoughts(newReader(o))
	for _, piece := range pieces {
		if err := r.add(ctx, piece); err == errEnough { //nolint:errorlint // it is never wrapped
			break
		} else if err != nil {
			return nil, err
		}
	}
	if err := r.end(ctx); err != nil {
		return nil, err
	}
	if err := o.finish(); err != nil {
		return nil, err
	}
	return c.whole(), nil
}
