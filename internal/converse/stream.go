package converse

import (
	"encoding/json"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Stream writes the events of a streamed answer in the service's order:
// messageStart, then of each block contentBlockStart (only where there is
// something to say: tools and images), deltas and contentBlockStop, then
// messageStop and metadata. It is used by one goroutine.
type Stream struct {
	write  func(*api.ConverseStreamOutputEvent) error
	blocks inference.Blocks
	began  bool // messageStart has been written
	fed    bool // the tool call under way has got some input
	last   inference.Finished
}

// NewStream returns a stream that gives its events to write, which may keep
// them.
func NewStream(write func(*api.ConverseStreamOutputEvent) error) *Stream {
	return &Stream{write: write}
}

// Event takes the next event. After Finished only End is left to be called.
func (s *Stream) Event(ev inference.Event) error {
	if !s.began {
		s.began = true
		if err := s.write(&api.ConverseStreamOutputEvent{MessageStart: &api.MessageStartEvent{Role: api.ConversationRoleAssistant}}); err != nil {
			return err
		}
	}
	if f, ok := ev.(inference.Finished); ok {
		s.last = f
		if s.blocks.Count() == 0 {
			// An empty answer keeps its block: clients read content[0].text.
			s.blocks.Step(inference.TextDelta{})
			if err := s.delta(0, &api.ContentBlockDelta{Text: new("")}); err != nil {
				return err
			}
		}
	}
	step := s.blocks.Step(ev)
	if step.Ended != inference.BlockNone {
		if err := s.end(step.Ended, step.EndedAt); err != nil {
			return err
		}
	}
	if err := s.content(step.Index, ev); err != nil {
		return err
	}
	if step.Complete {
		return s.end(step.Began, step.Index)
	}
	return nil
}

// content writes what an event itself says.
func (s *Stream) content(index int, ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.TextDelta:
		return s.delta(index, &api.ContentBlockDelta{Text: &ev.Text})
	case inference.CitationDelta:
		return s.delta(index, &api.ContentBlockDelta{Citation: citationDelta(ev.Citation)})
	case inference.ReasoningDelta:
		return s.reasoning(index, ev)
	case inference.ToolStart:
		s.fed = false
		return s.start(index, &api.ContentBlockStart{ToolUse: &api.ToolUseBlockStart{
			ToolUseId: &ev.ID, Name: &ev.Name, Type: api.ToolUseType(ev.Kind),
		}})
	case inference.ToolDelta:
		s.fed = s.fed || ev.JSON != ""
		return s.delta(index, &api.ContentBlockDelta{ToolUse: &api.ToolUseBlockDelta{Input: &ev.JSON}})
	case inference.ToolOutput:
		return s.toolResult(index, ev.Result)
	case inference.ImageBlock:
		source, err := imageSource(ev.Image)
		if err != nil {
			return err
		}
		if err := s.start(index, &api.ContentBlockStart{Image: &api.ImageBlockStart{Format: api.ImageFormat(ev.Image.Format)}}); err != nil {
			return err
		}
		return s.delta(index, &api.ContentBlockDelta{Image: &api.ImageBlockDelta{Source: source}})
	}
	return nil
}

func (s *Stream) reasoning(index int, ev inference.ReasoningDelta) error {
	if ev.Redacted != nil {
		return s.delta(index, &api.ContentBlockDelta{ReasoningContent: &api.ReasoningContentBlockDelta{RedactedContent: ev.Redacted}})
	}
	if ev.Text != "" || ev.Signature == "" {
		if err := s.delta(index, &api.ContentBlockDelta{ReasoningContent: &api.ReasoningContentBlockDelta{Text: &ev.Text}}); err != nil {
			return err
		}
	}
	if ev.Signature == "" {
		return nil
	}
	return s.delta(index, &api.ContentBlockDelta{ReasoningContent: &api.ReasoningContentBlockDelta{Signature: &ev.Signature}})
}

