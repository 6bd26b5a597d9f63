package answer

import (
	"context"
	"slices"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// Whole is an answer that is complete.
type Whole struct {
	Session   string
	Text      string
	Citations []Citation
}

// Collect answers a question whole. Parts that follow each other and rest on the
// same passages are one citation.
func (a *Answerer) Collect(ctx context.Context, req Request) (*Whole, error) {
	c := &collector{}
	if err := a.Answer(ctx, req, c); err != nil {
		return nil, err
	}
	return c.whole(), nil
}

type collector struct {
	Whole

	text []rune
}

func (c *collector) Open(session string) error {
	c.Session = session
	return nil
}

func (c *collector) Text(text string) error {
	c.text = append(c.text, []rune(text)...)
	return nil
}

func (c *collector) Cite(citation Citation) error {
	c.Citations = append(c.Citations, citation)
	return nil
}

func (c *collector) whole() *Whole {
	w := c.Whole
	w.Text = string(c.text)
	w.Citations = nil
	for _, citation := range c.Citations {
		if n := len(w.Citations); n > 0 && citation.Span != nil && w.Citations[n-1].Span != nil &&
			sameHits(w.Citations[n-1].References, citation.References) && c.adjacent(w.Citations[n-1].Span, citation.Span) {
			last := &w.Citations[n-1]
			last.Span = &Span{last.Span.Start, citation.Span.End}
			last.Text = string(c.text[last.Span.Start : last.Span.End+1])
			continue
		}
		w.Citations = append(w.Citations, citation)
	}
	return &w
}

// adjacent reports whether only white space is between two parts.
func (c *collector) adjacent(a, b *Span) bool {
	return a.End < b.Start && b.Start <= len(c.text) && isSpace(c.text[a.End+1:b.Start])
}

func sameHits(a, b []knowledge.Hit) bool {
	return slices.EqualFunc(a, b, func(a, b knowledge.Hit) bool { return a.Chunk == b.Chunk && a.Document == b.Document })
}
