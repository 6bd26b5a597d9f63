package bedrockagentruntime

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// RetrieveAndGenerate answers a question from documents, whole.
func (s *Service) RetrieveAndGenerate(ctx context.Context, in *api.RetrieveAndGenerateInput) (*api.RetrieveAndGenerateOutput, error) {
	req, _, err := s.question(ctx, in)
	if err != nil {
		return nil, err
	}
	whole, err := s.p.Answerer.Collect(ctx, *req)
	if err != nil {
		return nil, err
	}
	out := &api.RetrieveAndGenerateOutput{
		SessionId: &whole.Session, Output: &api.RetrieveAndGenerateOutputValue{Text: &whole.Text},
		Citations: make([]api.Citation, len(whole.Citations)),
	}
	for i, c := range whole.Citations {
		out.Citations[i] = api.Citation{GeneratedResponsePart: generated(c), RetrievedReferences: referenced(c)}
	}
	return out, nil
}

// RetrieveAndGenerateStream answers a question from documents piece by piece.
func (s *Service) RetrieveAndGenerateStream(ctx context.Context, in *api.RetrieveAndGenerateStreamInput, sink schema.EventSink[api.RetrieveAndGenerateStreamOutput, api.RetrieveAndGenerateStreamResponseOutput]) error {
	req, target, err := s.question(ctx, (*api.RetrieveAndGenerateInput)(in))
	if err != nil {
		return err
	}
	if err := serving.CheckStreaming(target); err != nil {
		return err
	}
	return s.p.Answerer.Answer(ctx, *req, events{sink})
}

// events turns the steps of an answer into events of the stream.
type events struct {
	sink schema.EventSink[api.RetrieveAndGenerateStreamOutput, api.RetrieveAndGenerateStreamResponseOutput]
}

func (e events) Open(session string) error {
	return e.sink.Open(&api.RetrieveAndGenerateStreamOutput{SessionId: &session})
}

func (e events) Text(text string) error {
	return e.sink.Send(&api.RetrieveAndGenerateStreamResponseOutput{Output: &api.RetrieveAndGenerateOutputEvent{Text: &text}})
}

// Cite says it twice: older clients read the member that is deprecated.
func (e events) Cite(c answer.Citation) error {
	part, references := generated(c), referenced(c)
	return e.sink.Send(&api.RetrieveAndGenerateStreamResponseOutput{Citation: &api.CitationEvent{
		GeneratedResponsePart: part, RetrievedReferences: references,
		Citation: &api.Citation{GeneratedResponsePart: part, RetrievedReferences: references},
	}})
}

// generated is the part of an answer that a citation is about. A refusal has a
// span without positions.
func generated(c answer.Citation) *api.GeneratedResponsePart {
	span := &api.Span{}
	if c.Span != nil {
		span.Start, span.End = new(int32(c.Span.Start)), new(int32(c.Span.End))
	}
	return &api.GeneratedResponsePart{TextResponsePart: &api.TextResponsePart{Text: &c.Text, Span: span}}
}

func referenced(c answer.Citation) []api.RetrievedReference {
	references := make([]api.RetrievedReference, len(c.References))
	for i, hit := range c.References {
		references[i] = api.RetrievedReference{Content: content(hit), Location: location(hit), Metadata: metadata(hit)}
	}
	return references
}

// question checks a request, finds the model that answers it and translates it.
func (s *Service) question(ctx context.Context, in *api.RetrieveAndGenerateInput) (*answer.Request, *router.Target, error) {
	if err := checkUser(in.UserContext); err != nil {
		return nil, nil, err
	}
	if err := checkSession(in.SessionConfiguration); err != nil {
		return nil, nil, err
	}
	c := call.From(ctx)
	req := &answer.Request{Account: c.Account, Region: c.Region, Session: schema.Deref(in.SessionId)}
	var err error
	if in.Input == nil {
		return nil, nil, invalid("Text input is required.")
	}
	if req.Question, err = question(in.Input.Text); err != nil {
		return nil, nil, err
	}
	config := in.RetrieveAndGenerateConfiguration
	if config == nil {
		return nil, nil, invalid("The field retrieveAndGenerateConfiguration is required.")
	}
	var t *router.Target
	switch config.Type {
	case api.RetrieveAndGenerateTypeKnowledgeBase:
		t, err = s.fromBase(ctx, config, req)
	case api.RetrieveAndGenerateTypeExternalSources:
		t, err = s.fromSources(ctx, config, req)
	default:
		err = invalid("The type %s is not supported.", config.Type)
	}
	return req, t, err
}

