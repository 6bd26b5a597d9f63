package messages

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/jsontext"
)

// Members of an answer that the hub has no place for travel in its Extra by
// these names; extraUsage holds members of usage, extraReason a reason to stop
// that the hub has no word for.
const (
	extraDetails   = "stop_details"
	extraContainer = "container"
	extraContext   = "context_management"
	extraUsage     = "usage"
	extraReason    = "stop_reason"
)

// usageExtras are the members of usage that travel in Extra.
func usageExtras() []string { return []string{"inference_geo", "server_tool_use", "service_tier"} }

// EncodeAnswer writes a whole answer.
func EncodeAnswer(a *inference.Answer, m Meta) ([]byte, error) {
	blocks, err := encodeParts("content", a.Content())
	if err != nil {
		return nil, fault.Wrap(fault.Upstream, err, "The model's answer cannot be written in the format of this API.")
	}
	return m.message(a.Usage, a.Extra, blocks, stop(m, a.Reason, a.StopSequence, a.Extra)), nil
}

// message writes the message object; stop is nil for one that has just begun.
func (m Meta) message(u inference.Usage, extra map[string]json.RawMessage, blocks [][]byte, stop *stopped) []byte {
	var w writer
	w.text("id", m.ID)
	w.text("type", "message")
	w.text("role", "assistant")
	w.text("model", m.Model)
	w.list("content", len(blocks), func(b []byte, i int) []byte { return append(b, blocks[i]...) })
	if stop == nil {
		w.raw("stop_reason", []byte("null"))
		w.raw("stop_sequence", []byte("null"))
	} else {
		stop.write(&w, extra)
	}
	if stop != nil {
		for _, key := range []string{extraContainer, extraContext} {
			if raw, ok := extra[key]; ok {
				w.raw(key, raw)
			}
		}
	}
	w.raw("usage", m.usage(u, extra))
	return w.object()
}

// usage writes the counts. Those of the prompt cache by how long it keeps them
// are what Bedrock's own bodies have only where there is something to tell.
func (m Meta) usage(u inference.Usage, extra map[string]json.RawMessage) []byte {
	var w writer
	w.integer("input_tokens", u.InputTokens)
	if !m.NoCache {
		w.integer("cache_creation_input_tokens", u.CacheWriteTokens)
		w.integer("cache_read_input_tokens", u.CacheReadTokens)
		if !m.Native || u.CacheWriteTokens > 0 {
			var c writer
			c.integer("ephemeral_5m_input_tokens", u.CacheWriteTokens-u.CacheWrite1h)
			c.integer("ephemeral_1h_input_tokens", u.CacheWrite1h)
			w.raw("cache_creation", c.object())
		}
	}
	w.integer("output_tokens", u.OutputTokens)
	if rest, ok := value(extra[extraUsage]).object(); ok {
		for _, key := range usageExtras() {
			if v, ok := rest.get(key); ok {
				w.raw(key, v)
			}
		}
	}
	return w.object()
}

// stopped is why an answer ended.
type stopped struct {
	reason   string
	sequence string
}

func stop(m Meta, r inference.StopReason, sequence string, extra map[string]json.RawMessage) *stopped {
	s := &stopped{reason: "end_turn"}
	switch r {
	case inference.StopMaxTokens:
		s.reason = "max_tokens"
	case inference.StopSequence:
		s.reason, s.sequence = "stop_sequence", sequence
	case inference.StopToolUse, inference.StopMalformedTool:
		s.reason = "tool_use"
	case inference.StopContextWindow:
		s.reason = "max_tokens"
		if !m.NoContextWindow {
			s.reason = "model_context_window_exceeded"
		}
	case inference.StopFiltered, inference.StopGuardrail:
		if !m.NoRefusal {
			s.reason = "refusal"
		}
	case inference.StopEndTurn, inference.StopMalformed:
		if own, ok := value(extra[extraReason]).text(); ok && own == "pause_turn" {
			s.reason = own
		}
	}
	return s
}

func (s *stopped) write(w *writer, extra map[string]json.RawMessage) {
	w.text("stop_reason", s.reason)
	if s.reason == "stop_sequence" {
		w.text("stop_sequence", s.sequence)
	} else {
		w.raw("stop_sequence", []byte("null"))
	}
	if raw, ok := extra[extraDetails]; ok {
		w.raw("stop_details", raw)
	}
}

