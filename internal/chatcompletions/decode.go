package chatcompletions

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/jsontext"
)

// Decoder reads the chunks of a streamed answer and emits the hub's events in
// order: blocks that the server mixes, such as the arguments of two tools, come
// one after the other, and what is not complete yet is kept back. It is used by
// one goroutine.
type Decoder struct {
	// NewID makes the ID of a tool's call where the server gives none that fits;
	// random when nil.
	NewID func() string

	emit    func(inference.Event) error
	started bool
	done    bool // the server said that the answer is over
	reason  string
	finish  inference.Finished
	usage   bool // was there

	calls []*call // of tools, in the order they began
	open  *call   // the call whose input is emitted as it comes
	said  []piece // what came after a call that is not complete
	// deltas counts pieces of text, thought and input: about as many tokens.
	deltas  int
	refusal string
	pieces  map[string][]json.RawMessage // of members that come in pieces
	size    int                          // bytes in pieces
}

// call is one call of a tool under way.
type call struct {
	index   int
	id      string
	server  string // the server's own id
	name    string
	input   []byte // so far
	emitted int    // bytes of it
	started bool
	json    jsonEnd
}

// piece is text or thought that waits.
type piece struct {
	thought bool
	text    string
}

// NewDecoder returns a Decoder.
func NewDecoder(emit func(inference.Event) error) *Decoder { return &Decoder{emit: emit} }

// DecodeAnswer reads a whole answer. Errors are as those of Decoder.Chunk.
func DecodeAnswer(body []byte, emit func(inference.Event) error) error {
	return Feed(NewDecoder(emit), body)
}

// Chunk takes the next chunk: its JSON, or the word [DONE]. A whole answer is a
// chunk, too. Its errors are emit's, a [ServerError] where the server wrote one,
// and faults of kind Upstream for what is no answer.
func (d *Decoder) Chunk(data []byte) error {
	if string(data) == "[DONE]" {
		d.done = true
		return nil
	}
	if !json.Valid(data) {
		return fault.New(fault.Upstream, "The model's server answered with what is no JSON.")
	}
	c := chunk{d: d}
	if err := members(data, c.member); err != nil {
		return err
	}
	if c.err != nil {
		return c.err
	}
	if c.usage != nil {
		d.count(c.usage)
	}
	if !d.started && (c.choices != nil || c.usage != nil) {
		d.started = true
		in := d.finish.Usage
		if err := d.emit(inference.Started{Model: c.model, InputTokens: in.InputTokens}); err != nil {
			return err
		}
	}
	if c.choices == nil {
		return nil
	}
	return elements(c.choices, func(n int, value []byte) error {
		if n > 0 {
			return nil // one answer was asked for
		}
		return members(value, d.choice)
	})
}

// chunk is the members of one chunk.
type chunk struct {
	d              *Decoder
	model          string
	choices, usage []byte
	err            error
}

func (c *chunk) member(key string, value []byte) error {
	switch key {
	case "model":
		if !c.d.started {
			c.model = str(value)
		}
	case "choices":
		if isList(value) {
			c.choices = value
		}
	case "usage":
		if isObject(value) {
			c.usage = value
		}
	case "error":
		c.err = serverError(value)
	case "object":
		if str(value) == "error" {
			c.err = &ServerError{Message: "an error without words"}
		}
	case "message", "detail":
		if e, ok := c.err.(*ServerError); ok && isString(value) { //nolint:errorlint // it is made here
			e.Message = str(value)
		}
	case "id", "created":
	default:
		c.d.keep(key, value)
	}
	return nil
}

func serverError(value []byte) error {
	e := &ServerError{Message: str(value)}
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "message":
			e.Message = str(value)
		case "type":
			e.Type = str(value)
		case "code", "status", "http_status_code":
			if n := count(value); n >= 400 && n < 600 && number(value) {
				e.Status = n
			} else if key == "code" {
				e.Code = str(value)
			}
		}
		return nil
	})
	return e
}

// keep puts a member into Extra; the last one holds.
func (d *Decoder) keep(key string, value []byte) {
	if key == "obfuscation" { // filling
		return
	}
	if d.finish.Extra == nil {
		d.finish.Extra = make(map[string]json.RawMessage)
	}
	if old, ok := d.finish.Extra[key]; !ok || !bytes.Equal(old, value) {
		d.finish.Extra[key] = clone(value)
	}
}

