package chunk

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Sizes where a data source gives none, in tokens.
const (
	defaultTokens        = 300
	defaultParentTokens  = 1500
	defaultChildTokens   = 300
	defaultOverlapTokens = 60
	defaultPercentile    = 95
)

// mostChunks is how many passages a document may make. A file of the largest
// size that is read makes some forty thousand of the default size.
const mostChunks = 1 << 20

// New returns a Splitter. It is safe for concurrent use.
func New() Splitter { return splitter{} }

type splitter struct{}

// Split implements Splitter.
func (splitter) Split(ctx context.Context, text *document.Text, how knowledge.Chunking, m Model) (*knowledge.Content, error) {
	w := &work{how: how, model: m, content: &knowledge.Content{}}
	switch how.Strategy {
	case knowledge.DefaultChunking, knowledge.FixedSize, knowledge.Hierarchical, knowledge.Semantic, knowledge.NoChunking:
	default:
		return nil, fault.New(fault.Invalid, "There is no chunking strategy %s.", how.Strategy)
	}
	var err error
	if len(text.Records) > 0 {
		err = w.records(ctx, text.Records)
	} else {
		err = w.pages(ctx, text.Pages, nil)
	}
	if err != nil {
		return nil, err
	}
	return w.content, nil
}

// work is one document being cut.
type work struct {
	how     knowledge.Chunking
	model   Model
	content *knowledge.Content
}

// pages cuts a text as the strategy says.
func (w *work) pages(ctx context.Context, pages []document.Page, metadata knowledge.Metadata) error {
	if !hasWords(pages) {
		return ctx.Err()
	}
	switch w.how.Strategy {
	case knowledge.NoChunking:
		return w.whole(pages, metadata)
	case knowledge.Hierarchical:
		return w.hierarchical(ctx, pages, metadata)
	}
	var passages []passage
	var err error
	switch most := cmp.Or(w.how.MaxTokens, defaultTokens); w.how.Strategy {
	case knowledge.Semantic:
		passages, err = w.semantic(ctx, pages, most)
	case knowledge.FixedSize:
		passages, err = w.fixed(ctx, pages, most, most*w.how.OverlapPercent/100)
	default:
		passages, err = w.fixed(ctx, pages, most, 0)
	}
	if err != nil {
		return err
	}
	return w.add(passages, -1, metadata)
}

// hasWords reports whether there is anything to be found in a text.
func hasWords(pages []document.Page) bool {
	for _, p := range pages {
		if strings.ContainsFunc(p.Text, func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.So, r)
		}) {
			return true
		}
	}
	return false
}

// add makes chunks of passages.
func (w *work) add(passages []passage, parent int, metadata knowledge.Metadata) error {
	if len(w.content.Chunks)+len(passages) > mostChunks {
		return fault.New(fault.Invalid, "The document makes more than %d chunks of the size that the data source is configured for.", mostChunks)
	}
	for _, p := range passages {
		w.content.Chunks = append(w.content.Chunks, knowledge.Chunk{Text: p.text(), Parent: parent, Page: p[0].Number, Metadata: metadata})
	}
	return nil
}

// whole makes one chunk of everything. It has no page: it is of all of them.
func (w *work) whole(pages []document.Page, metadata knowledge.Metadata) error {
	var p passage
	for _, page := range pages {
		if text := strings.TrimSpace(strings.ToValidUTF8(page.Text, "\uFFFD")); text != "" {
			p = append(p, document.Page{Number: -1, Text: text})
		}
	}
	return w.add([]passage{p}, -1, metadata)
}

// fixed makes passages of a size.
func (w *work) fixed(ctx context.Context, pages []document.Page, most, overlap int) ([]passage, error) {
	s, err := layout(ctx, pages)
	if err != nil {
		return nil, err
	}
	if err := s.weigh(ctx, w.model, most); err != nil {
		return nil, err
	}
	return w.fit(ctx, s, s.pack(0, len(s.units), most, overlap), most)
}

// hierarchical makes passages, and passages of those.
func (w *work) hierarchical(ctx context.Context, pages []document.Page, metadata knowledge.Metadata) error {
	parents, err := w.fixed(ctx, pages, cmp.Or(w.how.ParentTokens, defaultParentTokens), w.overlap())
	if err != nil {
		return err
	}
	for _, parent := range parents {
		children, err := w.fixed(ctx, parent, cmp.Or(w.how.ChildTokens, defaultChildTokens), w.overlap())
		if err != nil {
			return err
		}
		w.content.Parents = append(w.content.Parents, parent.text())
		if err := w.add(children, len(w.content.Parents)-1, metadata); err != nil {
			return err
		}
	}
	return nil
}

// overlap is what passages of one level share, in tokens.
func (w *work) overlap() int { return cmp.Or(w.how.OverlapTokens, defaultOverlapTokens) }

// records makes at least one chunk of each record, with its metadata.
func (w *work) records(ctx context.Context, records []document.Record) error {
	most := cmp.Or(w.how.MaxTokens, defaultTokens)
	if w.how.Strategy == knowledge.Hierarchical {
		most = cmp.Or(w.how.ChildTokens, defaultChildTokens)
	}
	counts, err := count(ctx, w.model, len(records), func(i int) string { return records[i].Text })
	if err != nil {
		return err
	}
	for i, r := range records {
		pages := []document.Page{{Number: -1, Text: r.Text}}
		metadata := make(knowledge.Metadata, len(r.Metadata))
		for key, value := range r.Metadata {
			if !knowledge.Reserved(key) { // a column must not say where a row is from
				metadata[key] = knowledge.String(value)
			}
		}
		var err error
		switch {
		case !hasWords(pages):
			// A row without a text is found by nothing.
		case weight(counts[i], r.Text) <= most:
			err = w.whole(pages, metadata)
		default:
			err = w.pages(ctx, pages, metadata)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fit makes the passages of spans, and cuts those again that have more tokens
// than their units together had: what a tokenizer makes of a text is not always
// the sum of what it makes of its parts.
func (w *work) fit(ctx context.Context, s *script, spans []span, most int) ([]passage, error) {
	if len(spans) > mostChunks {
		return nil, w.add(make([]passage, len(spans)), -1, nil)
	}
	passages := make([]passage, 0, len(spans))
	for _, sp := range spans {
		if p := s.passage(sp); len(p) > 0 {
			passages = append(passages, p)
		}
	}
	return w.refit(ctx, passages, most)
}

func (w *work) refit(ctx context.Context, passages []passage, most int) ([]passage, error) {
	counts, err := count(ctx, w.model, len(passages), func(i int) string { return passages[i].text() })
	if err != nil {
		return nil, err
	}
	var fitted []passage
	for i, p := range passages {
		if counts[i] <= most {
			fitted = append(fitted, p)
			continue
		}
		halves := p.halves()
		if len(halves) > 1 {
			if halves, err = w.refit(ctx, halves, most); err != nil {
				return nil, err
			}
		}
		fitted = append(fitted, halves...)
	}
	return fitted, nil
}
