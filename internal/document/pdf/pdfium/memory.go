package pdfium

import (
	"context"

	"github.com/tetratelabs/wazero/experimental"
)

// withMemory lets modules that are instantiated under the context have memory
// that grows in place and is given back the moment they are closed. That of
// wazero is an ordinary slice: a file that makes PDFium grow step by step to its
// limit left several times the limit behind, until the collector came.
func withMemory(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(size, most uint64) experimental.LinearMemory {
		if m := reserve(most); m != nil {
			return m
		}
		return &heap{data: make([]byte, 0, size)}
	}))
}

// heap is memory of the Go runtime, where nothing else can be had.
type heap struct{ data []byte }

// Reallocate implements experimental.LinearMemory.
func (h *heap) Reallocate(size uint64) []byte {
	if size > uint64(cap(h.data)) {
		grown := make([]byte, len(h.data), size)
		copy(grown, h.data)
		h.data = grown
	}
	h.data = h.data[:size]
	return h.data
}

// Free implements experimental.LinearMemory.
func (h *heap) Free() { h.data = nil }
