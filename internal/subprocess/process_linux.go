package subprocess

import "syscall"

// Attributes put a child into a group of its own, so that a terminal or a
// service manager signals the server alone, and make it die with us even if we
// cannot say good-bye.
func Attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
