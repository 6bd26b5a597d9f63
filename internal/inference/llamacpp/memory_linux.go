package llamacpp

import (
	"os"
	"syscall"
)

// machineMemory is what the machine has, or less where the process is in a
// container.
func machineMemory() int64 {
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