func (s *Stream) toolResult(index int, r inference.ToolResult) error {
	if err := s.start(index, &api.ContentBlockStart{ToolResult: &api.ToolResultBlockStart{
		ToolUseId: &r.ID, Status: status(r), Type: str(r.Kind),
	}}); err != nil {
		return err
	}
	deltas := make([]api.ToolResultBlockDelta, 0, len(r.Content))
	for _, c := range r.Content {
		switch c := c.(type) {
		case inference.Text:
			deltas = append(deltas, api.ToolResultBlockDelta{Text: &c.Text})
		case inference.JSON:
			value, err := document(c.Value)
			if err != nil {
				return err
			}
			deltas = append(deltas, api.ToolResultBlockDelta{Json: value})
		default:
			return fault.New(fault.Unsupported, "A tool's result that is neither text nor JSON cannot be streamed.")
		}
	}
	return s.delta(index, &api.ContentBlockDelta{ToolResult: deltas})
}

func (s *Stream) start(index int, start *api.ContentBlockStart) error {
	return s.write(&api.ConverseStreamOutputEvent{ContentBlockStart: &api.ContentBlockStartEvent{ContentBlockIndex: number(index), Start: start}})
}

func (s *Stream) delta(index int, delta *api.ContentBlockDelta) error {
	return s.write(&api.ConverseStreamOutputEvent{ContentBlockDelta: &api.ContentBlockDeltaEvent{ContentBlockIndex: number(index), Delta: delta}})
}

// end ends a block. A call without input says that its input is the empty
// object: clients read the pieces together as JSON.
func (s *Stream) end(kind inference.BlockKind, index int) error {
	if kind == inference.BlockTool && !s.fed {
		if err := s.delta(index, &api.ContentBlockDelta{ToolUse: &api.ToolUseBlockDelta{Input: new("{}")}}); err != nil {
			return err
		}
	}
	return s.write(&api.ConverseStreamOutputEvent{ContentBlockStop: &api.ContentBlockStopEvent{ContentBlockIndex: number(index)}})
}

// End writes what follows the blocks: why the answer ended, with the additional
// fields, and the metadata.
func (s *Stream) End(fields schema.DocumentValue, metadata *api.ConverseStreamMetadataEvent) error {
	if err := s.write(&api.ConverseStreamOutputEvent{MessageStop: &api.MessageStopEvent{
		StopReason: api.StopReason(s.last.Reason), AdditionalModelResponseFields: fields,
	}}); err != nil {
		return err
	}
	return s.write(&api.ConverseStreamOutputEvent{Metadata: metadata})
}

// Decoder reads the events of a streamed answer. It is used by one goroutine.
type Decoder struct {
	emit   func(inference.Event) error
	model  string
	began  bool
	tool   bool                  // a call is under way
	result *inference.ToolResult // under way
	image  *inference.Image      // under way
	last   inference.Finished
	ended  bool // messageStop came
	done   bool // metadata came
}

// NewDecoder returns a decoder that gives a model's answer to emit.
func NewDecoder(model string, emit func(inference.Event) error) *Decoder {
	return &Decoder{model: model, emit: emit}
}

// Event takes the next event of the stream. Exceptions are not among them:
// whoever reads the frames turns those into faults. Upstream says that the
// events make no answer.
func (d *Decoder) Event(ev *api.ConverseStreamOutputEvent) error {
	if d.done && ev.Metadata == nil { // usage that is told twice is no other answer: the last counts
		return fault.New(fault.Upstream, "The model sent more after the end of its answer.")
	}
	if !d.began {
		d.began = true
		if err := d.emit(inference.Started{Model: d.model}); err != nil {
			return err
		}
	}
	switch {
	case ev.ContentBlockStart != nil && ev.ContentBlockStart.Start != nil:
		return d.start(ev.ContentBlockStart.Start)
	case ev.ContentBlockDelta != nil && ev.ContentBlockDelta.Delta != nil:
		return d.delta(ev.ContentBlockDelta.Delta)
	case ev.ContentBlockStop != nil:
		return d.stop()
	case ev.MessageStop != nil:
		d.ended = true
		d.last.Reason = inference.StopReason(ev.MessageStop.StopReason)
		var err error
		d.last.Extra, d.last.StopSequence, err = responseFields(ev.MessageStop.AdditionalModelResponseFields)
		return err
	case ev.Metadata != nil:
		d.done = true
		d.last.Usage = ReadUsage(ev.Metadata.Usage)
		if ev.Metadata.Metrics != nil {
			d.last.Elapsed = time.Duration(schema.Deref(ev.Metadata.Metrics.LatencyMs)) * time.Millisecond
		}
	}
	return nil // messageStart, and what is newer than this code
}