// keepPiece keeps a member that comes in pieces, such as logprobs.
func (d *Decoder) keepPiece(key string, value []byte) {
	if d.size += len(value); d.size > piecesLimit {
		return
	}
	if d.pieces == nil {
		d.pieces = make(map[string][]json.RawMessage)
	}
	d.pieces[key] = append(d.pieces[key], clone(value))
}

const piecesLimit = 32 << 20

// join puts pieces together: lists one after the other, also those in objects;
// of anything else the last holds.
func join(pieces []json.RawMessage) json.RawMessage {
	last := pieces[len(pieces)-1]
	switch {
	case len(pieces) == 1:
	case isList(last):
		var w writer
		w.raw("[")
		for _, p := range pieces {
			_ = elements(p, func(_ int, value []byte) error {
				w.comma()
				w.b = append(w.b, value...)
				return nil
			})
		}
		w.raw("]")
		return w.b
	case isObject(last):
		inside := make(map[string][]json.RawMessage)
		for _, p := range pieces {
			_ = members(p, func(key string, value []byte) error {
				inside[key] = append(inside[key], value)
				return nil
			})
		}
		var w writer
		w.raw("{")
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			w.member(key, join(inside[key]))
		}
		w.raw("}")
		return w.b
	}
	return last
}

func (d *Decoder) count(value []byte) {
	var prompt, cached int
	u := inference.Usage{}
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "prompt_tokens":
			prompt = count(value)
		case "completion_tokens":
			u.OutputTokens = count(value)
		case "prompt_tokens_details":
			return members(value, func(key string, value []byte) error {
				switch key {
				case "cached_tokens":
					u.CacheReadTokens = count(value)
				case "cache_write_tokens":
					u.CacheWriteTokens = count(value)
				}
				return nil
			})
		case "prompt_cache_hit_tokens", "cached_tokens": // DeepSeek and Moonshot
			cached = count(value)
		case "completion_tokens_details":
			return members(value, func(key string, value []byte) error {
				if key == "reasoning_tokens" {
					u.ReasoningTokens = count(value)
				}
				return nil
			})
		}
		return nil
	})
	if u.CacheReadTokens == 0 {
		u.CacheReadTokens = cached
	}
	if prompt == 0 && u.OutputTokens == 0 {
		return // it counts nothing, or nonsense: see HasUsage
	}
	u.CacheReadTokens = min(u.CacheReadTokens, prompt)
	u.CacheWriteTokens = min(u.CacheWriteTokens, prompt-u.CacheReadTokens)
	u.ReasoningTokens = min(u.ReasoningTokens, u.OutputTokens)
	u.InputTokens = prompt - u.CacheReadTokens - u.CacheWriteTokens
	d.finish.Usage, d.usage = u, true // the last one holds
}

// HasUsage reports whether the server has counted, and Deltas how many pieces of
// the answer came: about as many tokens, where it has not.
func (d *Decoder) HasUsage() bool { return d.usage }

// Deltas is explained at HasUsage.
func (d *Decoder) Deltas() int { return d.deltas }

func (d *Decoder) choice(key string, value []byte) error {
	switch key {
	case "index":
	case "delta", "message":
		return d.message(value)
	case "finish_reason":
		if s := str(value); s != "" {
			d.reason = s
		}
	case "stop_reason", "matched_stop": // vLLM's and SGLang's
		if isString(value) {
			d.finish.StopSequence = str(value)
		}
	case "text": // of a completion
		return d.say(false, str(value))
	default:
		d.keepPiece(key, value)
	}
	return nil
}

// message reads a delta or a whole message: its members in the order of the hub,
// whatever their order is here.
func (d *Decoder) message(value []byte) error {
	var thought, content, refusal, calls, function, images []byte
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "role", "reasoning_details": // OpenRouter repeats reasoning in it
		case "content":
			content = value
		case "reasoning_content", "reasoning": // releases of vLLM write both, with the same text
			if thought == nil || len(thought) == 2 {
				thought = value
			}
		case "refusal":
			refusal = value
		case "tool_calls":
			calls = value
		case "function_call":
			function = value
		case "images":
			images = value
		default:
			d.keepPiece(key, value)
		}
		return nil
	})
	if thought != nil {
		if err := d.say(true, str(thought)); err != nil {
			return err
		}
	}
	if content != nil {
		if isList(content) { // Mistral's thinking and text
			if err := elements(content, func(_ int, value []byte) error { return d.contentPart(value) }); err != nil {
				return err
			}
		} else if err := d.say(false, str(content)); err != nil {
			return err
		}
	}
	if refusal != nil {
		d.refusal += str(refusal)
		if err := d.say(false, str(refusal)); err != nil {
			return err
		}
	}
	if images != nil {
		if err := elements(images, func(_ int, value []byte) error { return d.image(value) }); err != nil {
			return err
		}
	}
	if calls != nil {
		if err := elements(calls, d.tool); err != nil {
			return err
		}
	}
	if function != nil {
		return d.function(0, "", function)
	}
	return nil
}

