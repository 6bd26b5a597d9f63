package answer

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// formatInstructions tell a model how to name its sources.
const formatInstructions = `Answer in this format and write nothing outside of it. Begin a new answer part whenever the sources change, and name by their numbers the search results that a part rests on:

<answer>
<answer_part>
<text>first part of the answer</text>
<sources>
<source>number of a search result</source>
</sources>
</answer_part>
<answer_part>
<text>second part of the answer</text>
<sources>
<source>number of a search result</source>
<source>number of another search result</source>
</sources>
</answer_part>
</answer>

If the search results do not answer the question, write one part with the text "` + Refusal + `" and no source.`

// formatEnd is where a formatted answer ends; what a model writes behind it is
// not wanted.
const formatEnd = "</answer>"

// The tags of the format.
const (
	tagAnswer     = "<answer>"
	tagPart       = "<answer_part>"
	tagPartEnd    = "</answer_part>"
	tagText       = "<text>"
	tagTextEnd    = "</text>"
	tagSources    = "<sources>"
	tagSourcesEnd = "</sources>"
	tagSource     = "<source>"
	tagSourceEnd  = "</source>"
)

var tags = []string{tagAnswer, formatEnd, tagPart, tagPartEnd, tagText, tagTextEnd, tagSources, tagSourcesEnd, tagSource, tagSourceEnd}

// mostPreface is how much a model may write before the format begins, in bytes;
// more is an answer without it.
const mostPreface = 240

// format reads the answer format while it arrives. What a model gets wrong is
// forgiven: missing tags, tags in the text that are none, numbers that no search
// result has. An answer without the format is read as prose.
type format struct {
	out   *output
	hits  []knowledge.Hit // by number, from 1
	prose *prose          // the reader of an answer without the format

	state state
	buf   string // what has not been understood yet
	part  *part
	head  string // of a part that has not begun: maybe the marker of a list
	named string // what stands between two tags of the sources
}

type state uint8

const (
	preface   state = iota // nothing of the format was seen
	outside                // within the answer, not within a text
	inText                 // within a text
	inSources              // within the sources
	unformatted
	finished
)

// part is a part of the answer.
type part struct {
	text    strings.Builder // with the white space of its ends that it will lose
	start   int             // its first character's position
	sources []int
}

