package runner

import (
	"os"
	"os/signal"
)

func ignoreInterrupt() { signal.Ignore(os.Interrupt) }