func (s *Service) fromBase(ctx context.Context, config *api.RetrieveAndGenerateConfiguration, req *answer.Request) (*router.Target, error) {
	b := config.KnowledgeBaseConfiguration
	if b == nil || config.ExternalSourcesConfiguration != nil {
		return nil, invalid("The type KNOWLEDGE_BASE needs the field knowledgeBaseConfiguration and no other configuration.")
	}
	req.Base = schema.Deref(b.KnowledgeBaseId)
	if req.Base == "" {
		return nil, invalid("The field knowledgeBaseId is required.")
	}
	var err error
	if req.Search, err = hubSearch(b.RetrievalConfiguration); err != nil {
		return nil, err
	}
	t, err := s.model(ctx, schema.Deref(b.ModelArn), req)
	if err != nil {
		return nil, err
	}
	if g := b.GenerationConfiguration; g != nil {
		if err := checkGuardrail(g.GuardrailConfiguration); err != nil {
			return nil, err
		}
		if req.Generation, err = s.writing(t, g.PromptTemplate, g.InferenceConfig, g.AdditionalModelRequestFields); err != nil {
			return nil, err
		}
	}
	if o := b.OrchestrationConfiguration; o != nil {
		req.Decompose = o.QueryTransformationConfiguration != nil
		if req.Orchestration, err = s.writing(t, o.PromptTemplate, o.InferenceConfig, o.AdditionalModelRequestFields); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// mostSources is how many documents may come with a question.
const mostSources = 5

func (s *Service) fromSources(ctx context.Context, config *api.RetrieveAndGenerateConfiguration, req *answer.Request) (*router.Target, error) {
	e := config.ExternalSourcesConfiguration
	if e == nil || config.KnowledgeBaseConfiguration != nil {
		return nil, invalid("The type EXTERNAL_SOURCES needs the field externalSourcesConfiguration and no other configuration.")
	}
	if n := len(e.Sources); n == 0 || n > mostSources {
		return nil, invalid("The field sources must have 1 to %d members.", mostSources)
	}
	for i, source := range e.Sources {
		d, err := hubDocument(source)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s at sources.%d", fault.As(err).Message, i)
		}
		req.Documents = append(req.Documents, d)
	}
	t, err := s.model(ctx, schema.Deref(e.ModelArn), req)
	if err != nil {
		return nil, err
	}
	if g := e.GenerationConfiguration; g != nil {
		if err := checkGuardrail(g.GuardrailConfiguration); err != nil {
			return nil, err
		}
		if req.Generation, err = s.writing(t, g.PromptTemplate, g.InferenceConfig, g.AdditionalModelRequestFields); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func hubDocument(source api.ExternalSource) (answer.Document, error) {
	switch source.SourceType {
	case api.ExternalSourceTypeS3:
		if source.S3Location == nil || source.ByteContent != nil {
			return answer.Document{}, invalid("A source of type S3 needs the field s3Location and no other")
		}
		return answer.Document{URI: schema.Deref(source.S3Location.Uri)}, nil
	case api.ExternalSourceTypeByteContent:
		b := source.ByteContent
		if b == nil || source.S3Location != nil {
			return answer.Document{}, invalid("A source of type BYTE_CONTENT needs the field byteContent and no other")
		}
		if len(b.Data) == 0 {
			return answer.Document{}, invalid("The data of a source of type BYTE_CONTENT must not be empty")
		}
		return answer.Document{Name: schema.Deref(b.Identifier), MIME: schema.Deref(b.ContentType), Content: b.Data}, nil
	}
	return answer.Document{}, invalid("The source type %s is not supported", source.SourceType)
}

// model finds the model that answers, as Converse does.
func (s *Service) model(ctx context.Context, identifier string, req *answer.Request) (*router.Target, error) {
	t, err := serving.Resolve(ctx, s.p.Router, identifier, catalog.Text)
	if err != nil {
		return nil, err
	}
	info, err := s.p.Router.Describe(ctx, t.Name())
	if fault.Is(err, fault.Unsupported) {
		info, err = &inference.ModelInfo{Name: t.Model}, nil
	}
	if err != nil {
		return nil, err
	}
	req.Model = answer.Model{
		Backend: serving.NewRun(s.p.Router, t, serving.Limits{Now: s.p.Now, Timeout: s.p.ModelTimeout}),
		Info:    *info, Limit: t.Entry.MaxOutput,
		Count: func(ctx context.Context, hub *inference.Request) (int, error) {
			sub := *hub
			sub.Model = t.Name()
			return s.p.Router.CountTokens(ctx, &sub)
		},
	}
	return t, nil
}

// writing translates how the model shall write.
func (s *Service) writing(t *router.Target, template *api.PromptTemplate, config *api.InferenceConfig, extra map[string]schema.DocumentValue) (answer.Writing, error) {
	var w answer.Writing
	if template != nil {
		w.Template = schema.Deref(template.TextPromptTemplate)
	}
	if config != nil && config.TextInferenceConfig != nil {
		c := config.TextInferenceConfig
		if c.MaxTokens != nil && *c.MaxTokens < 1 {
			return w, invalid("The maximum tokens you requested must be at least 1. Update maxTokens and try your request again.")
		}
		w.MaxTokens = int(schema.Deref(c.MaxTokens))
		w.Temperature, w.TopP = serving.Widen(c.Temperature), serving.Widen(c.TopP)
		w.StopSequences = c.StopSequences
	}
	fields, err := object(extra)
	if err != nil {
		return w, err
	}
	w.Extra = func(req *inference.Request) error {
		return s.p.Families.Extra(t, serving.NativeModel(t, s.p.NewID), fields, req)
	}
	return w, nil
}
