package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// TensorData is a tensor to be written: its entry, whose Offset is filled in,
// and its content.
type TensorData struct {
	Tensor
	// Content writes exactly Tensor.Size bytes.
	Content func(w io.Writer) error
}

// Write writes a GGUF, version 3, little-endian. The same input gives the same
// bytes. An error is that of w or of a Content, or says what cannot be written.
func Write(w io.Writer, values []KV, tensors []TensorData) error {
	out := &writer{w: bufio.NewWriterSize(w, 256<<10)}
	out.raw([]byte(magic))
	out.uint32(3)
	out.uint64(uint64(len(tensors)))
	out.uint64(uint64(len(values)))
	alignment := uint64(defaultAlignment)
	for _, kv := range values {
		if a, ok := kv.Value.(uint32); ok && kv.Key == "general.alignment" {
			if a == 0 || a&(a-1) != 0 {
				return fmt.Errorf("%d is no alignment", a)
			}
			alignment = uint64(a)
		}
		out.string(kv.Key)
		if err := out.value(kv.Value); err != nil {
			return fmt.Errorf("%s: %w", kv.Key, err)
		}
	}
	offset := uint64(0)
	for i := range tensors {
		t := &tensors[i].Tensor
		size, ok := t.Size()
		if !ok || len(t.Dims) > maxDims {
			return fmt.Errorf("tensor %q has impossible dimensions %v", t.Name, t.Dims)
		}
		t.Offset = offset
		offset += (size + alignment - 1) / alignment * alignment
		out.string(t.Name)
		out.uint32(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			out.uint64(d)
		}
		out.uint32(uint32(t.Type))
		out.uint64(t.Offset)
	}
	out.pad(alignment)
	data := out.n
	for i := range tensors {
		if out.err != nil {
			return out.err
		}
		if err := tensors[i].Content(out); err != nil {
			return err
		}
		size, _ := tensors[i].Size()
		if out.err == nil && out.n-data != tensors[i].Offset+size {
			return fmt.Errorf("tensor %q has %d bytes of content where its dimensions need %d", tensors[i].Name, out.n-data-tensors[i].Offset, size)
		}
		out.pad(alignment)
	}
	if out.err != nil {
		return out.err
	}
	return out.w.Flush()
}

// writer keeps the first error and counts.
type writer struct {
	w   *bufio.Writer
	n   uint64
	err error
}

// Write implements io.Writer for contents.
func (o *writer) Write(p []byte) (int, error) {
	o.raw(p)
	if o.err != nil {
		return 0, o.err
	}
	return len(p), nil
}

func (o *writer) raw(p []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(p)
		o.n += uint64(len(p))
	}
}

func (o *writer) pad(alignment uint64) {
	if rest := o.n % alignment; rest != 0 {
		o.raw(make([]byte, alignment-rest))
	}
}

func (o *writer) uint32(v uint32) { o.raw(binary.LittleEndian.AppendUint32(nil, v)) }
func (o *writer) uint64(v uint64) { o.raw(binary.LittleEndian.AppendUint64(nil, v)) }
func (o *writer) string(s string) {
	o.uint64(uint64(len(s)))
	o.raw([]byte(s))
}

func (o *writer) array(t ValueType, n int) {
	o.uint32(uint32(ArrayOf))
	o.uint32(uint32(t))
	o.uint64(uint64(n))
}

func (o *writer) value(v any) error {
	switch v := v.(type) {
	case string:
		o.uint32(uint32(String))
		o.string(v)
	case []string:
		o.array(String, len(v))
		for _, s := range v {
			o.string(s)
		}
	case []int32:
		o.array(Int32, len(v))
		for _, n := range v {
			o.uint32(uint32(n))
		}
	case []uint32:
		o.array(Uint32, len(v))
		for _, n := range v {
			o.uint32(n)
		}
	case []float32:
		o.array(Float32, len(v))
		for _, n := range v {
			o.uint32(math.Float32bits(n))
		}
	default:
		return o.scalar(v)
	}
	return nil
}

func (o *writer) scalar(v any) error {
	types := map[string]ValueType{"uint8": Uint8, "int8": Int8, "uint16": Uint16, "int16": Int16, "uint32": Uint32, "int32": Int32,
		"float32": Float32, "bool": Bool, "uint64": Uint64, "int64": Int64, "float64": Float64}
	t, ok := types[fmt.Sprintf("%T", v)]
	if !ok {
		return fmt.Errorf("a value of type %T cannot be written", v)
	}
	o.uint32(uint32(t))
	raw, err := binary.Append(nil, binary.LittleEndian, v)
	o.raw(raw)
	return err
}
