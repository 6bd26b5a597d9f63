package nativetest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// AnswerForm is what a family's answers can say, and how somebody reads them
// who knows nothing of the family's code.
type AnswerForm struct {
	// Draw makes an answer of what the format has a place for, and of nothing
	// else. Random's methods make its pieces.
	Draw func(r Random) *inference.Answer
	// Whole reads a body, and Chunks the chunks of a stream.
	Whole  func(body []byte) (*inference.Answer, error)
	Chunks func(chunks [][]byte) (*inference.Answer, error)
	// Seen and Streamed change an answer to what a body and the chunks say of it,
	// where that is not all; nil: it is.
	Seen, Streamed func(a *inference.Answer)
}

// RoundTripAnswers holds that nothing of an answer is lost: answers that form
// draws, written whole and as a stream in pieces of any size, are read back the
// same, and so the stream says what the whole answer says.
func RoundTripAnswers(t *testing.T, f native.Family, m native.Model, form AnswerForm) {
	t.Helper()
	for seed := range uint64(bodies) {
		// Drawn twice, so that nobody can change what is compared with.
		draw := func() *inference.Answer {
			a := form.Draw(NewRandom(seed))
			for _, p := range a.Parts {
				switch p := p.(type) {
				case inference.Text:
					a.Text += p.Text
				case inference.Cited:
					a.Text += strings.Join(p.Text, "")
				}
			}
			return a
		}
		body, err := f.Complete(m, draw())
		if err != nil {
			t.Fatalf("got %v for the answer of seed %d, want it written:\n%+v", err, seed, draw())
		}
		got, err := form.Whole(body)
		if err != nil {
			t.Fatalf("got %v for the body of seed %d, want it read:\n%s", err, seed, body)
		}
		want := draw()
		if form.Seen != nil {
			form.Seen(want)
		}
		if diff := SameAnswer(want, got); diff != "" {
			t.Fatalf("the answer of seed %d came back different (-want +got):\n%s\n%s", seed, diff, body)
		}

		r := NewRandom(seed + bodies)
		var chunks [][]byte
		s := f.Stream(m, func(chunk []byte) error {
			chunks = append(chunks, bytes.Clone(chunk))
			return nil
		})
		a := draw()
		for _, ev := range r.events(a) {
			if err := s.Event(ev); err != nil {
				t.Fatalf("got %v for an event of seed %d, want it written: %+v", err, seed, ev)
			}
		}
		metrics := native.Metrics{
			InputTokens: a.Usage.InputTokens, OutputTokens: a.Usage.OutputTokens, CacheRead: a.Usage.CacheReadTokens, CacheWrite: a.Usage.CacheWriteTokens,
			Latency: 45 * time.Millisecond, FirstByteLatency: 7 * time.Millisecond,
		}
		if err := s.End(metrics); err != nil {
			t.Fatal(err)
		}
		want = draw()
		if form.Streamed != nil {
			form.Streamed(want)
		}
		all := bytes.Join(chunks, []byte("\n"))
		got, err = form.Chunks(chunks)
		if err != nil {
			t.Fatalf("got %v for the chunks of seed %d, want them read:\n%s", err, seed, all)
		}
		if diff := SameAnswer(want, got); diff != "" {
			t.Fatalf("the stream of seed %d came back different (-want +got):\n%s\n%s", seed, diff, all)
		}
		measured(t, metrics, chunks[len(chunks)-1])
	}
}

