package messages

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// EncodeRequest writes a request for a server that speaks the format. A part that
// the format cannot say is Unsupported. What has no place in it and is no part
// (a seed, the name of an output format) is left out. Extra is written where it
// is of this format.
func EncodeRequest(req *inference.Request, o EncodeOptions) ([]byte, error) {
	var w writer
	w.optional("model", o.Model)
	if !o.Count {
		tokens := req.MaxTokens
		if tokens == 0 {
			tokens = o.MaxTokens
		}
		w.integer("max_tokens", tokens)
	}
	if len(req.System) > 0 {
		if err := encodeSystem(&w, req.System); err != nil {
			return nil, err
		}
	}
	if err := encodeMessages(&w, req); err != nil {
		return nil, err
	}
	if err := encodeTools(&w, req); err != nil {
		return nil, err
	}
	encodeReasoning(&w, req, o)
	if !o.Count {
		encodeSampling(&w, req)
	}
	if req.Dialect == Dialect {
		for _, key := range slices.Sorted(maps.Keys(req.Extra)) {
			if key != "output_config" && (key != "anthropic_beta" || !o.BetasApart) {
				w.raw(key, req.Extra[key])
			}
		}
	}
	if o.Stream && !o.Count {
		w.boolean("stream", true)
	}
	return w.object(), nil
}

func encodeSampling(w *writer, req *inference.Request) {
	if req.Temperature != nil {
		w.float("temperature", *req.Temperature)
	}
	if req.TopP != nil {
		w.float("top_p", *req.TopP)
	}
	if req.TopK != nil {
		w.integer("top_k", *req.TopK)
	}
	if len(req.StopSequences) > 0 {
		w.texts("stop_sequences", req.StopSequences)
	}
}

// budgets are what an effort becomes for models that only know budgets.
var budgets = map[string]int{"minimal": minBudget, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536} //nolint:gochecknoglobals // a constant table

func encodeReasoning(w *writer, req *inference.Request, o EncodeOptions) {
	r := inference.ReasoningConfig{}
	if req.Reasoning != nil {
		r = *req.Reasoning
	}
	if r.Mode == inference.ReasoningDefault && r.Effort != "" && o.NoEffort {
		r.Mode = inference.ReasoningOn
	}
	if r.Mode == inference.ReasoningOn && r.Budget == 0 {
		if r.Budget = budgets[r.Effort]; r.Budget == 0 {
			r.Budget = budgets["medium"]
		}
		tokens := req.MaxTokens
		if tokens == 0 {
			tokens = o.MaxTokens
		}
		// Thinking comes out of max_tokens; half of it is left to the answer.
		r.Budget = min(r.Budget, tokens/2)
		if r.Budget < minBudget {
			r.Mode = inference.ReasoningDefault
		}
	}
	if r.Mode != inference.ReasoningDefault {
		var t writer
		t.text("type", string(r.Mode))
		if r.Mode == inference.ReasoningOn {
			t.integer("budget_tokens", r.Budget)
		}
		t.optional("display", r.Display)
		w.raw("thinking", t.object())
	}
	var out writer
	if r.Effort != "" && !o.NoEffort {
		effort := r.Effort
		if effort == "minimal" {
			effort = "low"
		}
		out.text("effort", effort)
	}
	if req.Output != nil {
		var f writer
		f.text("type", "json_schema")
		schema := req.Output.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object"}`)
		}
		f.raw("schema", schema)
		out.raw("format", f.object())
	}
	if rest, ok := value(req.Extra["output_config"]).object(); ok && req.Dialect == Dialect {
		for _, m := range rest {
			out.raw(m.key, m.value)
		}
	}
	if !out.empty() {
		w.raw("output_config", out.object())
	}
}

func encodeTools(w *writer, req *inference.Request) error {
	if len(req.Tools) == 0 {
		return nil
	}
	tools := make([][]byte, 0, len(req.Tools))
	for i, t := range req.Tools {
		data, err := encodeTool(at("tools", i), t)
		if err != nil {
			return err
		}
		tools = append(tools, data)
	}
	w.list("tools", len(tools), func(b []byte, i int) []byte { return append(b, tools[i]...) })
	mode := req.ToolChoice.Mode
	if mode == inference.ToolDefault {
		if req.Parallel == nil {
			return nil
		}
		mode = inference.ToolAuto
	}
	var c writer
	c.text("type", string(mode))
	if mode == inference.ToolNamed {
		c.text("name", req.ToolChoice.Name)
	}
	if req.Parallel != nil && mode != inference.ToolNone {
		c.boolean("disable_parallel_tool_use", !*req.Parallel)
	}
	w.raw("tool_choice", c.object())
	return nil
}

