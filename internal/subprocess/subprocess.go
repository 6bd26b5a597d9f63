// Package subprocess starts the programs that a server keeps beside itself, so
// that they live no longer than it does, see none of its secrets, and can say
// in the log what was wrong.
//
// It speaks to no program: what is written to one and read from it is the
// business of who starts it.
package subprocess

import (
	"os/exec"
	"runtime"
)

// Start starts a command, from a thread that lives as long as the process does:
// on Linux a child with Attributes dies with the thread that started it. It
// waits for the process when drained is closed, since Wait closes the pipes
// that are read from; nil is at once. exited is called when it has ended.
func Start(cmd *exec.Cmd, drained <-chan struct{}, exited func()) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if drained != nil {
			<-drained
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		exited()
	}()
	return <-started
}
