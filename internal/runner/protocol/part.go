package protocol

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Part is a part of a message as it travels. One of its members is set; none is
// an empty text.
type Part struct {
	Text      string               `json:"text,omitempty"`
	JSON      json.RawMessage      `json:"json,omitempty"`
	Use       *inference.ToolUse   `json:"use,omitempty"`
	Result    *Result              `json:"result,omitempty"`
	Reasoning *inference.Reasoning `json:"reasoning,omitempty"`
	Cache     time.Duration        `json:"cache,omitempty"` // a cache point: how long it is worth keeping
}

// Result is what a tool answered.
type Result struct {
	ID      string `json:"id"`
	Content []Part `json:"content"`
	Failed  bool   `json:"failed,omitempty"`
}

// Pack brings parts into the form that travels. What the engine cannot read is
// Unsupported.
func Pack(parts []inference.Part) ([]Part, error) {
	var out []Part
	for _, p := range parts {
		var packed Part
		switch p := p.(type) {
		case inference.Text:
			packed.Text = p.Text
		case inference.Guarded:
			packed.Text = p.Text
		case inference.Cited:
			packed.Text = strings.Join(p.Text, "")
		case inference.JSON:
			packed.JSON = valid(p.Value)
		case inference.CachePoint:
			packed.Cache = lifetime(p.TTL)
		case inference.ToolUse:
			if p.Kind != "" {
				return nil, unreadable("calls of " + p.Kind)
			}
			p.Input = valid(p.Input)
			packed.Use = &p
		case inference.Reasoning:
			if p.Redacted != nil {
				return nil, unreadable("redacted reasoning")
			}
			packed.Reasoning = &p
		case inference.SearchResult:
			packed.Text = searchResult(p)
		case inference.ToolResult:
			content, err := Pack(p.Content)
			if err != nil {
				return nil, err
			}
			packed.Result = &Result{ID: p.ID, Content: content, Failed: p.Failed}
		default:
			return nil, unreadable(nameOf(p))
		}
		out = append(out, packed)
	}
	return out, nil
}

// valid is a value as it is, or what is no JSON as a text: a model may have
// written it.
func valid(raw json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("{}")
	}
	if json.Valid(raw) {
		return raw
	}
	text, err := json.Marshal(string(raw))
	if err != nil {
		return json.RawMessage(`""`) // a text can always be written
	}
	return text
}

// searchResult is a passage as a model reads it.
func searchResult(p inference.SearchResult) string {
	return strings.TrimSpace(p.Title + "\n" + p.Source + "\n" + strings.Join(p.Content, "\n"))
}

func nameOf(p inference.Part) string {
	switch p.(type) {
	case inference.Image:
		return "images"
	case inference.Document:
		return "documents"
	case inference.Video:
		return "video"
	case inference.Audio:
		return "audio"
	}
	return "other parts than text"
}

func unreadable(what string) error {
	return fault.New(fault.Unsupported, "The model that serves this request reads only text, tool calls and their results, not %s.", what)
}

// Unpack is the opposite of Pack.
func Unpack(parts []Part) []inference.Part {
	var out []inference.Part
	for _, p := range parts {
		switch {
		case p.Cache > 0:
			out = append(out, inference.CachePoint{})
		case p.Use != nil:
			out = append(out, *p.Use)
		case p.Result != nil:
			out = append(out, inference.ToolResult{ID: p.Result.ID, Content: Unpack(p.Result.Content), Failed: p.Result.Failed})
		case p.Reasoning != nil:
			out = append(out, *p.Reasoning)
		case p.JSON != nil:
			out = append(out, inference.JSON{Value: p.JSON})
		default:
			out = append(out, inference.Text{Text: p.Text})
		}
	}
	return out
}

// size is how many bytes of text a part has at least, whatever a template does
// with it.
func size(parts []Part) int {
	n := 0
	for _, p := range parts {
		switch {
		case p.Result != nil:
			n += size(p.Result.Content)
		default:
			n += len(strings.TrimSpace(p.Text))
		}
	}
	return n
}

// lifetime is what a cache point's time to live says.
func lifetime(ttl string) time.Duration {
	if ttl == "1h" {
		return time.Hour
	}
	return 5 * time.Minute
}

// Keep is how long what stands before the request's cache points is worth
// keeping; 0 when it has none.
func (g *Generate) Keep() time.Duration {
	var keep time.Duration
	look := func(parts []Part) {
		for _, p := range parts {
			keep = max(keep, p.Cache)
		}
	}
	look(g.System)
	for _, m := range g.Messages {
		look(m.Parts)
	}
	for _, tool := range g.Tools {
		if tool.Cache != nil {
			keep = max(keep, lifetime(tool.Cache.TTL))
		}
	}
	return keep
}

// HasCachePoint reports whether the request has a cache point.
func (g *Generate) HasCachePoint() bool { return g.Keep() > 0 }
