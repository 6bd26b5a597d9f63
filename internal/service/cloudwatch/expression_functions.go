package cloudwatch

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// reducers make one number of several.
var reducers = map[string]func([]float64) float64{
	"SUM": func(v []float64) float64 {
		var sum float64
		for _, x := range v {
			sum += x
		}
		return sum
	},
	"AVG": func(v []float64) float64 {
		var sum float64
		for _, x := range v {
			sum += x
		}
		return sum / float64(len(v))
	},
	"MIN": slices.Min[[]float64],
	"MAX": slices.Max[[]float64],
}

// roundings make another number of each.
var roundings = map[string]func(float64) float64{"ABS": math.Abs, "CEIL": math.Ceil, "FLOOR": math.Floor}

// call computes a function whose name and opening parenthesis have been read.
func (e *expression) call(ctx context.Context, name string) (value, error) {
	switch name {
	case "METRICS":
		return e.metrics(ctx)
	case "SEARCH":
		return e.search(ctx)
	}
	reduce, round := reducers[name], roundings[name]
	if reduce == nil && round == nil && name != "FILL" && name != "PERIOD" && name != "RATE" {
		return value{}, e.wrong("The function %s is not supported", name)
	}
	v, err := e.sum(ctx)
	if err != nil {
		return value{}, err
	}
	if name == "FILL" {
		if v, err = e.fill(ctx, v); err != nil {
			return value{}, err
		}
	}
	if e.accept(")") == 0 {
		return value{}, e.wrong("Missing ) of %s", name)
	}
	switch {
	case name == "FILL":
		return v, nil
	case v.kind == scalarKind && round == nil:
		return value{}, e.wrong("%s needs a time series", name)
	case name == "PERIOD" && v.kind == arrayKind:
		return value{}, e.wrong("PERIOD needs one time series")
	case name == "PERIOD":
		return value{scalar: v.lines[0].period.Seconds()}, nil
	case name == "RATE":
		return v.rate(), nil
	case round != nil:
		return v.each(round), nil
	case v.kind == arrayKind:
		return value{kind: lineKind, lines: []line{across(v.lines, reduce)}}, nil
	}
	return value{scalar: v.lines[0].over(reduce)}, nil
}

// metrics are the series of all queries that are no expressions, of those whose
// ID contains a text if there is one.
func (e *expression) metrics(ctx context.Context) (value, error) {
	part := ""
	if e.accept(")") == 0 {
		var ok bool
		if part, ok = e.quoted(); !ok || e.accept(")") == 0 {
			return value{}, e.wrong("METRICS takes one text")
		}
	}
	out := value{kind: arrayKind}
	for _, q := range e.data.order {
		if q.expression != "" || !strings.Contains(q.id, part) {
			continue
		}
		v, err := e.data.compute(ctx, q)
		if err != nil {
			return value{}, err
		}
		out.lines = append(out.lines, v.lines...)
	}
	return out, nil
}

// fill reads the second argument of FILL and gives the first one values at all
// times: a number, or the one before.
func (e *expression) fill(ctx context.Context, v value) (value, error) {
	if v.kind == scalarKind || e.accept(",") == 0 {
		return value{}, e.wrong("FILL takes a time series and what to fill it with")
	}
	repeat := false
	var with value
	if before := e.pos; e.word() == "REPEAT" {
		repeat = true
	} else {
		e.pos = before
		var err error
		if with, err = e.sum(ctx); err != nil {
			return value{}, err
		}
		if with.kind != scalarKind {
			return value{}, e.wrong("FILL fills with a number or REPEAT")
		}
	}
	out := value{kind: v.kind}
	for _, l := range v.lines {
		filled := line{label: l.label, period: l.period, values: map[int64]float64{}}
		last, known := with.scalar, !repeat
		times := e.data.times(l.period)
		if err := e.data.spend(len(times)); err != nil {
			return value{}, err
		}
		for _, at := range times {
			if x, ok := l.values[at]; ok {
				filled.values[at] = x
				if repeat {
					last, known = x, true
				}
			} else if known {
				filled.values[at] = last
			}
		}
		out.lines = append(out.lines, filled)
	}
	return out, nil
}

// rate is how much each value differs from the one before, a second.
func (v value) rate() value {
	out := value{kind: v.kind}
	for _, l := range v.lines {
		rated := line{label: l.label, period: l.period, values: map[int64]float64{}}
		step := int64(l.period / time.Second)
		for at, x := range l.values {
			if before, ok := l.values[at-step]; ok && step > 0 {
				rated.set(at, (x-before)/float64(step))
			}
		}
		out.lines = append(out.lines, rated)
	}
	return out
}