func encodeTool(path string, t inference.Tool) ([]byte, error) {
	var w writer
	if t.Kind != "" {
		if t.Kind == "system" {
			return nil, fault.New(fault.Unsupported, "%s: the system tool %s is not one of the model's.", path, quote(t.Name))
		}
		w.text("type", t.Kind)
		w.optional("name", t.Name)
	} else {
		w.text("name", t.Name)
		w.optional("description", t.Description)
		schema := t.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object"}`)
		}
		w.raw("input_schema", schema)
		if t.Strict != nil {
			w.boolean("strict", *t.Strict)
		}
	}
	if rest, ok := value(t.Config).object(); ok {
		for _, m := range rest {
			w.raw(m.key, m.value)
		}
	}
	w.cache(t.Cache)
	return w.object(), nil
}

func (w *writer) cache(p *inference.CachePoint) {
	if p == nil {
		return
	}
	var c writer
	c.text("type", "ephemeral")
	c.optional("ttl", p.TTL)
	w.raw("cache_control", c.object())
}

func encodeSystem(w *writer, parts []inference.Part) error {
	blocks, err := encodeParts("system", withoutEmpty(parts))
	if err != nil || len(blocks) == 0 {
		return err
	}
	w.list("system", len(blocks), func(b []byte, i int) []byte { return append(b, blocks[i]...) })
	return nil
}

// encodeMessages writes the turns. Without the beta for them, an instruction in
// the middle becomes the beginning of what the user says next.
func encodeMessages(w *writer, req *inference.Request) error {
	c := Call{}
	if req.Dialect == Dialect {
		c.Betas, _ = texts(value(req.Extra["anthropic_beta"]))
	}
	var turns [][]byte
	var waiting []inference.Part
	turn := func(m inference.Message) error {
		blocks, err := encodeParts(at("messages", len(turns))+".content", withoutEmpty(m.Parts))
		if err != nil || len(blocks) == 0 {
			return err
		}
		var t writer
		t.text("role", string(m.Role))
		t.list("content", len(blocks), func(b []byte, i int) []byte { return append(b, blocks[i]...) })
		turns = append(turns, t.object())
		return nil
	}
	for _, m := range req.Messages {
		switch m.Role {
		case inference.RoleSystem:
			if !c.midSystem() {
				waiting = append(waiting, m.Parts...)
				continue
			}
		case inference.RoleUser:
			m.Parts, waiting = withInstruction(m.Parts, waiting), nil
		case inference.RoleAssistant:
		}
		if err := turn(m); err != nil {
			return err
		}
	}
	if len(waiting) > 0 {
		if err := turn(inference.Message{Role: inference.RoleUser, Parts: waiting}); err != nil {
			return err
		}
	}
	w.list("messages", len(turns), func(b []byte, i int) []byte { return append(b, turns[i]...) })
	return nil
}

// withoutEmpty leaves out texts that say nothing, which other formats have beside
// calls of tools and this one refuses.
func withoutEmpty(parts []inference.Part) []inference.Part {
	empty := func(p inference.Part) bool {
		text, ok := p.(inference.Text)
		return ok && text.Text == ""
	}
	if !slices.ContainsFunc(parts, empty) {
		return parts
	}
	return slices.DeleteFunc(slices.Clone(parts), empty)
}

// withInstruction puts an instruction into a user's turn: at its beginning, but
// behind the results of tools, which have to come first.
func withInstruction(parts, instruction []inference.Part) []inference.Part {
	if len(instruction) == 0 {
		return parts
	}
	behind := 0
	for i, p := range parts {
		if _, ok := p.(inference.ToolResult); ok {
			behind = i + 1
		}
	}
	return slices.Concat(parts[:behind], instruction, parts[behind:])
}

// encodeParts writes blocks; a cache point becomes a member of the one before
// it, and has no place where there is none or where it is no block that can be
// one.
func encodeParts(path string, parts []inference.Part) ([][]byte, error) {
	var blocks [][]byte
	for i, p := range parts {
		if _, ok := p.(inference.CachePoint); ok {
			continue
		}
		var w writer
		if err := encodePart(&w, path, p); err != nil {
			return nil, err
		}
		if w.empty() {
			continue
		}
		if i+1 < len(parts) {
			if next, ok := parts[i+1].(inference.CachePoint); ok {
				w.cache(&next)
			}
		}
		blocks = append(blocks, w.object())
	}
	return blocks, nil
}

