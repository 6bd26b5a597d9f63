package chatcompletions

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// Members of an answer that are not beside its usage but further in.
var (
	choiceMembers  = []string{"content_filter_results", "logprobs", "matched_stop", "prompt_logprobs", "token_ids"}
	messageMembers = []string{"annotations", "audio", "refusal"}
	// unexported are names that the encoders write themselves.
	unexported = []string{"choices", "created", "finish_reason", "id", "model", "object", "usage"}
)

// finishReason is the format's word for the hub's.
func finishReason(r inference.StopReason) string {
	switch r {
	case inference.StopMaxTokens, inference.StopContextWindow:
		return "length"
	case inference.StopToolUse:
		return "tool_calls"
	case inference.StopFiltered, inference.StopGuardrail:
		return "content_filter"
	}
	return "stop"
}

// EncodeAnswer writes a whole answer. The format has no place for signatures and
// for what a vendor's own tools did; they are left out. What was thought comes
// before the text, and the calls of tools after it.
func EncodeAnswer(a *inference.Answer, m Meta) ([]byte, error) {
	var w writer
	w.b = make([]byte, 0, 512+len(a.Text)+len(a.Text)/16)
	head(&w, m, "chat.completion", cmp.Or(m.Model, a.Model))
	w.raw(`"choices":[{"index":0,"message":{"role":"assistant"`)
	thought, _ := a.Reasoning()
	text, calls, images := a.Text, 0, 0
	if text == "" {
		text = textsOf(a.Content())
	}
	if thought != "" && m.InlineReasoning {
		text, thought = inline(a.Content()), ""
	}
	for _, p := range a.Parts {
		switch p := p.(type) {
		case inference.ToolUse:
			if p.Kind == "" {
				calls++
			}
		case inference.Image:
			images++
		}
	}
	_, refused := a.Extra["refusal"]
	w.key("content")
	if text == "" && calls > 0 || refused {
		w.raw("null")
	} else {
		w.str(text)
	}
	if thought != "" {
		w.key("reasoning_content")
		w.str(thought)
	}
	if calls > 0 {
		w.key("tool_calls")
		w.raw("[")
		for _, p := range a.Parts {
			if call, ok := p.(inference.ToolUse); ok && call.Kind == "" {
				w.comma()
				writeCall(&w, call)
			}
		}
		w.raw("]")
	}
	if images > 0 {
		w.key("images")
		w.raw("[")
		for _, p := range a.Parts {
			if image, ok := p.(inference.Image); ok {
				w.comma()
				writeImage(&w, image)
			}
		}
		w.raw("]")
	}
	if !refused {
		w.raw(`,"refusal":null`)
	}
	members := slices.Sorted(maps.Keys(a.Extra))
	writeExtra(&w, a.Extra, members, func(name string) bool { return slices.Contains(messageMembers, name) })
	w.raw("}")
	if _, ok := a.Extra["logprobs"]; !ok {
		w.raw(`,"logprobs":null`)
	}
	ending(&w, a.Reason, a.StopSequence, a.Extra)
	writeExtra(&w, a.Extra, members, func(name string) bool { return slices.Contains(choiceMembers, name) })
	w.raw("}]")
	writeUsage(&w, a.Usage)
	writeExtra(&w, a.Extra, members, top)
	w.raw("}")
	return w.b, nil
}

// inline is the text of an answer with what was thought in it, where it was
// thought: as the stream writes it.
func inline(parts []inference.Part) string {
	var b strings.Builder
	open := false
	end := func() {
		if open {
			b.WriteString("</reasoning>")
		}
		open = false
	}
	for _, p := range parts {
		said, _ := textOf(p)
		switch p := p.(type) {
		case inference.Reasoning:
			if p.Text != "" && !open {
				b.WriteString("<reasoning>")
				open = true
			}
			b.WriteString(p.Text)
		case inference.Image:
			end()
		case inference.ToolUse:
			if p.Kind == "" {
				end()
			}
		default:
			if said != "" {
				end()
				b.WriteString(said)
			}
		}
	}
	end()
	return b.String()
}

// textsOf is the text of an answer of which only the parts are set.
func textsOf(parts []inference.Part) string {
	var b strings.Builder
	for _, p := range parts {
		if s, ok := textOf(p); ok {
			b.WriteString(s)
		}
	}
	return b.String()
}

func top(name string) bool {
	return !slices.Contains(messageMembers, name) && !slices.Contains(choiceMembers, name) && !slices.Contains(unexported, name)
}

func writeExtra(w *writer, extra map[string]json.RawMessage, names []string, choose func(string) bool) {
	for _, name := range names {
		if choose(name) && json.Valid(extra[name]) {
			w.member(name, extra[name])
		}
	}
}

func head(w *writer, m Meta, object, model string) {
	w.raw(`{"id":`)
	w.str(m.ID)
	w.raw(`,"object":"`)
	w.raw(object)
	w.raw(`","created":`)
	w.int(m.Created)
	w.raw(`,"model":`)
	w.str(model)
	w.raw(",")
}

// ending writes why the answer ended. A server's own word that the hub does not
// know is given back as it was.
func ending(w *writer, reason inference.StopReason, sequence string, extra map[string]json.RawMessage) {
	w.key("finish_reason")
	if own, ok := extra["finish_reason"]; ok && json.Valid(own) {
		w.b = append(w.b, own...)
	} else {
		w.str(finishReason(reason))
	}
	if reason == inference.StopSequence && sequence != "" {
		w.key("stop_reason")
		w.str(sequence)
	}
}

func writeImage(w *writer, image inference.Image) {
	e := requestEncoder{w: *w}
	e.w.raw(`{"type":"image_url","image_url":{"url":`)
	e.link("image/"+image.Format, image.Bytes, image.URL)
	e.w.raw("}}")
	*w = e.w
}

