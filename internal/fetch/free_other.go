//go:build !windows

package fetch

import "golang.org/x/sys/unix"

// freeSpace returns the bytes that may still be written below dir, -1 when the
// file system does not tell.
func freeSpace(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil || s.Blocks == 0 {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize) //nolint:unconvert // the types differ between systems
}
