// Package gguf reads and writes the GGUF container of model files: version,
// metadata and the table of tensors, never the weights themselves.
//
// It runs no model and judges no architecture; the engine does. Package library
// checks with it what it is given, package gguf/bert writes with it.
//
// A file may be hostile: every count and length is compared with what the file
// can hold before anything is allocated, long arrays stay on disk until they
// are asked for, and a file whose tensors reach beyond its end is reported as
// cut off. The reader does not panic on any input.
package gguf

import (
	"fmt"
	"math"

	"github.com/outcrop/outcrop/internal/fault"
)

// Limits on what a file may hold. Real files stay far below them; the largest
// known have some thousand tensors and 100 metadata values.
const (
	maxValues   = 1 << 14
	maxTensors  = 1 << 17
	maxName     = 1 << 10 // bytes of a key or a tensor's name
	maxString   = 1 << 24 // bytes of one string; chat templates reach some 100 KB
	maxElements = 1 << 26 // of one array
	maxDims     = 4
)

const (
	magic            = "GGUF"
	defaultAlignment = 32
)

// ValueType is the type of a metadata value, with the numbers of the format.
type ValueType uint32

// The value types.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	ArrayOf
	Uint64
	Int64
	Float64
)

// size returns the bytes of a fixed-size value, 0 for strings, arrays and what
// is no type.
func (t ValueType) size() int64 {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	}
	return 0
}

// KV is one metadata value. Value is uint8, int8, uint16, int16, uint32, int32,
// float32, bool, string, uint64, int64 or float64; for an array, an Array when
// read, and []string, []int32, []uint32 or []float32 to be written.
type KV struct {
	Key   string
	Value any
}

// Array is an array that has been checked and skipped; File.Strings and
// File.Int32s read it.
type Array struct {
	Type   ValueType
	Len    int64
	offset int64
}

// TensorType is the element type of a tensor, with ggml's numbers.
type TensorType uint32

// The tensor types that are written.
const (
	F32 TensorType = 0
	F16 TensorType = 1
)

// layout is how a tensor type is stored: blocks of so many elements in so many
// bytes.
type layout struct {
	name     string
	elements int64
	bytes    int64
}

func (t TensorType) layout() (layout, bool) {
	switch t {
	case 0:
		return layout{"F32", 1, 4}, true
	case 1:
		return layout{"F16", 1, 2}, true
	case 2:
		return layout{"Q4_0", 32, 18}, true
	case 3:
		return layout{"Q4_1", 32, 20}, true
	case 6:
		return layout{"Q5_0", 32, 22}, true
	case 7:
		return layout{"Q5_1", 32, 24}, true
	case 8:
		return layout{"Q8_0", 32, 34}, true
	case 9:
		return layout{"Q8_1", 32, 36}, true
	case 10:
		return layout{"Q2_K", 256, 84}, true
	case 11:
		return layout{"Q3_K", 256, 110}, true
	case 12:
		return layout{"Q4_K", 256, 144}, true
	case 13:
		return layout{"Q5_K", 256, 176}, true
	case 14:
		return layout{"Q6_K", 256, 210}, true
	case 15:
		return layout{"Q8_K", 256, 292}, true
	case 16:
		return layout{"IQ2_XXS", 256, 66}, true
	case 17:
		return layout{"IQ2_XS", 256, 74}, true
	case 18:
		return layout{"IQ3_XXS", 256, 98}, true
	case 19:
		return layout{"IQ1_S", 256, 50}, true
	case 20:
		return layout{"IQ4_NL", 32, 18}, true
	case 21:
		return layout{"IQ3_S", 256, 110}, true
	case 22:
		return layout{"IQ2_S", 256, 82}, true
	case 23:
		return layout{"IQ4_XS", 256, 136}, true
	case 24:
		return layout{"I8", 1, 1}, true
	case 25:
		return layout{"I16", 1, 2}, true
	case 26:
		return layout{"I32", 1, 4}, true
	case 27:
		return layout{"I64", 1, 8}, true
	case 28:
		return layout{"F64", 1, 8}, true
	case 29:
		return layout{"IQ1_M", 256, 56}, true
	case 30:
		return layout{"BF16", 1, 2}, true
	case 34:
		return layout{"TQ1_0", 256, 54}, true
	case 35:
		return layout{"TQ2_0", 256, 66}, true
	case 39:
		return layout{"MXFP4", 32, 17}, true
	case 40:
		return layout{"NVFP4", 64, 36}, true
	}
	return layout{}, false
}

// String returns ggml's name of the type.
func (t TensorType) String() string {
	if l, ok := t.layout(); ok {
		return l.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Tensor is an entry of the tensor table.
type Tensor struct {
	Name   string
	Dims   []uint64 // the fastest-moving first, as stored
	Type   TensorType
	Offset uint64 // from the start of the tensor data
}

// Elements returns how many numbers the tensor holds.
func (t *Tensor) Elements() (uint64, bool) {
	n := uint64(1)
	for _, d := range t.Dims {
		if d != 0 && n > math.MaxInt64/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// Size returns how many bytes the tensor takes. ok is false for a type that
// this package does not know and for dimensions that are impossible.
func (t *Tensor) Size() (size uint64, ok bool) {
	l, known := t.Type.layout()
	n, fits := t.Elements()
	if !known || !fits || len(t.Dims) == 0 || t.Dims[0]%uint64(l.elements) != 0 {
		return 0, false
	}
	blocks := n / uint64(l.elements)
	if blocks > math.MaxInt64/uint64(l.bytes) {
		return 0, false
	}
	return blocks * uint64(l.bytes), true
}

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }
