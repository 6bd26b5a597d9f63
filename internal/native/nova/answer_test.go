package nova_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/nova"
)

// said is a block of an answer, and what begins a block of a stream.
type said struct {
	Text      *string
	Reasoning *struct {
		ReasoningText   struct{ Text, Signature string }
		RedactedContent []byte
	} `json:"reasoningContent"`
	ToolUse *struct {
		ToolUseID, Name, Type string
		Input                 json.RawMessage
	}
	ToolResult *struct {
		ToolUseID, Status, Type string
		Content                 []said
	}
	JSON  json.RawMessage
	Image *struct {
		Format string
		Source struct{ Bytes []byte }
	}
	Cited *struct {
		Content   []struct{ Text string }
		Citations []source
	} `json:"citationsContent"`
}

// source is a citation.
type source struct {
	Title, Source string
	SourceContent []struct{ Text string }
	Location      map[string]struct {
		DocumentIndex, SearchResultIndex, Start, End int
		URL, Domain                                  string
	}
}

func (c *source) citation() inference.Citation {
	out := inference.Citation{Title: c.Title, Source: c.Source}
	for _, q := range c.SourceContent {
		out.Quotes = append(out.Quotes, q.Text)
	}
	for name, l := range c.Location {
		out.Location = &inference.Location{
			Unit: map[string]inference.LocationUnit{
				"web": inference.LocationWeb, "documentChar": inference.LocationChars, "documentPage": inference.LocationPages,
				"documentChunk": inference.LocationChunks, "searchResultLocation": inference.LocationSearch,
			}[name],
			Document: l.DocumentIndex + l.SearchResultIndex, Start: l.Start, End: l.End, URL: l.URL, Domain: l.Domain,
		}
	}
	return out
}

// input is a tool's: what is no JSON is a string.
func input(raw json.RawMessage) json.RawMessage {
	var broken string
	if json.Unmarshal(raw, &broken) == nil {
		return json.RawMessage(broken)
	}
	return raw
}

func (b *said) part() inference.Part {
	switch {
	case b.Reasoning != nil && b.Reasoning.RedactedContent != nil:
		return inference.Reasoning{Redacted: b.Reasoning.RedactedContent}
	case b.Reasoning != nil:
		return inference.Reasoning{Text: b.Reasoning.ReasoningText.Text, Signature: b.Reasoning.ReasoningText.Signature}
	case b.ToolUse != nil:
		return inference.ToolUse{ID: b.ToolUse.ToolUseID, Name: b.ToolUse.Name, Kind: b.ToolUse.Type, Input: input(b.ToolUse.Input)}
	case b.Image != nil:
		return inference.Image{Format: b.Image.Format, Bytes: b.Image.Source.Bytes}
	case b.JSON != nil:
		return inference.JSON{Value: b.JSON}
	case b.ToolResult != nil:
		r := inference.ToolResult{ID: b.ToolResult.ToolUseID, Kind: b.ToolResult.Type, Status: b.ToolResult.Status != "", Failed: b.ToolResult.Status == "error"}
		for i := range b.ToolResult.Content {
			r.Content = append(r.Content, b.ToolResult.Content[i].part())
		}
		return r
	case b.Cited != nil:
		var c inference.Cited
		for _, t := range b.Cited.Content {
			c.Text = append(c.Text, t.Text)
		}
		for i := range b.Cited.Citations {
			c.Citations = append(c.Citations, b.Cited.Citations[i].citation())
		}
		return c
	case b.Text != nil:
		return inference.Text{Text: *b.Text}
	}
	return nil
}

// counts is the usage of a body and of a stream.
type counts struct {
	InputTokens, OutputTokens, TotalTokens              int
	CacheReadInputTokenCount, CacheWriteInputTokenCount int
}

func (c counts) usage() (inference.Usage, error) {
	u := inference.Usage{InputTokens: c.InputTokens, OutputTokens: c.OutputTokens, CacheReadTokens: c.CacheReadInputTokenCount, CacheWriteTokens: c.CacheWriteInputTokenCount}
	if c.TotalTokens != c.InputTokens+c.OutputTokens+c.CacheReadInputTokenCount+c.CacheWriteInputTokenCount {
		return u, fmt.Errorf("the total of %+v is wrong", c)
	}
	return u, nil
}