// quoted reads a text in single or double quotes.
func (e *expression) quoted() (string, bool) {
	quote := e.accept(`'"`)
	if quote == 0 {
		return "", false
	}
	text, rest, ok := strings.Cut(e.text[e.pos:], string(quote))
	if !ok {
		return "", false
	}
	e.pos = len(e.text) - len(rest)
	return text, true
}

var (
	searchSchema = regexp.MustCompile(`^\s*\{\s*"?AWS/Bedrock"?\s*(,\s*ModelId\s*)?\}\s*`)
	searchTerm   = regexp.MustCompile(`^(?:(MetricName|ModelId|Namespace|:aws\.AccountId)\s*=\s*)?(?:"([^"]*)"|([^\s"(){}=]+))\s*`)
)

// search is SEARCH('{AWS/Bedrock,ModelId} MetricName="…" …', 'stat', period): the
// series of all metrics that have all of the terms. Terms with a name and in
// quotes are exact, others parts of what they are looked for in.
func (e *expression) search(ctx context.Context) (value, error) {
	terms, ok := e.quoted()
	if !ok || e.accept(",") == 0 {
		return value{}, e.wrong("SEARCH takes a search expression, a statistic and a period")
	}
	stat, ok := e.quoted()
	if !ok {
		return value{}, e.wrong("SEARCH takes a statistic")
	}
	of, ok := statistic(stat)
	if !ok {
		return value{}, e.wrong("The statistic %s is not supported", stat)
	}
	step := cmp.Or(e.query.period, 5*time.Minute)
	if e.accept(",") != 0 {
		v, err := e.sum(ctx)
		if err != nil {
			return value{}, err
		}
		if v.kind != scalarKind || v.scalar < 60 || v.scalar > math.MaxInt32 || math.Mod(v.scalar, 60) != 0 {
			return value{}, e.wrong("The period of SEARCH must be a multiple of 60")
		}
		step = time.Duration(v.scalar) * time.Second
	}
	if e.accept(")") == 0 {
		return value{}, e.wrong("Missing ) of SEARCH")
	}
	keys, err := e.found(ctx, terms)
	if err != nil {
		return value{}, err
	}
	out := value{kind: arrayKind}
	for _, k := range keys[:min(len(keys), maxQueries)] {
		q := &query{key: k, counted: true, of: of, period: step, label: strings.TrimSpace(k.Model + " " + k.Metric.String())}
		v, err := e.data.measured(ctx, q)
		if err != nil {
			return value{}, err
		}
		out.lines = append(out.lines, v.lines...)
	}
	return out, nil
}

// found are the metrics that have all terms of a search.
func (e *expression) found(ctx context.Context, terms string) ([]series.Key, error) {
	c := call.From(ctx)
	keys, err := e.data.service.p.Series.Keys(ctx, c.Account, c.Region, e.data.service.p.Now().Add(-listAll))
	if err != nil {
		return nil, err
	}
	head := searchSchema.FindStringSubmatch(terms)
	if head == nil {
		if strings.HasPrefix(strings.TrimSpace(terms), "{") {
			return nil, nil // another namespace, or dimensions that no metric has
		}
		head = []string{"", ""}
	} else {
		// A schema names all of a metric's dimensions.
		keys = slices.DeleteFunc(keys, func(k series.Key) bool { return (k.Model == "") == (head[1] != "") })
	}
	for rest := terms[len(head[0]):]; rest != ""; {
		m := searchTerm.FindStringSubmatch(rest)
		if m == nil || m[3] == "OR" || m[3] == "NOT" {
			return nil, e.wrong("SEARCH supports terms that must all be there, not %q", rest)
		}
		rest = rest[len(m[0]):]
		if m[3] == "AND" && m[1] == "" {
			continue
		}
		keys = slices.DeleteFunc(keys, func(k series.Key) bool { return !has(k, m[1], m[2], m[3]) })
	}
	return keys, nil
}

// has says whether a metric has a term: exact in quotes, or a part.
func has(k series.Key, name, exact, part string) bool {
	in := map[string][]string{
		"MetricName": {k.Metric.String()}, "ModelId": {k.Model}, "Namespace": {namespace}, ":aws.AccountId": {k.Account},
		"": {k.Metric.String(), k.Model, namespace, dimension},
	}[name]
	return slices.ContainsFunc(in, func(s string) bool {
		if name != "" && exact != "" {
			return s == exact
		}
		return strings.Contains(strings.ToLower(s), strings.ToLower(exact+part))
	})
}
