package progress_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/progress"
)

func TestLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(progress.Sink)
		want []string
	}{
		{"whole", func(s progress.Sink) {
			b := s.Begin("engine", 100_000_000)
			for i := int64(0); i <= 100_000_000; i += 20_000_000 {
				b.Set(i)
			}
			b.End(nil)
		}, []string{"engine: 100.0 MB", "engine: 25% (40.0 MB of 100.0 MB)", "engine: 50% (60.0 MB of 100.0 MB)", "engine: 75% (80.0 MB of 100.0 MB)", "engine: done"}},
		{"small", func(s progress.Sink) {
			b := s.Begin("engine", 1000)
			b.Set(500)
			b.End(nil)
		}, []string{"engine: 1.0 kB", "engine: done"}},
		{"stopped", func(s progress.Sink) {
			b := s.Begin("engine", 1000)
			b.Set(10)
			b.End(errors.New("cut"))
		}, []string{"engine: 1.0 kB", "engine: stopped"}},
		{"size not known", func(s progress.Sink) {
			b := s.Begin("engine", -1)
			b.Set(10)
			b.Total(100_000_000)
			b.Set(50_000_000)
			b.End(nil)
		}, []string{"engine", "engine: 50% (50.0 MB of 100.0 MB)", "engine: done"}},
		{"begins again", func(s progress.Sink) {
			b := s.Begin("engine", 100_000_000)
			b.Set(50_000_000)
			b.Set(0)
			b.Set(50_000_000)
			b.End(nil)
		}, []string{"engine: 100.0 MB", "engine: 50% (50.0 MB of 100.0 MB)", "engine: 50% (50.0 MB of 100.0 MB)", "engine: done"}},
		{"note", func(s progress.Sink) { s.Note("waiting") }, []string{"waiting"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			tt.run(progress.For(&out))
			got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := progress.NewTerminal(&out)
	b := s.Begin("engine", -1)
	b.Total(1000)
	b.Set(500)
	s.Note("again")
	b.Set(1000)
	b.End(nil)
	for _, want := range []string{"engine", "100%", "again"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want it to contain %q", out.String(), want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 98362432: "98.4 MB", 4_700_000_000: "4.7 GB", 1 << 62: "4611.7 PB"} {
		if got := progress.Bytes(n); got != want {
			t.Errorf("Bytes(%d): got %q, want %q", n, got, want)
		}
	}
}

func TestCountingLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  [][2]int64
		want string
	}{
		{"nothing known", [][2]int64{{0, 0}, {0, 0}}, ""},
		{"many", [][2]int64{{0, 0}, {0, 100}, {20, 100}, {25, 100}, {30, 100}, {80, 100}, {100, 100}}, "docs: 100 documents\ndocs: 25 of 100 documents\ndocs: 80 of 100 documents\n"},
		{"few", [][2]int64{{1, 4}, {2, 4}, {4, 4}}, "docs: 4 documents\n"},
		{"a number that grows", [][2]int64{{10, 20}, {12, 40}, {20, 40}, {30, 40}}, "docs: 20 documents\ndocs: 10 of 20 documents\ndocs: 30 of 40 documents\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := progress.CounterFor(&out, "docs", "documents")
			for _, s := range tt.set {
				c.Set(s[0], s[1])
			}
			c.End()
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountingBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := progress.NewCountingBar(&out, "docs", "documents")
	c.Set(0, 0)
	c.Set(10, 10)
	c.Set(10, 10)
	c.Set(10, 40) // grew after it was done
	c.End()
	for _, want := range []string{"docs", "/10, ", "/40, "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q, want it to contain %q", out.String(), want)
		}
	}
}
