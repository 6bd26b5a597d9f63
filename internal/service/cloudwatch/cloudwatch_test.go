package cloudwatch_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/cloudwatch"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// service has, from noon on: for model a 1, 2 and 3 invocations in the minutes 0,
// 1 and 3, of 10, 20, … ms; for model b 5 in minute 1.
func service(t *testing.T) (*cloudwatch.Service, context.Context) {
	t.Helper()
	store, err := series.Open(t.Context(), filepath.Join(t.TempDir(), "metrics.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	flushed := false
	s := cloudwatch.New(cloudwatch.Params{
		Series: store, Now: func() time.Time { return noon.Add(10 * time.Minute) },
		// What was counted is there once it has been asked for.
		Flush: func(ctx context.Context) error {
			if flushed {
				return nil
			}
			flushed = true
			return store.Add(ctx, points())
		},
	})
	return s, call.With(t.Context(), &call.Call{Account: "1", Region: "us-east-1"})
}

func points() []series.Point {
	var list []series.Point
	add := func(model string, minute, n int) {
		at := noon.Add(time.Duration(minute) * time.Minute)
		for _, m := range []string{model, ""} {
			count := series.Point{Key: series.Key{Account: "1", Region: "us-east-1", Model: m, Metric: series.Invocations}, Minute: at}
			latency := series.Point{Key: series.Key{Account: "1", Region: "us-east-1", Model: m, Metric: series.InvocationLatency}, Minute: at}
			for i := range n {
				count.Stat.Add(1)
				latency.Stat.Add(float64(10 * (i + 1)))
			}
			list = append(list, count, latency)
		}
	}
	add("a", 0, 1)
	add("a", 1, 2)
	add("a", 3, 3)
	add("b", 1, 5)
	elsewhere := list[0]
	elsewhere.Region, elsewhere.Minute = "us-west-2", noon.Add(2*time.Minute)
	return append(list, elsewhere)
}

func metric(name, model string) *api.Metric {
	m := &api.Metric{Namespace: ptr("AWS/Bedrock"), MetricName: &name}
	if model != "" {
		m.Dimensions = []api.Dimension{{Name: ptr("ModelId"), Value: &model}}
	}
	return m
}

func query(id, name, model, stat string) api.MetricDataQuery {
	return api.MetricDataQuery{Id: &id, MetricStat: &api.MetricStat{Metric: metric(name, model), Period: ptr(int32(60)), Stat: &stat}}
}

func input(queries ...api.MetricDataQuery) *api.GetMetricDataInput {
	return &api.GetMetricDataInput{StartTime: ptr(noon), EndTime: ptr(noon.Add(5 * time.Minute)), ScanBy: api.ScanByTimestampAscending, MetricDataQueries: queries}
}

// text writes a result as "minute=value", so that tables can be read.
func text(r api.MetricDataResult) string {
	var parts []string
	for i, at := range r.Timestamps {
		parts = append(parts, fmt.Sprintf("%v=%.4g", at.Sub(noon).Minutes(), r.Values[i]))
	}
	return strings.Join(parts, " ")
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	for name, tc := range map[string]struct {
		query api.MetricDataQuery
		want  string
	}{
		"sum":               {query("m", "Invocations", "a", "Sum"), "0=1 1=2 3=3"},
		"of all models":     {query("m", "Invocations", "", "Sum"), "0=1 1=7 3=3"},
		"count":             {query("m", "InvocationLatency", "a", "SampleCount"), "0=1 1=2 3=3"},
		"average":           {query("m", "InvocationLatency", "a", "Average"), "0=10 1=15 3=20"},
		"minimum":           {query("m", "InvocationLatency", "a", "Minimum"), "0=10 1=10 3=10"},
		"maximum":           {query("m", "InvocationLatency", "a", "Maximum"), "0=10 1=20 3=30"},
		"percentile":        {query("m", "InvocationLatency", "a", "p100"), "0=10 1=20 3=30"},
		"another model":     {query("m", "Invocations", "nobody", "Sum"), ""},
		"another metric":    {query("m", "OutputImageCount", "a", "Sum"), ""},
		"another namespace": {with(query("m", "Invocations", "a", "Sum"), func(m *api.MetricStat) { m.Metric.Namespace = ptr("AWS/Lambda") }), ""},
		"another dimension": {with(query("m", "Invocations", "a", "Sum"), func(m *api.MetricStat) { m.Metric.Dimensions[0].Name = ptr("ImageSize") }), ""},
		"another unit":      {with(query("m", "Invocations", "a", "Sum"), func(m *api.MetricStat) { m.Unit = api.StandardUnitSeconds }), ""},
		"its unit":          {with(query("m", "InvocationLatency", "a", "Sum"), func(m *api.MetricStat) { m.Unit = api.StandardUnitMilliseconds }), "0=10 1=30 3=60"},
		"longer periods":    {with(query("m", "Invocations", "a", "Sum"), func(m *api.MetricStat) { m.Period = ptr(int32(120)) }), "0=3 2=3"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := s.GetMetricData(ctx, input(tc.query))
			if err != nil {
				t.Fatal(err)
			}
			r := out.MetricDataResults[0]
			if got := text(r); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if *r.Id != "m" || *r.Label != *tc.query.MetricStat.Metric.MetricName || r.StatusCode != api.StatusCodeComplete {
				t.Errorf("got %s %q %s", *r.Id, *r.Label, r.StatusCode)
			}
		})
	}
}

func with(q api.MetricDataQuery, change func(*api.MetricStat)) api.MetricDataQuery {
	change(q.MetricStat)
	return q
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	for expression, want := range map[string]string{
		"m1":                   "e:0=1 1=2 3=3",
		"m1 + m2":              "e:1=7",
		"SUM([m1, m2])":        "e:0=1 1=7 3=3",
		"SUM(METRICS())":       "e:0=1 1=7 3=3",
		"AVG([m1,m2])":         "e:0=1 1=3.5 3=3",
		"MAX(METRICS('m1'))":   "e:0=1 1=2 3=3",
		"MIN([m1,m2]) * 2":     "e:0=2 1=4 3=6",
		"100 * m1 / SUM(m1)":   "e:0=16.67 1=33.33 3=50",
		"-(m1 - 2) ^ 2":        "e:0=1 1=0 3=1",
		"2 - m1 * 3":           "e:0=-1 1=-4 3=-7",
		"m1 / (m1 - 2)":        "e:0=-1 3=3", // no number where nothing divides
		"FILL(m2, 0)":          "e:0=0 1=5 2=0 3=0 4=0",
		"FILL(m1, REPEAT)":     "e:0=1 1=2 2=2 3=3 4=3",
		"m1 / PERIOD(m1) * 60": "e:0=1 1=2 3=3",
		"RATE(m1) * 60":        "e:1=1",
		"CEIL(m1 / 2)":         "e:0=1 1=1 3=2",
		"[m1, m2] + 1":         "Invocations:0=2 1=3 3=4|Invocations:1=6",
		"m1 - [m2]":            "Invocations:1=-3",
		`SEARCH('{AWS/Bedrock,ModelId} MetricName="Invocations"', 'Sum', 60)`:        "a Invocations:0=1 1=2 3=3|b Invocations:1=5",
		`SEARCH('{AWS/Bedrock} MetricName="Invocations"', 'Sum', 60)`:                "Invocations:0=1 1=7 3=3",
		`SUM(SEARCH(' {AWS/Bedrock,ModelId} MetricName="Invocations" ', "Sum", 60))`: "e:0=1 1=7 3=3",
		`SEARCH('{AWS/Bedrock,ModelId} ModelId=b latency', 'Maximum', 60)`:           "b InvocationLatency:1=50",
		`SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum', 60)`:                      "",
	} {
		t.Run(expression, func(t *testing.T) {
			m1, m2 := query("m1", "Invocations", "a", "Sum"), query("m2", "Invocations", "b", "Sum")
			m1.ReturnData, m2.ReturnData = ptr(false), ptr(false)
			out, err := s.GetMetricData(ctx, input(api.MetricDataQuery{Id: ptr("e"), Expression: &expression}, m1, m2))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range out.MetricDataResults {
				if *r.Id != "e" {
					t.Errorf("got a result of %s", *r.Id)
				}
				got = append(got, *r.Label+":"+text(r))
			}
			if got := strings.Join(got, "|"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	for name, tc := range map[string]struct {
		change func(*api.GetMetricDataInput)
		want   string
	}{
		"no queries": {func(in *api.GetMetricDataInput) { in.MetricDataQueries = nil }, "between 1 and 500"},
		"twice the id": {func(in *api.GetMetricDataInput) {
			in.MetricDataQueries = append(in.MetricDataQueries, in.MetricDataQueries...)
		}, "must be unique: m"},
		"a bad id":         {func(in *api.GetMetricDataInput) { in.MetricDataQueries[0].Id = ptr("M") }, "not matching the expected pattern"},
		"both":             {func(in *api.GetMetricDataInput) { in.MetricDataQueries[0].Expression = ptr("m") }, "Exactly one of"},
		"a bad period":     {func(in *api.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = ptr(int32(30)) }, "multiple of 60"},
		"a bad statistic":  {func(in *api.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = ptr("tm99") }, "tm99 for parameter Stat"},
		"a bad percentile": {func(in *api.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = ptr("p101") }, "p101 for parameter Stat"},
		"no time":          {func(in *api.GetMetricDataInput) { in.EndTime = in.StartTime }, "StartTime must be less"},
		"too many points":  {func(in *api.GetMetricDataInput) { in.MaxDatapoints = ptr(int32(100801)) }, "MaxDatapoints"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(query("m", "Invocations", "a", "Sum"))
			tc.change(in)
			_, err := s.GetMetricData(ctx, in)
			refused(t, err, "ValidationError", tc.want)
		})
	}
	in := input(query("m", "Invocations", "a", "Sum"))
	in.NextToken = ptr("made up")
	_, err := s.GetMetricData(ctx, in)
	refused(t, err, "InvalidNextToken", "NextToken")
	for expression, want := range map[string]string{
		" ":                         "Unexpected end",
		"m +":                       "Unexpected end",
		"m m":                       `Unexpected "m"`,
		"m ? 1":                     `Unexpected "?"`,
		"(m":                        "Missing )",
		"[m":                        "Missing ]",
		"SUM(m":                     "Missing )",
		"m9":                        "m9 is not the Id",
		"e":                         "Circular reference",
		"1 + 2":                     "must return a time series",
		"SUM(m)":                    "must return a time series",
		"SUM(1)":                    "needs a time series",
		"PERIOD([m])":               "needs one time series",
		"[m] + [m]":                 "Two arrays",
		"[1]":                       "must be time series",
		"FILL(m)":                   "FILL takes",
		"FILL(m, m)":                "FILL fills",
		"METRICS(m)":                "METRICS takes",
		"ANOMALY_DETECTION_BAND(m)": "ANOMALY_DETECTION_BAND is not supported",
		"1.2.3":                     "not a number",
		"SEARCH('x')":               "SEARCH takes",
		"SEARCH('x', 'tm90')":       "statistic tm90",
		"SEARCH('a OR b', 'Sum')":   "must all be there",
		"SEARCH('x', 'Sum', 7)":     "multiple of 60",
		strings.Repeat("(", 2000):   "Nested too deeply",
		strings.Repeat("-", 2000):   "Nested too deeply",
	} {
		_, err := s.GetMetricData(ctx, input(query("m", "Invocations", "a", "Sum"), api.MetricDataQuery{Id: ptr("e"), Expression: &expression}))
		refused(t, err, "ValidationError", want)
	}
}

func refused(t *testing.T, err error, code, want string) {
	t.Helper()
	if f := fault.As(err); err == nil || f.Kind != fault.Invalid || f.Code != code || !strings.Contains(f.Message, want) {
		t.Errorf("got %v, want %s with %q", err, code, want)
	}
}

func TestDataComeInPages(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	in := input(query("a", "Invocations", "a", "Sum"), query("none", "Invocations", "nobody", "Sum"), query("b", "Invocations", "b", "Sum"))
	in.ScanBy, in.MaxDatapoints = "", ptr(int32(2))
	var got []string
	for range 5 {
		out, err := s.GetMetricData(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.MetricDataResults {
			got = append(got, fmt.Sprintf("%s %s %s", *r.Id, r.StatusCode, text(r)))
		}
		got = append(got, "")
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	want := []string{"a PartialData 3=3 1=2", "", "a Complete 0=1", "none Complete ", "b Complete 1=5", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestGetMetricStatistics(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	in := func() *api.GetMetricStatisticsInput {
		m := metric("InvocationLatency", "a")
		return &api.GetMetricStatisticsInput{
			Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions, Period: ptr(int32(300)),
			StartTime: ptr(noon.Add(30 * time.Second)), EndTime: ptr(noon.Add(10 * time.Minute)),
			Statistics: []api.Statistic{"SampleCount", "Sum", "Average", "Minimum", "Maximum"},
		}
	}
	out, err := s.GetMetricStatistics(ctx, in())
	if err != nil {
		t.Fatal(err)
	}
	want := &api.GetMetricStatisticsOutput{Label: ptr("InvocationLatency"), Datapoints: []api.Datapoint{{
		Timestamp: ptr(noon), SampleCount: ptr(6.0), Sum: ptr(100.0), Average: ptr(100.0 / 6), Minimum: ptr(10.0), Maximum: ptr(30.0), Unit: "Milliseconds",
	}}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("statistics (-want +got):\n%s", diff)
	}
	extended := in()
	extended.Statistics, extended.ExtendedStatistics = nil, []string{"p100", "p0.0"}
	if out, err = s.GetMetricStatistics(ctx, extended); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{"p100": 30, "p0.0": 10}, out.Datapoints[0].ExtendedStatistics); diff != "" {
		t.Errorf("percentiles (-want +got):\n%s", diff)
	}
	elsewhere := in()
	elsewhere.Namespace = ptr("AWS/EC2")
	if out, err = s.GetMetricStatistics(ctx, elsewhere); err != nil || len(out.Datapoints) != 0 {
		t.Errorf("another namespace: got %v, %v", out, err)
	}
	for _, tc := range []struct {
		change     func(*api.GetMetricStatisticsInput)
		code, want string
	}{
		{func(in *api.GetMetricStatisticsInput) { in.Period = ptr(int32(61)) }, "InvalidParameterValue", "multiple of 60"},
		{func(in *api.GetMetricStatisticsInput) { in.StartTime, in.EndTime = in.EndTime, in.StartTime }, "InvalidParameterValue", "StartTime must be less"},
		{func(in *api.GetMetricStatisticsInput) { in.Statistics = nil }, "MissingParameter", "must be specified"},
		{func(in *api.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"p1"} }, "InvalidParameterCombination", "together"},
		{func(in *api.GetMetricStatisticsInput) { in.Statistics, in.ExtendedStatistics = nil, []string{"Sum"} }, "InvalidParameterValue", "ExtendedStatistics"},
		{func(in *api.GetMetricStatisticsInput) {
			in.StartTime, in.Period = ptr(noon.Add(-24*time.Hour)), ptr(int32(60))
		}, "InvalidParameterCombination", "exceeds the limit of 1440"},
	} {
		bad := in()
		tc.change(bad)
		_, err := s.GetMetricStatistics(ctx, bad)
		refused(t, err, tc.code, tc.want)
	}
}

func TestListMetrics(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	for name, tc := range map[string]struct {
		in   api.ListMetricsInput
		want string
	}{
		"all":               {api.ListMetricsInput{}, "Invocations Invocations/a Invocations/b InvocationLatency InvocationLatency/a InvocationLatency/b"},
		"recent":            {api.ListMetricsInput{RecentlyActive: "PT3H", Namespace: ptr("AWS/Bedrock")}, "Invocations Invocations/a Invocations/b InvocationLatency InvocationLatency/a InvocationLatency/b"},
		"one metric":        {api.ListMetricsInput{MetricName: ptr("Invocations")}, "Invocations Invocations/a Invocations/b"},
		"with models":       {api.ListMetricsInput{MetricName: ptr("Invocations"), Dimensions: []api.DimensionFilter{{Name: ptr("ModelId")}}}, "Invocations/a Invocations/b"},
		"of a model":        {api.ListMetricsInput{Dimensions: []api.DimensionFilter{{Name: ptr("ModelId"), Value: ptr("b")}}}, "Invocations/b InvocationLatency/b"},
		"another dimension": {api.ListMetricsInput{Dimensions: []api.DimensionFilter{{Name: ptr("FunctionName")}}}, ""},
		"another namespace": {api.ListMetricsInput{Namespace: ptr("AWS/EC2")}, ""},
		"another account":   {api.ListMetricsInput{OwningAccount: ptr("2")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := s.ListMetrics(ctx, &tc.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range out.Metrics {
				name := *m.MetricName
				if len(m.Dimensions) > 0 {
					name += "/" + *m.Dimensions[0].Value
				}
				got = append(got, name)
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	_, err := s.ListMetrics(ctx, &api.ListMetricsInput{NextToken: ptr("?")})
	refused(t, err, "InvalidParameterValue", "NextToken")
}

// TestValuesAreBounded: what one request makes has a limit, however it is asked.
func TestValuesAreBounded(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	queries := []api.MetricDataQuery{query("m", "Invocations", "a", "Sum")}
	for i := range 20 {
		queries = append(queries, api.MetricDataQuery{Id: ptr(fmt.Sprintf("e%d", i)), Expression: ptr("FILL(m, 0)")})
	}
	in := input(queries...)
	in.EndTime = ptr(noon.Add(60 * 24 * time.Hour))
	_, err := s.GetMetricData(ctx, in)
	refused(t, err, "ValidationError", "more than 720000 datapoints")
}

// FuzzExpression: no expression makes the service panic.
func FuzzExpression(f *testing.F) {
	store, err := series.Open(f.Context(), filepath.Join(f.TempDir(), "metrics.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	if err := store.Add(f.Context(), points()); err != nil {
		f.Fatal(err)
	}
	s := cloudwatch.New(cloudwatch.Params{
		Series: store, Now: func() time.Time { return noon.Add(10 * time.Minute) }, Flush: func(context.Context) error { return nil },
	})
	for _, seed := range []string{"SUM([m, m]) / -2 ^ m", "FILL(METRICS('m'), REPEAT)", `SEARCH('{AWS/Bedrock,ModelId} MetricName="Invocations"', 'p90', 60)`, "MAX(SEARCH('none', 'Sum'))", "PERIOD(m) * RATE(m)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		ctx := call.With(t.Context(), &call.Call{Account: "1", Region: "us-east-1"})
		_, err := s.GetMetricData(ctx, input(query("m", "Invocations", "a", "Sum"), api.MetricDataQuery{Id: ptr("e"), Expression: &expression}))
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", expression, err)
		}
	})
}
