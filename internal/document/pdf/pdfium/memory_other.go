//go:build !unix

package pdfium

import "github.com/tetratelabs/wazero/experimental"

// reserve has nothing to offer here.
func reserve(uint64) experimental.LinearMemory { return nil }
