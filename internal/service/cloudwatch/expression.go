package cloudwatch

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is what a part of an expression is worth: a number, a time series, or an
// array of time series.
type value struct {
	kind   valueKind
	scalar float64
	lines  []line
}

type valueKind uint8

const (
	scalarKind valueKind = iota
	lineKind
	arrayKind
)

// expression computes metric math as it reads it: numbers, IDs of other queries,
// + - * / ^, parentheses, arrays, and the functions in expression_functions.go.
type expression struct {
	data  *data
	query *query
	text  string
	pos   int
	depth int
}

// maxNesting bounds parentheses and signs.
const maxNesting = 100

func (e *expression) wrong(format string, args ...any) error {
	return invalid(codeValidation, "Error in expression '"+e.query.id+"' ["+format+"]", args...)
}

// run computes the whole expression. Its series are labelled by the ID of the
// query, unless they are several or have labels of their own.
func (e *expression) run(ctx context.Context) (value, error) {
	v, err := e.sum(ctx)
	if err != nil {
		return v, err
	}
	if e.space(); e.pos != len(e.text) {
		return v, e.wrong("Unexpected %q", e.text[e.pos:e.pos+1])
	}
	v.lines = slices.Clone(v.lines) // they may be another query's
	for i := range v.lines {
		if v.kind == lineKind || v.lines[i].label == "" {
			v.lines[i].label = e.query.id
		}
	}
	return v, nil
}

func (e *expression) space() {
	e.pos += len(e.text[e.pos:]) - len(strings.TrimLeft(e.text[e.pos:], " \t\r\n"))
}

// accept takes one of the characters, if that is what comes.
func (e *expression) accept(chars string) byte {
	if e.space(); e.pos < len(e.text) && strings.IndexByte(chars, e.text[e.pos]) >= 0 {
		e.pos++
		return e.text[e.pos-1]
	}
	return 0
}

func (e *expression) sum(ctx context.Context) (value, error) {
	if e.depth++; e.depth > maxNesting {
		return value{}, e.wrong("Nested too deeply")
	}
	defer func() { e.depth-- }()
	left, err := e.product(ctx)
	for err == nil {
		op := e.accept("+-")
		if op == 0 {
			return left, nil
		}
		var right value
		if right, err = e.product(ctx); err == nil {
			left, err = e.binary(op, left, right)
		}
	}
	return value{}, err
}

func (e *expression) product(ctx context.Context) (value, error) {
	left, err := e.power(ctx)
	for err == nil {
		op := e.accept("*/")
		if op == 0 {
			return left, nil
		}
		var right value
		if right, err = e.power(ctx); err == nil {
			left, err = e.binary(op, left, right)
		}
	}
	return value{}, err
}

func (e *expression) power(ctx context.Context) (value, error) {
	left, err := e.signed(ctx)
	if err != nil || e.accept("^") == 0 {
		return left, err
	}
	right, err := e.signed(ctx)
	if err != nil {
		return value{}, err
	}
	return e.binary('^', left, right)
}

func (e *expression) signed(ctx context.Context) (value, error) {
	if e.depth++; e.depth > maxNesting {
		return value{}, e.wrong("Nested too deeply")
	}
	defer func() { e.depth-- }()
	if e.accept("-") == 0 {
		return e.operand(ctx)
	}
	v, err := e.signed(ctx)
	if err != nil {
		return v, err
	}
	return e.binary('*', value{scalar: -1}, v)
}

func (e *expression) operand(ctx context.Context) (value, error) {
	switch e.accept("([") {
	case '(':
		v, err := e.sum(ctx)
		if err == nil && e.accept(")") == 0 {
			err = e.wrong("Missing )")
		}
		return v, err
	case '[':
		return e.array(ctx)
	}
	rest := e.text[e.pos:]
	if n := len(rest) - len(strings.TrimLeft(rest, "0123456789.")); n > 0 {
		number, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return value{}, e.wrong("%s is not a number", rest[:n])
		}
		e.pos += n
		return value{scalar: number}, nil
	}
	name := e.word()
	switch {
	case name == "" && rest == "":
		return value{}, e.wrong("Unexpected end")
	case name == "":
		return value{}, e.wrong("Unexpected %q", rest[:1])
	case e.accept("(") != 0:
		return e.call(ctx, name)
	}
	q := e.data.queries[name]
	if q == nil {
		return value{}, e.wrong("%s is not the Id of a query", name)
	}
	return e.data.compute(ctx, q)
}