// Stream encodes one streamed answer. Its methods are called in order, by one
// goroutine.
type Stream struct {
	m      Meta
	write  func([]byte) error
	blocks inference.Blocks
	input  int // tokens, as message_start said
}

// NewStream starts the encoding of a streamed answer. Each call of write is the
// JSON of one event on one line, without the framing; it must not keep the slice.
// The member type, which is the event's name, is the first one: see EventName.
func NewStream(m Meta, write func(chunk []byte) error) *Stream {
	return &Stream{m: m, write: write}
}

// EventName returns the name of an event that a Stream wrote.
func EventName(chunk []byte) string {
	name, ok := bytes.CutPrefix(chunk, []byte(`{"type":"`))
	if !ok {
		return ""
	}
	name, _, _ = bytes.Cut(name, []byte{'"'})
	return string(name)
}

// Event writes what an event of the hub becomes.
func (s *Stream) Event(ev inference.Event) error {
	if ev, ok := ev.(inference.Started); ok {
		s.input = ev.InputTokens
		var w writer
		w.text("type", "message_start")
		// The real service has made a token or more by now, and never says 0.
		w.raw("message", s.m.message(inference.Usage{InputTokens: ev.InputTokens, OutputTokens: 1}, nil, nil, nil))
		return s.write(w.object())
	}
	step := s.blocks.Step(ev)
	if step.Ended != inference.BlockNone {
		if err := s.stop(step.EndedAt); err != nil {
			return err
		}
	}
	if step.Began != inference.BlockNone {
		block, err := s.beginning(ev)
		if err != nil {
			return err
		}
		var w writer
		w.text("type", "content_block_start")
		w.integer("index", step.Index)
		w.raw("content_block", block)
		if err := s.write(w.object()); err != nil {
			return err
		}
		if step.Complete {
			return s.stop(step.Index)
		}
	}
	if done, ok := ev.(inference.Finished); ok {
		return s.finish(done)
	}
	if delta := delta(ev); delta != nil {
		var w writer
		w.text("type", "content_block_delta")
		w.integer("index", step.Index)
		w.raw("delta", delta)
		return s.write(w.object())
	}
	return nil
}

func (s *Stream) stop(index int) error {
	var w writer
	w.text("type", "content_block_stop")
	w.integer("index", index)
	return s.write(w.object())
}

// finish writes message_delta. Its usage repeats the input where the beginning
// could not know it.
func (s *Stream) finish(done inference.Finished) error {
	var d writer
	stop(s.m, done.Reason, done.StopSequence, done.Extra).write(&d, done.Extra)
	if raw, ok := done.Extra[extraContainer]; ok {
		d.raw(extraContainer, raw)
	}
	var w writer
	w.text("type", "message_delta")
	w.raw("delta", d.object())
	u := done.Usage
	if !s.m.Native || u.InputTokens != s.input || u.CacheReadTokens > 0 || u.CacheWriteTokens > 0 || done.Extra[extraUsage] != nil {
		w.raw("usage", s.m.usage(u, done.Extra))
	} else {
		var out writer
		out.integer("output_tokens", u.OutputTokens)
		w.raw("usage", out.object())
	}
	if raw, ok := done.Extra[extraContext]; ok {
		w.raw(extraContext, raw)
	}
	if err := s.write(w.object()); err != nil || s.m.Native {
		return err
	}
	return s.write([]byte(`{"type":"message_stop"}`))
}

