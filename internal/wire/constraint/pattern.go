package constraint

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Models write patterns for Java. Go's expressions are a subset; Translate
// bridges what the models use: \uXXXX, counts above 1000, a negative lookahead
// at the beginning, which becomes a second expression, and a slip of theirs: /d
// where \d is meant, which no ARN of a knowledge base would match. A pattern
// must match the whole value.

// Translate returns the Go expressions for a pattern: the value must match must
// and, when mustNot is not nil, must not match that.
func Translate(pattern string) (must, mustNot *regexp.Regexp, err error) {
	rest := pattern
	body, anchored := strings.CutPrefix(rest, "^")
	if inner, ok := strings.CutPrefix(body, "(?!"); ok {
		end := closing(inner)
		if end < 0 {
			return nil, nil, fmt.Errorf("pattern %q: unbalanced lookahead", pattern)
		}
		if mustNot, err = regexp.Compile(`\A(?:` + rewrite(inner[:end]) + `)`); err != nil {
			return nil, nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		rest = inner[end+1:]
		if anchored {
			rest = "^" + rest
		}
	}
	if must, err = regexp.Compile(`\A(?:` + rewrite(rest) + `)\z`); err != nil {
		return nil, nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return must, mustNot, nil
}

// compile makes the validator of a pattern. One that cannot be translated
// accepts everything; a golden test holds the list of those.
func compile(pattern string) *schema.Validator {
	must, mustNot, err := Translate(pattern)
	if err != nil {
		return &schema.Validator{Match: func(string) bool { return true }}
	}
	match := must.MatchString
	if mustNot != nil {
		match = func(s string) bool { return must.MatchString(s) && !mustNot.MatchString(s) }
	}
	return &schema.Validator{Match: (&memo{match: match, seed: maphash.MakeSeed()}).Match}
}

// memo remembers the last values that a pattern accepted. Identifiers of models
// and resources come again and again, and their patterns are the slowest part
// of checking a request.
type memo struct {
	match func(string) bool
	seed  maphash.Seed
	slots [16]atomic.Pointer[string]
}

// maxRemembered keeps long texts out of memory.
const maxRemembered = 256

func (m *memo) Match(s string) bool {
	if len(s) > maxRemembered {
		return m.match(s)
	}
	slot := &m.slots[maphash.String(m.seed, s)%uint64(len(m.slots))]
	if known := slot.Load(); known != nil && *known == s {
		return true
	}
	if !m.match(s) {
		return false
	}
	slot.Store(&s)
	return true
}

// closing finds the parenthesis that ends a group whose beginning is cut off.
func closing(s string) int {
	depth, class := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// maxRepeat is the largest count that package regexp takes.
const maxRepeat = 1000

// rewrite turns \uXXXX into \x{XXXX} and /d into \d, and splits large counts: x{1,1024} is
// x{1,1000}x{0,24}.
func rewrite(p string) string {
	var b strings.Builder
	atom := 0 // where the last atom begins in b
	for i := 0; i < len(p); {
		switch c := p[i]; {
		case c == '\\' && i+5 < len(p) && p[i+1] == 'u':
			atom = b.Len()
			b.WriteString(`\x{` + p[i+2:i+6] + `}`)
			i += 6
		case c == '\\' && i+1 < len(p):
			atom = b.Len()
			b.WriteString(p[i : i+2])
			i += 2
		case strings.HasPrefix(p[i:], "/d{") || strings.HasPrefix(p[i:], "/d+"):
			atom = b.Len()
			b.WriteString(`\d`)
			i += 2
		case c == '[':
			atom = b.Len()
			end := i + 1
			for end < len(p) && p[end] != ']' {
				if p[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(p))
			b.WriteString(classEscapes(p[i:end]))
			i = end
		case c == '{':
			end := strings.IndexByte(p[i:], '}')
			if end < 0 {
				b.WriteString(p[i:])
				return b.String()
			}
			count := p[i+1 : i+end]
			lowText, highText, ranged := strings.Cut(count, ",")
			low, err1 := strconv.Atoi(lowText)
			high, err2 := strconv.Atoi(highText)
			if ranged && err1 == nil && err2 == nil && high > maxRepeat && low <= maxRepeat {
				piece := b.String()[atom:]
				fmt.Fprintf(&b, "{%d,%d}", low, maxRepeat)
				for left := high - maxRepeat; left > 0; left -= maxRepeat {
					fmt.Fprintf(&b, "%s{0,%d}", piece, min(left, maxRepeat))
				}
			} else {
				b.WriteString(p[i : i+end+1])
			}
			i += end + 1
		default:
			atom = b.Len()
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// classEscapes is rewrite inside a character class.
func classEscapes(class string) string {
	var b strings.Builder
	for i := 0; i < len(class); i++ {
		if class[i] == '\\' && i+1 < len(class) {
			if class[i+1] == 'u' && i+5 < len(class) {
				b.WriteString(`\x{` + class[i+2:i+6] + `}`)
				i += 5
				continue
			}
			b.WriteString(class[i : i+2])
			i++
			continue
		}
		b.WriteByte(class[i])
	}
	return b.String()
}
