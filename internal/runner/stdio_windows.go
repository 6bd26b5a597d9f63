package runner

import (
	"os"
	"syscall"
)

// takeStdout makes the frames' pipe unreachable for native code: the engine's
// C runtime, which is loaded later, finds standard error in its place.
func takeStdout(stdout, stderr *os.File) (*os.File, error) {
	set := syscall.NewLazyDLL("kernel32.dll").NewProc("SetStdHandle")
	if err := set.Find(); err != nil {
		return nil, err
	}
	const stdOutputHandle = uintptr(0xFFFFFFF5) // STD_OUTPUT_HANDLE, -11 as a DWORD
	if ok, _, err := set.Call(stdOutputHandle, stderr.Fd()); ok == 0 {
		return nil, err
	}
	return stdout, nil
}