// beginning writes the block that an event begins, empty but for those that come
// whole.
func (s *Stream) beginning(ev inference.Event) ([]byte, error) {
	var w writer
	switch ev := ev.(type) {
	case inference.TextDelta:
		return []byte(`{"type":"text","text":""}`), nil
	case inference.CitationDelta:
		return []byte(`{"type":"text","text":"","citations":[]}`), nil
	case inference.ReasoningDelta:
		switch {
		case ev.Redacted == nil && s.m.Native:
			return []byte(`{"type":"thinking","thinking":""}`), nil
		case ev.Redacted == nil:
			return []byte(`{"type":"thinking","thinking":"","signature":""}`), nil
		}
		return w.part(inference.Reasoning{Redacted: ev.Redacted})
	case inference.ToolStart:
		kind := ev.Kind
		if kind == "" {
			kind = "tool_use"
		}
		w.text("type", kind)
		w.text("id", ev.ID)
		w.text("name", ev.Name)
		w.raw("input", []byte("{}"))
		return w.object(), nil
	case inference.ToolOutput:
		return w.part(ev.Result)
	case inference.ImageBlock:
		return w.part(ev.Image)
	}
	return nil, fault.New(fault.Internal, "an event of type %T begins no block", ev)
}

// part writes one part on one line.
func (w *writer) part(p inference.Part) ([]byte, error) {
	if err := encodePart(w, "content", p); err != nil {
		return nil, fault.Wrap(fault.Upstream, err, "The model's answer cannot be written in the format of this API.")
	}
	data := w.object()
	if bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') < 0 {
		return data, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return nil, fault.Wrap(fault.Upstream, err, "The model's answer is not valid JSON.")
	}
	return b.Bytes(), nil
}

// delta writes what an event adds to its block; nil when it adds nothing.
func delta(ev inference.Event) []byte {
	var w writer
	switch ev := ev.(type) {
	case inference.TextDelta:
		w.text("type", "text_delta")
		w.text("text", ev.Text)
	case inference.CitationDelta:
		w.text("type", "citations_delta")
		w.raw("citation", writeCitation(ev.Citation))
	case inference.ReasoningDelta:
		switch {
		case ev.Redacted != nil:
			return nil
		case ev.Signature != "":
			w.text("type", "signature_delta")
			w.text("signature", ev.Signature)
		default:
			w.text("type", "thinking_delta")
			w.text("thinking", ev.Text)
		}
	case inference.ToolDelta:
		w.text("type", "input_json_delta")
		w.text("partial_json", ev.JSON)
	default:
		return nil
	}
	return w.object()
}

// DecodeAnswer reads the whole answer of a server, as the events that would have
// made it: Started, a delta for each block, Finished. Faults are Upstream.
func DecodeAnswer(body []byte, emit func(inference.Event) error) error {
	v, ok := parse(body)
	if !ok {
		return fault.New(fault.Upstream, "The model's server answered what is not JSON.")
	}
	o, ok := v.object()
	if !ok {
		return errForm("an answer that is no object")
	}
	if o.text("type") == "error" {
		return errorEvent(o)
	}
	contentValue, ok := o.get("content")
	content, isArray := contentValue.array()
	if !ok || !isArray {
		return errForm("an answer without content")
	}
	d := NewDecoder(emit)
	if err := d.start(o); err != nil {
		return err
	}
	for _, item := range content {
		if err := d.begin(item); err != nil {
			return err
		}
		if err := d.endBlock(); err != nil {
			return err
		}
	}
	d.delta(o, o)
	d.stopped = true
	return d.End()
}

// Decoder reads a streamed answer. Its methods are called in order, by one
// goroutine.
type Decoder struct {
	emit     func(inference.Event) error
	started  bool
	stopped  bool // message_stop came
	open     bool // a block is under way
	index    int
	tool     bool // the block is a call of a tool
	input    json.RawMessage
	streamed bool // the call's input came in pieces
	finished inference.Finished
}

// NewDecoder starts the reading of a streamed answer.
func NewDecoder(emit func(inference.Event) error) *Decoder { return &Decoder{emit: emit} }

// Chunk reads the data of one event. Faults are Upstream, and what an event of
// type error says. Events that the format may get in the future are passed over.
func (d *Decoder) Chunk(data []byte) error {
	v, ok := parse(data)
	if !ok {
		return fault.New(fault.Upstream, "The model's server streamed what is not JSON.")
	}
	o, ok := v.object()
	if !ok {
		return errForm("an event that is no object")
	}
	kind := o.text("type")
	switch kind {
	case "error":
		return errorEvent(o)
	case "ping", "":
		return nil
	case "message_start":
		m, _ := o.get("message")
		message, ok := m.object()
		if !ok || d.started {
			return errForm("a message_start that begins no message")
		}
		return d.start(message)
	}
	if !d.started {
		return errForm("events before message_start")
	}
	if d.stopped {
		return errForm("events after message_stop")
	}
	return d.event(kind, o)
}

