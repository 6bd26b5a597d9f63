package toolcall

import (
	"bytes"
	"encoding/json"
	"strings"
)

// mostHeld bounds in bytes what is held back while it may still be a call.
const mostHeld = 64 << 10

// Options say what to look for.
type Options struct {
	// Tools are the names that may be called. Without any no call is looked for.
	Tools []string
	// Type tells the JSON Schema type of a tool's member, "" when it is not said:
	// some families write values as plain text. It may be nil.
	Type func(tool, member string) string
	// InReasoning says that the prompt has opened the reasoning.
	InReasoning bool
}

// Parser reads one answer. It works byte by byte, so that how the text is cut
// cannot matter; Write puts the events of the same kind together.
type Parser struct {
	f     Format
	names map[string]bool
	types func(tool, member string) string
	out   []piece

	marks  []mark
	state  state
	held   []byte // undecided: the beginning of a mark, or of a call with its mark
	space  []byte // white space that belongs to nothing yet
	fresh  bool   // no text since the beginning, or since the last mark
	after  bool   // a mark came before: white space here separates
	call   reader // in a call
	open   bool   // Start has been sent, and the call is not over
	calls  int
	bad    bool
	arms   int // calls that have been opened, or seemed so
	before int // calls before the reader under way

	channel channelState // Harmony
}

type state uint8

const (
	inText state = iota
	inReasoning
	inCall
	inBroken
	inChannel
)

// mark is a text that changes the state.
type mark struct {
	text string
	does func(p *Parser)
}

// reader reads a call byte by byte. step takes the next byte, which is the last
// one of what is held. It may begin calls and end them.
type reader interface {
	step(p *Parser, b byte) verdict
}

type verdict uint8

const (
	more    verdict = iota
	reject          // what is held is no part of a call
	done            // the call is over, the byte is part of it
	corrupt         // a call that has begun is not one after all
)

// NewParser returns a Parser for one answer.
func (f Format) NewParser(o Options) *Parser {
	p := &Parser{f: f, fresh: true, types: o.Type}
	if len(o.Tools) > 0 {
		p.names = make(map[string]bool, len(o.Tools))
		for _, name := range o.Tools {
			p.names[name] = true
		}
	}
	if f.Family == Harmony {
		p.state = inChannel
		p.channel.body = true
		return p
	}
	if f.ThinkOpen != "" {
		p.marks = append(p.marks, mark{f.ThinkOpen, (*Parser).think})
	}
	if o.InReasoning {
		p.think()
	}
	silent := func(p *Parser) { p.held, p.fresh, p.after = p.held[:0], true, true }
	if f.Family == Cohere {
		for _, text := range cohereAnswer {
			p.marks = append(p.marks, mark{text, silent})
		}
	}
	if p.names == nil {
		return p
	}
	tagged := func(p *Parser) {
		p.begin(&tagReader{closers: []string{"</tool_call>", "<|/tool_call|>"}, glm: f.Family == GLM})
	}
	p.marks = append(p.marks, mark{"<tool_call>", tagged}, mark{"<|tool_call|>", tagged})
	switch f.Family {
	case Llama:
		p.marks = append(p.marks, mark{pythonTag, func(p *Parser) { p.begin(&tagReader{code: true}) }})
	case Mistral:
		p.marks = append(p.marks, mark{toolCalls, func(p *Parser) { p.begin(&tagReader{named: true}) }})
	case DeepSeek:
		p.marks = append(p.marks, mark{callBegin, func(p *Parser) { p.begin(&sepReader{}) }}, mark{callsBegin, silent}, mark{callsEnd, silent})
	case Kimi:
		p.marks = append(p.marks, mark{kimiCallBegin, func(p *Parser) { p.begin(&argumentReader{}) }}, mark{kimiBegin, silent}, mark{kimiEnd, silent})
	case Cohere:
		p.marks = append(p.marks, mark{actionStart, func(p *Parser) {
			p.begin(&tagReader{closers: []string{actionEnd}, object: objectReader{actions: true}})
		}})
	case MiniMax:
		p.marks = append(p.marks, mark{minimaxOpen, func(p *Parser) { p.begin(&tagReader{closers: []string{minimaxClose}, invoke: true}) }})
	case Gemma:
		p.marks = append(p.marks, mark{codeFence, func(p *Parser) { p.begin(&tagReader{code: true, closers: []string{"```"}}) }})
	}
	return p
}

