package all

import (
	"testing"

	"github.com/outcrop/outcrop/internal/config"
)

// As many requests as the engine has places run, and engine.queue more wait.
func TestQueueIsOfThoseThatWait(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Engine.Parallel, cfg.Engine.Queue = 2, 1
	if got := llamacppParams(Params{Config: &cfg}); got.MaxQueue != 3 || got.Slots != 2 {
		t.Errorf("got %d requests at once in %d places, want 3 in 2", got.MaxQueue, got.Slots)
	}
}
