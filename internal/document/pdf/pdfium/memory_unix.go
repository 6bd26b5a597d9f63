//go:build unix

package pdfium

import (
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// pages are addresses that the system puts memory behind when it is touched.
type pages struct{ data []byte }

// reserve returns nil when the system does not give so many addresses.
func reserve(most uint64) experimental.LinearMemory {
	data, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return &pages{data}
}

// Reallocate implements experimental.LinearMemory.
func (p *pages) Reallocate(size uint64) []byte {
	if size > uint64(len(p.data)) {
		return nil
	}
	return p.data[:size]
}

// Free implements experimental.LinearMemory.
func (p *pages) Free() {
	_ = syscall.Munmap(p.data) // of what was mapped it cannot fail
	p.data = nil
}
