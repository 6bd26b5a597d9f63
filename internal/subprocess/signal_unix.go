//go:build unix

package subprocess

import (
	"os/exec"
	"syscall"
)

// Terminate asks a child and everything in its group to end.
func Terminate(cmd *exec.Cmd) { signal(cmd, syscall.SIGTERM) }

// Kill ends a child and everything in its group.
func Kill(cmd *exec.Cmd) { signal(cmd, syscall.SIGKILL) }

func signal(cmd *exec.Cmd, s syscall.Signal) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, s) // it is gone already if this fails
	}
}
