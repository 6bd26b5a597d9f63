package answer

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// reader takes the text of a model as it comes and writes the answer that is in
// it. After errEnough nothing more is added.
type reader interface {
	add(ctx context.Context, text string) error
	end(ctx context.Context) error
}

const (
	// mostSentence is the length in bytes after which a sentence without an end
	// is taken as one.
	mostSentence = 1000
	// shortSentence is the length in bytes below which a sentence may come twice
	// without the model going round in circles.
	shortSentence = 12
)

// prose reads an answer without any format. Text leaves as soon as it is there;
// whenever a sentence is over, its sources are found.
type prose struct {
	out     *output
	sources *sources
	within  []int // the units that the model was shown; nil: all
	cites   bool
	// circles is what small models do: a sentence that was there before ends
	// the answer. Text that may be the beginning of one waits.
	circles bool

	begun bool
	rest  string // what is after the last sentence that is over
	sent  int    // bytes of rest that are with out
	place int    // of rest's first character in the answer
	seen  map[string]int
	over  bool
	weak  *Citation // of the sentence that is most like a passage
	most  float64   // how much
}

func (p *prose) add(ctx context.Context, text string) error {
	p.rest += text
	if !p.begun {
		p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
		if p.rest == "" {
			return nil
		}
		p.begun, p.place = true, p.out.position()
	}
	n := passage.Complete(p.rest)
	if n == 0 && len(p.rest) > mostSentence {
		if n = strings.LastIndexByte(p.rest, ' ') + 1; n == 0 {
			n = len(p.rest)
		}
	}
	if err := p.sentences(ctx, n); err != nil {
		return err
	}
	if p.circles && p.mayRepeat(p.rest) {
		return nil
	}
	return p.send(len(p.rest))
}

func (p *prose) end(ctx context.Context) error {
	if !p.over {
		if err := p.sentences(ctx, len(p.rest)); err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	// A short answer has little to compare: what it is most like is its source,
	// if it has one.
	if p.cites && !p.out.cited && p.most >= hardly {
		return p.out.cite(*p.weak)
	}
	return nil
}

// sentences sends and cites the sentences in the first n bytes of rest.
func (p *prose) sentences(ctx context.Context, n int) error {
	head := p.rest[:n]
	for _, s := range passage.Sentences(head) {
		sentence := head[s.Start:s.End]
		if p.circles && p.repeats(sentence) {
			p.over = true
			return errEnough
		}
		if err := p.send(s.End); err != nil {
			return err
		}
		if !p.cites || sentence == Refusal {
			continue
		}
		found, err := p.sources.of(ctx, sentence, p.within)
		if err != nil {
			return err
		}
		start := p.place + utf8.RuneCountInString(head[:s.Start])
		c := Citation{Text: sentence, Span: &Span{start, start + utf8.RuneCountInString(sentence) - 1}, References: found.hits}
		if len(found.hits) > 0 {
			if err := p.out.cite(c); err != nil {
				return err
			}
		} else if found.score > p.most {
			c.References = []knowledge.Hit{*found.best}
			p.weak, p.most = &c, found.score
		}
	}
	if err := p.send(n); err != nil {
		return err
	}
	p.place += utf8.RuneCountInString(head)
	p.rest, p.sent = p.rest[n:], p.sent-n
	return nil
}

// send sends rest up to a position.
func (p *prose) send(to int) error {
	if to <= p.sent {
		return nil
	}
	text := p.rest[p.sent:to]
	p.sent = to
	return p.out.write(text)
}

// repeats reports whether a sentence was there before, and remembers it.
func (p *prose) repeats(sentence string) bool {
	if p.seen == nil {
		p.seen = make(map[string]int)
	}
	n := p.seen[sentence]
	p.seen[sentence]++
	return n > 1 || n == 1 && len(sentence) >= shortSentence
}

// mayRepeat reports whether text may become a sentence that was there before.
func (p *prose) mayRepeat(text string) bool {
	text = strings.TrimSpace(text)
	for sentence := range p.seen {
		if strings.HasPrefix(sentence, text) {
			return true
		}
	}
	return false
}
