package chunk

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/words"

	"github.com/outcrop/outcrop/internal/fault"
)

const (
	// Texts go to the tokenizer in batches of so many, of so many bytes.
	countTexts = 8192
	countBytes = 1 << 20
	// bytesOfToken is how many bytes weigh as much as a token at least. A model
	// may take a word that it does not know for one token, however long.
	bytesOfToken = 32
)

// count returns the tokens of n texts.
func count(ctx context.Context, m Model, n int, text func(i int) string) ([]int, error) {
	counts := make([]int, 0, n)
	var batch []string
	size := 0
	send := func() error {
		if len(batch) == 0 {
			return nil
		}
		got, err := m.CountTokens(ctx, batch)
		if err != nil {
			return err
		}
		if len(got) != len(batch) {
			return fault.New(fault.Internal, "%d texts have %d counts of tokens", len(batch), len(got))
		}
		counts = append(counts, got...)
		batch, size = batch[:0], 0
		return nil
	}
	for i := range n {
		t := text(i)
		if len(batch) == countTexts || size > 0 && size+len(t) > countBytes {
			if err := send(); err != nil {
				return nil, err
			}
		}
		batch = append(batch, t)
		size += len(t)
	}
	return counts, send()
}

// weight is what stands for the tokens of a text when texts are added up.
func weight(tokens int, text string) int {
	return max(tokens, (len(text)+bytesOfToken-1)/bytesOfToken)
}

// weigh counts the units, and cuts those that are heavier than most: into some
// words, where that is not enough into one each, and into characters.
func (s *script) weigh(ctx context.Context, m Model, most int) error {
	// A piece is short beside a passage, so that passages are filled, and not a
	// word each, so that a text of one line takes no more memory than others.
	piece := min(max(most/4, 8), 64)
	for _, cut := range []cutter{
		{size: piece, levels: []segmenter{nextField, nextWord, nextCharacter, nextRune}},
		{size: 1, levels: []segmenter{nextField}},
		{size: 1, levels: []segmenter{nextCharacter}},
		{},
	} {
		if err := s.weighUnits(ctx, m); err != nil {
			return err
		}
		if cut.size == 0 || !s.cutHeavy(most, cut) {
			break
		}
	}
	s.sums = make([]int64, len(s.units)+1)
	for i, u := range s.units {
		s.sums[i+1] = s.sums[i] + int64(u.weight)
	}
	return ctx.Err()
}

// weighUnits sets the weights of units that have none.
func (s *script) weighUnits(ctx context.Context, m Model) error {
	var which []int32
	for i, u := range s.units {
		if u.weight == 0 {
			which = append(which, int32(i))
		}
	}
	counts, err := count(ctx, m, len(which), func(i int) string { return s.of(s.units[which[i]]) })
	if err != nil {
		return err
	}
	for i, n := range counts {
		u := &s.units[which[i]]
		u.weight = int32(min(weight(n, s.of(*u)), math.MaxInt32))
	}
	return nil
}

// cutHeavy replaces the units that are too heavy by their pieces, and reports
// whether there were any.
func (s *script) cutHeavy(most int, cut cutter) bool {
	if !slices.ContainsFunc(s.units, func(u unit) bool { return int(u.weight) > most }) {
		return false
	}
	units := make([]unit, 0, len(s.units))
	ends := make([]int, len(s.ends))
	for _, u := range s.units {
		if int(u.weight) <= most {
			units = append(units, u)
		} else {
			cut.pieces(s.of(u), cut.levels, func(start, end int, before border) {
				if start == 0 {
					before = u.before
				}
				units = append(units, unit{page: u.page, start: u.start + int32(start), end: u.start + int32(end), before: before})
			})
		}
		ends[u.page] = len(units)
	}
	for i := 1; i < len(ends); i++ {
		ends[i] = max(ends[i], ends[i-1]) // a page without units
	}
	s.units, s.ends = units, ends
	return true
}

// segmenter returns how much of a text its first segment takes, with the white
// space before it.
type segmenter func(text string) int

// cutter cuts a text into pieces of at most size bytes, as far as segments of
// its last level allow.
type cutter struct {
	size   int
	levels []segmenter
}

// pieces calls emit for each piece. A segment that is too long by itself is cut
// by the next level.
func (c cutter) pieces(text string, levels []segmenter, emit func(start, end int, before border)) {
	base := 0
	var walk func(text string, levels []segmenter)
	out := func(piece string) {
		emit(base, base+len(piece), borderBefore(piece))
		base += len(piece)
	}
	walk = func(text string, levels []segmenter) {
		piece := 0
		for piece < len(text) {
			n := levels[0](text[piece:])
			if piece > 0 && piece+n > c.size {
				out(text[:piece])
				text, piece = text[piece:], 0
			}
			if n > c.size && len(levels) > 1 {
				walk(text[:n], levels[1:])
				text = text[n:]
				continue
			}
			piece += n
		}
		if piece > 0 {
			out(text)
		}
	}
	walk(text, levels)
}

// borderBefore tells by the white space that a piece begins with.
func borderBefore(piece string) border {
	space := piece[:space(piece)]
	switch {
	case space == "":
		return inside
	case strings.Contains(space, "\n"):
		return wrap
	}
	return word
}

// space is how much white space a text begins with.
func space(text string) int {
	return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
}

// nextField ends before the next white space.
func nextField(text string) int {
	n := space(text)
	if i := strings.IndexFunc(text[n:], unicode.IsSpace); i >= 0 {
		return n + i
	}
	return len(text)
}

func nextWord(text string) int {
	n := space(text)
	it := words.FromString(text[n:])
	it.Next()
	return n + it.End()
}

func nextCharacter(text string) int {
	n := space(text)
	it := graphemes.FromString(text[n:])
	it.Next()
	return n + it.End()
}

func nextRune(text string) int {
	_, size := utf8.DecodeRuneInString(text)
	return size
}
