//go:build unix

package secretfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func rename(from, to string) error { return os.Rename(from, to) }

// syncFolder makes a new name survive a power cut. File systems that cannot
// sync a folder lose nothing that they would have kept.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

// Narrow takes the rights of others from a file that somebody else wrote, such
// as one that was unpacked or written with an editor. A file system that is
// read-only, or a file of another user, stays as it is.
func Narrow(path string) {
	const others = 0o077
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&others != 0 {
		_ = os.Chmod(path, info.Mode().Perm()&^others)
	}
}