func (e *expression) word() string {
	e.space()
	rest := e.text[e.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if n < 0 {
		n = len(rest)
	}
	e.pos += n
	return rest[:n]
}

func (e *expression) array(ctx context.Context) (value, error) {
	out := value{kind: arrayKind}
	for {
		v, err := e.sum(ctx)
		if err != nil {
			return value{}, err
		}
		if v.kind == scalarKind {
			return value{}, e.wrong("The elements of an array must be time series")
		}
		if out.lines = append(out.lines, v.lines...); len(out.lines) > maxQueries {
			return value{}, e.wrong("Too many time series")
		}
		if e.accept(",") == 0 {
			break
		}
	}
	if e.accept("]") == 0 {
		return value{}, e.wrong("Missing ]")
	}
	return out, nil
}

// binary combines two values. Where both are series, times count that both have.
func (e *expression) binary(op byte, a, b value) (value, error) {
	f := operators[op]
	switch {
	case a.kind == scalarKind && b.kind == scalarKind:
		return value{scalar: f(a.scalar, b.scalar)}, nil
	case b.kind == scalarKind:
		return a.each(func(v float64) float64 { return f(v, b.scalar) }), nil
	case a.kind == scalarKind:
		return b.each(func(v float64) float64 { return f(a.scalar, v) }), nil
	case a.kind == arrayKind && b.kind == arrayKind:
		return value{}, e.wrong("Two arrays cannot be combined")
	case b.kind == arrayKind:
		return b.pair(a.lines[0], func(x, y float64) float64 { return f(y, x) }), nil
	}
	return a.pair(b.lines[0], f), nil
}

var operators = map[byte]func(a, b float64) float64{
	'+': func(a, b float64) float64 { return a + b },
	'-': func(a, b float64) float64 { return a - b },
	'*': func(a, b float64) float64 { return a * b },
	'/': func(a, b float64) float64 { return a / b },
	'^': math.Pow,
}

// each applies f to every value. What is no number is no datapoint.
func (v value) each(f func(float64) float64) value {
	if v.kind == scalarKind {
		return value{scalar: f(v.scalar)}
	}
	out := value{kind: v.kind, lines: make([]line, len(v.lines))}
	for i, l := range v.lines {
		out.lines[i] = line{label: l.label, period: l.period, values: make(map[int64]float64, len(l.values))}
		for at, x := range l.values {
			out.lines[i].set(at, f(x))
		}
	}
	return out
}

func (v value) pair(with line, f func(a, b float64) float64) value {
	out := value{kind: v.kind, lines: make([]line, len(v.lines))}
	for i, l := range v.lines {
		out.lines[i] = line{label: l.label, period: max(l.period, with.period), values: map[int64]float64{}}
		for at, x := range l.values {
			if y, ok := with.values[at]; ok {
				out.lines[i].set(at, f(x, y))
			}
		}
	}
	return out
}

func (l *line) set(at int64, v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		l.values[at] = v
	}
}

// across combines the values that several series have at the same times.
func across(lines []line, f func([]float64) float64) line {
	out := line{values: map[int64]float64{}}
	all := map[int64][]float64{}
	for _, l := range lines {
		out.period = max(out.period, l.period)
		for at, x := range l.values {
			all[at] = append(all[at], x)
		}
	}
	for at, values := range all {
		out.set(at, f(values))
	}
	return out
}

// over combines the values that a series has at all times.
func (l *line) over(f func([]float64) float64) float64 {
	values := slices.Collect(maps.Values(l.values))
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values) // sums do not depend on the order of a map
	return f(values)
}

// times are those at which a series could have values.
func (d *data) times(period time.Duration) []int64 {
	if period <= 0 {
		return nil
	}
	var at []int64
	for t := d.from; t.Before(d.to) && len(at) < maxDatapoints; t = t.Add(period) {
		at = append(at, t.Unix())
	}
	return at
}
