package llama

import (
	"syscall"
	"unsafe"
)

// loadWithAlteredSearchPath is LOAD_WITH_ALTERED_SEARCH_PATH: a library's own
// directory is searched for the libraries that it needs.
const loadWithAlteredSearchPath = 0x8

func openLibrary(path string) (uintptr, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	load := syscall.NewLazyDLL("kernel32.dll").NewProc("LoadLibraryExW")
	if err := load.Find(); err != nil {
		return 0, err
	}
	h, _, err := load.Call(uintptr(unsafe.Pointer(name)), 0, loadWithAlteredSearchPath)
	if h == 0 {
		return 0, err
	}
	return h, nil
}

func lookup(handle uintptr, name string) (uintptr, error) {
	return syscall.GetProcAddress(syscall.Handle(handle), name)
}
