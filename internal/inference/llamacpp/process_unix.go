//go:build unix && !linux

package llamacpp

import "syscall"

// processAttributes put the child into a group of its own, so that a terminal
// signals the server alone. That the child ends with us is up to the end of
// its input.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