func (d *Decoder) image(value []byte) error {
	if !isObject(value) {
		return nil
	}
	p, err := part("image", value, false)
	if image, ok := p.(inference.Image); ok && err == nil {
		return d.emit(inference.ImageBlock{Image: image})
	}
	return fault.New(fault.Upstream, "The model's server answered with an image that cannot be read.")
}

func (d *Decoder) contentPart(value []byte) error {
	var typ, text, thinking string
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "type":
			typ = str(value)
		case "text":
			text = str(value)
		case "thinking":
			if thinking = str(value); isList(value) {
				var b strings.Builder
				_ = elements(value, func(_ int, value []byte) error {
					return members(value, func(key string, value []byte) error {
						if key == "text" {
							b.WriteString(str(value))
						}
						return nil
					})
				})
				thinking = b.String()
			}
		}
		return nil
	})
	if typ == "thinking" {
		return d.say(true, thinking)
	}
	return d.say(false, text)
}

// say emits text or thought, or keeps it behind a call that is not complete.
func (d *Decoder) say(thought bool, text string) error {
	if text == "" {
		return nil
	}
	d.deltas++
	if d.open != nil && !d.open.json.complete() || d.waiting() {
		d.said = append(d.said, piece{thought: thought, text: text})
		return nil
	}
	d.open = nil
	return d.sayNow(thought, text)
}

func (d *Decoder) sayNow(thought bool, text string) error {
	if thought {
		return d.emit(inference.ReasoningDelta{Text: text})
	}
	return d.emit(inference.TextDelta{Text: text})
}

// waiting reports whether a call has not begun to be emitted.
func (d *Decoder) waiting() bool {
	return len(d.calls) > 0 && !d.calls[len(d.calls)-1].started
}

func (d *Decoder) tool(n int, value []byte) error {
	index, id := -1, ""
	var function []byte
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "index":
			if number(value) {
				index = count(value)
			}
		case "id":
			id = str(value)
		case "function":
			function = value
		}
		return nil
	})
	if index < 0 {
		index = n
		if id == "" && len(d.calls) > 0 {
			index = d.calls[len(d.calls)-1].index
		}
	}
	if function == nil {
		function = []byte("{}")
	}
	return d.function(index, id, function)
}

// function takes a piece of a call.
func (d *Decoder) function(index int, id string, value []byte) error {
	var name, input string
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "name":
			name = str(value)
		case "arguments":
			if input = str(value); isObject(value) {
				input = string(value)
			}
		}
		return nil
	})
	c := d.find(index, id, name)
	if c == nil {
		if name == "" {
			return fault.New(fault.Upstream, "The model's server answered with a piece of a tool's call that never began.")
		}
		c = &call{index: index, name: name, server: id, id: id}
		if !fits(id) || slices.ContainsFunc(d.calls, func(o *call) bool { return o.id == id }) {
			c.id = d.newID()
		}
		d.calls = append(d.calls, c)
	}
	if input != "" {
		d.deltas++
		c.json.write(input)
		c.input = append(c.input, input...)
	}
	return d.advance(false)
}

// find returns the call that a piece belongs to: the last one of its index. A
// piece with an id of its own begins another one: there are servers that give
// every call the index 0.
func (d *Decoder) find(index int, id, name string) *call {
	for _, c := range slices.Backward(d.calls) {
		if c.index != index {
			continue
		}
		if id != "" && c.server != "" && id != c.server && name != "" {
			return nil
		}
		if id == "" && name != "" && c.server == "" && c.json.complete() {
			return nil // the whole of another one, without ids
		}
		return c
	}
	return nil
}

