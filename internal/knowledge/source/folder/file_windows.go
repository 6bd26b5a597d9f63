package folder

import (
	"io/fs"
	"syscall"
)

const (
	errNoFolder = syscall.ENOTDIR
	// errBusy: another program has the file to itself.
	errBusy = syscall.Errno(32)
)

// inode is nothing that Windows tells for free.
func inode(fs.FileInfo) uint64 { return 0 }
