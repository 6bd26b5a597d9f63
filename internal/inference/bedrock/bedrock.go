// Package bedrock is the adapter for Amazon Bedrock itself, and for another
// Outcrop: it asks with credentials of its own, never with the caller's.
//
// Conversations go as ConverseStream, translated with package converse, and
// native bodies as they are with InvokeModel and its stream, chunk by chunk. It
// signs (or is given a client with a Bedrock API key), turns the service's
// exceptions into faults of the same class, retries nothing and knows no other
// adapter.
package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/converse"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Params describe a Bedrock.
type Params struct {
	// Client asks bedrock-runtime; it signs, or has an API key. The Backend closes
	// it.
	Client *remote.Client
	// Region tells the region of a request whose caller has one, and Other makes
	// the client of a region that is not the Client's; nil: there is one for all.
	// The Backend closes them.
	Region func(ctx context.Context) string
	Other  func(region string) (*remote.Client, error)
	// Name is the backend's, for messages.
	Name string
	// Models are names for the service's model IDs.
	Models map[string]string
	// Format is the native format of a model ID, as the catalog names it; empty
	// for one that is not known. nil knows none.
	Format func(model string) string
	Now    func() time.Time // time.Now when nil
}

// Backend asks one Bedrock. It is safe for concurrent use.
type Backend struct {
	p      Params
	closed atomic.Bool

	mu     sync.Mutex
	others map[string]*remote.Client // by region
}

var (
	_ inference.Backend      = (*Backend)(nil)
	_ inference.TokenCounter = (*Backend)(nil)
	_ inference.Invoker      = (*Backend)(nil)
	_ inference.Embedder     = (*Backend)(nil)
)

// New returns a Backend. It asks nothing.
func New(p Params) *Backend {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Format == nil {
		p.Format = func(string) string { return "" }
	}
	return &Backend{p: p}
}

