package coherechat

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

type answer struct {
	ResponseID   string     `json:"response_id"`
	Text         string     `json:"text"`
	GenerationID string     `json:"generation_id"`
	History      []said     `json:"chat_history"`
	Reason       string     `json:"finish_reason"`
	Citations    []citation `json:"citations,omitempty"`
	ToolCalls    []called   `json:"tool_calls,omitempty"`
	Meta         *meta      `json:"meta,omitempty"`
}

type said struct {
	Role        string     `json:"role"`
	Message     string     `json:"message,omitempty"`
	ToolCalls   []called   `json:"tool_calls,omitempty"`
	ToolResults []returned `json:"tool_results,omitempty"`
}

type called struct {
	Name       string          `json:"name"`
	Parameters json.RawMessage `json:"parameters"`
}

type returned struct {
	Call    called            `json:"call"`
	Outputs []json.RawMessage `json:"outputs"`
}

// citation is a place in the text, in characters, and the documents that it is
// from.
type citation struct {
	Start     int      `json:"start"`
	End       int      `json:"end"`
	Text      string   `json:"text"`
	Documents []string `json:"document_ids"`
}

type meta struct {
	Version struct {
		Version string `json:"version"`
	} `json:"api_version"`
	Billed units `json:"billed_units"`
}

type units struct {
	In  int `json:"input_tokens"`
	Out int `json:"output_tokens"`
}

func finishReason(r inference.StopReason) string {
	switch r {
	case inference.StopMaxTokens:
		return "MAX_TOKENS"
	case inference.StopSequence:
		return "STOP_SEQUENCE"
	case inference.StopContextWindow:
		return "ERROR_LIMIT"
	case inference.StopFiltered, inference.StopGuardrail:
		return "ERROR_TOXIC"
	case inference.StopMalformed, inference.StopMalformedTool:
		return "ERROR"
	}
	return "COMPLETE"
}

// Complete implements native.Family.
func (f Family) Complete(m native.Model, a *inference.Answer) ([]byte, error) {
	return body.Marshal(f.answer(m, body.UUID(m.NewID), a))
}

func (f Family) answer(m native.Model, generation string, a *inference.Answer) answer {
	out := answer{
		ResponseID: body.UUID(m.NewID), Text: a.Text, GenerationID: generation,
		Reason: finishReason(a.Reason), ToolCalls: newCalls(a.ToolUses()),
	}
	offset := 0
	for _, p := range a.Content() {
		switch p := p.(type) {
		case inference.Text:
			offset += utf8.RuneCountInString(p.Text)
		case inference.Cited:
			text := strings.Join(p.Text, "")
			n := utf8.RuneCountInString(text)
			out.Citations = append(out.Citations, f.citation(offset, n, text, p.Citations))
			offset += n
		}
	}
	out.History = append(f.history(), said{Role: "CHATBOT", Message: a.Text, ToolCalls: out.ToolCalls})
	return out
}

// newCalls writes the calls of the caller's tools. Those that a server runs
// itself have no place.
func newCalls(uses []inference.ToolUse) []called {
	var calls []called
	for _, u := range uses {
		if u.Kind == "" {
			calls = append(calls, called{u.Name, body.Value(u.Input)})
		}
	}
	return calls
}

func (f Family) citation(start, n int, text string, from []inference.Citation) citation {
	out := citation{Start: start, End: start + n, Text: text, Documents: []string{}}
	ids := f.documentIDs()
	for _, c := range from {
		switch {
		case c.Source != "":
			out.Documents = append(out.Documents, c.Source)
		case c.Location != nil && c.Location.Document >= 0 && c.Location.Document < len(ids):
			out.Documents = append(out.Documents, ids[c.Location.Document])
		case c.Title != "":
			out.Documents = append(out.Documents, c.Title)
		}
	}
	return out
}

// documentIDs are the names of the documents of the request, in order.
func (f Family) documentIDs() []string {
	if f.req == nil {
		return nil
	}
	var ids []string
	for _, m := range f.req.Messages {
		for _, p := range m.Parts {
			if r, ok := p.(inference.SearchResult); ok {
				ids = append(ids, r.Source)
			}
		}
	}
	return ids
}

