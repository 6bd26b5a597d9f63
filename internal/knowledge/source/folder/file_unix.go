//go:build unix

package folder

import (
	"io/fs"
	"syscall"
)

const (
	errNoFolder = syscall.ENOTDIR
	errBusy     = syscall.EIO
)

// inode tells two files of one name apart.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}