// Write reads the next piece, which is whole UTF-8.
func (p *Parser) Write(text string) []Event {
	p.out = p.out[:0]
	for i := range len(text) {
		p.step(text[i])
	}
	return p.events()
}

// End returns what was held back when no more comes.
func (p *Parser) End() []Event {
	p.out = p.out[:0]
	if p.state == inChannel {
		p.endChannel()
		return p.events()
	}
	for p.call != nil {
		if p.open {
			p.call, p.held, p.bad = nil, nil, true
			return p.events()
		}
		p.giveUp()
	}
	for _, b := range p.held {
		p.plain(b)
	}
	if len(p.space) > 0 && !p.after {
		p.emit(Text, p.space...)
	}
	p.held, p.space = nil, nil
	return p.events()
}

// piece is an Event in the making.
type piece struct {
	kind Kind
	text []byte
}

func (p *Parser) events() []Event {
	if len(p.out) == 0 {
		return nil
	}
	events := make([]Event, len(p.out))
	for i, e := range p.out {
		events[i] = Event{e.kind, string(e.text)}
	}
	clear(p.out)
	return events
}

// Calls is the number of calls that have begun.
func (p *Parser) Calls() int { return p.calls }

// Malformed reports whether the input of a call is not a JSON object. After a
// cut by the limit of tokens that is no wonder.
func (p *Parser) Malformed() bool { return p.bad }

// Thinking reports whether what comes next is reasoning.
func (p *Parser) Thinking() bool {
	return p.state == inReasoning || p.state == inChannel && p.channel.kind == channelAnalysis
}

// Settled reports whether nothing is held that may still become a mark.
func (p *Parser) Settled() bool { return len(p.held) == 0 }

// Opened counts the marks that opened a call, and Pending is what has come
// behind the last one, while nothing of the call itself is certain: a grammar
// can take over there.
func (p *Parser) Opened() int { return p.arms }

// Pending is the text behind the mark that opened the call under way; ok is
// false when no call is.
func (p *Parser) Pending() (text string, ok bool) {
	r, isTag := p.call.(*tagReader)
	if !isTag || p.state != inCall || p.calls > p.before || len(p.held) < r.opener {
		return "", false
	}
	return string(p.held[r.opener:]), true
}

// InCall reports whether a call is under way.
func (p *Parser) InCall() bool { return p.call != nil }

func (p *Parser) step(b byte) {
	switch p.state {
	case inText, inReasoning:
		p.held = append(p.held, b)
		p.settle()
	case inBroken:
		p.emit(Input, b)
	case inChannel:
		p.stepChannel(b)
	case inCall:
		p.stepCall(b)
	}
}

// settle decides about what is held outside of calls.
func (p *Parser) settle() {
	for len(p.held) > 0 && (p.state == inText || p.state == inReasoning) {
		if p.state == inText && p.bare() {
			return
		}
		switch m, whole := p.match(); {
		case whole:
			m.does(p)
			return
		case m != nil:
			return // it may become one
		}
		b := p.held[0]
		p.held = p.held[1:]
		p.plain(b)
	}
	if len(p.held) == 0 {
		p.held = nil
	}
}

// match finds the mark that held is, or begins.
func (p *Parser) match() (m *mark, whole bool) {
	marks := p.marks
	if p.state == inReasoning {
		marks = []mark{{p.f.ThinkClose, (*Parser).answer}}
	}
	for i := range marks {
		if strings.HasPrefix(marks[i].text, string(p.held)) {
			return &marks[i], len(marks[i].text) == len(p.held)
		}
	}
	return nil, false
}

