package bedrockruntime

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// headerDocuments says that the answering model read the text of documents and
// not the files: no page's picture, no layout.
const headerDocuments = "X-Outcrop-Documents"

// Documents gets the text out of documents for models that read text alone; a
// document.Parser does.
type Documents interface {
	Parse(ctx context.Context, in document.Input) (*document.Text, error)
}

// reading is a Backend around the run of a call that gives a model the text of
// documents when its backend says that it cannot read them.
type reading struct {
	*serving.Run

	s *Service
}

// read wraps a run.
func (s *Service) read(r *serving.Run) reading { return reading{r, s} }

// Generate implements inference.Backend. Only what a backend refused before its
// first event is asked again: nothing was made of it.
func (r reading) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	began := false
	err := r.Run.Generate(ctx, req, func(ev inference.Event) error {
		began = true
		return emit(ev)
	})
	if began || !fault.Is(err, fault.Unsupported) {
		return err
	}
	plain, err := r.s.withTexts(ctx, req, err)
	if err == nil {
		began = false
		err = r.Run.Generate(ctx, plain, func(ev inference.Event) error {
			began = true
			return emit(ev)
		})
	}
	if began || !fault.Is(err, fault.Unsupported) {
		return err
	}
	served := call.From(ctx).Usage().ServedBy
	if refused, ok := errors.AsType[router.RefusedBy](err); ok {
		served = refused.ServedBy
	}
	return naming(served, err)
}

// naming puts the name of the answering model into a refusal: who asked for one
// of Bedrock's that sees images wants to know which one does not.
func naming(served string, err error) error {
	const subject = "The model that serves this request"
	rest, ok := strings.CutPrefix(fault.As(err).Message, subject+" ")
	if !ok || served == "" {
		return err
	}
	return fault.Wrap(fault.Unsupported, err, "%s (%s) %s", subject, served, rest)
}

// countTokens counts what Generate would use.
func (s *Service) countTokens(ctx context.Context, t *router.Target, req *inference.Request) (int, error) {
	req.Model = t.Name()
	n, err := s.router.CountTokens(ctx, req)
	if !fault.Is(err, fault.Unsupported) {
		return n, err
	}
	plain, err := s.withTexts(ctx, req, err)
	if err != nil {
		return 0, err
	}
	return s.router.CountTokens(ctx, plain)
}

// withTexts returns a request with the text of its documents in their place, and
// says so in the answer's header. Without documents, or without anybody who
// could read them, the refusal stands.
func (s *Service) withTexts(ctx context.Context, req *inference.Request, refusal error) (*inference.Request, error) {
	if s.params.Documents == nil {
		return nil, refusal
	}
	plain := *req
	plain.Messages = slices.Clone(req.Messages)
	found := false
	for i := range plain.Messages {
		parts, inside, err := s.texts(ctx, plain.Messages[i].Parts)
		if err != nil {
			return nil, err
		}
		plain.Messages[i].Parts = parts
		found = found || inside
	}
	if !found {
		return nil, refusal
	}
	call.From(ctx).SetHeader(headerDocuments, "text")
	return &plain, nil
}

// texts replaces documents by their text, also those in the results of tools.
func (s *Service) texts(ctx context.Context, parts []inference.Part) (out []inference.Part, found bool, err error) {
	out = make([]inference.Part, 0, len(parts))
	for _, p := range parts {
		switch doc := p.(type) {
		case inference.Document:
			text, err := s.textOf(ctx, &doc)
			if err != nil {
				return nil, false, err
			}
			p, found = inference.Text{Text: text}, true
		case inference.ToolResult:
			content, inside, err := s.texts(ctx, doc.Content)
			if err != nil {
				return nil, false, err
			}
			doc.Content = content
			p, found = doc, found || inside
		}
		out = append(out, p)
	}
	return out, found, nil
}

// textOf is a document as a model that reads text alone gets it.
func (s *Service) textOf(ctx context.Context, d *inference.Document) (string, error) {
	text := d.Text
	switch {
	case d.Bytes != nil:
		found, err := s.params.Documents.Parse(ctx, document.Input{Name: d.Name + "." + d.Format, Content: d.Bytes})
		if err != nil {
			f := fault.As(err)
			if f.Kind != fault.Invalid && f.Kind != fault.Unsupported {
				return "", err
			}
			return "", fault.Wrap(fault.Invalid, err, "The document %s cannot be read: %s", d.Name, f.Message)
		}
		pages := make([]string, 0, len(found.Pages))
		for _, page := range found.Pages {
			pages = append(pages, page.Text)
		}
		text = strings.Join(pages, "\n\n")
	case d.Content != nil:
		text = strings.Join(d.Content, "\n\n")
	case d.URL != "":
		return "", fault.New(fault.Unsupported, "The document %s is named by its place, and the model that serves this request reads the text of documents alone. Send the document's bytes.", d.Name)
	}
	if strings.TrimSpace(text) == "" {
		return "", fault.New(fault.Invalid, "The document %s has no text, and the model that serves this request reads nothing else of documents.", d.Name)
	}
	var b strings.Builder
	b.WriteString(`<document name="` + attribute.Replace(d.Name) + "\">\n")
	if d.Context != "" {
		b.WriteString("<context>" + d.Context + "</context>\n")
	}
	b.WriteString(text)
	b.WriteString("\n</document>")
	return b.String(), nil
}

// attribute keeps a name inside of its quotes.
var attribute = strings.NewReplacer(`"`, "'", "<", "(", ">", ")", "\n", " ")