func (d *Decoder) event(kind string, o object) error {
	switch kind {
	case "content_block_start":
		if err := d.endBlock(); err != nil {
			return err
		}
		block, _ := o.get("content_block")
		d.index = o.integer("index")
		return d.begin(block)
	case "content_block_delta":
		if !d.open || o.integer("index") != d.index {
			return errForm("a delta of a block that is not under way")
		}
		v, _ := o.get("delta")
		piece, _ := v.object()
		return d.piece(piece)
	case "content_block_stop":
		return d.endBlock()
	case "message_delta":
		v, _ := o.get("delta")
		reason, _ := v.object()
		d.delta(o, reason)
	case "message_stop":
		d.stopped = true
	}
	return nil
}

// End says that the stream is over, and emits Finished; it is a fault of kind
// Upstream when the answer was not over.
func (d *Decoder) End() error {
	if !d.started || !d.stopped {
		return fault.New(fault.Upstream, "The model's server ended its answer before it was complete.")
	}
	if err := d.endBlock(); err != nil {
		return err
	}
	if d.finished.Reason == "" {
		d.finished.Reason = inference.StopEndTurn
	}
	return d.emit(d.finished)
}

func errForm(what string) error {
	return fault.New(fault.Upstream, "The model's server answered in a form that is not Anthropic's: %s.", what)
}

func (d *Decoder) start(message object) error {
	d.started = true
	d.usage(message)
	return d.emit(inference.Started{Model: message.text("model"), InputTokens: d.finished.Usage.InputTokens})
}

// usage takes the counts that are there. They are totals: what comes twice
// counts once.
func (d *Decoder) usage(o object) {
	v, _ := o.get("usage")
	u, ok := v.object()
	if !ok {
		return
	}
	count := func(from object, key string, to *int) {
		if v, ok := from.get(key); ok {
			if n, ok := v.integer(); ok && n >= 0 {
				*to = n
			}
		}
	}
	total := &d.finished.Usage
	count(u, "input_tokens", &total.InputTokens)
	count(u, "output_tokens", &total.OutputTokens)
	count(u, "cache_read_input_tokens", &total.CacheReadTokens)
	count(u, "cache_creation_input_tokens", &total.CacheWriteTokens)
	if v, ok := u.get("cache_creation"); ok {
		c, _ := v.object()
		count(c, "ephemeral_1h_input_tokens", &total.CacheWrite1h)
	}
	total.CacheWrite1h = min(total.CacheWrite1h, total.CacheWriteTokens)
	var rest writer
	known, _ := value(d.finished.Extra[extraUsage]).object()
	for _, key := range usageExtras() {
		if v, ok := u.get(key); ok {
			rest.raw(key, v)
		} else if v, ok := known.get(key); ok {
			rest.raw(key, v)
		}
	}
	if !rest.empty() {
		d.extra(extraUsage, rest.object())
	}
}

func (d *Decoder) extra(key string, raw json.RawMessage) {
	if d.finished.Extra == nil {
		d.finished.Extra = make(map[string]json.RawMessage)
	}
	d.finished.Extra[key] = raw
}

// delta takes why the answer ended, and the usage of it.
func (d *Decoder) delta(o, reason object) {
	d.usage(o)
	f := &d.finished
	switch s := reason.text("stop_reason"); s {
	case "":
	case "max_tokens":
		f.Reason = inference.StopMaxTokens
	case "stop_sequence":
		f.Reason, f.StopSequence = inference.StopSequence, reason.text("stop_sequence")
	case "tool_use":
		f.Reason = inference.StopToolUse
	case "refusal":
		f.Reason = inference.StopFiltered
	case "model_context_window_exceeded":
		f.Reason = inference.StopContextWindow
	case "end_turn":
		f.Reason = inference.StopEndTurn
	default:
		f.Reason = inference.StopEndTurn
		var w []byte
		d.extra(extraReason, jsontext.AppendString(w, quote(s)))
	}
	for _, from := range []object{reason, o} {
		for _, key := range []string{extraDetails, extraContainer, extraContext} {
			if v, ok := from.get(key); ok {
				d.extra(key, v.raw())
			}
		}
	}
}

