package runner

import (
	"os"
	"syscall"
)

// takeStdout makes the frames' pipe unreachable for native code: what it
// prints to descriptor 1 goes to standard error from now on.
func takeStdout(stdout, stderr *os.File) (*os.File, error) {
	fd, err := syscall.Dup(int(stdout.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	// Linux on arm64 has no dup2.
	if err := syscall.Dup3(int(stderr.Fd()), int(stdout.Fd()), 0); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "frames"), nil
}
