package scripted

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/outcrop/outcrop/internal/inference"
)

// This file writes the hub's requests and answers as JSON, for those who read
// back what was asked. Images and files are told by their length and digest.

// maxRequest is the most that is kept of one request.
const maxRequest = 1 << 20

func bounded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil || len(b) > maxRequest {
		b = fmt.Appendf(nil, `{"truncated":true,"bytes":%d}`, len(b))
	}
	return b
}

type jsonRequest struct {
	Model         string                     `json:"model"`
	System        []any                      `json:"system,omitempty"`
	Messages      []jsonMessage              `json:"messages"`
	Prompt        string                     `json:"prompt,omitempty"`
	Tools         []jsonTool                 `json:"tools,omitempty"`
	ToolChoice    map[string]string          `json:"toolChoice,omitempty"`
	Parallel      *bool                      `json:"parallelToolCalls,omitempty"`
	Output        map[string]any             `json:"output,omitempty"`
	Reasoning     map[string]any             `json:"reasoning,omitempty"`
	MaxTokens     int                        `json:"maxTokens,omitempty"`
	Temperature   *float64                   `json:"temperature,omitempty"`
	TopP          *float64                   `json:"topP,omitempty"`
	TopK          *int                       `json:"topK,omitempty"`
	Seed          *uint32                    `json:"seed,omitempty"`
	StopSequences []string                   `json:"stopSequences,omitempty"`
	Extra         map[string]json.RawMessage `json:"extra,omitempty"`
	Dialect       string                     `json:"dialect,omitempty"`
}

type jsonMessage struct {
	Role    inference.Role `json:"role"`
	Content []any          `json:"content"`
}

type jsonTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
	Kind        string          `json:"kind,omitempty"`
	Config      json.RawMessage `json:"config,omitempty"`
	Cache       bool            `json:"cachePoint,omitempty"`
}

func encodeRequest(r *inference.Request) []byte {
	out := jsonRequest{
		Model: r.Model, System: encodeParts(r.System), Messages: make([]jsonMessage, 0, len(r.Messages)),
		Parallel: r.Parallel, MaxTokens: r.MaxTokens, Temperature: r.Temperature, TopP: r.TopP, TopK: r.TopK, Seed: r.Seed,
		StopSequences: r.StopSequences, Extra: r.Extra, Dialect: r.Dialect,
	}
	for _, m := range r.Messages {
		out.Messages = append(out.Messages, jsonMessage{m.Role, encodeParts(m.Parts)})
	}
	if r.Prompt != nil {
		out.Prompt = r.Prompt.Text
	}
	for _, t := range r.Tools {
		out.Tools = append(out.Tools, jsonTool{t.Name, t.Description, valid(t.Schema), t.Strict, t.Kind, valid(t.Config), t.Cache != nil})
	}
	if c := r.ToolChoice; c.Mode != inference.ToolDefault {
		out.ToolChoice = map[string]string{"mode": string(c.Mode)}
		if c.Name != "" {
			out.ToolChoice["name"] = c.Name
		}
	}
	if o := r.Output; o != nil {
		out.Output = compact(map[string]any{"name": o.Name, "description": o.Description, "schema": valid(o.Schema), "strict": o.Strict})
	}
	if c := r.Reasoning; c != nil {
		out.Reasoning = compact(map[string]any{"mode": string(c.Mode), "budget": c.Budget, "effort": c.Effort, "display": c.Display})
	}
	return bounded(out)
}

// valid leaves out what is no JSON, which could not be written.
func valid(v json.RawMessage) json.RawMessage {
	if len(v) == 0 || json.Valid(v) {
		return v
	}
	return quote(string(v))
}

// compact leaves out empty members.
func compact(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(m, k)
			}
		case int:
			if v == 0 {
				delete(m, k)
			}
		case json.RawMessage:
			if len(v) == 0 {
				delete(m, k)
			}
		case *bool:
			if v == nil {
				delete(m, k)
			}
		case bool:
			if !v {
				delete(m, k)
			}
		case []any:
			if len(v) == 0 {
				delete(m, k)
			}
		case []string:
			if len(v) == 0 {
				delete(m, k)
			}
		case map[string]any:
			if v == nil {
				delete(m, k)
			}
		}
	}
	return m
}