// history writes the chat of the request, as the answer repeats it.
func (f Family) history() []said {
	out := []said{}
	if f.req == nil {
		return out
	}
	uses := map[string]inference.ToolUse{}
	for _, m := range f.req.Messages {
		role := map[inference.Role]string{inference.RoleUser: "USER", inference.RoleAssistant: "CHATBOT", inference.RoleSystem: "SYSTEM"}[m.Role]
		turn, results := said{Role: role}, said{Role: "TOOL"}
		for _, p := range m.Parts {
			switch p := p.(type) {
			case inference.Text:
				turn.Message += p.Text
			case inference.ToolUse:
				uses[p.ID] = p
				turn.ToolCalls = append(turn.ToolCalls, newCalls([]inference.ToolUse{p})...)
			case inference.ToolResult:
				r := returned{Call: called{uses[p.ID].Name, body.Value(uses[p.ID].Input)}, Outputs: []json.RawMessage{}}
				for _, c := range p.Content {
					if v, ok := c.(inference.JSON); ok {
						r.Outputs = append(r.Outputs, body.Value(v.Value))
					}
				}
				results.ToolResults = append(results.ToolResults, r)
			}
		}
		if results.ToolResults != nil {
			out = append(out, results)
		}
		if turn.Message != "" || turn.ToolCalls != nil {
			out = append(out, turn)
		}
	}
	return out
}

// The chunks of a stream: each says what it is.
type (
	head struct {
		Finished bool   `json:"is_finished"`
		Event    string `json:"event_type"`
	}
	startChunk struct {
		head
		GenerationID string `json:"generation_id"`
	}
	textChunk struct {
		head
		Text string `json:"text"`
	}
	citationChunk struct {
		head
		Citations []citation `json:"citations"`
	}
	toolChunk struct {
		head
		ToolCalls []called `json:"tool_calls"`
	}
	endChunk struct {
		head
		Reason   string                    `json:"finish_reason"`
		Response answer                    `json:"response"`
		Metrics  *native.InvocationMetrics `json:"amazon-bedrock-invocationMetrics"`
	}
)

type stream struct {
	f          Family
	m          native.Model
	write      func([]byte) error
	generation string
	all        inference.Collector

	// The block of text under way, of which citations speak.
	offset int
	text   string
	from   []inference.Citation
	calls  []inference.ToolUse
}

// Stream implements native.Family. Citations come when their text is whole, and
// the calls of tools all at once, as the real service sends them.
func (f Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return &stream{f: f, m: m, write: write, generation: body.UUID(m.NewID)}
}

// Event implements native.Stream.
func (s *stream) Event(ev inference.Event) error {
	s.all.Add(ev)
	switch ev := ev.(type) {
	case inference.Started:
		return s.send(startChunk{head{Event: "stream-start"}, s.generation})
	case inference.TextDelta:
		s.text += ev.Text
		return s.send(textChunk{head{Event: "text-generation"}, ev.Text})
	case inference.CitationDelta:
		s.from = append(s.from, ev.Citation)
	case inference.ToolStart:
		s.calls = append(s.calls, inference.ToolUse{ID: ev.ID, Name: ev.Name, Kind: ev.Kind})
		return s.leave()
	case inference.ToolDelta:
		if n := len(s.calls); n > 0 {
			s.calls[n-1].Input = append(s.calls[n-1].Input, ev.JSON...)
		}
	case inference.BlockEnd, inference.ReasoningDelta, inference.ToolOutput, inference.ImageBlock:
		return s.leave()
	case inference.Finished:
		if err := s.leave(); err != nil {
			return err
		}
		if calls := newCalls(s.calls); calls != nil {
			return s.send(toolChunk{head{Event: "tool-calls-generation"}, calls})
		}
	}
	return nil
}

// leave ends a block of text.
func (s *stream) leave() error {
	n := utf8.RuneCountInString(s.text)
	text, from, offset := s.text, s.from, s.offset
	s.text, s.from, s.offset = "", nil, offset+n
	if from == nil {
		return nil
	}
	return s.send(citationChunk{head{Event: "citation-generation"}, []citation{s.f.citation(offset, n, text, from)}})
}

// End implements native.Stream: the last chunk has the whole answer once more.
func (s *stream) End(metrics native.Metrics) error {
	a := s.all.Answer()
	last := endChunk{head{Finished: true, Event: "stream-end"}, finishReason(a.Reason), s.f.answer(s.m, s.generation, a), metrics.Invocation(s.m)}
	last.Response.Meta = &meta{Billed: units{a.Usage.InputTokens, a.Usage.OutputTokens}}
	last.Response.Meta.Version.Version = "1"
	return s.send(last)
}

func (s *stream) send(c any) error {
	data, err := body.Marshal(c)
	if err != nil {
		return err
	}
	return s.write(data)
}
