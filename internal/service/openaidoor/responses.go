package openaidoor

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// responsesRequest is the body of POST /responses. The members that an answer
// repeats are kept as they were written.
type responsesRequest struct {
	Model              string          `json:"model"`
	Input              json.RawMessage `json:"input"`
	Instructions       *string         `json:"instructions"`
	PreviousResponseID *string         `json:"previous_response_id"`
	Stream             bool            `json:"stream"`
	Store              *bool           `json:"store"`
	Tools              json.RawMessage `json:"tools"`
	ToolChoice         json.RawMessage `json:"tool_choice"`
	ParallelToolCalls  *bool           `json:"parallel_tool_calls"`
	MaxOutputTokens    *int            `json:"max_output_tokens"`
	Temperature        *float64        `json:"temperature"`
	TopP               *float64        `json:"top_p"`
	Text               *textOptions    `json:"text"`
	Reasoning          *reasoning      `json:"reasoning"`
	Metadata           json.RawMessage `json:"metadata"`
	User               *string         `json:"user"`
	Include            []string        `json:"include"`
	Truncation         *string         `json:"truncation"`
	ServiceTier        *string         `json:"service_tier"`
	SafetyIdentifier   *string         `json:"safety_identifier"`
	PromptCacheKey     *string         `json:"prompt_cache_key"`

	items []json.RawMessage // of Input
}

type textOptions struct {
	Format    json.RawMessage `json:"format,omitempty"`
	Verbosity *string         `json:"verbosity,omitempty"`
}

type reasoning struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

// refusedMembers are what a request must not ask for, each with the values that
// ask for nothing.
var refusedMembers = []struct {
	member string
	idle   []string
	text   string
}{
	{"background", []string{"false"}, "Responses are made while the client waits: background must be false."},
	{"conversation", nil, "There are no conversations here. Use previous_response_id, or send the items."},
	{"prompt", nil, "There are no stored prompts here: send input and instructions."},
	{"top_logprobs", []string{"0"}, "Log probabilities are not available: leave top_logprobs out."},
	{"max_tool_calls", nil, "There are no built-in tools whose calls could be limited: leave max_tool_calls out."},
	{"context_management", []string{"[]"}, "The context is not managed here: leave context_management out."},
}

// knownMembers are all that a request may have beside those that are refused.
var knownMembers = []string{
	"include", "input", "instructions", "max_output_tokens", "metadata", "model", "parallel_tool_calls", "previous_response_id", "prompt_cache_key",
	"prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools",
	"top_p", "truncation", "user",
}

// includable are the values of include that say something here, or nothing.
var includable = []string{"reasoning.encrypted_content", "message.input_image.image_url"}

func (s *Service) decodeResponse(in *door.Input) error {
	if err := readable(in.Body); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(in.Body, &members); err != nil {
		return badJSON(err)
	}
	if err := checkMembers(members); err != nil {
		return err
	}
	r := &responsesRequest{}
	if err := json.Unmarshal(in.Body, r); err != nil {
		return badJSON(err)
	}
	if r.Model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	for _, name := range r.Include {
		if !slices.Contains(includable, name) {
			return unsupported("include", "The value '%s' of include is not supported.", name)
		}
	}
	if r.Truncation != nil && *r.Truncation != "disabled" {
		return unsupported("truncation", "Input is never cut here: truncation must be 'disabled'.")
	}
	var err error
	if r.items, err = inputItems(r.Input); err != nil {
		return err
	}
	in.SetModel(s.canonical(r.Model), r.Stream)
	in.Request = r
	return nil
}

