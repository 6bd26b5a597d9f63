package series_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// BenchmarkAdd writes what a busy minute has: 100 models with 9 metrics each.
func BenchmarkAdd(b *testing.B) {
	s, err := series.Open(b.Context(), filepath.Join(b.TempDir(), "metrics.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	var list []series.Point
	for model := range 100 {
		for metric := range series.Metric(9) {
			k := series.Key{Account: "1", Region: "us-east-1", Model: fmt.Sprintf("model-%d", model), Metric: metric}
			list = append(list, point(k, noon, 1, 20, 300, 4000))
		}
	}
	for b.Loop() {
		if err := s.Add(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPoints reads a metric of a day by the minute, into steps of an hour.
func BenchmarkPoints(b *testing.B) {
	s, err := series.Open(b.Context(), filepath.Join(b.TempDir(), "metrics.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	var list []series.Point
	for minute := range 24 * 60 {
		list = append(list, point(latency, noon.Add(time.Duration(minute)*time.Minute), 1, 20, 300, 4000))
	}
	if err := s.Add(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		q := series.Query{Key: latency, Start: noon, End: noon.Add(24 * time.Hour), Period: time.Hour}
		if steps, err := s.Points(b.Context(), q, noon.Add(24*time.Hour)); err != nil || len(steps) != 24 {
			b.Fatalf("%d steps, %v", len(steps), err)
		}
	}
}
