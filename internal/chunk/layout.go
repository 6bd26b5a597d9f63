package chunk

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/document"
)

// border is what lies between two units: the higher, the better a place to cut.
type border uint8

const (
	inside    border = iota // within a word
	glue                    // what belongs together: a heading and its text, the head of a table and its rows
	word                    // between words
	wrap                    // a line's end within a paragraph
	sentence                // between sentences
	line                    // between list items, rows, lines of code
	paragraph               // an empty line
	heading                 // before a heading
	page                    // a page's end
)

// unit is a piece of text that is cut only if it is too long by itself: a
// sentence, a row of a table, a line of code, or a part of one. The white space
// between two units belongs to the later one, so that units joined are the text.
type unit struct {
	page       int32 // index into script.pages
	start, end int32 // within the page's text, bytes
	weight     int32 // tokens, or what stands for them
	before     border
}

// script is a text as units.
type script struct {
	pages []document.Page
	units []unit
	// ends has for each page the index of the first unit behind it.
	ends []int
	// sums[i] is the weight of all units before units[i].
	sums []int64
}

// crowded is how many units a text has before short ones are joined to the unit
// before them, so that a file of nothing but line ends takes no gigabytes.
const (
	crowded    = 1 << 20
	shortBytes = 64
	// mostHeading is how long a paragraph may be that a line of dashes makes a
	// heading, bytes.
	mostHeading = 200
)

// layout finds the units of pages.
func layout(ctx context.Context, pages []document.Page) (*script, error) {
	s := &script{pages: make([]document.Page, len(pages))}
	for i, p := range pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.Text = strings.ToValidUTF8(p.Text, "\uFFFD")
		s.pages[i] = p
		l := pageLayout{script: s, page: int32(i), text: p.Text, next: page}
		if err := l.run(ctx); err != nil {
			return nil, err
		}
		s.ends = append(s.ends, len(s.units))
	}
	return s, nil
}

// pageLayout goes through the lines of one page.
type pageLayout struct {
	*script
	page  int32
	text  string
	done  int    // bytes that are in units
	start int    // of the paragraph that is being read, -1: none
	next  border // before the next unit
	fence string // that ends the code being read
	table bool   // the last line was the head or a row of a table
}

func (l *pageLayout) run(ctx context.Context) error {
	l.start = -1
	for pos, n := 0, 0; pos < len(l.text); n++ {
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		end := len(l.text)
		if i := strings.IndexByte(l.text[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		l.line(pos, end)
		pos = end
	}
	l.flush(len(l.text))
	return nil
}

// line takes the line text[start:end] in.
func (l *pageLayout) line(start, end int) {
	text := strings.TrimSpace(l.text[start:end])
	wasTable := l.table
	l.table = false
	switch {
	case l.fence != "":
		if text == "" {
			return
		}
		if strings.HasPrefix(text, l.fence) && strings.Trim(text, l.fence[:1]) == "" {
			l.fence = ""
			l.next = glue
		}
		l.whole(end, line)
	case text == "":
		l.flush(start)
		l.raise(paragraph)
	case strings.HasPrefix(text, "```"), strings.HasPrefix(text, "~~~"):
		l.flush(start)
		l.fence = text[:3]
		l.whole(end, glue)
	case isHeading(text):
		l.flush(start)
		l.raise(heading)
		l.whole(end, glue)
	case text[0] == '|':
		l.flush(start)
		l.table = true
		switch {
		case wasTable && isRule(text):
			l.next = glue
			l.whole(end, glue)
		default:
			l.whole(end, line)
		}
	case l.start >= 0 && start-l.start <= mostHeading && isUnderline(text):
		// The paragraph before was a heading.
		l.start = -1
		l.raise(heading)
		l.whole(end, glue)
	case isItem(text):
		l.flush(start)
		l.start = start
	default:
		if l.start < 0 {
			l.start = start
		}
	}
}

// raise makes the border before the next unit at least b, except where what
// comes belongs to what was before.
func (l *pageLayout) raise(b border) {
	if l.next != glue {
		l.next = max(l.next, b)
	}
}

// whole makes one unit of what there is up to end.
func (l *pageLayout) whole(end int, next border) {
	l.add(end, l.next)
	l.next = next
}

// flush makes units of the sentences of the paragraph before end.
func (l *pageLayout) flush(end int) {
	if l.start < 0 {
		return
	}
	l.start = -1
	base := l.done
	for _, n := range sentences(l.text[base:end]) {
		l.add(base+n, l.next)
		l.next = sentence
	}
	l.next = line
}

// add makes a unit that ends at end, without the white space there, unless it
// were nothing else.
func (l *pageLayout) add(end int, before border) {
	rest := strings.TrimRightFunc(l.text[l.done:end], unicode.IsSpace)
	if rest == "" {
		return
	}
	end = l.done + len(rest)
	if n := len(l.units); n > crowded && l.units[n-1].page == l.page && l.units[n-1].end-l.units[n-1].start < shortBytes {
		l.units[n-1].end = int32(end)
	} else {
		l.units = append(l.units, unit{page: l.page, start: int32(l.done), end: int32(end), before: before})
	}
	l.done = end
}

// isHeading reports whether a line is "# Heading".
func isHeading(text string) bool {
	rest := strings.TrimLeft(text, "#")
	n := len(text) - len(rest)
	return n > 0 && n <= 6 && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// isUnderline reports whether a line makes a heading of the one above it.
func isUnderline(text string) bool {
	return len(text) >= 3 && (strings.Trim(text, "=") == "" || strings.Trim(text, "-") == "")
}

// isRule reports whether a row is the one between head and body of a table.
func isRule(text string) bool {
	return strings.Trim(text, "|:- \t") == "" && strings.Contains(text, "-")
}

// isItem reports whether a line begins an item of a list.
func isItem(text string) bool {
	rest := strings.TrimLeft(text, "0123456789")
	switch n := len(text) - len(rest); {
	case n > 9 || rest == "":
		return false
	case n > 0 && rest[0] != '.' && rest[0] != ')':
		return false
	case n == 0 && !strings.ContainsRune("-*+•", firstRune(rest)):
		return false
	}
	_, size := utf8.DecodeRuneInString(rest)
	r := firstRune(rest[size:])
	return r == utf8.RuneError || unicode.IsSpace(r)
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// of is the text of a unit.
func (s *script) of(u unit) string { return s.pages[u.page].Text[u.start:u.end] }