// writeUsage writes what was counted: the prompt with what was read from a cache
// or written to it.
func writeUsage(w *writer, u inference.Usage) {
	prompt := int64(u.InputTokens) + int64(u.CacheReadTokens) + int64(u.CacheWriteTokens)
	w.key("usage")
	w.raw(`{"prompt_tokens":`)
	w.int(prompt)
	w.raw(`,"completion_tokens":`)
	w.int(int64(u.OutputTokens))
	w.raw(`,"total_tokens":`)
	w.int(prompt + int64(u.OutputTokens))
	if u.CacheReadTokens > 0 || u.CacheWriteTokens > 0 {
		w.raw(`,"prompt_tokens_details":{"cached_tokens":`)
		w.int(int64(u.CacheReadTokens))
		if u.CacheWriteTokens > 0 {
			w.raw(`,"cache_write_tokens":`)
			w.int(int64(u.CacheWriteTokens))
		}
		w.raw("}")
	}
	if u.ReasoningTokens > 0 {
		w.raw(`,"completion_tokens_details":{"reasoning_tokens":`)
		w.int(int64(u.ReasoningTokens))
		w.raw("}")
	}
	w.raw("}")
}

// Stream writes the chunks of a streamed answer. It is used by one goroutine.
type Stream struct {
	m      Meta
	write  func([]byte) error
	w      writer
	prefix []byte // of every chunk, to the delta
	calls  int    // of tools, begun
	hidden bool   // the call under way is of a vendor's own tool
	inline bool   // a <reasoning> is open
}

// NewStream returns a Stream that writes each chunk's JSON, which write must not
// keep.
func NewStream(m Meta, write func(chunk []byte) error) *Stream {
	return &Stream{m: m, write: write}
}

// Event takes the next event and writes its chunk, if it has one. Its errors are
// write's.
func (s *Stream) Event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		w := writer{b: make([]byte, 0, 256)}
		head(&w, s.m, "chat.completion.chunk", cmp.Or(s.m.Model, ev.Model))
		s.prefix = w.b
		return s.delta(func(w *writer) { w.raw(`"role":"assistant","content":""`) })
	case inference.TextDelta:
		if s.inline {
			s.inline = false
			ev.Text = "</reasoning>" + ev.Text
		}
		return s.delta(func(w *writer) {
			w.key("content")
			w.str(ev.Text)
		})
	case inference.ReasoningDelta:
		if ev.Text == "" {
			return nil
		}
		name, text := "reasoning_content", ev.Text
		if s.m.InlineReasoning {
			if !s.inline {
				s.inline = true
				text = "<reasoning>" + text
			}
			name = "content"
		}
		return s.delta(func(w *writer) {
			w.key(name)
			w.str(text)
		})
	case inference.ToolStart:
		if s.hidden = ev.Kind != ""; s.hidden {
			return nil
		}
		if err := s.close(); err != nil {
			return err
		}
		s.calls++
		return s.delta(func(w *writer) {
			w.raw(`"tool_calls":[{"index":`)
			w.int(int64(s.calls - 1))
			w.raw(`,"id":`)
			w.str(ev.ID)
			w.raw(`,"type":"function","function":{"name":`)
			w.str(ev.Name)
			w.raw(`,"arguments":""}}]`)
		})
	case inference.ToolDelta:
		if s.hidden || ev.JSON == "" {
			return nil
		}
		return s.delta(func(w *writer) {
			w.raw(`"tool_calls":[{"index":`)
			w.int(int64(s.calls - 1))
			w.raw(`,"function":{"arguments":`)
			w.str(ev.JSON)
			w.raw(`}}]`)
		})
	case inference.ImageBlock:
		if err := s.close(); err != nil {
			return err
		}
		return s.delta(func(w *writer) {
			w.raw(`"images":[`)
			writeImage(w, ev.Image)
			w.raw("]")
		})
	case inference.Finished:
		return s.finish(ev)
	}
	return nil
}

// close ends thoughts that are written as text.
func (s *Stream) close() error {
	if !s.inline {
		return nil
	}
	s.inline = false
	return s.delta(func(w *writer) { w.raw(`"content":"</reasoning>"`) })
}

func (s *Stream) begin() {
	s.w.b = append(s.w.b[:0], s.prefix...)
	if s.prefix == nil {
		head(&s.w, s.m, "chat.completion.chunk", s.m.Model)
	}
}

func (s *Stream) delta(f func(*writer)) error {
	s.begin()
	s.w.raw(`"choices":[{"index":0,"delta":{`)
	f(&s.w)
	s.w.raw(`},"finish_reason":null}]}`)
	return s.write(s.w.b)
}

func (s *Stream) finish(ev inference.Finished) error {
	if err := s.close(); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(ev.Extra))
	s.begin()
	s.w.raw(`"choices":[{"index":0,"delta":{`)
	writeExtra(&s.w, ev.Extra, names, func(name string) bool { return slices.Contains(messageMembers, name) })
	s.w.raw("}")
	ending(&s.w, ev.Reason, ev.StopSequence, ev.Extra)
	writeExtra(&s.w, ev.Extra, names, func(name string) bool { return slices.Contains(choiceMembers, name) })
	s.w.raw("}]")
	own := s.m.IncludeUsage && !s.m.Native
	if s.m.IncludeUsage && s.m.Native {
		writeUsage(&s.w, ev.Usage)
	}
	writeExtra(&s.w, ev.Extra, names, top)
	s.w.raw("}")
	if err := s.write(s.w.b); err != nil || !own {
		return err
	}
	s.begin()
	s.w.raw(`"choices":[]`)
	writeUsage(&s.w, ev.Usage)
	s.w.raw("}")
	return s.write(s.w.b)
}
