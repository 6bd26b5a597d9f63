package serving

import (
	"encoding/json"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// toolCalls looks over the calls of tools in an answer before clients see them.
// Models, and the servers in front of them, write IDs and names that no client
// can send back: Bedrock and the vendors' APIs refuse them, and the conversation
// would be over.
//
//   - An ID that is no ID, or that another call of the answer or of the
//     conversation has, becomes a new one, for the result of the call too.
//   - A name that nobody may have becomes that of the tool which was meant, where
//     it differs in what stands around it ("functions.weather", " weather"), and
//     else one that can be sent back.
//   - A name that could be a tool's and is none that was offered stays, as
//     Bedrock leaves it: clients tell the model that there is no such tool.
//   - An answer that ends with a call whose input is no JSON object says so: a
//     client that trusts "tool_use" reads the input without looking.
type toolCalls struct {
	req    *inference.Request
	limits *Limits
	seen   map[string]bool   // IDs of the conversation and of the answer
	given  map[string]string // IDs that were replaced, by the server's
	input  []byte            // of the call under way
	broken bool              // a call's input is no JSON object
}

// The lengths of IDs and names in Bedrock, and of the IDs that it makes itself.
const (
	mostID   = 64
	mostName = 64
	madeID   = 30
)

// piece takes a piece of a call's input.
func (t *toolCalls) piece(ev inference.ToolDelta) { t.input = append(t.input, ev.JSON...) }

// check looks at the input of the call that has just ended, where there is one.
func (t *toolCalls) check() {
	if len(t.input) == 0 {
		return // none at all is the empty object
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(t.input, &object) != nil || object == nil {
		t.broken = true
	}
	t.input = t.input[:0]
}

// reason is why the answer has ended. Backends of vendors who check the input
// themselves say it already; a server behind them may not.
func (t *toolCalls) reason(r inference.StopReason) inference.StopReason {
	t.check()
	if t.broken && (r == inference.StopToolUse || r == inference.StopEndTurn) {
		return inference.StopMalformedTool
	}
	return r
}

// start takes the beginning of a call.
func (t *toolCalls) start(ev inference.ToolStart) inference.ToolStart {
	t.check()
	if t.seen == nil {
		t.seen = make(map[string]bool)
		for _, m := range t.req.Messages {
			for _, p := range m.Parts {
				if use, ok := p.(inference.ToolUse); ok {
					t.seen[use.ID] = true
				}
			}
		}
	}
	if t.seen[ev.ID] || !fits(ev.ID, mostID, t.limits.marks()) {
		made := t.limits.newID("tooluse_", madeID)
		for t.seen[made] {
			made = t.limits.newID("tooluse_", madeID)
		}
		if t.given == nil {
			t.given = make(map[string]string)
		}
		t.given[ev.ID], ev.ID = made, made
	}
	t.seen[ev.ID] = true
	if ev.Kind == "" {
		ev.Name = t.name(ev.Name)
	}
	return ev
}

// output takes the result of a tool that the server ran.
func (t *toolCalls) output(ev inference.ToolOutput) inference.ToolOutput {
	if id, ok := t.given[ev.Result.ID]; ok {
		ev.Result.ID = id
	}
	return ev
}

func (t *toolCalls) name(name string) string {
	if t.offered(name) || fits(name, mostName, "_-") {
		return name
	}
	meant := strings.TrimSpace(name)
	if i := strings.LastIndexAny(meant, ".:/"); i >= 0 && !t.offered(meant) {
		meant = meant[i+1:]
	}
	if t.offered(meant) {
		return meant
	}
	b := make([]byte, 0, mostName)
	for _, r := range strings.TrimSpace(name) {
		if len(b) == mostName {
			break
		}
		if r > 0x7f || !allowed(byte(r), "_-") {
			r = '_'
		}
		b = append(b, byte(r))
	}
	if len(b) == 0 {
		return "unknown_tool"
	}
	return string(b)
}

func (t *toolCalls) offered(name string) bool {
	for i := range t.req.Tools {
		if t.req.Tools[i].Name == name {
			return true
		}
	}
	return false
}

// fits reports whether a text is one of letters, digits and marks.
func fits(s string, most int, marks string) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !allowed(s[i], marks) {
			return false
		}
	}
	return true
}

func allowed(c byte, marks string) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(marks, c) >= 0
}
