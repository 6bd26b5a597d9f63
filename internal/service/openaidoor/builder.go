package openaidoor

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/service/door"
)

// builder makes the items of a response of the events of an answer, and tells of
// each in OpenAI's order where somebody listens.
type builder struct {
	p    *response
	send func(door.Event) error // nil: a whole answer

	sequence int
	output   []*outputItem // the last one may be open
	open     bool
	hidden   bool            // a call of a vendor's own tool is under way
	text     strings.Builder // of the open item
	sealed   sealed          // of open reasoning
	last     inference.Finished
}

// outputItem is an item of an answer.
type outputItem struct {
	ID        string        `json:"id"`
	Type      string        `json:"type"`
	Status    string        `json:"status,omitempty"`
	Role      string        `json:"role,omitempty"`
	Content   *[]outputPart `json:"content,omitempty"`
	Summary   *[]outputPart `json:"summary,omitempty"`
	Encrypted *string       `json:"encrypted_content,omitempty"`
	CallID    string        `json:"call_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Arguments *string       `json:"arguments,omitempty"`
	Result    string        `json:"result,omitempty"` // of an image
}

// outputPart is a part of an item's content.
type outputPart struct {
	Type        string    `json:"type"`
	Text        string    `json:"text"`
	Annotations *[]string `json:"annotations,omitempty"` // of text: always empty
	Logprobs    *[]string `json:"logprobs,omitempty"`    // the same
}

const (
	typeMessage   = "message"
	typeReasoning = "reasoning"
	typeCall      = "function_call"

	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
	failed     = "failed"
)

func newBuilder(p *response, send func(door.Event) error) *builder { return &builder{p: p, send: send} }

// tell sends an event with its number.
func (b *builder) tell(name string, members map[string]any) error {
	if b.send == nil {
		return nil
	}
	members["type"], members["sequence_number"] = name, b.sequence
	b.sequence++
	return b.send(door.Event{Name: name, Data: encode(members)})
}

// begin tells that the response is on its way.
func (b *builder) begin() error {
	object := b.p.object()
	if err := b.tell("response.created", map[string]any{"response": object}); err != nil {
		return err
	}
	return b.tell("response.in_progress", map[string]any{"response": object})
}

// fail tells that it will not be finished. The door tells the error itself behind
// it.
func (b *builder) fail(err error) {
	f := fault.As(err)
	if f.Kind == fault.Canceled {
		return
	}
	o := b.p.object()
	o.Status, o.Error, o.Output = failed, &responseError{Code: "server_error", Message: f.Message}, b.output
	switch f.Kind {
	case fault.Internal:
		o.Error.Message = "The system encountered an unexpected error during processing. Try your request again."
	case fault.Throttled:
		o.Error.Code = "rate_limit_exceeded"
	default:
	}
	if o.Output == nil {
		o.Output = []*outputItem{}
	}
	_ = b.tell("response.failed", map[string]any{"response": o}) // the error that is told next says the same
}

// end tells that it is over.
func (b *builder) end(object *responseObject) error {
	return b.tell("response."+object.Status, map[string]any{"response": object})
}

func (b *builder) event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		if err := b.enter(typeMessage); err != nil {
			return err
		}
		return b.delta("response.output_text.delta", ev.Text, map[string]any{"logprobs": []string{}})
	case inference.CitationDelta:
		return b.enter(typeMessage)
	case inference.ReasoningDelta:
		return b.reasoning(ev)
	case inference.ToolStart:
		if err := b.close(); err != nil {
			return err
		}
		// What a vendor's own tools do is no call of the client's.
		if b.hidden = ev.Kind != ""; b.hidden {
			return nil
		}
		return b.add(&outputItem{ID: b.p.s.p.NewID("fc_", len("fc_")+48), Type: typeCall, CallID: ev.ID, Name: ev.Name, Arguments: new(string)})
	case inference.ToolDelta:
		if b.hidden {
			return nil
		}
		return b.delta("response.function_call_arguments.delta", ev.JSON, map[string]any{})
	case inference.ImageBlock:
		return b.image(ev.Image)
	case inference.BlockEnd, inference.ToolOutput:
		return b.close()
	case inference.Finished:
		b.last = ev
		return b.close()
	}
	return nil
}

func (b *builder) reasoning(ev inference.ReasoningDelta) error {
	if ev.Redacted != nil {
		if err := b.close(); err != nil {
			return err
		}
		if err := b.enter(typeReasoning); err != nil {
			return err
		}
		b.sealed.Redacted = ev.Redacted
		return b.close()
	}
	if err := b.enter(typeReasoning); err != nil {
		return err
	}
	b.sealed.Signature += ev.Signature
	if ev.Text == "" {
		return nil
	}
	return b.delta("response.reasoning_text.delta", ev.Text, map[string]any{})
}

// image is an image that the model made, whole.
func (b *builder) image(img inference.Image) error {
	if err := b.close(); err != nil {
		return err
	}
	it := &outputItem{ID: b.p.s.p.NewID("ig_", len("ig_")+48), Type: "image_generation_call", Result: base64.StdEncoding.EncodeToString(img.Bytes)}
	if err := b.add(it); err != nil {
		return err
	}
	b.open = false
	it.Status = completed
	return b.tell("response.output_item.done", map[string]any{"output_index": len(b.output) - 1, "item": it})
}

// enter opens an item of the type, unless one is open.
func (b *builder) enter(kind string) error {
	if b.open && b.item().Type == kind {
		return nil
	}
	if err := b.close(); err != nil {
		return err
	}
	it := &outputItem{Type: kind, Content: &[]outputPart{}}
	prefix := "msg_"
	if kind == typeReasoning {
		prefix, it.Summary = "rs_", &[]outputPart{}
	} else {
		it.Role = "assistant"
	}
	it.ID = b.p.s.p.NewID(prefix, len(prefix)+48)
	if err := b.add(it); err != nil {
		return err
	}
	return b.tell("response.content_part.added", b.at(map[string]any{"content_index": 0, "part": b.part("")}))
}

func (b *builder) item() *outputItem { return b.output[len(b.output)-1] }

// part is the content of the open item.
func (b *builder) part(text string) outputPart {
	if b.item().Type == typeReasoning {
		return outputPart{Type: "reasoning_text", Text: text}
	}
	return outputPart{Type: "output_text", Text: text, Annotations: &[]string{}, Logprobs: &[]string{}}
}

// at says which item an event is about.
func (b *builder) at(members map[string]any) map[string]any {
	members["item_id"], members["output_index"] = b.item().ID, len(b.output)-1
	return members
}

func (b *builder) add(it *outputItem) error {
	it.Status = inProgress
	b.output, b.open, b.sealed = append(b.output, it), true, sealed{}
	b.text.Reset()
	return b.tell("response.output_item.added", map[string]any{"output_index": len(b.output) - 1, "item": it})
}

func (b *builder) delta(name, text string, members map[string]any) error {
	b.text.WriteString(text)
	members["delta"] = text
	if b.item().Type != typeCall {
		members["content_index"] = 0
	}
	return b.tell(name, b.at(members))
}

// close ends the open item.
func (b *builder) close() error {
	if !b.open {
		return nil
	}
	b.open = false
	it, text := b.item(), b.text.String()
	it.Status = completed
	if it.Type == typeCall {
		if text == "" {
			text = "{}"
		}
		it.Arguments = &text
		if err := b.tell("response.function_call_arguments.done", b.at(map[string]any{"arguments": text, "name": it.Name})); err != nil {
			return err
		}
		return b.tell("response.output_item.done", map[string]any{"output_index": len(b.output) - 1, "item": it})
	}
	part := b.part(text)
	it.Content = &[]outputPart{part}
	done, members := "response.output_text.done", map[string]any{"content_index": 0, "text": text, "logprobs": []string{}}
	if it.Type == typeReasoning {
		done = "response.reasoning_text.done"
		delete(members, "logprobs")
		// Also where include does not ask for it: what goes on from this response
		// needs the vendor's proof.
		if s := b.sealed.String(); s != "" {
			it.Encrypted = &s
		}
	}
	if err := b.tell(done, b.at(members)); err != nil {
		return err
	}
	if err := b.tell("response.content_part.done", b.at(map[string]any{"content_index": 0, "part": part})); err != nil {
		return err
	}
	return b.tell("response.output_item.done", map[string]any{"output_index": len(b.output) - 1, "item": it})
}

// object is the response as it is at its end.
func (b *builder) object() *responseObject {
	o := b.p.object()
	o.Output, o.Status = b.output, completed
	if o.Output == nil {
		o.Output = []*outputItem{}
	}
	switch b.last.Reason {
	case inference.StopMaxTokens, inference.StopContextWindow:
		o.Status, o.IncompleteDetails = incomplete, &incompleteDetails{"max_output_tokens"}
	case inference.StopFiltered, inference.StopGuardrail:
		o.Status, o.IncompleteDetails = incomplete, &incompleteDetails{"content_filter"}
	case inference.StopMalformed, inference.StopMalformedTool:
		o.Status, o.Error = failed, &responseError{Code: "server_error", Message: "The model produced output that cannot be used. Try your request again."}
	}
	if n := len(o.Output); n > 0 && o.Status == incomplete {
		o.Output[n-1].Status = incomplete
	}
	u := b.last.Usage
	input := u.InputTokens + u.CacheReadTokens + u.CacheWriteTokens
	o.Usage = &responseUsage{InputTokens: input, OutputTokens: u.OutputTokens, TotalTokens: input + u.OutputTokens}
	o.Usage.InputDetails.CachedTokens, o.Usage.OutputDetails.ReasoningTokens = u.CacheReadTokens, u.ReasoningTokens
	return o
}

// responseObject is OpenAI's.
type responseObject struct {
	ID                 string             `json:"id"`
	Object             string             `json:"object"`
	CreatedAt          int64              `json:"created_at"`
	Status             string             `json:"status"`
	Background         bool               `json:"background"`
	Error              *responseError     `json:"error"`
	IncompleteDetails  *incompleteDetails `json:"incomplete_details"`
	Instructions       *string            `json:"instructions"`
	MaxOutputTokens    *int               `json:"max_output_tokens"`
	Model              string             `json:"model"`
	Output             []*outputItem      `json:"output"`
	ParallelToolCalls  bool               `json:"parallel_tool_calls"`
	PreviousResponseID *string            `json:"previous_response_id"`
	Reasoning          reasoning          `json:"reasoning"`
	ServiceTier        string             `json:"service_tier"`
	Store              bool               `json:"store"`
	Temperature        *float64           `json:"temperature"`
	Text               textOptions        `json:"text"`
	ToolChoice         json.RawMessage    `json:"tool_choice"`
	Tools              json.RawMessage    `json:"tools"`
	TopP               *float64           `json:"top_p"`
	Truncation         string             `json:"truncation"`
	Usage              *responseUsage     `json:"usage"`
	User               *string            `json:"user"`
	Metadata           json.RawMessage    `json:"metadata"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incompleteDetails struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	InputTokens  int `json:"input_tokens"`
	InputDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int `json:"output_tokens"`
	OutputDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int `json:"total_tokens"`
}

// object is the response as it is at its beginning.
func (p *response) object() *responseObject {
	r := p.r
	o := &responseObject{
		ID: p.id, Object: "response", CreatedAt: p.created, Status: inProgress, Instructions: r.Instructions, MaxOutputTokens: r.MaxOutputTokens,
		Model: r.Model, Output: []*outputItem{}, ParallelToolCalls: r.ParallelToolCalls == nil || *r.ParallelToolCalls, PreviousResponseID: r.PreviousResponseID,
		ServiceTier: "default", Store: p.keep, Temperature: r.Temperature, ToolChoice: either(r.ToolChoice, `"auto"`), Tools: either(r.Tools, "[]"),
		TopP: r.TopP, Truncation: "disabled", User: r.User, Metadata: either(r.Metadata, "{}"),
	}
	if r.Reasoning != nil {
		o.Reasoning = *r.Reasoning
	}
	if r.Text != nil {
		o.Text = *r.Text
	}
	o.Text.Format = either(o.Text.Format, `{"type":"text"}`)
	return o
}

// either is a value, or what stands for none.
func either(value json.RawMessage, none string) json.RawMessage {
	if first(value) == 0 || first(value) == 'n' {
		return json.RawMessage(none)
	}
	return value
}
