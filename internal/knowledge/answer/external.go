package answer

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// Document comes with a question, in place of a base: by its URI
// ("s3://bucket/key") or with its content.
type Document struct {
	URI     string
	Name    string // where there is no URI
	MIME    string
	Content []byte
}

// KeyContent is the key of the metadata of a passage from a document that came
// with its content, as Bedrock names it: the document's name.
const KeyContent = "x-amz-bedrock-kb-byte-content-source"

// mostDocumentTokens is the limit of the real service.
const mostDocumentTokens = 20_000

// mostPassages is how many passages of the documents a model is shown at most.
const mostPassages = 20

// external reads the documents of a question and finds their passages that suit
// it.
func (a *Answerer) external(ctx context.Context, req Request) (*material, error) {
	// Of no region: the caller did not choose this model, and a region that does
	// not offer it can answer all the same.
	embedding, err := a.p.Embeddings.Open(ctx, knowledge.Base{Account: req.Account, EmbeddingModel: a.p.EmbeddingModel})
	if err != nil {
		return nil, err
	}
	m := &material{embedding: embedding, given: true, parts: []string{req.Question}, questions: []retrieve.Question{{Text: req.Question}}}
	var hits []knowledge.Hit
	tokens := 0
	for _, d := range req.Documents {
		text, err := a.read(ctx, req, d)
		if err != nil {
			return nil, err
		}
		n, err := countPages(ctx, embedding, text)
		if err != nil {
			return nil, err
		}
		if tokens += n; tokens > mostDocumentTokens {
			return nil, fault.New(fault.Invalid, "Token limit exceeded: input contains %d tokens and exceeds limit of %d", tokens, mostDocumentTokens)
		}
		content, err := a.p.Splitter.Split(ctx, text, knowledge.Chunking{}, embedding)
		if err != nil {
			return nil, err
		}
		for _, c := range content.Chunks {
			hits = append(hits, d.hit(c, text.MIME))
		}
	}
	m.hits, err = closest(ctx, embedding, req.Question, hits)
	return m, err
}

func countPages(ctx context.Context, e knowledge.Embedding, text *document.Text) (int, error) {
	pages := make([]string, len(text.Pages))
	for i, p := range text.Pages {
		pages[i] = p.Text
	}
	counts, err := e.CountTokens(ctx, pages)
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

func (d Document) hit(c knowledge.Chunk, mime string) knowledge.Hit {
	metadata := knowledge.Metadata{knowledge.KeyModality: knowledge.String("TEXT"), knowledge.KeyMIME: knowledge.String(mime)}
	id := d.URI
	if id == "" {
		id = d.Name
		metadata[KeyContent] = knowledge.String(d.Name)
	} else {
		metadata[knowledge.KeySourceURI] = knowledge.String(d.URI)
	}
	if c.Page >= 0 {
		metadata[knowledge.KeyPageNumber] = knowledge.Number(float64(c.Page))
	}
	return knowledge.Hit{Chunk: c.ID, Document: id, Text: c.Text, Page: c.Page, Metadata: metadata}
}

// closest puts the passages that suit a question first, and leaves out those
// that nobody will read.
func closest(ctx context.Context, e knowledge.Embedding, question string, hits []knowledge.Hit) ([]knowledge.Hit, error) {
	if len(hits) < 2 {
		return hits, nil
	}
	texts := make([]string, 0, len(hits)+1)
	texts = append(texts, question)
	terms := make([][]string, len(hits))
	for i, hit := range hits {
		texts = append(texts, hit.Text)
		terms[i] = passage.Terms(hit.Text)
	}
	vectors, err := e.Embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	weights, asked := passage.NewWeights(terms), passage.Terms(question)
	list := make([]scored, len(hits))
	for i := range hits {
		hits[i].Score = passage.Cosine(vectors[0], vectors[i+1])
		list[i] = scored{i, hits[i].Score + weightWords*weights.Overlap(asked, terms[i])}
	}
	list = sorted(list)
	best := make([]knowledge.Hit, 0, mostPassages)
	for _, l := range list[:min(len(list), mostPassages)] {
		best = append(best, hits[l.unit])
	}
	return best, nil
}

// read gets the text of a document.
func (a *Answerer) read(ctx context.Context, req Request, d Document) (*document.Text, error) {
	in := document.Input{Name: d.Name, MIME: d.MIME, Content: d.Content}
	if d.URI != "" {
		var err error
		if in.Content, err = a.fetch(ctx, req, d.URI); err != nil {
			return nil, err
		}
		in.Name = d.URI[strings.LastIndexByte(d.URI, '/')+1:]
	}
	text, err := a.p.Parser.Parse(ctx, in)
	if err != nil {
		if f := fault.As(err); f.Kind == fault.Unsupported || f.Kind == fault.Invalid {
			return nil, fault.Wrap(fault.Invalid, err, "The document %s cannot be read: %s", in.Name, f.Message)
		}
		return nil, err
	}
	return text, nil
}

// fetch reads an object of S3.
func (a *Answerer) fetch(ctx context.Context, req Request, uri string) ([]byte, error) {
	bucket, _, ok := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	if !ok || !strings.HasPrefix(uri, "s3://") {
		return nil, fault.New(fault.Invalid, "%s is not the URI of an object in S3.", uri)
	}
	source, err := a.p.Sources.Open(ctx, knowledge.DataSource{Account: req.Account, Region: req.Region, Kind: knowledge.S3, Bucket: bucket})
	if err != nil {
		return nil, unreadable(uri, err)
	}
	object, err := source.Stat(ctx, uri)
	if err != nil {
		return nil, unreadable(uri, err)
	}
	if object.Size > document.MaxSize {
		return nil, fault.New(fault.Invalid, "The object %s has %d bytes, and more than %d are not read.", uri, object.Size, document.MaxSize)
	}
	r, err := source.Open(ctx, object)
	if err != nil {
		return nil, unreadable(uri, err)
	}
	content, err := io.ReadAll(io.LimitReader(r, document.MaxSize+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, unreadable(uri, err)
	}
	if len(content) > document.MaxSize {
		return nil, fault.New(fault.Invalid, "The object %s has more than %d bytes.", uri, document.MaxSize)
	}
	return content, nil
}

// unreadable words what is wrong with an object for a client that knows nothing
// of sources.
func unreadable(uri string, err error) error {
	switch f := fault.As(err); f.Kind {
	case fault.NotFound:
		return fault.Wrap(fault.Invalid, err, "The object %s does not exist. Check the URI and try your request again.", uri)
	case fault.Denied:
		return fault.Wrap(fault.Invalid, err, "The object %s cannot be read: access is denied.", uri)
	case fault.Conflict:
		return fault.Wrap(fault.Invalid, err, "The object %s changed while it was read. Try your request again.", uri)
	}
	return err
}