func (f *format) add(ctx context.Context, text string) error {
	if f.state == unformatted {
		return f.prose.add(ctx, text)
	}
	f.buf += text
	for {
		more, err := f.step(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// step understands a piece of buf; more is false when it needs what follows.
func (f *format) step(ctx context.Context) (more bool, err error) {
	switch f.state {
	case preface:
		return f.preface()
	case finished:
		f.buf = ""
		return false, errEnough
	case unformatted:
		text := f.buf
		f.buf = ""
		return false, f.prose.add(ctx, text)
	case outside, inText, inSources:
	}
	i := strings.IndexByte(f.buf, '<')
	if i < 0 {
		i = len(f.buf)
	}
	if i > 0 {
		text := f.buf[:i]
		f.buf = f.buf[i:]
		return true, f.content(text)
	}
	if f.buf == "" {
		return false, nil
	}
	for _, tag := range tags {
		if !strings.HasPrefix(f.buf, tag) {
			continue
		}
		rest := f.buf[len(tag):]
		quoted, known := f.quoted(tag, rest)
		if !known {
			return false, nil
		}
		f.buf = rest
		if quoted {
			return true, f.write(tag)
		}
		return true, f.tag(tag)
	}
	for _, tag := range tags {
		if strings.HasPrefix(tag, f.buf) {
			return false, nil
		}
	}
	text := f.buf[:1]
	f.buf = f.buf[1:]
	return true, f.content(text)
}

// preface looks for the beginning of the format.
func (f *format) preface() (more bool, err error) {
	text := strings.TrimLeftFunc(f.buf, unicode.IsSpace)
	first := -1
	for _, tag := range []string{tagAnswer, tagPart, tagText} {
		if i := strings.Index(text, tag); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	switch {
	case first >= 0:
		f.buf, f.state = text[first:], outside
		return true, nil
	case len(text) > mostPreface:
		f.state = unformatted
		return true, nil
	}
	return false, nil
}

// quoted reports whether a tag within a text is of what the text is about: HTML
// and SVG have elements with these names. Known is false when that depends on
// what has not come yet.
func (f *format) quoted(tag, rest string) (quoted, known bool) {
	if f.state != inText || f.part == nil && f.head == "" {
		return false, true
	}
	switch tag {
	case tagAnswer, tagText:
		return true, true
	case tagSource:
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		return rest != "" && (rest[0] < '0' || rest[0] > '9'), rest != ""
	}
	return false, true
}

// content takes text between tags. Some models forget the tags around a text.
func (f *format) content(text string) error {
	switch f.state {
	case inSources:
		f.named += text // a number may come in pieces
		return nil
	case outside:
		if f.part == nil && strings.TrimSpace(text) == "" || f.part != nil && len(f.part.sources) > 0 {
			return nil
		}
		if strings.TrimSpace(text) == "" {
			return nil
		}
		f.state = inText
	case preface, inText, unformatted, finished:
	}
	return f.write(text)
}

// numbers takes the numbers of sources before a tag.
func (f *format) numbers() {
	text := f.named
	f.named = ""
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil && f.part != nil {
			f.part.sources = append(f.part.sources, n)
		}
	}
}

func (f *format) tag(tag string) error {
	if err := f.begin(); err != nil {
		return err
	}
	f.numbers()
	switch tag {
	case tagPart, tagText:
		if tag == tagPart || f.part != nil && len(f.part.sources) > 0 {
			if err := f.finishPart(); err != nil {
				return err
			}
		}
		f.state = outside
		if tag == tagText {
			f.state = inText
			return f.space()
		}
	case tagTextEnd, tagAnswer:
		f.state = outside
	case tagSources, tagSource:
		f.state = inSources
	case tagSourceEnd:
	case tagSourcesEnd:
		f.state = outside
	case tagPartEnd:
		f.state = outside
		return f.finishPart()
	case formatEnd:
		f.state = finished
		return f.finishPart()
	}
	return nil
}

// write sends text of the part, and begins one where there is none.
func (f *format) write(text string) error {
	if f.part != nil {
		f.part.text.WriteString(text)
		return f.out.write(text)
	}
	// How the part is separated from the one before depends on how it begins.
	f.head = strings.TrimLeftFunc(f.head+text, unicode.IsSpace)
	if len(f.head) < mostMarker && strings.Trim(f.head, markers) == "" {
		return nil
	}
	return f.begin()
}

// space keeps two texts of a part apart.
func (f *format) space() error {
	if f.part == nil || f.out.held != "" {
		return nil
	}
	return f.write(" ")
}

// begin begins a part with the text that was waiting for that.
func (f *format) begin() error {
	text := f.head
	f.head = ""
	if text == "" {
		return nil
	}
	f.part = &part{}
	if f.out.chars > 0 {
		if err := f.out.write(separator(text)); err != nil {
			return err
		}
	}
	f.part.start = f.out.position()
	return f.write(text)
}

// What the marker of a list's item, a heading or a row of a table consists of,
// and how long it is at most.
const (
	markers    = "0123456789-*#|.) "
	mostMarker = 6
)

// separator is what stands between two parts: they are sentences, or items of a
// list.
func separator(next string) string {
	if strings.HasPrefix(next, "- ") || strings.HasPrefix(next, "* ") || strings.HasPrefix(next, "#") || strings.HasPrefix(next, "|") {
		return "\n"
	}
	digits := len(next) - len(strings.TrimLeft(next, "0123456789"))
	if digits > 0 && (strings.HasPrefix(next[digits:], ". ") || strings.HasPrefix(next[digits:], ") ")) {
		return "\n"
	}
	return " "
}

// finishPart cites the sources of the part that is over.
func (f *format) finishPart() error {
	p := f.part
	f.part = nil
	if p == nil {
		return nil
	}
	// The white space at the end of a part is not the part's, and the next one
	// brings its own.
	text := strings.TrimRightFunc(p.text.String(), unicode.IsSpace)
	f.out.held = ""
	if text == Refusal && p.start == 0 {
		return nil // the end cites it
	}
	length := len([]rune(text))
	c := Citation{Text: text, Span: &Span{p.start, p.start + length - 1}}
	seen := make(map[int]bool)
	for _, n := range p.sources {
		if n >= 1 && n <= len(f.hits) && !seen[n] {
			seen[n] = true
			c.References = append(c.References, f.hits[n-1])
		}
	}
	return f.out.cite(c)
}

func (f *format) end(ctx context.Context) error {
	switch f.state {
	case finished:
		return nil
	case preface:
		f.state = unformatted
	case outside, inText, inSources, unformatted:
	}
	if f.state == unformatted {
		if f.buf != "" {
			text := f.buf
			f.buf = ""
			if err := f.prose.add(ctx, text); err != nil {
				return err
			}
		}
		return f.prose.end(ctx)
	}
	// The answer was cut off. A tag that has only begun is not part of it.
	if err := f.begin(); err != nil {
		return err
	}
	f.numbers()
	return f.finishPart()
}
