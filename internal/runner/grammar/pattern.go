package grammar

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// pattern compiles a regular expression to what stands between the quotes of a
// string. Without ^ and $ it may match anywhere, so other text may be around it.
func (c *compiler) pattern(text, path string) (string, error) {
	if len(text) > mostPattern {
		return "", &Unsupported{Keyword: "pattern", Path: path, Why: fmt.Sprintf("it is longer than %d bytes", mostPattern)}
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", &Unsupported{Keyword: "pattern", Path: path, Why: "it cannot be read"}
	}
	begin, end := c.b.shared("char")+"* ", " "+c.b.shared("char")+"*"
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts, begin = parts[1:], ""
	}
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		parts, end = parts[:n-1], ""
	}
	var b strings.Builder
	b.WriteString(begin + `""`)
	for _, part := range parts {
		expr, err := c.regexp(part, path)
		if err != nil {
			return "", err
		}
		b.WriteString(" " + expr)
	}
	return b.String() + end, nil
}

func (c *compiler) regexp(re *syntax.Regexp, path string) (string, error) {
	if c.depth++; c.depth > mostDepth {
		return "", errTooLarge
	}
	defer func() { c.depth-- }()
	subs := make([]string, len(re.Sub))
	for i, sub := range re.Sub {
		var err error
		if subs[i], err = c.regexp(sub, path); err != nil {
			return "", err
		}
	}
	repeat := func(least, most int) (string, error) {
		if least > mostRepeat || most > mostRepeat {
			return "", &Unsupported{Keyword: "pattern", Path: path, Why: "it repeats too often"}
		}
		return c.b.times(c.b.Add("part", subs[0]), least, most), nil
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		return `""`, nil
	case syntax.OpLiteral:
		var b strings.Builder
		for _, r := range re.Rune {
			ranges := []rune{r, r}
			if re.Flags&syntax.FoldCase != 0 {
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					ranges = append(ranges, f, f)
				}
			}
			expr, ok := inString(ranges)
			if !ok {
				return "", &Unsupported{Keyword: "pattern", Path: path, Why: "it has a control character"}
			}
			b.WriteString(" " + expr)
		}
		return strings.TrimSpace(b.String()), nil
	case syntax.OpCharClass:
		if !c.b.spend(10 * len(re.Rune)) { // bytes
			return "", errTooLarge
		}
		expr, ok := inString(re.Rune)
		if !ok {
			return "", &Unsupported{Keyword: "pattern", Path: path, Why: "it has a class of control characters"}
		}
		return expr, nil
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return c.b.shared("char"), nil
	case syntax.OpCapture:
		return "(" + subs[0] + ")", nil
	case syntax.OpStar:
		return repeat(0, -1)
	case syntax.OpPlus:
		return repeat(1, -1)
	case syntax.OpQuest:
		return repeat(0, 1)
	case syntax.OpRepeat:
		return repeat(re.Min, re.Max)
	case syntax.OpConcat:
		return strings.Join(subs, " "), nil
	case syntax.OpAlternate:
		return "(" + strings.Join(subs, " | ") + ")", nil
	}
	return "", &Unsupported{Keyword: "pattern", Path: path, Why: "only whole texts can be anchored, and word boundaries cannot be checked"}
}

// inString is an expression for one of some characters, given as pairs of first
// and last, as they are written within a JSON string.
func inString(ranges []rune) (expr string, ok bool) {
	var in strings.Builder
	var escaped []string
	for i := 0; i < len(ranges); i += 2 {
		low, high := ranges[i], ranges[i+1]
		for _, e := range []struct {
			r    rune
			text string
		}{{'"', `\"`}, {'\\', `\\`}, {'\n', `\n`}, {'\t', `\t`}, {'\r', `\r`}} {
			if low <= e.r && e.r <= high {
				escaped = append(escaped, Literal(e.text))
			}
		}
		low = max(low, ' ')
		for low <= high {
			to := high
			for _, skip := range []rune{'"', '\\', 0x7f} {
				if low == skip {
					low++
					to = low - 1
				} else if low < skip && skip <= to {
					to = skip - 1
				}
			}
			if low <= to {
				fmt.Fprintf(&in, `%s-%s`, class(low), class(to))
				low = to + 1
			}
		}
	}
	var parts []string
	if in.Len() > 0 {
		parts = append(parts, "["+in.String()+"]")
	}
	parts = append(parts, escaped...)
	return Any(parts...), len(parts) > 0
}
