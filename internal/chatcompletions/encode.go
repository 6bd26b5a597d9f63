package chatcompletions

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// EncodeRequest writes a request as a server of the flavor reads it. Members of
// Extra are passed on when they are of the dialect "openai-chat"; what a request
// asks for by the hub's own members goes before them.
//
// Not in the format, and left out: cache points, whether a tool failed (its
// result says so), citations of an answer that is given back, and what another
// vendor's model thought where the server wants no thoughts. Faults: Unsupported
// for a part that the server cannot read, Invalid for numbers out of range.
func EncodeRequest(req *inference.Request, o EncodeOptions) ([]byte, error) {
	e := requestEncoder{req: req, f: o.Flavor}
	if err := check(req); err != nil {
		return nil, err
	}
	e.w.b = make([]byte, 0, size(req))
	e.w.raw("{")
	e.key("model")
	e.w.str(o.Model)
	e.key("messages")
	if err := e.messages(); err != nil {
		return nil, err
	}
	e.numbers()
	if err := e.tools(); err != nil {
		return nil, err
	}
	if err := e.output(); err != nil {
		return nil, err
	}
	e.reasoning()
	e.prefill()
	if o.Stream {
		e.key("stream")
		e.w.raw("true")
		if o.Flavor.IncludeUsage {
			e.key("stream_options")
			e.w.raw(`{"include_usage":true}`)
		}
	}
	e.extra()
	e.w.raw("}")
	return e.w.b, nil
}

// check refuses numbers that no server takes, in the hub's words.
func check(req *inference.Request) error {
	switch {
	case req.MaxTokens < 0:
		return fault.New(fault.Invalid, "The maximum number of tokens must not be negative.")
	case outside(req.Temperature, 0, math.MaxFloat32):
		return fault.New(fault.Invalid, "The temperature must not be negative.")
	case outside(req.TopP, 0, 1):
		return fault.New(fault.Invalid, "topP must be between 0 and 1.")
	case req.TopK != nil && *req.TopK < 0:
		return fault.New(fault.Invalid, "topK must not be negative.")
	}
	return nil
}

func outside(x *float64, low, high float64) bool {
	return x != nil && !(*x >= low && *x <= high) // NaN is outside
}

// size guesses how long the request gets, so that media are copied once.
func size(req *inference.Request) int {
	n := 512
	parts := func(list []inference.Part) {
		for _, p := range list {
			n += 64
			switch p := p.(type) {
			case inference.Text:
				n += len(p.Text) + len(p.Text)/16
			case inference.Image:
				n += base64.StdEncoding.EncodedLen(len(p.Bytes)) + len(p.URL)
			case inference.Document:
				n += base64.StdEncoding.EncodedLen(len(p.Bytes))
			case inference.Video:
				n += base64.StdEncoding.EncodedLen(len(p.Bytes))
			case inference.Audio:
				n += base64.StdEncoding.EncodedLen(len(p.Bytes))
			case inference.ToolUse:
				n += len(p.Input) + len(p.Input)/8
			}
		}
	}
	parts(req.System)
	for _, m := range req.Messages {
		n += 32
		parts(m.Parts)
	}
	for _, t := range req.Tools {
		n += 128 + len(t.Description) + len(t.Schema)
	}
	return n
}

type requestEncoder struct {
	w       writer
	req     *inference.Request
	f       Flavor
	written []string // members, so that Extra does not write them again
}

func (e *requestEncoder) key(name string) {
	e.w.key(name)
	e.written = append(e.written, name)
}

func (e *requestEncoder) messages() error {
	e.w.raw("[")
	if len(e.req.System) > 0 {
		if err := e.plain("system", e.req.System); err != nil {
			return err
		}
	}
	for i, m := range e.req.Messages {
		var err error
		switch m.Role {
		case inference.RoleSystem:
			err = e.plain("system", m.Parts)
		case inference.RoleAssistant:
			err = e.assistant(m.Parts, i == len(e.req.Messages)-1)
		default:
			err = e.user(m.Parts)
		}
		if err != nil {
			return err
		}
	}
	e.w.raw("]")
	return nil
}

