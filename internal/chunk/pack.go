package chunk

import (
	"sort"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
)

// span is the units of a passage.
type span struct{ start, end int }

// least is how full a passage must be for it to end at a border. Where several
// are, the highest border is taken, and of equal ones the last. So a paragraph
// is not cut for the sake of some words that would still fit, and no passage is
// nearly empty for the sake of a heading.
var least = [...]float64{
	page: 0.25, heading: 0.5, paragraph: 0.7, line: 0.85, sentence: 0.25, wrap: 0.6, word: 0.5,
	glue: 1, inside: 1,
}

// fragment is the share of a passage that is too small to stand alone: where one
// would be left over at a page's or the text's end, the last two passages share.
const fragment = 0.25

// pack makes passages of the units from start to end: each as heavy as most
// allows, beginning with what weighs at most overlap of the one before.
func (s *script) pack(start, end, most, overlap int) []span {
	var spans []span
	fresh := start // the first unit that no passage has yet
	for fresh < end {
		stop := s.fill(start, fresh, end, most)
		spans = append(spans, span{start, stop})
		fresh = stop
		start = stop
		if stop < end && s.units[stop].before != page {
			start = s.back(spans[len(spans)-1], most, overlap)
		}
	}
	return spans
}

// between is the weight of units.
func (s *script) between(start, end int) int { return int(s.sums[end] - s.sums[start]) }

// reach is how far units from start weigh at most so much.
func (s *script) reach(start, end, most int) int {
	return start + sort.Search(end-start, func(n int) bool { return s.between(start, start+n+1) > most })
}

// fill chooses where a passage ends that begins at start and has at least the
// unit fresh.
func (s *script) fill(start, fresh, end, most int) int {
	// What is left of the page, if there is more than fits and hardly more.
	last := min(end, s.ends[s.units[fresh].page])
	if rest := s.between(start, last); rest > most && float64(rest-most) < fragment*float64(most) {
		if half := s.reach(start, last, rest/2+int(fragment*float64(most)/2)); half > fresh {
			return s.choose(start, fresh, half, most, word)
		}
	}
	stop := max(s.reach(start, end, most), fresh+1)
	if stop == end {
		return s.choose(start, fresh, end, most, page)
	}
	return s.choose(start, fresh, stop, most, word)
}

// choose finds the best border between fresh and stop, lowest or higher; stop
// if there is none.
func (s *script) choose(start, fresh, stop, most int, lowest border) int {
	var best [page + 1]int
	for k := stop; k > fresh; k-- {
		if k == len(s.units) {
			continue
		}
		b := s.units[k].before
		if best[b] == 0 && float64(s.between(start, k)) >= least[b]*float64(most) {
			best[b] = k
		}
	}
	for b := page; b >= lowest; b-- {
		if best[b] > 0 {
			return best[b]
		}
	}
	return stop
}

// back is where the passage after the last one begins: with the whole sentences
// at its end that weigh at most overlap, or the words of one that was too long.
// A last sentence of up to twice that is repeated all the same. What is repeated
// leaves room for what is new.
func (s *script) back(last span, most, overlap int) int {
	if overlap <= 0 {
		return last.end
	}
	free := most - int(s.units[last.end].weight)
	if whole := s.backTo(last, min(overlap, free), sentence); whole < last.end {
		return whole
	}
	if s.units[last.end].before < sentence { // within a sentence that is too long for a passage
		return s.backTo(last, min(overlap, free), inside)
	}
	return s.backTo(last, min(2*overlap, free), sentence)
}

// backTo is the first unit of the passage, but not the very first, from which on
// it weighs at most room and which has a border of lowest or higher before it.
func (s *script) backTo(last span, room int, lowest border) int {
	first := last.end
	for k := last.end - 1; k > last.start && s.between(k, last.end) <= room; k-- {
		if s.units[k].before == glue || s.units[k].before >= lowest {
			first = k
		}
	}
	return first
}

// passage is a piece of a document: the text of one page, or of several.
type passage []document.Page

// passage is the text of units.
func (s *script) passage(sp span) passage {
	var p passage
	for i := sp.start; i < sp.end; {
		first := s.units[i]
		stop := min(sp.end, s.ends[first.page])
		text := s.pages[first.page].Text[first.start:s.units[stop-1].end]
		if text = strings.TrimSpace(text); text != "" {
			p = append(p, document.Page{Number: s.pages[first.page].Number, Text: text})
		}
		i = stop
	}
	return p
}

// text is a passage as one.
func (p passage) text() string {
	if len(p) == 1 {
		return p[0].Text
	}
	texts := make([]string, len(p))
	for i, page := range p {
		texts[i] = page.Text
	}
	return strings.Join(texts, "\n\n")
}

// halves cuts a passage in two between words, or characters; one character is
// not cut.
func (p passage) halves() []passage {
	if n := len(p); n > 1 {
		return []passage{p[:n/2], p[n/2:]}
	}
	text := p[0].Text
	at := middle(text)
	var parts []passage
	for _, half := range []string{text[:at], text[at:]} {
		if half = strings.TrimSpace(half); half != "" {
			parts = append(parts, passage{{Number: p[0].Number, Text: half}})
		}
	}
	return parts
}

// middle is where a text is cut: the border of a field that is nearest before
// its middle, or in a text without one that of a character.
func middle(text string) int {
	for _, next := range []segmenter{nextField, nextCharacter} {
		at := 0
		for at < len(text) {
			n := next(text[at:])
			if at > 0 && at+n > len(text)/2 {
				return at
			}
			if at += n; at >= len(text)/2 {
				break
			}
		}
		if at < len(text) {
			return at
		}
	}
	return len(text)
}