// bare begins a call that has no mark: JSON where an answer or a call begins.
func (p *Parser) bare() bool {
	if p.f.Family != Llama || p.names == nil || !p.fresh || p.held[0] != '{' || len(p.held) != 1 {
		return false
	}
	p.held = p.held[:0]
	r := &tagReader{bare: true}
	p.call, p.state, p.before = r, inCall, p.calls
	p.stepCall('{')
	return true
}

// plain takes a byte of text or of reasoning.
func (p *Parser) plain(b byte) {
	kind := Text
	if p.state == inReasoning {
		kind = Reasoning
	}
	switch {
	case b == ' ' || b == '\n' || b == '\t' || b == '\r':
		if p.fresh || kind == Reasoning {
			p.space = append(p.space, b)
			return
		}
	case p.fresh && p.calls > 0 && p.f.Family == Llama && (b == ';' || b == ','):
		p.space = append(p.space, b) // between two calls
		return
	}
	if len(p.space) > 0 {
		if drop := p.fresh && p.after && strings.TrimSpace(string(p.space)) == ""; !drop {
			p.emit(kind, p.space...)
		}
		p.space = nil
	}
	p.fresh = false
	p.emit(kind, b)
}

// think and answer enter and leave the reasoning. White space next to the tags
// belongs to neither side.
func (p *Parser) think() {
	p.state, p.held, p.space, p.fresh, p.after = inReasoning, nil, nil, true, true
}

func (p *Parser) answer() {
	p.state, p.held, p.space, p.fresh, p.after = inText, nil, nil, true, true
}

// begin enters a call; held is its mark.
func (p *Parser) begin(r reader) {
	if t, ok := r.(*tagReader); ok {
		t.opener = len(p.held)
	}
	p.call, p.state, p.before = r, inCall, p.calls
	p.arms++
}

func (p *Parser) stepCall(b byte) {
	p.held = append(p.held, b)
	v := p.call.step(p, b)
	if v == more && !p.open && len(p.held) > mostHeld {
		v = reject
	}
	switch v {
	case more:
		if p.open {
			p.held = p.held[:0]
		}
	case reject:
		p.giveUp()
	case done:
		p.leave()
	case corrupt:
		p.call, p.held, p.state, p.bad = nil, nil, inBroken, true
	}
}

// leave ends a call.
func (p *Parser) leave() {
	p.call, p.held, p.space, p.open = nil, nil, nil, false
	p.state, p.fresh, p.after = inText, true, true
}

// giveUp goes back to text with what is held. Without a call before it only the
// first byte is sure to be text: a call may begin behind it.
func (p *Parser) giveUp() {
	held, first := p.held, p.calls == p.before
	if !first {
		p.leave()
	}
	p.call, p.held, p.state = nil, nil, inText
	if first && len(held) > 0 {
		p.plain(held[0])
		held = held[1:]
	}
	for _, b := range held {
		p.step(b)
	}
}

// start sends the beginning of a call.
func (p *Parser) start(name string) {
	p.space = nil
	p.calls++
	p.open = true
	p.out = append(p.out, piece{Start, []byte(name)})
}

// whole sends a call at once.
func (p *Parser) whole(name string, input []byte) {
	p.start(name)
	if len(input) > 0 {
		p.emit(Input, input...)
	}
	p.finish()
}

// finish ends a call that was begun; what follows is not part of it.
func (p *Parser) finish() {
	p.open = false
	p.held = p.held[:0]
}

// emit sends a piece, together with the last one where that is of its kind.
func (p *Parser) emit(kind Kind, text ...byte) {
	if len(text) == 0 {
		return
	}
	if n := len(p.out); n > 0 && p.out[n-1].kind == kind {
		p.out[n-1].text = append(p.out[n-1].text, text...)
		return
	}
	p.out = append(p.out, piece{kind, bytes.Clone(text)})
}

func isObject(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && raw[0] == '{' && json.Valid(raw)
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }
