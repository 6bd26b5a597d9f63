package inference_test

import (
	"context"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/inference"
)

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		whole  bool
		tokens int
		first  time.Duration
		want   bool
		wait   time.Duration
	}{
		{"a stream", false, 16, time.Minute, false, time.Minute},
		{"as long as the model likes", true, 0, time.Minute, false, time.Minute},
		{"short", true, 16, time.Minute, true, 76 * time.Second},
		{"at the limit of the time", true, 120, time.Minute, true, 3 * time.Minute},
		{"above it", true, 121, time.Minute, false, time.Minute},
		{"long", true, 257, time.Hour, false, time.Hour},
		{"no bound", true, 256, 0, true, 0},
		{"no bound, long", true, 257, 0, false, 0},
	} {
		r := inference.Request{Whole: tt.whole, MaxTokens: tt.tokens}
		if whole, wait := r.Within(tt.first); whole != tt.want || wait != tt.wait {
			t.Errorf("%s: got %t and %s, want %t and %s", tt.name, whole, wait, tt.want, tt.wait)
		}
	}
}

type wholeSeen struct {
	inference.Backend
	whole bool
}

func (w *wholeSeen) Generate(_ context.Context, req *inference.Request, _ func(inference.Event) error) error {
	w.whole = req.Whole
	return nil
}

func TestCollectAsksForAWhole(t *testing.T) {
	t.Parallel()
	var b wholeSeen
	var req inference.Request
	if _, err := inference.Collect(t.Context(), &b, &req); err != nil || !b.whole || req.Whole {
		t.Errorf("asked for a whole: %t, the caller's request changed: %t, %v", b.whole, req.Whole, err)
	}
}
