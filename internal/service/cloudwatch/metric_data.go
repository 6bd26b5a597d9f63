package cloudwatch

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"time"

	api "github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/telemetry/series"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	maxQueries    = 500
	maxDatapoints = 100_800
	// maxComputed bounds the values that one request reads or makes, and so its
	// memory: those of 500 metrics of a day, by the minute.
	maxComputed = 720_000
)

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// line is a time series: values by the second at which their period begins.
type line struct {
	label  string
	period time.Duration
	values map[int64]float64
}

// GetMetricData implements api.Service.
func (s *Service) GetMetricData(ctx context.Context, in *api.GetMetricDataInput) (*api.GetMetricDataOutput, error) {
	skip, err := readToken(in.NextToken, codeToken)
	if err != nil {
		return nil, err
	}
	from, to, err := s.span(in.StartTime, in.EndTime, codeValidation)
	if err != nil {
		return nil, err
	}
	limit := maxDatapoints
	if in.MaxDatapoints != nil {
		if limit = int(*in.MaxDatapoints); limit < 1 || limit > maxDatapoints {
			return nil, invalid(codeValidation, "The parameter MaxDatapoints must be between 1 and %d.", maxDatapoints)
		}
	}
	d := &data{service: s, from: from, to: to, queries: map[string]*query{}}
	if err := d.read(ctx, in.MetricDataQueries); err != nil {
		return nil, err
	}
	s.flush(ctx)
	var results []api.MetricDataResult
	for i := range in.MetricDataQueries {
		q := d.queries[*in.MetricDataQueries[i].Id]
		lines, err := d.lines(ctx, q)
		if err != nil {
			return nil, err
		}
		if q.hidden {
			continue
		}
		for _, l := range lines {
			results = append(results, result(q, l, in.ScanBy))
		}
	}
	out := &api.GetMetricDataOutput{}
	out.MetricDataResults, out.NextToken = page(results, skip, limit)
	return out, nil
}

// query is one of the queries of a request.
type query struct {
	id, label  string
	key        series.Key
	counted    bool // key is a metric that somebody counts
	of         func(*series.Stat) float64
	period     time.Duration
	expression string
	hidden     bool

	busy  bool // being computed, to notice circles
	done  bool
	value value
}

// data computes the queries of one request.
type data struct {
	service  *Service
	from, to time.Time
	queries  map[string]*query
	order    []*query
	values   int // that were read or made
}

// spend counts values against what one request may have.
func (d *data) spend(n int) error {
	if d.values += n; d.values > maxComputed {
		return invalid(codeValidation, "The request needs more than %d datapoints. You may reduce them by increasing Period, decreasing the time range, or asking for fewer metrics.", maxComputed)
	}
	return nil
}

