package toolcall

import (
	"slices"
	"strings"
)

// channelState is where a Harmony answer is: in the header of a message or in
// its body. A header says who speaks to whom, and on which channel.
type channelState struct {
	body bool
	kind channelKind
	// header as it is read, and raw as it was written.
	header, raw []byte
	args        []byte
	mark        []byte // may become a mark
}

type channelKind uint8

const (
	channelText channelKind = iota
	channelAnalysis
	channelTool
)

var harmonyMarks = []string{channelMark, messageMark, startMark, endMark, callMark, returnMark, constrain}

func (p *Parser) stepChannel(b byte) {
	c := &p.channel
	c.mark = append(c.mark, b)
	for len(c.mark) > 0 {
		i := slices.IndexFunc(harmonyMarks, func(m string) bool { return strings.HasPrefix(m, string(c.mark)) })
		if i >= 0 && len(harmonyMarks[i]) > len(c.mark) {
			return
		}
		if i >= 0 {
			c.mark = c.mark[:0]
			p.channelMark(harmonyMarks[i])
			return
		}
		b := c.mark[0]
		c.mark = c.mark[1:]
		p.channelByte(b)
	}
}

func (p *Parser) channelMark(mark string) {
	c := &p.channel
	switch {
	case !c.body && mark == messageMark:
		p.openBody()
	case !c.body && (mark == channelMark || mark == constrain):
		c.header = append(c.header, ' ')
		c.raw = append(c.raw, mark...)
	case mark == constrain || mark == messageMark:
		for i := range len(mark) {
			p.channelByte(mark[i])
		}
	default:
		p.closeBody()
		if mark == startMark || mark == channelMark {
			c.body, c.header, c.raw = false, nil, nil
		}
	}
}

func (p *Parser) channelByte(b byte) {
	c := &p.channel
	switch {
	case !c.body:
		c.header = append(c.header, b)
		c.raw = append(c.raw, b)
	case c.kind == channelAnalysis:
		p.emit(Reasoning, b)
	case c.kind == channelTool:
		c.args = append(c.args, b)
		p.emit(Input, b)
	default:
		p.emit(Text, b)
	}
}

// openBody reads the header of a message.
func (p *Parser) openBody() {
	c := &p.channel
	c.body, c.kind, c.args = true, channelText, nil
	recipient := ""
	for word := range strings.FieldsSeq(string(c.header)) {
		if to, ok := strings.CutPrefix(word, "to="); ok {
			recipient = to
		}
		if word == "analysis" && recipient == "" {
			c.kind = channelAnalysis
		}
	}
	if name := strings.TrimPrefix(recipient, "functions."); recipient != "" {
		if p.names[name] {
			c.kind = channelTool
			p.start(name)
		} else {
			c.kind = channelText
			p.emit(Text, c.raw...)
		}
	}
	c.header, c.raw = nil, nil
}

func (p *Parser) closeBody() {
	c := &p.channel
	if c.body && c.kind == channelTool {
		if !isObject(c.args) && strings.TrimSpace(string(c.args)) != "" {
			p.bad = true
		}
		p.open = false
	}
	c.body, c.kind, c.args = true, channelText, nil
}

// endChannel gives back what is held when no more comes.
func (p *Parser) endChannel() {
	c := &p.channel
	for _, b := range c.mark {
		p.channelByte(b)
	}
	c.mark = nil
	if !c.body {
		p.emit(Text, c.raw...)
	}
	p.closeBody()
}
