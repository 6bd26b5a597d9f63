package bedrockruntime

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Converse answers a conversation whole.
func (s *Service) Converse(ctx context.Context, in *api.ConverseInput) (*api.ConverseOutput, error) {
	t, err := s.resolve(ctx, schema.Deref(in.ModelId), catalog.Text)
	if err != nil {
		return nil, err
	}
	c := (*conversation)(in)
	paths, err := parsePointers(c.AdditionalModelResponseFieldPaths)
	if err != nil {
		return nil, err
	}
	req, err := s.request(t, c)
	if err != nil {
		return nil, err
	}
	r := s.newRun(t)
	answer, err := inference.Collect(ctx, r, req)
	if err != nil {
		return nil, err
	}
	fields, err := s.responseFields(t, paths, answer)
	if err != nil {
		return nil, err
	}
	latency := r.Elapsed().Milliseconds()
	return &api.ConverseOutput{
		Output: &api.ConverseOutputValue{Message: &api.Message{
			Role: api.ConversationRoleAssistant,
			// An empty answer keeps its block: clients read content[0].text.
			Content: []api.ContentBlock{{Text: &answer.Text}},
		}},
		StopReason:                    api.StopReason(answer.Reason),
		Usage:                         usage(t, answer.Usage),
		Metrics:                       &api.ConverseMetrics{LatencyMs: &latency},
		AdditionalModelResponseFields: fields,
		PerformanceConfig:             c.PerformanceConfig,
		ServiceTier:                   c.ServiceTier,
	}, nil
}

// ConverseStream answers a conversation piece by piece, each as soon as it is
// made.
func (s *Service) ConverseStream(ctx context.Context, in *api.ConverseStreamInput, sink schema.EventSink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent]) error {
	t, err := s.resolve(ctx, schema.Deref(in.ModelId), catalog.Text)
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
	req, err := s.request(t, c)
	if err != nil {
		return err
	}
	r := s.newRun(t)
	out := &converseStream{sink: sink, paths: paths, keep: len(paths) > 0}
	if err := r.Generate(ctx, req, out.event); err != nil {
		return err
	}
	fields, err := s.responseFields(t, paths, out.answer())
	if err != nil {
		return err
	}
	latency := r.Elapsed().Milliseconds()
	return out.finish(fields, &api.ConverseStreamMetadataEvent{
		Metrics: &api.ConverseStreamMetrics{LatencyMs: &latency}, Usage: usage(t, out.last.Usage),
		PerformanceConfig: c.PerformanceConfig, ServiceTier: c.ServiceTier,
	})
}

// converseStream writes the events of a streamed answer in the service's order:
// messageStart, deltas and stop of block 0, messageStop, metadata. A block of
// text has no contentBlockStart.
type converseStream struct {
	sink  schema.EventSink[api.ConverseStreamOutput, api.ConverseStreamOutputEvent]
	paths []pointer
	keep  bool // the whole text is needed for response fields

	started inference.Started
	wrote   bool // a delta
	text    strings.Builder
	last    inference.Finished
}

func (o *converseStream) event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		o.started = ev
		if err := o.sink.Open(&api.ConverseStreamOutput{}); err != nil {
			return err
		}
		return o.sink.Send(&api.ConverseStreamOutputEvent{MessageStart: &api.MessageStartEvent{Role: api.ConversationRoleAssistant}})
	case inference.TextDelta:
		if o.keep {
			o.text.WriteString(ev.Text)
		}
		return o.delta(ev.Text)
	case inference.Finished:
		o.last = ev
	}
	return nil
}

func (o *converseStream) delta(text string) error {
	o.wrote = true
	return o.sink.Send(&api.ConverseStreamOutputEvent{ContentBlockDelta: &api.ContentBlockDeltaEvent{
		ContentBlockIndex: new(int32), Delta: &api.ContentBlockDelta{Text: &text},
	}})
}

// answer is what the events add up to, for the family's own JSON.
func (o *converseStream) answer() *inference.Answer {
	return &inference.Answer{
		Model: o.started.Model, Text: o.text.String(), Reason: o.last.Reason, StopSequence: o.last.StopSequence,
		Usage: o.last.Usage, Elapsed: o.last.Elapsed,
	}
}

// finish writes what follows the text.
func (o *converseStream) finish(fields schema.DocumentValue, metadata *api.ConverseStreamMetadataEvent) error {
	if !o.wrote {
		if err := o.delta(""); err != nil {
			return err
		}
	}
	for _, ev := range []*api.ConverseStreamOutputEvent{
		{ContentBlockStop: &api.ContentBlockStopEvent{ContentBlockIndex: new(int32)}},
		{MessageStop: &api.MessageStopEvent{StopReason: api.StopReason(o.last.Reason), AdditionalModelResponseFields: fields}},
		{Metadata: metadata},
	} {
		if err := o.sink.Send(ev); err != nil {
			return err
		}
	}
	return nil
}

// usage is Converse's token count. Models that cache report the counters of the
// cache also when they are zero.
func usage(t *router.Target, u inference.Usage) *api.TokenUsage {
	out := &api.TokenUsage{
		InputTokens:  count(u.InputTokens),
		OutputTokens: count(u.OutputTokens),
		TotalTokens:  count(u.InputTokens + u.OutputTokens + u.CacheReadTokens + u.CacheWriteTokens),
	}
	if t.Entry.Supports.PromptCaching {
		out.CacheReadInputTokens, out.CacheWriteInputTokens = count(u.CacheReadTokens), count(u.CacheWriteTokens)
	}
	return out
}

func count(n int) *int32 { return new(int32(n)) }
