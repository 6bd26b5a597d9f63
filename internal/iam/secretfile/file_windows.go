package secretfile

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
)

func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
}

// rename tries again for a moment: Windows refuses to replace a file while
// another process reads it.
func rename(from, to string) error {
	const tries, pause = 50, 10 * time.Millisecond
	var err error
	for range tries {
		if err = os.Rename(from, to); err == nil {
			return nil
		}
		time.Sleep(pause)
	}
	return err
}

func syncFolder(string) error { return nil } // the journal does it

// Narrow does nothing: who may read a file comes from its folder.
func Narrow(string) {}