func (e *requestEncoder) open(role string) {
	e.w.comma()
	e.w.raw(`{"role":"`)
	e.w.raw(role)
	e.w.raw(`"`)
}

// plain writes a message of nothing but text.
func (e *requestEncoder) plain(role string, parts []inference.Part) error {
	e.open(role)
	if err := e.content(parts, textOf); err != nil {
		return err
	}
	e.w.raw("}")
	return nil
}

// user writes a user's turn: first what tools answered, a message each, then the
// rest.
func (e *requestEncoder) user(parts []inference.Part) error {
	results := 0
	for _, p := range parts {
		result, ok := p.(inference.ToolResult)
		if !ok {
			continue
		}
		results++
		if result.Kind != "" {
			return unsupported("results of a vendor's own tools")
		}
		for _, p := range result.Content {
			if _, ok := resultText(p); !ok && !e.f.ToolMedia {
				return unsupported("anything but text in the result of a tool")
			}
		}
		e.open("tool")
		e.w.key("tool_call_id")
		e.w.str(result.ID)
		if err := e.content(result.Content, resultText); err != nil {
			return err
		}
		e.w.raw("}")
	}
	if results > 0 {
		rest := make([]inference.Part, 0, len(parts))
		for _, p := range parts {
			switch p.(type) {
			case inference.ToolResult, inference.CachePoint:
			default:
				rest = append(rest, p)
			}
		}
		if len(rest) == 0 {
			return nil
		}
		parts = rest
	}
	e.open("user")
	if err := e.content(parts, textOf); err != nil {
		return err
	}
	e.w.raw("}")
	return nil
}

func (e *requestEncoder) assistant(parts []inference.Part, last bool) error {
	var said []inference.Part
	var thought strings.Builder
	calls := 0
	for _, p := range parts {
		switch p := p.(type) {
		case inference.Reasoning:
			thought.WriteString(p.Text)
		case inference.ToolUse:
			if p.Kind != "" {
				return unsupported("calls of a vendor's own tools")
			}
			calls++
		default:
			said = append(said, p)
		}
	}
	e.open("assistant")
	if thought.Len() > 0 && e.f.ReasoningBack != "" {
		e.w.key(e.f.ReasoningBack)
		e.w.str(thought.String())
	}
	if len(said) == 0 && calls > 0 {
		e.w.key("content")
		e.w.raw("null")
	} else if err := e.content(said, textOf); err != nil {
		return err
	}
	if calls > 0 {
		e.w.key("tool_calls")
		e.w.raw("[")
		for _, p := range parts {
			if call, ok := p.(inference.ToolUse); ok {
				e.w.comma()
				writeCall(&e.w, call)
			}
		}
		e.w.raw("]")
	}
	if last && e.f.Prefill == PrefillPrefix && calls == 0 {
		e.w.key("prefix")
		e.w.raw("true")
	}
	e.w.raw("}")
	return nil
}

// writeCall writes a call of a tool with its arguments as the string they are.
func writeCall(w *writer, call inference.ToolUse) {
	w.raw(`{"id":`)
	w.str(call.ID)
	w.raw(`,"type":"function","function":{"name":`)
	w.str(call.Name)
	w.raw(`,"arguments":`)
	if len(call.Input) == 0 {
		w.raw(`"{}"`)
	} else {
		w.str(string(call.Input))
	}
	w.raw("}}")
}

// textOf returns the text of a part that is nothing else.
func textOf(p inference.Part) (string, bool) {
	switch p := p.(type) {
	case inference.Text:
		return p.Text, true
	case inference.Guarded:
		return p.Text, true
	case inference.Cited:
		return strings.Join(p.Text, ""), true
	}
	return "", false
}

