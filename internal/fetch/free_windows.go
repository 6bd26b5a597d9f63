package fetch

import "golang.org/x/sys/windows"

// freeSpace returns the bytes that may still be written below dir, -1 when the
// file system does not tell.
func freeSpace(dir string) int64 {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return -1
	}
	var free uint64
	if windows.GetDiskFreeSpaceEx(path, &free, nil, nil) != nil {
		return -1
	}
	return int64(free)
}