// measured holds what the last chunk says of the call.
func measured(t *testing.T, want native.Metrics, last []byte) {
	t.Helper()
	var got struct {
		Metrics struct{ InputTokenCount, OutputTokenCount, InvocationLatency, FirstByteLatency int } `json:"amazon-bedrock-invocationMetrics"`
	}
	if err := json.Unmarshal(last, &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Metrics; m.InputTokenCount != want.InputTokens || m.OutputTokenCount != want.OutputTokens || m.InvocationLatency != 45 || m.FirstByteLatency != 7 {
		t.Errorf("got the metrics %+v, want %+v", m, want)
	}
}

// SameAnswer compares what answers say. Of raw JSON it compares every byte but
// the white space.
func SameAnswer(want, got *inference.Answer) string {
	for _, a := range []*inference.Answer{want, got} {
		if len(a.Parts) == 0 {
			a.Parts = nil
		}
		if len(a.Extra) == 0 {
			a.Extra = nil
		}
	}
	raw := cmp.Comparer(func(a, b json.RawMessage) bool {
		var x, y bytes.Buffer
		if json.Compact(&x, a) != nil || json.Compact(&y, b) != nil {
			return bytes.Equal(a, b)
		}
		return x.String() == y.String()
	})
	return cmp.Diff(want, got, raw, cmpopts.IgnoreFields(inference.Answer{}, "Model", "Text"))
}

// events are an answer as a backend streams it: in pieces of any size, with or
// without what it can leave out.
func (r Random) events(a *inference.Answer) []inference.Event {
	started := inference.Started{Model: "mem"}
	if r.Chance(2) {
		started.InputTokens = a.Usage.InputTokens
	}
	events := []inference.Event{started}
	add := func(ev inference.Event) { events = append(events, ev) }
	text := func(s string) {
		r.cut(s, func(s string) { add(inference.TextDelta{Text: s, OutputTokens: len(events)}) })
	}
	for _, p := range a.Parts {
		switch p := p.(type) {
		case inference.Text:
			text(p.Text)
		case inference.Cited:
			for _, c := range p.Citations[:len(p.Citations)/2] {
				add(inference.CitationDelta{Citation: c})
			}
			text(strings.Join(p.Text, ""))
			for _, c := range p.Citations[len(p.Citations)/2:] {
				add(inference.CitationDelta{Citation: c})
			}
		case inference.Reasoning:
			if p.Redacted != nil {
				add(inference.ReasoningDelta{Redacted: p.Redacted})
				continue
			}
			r.cut(p.Text, func(s string) { add(inference.ReasoningDelta{Text: s}) })
			if p.Signature != "" {
				add(inference.ReasoningDelta{Signature: p.Signature})
			}
		case inference.ToolUse:
			add(inference.ToolStart{ID: p.ID, Name: p.Name, Kind: p.Kind})
			if string(p.Input) != "{}" || r.Chance(2) {
				r.cut(string(p.Input), func(s string) { add(inference.ToolDelta{JSON: s}) })
			}
		case inference.ToolResult:
			add(inference.ToolOutput{Result: p})
			continue
		case inference.Image:
			add(inference.ImageBlock{Image: p})
			continue
		}
		add(inference.BlockEnd{})
	}
	return append(events, inference.Finished{Reason: a.Reason, StopSequence: a.StopSequence, Usage: a.Usage, Extra: a.Extra})
}

// cut gives a text in pieces of whole characters.
func (r Random) cut(text string, add func(string)) {
	for runes := []rune(text); len(runes) > 0; {
		n := 1 + r.IntN(len(runes))
		add(string(runes[:n]))
		runes = runes[n:]
	}
}

// Stop ends an answer for one of the reasons; a stop sequence has its words.
func (r Random) Stop(a *inference.Answer, reasons ...inference.StopReason) {
	a.Reason = reasons[r.IntN(len(reasons))]
	if a.Reason == inference.StopSequence {
		a.StopSequence = r.Text()
	}
}

// Count fills in what was counted: always less than four digits.
func (r Random) Count(a *inference.Answer) {
	a.Usage.InputTokens, a.Usage.OutputTokens = 1+r.IntN(999), 1+r.IntN(999)
}

// CountCached is Count for the formats that tell what a cache did.
func (r Random) CountCached(a *inference.Answer) {
	r.Count(a)
	if r.Chance(2) {
		a.Usage.CacheReadTokens, a.Usage.CacheWriteTokens = r.IntN(999), r.IntN(999)
	}
}

// Thought is a block of reasoning.
func (r Random) Thought() inference.Reasoning { return inference.Reasoning{Text: r.Text()} }

// Call is a call of a tool: now and then of one that takes nothing, and with
// numbers, blanks and members in an order that a decoder would change.
func (r Random) Call() inference.ToolUse {
	input := `{}`
	switch r.IntN(3) {
	case 0:
		input = `{"z":2.50,"a":[1e3,null,12345678901234567890],"ü":"<&>\u2028 \" 日本","a":{}}`
	case 1:
		data, err := json.Marshal(r.Object())
		if err == nil {
			input = string(data)
		}
	}
	return inference.ToolUse{ID: "tooluse_" + r.Name(), Name: r.Name(), Input: json.RawMessage(input)}
}

// Broken is a call whose input is no JSON object, as models make them.
func (r Random) Broken() inference.ToolUse {
	call := r.Call()
	call.Input = json.RawMessage(r.Pick(`{"city":`, `{"a":1}}`, `weather in Bern`, `{"a":"`+"\n"+`"}`))
	return call
}

// Calls are up to n calls, one at least, of different names and IDs.
func (r Random) Calls(n int) []inference.Part {
	var calls []inference.Part
	seen := make(map[string]bool)
	for range 1 + r.IntN(n) {
		if c := r.Call(); !seen[c.ID] {
			seen[c.ID] = true
			calls = append(calls, c)
		}
	}
	return calls
}

// Served is a tool that the server ran, and what it answered.
func (r Random) Served() []inference.Part {
	call := r.Call()
	call.Kind = "server_tool_use"
	return []inference.Part{call, inference.ToolResult{ID: call.ID, Kind: "web_search_tool_result", Content: []inference.Part{inference.JSON{Value: json.RawMessage(`[]`)}}}}
}

// Hidden leaves out what Served made, for formats that have no place for it.
func Hidden(a *inference.Answer) {
	a.Parts = slices.DeleteFunc(a.Parts, func(p inference.Part) bool {
		call, isCall := p.(inference.ToolUse)
		_, isResult := p.(inference.ToolResult)
		return isCall && call.Kind != "" || isResult
	})
}

// Made is an image that a model made.
func (r Random) Made() inference.Image { return inference.Image{Format: "png", Bytes: r.PNG()} }

// Decoder is what backends read the chunks of a stream with.
type Decoder interface {
	Chunk(data []byte) error
	End() error
}

// Decoded is the form of answers that a backend's decoder reads, without Draw.
func Decoded(whole func(body []byte, emit func(inference.Event) error) error, stream func(emit func(inference.Event) error) Decoder) AnswerForm {
	return AnswerForm{
		Whole: func(body []byte) (*inference.Answer, error) {
			return collected(func(emit func(inference.Event) error) error { return whole(body, emit) })
		},
		Chunks: func(chunks [][]byte) (*inference.Answer, error) {
			return collected(func(emit func(inference.Event) error) error {
				d := stream(emit)
				for _, chunk := range chunks {
					if err := d.Chunk(chunk); err != nil {
						return err
					}
				}
				return d.End()
			})
		},
	}
}

// collected adds up the events that a decoder emits.
func collected(read func(emit func(inference.Event) error) error) (*inference.Answer, error) {
	var c inference.Collector
	err := read(func(ev inference.Event) error {
		c.Add(ev)
		return nil
	})
	return c.Answer(), err
}

// Plain is the form of the families whose answers are a text and why it ended.
type Plain struct {
	Reasons map[string]inference.StopReason // by the family's words
	// Counted: the answer says how many tokens it was; Sequenced: and which stop
	// sequence ended it.
	Counted, Sequenced bool
	// Read reads a body or a chunk: its text, its reason, and what else it says
	// into a.
	Read func(data []byte, a *inference.Answer) (text, reason string, err error)
}

// Form returns the form.
func (p Plain) Form() AnswerForm {
	read := func(data ...[]byte) (*inference.Answer, error) {
		a := &inference.Answer{}
		for _, d := range data {
			text, reason, err := p.Read(d, a)
			if err != nil {
				return nil, err
			}
			a.Text += text
			if reason != "" {
				a.Reason = p.Reasons[reason]
			}
		}
		if a.Text != "" {
			a.Parts = []inference.Part{inference.Text{Text: a.Text}}
		}
		return a, nil
	}
	reasons := slices.Sorted(maps.Values(p.Reasons))
	return AnswerForm{
		Draw: func(r Random) *inference.Answer {
			a := &inference.Answer{}
			if !r.Chance(5) {
				a.Parts = []inference.Part{inference.Text{Text: r.Text()}}
			}
			if r.Stop(a, reasons...); !p.Sequenced {
				a.StopSequence = ""
			}
			if p.Counted {
				r.Count(a)
			}
			return a
		},
		Whole:  func(body []byte) (*inference.Answer, error) { return read(body) },
		Chunks: func(chunks [][]byte) (*inference.Answer, error) { return read(chunks...) },
	}
}
