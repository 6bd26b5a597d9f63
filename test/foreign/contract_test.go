package foreign_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/inference/backendtest"
)

// The contract of all backends, over a server of another project: what the fake
// of the adapter's own tests believes is held against one that nobody here wrote.
func TestLlamaServerContract(t *testing.T) {
	t.Parallel()
	s := start(t, "smollm2", "--jinja", "--ctx-size", "4096", "--parallel", "4")
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		return backendtest.Subject{
			Backend: s.open(t, false), Model: "smollm2", Long: "Tell me a long story about the sea.", Sparing: true, Output: true,
			OneModel: true, MuteStops: true,
		}
	})
}