func checkMembers(members map[string]json.RawMessage) error {
	for _, u := range refusedMembers {
		if asks(members[u.member], u.idle...) {
			return unsupported(u.member, "%s", u.text)
		}
		delete(members, u.member)
	}
	var unknown []string
	for name := range members {
		if !slices.Contains(knownMembers, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		name := slices.Min(unknown)
		return door.WithError(fault.New(fault.Invalid, "Unknown parameter: '%s'.", name), "", "unknown_parameter", name)
	}
	return nil
}

// inputItems are the items of an input; a text is a message of the user's.
func inputItems(input json.RawMessage) ([]json.RawMessage, error) {
	switch first(input) {
	case '"':
		return []json.RawMessage{slices.Concat([]byte(`{"type":"message","role":"user","content":[{"type":"input_text","text":`), input, []byte("}]}"))}, nil
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(input, &items); err != nil {
			return nil, badJSON(err)
		}
		return items, nil
	case 0, 'n':
		return nil, nil
	}
	return nil, invalid("input", "Invalid type for 'input': expected a string or a list of items.")
}

// unsupported refuses what cannot be had.
func unsupported(param, format string, args ...any) error {
	return door.WithError(fault.New(fault.Unsupported, format, args...), "", "unsupported_parameter", param)
}

// response is one POST /responses on its way.
type response struct {
	s       *Service
	r       *responsesRequest
	target  *router.Target
	request *inference.Request
	id      string
	created int64
	keep    bool
	// past are the items that came before this request's, of the responses that
	// it goes on from.
	past []json.RawMessage
}

// begin finds the model and translates the request.
func (s *Service) begin(ctx context.Context, in *door.Input) (*response, error) {
	r, _ := in.Request.(*responsesRequest)
	if err := door.CheckGuardrail(in); err != nil {
		return nil, err
	}
	p := &response{s: s, r: r, id: s.p.NewID("resp_", len("resp_")+48), created: s.p.Now().Unix(), keep: r.Store == nil || *r.Store}
	if p.keep && s.p.Kept == nil {
		p.keep = false
	}
	var err error
	if p.past, err = s.past(ctx, r.PreviousResponseID); err != nil {
		return nil, err
	}
	if len(p.past)+len(r.items) == 0 {
		return nil, invalid("input", "One of \"input\" or \"previous_response_id\" must be provided.")
	}
	if p.request, err = r.hub(slices.Concat(p.past, r.items)); err != nil {
		return nil, err
	}
	if err = checkImages(p.request); err != nil {
		return nil, err
	}
	if p.target, err = s.resolve(ctx, s.chosen(ctx, in.Model(), p.request), catalog.Text); err != nil {
		return nil, err
	}
	if r.Stream {
		return p, serving.CheckStreaming(p.target)
	}
	return p, nil
}

// createResponse answers POST /responses whole.
func (s *Service) createResponse(ctx context.Context, in *door.Input) (*door.Output, error) {
	p, err := s.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	b := newBuilder(p, nil)
	if err := s.newRun(p.target).Generate(ctx, p.request, b.event); err != nil {
		return nil, err
	}
	object := b.object()
	if err := p.store(ctx, object); err != nil {
		return nil, err
	}
	return &door.Output{Body: encode(object)}, nil
}

// streamResponse answers POST /responses in events.
func (s *Service) streamResponse(ctx context.Context, in *door.Input, sink door.Sink) error {
	p, err := s.begin(ctx, in)
	if err != nil {
		return err
	}
	b := newBuilder(p, sink.Send)
	opened := false
	err = s.newRun(p.target).Generate(ctx, p.request, func(ev inference.Event) error {
		if !opened {
			opened = true
			if err := sink.Open(nil); err != nil {
				return err
			}
			if err := b.begin(); err != nil {
				return err
			}
		}
		return b.event(ev)
	})
	if err != nil {
		if opened {
			b.fail(err)
		}
		return err
	}
	object := b.object()
	if err := p.store(ctx, object); err != nil {
		return err
	}
	return b.end(object)
}

// hub translates a request and the items before it.
func (r *responsesRequest) hub(items []json.RawMessage) (*inference.Request, error) {
	req := &inference.Request{Temperature: r.Temperature, TopP: r.TopP, Parallel: r.ParallelToolCalls}
	if err := bounded("temperature", r.Temperature, 2); err != nil {
		return nil, err
	}
	if err := bounded("top_p", r.TopP, 1); err != nil {
		return nil, err
	}
	if n := r.MaxOutputTokens; n != nil {
		if *n < 1 {
			return nil, invalid("max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 1, but got %d instead.", *n)
		}
		req.MaxTokens = *n
	}
	if r.Instructions != nil && *r.Instructions != "" {
		req.System = append(req.System, inference.Text{Text: *r.Instructions})
	}
	if err := addItems(req, items); err != nil {
		return nil, err
	}
	var err error
	if req.Tools, err = tools(r.Tools); err != nil {
		return nil, err
	}
	if req.ToolChoice, err = toolChoice(r.ToolChoice, req.Tools); err != nil {
		return nil, err
	}
	if r.Text != nil {
		if req.Output, err = textFormat(r.Text.Format); err != nil {
			return nil, err
		}
	}
	if r.Reasoning != nil && r.Reasoning.Effort != nil {
		effort := *r.Reasoning.Effort
		if !slices.Contains(efforts, effort) {
			return nil, invalid("reasoning.effort", "Invalid value: '%s'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', and 'xhigh'.", effort)
		}
		req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOn, Effort: effort}
		if effort == "none" {
			req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOff}
		}
	}
	return req, nil
}