// resultText is textOf for what a tool answered, where a value is its JSON.
func resultText(p inference.Part) (string, bool) {
	if v, ok := p.(inference.JSON); ok {
		return string(v.Value), true
	}
	return textOf(p)
}

// content writes the member: a single text as a string, anything else as a list.
func (e *requestEncoder) content(parts []inference.Part, text func(inference.Part) (string, bool)) error {
	e.w.key("content")
	media := slices.ContainsFunc(parts, func(p inference.Part) bool {
		_, isText := text(p)
		_, isPoint := p.(inference.CachePoint)
		return !isText && !isPoint
	})
	if !media {
		texts := make([]string, 0, 4)
		for _, p := range parts {
			if s, ok := text(p); ok {
				texts = append(texts, s)
			}
		}
		if len(texts) == 0 {
			e.w.raw(`""`)
			return nil
		}
		if len(texts) == 1 || e.f.JoinText {
			e.w.str(strings.Join(texts, "\n"))
			return nil
		}
	}
	e.w.raw("[")
	for _, p := range parts {
		if _, ok := p.(inference.CachePoint); ok {
			continue
		}
		e.w.comma()
		if s, ok := text(p); ok {
			e.w.raw(`{"type":"text","text":`)
			e.w.str(s)
			e.w.raw("}")
		} else if err := e.part(p); err != nil {
			return err
		}
	}
	e.w.raw("]")
	return nil
}

func unsupported(what string) error {
	return fault.New(fault.Unsupported, "The model that serves this request does not read %s.", what)
}

func (e *requestEncoder) part(p inference.Part) error {
	if e.f.NoImages {
		return unsupported("anything but text")
	}
	w := &e.w
	switch p := p.(type) {
	case inference.Image:
		if p.Bytes == nil && !e.links(p.URL) {
			return unsupported("images from where this one is")
		}
		w.raw(`{"type":"image_url","image_url":{"url":`)
		e.link("image/"+p.Format, p.Bytes, p.URL)
		if p.Detail != "" {
			w.key("detail")
			w.str(p.Detail)
		}
		w.raw("}}")
	case inference.Audio:
		if !e.f.Audio || p.Bytes == nil && !e.links(p.URL) {
			return unsupported("audio")
		}
		if p.Bytes == nil {
			w.raw(`{"type":"audio_url","audio_url":{"url":`)
			w.str(p.URL)
		} else {
			w.raw(`{"type":"input_audio","input_audio":{"format":`)
			w.str(p.Format)
			w.raw(`,"data":"`)
			w.b = base64.StdEncoding.AppendEncode(w.b, p.Bytes)
			w.raw(`"`)
		}
		w.raw("}}")
	case inference.Video:
		if !e.f.Video || p.Bytes == nil && !e.links(p.URL) {
			return unsupported("video")
		}
		w.raw(`{"type":"video_url","video_url":{"url":`)
		e.link("video/"+p.Format, p.Bytes, p.URL)
		w.raw("}}")
	case inference.Document:
		media, ok := mediaTypes[p.Format]
		if !e.f.Files || !ok || p.Bytes == nil {
			return unsupported("documents")
		}
		w.raw(`{"type":"file","file":{`)
		if p.Name != "" {
			w.key("filename")
			w.str(p.Name)
		}
		w.key("file_data")
		e.link(media, p.Bytes, "")
		w.raw("}}")
	case inference.SearchResult:
		return unsupported("search results")
	case inference.ToolResult:
		return unsupported("results of tools in this place")
	case inference.ToolUse:
		return unsupported("calls of tools in this place")
	default:
		return unsupported("a part of it")
	}
	return nil
}

// mediaTypes are the media types of the hub's words for documents.
var mediaTypes = func() map[string]string {
	m := make(map[string]string, len(documents))
	for media, format := range documents {
		m[format] = media
	}
	return m
}()

