package embed_test

import (
	"context"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
)

// TestThrottled has jobs wait until there is room, and clients told at once.
func TestThrottled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ tell, fails bool }{"a job": {false, false}, "a client": {true, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, clock := 0, time.Unix(1e9, 0)
			m := &model{before: func(context.Context, *inference.EmbedRequest) error {
				if asked++; asked == 1 {
					return fault.New(fault.Throttled, "wait")
				}
				return nil
			}}
			e := m.open(t, embed.Params{
				TellThrottled: tt.tell, Now: func() time.Time { return clock },
				Wait: func(context.Context, time.Duration) error { return nil },
			})
			if _, err := e.Embed(t.Context(), []string{"one"}); fault.Is(err, fault.Throttled) != tt.fails {
				t.Errorf("got %v after asking %d times", err, asked)
			}
		})
	}
}
