//go:build !unix

package all

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
