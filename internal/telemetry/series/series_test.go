package series_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/telemetry/series"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *series.Store {
	t.Helper()
	s, err := series.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // may be closed already
	return s
}

func point(k series.Key, at time.Time, values ...float64) series.Point {
	p := series.Point{Key: k, Minute: at}
	for _, v := range values {
		p.Stat.Add(v)
	}
	return p
}

var latency = series.Key{Account: "1", Region: "us-east-1", Model: "m", Metric: series.InvocationLatency}

func TestPointsAddUpAcrossRestarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s := open(t, path)
	for _, p := range []series.Point{
		point(latency, noon, 10, 20), point(latency, noon.Add(time.Minute), 5), point(latency, noon.Add(time.Hour), 7),
		point(series.Key{Account: "2", Region: "us-east-1", Model: "m", Metric: series.InvocationLatency}, noon, 99),
		point(series.Key{Account: "1", Region: "us-west-2", Model: "m", Metric: series.InvocationLatency}, noon, 99),
	} {
		if err := s.Add(t.Context(), []series.Point{p}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if err := s.Add(t.Context(), []series.Point{point(latency, noon, 60)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Points(t.Context(), series.Query{Key: latency, Start: noon, End: noon.Add(time.Hour), Period: time.Minute}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0].Start.Equal(noon) || !got[1].Start.Equal(noon.Add(time.Minute)) {
		t.Fatalf("got %+v, want two minutes", got)
	}
	first := got[0].Stat
	if first.N != 3 || first.Sum != 90 || first.Min != 10 || first.Max != 60 || first.Average() != 30 {
		t.Errorf("got %+v", first)
	}
	if p := first.Percentile(100); p != 60 {
		t.Errorf("p100: got %v, want 60", p)
	}
	if p := first.Percentile(50); p < 17 || p > 23 {
		t.Errorf("p50: got %v, want about 20", p)
	}
	whole, err := s.Points(t.Context(), series.Query{Key: latency, Start: noon, End: noon.Add(2 * time.Hour), Period: 2 * time.Hour}, noon)
	if err != nil || len(whole) != 1 || whole[0].Stat.N != 5 {
		t.Errorf("two hours: got %+v, %v, want one step with 5 values", whole, err)
	}
}

func TestOldPointsAreKeptCoarser(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "metrics.db"))
	if err := s.Add(t.Context(), []series.Point{point(latency, noon.Add(7*time.Minute), 1)}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		age    time.Duration
		period time.Duration
		want   int
	}{
		{24 * time.Hour, time.Minute, 1},
		{16 * 24 * time.Hour, time.Minute, 0},
		{16 * 24 * time.Hour, 5 * time.Minute, 1},
		{64 * 24 * time.Hour, 5 * time.Minute, 0},
		{64 * 24 * time.Hour, time.Hour, 1},
		{456 * 24 * time.Hour, time.Hour, 0},
	} {
		now := noon.Add(tc.age)
		if err := s.Prune(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		got, err := s.Points(t.Context(), series.Query{Key: latency, Start: noon, End: noon.Add(time.Hour), Period: tc.period}, now)
		if err != nil || len(got) != tc.want {
			t.Errorf("after %v in steps of %v: got %d steps, %v, want %d", tc.age, tc.period, len(got), err, tc.want)
		}
	}
}

func TestKeysAreThoseWithValues(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "metrics.db"))
	all := series.Key{Account: "1", Region: "us-east-1", Metric: series.Invocations}
	err := s.Add(t.Context(), []series.Point{
		point(latency, noon, 1), point(all, noon.Add(-time.Hour), 1),
		point(series.Key{Account: "2", Region: "us-east-1", Metric: series.Invocations}, noon, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	for since, want := range map[time.Time][]series.Key{noon.Add(-2 * time.Hour): {all, latency}, noon: {latency}} {
		got, err := s.Keys(t.Context(), "1", "us-east-1", since)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("since %v (-want +got):\n%s", since, diff)
		}
	}
}

// TestPercentiles: the histogram is never further off than an eighth of an
// octave, at any size of the values.
func TestPercentiles(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{1, 37, 1e3, 1e6, 1e12} {
		var s series.Stat
		for i := range 1000 {
			s.Add(scale * float64(i+1))
		}
		for _, p := range []float64{1, 10, 50, 90, 99, 99.9} {
			want := scale * 10 * p
			if got := s.Percentile(p); math.Abs(got-want) > want/8+scale {
				t.Errorf("scale %v, p%v: got %v, want %v", scale, p, got, want)
			}
		}
	}
	var zero series.Stat
	zero.Add(0)
	if got := zero.Percentile(99); got != 0 {
		t.Errorf("of nothing but 0: got %v", got)
	}
}

func TestNamesComeBack(t *testing.T) {
	t.Parallel()
	for m := range series.Count {
		if got, ok := series.ParseMetric(m.String()); !ok || got != m {
			t.Errorf("%v: got %v, %v", m, got, ok)
		}
	}
	if _, ok := series.ParseMetric("CPUUtilization"); ok {
		t.Error("a metric of another service was found")
	}
}