var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

func bounded(name string, v *float64, most float64) error {
	if v != nil && (*v < 0 || *v > most) {
		return invalid(name, "Invalid '%s': expected a value from 0 to %g, but got %g instead.", name, most, *v)
	}
	return nil
}

// tools reads the functions that the model may call. The tools that OpenAI's own
// servers run are not here.
func tools(list json.RawMessage) ([]inference.Tool, error) {
	if first(list) == 0 || first(list) == 'n' {
		return nil, nil
	}
	var of []struct {
		Type        string          `json:"type"`
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	}
	if err := json.Unmarshal(list, &of); err != nil {
		return nil, badJSON(err)
	}
	out := make([]inference.Tool, 0, len(of))
	for i, t := range of {
		param := listParam("tools", i)
		switch {
		case t.Type != "function":
			return nil, unsupported(param+".type", "Tools of the type '%s' are not supported: the model can call functions.", t.Type)
		case t.Name == "":
			return nil, invalid(param+".name", "Missing required parameter: '%s.name'.", param)
		case first(t.Parameters) != 0 && first(t.Parameters) != 'n' && first(t.Parameters) != '{':
			return nil, invalid(param+".parameters", "Invalid type for '%s.parameters': expected an object.", param)
		}
		schema := t.Parameters
		if first(schema) != '{' {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		out = append(out, inference.Tool{Name: t.Name, Description: t.Description, Schema: schema, Strict: t.Strict})
	}
	return out, nil
}

func toolChoice(choice json.RawMessage, tools []inference.Tool) (inference.ToolChoice, error) {
	switch first(choice) {
	case 0, 'n':
		return inference.ToolChoice{}, nil
	case '"':
		switch string(bytes.Trim(choice, `" `)) {
		case "auto":
			return inference.ToolChoice{Mode: inference.ToolAuto}, nil
		case "none":
			return inference.ToolChoice{Mode: inference.ToolNone}, nil
		case "required":
			return inference.ToolChoice{Mode: inference.ToolAny}, nil
		}
		return inference.ToolChoice{}, invalid("tool_choice", "Invalid value: %s. Supported values are: 'none', 'auto', and 'required'.", compact(choice))
	}
	var named struct{ Type, Name string }
	if err := json.Unmarshal(choice, &named); err != nil {
		return inference.ToolChoice{}, badJSON(err)
	}
	if named.Type != "function" {
		return inference.ToolChoice{}, unsupported("tool_choice", "A tool_choice of the type '%s' is not supported.", named.Type)
	}
	if !slices.ContainsFunc(tools, func(t inference.Tool) bool { return t.Name == named.Name }) {
		return inference.ToolChoice{}, invalid("tool_choice", "Tool choice '%s' not found in 'tools' parameter.", named.Name)
	}
	return inference.ToolChoice{Mode: inference.ToolNamed, Name: named.Name}, nil
}

func textFormat(format json.RawMessage) (*inference.OutputFormat, error) {
	if first(format) == 0 || first(format) == 'n' {
		return nil, nil //nolint:nilnil // there is none
	}
	var f struct {
		Type, Name, Description string
		Schema                  json.RawMessage
		Strict                  *bool
	}
	if err := json.Unmarshal(format, &f); err != nil {
		return nil, badJSON(err)
	}
	switch f.Type {
	case "text":
		return nil, nil //nolint:nilnil // as above
	case "json_object":
		return &inference.OutputFormat{}, nil
	case "json_schema":
		if f.Name == "" {
			return nil, invalid("text.format.name", "Missing required parameter: 'text.format.name'.")
		}
		if first(f.Schema) != '{' {
			return nil, invalid("text.format.schema", "Missing required parameter: 'text.format.schema'.")
		}
		return &inference.OutputFormat{Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict}, nil
	}
	return nil, invalid("text.format.type", "Invalid value: '%s'. Supported values are: 'json_object', 'json_schema', and 'text'.", f.Type)
}