// advance emits what can be: the call under way, and the next one when it is
// complete. over says that nothing more comes.
func (d *Decoder) advance(over bool) error {
	for i, c := range d.calls {
		if c.started && c != d.open {
			continue
		}
		if !c.started {
			if d.open != nil && !d.open.json.complete() && !over {
				return nil
			}
			if err := d.emit(inference.ToolStart{ID: c.id, Name: c.name}); err != nil {
				return err
			}
			c.started, d.open = true, c
		}
		if input := c.input[c.emitted:]; len(input) > 0 {
			c.emitted = len(c.input)
			if err := d.emit(inference.ToolDelta{JSON: string(input)}); err != nil {
				return err
			}
		}
		if i+1 < len(d.calls) && !c.json.complete() && !over {
			return nil
		}
	}
	if len(d.said) == 0 || d.open != nil && !d.open.json.complete() && !over {
		return nil
	}
	d.open = nil
	for _, p := range d.said {
		if err := d.sayNow(p.thought, p.text); err != nil {
			return err
		}
	}
	d.said = nil
	return nil
}

// fits reports whether a server's id can be used as it is.
func fits(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:-", c) >= 0 {
			continue
		}
		return false
	}
	return true
}

func (d *Decoder) newID() string {
	if d.NewID != nil {
		return d.NewID()
	}
	return "tooluse_" + rand.Text()[:22]
}

// End ends the answer: it emits what was kept back, and Finished. An answer that
// never said that it was over is a fault of kind Upstream.
func (d *Decoder) End() error {
	if !d.started {
		return fault.New(fault.Upstream, "The model's server answered with no answer.")
	}
	if d.reason == "" && !d.done {
		return fault.New(fault.Upstream, "The model's server ended the answer before it was over.")
	}
	if err := d.advance(true); err != nil {
		return err
	}
	reason, err := d.stopReason()
	if err != nil {
		return err
	}
	d.finish.Reason = reason
	if d.finish.Reason != inference.StopSequence {
		d.finish.StopSequence = ""
	}
	if d.refusal != "" {
		d.keep("refusal", jsontext.AppendString(nil, d.refusal))
	}
	for key, pieces := range d.pieces {
		d.keep(key, join(pieces))
	}
	return d.emit(d.finish)
}

// stopReason is the hub's word for why the answer ended.
func (d *Decoder) stopReason() (inference.StopReason, error) {
	for _, c := range d.calls {
		if len(c.input) > 0 && (!c.json.object() || !json.Valid(c.input)) {
			if d.reason == "length" {
				return inference.StopMaxTokens, nil
			}
			return inference.StopMalformedTool, nil
		}
	}
	switch d.reason {
	case "length", "max_tokens", "model_length", "MAX_TOKENS":
		return inference.StopMaxTokens, nil
	case "content_filter", "safety", "SAFETY":
		return inference.StopFiltered, nil
	case "error", "insufficient_system_resource":
		return "", &ServerError{Status: 500, Type: d.reason, Message: "the answer ended with " + d.reason}
	case "abort", "cancelled", "canceled":
		return "", fault.New(fault.Upstream, "The model's server broke the answer off.")
	case "", "stop", "eos", "end_turn", "tool_calls", "function_call", "stop_sequence", "STOP", "load", "unload":
	default:
		d.keep("finish_reason", jsontext.AppendString(nil, d.reason))
	}
	switch {
	case len(d.calls) > 0:
		return inference.StopToolUse, nil // also of servers that say stop
	case d.refusal != "":
		return inference.StopFiltered, nil
	case d.finish.StopSequence != "":
		return inference.StopSequence, nil
	}
	return inference.StopEndTurn, nil
}

// jsonEnd follows the text of one JSON object, piece by piece, to find its end.
type jsonEnd struct {
	depth    int
	quoted   bool
	escaped  bool
	closed   bool // the object is over
	spoiled  bool // it began with something else, or goes on behind its end
	anything bool
}

func (j *jsonEnd) write(s string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case j.quoted:
			switch {
			case j.escaped:
				j.escaped = false
			case c == '\\':
				j.escaped = true
			case c == '"':
				j.quoted = false
			}
			continue
		case space(c):
			continue
		}
		if j.closed || !j.anything && c != '{' {
			j.spoiled = true
		}
		j.anything = true
		switch c {
		case '"':
			j.quoted = true
		case '{', '[':
			j.depth++
		case '}', ']':
			if j.depth--; j.depth <= 0 {
				j.closed = true
			}
		}
	}
}

// complete reports whether the object is over.
func (j *jsonEnd) complete() bool { return j.closed }

// object reports whether the text looks like one whole object.
func (j *jsonEnd) object() bool { return j.closed && !j.spoiled }