func whole(body []byte) (*inference.Answer, error) {
	var in struct {
		Output     struct{ Message struct{ Content []said } }
		StopReason inference.StopReason
		Usage      counts
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	a := &inference.Answer{Reason: in.StopReason}
	for i := range in.Output.Message.Content {
		if p := in.Output.Message.Content[i].part(); p != (inference.Text{}) { // the one of an empty answer
			a.Parts = append(a.Parts, p)
		}
	}
	var err error
	a.Usage, err = in.Usage.usage()
	return a, err
}

// chunks adds the events of a stream up. Texts one after the other are one text:
// the format gives every piece a block of its own. A citation is of the text
// before it.
func chunks(list [][]byte) (*inference.Answer, error) {
	a := &inference.Answer{}
	open := map[int]inference.Part{}
	for _, data := range list {
		var in struct {
			ContentBlockStart *struct {
				Start said
				Index int `json:"contentBlockIndex"`
			}
			ContentBlockDelta *struct {
				Delta struct {
					Text      *string
					Citation  *source
					ToolUse   *struct{ Input string }
					Reasoning *struct {
						Text, Signature string
						RedactedContent []byte
					} `json:"reasoningContent"`
				}
				Index int `json:"contentBlockIndex"`
			}
			ContentBlockStop *struct {
				Index int `json:"contentBlockIndex"`
			}
			MessageStop *struct{ StopReason inference.StopReason }
			Metadata    *struct{ Usage counts }
		}
		if err := json.Unmarshal(data, &in); err != nil {
			return nil, err
		}
		switch {
		case in.ContentBlockStart != nil:
			open[in.ContentBlockStart.Index] = in.ContentBlockStart.Start.part()
		case in.ContentBlockDelta != nil:
			i, d := in.ContentBlockDelta.Index, in.ContentBlockDelta.Delta
			switch block := open[i].(type) {
			case inference.ToolUse:
				block.Input = append(block.Input, d.ToolUse.Input...)
				open[i] = block
			case inference.Reasoning:
				block.Text, block.Signature = block.Text+d.Reasoning.Text, block.Signature+d.Reasoning.Signature
				open[i] = block
			case nil:
				switch {
				case d.Text != nil:
					open[i] = inference.Text{Text: *d.Text}
				case d.Citation != nil:
					open[i] = inference.Cited{Citations: []inference.Citation{d.Citation.citation()}}
				case d.Reasoning != nil:
					open[i] = inference.Reasoning{Text: d.Reasoning.Text, Signature: d.Reasoning.Signature, Redacted: d.Reasoning.RedactedContent}
				}
			}
		case in.ContentBlockStop != nil:
			p, ok := open[in.ContentBlockStop.Index]
			if !ok {
				return nil, fmt.Errorf("block %d ends and never began", in.ContentBlockStop.Index)
			}
			a.Parts = append(a.Parts, p)
		case in.MessageStop != nil:
			a.Reason = in.MessageStop.StopReason
		case in.Metadata != nil:
			var err error
			if a.Usage, err = in.Metadata.Usage.usage(); err != nil {
				return nil, err
			}
		}
	}
	flatten(a)
	return a, nil
}

// flatten leaves of texts and citations what the blocks of a stream tell: the
// text, and behind it who is cited.
func flatten(a *inference.Answer) {
	var parts []inference.Part
	say := func(text string) {
		if last := len(parts) - 1; last >= 0 {
			if before, ok := parts[last].(inference.Text); ok {
				parts[last] = inference.Text{Text: before.Text + text}
				return
			}
		}
		parts = append(parts, inference.Text{Text: text})
	}
	for _, p := range a.Parts {
		switch p := p.(type) {
		case inference.Text:
			say(p.Text)
		case inference.Cited:
			if len(p.Text) > 0 {
				say(strings.Join(p.Text, ""))
			}
			for _, c := range p.Citations {
				parts = append(parts, inference.Cited{Citations: []inference.Citation{c}})
			}
		default:
			parts = append(parts, p)
		}
	}
	a.Parts = parts
}

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, nova.Family{}, model(), nativetest.AnswerForm{Draw: drawAnswer, Whole: whole, Chunks: chunks, Streamed: flatten})
}

func drawAnswer(r nativetest.Random) *inference.Answer {
	a := &inference.Answer{}
	for range r.IntN(6) {
		a.Parts = append(a.Parts, drawBlock(r)...)
	}
	r.CountCached(a)
	r.Stop(a, inference.StopEndTurn, inference.StopMaxTokens, inference.StopSequence, inference.StopFiltered, inference.StopGuardrail)
	a.StopSequence = ""
	switch r.IntN(4) {
	case 0:
		a.Parts, a.Reason = append(a.Parts, r.Calls(3)...), inference.StopToolUse
	case 1:
		a.Parts, a.Reason = append(a.Parts, r.Broken()), inference.StopMalformedTool
	}
	return a
}

func drawBlock(r nativetest.Random) []inference.Part {
	switch r.IntN(7) {
	case 0:
		thought := r.Thought()
		thought.Signature = r.Pick("", "c2lnbmF0dXJl")
		return []inference.Part{thought}
	case 1:
		return []inference.Part{inference.Reasoning{Redacted: r.Bytes()}}
	case 2:
		cited := inference.Cited{Text: []string{r.Text()}}
		for range 1 + r.IntN(3) {
			c := inference.Citation{Title: r.Pick("", r.Text()), Source: r.Pick("", r.Text()), Quotes: r.Texts(2)}
			c.Location = &inference.Location{Document: r.IntN(9), Start: r.IntN(99), End: r.IntN(99)}
			switch r.IntN(6) {
			case 0:
				c.Location.Unit = inference.LocationPages
			case 1:
				c.Location.Unit = inference.LocationChunks
			case 2:
				c.Location.Unit = inference.LocationSearch
			case 3:
				c.Location = &inference.Location{Unit: inference.LocationWeb, URL: "https://example.com/", Domain: "example.com"}
			case 4:
				c.Location = nil
			default:
				c.Location.Unit = inference.LocationChars
			}
			cited.Citations = append(cited.Citations, c)
		}
		return []inference.Part{cited}
	case 3:
		call := r.Call()
		call.Kind = "server_tool_use"
		result := inference.ToolResult{ID: call.ID, Kind: "nova_code_interpreter_result", Content: []inference.Part{
			inference.JSON{Value: json.RawMessage(`{"stdOut":"4\n","exitCode":0}`)}, inference.Text{Text: r.Text()},
		}}
		result.Failed = r.Chance(3)
		result.Status = result.Failed || r.Chance(2)
		return []inference.Part{call, result}
	case 4:
		return []inference.Part{r.Made()}
	}
	return []inference.Part{inference.Text{Text: r.Text()}}
}
