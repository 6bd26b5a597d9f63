package constraint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Models write patterns for Java. Go's expressions are a subset; Translate
// bridges what the models use: \uXXXX, counts above 1000, and a negative
// lookahead at the beginning, which becomes a second expression. A pattern must
// match the whole value.

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
	if mustNot == nil {
		return &schema.Validator{Match: must.MatchString}
	}
	return &schema.Validator{Match: func(s string) bool { return must.MatchString(s) && !mustNot.MatchString(s) }}
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

// rewrite turns \uXXXX into \x{XXXX} and splits large counts: x{1,1024} is
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