// links reports whether the server is told an address to fetch media from.
func (e *requestEncoder) links(url string) bool {
	return e.f.Links && strings.HasPrefix(url, "https://")
}

// link writes a URL, of the bytes themselves where there are some.
func (e *requestEncoder) link(media string, data []byte, url string) {
	if data == nil {
		e.w.str(url)
		return
	}
	e.w.raw(`"data:`)
	e.w.raw(strings.Map(func(r rune) rune {
		if r == '/' || r == '+' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, media))
	e.w.raw(";base64,")
	e.w.b = base64.StdEncoding.AppendEncode(e.w.b, data)
	e.w.raw(`"`)
}

func (e *requestEncoder) numbers() {
	req := e.req
	if req.MaxTokens > 0 {
		if e.f.MaxCompletionTokens {
			e.key("max_completion_tokens")
		} else {
			e.key("max_tokens")
		}
		e.w.int(int64(req.MaxTokens))
	}
	if req.Temperature != nil {
		e.key("temperature")
		e.w.float(*req.Temperature)
	}
	if req.TopP != nil {
		e.key("top_p")
		e.w.float(*req.TopP)
	}
	if req.TopK != nil && e.f.TopK {
		e.key("top_k")
		e.w.int(int64(*req.TopK))
	}
	if req.Seed != nil {
		e.key("seed")
		e.w.int(int64(*req.Seed))
	}
	stops := 0
	for _, s := range req.StopSequences {
		if s == "" {
			continue
		}
		if stops++; stops == 1 {
			e.key("stop")
			e.w.raw("[")
		}
		e.w.comma()
		e.w.str(s)
	}
	if stops > 0 {
		e.w.raw("]")
	}
}

func (e *requestEncoder) tools() error {
	choice := e.req.ToolChoice
	if len(e.req.Tools) == 0 {
		return nil
	}
	e.key("tools")
	e.w.raw("[")
	wrote := false
	for _, t := range e.req.Tools {
		if choice.Mode == inference.ToolNamed && e.f.AnyForNamed && t.Name != choice.Name {
			continue
		}
		wrote = true
		e.w.comma()
		if err := e.tool(t); err != nil {
			return err
		}
	}
	e.w.raw("]")
	if !wrote {
		return fault.New(fault.Invalid, "The tool that has to be called is not among the tools.")
	}
	switch choice.Mode {
	case inference.ToolAuto, inference.ToolNone:
		e.key("tool_choice")
		e.w.str(string(choice.Mode))
	case inference.ToolAny, inference.ToolNamed:
		e.key("tool_choice")
		switch {
		case choice.Mode == inference.ToolNamed && !e.f.AnyForNamed:
			e.w.raw(`{"type":"function","function":{"name":`)
			e.w.str(choice.Name)
			e.w.raw("}}")
		case e.f.AnyWord != "":
			e.w.str(e.f.AnyWord)
		default:
			e.w.raw(`"required"`)
		}
	}
	if e.req.Parallel != nil && e.f.Parallel {
		e.key("parallel_tool_calls")
		e.w.bool(*e.req.Parallel)
	}
	return nil
}

func (e *requestEncoder) tool(t inference.Tool) error {
	w := &e.w
	if t.Kind != "" {
		if e.req.Dialect != Dialect {
			return fault.New(fault.Unsupported, "The model that serves this request does not have the tool %s.", printable(t.Kind))
		}
		w.raw(`{"type":`)
		w.str(t.Kind)
		_ = members(t.Config, func(key string, value []byte) error {
			if key != "type" {
				w.member(key, value)
			}
			return nil
		})
		w.raw("}")
		return nil
	}
	w.raw(`{"type":"function","function":{"name":`)
	w.str(t.Name)
	if t.Description != "" {
		w.key("description")
		w.str(t.Description)
	}
	if len(t.Schema) > 0 {
		w.key("parameters")
		w.b = append(w.b, t.Schema...)
	}
	if t.Strict != nil {
		w.key("strict")
		w.bool(*t.Strict)
	}
	w.raw("}}")
	return nil
}

func (e *requestEncoder) output() error {
	out := e.req.Output
	if out == nil {
		return nil
	}
	e.key("response_format")
	if len(out.Schema) == 0 {
		e.w.raw(`{"type":"json_object"}`)
		return nil
	}
	if e.f.JSONObject {
		return fault.New(fault.Unsupported, "The model that serves this request cannot be held to a JSON schema.")
	}
	e.w.raw(`{"type":"json_schema","json_schema":{"name":`)
	if out.Name == "" {
		e.w.raw(`"answer"`) // the name is required
	} else {
		e.w.str(out.Name)
	}
	if out.Description != "" {
		e.w.key("description")
		e.w.str(out.Description)
	}
	e.w.key("schema")
	e.w.b = append(e.w.b, out.Schema...)
	if out.Strict != nil {
		e.w.key("strict")
		e.w.bool(*out.Strict)
	}
	e.w.raw("}}")
	return nil
}

// effort is the word for how much to think, made from a budget where only that
// is said.
func effort(r *inference.ReasoningConfig) string {
	switch {
	case r.Effort == "max":
		return "xhigh"
	case r.Effort != "":
		return r.Effort
	case r.Budget == 0:
		return ""
	case r.Budget <= 2048:
		return "low"
	case r.Budget <= 8192:
		return "medium"
	}
	return "high"
}

func (e *requestEncoder) reasoning() {
	r := e.req.Reasoning
	if r == nil || e.f.Reasoning == ReasoningNone {
		return
	}
	off, word := r.Mode == inference.ReasoningOff, effort(r)
	switch e.f.Reasoning {
	case ReasoningThinking:
		if r.Mode == inference.ReasoningDefault && word == "" {
			return
		}
		e.key("thinking")
		if off {
			e.w.raw(`{"type":"disabled"}`)
		} else {
			e.w.raw(`{"type":"enabled"}`)
		}
	case ReasoningObject:
		e.key("reasoning")
		e.w.raw("{")
		switch {
		case off:
			e.w.key("enabled")
			e.w.raw("false")
		case r.Effort == "" && r.Budget > 0:
			e.w.key("max_tokens")
			e.w.int(int64(r.Budget))
		case word != "":
			e.w.key("effort")
			e.w.str(word)
		default:
			e.w.key("enabled")
			e.w.raw("true")
		}
		e.w.raw("}")
	case ReasoningTemplate:
		if off || r.Mode == inference.ReasoningOn {
			if _, own := e.req.Extra["chat_template_kwargs"]; !own || e.req.Dialect != Dialect {
				e.key("chat_template_kwargs")
				e.w.raw(`{"enable_thinking":`)
				e.w.bool(!off)
				e.w.raw("}")
			}
		}
		if word != "" && !off {
			e.key("reasoning_effort")
			e.w.str(word)
		}
	default:
		if off {
			word = "none"
		}
		if word != "" {
			e.key("reasoning_effort")
			e.w.str(word)
		}
	}
}

func (e *requestEncoder) prefill() {
	n := len(e.req.Messages)
	if e.f.Prefill != PrefillContinue || n == 0 || e.req.Messages[n-1].Role != inference.RoleAssistant {
		return
	}
	e.key("add_generation_prompt")
	e.w.raw("false")
	e.key("continue_final_message")
	e.w.raw("true")
}

// notExtra are members that only the encoder writes.
var notExtra = []string{"messages", "model", "n", "stream", "stream_options"}

func (e *requestEncoder) extra() {
	if e.req.Dialect != Dialect {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.req.Extra)) {
		value := e.req.Extra[name]
		if slices.Contains(notExtra, name) || slices.Contains(e.written, name) || !json.Valid(value) {
			continue
		}
		e.w.member(name, value)
	}
}
