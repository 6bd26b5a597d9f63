package machine

import (
	"syscall"
	"unsafe"
)

// Memory asks GlobalMemoryStatusEx for the physical memory.
func Memory() int64 {
	total, _ := memory()
	return total
}

// Free is the physical memory that could be had now; -1 when it is not known.
func Free() int64 {
	total, free := memory()
	if total == 0 {
		return -1
	}
	return free
}

func memory() (total, free int64) {
	var status struct { // MEMORYSTATUSEX
		length, load                                                uint32
		total, free, totalPage, freePage, totalVirtual, freeVirtual uint64
		freeExtended                                                uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if proc.Find() != nil {
		return 0, 0
	}
	if ok, _, _ := proc.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 0, 0
	}
	return int64(status.total), int64(status.free)
}
