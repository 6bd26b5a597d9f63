//go:build unix

package all

import (
	"syscall"
	"time"
)

// processorTime returns the time that this process has computed: on a machine
// that does other things too, it says more than the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
