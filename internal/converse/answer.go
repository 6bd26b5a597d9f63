package converse

import (
	"encoding/json"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Output translates a whole answer. Extra becomes additionalModelResponseFields
// and Elapsed the latency; a service that measures on its own replaces them.
// Unsupported is a part that no answer of Converse has.
func Output(a *inference.Answer) (*api.ConverseOutput, error) {
	content, err := blocks(a.Content())
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		// An empty answer keeps its block: clients read content[0].text.
		content = []api.ContentBlock{{Text: new("")}}
	}
	out := &api.ConverseOutput{
		Output:     &api.ConverseOutputValue{Message: &api.Message{Role: api.ConversationRoleAssistant, Content: content}},
		StopReason: api.StopReason(a.Reason),
		Usage:      Usage(a.Usage, false),
		Metrics:    &api.ConverseMetrics{LatencyMs: new(a.Elapsed.Milliseconds())},
	}
	if a.Extra != nil {
		fields, err := json.Marshal(a.Extra)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the further members of an answer are not JSON")
		}
		out.AdditionalModelResponseFields = fields
	}
	return out, nil
}

// Answer translates a whole answer back. An answer without a message is
// Upstream.
func Answer(out *api.ConverseOutput) (*inference.Answer, error) {
	if out.Output == nil || out.Output.Message == nil {
		return nil, fault.New(fault.Upstream, "The model answered without a message.")
	}
	list, err := parts(0, out.Output.Message.Content)
	if err != nil {
		return nil, err
	}
	a := &inference.Answer{Parts: list, Reason: inference.StopReason(out.StopReason), Usage: ReadUsage(out.Usage)}
	for _, p := range list {
		switch p := p.(type) {
		case inference.Text:
			a.Text += p.Text
		case inference.Cited:
			for _, text := range p.Text {
				a.Text += text
			}
		}
	}
	if out.Metrics != nil {
		a.Elapsed = time.Duration(schema.Deref(out.Metrics.LatencyMs)) * time.Millisecond
	}
	a.Extra, a.StopSequence, err = responseFields(out.AdditionalModelResponseFields)
	return a, err
}

// responseFields reads additionalModelResponseFields. The sequence that matched
// is among them where it was asked for.
func responseFields(doc schema.DocumentValue) (extra map[string]json.RawMessage, stopped string, err error) {
	extra, err = object("additionalModelResponseFields", doc)
	if err != nil {
		return nil, "", fault.Wrap(fault.Upstream, err, "The model answered with additional fields that are no object.")
	}
	if raw, ok := extra["stop_sequence"]; ok && json.Unmarshal(raw, &stopped) != nil {
		stopped = ""
	}
	return extra, stopped, nil
}

// Usage is Converse's token count. A model that caches reports the counters of
// the cache also when they are zero.
func Usage(u inference.Usage, caches bool) *api.TokenUsage {
	out := &api.TokenUsage{
		InputTokens:  number(u.InputTokens),
		OutputTokens: number(u.OutputTokens),
		TotalTokens:  number(u.InputTokens + u.OutputTokens + u.CacheReadTokens + u.CacheWriteTokens),
	}
	if caches || u.CacheReadTokens > 0 || u.CacheWriteTokens > 0 {
		out.CacheReadInputTokens, out.CacheWriteInputTokens = number(u.CacheReadTokens), number(u.CacheWriteTokens)
	}
	// What is kept for longer comes first.
	if u.CacheWrite1h > 0 {
		out.CacheDetails = append(out.CacheDetails, api.CacheDetail{Ttl: api.CacheTTL1h, InputTokens: number(u.CacheWrite1h)})
	}
	if short := u.CacheWriteTokens - u.CacheWrite1h; short > 0 {
		out.CacheDetails = append(out.CacheDetails, api.CacheDetail{Ttl: api.CacheTTL5m, InputTokens: number(short)})
	}
	return out
}

// ReadUsage is the hub's form of a token count.
func ReadUsage(t *api.TokenUsage) inference.Usage {
	if t == nil {
		return inference.Usage{}
	}
	u := inference.Usage{
		InputTokens:      int(schema.Deref(t.InputTokens)),
		OutputTokens:     int(schema.Deref(t.OutputTokens)),
		CacheReadTokens:  int(schema.Deref(t.CacheReadInputTokens)),
		CacheWriteTokens: int(schema.Deref(t.CacheWriteInputTokens)),
	}
	for _, d := range t.CacheDetails {
		if d.Ttl == api.CacheTTL1h {
			u.CacheWrite1h += int(schema.Deref(d.InputTokens))
		}
	}
	return u
}
