package machine

import (
	"os"
	"syscall"
)

// Memory is what the machine has, or less where the process is in a
// container.
func Memory() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	if limit := containerLimit(os.DirFS("/")); limit > 0 {
		total = min(total, limit)
	}
	return total
}
