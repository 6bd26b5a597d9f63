package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// steered notes what a sequence does with its sampler.
type steered struct{ notes []string }

func (s *steered) Sample(int) llama.Token { return 0 }
func (s *steered) Force(llama.Token) bool { return true }
func (s *steered) Close()                 {}
func (s *steered) Release()               { s.notes = append(s.notes, "free") }

func (s *steered) Constrain(text string) error {
	root, _, _ := strings.Cut(text, "\n")
	s.notes = append(s.notes, root)
	return nil
}

// words are a vocabulary of which each token is a text.
type words []string

func (w words) Piece(dst []byte, t llama.Token) []byte { return append(dst, w[t]...) }
func (w words) EndsGeneration(llama.Token) bool        { return false }

// A call of the model's own choice is kept in its form from the token on with
// which its mark is whole, and only until it is over.
func TestCallsAreSteered(t *testing.T) {
	t.Parallel()
	tools := []inference.Tool{{Name: "now"}, {Name: "weather", Schema: []byte(`{"type": "object", "properties": {"city": {"type": "string"}}}`)}}
	const calls = `(call-2 | call-`
	for name, tc := range map[string]struct {
		template string
		tokens   words
		want     []string
	}{
		"text alone":           {"<tool_call>", words{"Hello <to", "ol> you."}, nil},
		"the mark in pieces":   {"<tool_call>", words{"a <tool", "_call>", "\n", `{"name": "now", "arguments": {}}`, "\n</tool_call>", "b"}, []string{`root ::= "\n"? ` + calls, "free"}},
		"more than the mark":   {"<tool_call>", words{"<tool_call>\n{\"", `name": "now"}`, "</tool_call>"}, []string{"root ::= " + calls, "free"}},
		"another form":         {"<tool_call>", words{"<tool_call>\n{\"arguments", `": {}, "name": "now"}`, "</tool_call>"}, nil},
		"two calls":            {"<tool_call>", words{"<tool_call>", `{"name": "now"}</tool_call>`, "<tool_call>", `{"name": "now"}</tool_call>`}, []string{`root ::= "\n"? ` + calls, "free", `root ::= "\n"? ` + calls, "free"}},
		"XML is taught":        {"<tool_call><function=", words{"<tool_call>", "\n<function=now>\n</function>", "</tool_call>"}, nil},
		"a family without one": {"<|start_header_id|> parameters", words{`{"name": "now", "parameters": {}}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &prompter{format: toolcall.Detect(tc.template, nil), syntax: inference.SyntaxPlain}
			req := &protocol.Generate{Tools: tools}
			s := &steered{}
			shape, err := p.form(req, []string{""})
			if err != nil {
				t.Fatal(err)
			}
			q := &sequence{sampler: s, form: shape, text: p.answer(req, []string{""})}
			for i := range tc.tokens {
				q.text.write(tc.tokens, llama.Token(i), func(protocol.Kind, string) {})
				q.steer()
			}
			for i, note := range s.notes {
				if i < len(tc.want) && strings.HasPrefix(note, tc.want[i]) {
					s.notes[i] = tc.want[i]
				}
			}
			if diff := cmp.Diff(tc.want, s.notes); diff != "" {
				t.Errorf("what the sampler was told (-want +got):\n%s", diff)
			}
		})
	}
}

// Stop sequences end text, and nothing else.
func TestStopSequencesBesideCalls(t *testing.T) {
	t.Parallel()
	p := &prompter{format: toolcall.Detect("<tool_call> </think>", nil), syntax: inference.SyntaxPlain}
	for name, tc := range map[string]struct {
		tokens words
		want   string
		stop   string
	}{
		"in text":    {words{"<think>a ST", "OP</think>", "b S", "TOP c"}, "thought:a STOP text:b ", "STOP"},
		"in a call":  {words{"<tool_call>", `{"name": "now", "arguments": {"x": "STOP"}}`, "</tool_call>"}, `call:now input:{"x": "STOP"}`, ""},
		"held back":  {words{"S", "TO", "<tool_call>", `{"name": "now"}</tool_call>`}, "text:STO call:now", ""},
		"characters": {words{"\xf0\x9f", "\xa6\x9c <t"}, "text:🦜 <t", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := p.answer(&protocol.Generate{Tools: []inference.Tool{{Name: "now"}}, Stop: []string{"STOP"}}, []string{""})
			var got strings.Builder
			last := protocol.Kind(0)
			send := func(kind protocol.Kind, text string) {
				if text == "" {
					return
				}
				if kind != last || kind == protocol.KindCall {
					if got.Len() > 0 && !strings.HasSuffix(got.String(), " ") {
						got.WriteByte(' ')
					}
					got.WriteString(map[protocol.Kind]string{protocol.KindDelta: "text:", protocol.KindThought: "thought:", protocol.KindCall: "call:", protocol.KindInput: "input:"}[kind])
				}
				got.WriteString(text)
				last = kind
			}
			stop := ""
			for i := range tc.tokens {
				if stop = a.write(tc.tokens, llama.Token(i), send); stop != "" {
					break
				}
			}
			if stop == "" {
				a.flush(send)
			}
			if got.String() != tc.want || stop != tc.stop {
				t.Errorf("got %q, stopped by %q, want %q, by %q", got.String(), stop, tc.want, tc.stop)
			}
		})
	}
}