// Close implements inference.Backend.
func (b *Backend) Close() error {
	b.closed.Store(true)
	errs := []error{b.p.Client.Close()}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.others {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// client is the one that a request goes by.
func (b *Backend) client(ctx context.Context) (*remote.Client, error) {
	if b.p.Other == nil {
		return b.p.Client, nil
	}
	region := b.p.Region(ctx)
	if region == "" {
		return b.p.Client, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.others[region]; ok {
		return c, nil
	}
	if b.closed.Load() {
		return nil, fault.New(fault.Unavailable, "The backend %s is being stopped.", b.p.Name)
	}
	c, err := b.p.Other(region)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the client of a region")
	}
	if b.others == nil {
		b.others = make(map[string]*remote.Client)
	}
	b.others[region] = c
	return c, nil
}

// model is the service's ID of a model.
func (b *Backend) model(name string) string {
	if id, ok := b.p.Models[name]; ok {
		return id
	}
	return name
}

// goesOn returns why an answer must not go on, though more of it may be here
// already.
func (b *Backend) goesOn(ctx context.Context) error {
	if b.closed.Load() {
		return fault.New(fault.Unavailable, "The backend %s is being stopped.", b.p.Name)
	}
	return ctx.Err()
}

const frames = "application/vnd.amazon.eventstream"

// operation finds an operation of bedrock-runtime.
func operation(name string) *schema.Operation {
	for _, op := range api.Schema().Operations {
		if op.Name == name {
			return op
		}
	}
	panic("bedrock: the service has no operation " + name)
}

// do asks for an action on a model. The answer is closed by the caller.
func (b *Backend) do(ctx context.Context, model, action, accept string, body []byte) (*remote.Response, error) {
	// As AWS's SDKs write it: colons are escaped too.
	id := strings.ReplaceAll(url.PathEscape(b.model(model)), ":", "%3A")
	c, err := b.client(ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.Do(ctx, http.MethodPost, "/model/"+id+"/"+action, http.Header{"Accept": {accept}}, body)
	if err != nil {
		return nil, b.refused(err)
	}
	return r, nil
}

// Generate implements inference.Backend.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	in, err := b.input(req)
	if err != nil {
		return err
	}
	send := func(ev inference.Event) error {
		if err := b.goesOn(ctx); err != nil {
			return err
		}
		if done, ok := ev.(inference.Finished); ok {
			done.Elapsed = max(b.p.Now().Sub(start), 0)
			delete(done.Extra, "stop_sequence") // it has a place
			if done.Reason == inference.StopSequence && done.StopSequence == "" && len(req.StopSequences) == 1 {
				done.StopSequence = req.StopSequences[0]
			}
			ev = done
		}
		return emit(ev)
	}
	err = b.stream(ctx, req.Model, in, send)
	if in.ToolConfig != nil && notStreamed(err) {
		return b.whole(ctx, req.Model, in, send)
	}
	return err
}

// notStreamed reports whether a model refused to stream what it answers whole.
func notStreamed(err error) bool {
	refusal, ok := errors.AsType[*remote.Refusal](err)
	return ok && refusal.Status == http.StatusBadRequest && strings.Contains(refusal.Message, "streaming mode")
}

func (b *Backend) stream(ctx context.Context, model string, in *api.ConverseInput, emit func(inference.Event) error) error {
	op := operation("ConverseStream")
	streamed := streamInput(in)
	body, err := restjson.EncodeBody(op, streamed)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a conversation cannot be written")
	}
	r, err := b.do(ctx, model, "converse-stream", frames, body)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	d := converse.NewDecoder(b.model(model), emit)
	if err := b.frames(r, func(kind string, payload []byte) error {
		var ev api.ConverseStreamOutputEvent
		known, err := restjson.DecodeAnswerEvent(op, kind, payload, &ev)
		if err != nil {
			return fault.Wrap(fault.Upstream, err, "The backend %s sent an event that cannot be read.", b.p.Name)
		}
		if !known {
			return nil
		}
		return d.Event(&ev)
	}); err != nil {
		return err
	}
	return d.End()
}

// streamInput is a conversation as ConverseStream takes it.
func streamInput(in *api.ConverseInput) *api.ConverseStreamInput {
	return &api.ConverseStreamInput{
		AdditionalModelRequestFields: in.AdditionalModelRequestFields, AdditionalModelResponseFieldPaths: in.AdditionalModelResponseFieldPaths,
		InferenceConfig: in.InferenceConfig, Messages: in.Messages, OutputConfig: in.OutputConfig, System: in.System, ToolConfig: in.ToolConfig,
	}
}

// frameLimit bounds a frame of an answer.
const frameLimit = 16 << 20

// frames reads an answer's events and calls f for each; exceptions among them
// become faults.
func (b *Backend) frames(r *remote.Response, f func(kind string, payload []byte) error) error {
	if !r.Is(frames) {
		return fault.New(fault.Upstream, "The backend %s answered with something else than events.", b.p.Name)
	}
	d := eventstream.NewDecoder(r.Body, eventstream.Limits{Message: frameLimit})
	for {
		m, err := d.Decode()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			if found, ok := errors.AsType[*fault.Error](err); ok {
				return found
			}
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return fault.Wrap(fault.Upstream, err, "The backend %s sent events that are damaged.", b.p.Name)
		}
		switch m.Text(":message-type") {
		case "event":
			if err := f(m.Text(":event-type"), m.Payload); err != nil {
				return err
			}
		case "exception":
			said := remote.Read(m.Payload)
			return b.exception(nil, m.Text(":exception-type"), b.p.Client.Clean(said.Message), m.Payload)
		default:
			return b.exception(nil, m.Text(":error-code"), b.p.Client.Clean(m.Text(":error-message")), nil)
		}
	}
}

// whole asks for an answer that the model does not stream.
func (b *Backend) whole(ctx context.Context, model string, in *api.ConverseInput, emit func(inference.Event) error) error {
	op := operation("Converse")
	body, err := restjson.EncodeBody(op, in)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a conversation cannot be written")
	}
	r, err := b.do(ctx, model, "converse", "application/json", body)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	data, err := r.JSON()
	if err != nil {
		return err
	}
	var out api.ConverseOutput
	if err := restjson.DecodeBody(op, data, &out); err != nil {
		return fault.Wrap(fault.Upstream, err, "The backend %s sent an answer that cannot be read.", b.p.Name)
	}
	a, err := converse.Answer(&out)
	if err != nil {
		return err
	}
	a.Model = b.model(model)
	return a.Emit(emit)
}

// geography is what an inference profile's ID has before that of its model.
var geography = regexp.MustCompile(`^(us|us-gov|eu|apac|ap|jp|au|ca|sa|me|af|il|mx|global)\.`)