func encodeParts(parts []inference.Part) []any {
	out := make([]any, 0, len(parts))
	for _, p := range parts {
		out = append(out, encodePart(p))
	}
	return out
}

func encodePart(p inference.Part) any {
	one := func(kind string, m map[string]any) any {
		compact(m)
		m["type"] = kind
		return m
	}
	switch p := p.(type) {
	case inference.Text:
		return map[string]any{"type": "text", "text": p.Text}
	case inference.Guarded:
		return one("guarded", map[string]any{"text": p.Text, "qualifiers": p.Qualifiers})
	case inference.Image:
		return one("image", map[string]any{"format": p.Format, "url": p.URL, "content": digest(p.Bytes)})
	case inference.Document:
		return one("document", map[string]any{
			"format": p.Format, "name": p.Name, "context": p.Context, "citations": p.Citations, "text": p.Text, "passages": p.Content, "url": p.URL, "content": digest(p.Bytes),
		})
	case inference.Video:
		return one("video", map[string]any{"format": p.Format, "url": p.URL, "content": digest(p.Bytes)})
	case inference.Audio:
		return one("audio", map[string]any{"format": p.Format, "url": p.URL, "content": digest(p.Bytes)})
	case inference.ToolUse:
		return one("toolUse", map[string]any{"id": p.ID, "name": p.Name, "input": valid(p.Input), "kind": p.Kind})
	case inference.ToolResult:
		return one("toolResult", map[string]any{"id": p.ID, "content": encodeParts(p.Content), "failed": p.Failed, "kind": p.Kind})
	case inference.JSON:
		return one("json", map[string]any{"value": valid(p.Value)})
	case inference.Reasoning:
		return one("reasoning", map[string]any{"text": p.Text, "signature": p.Signature, "redacted": digest(p.Redacted)})
	case inference.CachePoint:
		return one("cachePoint", map[string]any{"ttl": p.TTL})
	case inference.Cited:
		citations := make([]any, 0, len(p.Citations))
		for _, c := range p.Citations {
			citations = append(citations, compact(map[string]any{"title": c.Title, "source": c.Source, "quotes": c.Quotes}))
		}
		return one("cited", map[string]any{"text": p.Text, "citations": citations})
	case inference.SearchResult:
		return one("searchResult", map[string]any{"source": p.Source, "title": p.Title, "text": p.Content})
	}
	return one("unknown", map[string]any{})
}

func digest(b []byte) map[string]any {
	if len(b) == 0 {
		return nil
	}
	sum := sha256.Sum256(b)
	return map[string]any{"bytes": len(b), "sha256": hex.EncodeToString(sum[:])}
}

func encodeEmbed(r *inference.EmbedRequest) []byte {
	images := make([]any, 0, len(r.Images))
	for _, image := range r.Images {
		images = append(images, encodePart(image))
	}
	m := compact(map[string]any{"purpose": r.Purpose, "dimensions": r.Dimensions, "truncate": r.Truncate, "images": images})
	m["model"], m["texts"] = r.Model, r.Texts
	return bounded(m)
}

func encodeRerank(r *inference.RerankRequest) []byte {
	return bounded(map[string]any{"model": r.Model, "query": r.Query, "documents": r.Documents})
}

// encodeAnswer writes what was answered.
func encodeAnswer(a *inference.Answer) json.RawMessage {
	m := map[string]any{"content": encodeParts(a.Content())}
	if a.Reason != "" {
		m["stopReason"] = string(a.Reason)
		usage := compact(map[string]any{"cacheRead": a.Usage.CacheReadTokens, "cacheWrite": a.Usage.CacheWriteTokens, "reasoning": a.Usage.ReasoningTokens})
		usage["input"], usage["output"] = a.Usage.InputTokens, a.Usage.OutputTokens
		m["usage"] = usage
	}
	if a.StopSequence != "" {
		m["stopSequence"] = a.StopSequence
	}
	return bounded(m)
}
