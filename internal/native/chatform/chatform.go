// Package chatform is what the native formats that are shaped like OpenAI's chat
// completions have in common, over package chatcompletions, which translates
// them: reading fields beside a conversation, documents, and the chunks of a
// Bedrock stream, of which the last one has the metrics.
//
// It knows no family. The families check their schemas before they call it.
package chatform

import (
	"bytes"
	"encoding/json"
	"maps"
	"strconv"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Request reads a whole body. Members that the hub has no place for are the
// dialect's. Faults as chatcompletions.DecodeRequest's.
func Request(data []byte, dialect string) (*inference.Request, error) {
	c, err := chatcompletions.DecodeRequest(data)
	if err != nil {
		return nil, err
	}
	speak(c.Request, dialect)
	return c.Request, nil
}

func speak(req *inference.Request, dialect string) {
	req.Dialect = ""
	if len(req.Extra) > 0 {
		req.Dialect = dialect
	}
}

// Merge applies members that stand beside a conversation to a request that has
// one. What they do not say stays as it is.
func Merge(fields json.RawMessage, dialect string, req *inference.Request) error {
	rest := bytes.TrimSpace(fields)
	rest = bytes.TrimSpace(rest[1:]) // behind the brace: the families saw that it is an object
	data := []byte(`{"messages":[{"role":"user","content":"-"}]`)
	if rest[0] != '}' {
		data = append(data, ',')
	}
	c, err := chatcompletions.DecodeRequest(append(data, rest...))
	if err != nil {
		return err
	}
	in := c.Request
	if in.MaxTokens > 0 {
		req.MaxTokens = in.MaxTokens
	}
	set(&req.Temperature, in.Temperature)
	set(&req.TopP, in.TopP)
	set(&req.TopK, in.TopK)
	set(&req.Seed, in.Seed)
	set(&req.Parallel, in.Parallel)
	set(&req.Output, in.Output)
	set(&req.Reasoning, in.Reasoning)
	if in.StopSequences != nil {
		req.StopSequences = in.StopSequences
	}
	req.Tools = append(req.Tools, in.Tools...)
	if in.ToolChoice.Mode != inference.ToolDefault {
		req.ToolChoice = in.ToolChoice
	}
	if len(in.Extra) > 0 {
		if req.Extra == nil {
			req.Extra = make(map[string]json.RawMessage)
		}
		maps.Copy(req.Extra, in.Extra)
		req.Dialect = dialect
	}
	return nil
}

func set[T any](to **T, v *T) {
	if v != nil {
		*to = v
	}
}

// Documents puts passages that the model shall answer from in front of what the
// user said last.
func Documents(req *inference.Request, list []json.RawMessage) {
	if len(list) == 0 {
		return
	}
	for i := len(req.Messages) - 1; i >= 0; i-- {
		if req.Messages[i].Role != inference.RoleUser {
			continue
		}
		parts := make([]inference.Part, 0, len(list)+len(req.Messages[i].Parts))
		for n, raw := range list {
			parts = append(parts, passage(n, raw))
		}
		req.Messages[i].Parts = append(parts, req.Messages[i].Parts...)
		return
	}
}

// passage reads a document: its content, and its metadata in front.
func passage(n int, raw json.RawMessage) inference.Part {
	var d struct {
		Content  string `json:"content"`
		Metadata []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"metadata"`
	}
	_ = body.Into(raw, &d) // the families saw that it is one
	out := inference.SearchResult{Source: "doc_" + strconv.Itoa(n)}
	for _, m := range d.Metadata {
		if m.Key == "title" {
			out.Title = m.Value
			continue
		}
		out.Content = append(out.Content, m.Key+": "+m.Value)
	}
	out.Content = append(out.Content, d.Content)
	return out
}

// Message is the schema of one message.
func Message(roles ...string) *body.Schema {
	text := body.StringOf()
	part := body.ObjectOf(body.Properties{
		"type":      body.StringOf("text", "image_url"),
		"text":      text,
		"image_url": {OneOf: []*body.Schema{body.StringOf(), body.ObjectOf(body.Properties{"url": text, "detail": text}, "url")}},
	}, "type")
	call := body.ObjectOf(body.Properties{
		"id":       text,
		"type":     body.StringOf("function"),
		"index":    {Type: body.TypeInteger},
		"function": body.ObjectOf(body.Properties{"name": text, "arguments": text}, "name", "arguments"),
	}, "function")
	return body.ObjectOf(body.Properties{
		"role":         body.StringOf(roles...),
		"content":      {Null: true, OneOf: []*body.Schema{text, body.ListOf(part)}},
		"tool_calls":   {Type: body.TypeArray, Items: call, Null: true},
		"tool_call_id": text,
		"name":         text,
	}, "role")
}

// Tools is the schema of the tools.
func Tools() *body.Schema {
	return body.ListOf(body.ObjectOf(body.Properties{
		"type": body.StringOf("function"),
		"function": body.ObjectOf(body.Properties{
			"name": {Type: body.TypeString, MinLength: 1}, "description": body.StringOf(), "parameters": body.OpenObject(), "strict": body.BooleanOf(),
		}, "name"),
	}, "type", "function"))
}

// Meta is what an answer of a model says besides its words. Usage is in the last
// chunk of a stream.
func Meta(m native.Model) chatcompletions.Meta {
	out := chatcompletions.Meta{ID: m.NewID("chatcmpl-", 9+24), Model: m.ID, IncludeUsage: true, Native: true}
	if !m.Now.IsZero() {
		out.Created = m.Now.Unix()
	}
	return out
}

// stream holds the last chunk back until the metrics are known.
type stream struct {
	m      native.Model
	chunks *chatcompletions.Stream
	write  func([]byte) error
	over   bool   // no more events come
	held   []byte // the last chunk
}

// NewStream returns a stream of the chunks that chatcompletions writes.
func NewStream(m native.Model, meta chatcompletions.Meta, write func([]byte) error) native.Stream {
	s := &stream{m: m, write: write}
	s.chunks = chatcompletions.NewStream(meta, s.chunk)
	return s
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	_, s.over = ev.(inference.Finished)
	return s.chunks.Event(ev)
}

func (s *stream) chunk(data []byte) error {
	if !s.over {
		return s.write(data)
	}
	if s.held != nil {
		if err := s.write(s.held); err != nil {
			return err
		}
	}
	s.held = bytes.Clone(data)
	return nil
}

// End implements native.Stream.
func (s *stream) End(metrics native.Metrics) error {
	if s.held == nil {
		s.held = []byte("{}")
	}
	data, err := WithMetrics(s.held, metrics.Invocation(s.m))
	if err != nil {
		return err
	}
	return s.write(data)
}

// WithMetrics puts the metrics behind the other members of a chunk.
func WithMetrics(chunk []byte, metrics *native.InvocationMetrics) ([]byte, error) {
	value, err := body.Marshal(metrics)
	if err != nil {
		return nil, err
	}
	out := bytes.TrimSuffix(bytes.TrimSpace(chunk), []byte("}"))
	out = append(make([]byte, 0, len(out)+len(value)+48), out...)
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = append(out, `"amazon-bedrock-invocationMetrics":`...)
	return append(append(out, value...), '}'), nil
}