// begin takes the beginning of a block, or a whole one.
func (d *Decoder) begin(v value) error {
	o, ok := v.object()
	if !ok {
		return errForm("a block that is no object")
	}
	d.open = true
	kind := o.text("type")
	switch kind {
	case "text":
		if err := d.text(o.text("text")); err != nil {
			return err
		}
		list, _ := o.get("citations")
		items, _ := list.array()
		for _, item := range items {
			if err := d.citation(item); err != nil {
				return err
			}
		}
		return nil
	case "thinking":
		if err := d.thinking(o.text("thinking")); err != nil {
			return err
		}
		return d.signature(o.text("signature"))
	case "redacted_thinking":
		return d.emit(inference.ReasoningDelta{Redacted: redacted(o.text("data"))})
	}
	switch {
	case kind == "tool_use" || strings.HasSuffix(kind, "_tool_use"):
		d.tool, d.streamed = true, false
		input, _ := o.get("input")
		d.input = json.RawMessage(input)
		start := inference.ToolStart{ID: o.text("id"), Name: o.text("name")}
		if kind != "tool_use" {
			start.Kind = kind
		}
		if start.ID == "" || start.Name == "" {
			return errForm("a call of a tool without id or name")
		}
		return d.emit(start)
	case strings.HasSuffix(kind, "_tool_result"):
		result, err := readServerResult("content", kind, o)
		if err != nil {
			return errForm("a tool's result without tool_use_id")
		}
		return d.emit(inference.ToolOutput{Result: result})
	}
	return errForm("a block of type '" + quote(kind) + "'")
}

func (d *Decoder) text(s string) error {
	if s == "" {
		return nil
	}
	return d.emit(inference.TextDelta{Text: s})
}

func (d *Decoder) thinking(s string) error {
	if s == "" {
		return nil
	}
	return d.emit(inference.ReasoningDelta{Text: s})
}

func (d *Decoder) signature(s string) error {
	if s == "" {
		return nil
	}
	return d.emit(inference.ReasoningDelta{Signature: s})
}

func (d *Decoder) citation(v value) error {
	c, err := readCitation("citation", v)
	if err != nil {
		return errForm("a citation of an unknown type")
	}
	return d.emit(inference.CitationDelta{Citation: c})
}

// piece takes one delta.
func (d *Decoder) piece(o object) error {
	switch kind := o.text("type"); kind {
	case "text_delta":
		return d.text(o.text("text"))
	case "thinking_delta":
		return d.thinking(o.text("thinking"))
	case "signature_delta":
		return d.signature(o.text("signature"))
	case "citations_delta":
		v, _ := o.get("citation")
		return d.citation(v)
	case "input_json_delta":
		if !d.tool {
			return errForm("a tool's input outside of a call")
		}
		piece := o.text("partial_json")
		if piece == "" {
			return nil
		}
		d.streamed = true
		return d.emit(inference.ToolDelta{JSON: piece})
	default:
		return errForm("a delta of type '" + quote(kind) + "'")
	}
}

// endBlock ends the block under way. A call's input that came with its beginning
// counts when no pieces of it followed.
func (d *Decoder) endBlock() error {
	if !d.open {
		return nil
	}
	if d.tool && !d.streamed && len(d.input) > 0 && string(d.input) != "{}" {
		if err := d.emit(inference.ToolDelta{JSON: string(d.input)}); err != nil {
			return err
		}
	}
	d.open, d.tool, d.streamed, d.input = false, false, false, nil
	return d.emit(inference.BlockEnd{})
}

// EncodeCount writes the answer to a request that asked for its tokens.
func EncodeCount(tokens int) []byte {
	var w writer
	w.integer("input_tokens", tokens)
	return w.object()
}

// DecodeCount reads the answer to such a request; false when it is none.
func DecodeCount(body []byte) (tokens int, ok bool) {
	v, ok := parse(body)
	if !ok {
		return 0, false
	}
	o, _ := v.object()
	n, _ := o.get("input_tokens")
	return n.integer()
}