// CountTokens implements inference.TokenCounter. The service counts for models,
// and not for the profiles that lead to them.
func (b *Backend) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	in, err := b.input(req)
	if err != nil {
		return 0, err
	}
	op := operation("CountTokens")
	body, err := restjson.EncodeBody(op, &api.CountTokensInput{Input: &api.CountTokensInputValue{Converse: &api.ConverseTokensRequest{
		AdditionalModelRequestFields: in.AdditionalModelRequestFields, Messages: in.Messages, System: in.System, ToolConfig: in.ToolConfig,
	}}})
	if err != nil {
		return 0, fault.Wrap(fault.Internal, err, "a conversation cannot be written")
	}
	r, err := b.do(ctx, geography.ReplaceAllString(b.model(req.Model), ""), "count-tokens", "application/json", body)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	data, err := r.JSON()
	if err != nil {
		return 0, err
	}
	var out api.CountTokensOutput
	if err := restjson.DecodeBody(op, data, &out); err != nil || out.InputTokens == nil {
		return 0, fault.Wrap(fault.Upstream, err, "The backend %s counted nothing.", b.p.Name)
	}
	return int(*out.InputTokens), nil
}

// input is a request as Converse takes it: what only a model family has a member
// for goes into additionalModelRequestFields.
func (b *Backend) input(req *inference.Request) (*api.ConverseInput, error) {
	if req.MaxTokens < 0 || outside(req.Temperature) || outside(req.TopP) || req.TopK != nil && *req.TopK < 0 {
		return nil, fault.New(fault.Invalid, "A parameter of the request is out of range.")
	}
	if req.Output != nil && len(req.Output.Schema) == 0 {
		return nil, fault.New(fault.Unsupported, "Amazon Bedrock answers in JSON to a schema alone. Give one.")
	}
	sub := *req
	fields, err := b.fields(&sub)
	if err != nil {
		return nil, err
	}
	sub.Extra, sub.Dialect = fields, converse.Dialect
	if len(fields) == 0 {
		sub.Extra = nil
	}
	in, err := converse.Input(&sub)
	if err != nil {
		return nil, err
	}
	if len(req.StopSequences) > 0 {
		// Which of them matched: families that do not tell are asked in vain.
		in.AdditionalModelResponseFieldPaths = []string{"/stop_sequence"}
	}
	return in, nil
}

func outside(x *float64) bool { return x != nil && !(*x >= 0 && *x <= 1) }

// The native formats whose members are known here.
const (
	claude = "anthropic-messages"
	nova   = "nova-messages"
)

// fields moves what Converse has no member for from a request into the members
// of the model's family. What no family here has stays, and is refused by name.
func (b *Backend) fields(req *inference.Request) (map[string]json.RawMessage, error) {
	format := b.p.Format(b.model(req.Model))
	fields := make(map[string]json.RawMessage)
	if req.Extra != nil && (req.Dialect == converse.Dialect || req.Dialect == format) {
		maps.Copy(fields, req.Extra)
	}
	var err error
	put := func(name string, value any) {
		if err == nil {
			fields[name], err = json.Marshal(value)
		}
	}
	switch format {
	case claude:
		if req.TopK != nil {
			put("top_k", *req.TopK)
			req.TopK = nil
		}
		claudeReasoning(req, put)
		tools := vendorTools(req)
		if tools != nil {
			put("tools", tools)
		}
		if len(tools)+len(req.Tools) > 0 && !choosable(req) {
			claudeChoice(req, put)
		}
		req.Parallel = nil
	case nova:
		if req.TopK != nil {
			put("inferenceConfig", map[string]int{"topK": *req.TopK})
			req.TopK = nil
		}
		novaReasoning(req, put)
	case "openai-chat":
		chatReasoning(req, put)
	}
	if name := topK[format]; name != "" && req.TopK != nil {
		put(name, *req.TopK)
		req.TopK = nil
	}
	if seeded[format] && req.Seed != nil {
		put("seed", *req.Seed)
	}
	// A seed and a wish about parallel calls are hints: families without a
	// member for them answer all the same.
	req.Seed, req.Parallel = nil, nil
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the members of a model family cannot be written")
	}
	return fields, nil
}

// vendorTools takes the tools that are Anthropic's own ("bash_20250124") out of a
// request and returns them in the vendor's words. Converse has no place for them.
func vendorTools(req *inference.Request) (tools []map[string]any) {
	var own []inference.Tool
	for _, t := range req.Tools {
		if t.Kind == "" || t.Kind == "system" {
			own = append(own, t)
			continue
		}
		tool := map[string]any{}
		var config map[string]json.RawMessage
		_ = json.Unmarshal(t.Config, &config) // no object is no configuration
		for name, value := range config {
			tool[name] = value
		}
		tool["type"] = t.Kind
		if t.Name != "" {
			tool["name"] = t.Name
		}
		if t.Cache != nil {
			control := map[string]string{"type": "ephemeral"}
			if t.Cache.TTL != "" {
				control["ttl"] = t.Cache.TTL
			}
			tool["cache_control"] = control
		}
		tools = append(tools, tool)
	}
	req.Tools = own
	return tools
}

