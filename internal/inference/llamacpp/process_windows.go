package llamacpp

import "syscall"

// processAttributes put the child into a group of its own, so that Ctrl-C in a
// console reaches the server alone, and give it no window.
func processAttributes() *syscall.SysProcAttr {
	const createNoWindow = 0x08000000
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | createNoWindow, HideWindow: true}
}
