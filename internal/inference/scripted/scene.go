package scripted

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// scene is one call, as rules and templates see it.
type scene struct {
	b      *Backend
	caller Caller
	kind   string // of the call
	model  string // the backend's name for it
	req    *inference.Request
	texts  []string // of calls that have no conversation

	script *Script
	known  model // what the script says of the model
	rule   *rule // nil: none matched
	title  string
	nth    int
	turn   int
	groups map[string]string
}

func (s *scene) asked() string { return cmp.Or(s.caller.Model, s.model) }

// partsText is the text of parts, a line each. Results of tools are text, too,
// where all is wanted.
func partsText(parts []inference.Part, all bool) string {
	var lines []string
	for _, p := range parts {
		switch p := p.(type) {
		case inference.Text:
			lines = append(lines, p.Text)
		case inference.Guarded:
			lines = append(lines, p.Text)
		case inference.Cited:
			lines = append(lines, p.Text...)
		case inference.ToolResult:
			if all {
				lines = append(lines, resultText(p))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// lastText is the text of the last message of the user that has some.
func (s *scene) lastText() string {
	if s.req == nil {
		return strings.Join(s.texts, "\n")
	}
	for _, m := range slices.Backward(s.req.Messages) {
		if m.Role != inference.RoleUser {
			continue
		}
		if text := partsText(m.Parts, false); text != "" {
			return text
		}
	}
	if len(s.req.Messages) == 0 && s.req.Prompt != nil {
		return s.req.Prompt.Text
	}
	return ""
}

func (s *scene) systemText() string {
	if s.req == nil {
		return ""
	}
	return partsText(s.req.System, true)
}

func (s *scene) conversation() string {
	if s.req == nil {
		return strings.Join(s.texts, "\n")
	}
	var lines []string
	for _, m := range s.req.Messages {
		if text := partsText(m.Parts, true); text != "" {
			lines = append(lines, text)
		}
	}
	if len(s.req.Messages) == 0 && s.req.Prompt != nil {
		lines = append(lines, s.req.Prompt.Text)
	}
	return strings.Join(lines, "\n")
}

func (s *scene) toolNames() []string {
	if s.req == nil {
		return nil
	}
	names := make([]string, 0, len(s.req.Tools))
	for _, t := range s.req.Tools {
		names = append(names, t.Name)
	}
	return names
}

// countTurns is the number of the answer in the conversation, from 1. What the
// model shall go on from is no answer yet.
func countTurns(req *inference.Request) int {
	n := 1
	for i, m := range req.Messages {
		if m.Role == inference.RoleAssistant && i < len(req.Messages)-1 {
			n++
		}
	}
	return n
}

// result is what a tool answered.
type result struct {
	name  string
	input json.RawMessage // of the call
	text  string
	json  json.RawMessage // where it is one JSON value
}

// value is the result as JSON: a text is that of JSON, or a string.
func (r result) value() json.RawMessage {
	switch {
	case r.json != nil:
		return r.json
	case json.Valid([]byte(r.text)):
		return json.RawMessage(r.text)
	}
	return quote(r.text)
}

func resultText(r inference.ToolResult) string {
	var lines []string
	for _, p := range r.Content {
		switch p := p.(type) {
		case inference.Text:
			lines = append(lines, p.Text)
		case inference.JSON:
			lines = append(lines, string(p.Value))
		case inference.SearchResult:
			lines = append(lines, p.Content...)
		}
	}
	return strings.Join(lines, "\n")
}

// results are the results of tools in messages, in order.
func (s *scene) results(messages []inference.Message) []result {
	if s.req == nil {
		return nil
	}
	calls := make(map[string]inference.ToolUse)
	for _, m := range s.req.Messages {
		for _, p := range m.Parts {
			if call, ok := p.(inference.ToolUse); ok {
				calls[call.ID] = call
			}
		}
	}
	var out []result
	for _, m := range messages {
		for _, p := range m.Parts {
			r, ok := p.(inference.ToolResult)
			if !ok {
				continue
			}
			one := result{name: calls[r.ID].Name, input: calls[r.ID].Input, text: resultText(r)}
			if len(r.Content) == 1 {
				if v, ok := r.Content[0].(inference.JSON); ok {
					one.json = v.Value
				}
			}
			out = append(out, one)
		}
	}
	return out
}

// newResults are those of the last message.
func (s *scene) newResults() []result {
	if s.req == nil || len(s.req.Messages) == 0 {
		return nil
	}
	return s.results(s.req.Messages[len(s.req.Messages)-1:])
}

func (s *scene) lastResult() result {
	if s.req == nil {
		return result{}
	}
	all := s.results(s.req.Messages)
	if len(all) == 0 {
		return result{}
	}
	return all[len(all)-1]
}

func (s *scene) resultOf(tool string) result {
	if s.req == nil {
		return result{}
	}
	for _, r := range slices.Backward(s.results(s.req.Messages)) {
		if r.name == tool {
			return r
		}
	}
	return result{}
}

// begin finds the rule for a call, counts it, and writes down what was asked.
func (b *Backend) begin(s *scene, encode func() []byte) *entry {
	if s.req != nil {
		s.turn = countTurns(s.req)
	}
	request := encode()
	for {
		b.mu.Lock()
		script, generation := b.script, b.generation
		b.mu.Unlock()
		var candidates []candidate
		for i, r := range script.rules {
			if groups, ok := s.fits(r); ok {
				candidates = append(candidates, candidate{i, groups})
				if r.when.nth == nil && !r.when.chance {
					break // nothing after it is reached
				}
			}
		}
		b.mu.Lock()
		if b.generation == generation {
			s.script = script
			b.choose(s, candidates)
			e := b.journal.add(s, request, b.p.Now())
			b.mu.Unlock()
			return e
		}
		b.mu.Unlock() // the rules have changed meanwhile
	}
}

// candidate is a rule of which all holds but what is counted.
type candidate struct {
	index  int
	groups map[string]string
}

// choose takes the first candidate whose turn it is. b.mu is held.
func (b *Backend) choose(s *scene, candidates []candidate) {
	for _, c := range candidates {
		r := s.script.rules[c.index]
		b.counts[c.index]++
		nth := b.counts[c.index]
		if r.when.nth != nil && !r.when.nth.has(nth) {
			continue
		}
		title := s.script.title(c.index)
		if r.when.chance && draw(s.script.seed, title, nth) >= r.when.probability {
			continue
		}
		s.rule, s.title, s.nth, s.groups = r, title, nth, c.groups
		return
	}
}

// draw is a number from 0 up to 1 that depends on nothing but the seed, the rule
// and how often it was reached.
func draw(seed uint64, title string, nth int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(title)) // never fails
	x := mix(seed + mix(h.Sum64()+mix(uint64(nth))))
	return float64(x>>11) / (1 << 53)
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fits reports whether everything holds of a rule that is not counted.
func (s *scene) fits(r *rule) (map[string]string, bool) {
	w := &r.when
	if !s.suits(r) || !any1(w.models, s.caller.Model, s.caller.ModelID, s.model) || !any1(w.principals, s.caller.Principal) {
		return nil, false
	}
	if !s.fitsTools(w) || w.turn != nil && !w.turn.has(s.turn) {
		return nil, false
	}
	if w.output != nil && *w.output != (s.req != nil && s.req.Output != nil) {
		return nil, false
	}
	groups := map[string]string{}
	for _, on := range []struct {
		m    *matcher
		text func() string
	}{{w.system, s.systemText}, {w.chat, s.conversation}, {w.text, s.lastText}} {
		if on.m == nil {
			continue
		}
		found, ok := on.m.matches(on.text())
		if !ok {
			return nil, false
		}
		maps.Copy(groups, found) // those of the last text come last
	}
	return groups, true
}

// suits reports whether a rule is for this operation and this kind of call.
func (s *scene) suits(r *rule) bool {
	if kind := r.answer.kind(); kind != "" && kind != s.kind {
		return false
	}
	if len(r.when.operations) == 0 {
		return r.answer.kind() != "" || s.kind != kindCount // faults of counting have to be asked for
	}
	return any1(r.when.operations, s.caller.Operation, s.kind)
}

func (s *scene) fitsTools(w *conditions) bool {
	offered := s.toolNames()
	for _, name := range w.tools {
		if !slices.Contains(offered, name) {
			return false
		}
	}
	if w.choice != nil {
		mode := inference.ToolDefault
		if s.req != nil {
			mode = s.req.ToolChoice.Mode
		}
		if !slices.Contains(w.choice, string(cmp.Or(mode, inference.ToolAuto))) {
			return false
		}
	}
	if w.result == nil {
		return true
	}
	results := s.newResults()
	if *w.result == "" {
		return len(results) == 0
	}
	return slices.ContainsFunc(results, func(r result) bool { return wild(*w.result, r.name) })
}

// any1 reports whether one of the patterns matches one of the names; no patterns
// match everything.
func any1(patterns []string, names ...string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		for _, name := range names {
			if name != "" && wild(p, name) {
				return true
			}
		}
	}
	return false
}
