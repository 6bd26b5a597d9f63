package bedrockruntime

import (
	"context"
	"math"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/converse"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Converse answers a conversation whole.
func (s *Service) Converse(ctx context.Context, in *api.ConverseInput) (*api.ConverseOutput, error) {
	id, routed := s.chosen(ctx, in.ModelId, func() promptrouter.Prompt { return promptOf(in.Messages, in.ToolConfig) })
	t, err := s.resolve(ctx, id, catalog.Text)
	if err != nil {
		return nil, err
	}
	c := (*conversation)(in)
	paths, err := parsePointers(c.AdditionalModelResponseFieldPaths)
	if err != nil {
		return nil, err
	}
	req, err := s.request(t, c, false)
	if err != nil {
		return nil, err
	}
	r := s.newRun(t)
	answer, err := inference.Collect(ctx, s.read(r), req)
	if err != nil {
		return nil, err
	}
	fields, err := s.responseFields(t, paths, answer)
	if err != nil {
		return nil, err
	}
	out, err := converse.Output(answer)
	if err != nil {
		return nil, err
	}
	out.Usage = usage(t, answer.Usage)
	out.Metrics = &api.ConverseMetrics{LatencyMs: new(r.Elapsed().Milliseconds())}
	out.AdditionalModelResponseFields = fields
	out.PerformanceConfig, out.ServiceTier = c.PerformanceConfig, c.ServiceTier
	if routed != nil {
		out.Trace = &api.ConverseTrace{PromptRouter: routed}
	}
	return out, nil
}

// ConverseStream answers a conversation piece by piece, each as soon as it is
// made.
func (s *Service) ConverseStream(ctx context.Context, in *api.ConverseStreamInput, sink schema.EventSink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent]) error {
	id, routed := s.chosen(ctx, in.ModelId, func() promptrouter.Prompt { return promptOf(in.Messages, in.ToolConfig) })
	t, err := s.resolve(ctx, id, catalog.Text)
	if err != nil {
		return err
	}
	if err := serving.CheckStreaming(t); err != nil {
		return err
	}
	c := streamed(in)
	paths, err := parsePointers(c.AdditionalModelResponseFieldPaths)
	if err != nil {
		return err
	}
	req, err := s.request(t, c, true)
	if err != nil {
		return err
	}
	r := s.newRun(t)
	out := &converseStream{sink: sink, stream: converse.NewStream(sink.Send), keep: len(paths) > 0}
	if err := s.read(r).Generate(ctx, req, out.event); err != nil {
		return err
	}
	fields, err := s.responseFields(t, paths, out.whole.Answer())
	if err != nil {
		return err
	}
	metadata := &api.ConverseStreamMetadataEvent{
		Metrics: &api.ConverseStreamMetrics{LatencyMs: new(r.Elapsed().Milliseconds())}, Usage: usage(t, out.used),
		PerformanceConfig: c.PerformanceConfig, ServiceTier: c.ServiceTier,
	}
	if routed != nil {
		metadata.Trace = &api.ConverseStreamTrace{PromptRouter: routed}
	}
	return out.stream.End(fields, metadata)
}

// converseStream hands the events of an answer to the client.
type converseStream struct {
	sink   schema.EventSink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent]
	stream *converse.Stream
	keep   bool // the whole answer is needed for response fields
	whole  inference.Collector
	used   inference.Usage
}

func (o *converseStream) event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		if err := o.sink.Open(&api.ConverseStreamOutput{}); err != nil {
			return err
		}
	case inference.Finished:
		o.used = ev.Usage
	}
	if o.keep {
		o.whole.Add(ev)
	}
	return o.stream.Event(ev)
}

// usage is Converse's token count.
func usage(t *router.Target, u inference.Usage) *api.TokenUsage {
	return converse.Usage(u, t.Entry.Supports.PromptCaching)
}

func count(n int) *int32 { return new(int32(min(max(n, 0), math.MaxInt32))) }
