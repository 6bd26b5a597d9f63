//go:build unix && !linux

package subprocess

import "syscall"

// Attributes put a child into a group of its own, so that a terminal signals
// the server alone. That the child ends with us is up to the end of its input.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