func encodePart(w *writer, path string, p inference.Part) error {
	switch p := p.(type) {
	case inference.Text:
		w.text("type", "text")
		w.text("text", p.Text)
	case inference.Guarded:
		w.text("type", "text")
		w.text("text", p.Text)
	case inference.JSON:
		w.text("type", "text")
		w.text("text", string(p.Value))
	case inference.Cited:
		w.text("type", "text")
		w.text("text", strings.Join(p.Text, ""))
		w.list("citations", len(p.Citations), func(b []byte, i int) []byte { return append(b, writeCitation(p.Citations[i])...) })
	case inference.Reasoning:
		if p.Redacted != nil {
			w.text("type", "redacted_thinking")
			w.text("data", redactedText(p.Redacted))
			return nil
		}
		w.text("type", "thinking")
		w.text("thinking", p.Text)
		w.text("signature", p.Signature)
	case inference.Image:
		return encodeImage(w, path, p)
	case inference.Document:
		return encodeDocument(w, path, p)
	case inference.SearchResult:
		encodeSearchResult(w, p)
	case inference.ToolUse:
		kind := p.Kind
		if kind == "" {
			kind = "tool_use"
		}
		w.text("type", kind)
		w.text("id", p.ID)
		w.text("name", p.Name)
		w.raw("input", toolInput(p.Input))
	case inference.ToolResult:
		return encodeToolResult(w, path, p)
	case inference.Video:
		return unsupportedPart(path, "video")
	case inference.Audio:
		return unsupportedPart(path, "audio")
	default:
		return unsupportedPart(path, "a part of this kind")
	}
	return nil
}

func unsupportedPart(path, what string) error {
	return fault.New(fault.Unsupported, "%s: the model that serves this model ID does not take %s.", path, what)
}

// toolInput makes what a model wrote as a tool's input an object. What is none
// is told in the way that the vendor asks for.
func toolInput(input json.RawMessage) []byte {
	if len(input) == 0 {
		return []byte("{}")
	}
	if isObject(input) {
		return value(input)
	}
	var w writer
	w.text("INVALID_JSON", string(input))
	return w.object()
}

func encodeImage(w *writer, path string, p inference.Image) error {
	var s writer
	switch {
	case p.Bytes != nil:
		s.text("type", "base64")
		s.text("media_type", "image/"+p.Format)
		s.base64("data", p.Bytes)
	case strings.HasPrefix(p.URL, "https://"):
		s.text("type", "url")
		s.text("url", p.URL)
	default:
		return unsupportedPart(path, "images that are not in the request or at an https: address")
	}
	w.text("type", "image")
	w.raw("source", s.object())
	return nil
}

func encodeDocument(w *writer, path string, d inference.Document) error {
	var s writer
	switch {
	case d.Content != nil:
		s.text("type", "content")
		s.list("content", len(d.Content), func(b []byte, i int) []byte {
			var t writer
			t.text("type", "text")
			t.text("text", d.Content[i])
			return append(b, t.object()...)
		})
	case d.Text != "":
		s.text("type", "text")
		s.text("media_type", "text/plain")
		s.text("data", d.Text)
	case d.Bytes != nil && d.Format == "pdf":
		s.text("type", "base64")
		s.text("media_type", "application/pdf")
		s.base64("data", d.Bytes)
	case d.Bytes != nil && slices.Contains([]string{"txt", "md", "csv", "html"}, d.Format) && utf8.Valid(d.Bytes):
		s.text("type", "text")
		s.text("media_type", "text/plain")
		s.text("data", string(d.Bytes))
	case strings.HasPrefix(d.URL, "https://"):
		s.text("type", "url")
		s.text("url", d.URL)
	case d.URL != "":
		return unsupportedPart(path, "documents that are not in the request or at an https: address")
	default:
		return unsupportedPart(path, "documents of the format "+quote(d.Format))
	}
	w.text("type", "document")
	w.raw("source", s.object())
	w.optional("title", d.Name)
	w.optional("context", d.Context)
	if d.Citations {
		w.raw("citations", []byte(`{"enabled":true}`))
	}
	return nil
}

func encodeSearchResult(w *writer, r inference.SearchResult) {
	w.text("type", "search_result")
	w.text("source", r.Source)
	w.text("title", r.Title)
	w.list("content", len(r.Content), func(b []byte, i int) []byte {
		var t writer
		t.text("type", "text")
		t.text("text", r.Content[i])
		return append(b, t.object()...)
	})
	if r.Citations != nil {
		var c writer
		c.boolean("enabled", *r.Citations)
		w.raw("citations", c.object())
	}
}

func encodeToolResult(w *writer, path string, r inference.ToolResult) error {
	if r.Kind != "" {
		w.text("type", r.Kind)
		w.text("tool_use_id", r.ID)
		if len(r.Content) == 1 {
			if content, ok := r.Content[0].(inference.JSON); ok {
				w.raw("content", content.Value)
				if r.Status {
					w.boolean("is_error", r.Failed)
				}
				return nil
			}
		}
	} else {
		w.text("type", "tool_result")
		w.text("tool_use_id", r.ID)
	}
	blocks, err := encodeParts(path, r.Content)
	if err != nil {
		return err
	}
	if len(blocks) > 0 {
		w.list("content", len(blocks), func(b []byte, i int) []byte { return append(b, blocks[i]...) })
	}
	if r.Status || r.Failed {
		w.boolean("is_error", r.Failed)
	}
	return nil
}
