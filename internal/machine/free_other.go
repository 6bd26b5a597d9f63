//go:build !linux && !windows

package machine

// Free is the memory that could be had now; -1: it is not known here.
func Free() int64 { return -1 }
