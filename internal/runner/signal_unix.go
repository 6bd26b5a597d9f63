//go:build unix

package runner

import (
	"os/signal"
	"syscall"
)

func ignoreInterrupt() { signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM) }