// End finishes the answer. A stream that ended before its messageStop is
// Upstream; one without metadata has no usage.
func (d *Decoder) End() error {
	if !d.ended {
		return fault.New(fault.Upstream, "The model's stream ended before its answer did.")
	}
	return d.emit(d.last)
}

func (d *Decoder) start(s *api.ContentBlockStart) error {
	switch {
	case s.ToolUse != nil:
		d.tool = true
		return d.emit(inference.ToolStart{
			ID: schema.Deref(s.ToolUse.ToolUseId), Name: schema.Deref(s.ToolUse.Name), Kind: string(s.ToolUse.Type),
		})
	case s.ToolResult != nil:
		d.result = &inference.ToolResult{
			ID: schema.Deref(s.ToolResult.ToolUseId), Kind: schema.Deref(s.ToolResult.Type),
			Status: s.ToolResult.Status != "", Failed: s.ToolResult.Status == api.ToolResultStatusError,
		}
	case s.Image != nil:
		d.image = &inference.Image{Format: string(s.Image.Format)}
	}
	return nil
}

func (d *Decoder) delta(b *api.ContentBlockDelta) error {
	switch {
	case b.Text != nil:
		if *b.Text == "" {
			return nil
		}
		return d.emit(inference.TextDelta{Text: *b.Text})
	case b.Citation != nil:
		return d.emit(inference.CitationDelta{Citation: readCitationDelta(b.Citation)})
	case b.ReasoningContent != nil:
		r := b.ReasoningContent
		ev := inference.ReasoningDelta{Text: schema.Deref(r.Text), Signature: schema.Deref(r.Signature), Redacted: r.RedactedContent}
		if ev.Redacted == nil && ev.Text == "" && ev.Signature == "" {
			return nil
		}
		return d.emit(ev)
	case b.ToolUse != nil:
		switch {
		case schema.Deref(b.ToolUse.Input) == "":
			return nil
		case !d.tool:
			return fault.New(fault.Upstream, "The model sent a piece of a tool call that has not begun.")
		}
		return d.emit(inference.ToolDelta{JSON: *b.ToolUse.Input})
	case b.ToolResult != nil:
		return d.resultDelta(b.ToolResult)
	case b.Image != nil:
		return d.imageDelta(b.Image)
	}
	return nil
}

func (d *Decoder) resultDelta(deltas []api.ToolResultBlockDelta) error {
	if d.result == nil {
		return fault.New(fault.Upstream, "The model sent a piece of a tool's result that has not begun.")
	}
	for _, r := range deltas {
		switch {
		case r.Text != nil:
			d.result.Content = append(d.result.Content, inference.Text{Text: *r.Text})
		case r.Json != nil:
			d.result.Content = append(d.result.Content, inference.JSON{Value: json.RawMessage(r.Json)})
		}
	}
	return nil
}

func (d *Decoder) imageDelta(b *api.ImageBlockDelta) error {
	switch {
	case b.Error != nil:
		return fault.New(fault.Upstream, "The model could not make an image: %s", schema.Deref(b.Error.Message))
	case d.image == nil:
		return fault.New(fault.Upstream, "The model sent a piece of an image that has not begun.")
	case b.Source != nil:
		d.image.Bytes = append(d.image.Bytes, b.Source.Bytes...)
		if b.Source.S3Location != nil {
			d.image.URL, d.image.Owner = place(b.Source.S3Location)
		}
	}
	return nil
}

func (d *Decoder) stop() error {
	d.tool = false
	switch {
	case d.result != nil:
		r := *d.result
		d.result = nil
		return d.emit(inference.ToolOutput{Result: r})
	case d.image != nil:
		m := *d.image
		d.image = nil
		return d.emit(inference.ImageBlock{Image: m})
	}
	return d.emit(inference.BlockEnd{})
}
