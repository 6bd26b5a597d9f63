package answer

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// output is an answer on its way to the sink. It drops white space at the
// beginning and the end, and counts characters.
type output struct {
	sink Sink
	open func() error

	opened bool
	text   strings.Builder // what has been sent
	chars  int             // of text
	held   string          // white space that is sent when something follows it
	cited  bool
}

// start opens the sink, once.
func (o *output) start() error {
	if o.opened {
		return nil
	}
	o.opened = true
	return o.open()
}

// write sends text.
func (o *output) write(text string) error {
	if err := o.start(); err != nil {
		return err
	}
	if o.text.Len() == 0 && o.held == "" {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	solid := strings.TrimRightFunc(text, unicode.IsSpace)
	space := text[len(solid):]
	if solid == "" {
		o.held += space
		return nil
	}
	piece := o.held + solid
	o.held = space
	o.text.WriteString(piece)
	o.chars += utf8.RuneCountInString(piece)
	return o.sink.Text(piece)
}

// position is where the next character that is no white space will be.
func (o *output) position() int { return o.chars + utf8.RuneCountInString(o.held) }

// cite cites the sources of a part of the text that has been sent.
func (o *output) cite(c Citation) error {
	o.cited = true
	return o.sink.Cite(c)
}

// finish says what there is to say when the model is done: an answer of which no
// part has sources is cited as a whole, without any; no answer is a refusal.
func (o *output) finish() error {
	switch {
	case o.chars == 0:
		return o.refuse()
	case o.cited:
		return nil
	case o.text.String() == Refusal:
		return o.cite(Citation{Text: Refusal})
	}
	return o.cite(Citation{Text: o.text.String(), Span: &Span{0, o.chars - 1}})
}

// refuse sends the sentence that says that nothing was found.
func (o *output) refuse() error {
	if err := o.write(Refusal); err != nil {
		return err
	}
	return o.cite(Citation{Text: Refusal})
}

// errEnough ends a generation whose rest is not wanted.
var errEnough = errors.New("the answer is complete")

func isSpace(runes []rune) bool {
	for _, r := range runes {
		if !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}