// choosable reports whether Converse has a place for the choice among tools: it
// chooses among the tools that it has itself, one or any of them.
func choosable(req *inference.Request) bool {
	switch mode := req.ToolChoice.Mode; {
	case req.Parallel != nil, mode == inference.ToolNone:
		return false
	case mode == inference.ToolNamed:
		return slices.ContainsFunc(req.Tools, func(t inference.Tool) bool { return t.Name == req.ToolChoice.Name })
	case mode == inference.ToolDefault:
		return true
	}
	return len(req.Tools) > 0
}

// claudeChoice puts a choice among tools into Claude's member, where it goes
// before Converse's, and takes it out of the request where Converse would not
// understand it.
func claudeChoice(req *inference.Request, put func(name string, value any)) {
	choice := map[string]any{"type": "auto"}
	switch req.ToolChoice.Mode {
	case inference.ToolNone:
		choice["type"] = "none"
	case inference.ToolAny:
		choice["type"] = "any"
	case inference.ToolNamed:
		choice["type"], choice["name"] = "tool", req.ToolChoice.Name
	case inference.ToolDefault, inference.ToolAuto:
	}
	if req.Parallel != nil && req.ToolChoice.Mode != inference.ToolNone {
		choice["disable_parallel_tool_use"] = !*req.Parallel
	}
	put("tool_choice", choice)
	req.Parallel = nil
	if !choosable(req) {
		req.ToolChoice = inference.ToolChoice{}
	}
}

// topK has the families whose member for it is at the top, and its name there.
var topK = map[string]string{
	"anthropic-text": "top_k", "mistral-text": "top_k", "mistral-chat": "top_k", "openai-chat": "top_k",
	"cohere-command": "k", "cohere-command-r": "k",
}

// seeded has the families with a member for a seed.
var seeded = map[string]bool{"ai21-jamba": true, "cohere-command-r": true, "openai-chat": true}

// novaReasoning moves how much the model may think into Nova's member, which
// knows three efforts and no budget.
func novaReasoning(req *inference.Request, put func(name string, value any)) {
	r := req.Reasoning
	if r == nil || r.Budget > 0 || r.Mode == inference.ReasoningAdaptive {
		return
	}
	config := map[string]string{"type": string(inference.ReasoningOn)}
	switch {
	case r.Mode == inference.ReasoningOff:
		config["type"] = string(inference.ReasoningOff)
	case r.Effort == "minimal":
		config["maxReasoningEffort"] = "low"
	case r.Effort == "xhigh", r.Effort == "max":
		config["maxReasoningEffort"] = "high"
	case r.Effort != "":
		config["maxReasoningEffort"] = r.Effort
	}
	put("reasoningConfig", config)
	req.Reasoning = nil
}

// chatReasoning moves an effort into the member of the models that take bodies
// of the chat-completions form.
func chatReasoning(req *inference.Request, put func(name string, value any)) {
	r := req.Reasoning
	switch {
	case r == nil || r.Budget > 0 || r.Mode == inference.ReasoningAdaptive:
		return
	case r.Mode == inference.ReasoningOff:
		put("reasoning_effort", "none")
	case r.Effort != "":
		put("reasoning_effort", r.Effort)
	case r.Mode == inference.ReasoningOn:
		return
	}
	req.Reasoning = nil
}

// claudeReasoning moves how much the model may think into Claude's members.
func claudeReasoning(req *inference.Request, put func(name string, value any)) {
	r := req.Reasoning
	if r == nil {
		return
	}
	rest := inference.ReasoningConfig{Effort: r.Effort}
	thinking := map[string]any{}
	switch r.Mode {
	case inference.ReasoningDefault:
	default:
		thinking["type"] = string(r.Mode)
	}
	if r.Budget > 0 {
		thinking["type"], thinking["budget_tokens"] = string(inference.ReasoningOn), r.Budget
	}
	if r.Display != "" {
		thinking["display"] = r.Display
	}
	if len(thinking) > 0 {
		put("thinking", thinking)
	}
	req.Reasoning = &rest
}
