package subprocess

import (
	"os/exec"
	"strconv"
	"syscall"
)

// Attributes put a child into a group of its own, so that Ctrl-C in a console
// reaches the server alone, and give it no window.
func Attributes() *syscall.SysProcAttr {
	const createNoWindow = 0x08000000
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | createNoWindow, HideWindow: true}
}

// Terminate ends a child and what it started: Windows knows no polite way for
// programs without a window.
func Terminate(cmd *exec.Cmd) { Kill(cmd) }

// Kill ends a child and what it started.
func Kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
		_ = cmd.Process.Kill()
	}
}