// read checks the queries before anything is computed.
func (d *data) read(ctx context.Context, all []api.MetricDataQuery) error {
	if len(all) == 0 || len(all) > maxQueries {
		return invalid(codeValidation, "The collection MetricDataQueries must have between 1 and %d elements.", maxQueries)
	}
	for i := range all {
		in := &all[i]
		q := &query{id: schema.Deref(in.Id), label: schema.Deref(in.Label), hidden: in.ReturnData != nil && !*in.ReturnData}
		if !idPattern.MatchString(q.id) {
			return invalid(codeValidation, "The value %s for parameter MetricDataQueries.member.%d.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.id, i+1)
		}
		if d.queries[q.id] != nil {
			return invalid(codeValidation, "The values for parameter id in MetricDataQueries must be unique: %s.", q.id)
		}
		if (in.MetricStat == nil) == (in.Expression == nil) {
			return invalid(codeValidation, "Exactly one of MetricStat and Expression must be specified for MetricDataQueries.member.%d.", i+1)
		}
		q.expression = schema.Deref(in.Expression)
		if in.Period != nil {
			var err error
			if q.period, err = period(in.Period, codeValidation); err != nil {
				return err
			}
		}
		d.queries[q.id] = q
		d.order = append(d.order, q)
		if in.MetricStat == nil {
			continue
		}
		if err := q.stat(in.MetricStat); err != nil {
			return err
		}
		q.bind(ctx, in.MetricStat)
	}
	return nil
}

func (q *query) stat(in *api.MetricStat) (err error) {
	if q.period, err = period(in.Period, codeValidation); err != nil {
		return err
	}
	var ok bool
	if q.of, ok = statistic(schema.Deref(in.Stat)); !ok {
		return invalid(codeValidation, "The value %s for parameter Stat is not supported. SampleCount, Sum, Average, Minimum, Maximum and percentiles such as p99 are.", schema.Deref(in.Stat))
	}
	return nil
}

// bind finds the numbers of the query; it needs the call for the account.
func (q *query) bind(ctx context.Context, in *api.MetricStat) {
	m := in.Metric
	if m == nil {
		return
	}
	q.key, q.counted = key(ctx, schema.Deref(m.Namespace), schema.Deref(m.MetricName), m.Dimensions)
	if q.label == "" {
		q.label = schema.Deref(m.MetricName)
	}
	if in.Unit != "" && in.Unit != unit(q.key.Metric) {
		q.counted = false
	}
}

// lines are the time series that a query answers.
func (d *data) lines(ctx context.Context, q *query) ([]line, error) {
	v, err := d.compute(ctx, q)
	if err != nil {
		return nil, err
	}
	if v.kind == scalarKind {
		if q.hidden {
			return nil, nil
		}
		return nil, invalid(codeValidation, "Error in expression '%s' [Expression must return a time series]", q.id)
	}
	return v.lines, nil
}

// compute returns the value of a query, computing it once.
func (d *data) compute(ctx context.Context, q *query) (value, error) {
	if q.done {
		return q.value, nil
	}
	if q.busy {
		return value{}, invalid(codeValidation, "Error in expression '%s' [Circular reference]", q.id)
	}
	q.busy = true
	defer func() { q.busy = false }()
	var err error
	if q.expression == "" {
		q.value, err = d.measured(ctx, q)
	} else {
		e := expression{data: d, query: q, text: q.expression}
		q.value, err = e.run(ctx)
	}
	q.done = err == nil
	return q.value, err
}

// measured reads the numbers of a metric.
func (d *data) measured(ctx context.Context, q *query) (value, error) {
	l := line{label: q.label, period: q.period, values: map[int64]float64{}}
	if q.counted {
		steps, err := d.service.p.Series.Points(ctx, series.Query{Key: q.key, Start: d.from, End: d.to, Period: q.period}, d.service.p.Now())
		if err != nil {
			return value{}, err
		}
		if err := d.spend(len(steps)); err != nil {
			return value{}, err
		}
		for i := range steps {
			l.values[steps[i].Start.Unix()] = q.of(&steps[i].Stat)
		}
	}
	return value{kind: lineKind, lines: []line{l}}, nil
}

func result(q *query, l line, order api.ScanBy) api.MetricDataResult {
	label := l.label
	if q.label != "" {
		label = q.label
	}
	r := api.MetricDataResult{Id: &q.id, Label: &label, StatusCode: api.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{}}
	at := slices.Sorted(maps.Keys(l.values))
	if order != api.ScanByTimestampAscending {
		slices.Reverse(at)
	}
	for _, t := range at {
		r.Timestamps, r.Values = append(r.Timestamps, time.Unix(t, 0).UTC()), append(r.Values, l.values[t])
	}
	return r
}

// page cuts the datapoints of one answer out of all. A result that goes on in
// the next answer says so.
func page(all []api.MetricDataResult, skip, limit int) ([]api.MetricDataResult, *string) {
	out := []api.MetricDataResult{}
	seen := 0
	for i := range all {
		r := all[i]
		n := len(r.Values)
		first, last := min(max(skip-seen, 0), n), min(max(skip+limit-seen, 0), n)
		here := seen <= skip+limit && (seen > skip || skip == 0) // of one without values
		seen += n
		ends := seen <= skip+limit
		if first == last && (n > 0 || !here) {
			continue
		}
		r.Timestamps, r.Values = r.Timestamps[first:last], r.Values[first:last]
		if !ends {
			r.StatusCode = api.StatusCodePartialData
		}
		out = append(out, r)
	}
	if seen > skip+limit {
		return out, writeToken(skip + limit)
	}
	return out, nil
}
