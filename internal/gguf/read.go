package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/progress"
)

// File is a GGUF whose header has been read.
type File struct {
	Version   uint32
	KV        []KV // in the order of the file
	Tensors   []Tensor
	Alignment uint32
	Data      int64 // where the tensor data begins
	Size      int64 // of the whole file

	source io.ReaderAt
	index  map[string]int
}

// Inspect opens a file, reads and checks its header and closes it. Arrays of
// the File cannot be read any more. Faults: Invalid with a reason when the file
// is no GGUF, is damaged or cut off; NotFound when there is none.
func Inspect(path string) (*File, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no file %s", path)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot open %s: %v", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot read %s: %v", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, invalid("%s is not a regular file", path)
	}
	return Read(file, info.Size())
}

// Read reads and checks the header of a GGUF of size bytes. It keeps source for
// Strings and Int32s. Faults: Invalid with a reason.
func Read(source io.ReaderAt, size int64) (*File, error) {
	f := &File{Alignment: defaultAlignment, Size: size, source: source, index: map[string]int{}}
	r := &reader{source: source, size: size}
	r.seek(0)
	if err := f.read(r); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) read(r *reader) error {
	head := make([]byte, 8)
	if n := copyHead(r, head); n < 4 || string(head[:4]) != magic {
		return invalid("not a GGUF model file: it begins with %q, not with %q", head[:n], magic)
	}
	f.Version = binary.LittleEndian.Uint32(head[4:])
	switch {
	case f.Version == 2 || f.Version == 3:
	case f.Version > math.MaxUint16:
		return invalid("the GGUF is for big-endian machines, which are not supported")
	default:
		return invalid("the GGUF has format version %d; versions 2 and 3 can be read", f.Version)
	}
	tensors := r.uint64()
	values := r.uint64()
	// A value takes 13 bytes at least, a tensor's entry 25.
	if r.err == nil && (values > maxValues || values > uint64(r.left())/13) {
		return r.tooMany("metadata values", values, maxValues)
	}
	if r.err == nil && (tensors > maxTensors || tensors > uint64(r.left())/25) {
		return r.tooMany("tensors", tensors, maxTensors)
	}
	for i := uint64(0); i < values && r.err == nil; i++ {
		key := r.string(maxName)
		value := r.value()
		if r.err != nil {
			break
		}
		if _, double := f.index[key]; double || key == "" {
			return invalid("the GGUF is damaged: its metadata has the key %q twice or an empty one", key)
		}
		f.index[key] = len(f.KV)
		f.KV = append(f.KV, KV{key, value})
	}
	if value, ok := f.Value("general.alignment"); ok && r.err == nil {
		alignment, isUint := value.(uint32)
		if !isUint || alignment == 0 || alignment&(alignment-1) != 0 || alignment > 1<<20 {
			return invalid("the GGUF is damaged: %v is no alignment", value)
		}
		f.Alignment = alignment
	}
	names := make(map[string]struct{}, min(tensors, 4096))
	for i := uint64(0); i < tensors && r.err == nil; i++ {
		t := r.tensor()
		if r.err != nil {
			break
		}
		if _, double := names[t.Name]; double {
			return invalid("the GGUF is damaged: it has the tensor %q twice", t.Name)
		}
		names[t.Name] = struct{}{}
		f.Tensors = append(f.Tensors, t)
	}
	if r.err != nil {
		return r.fault()
	}
	align := int64(f.Alignment)
	f.Data = (r.offset + align - 1) / align * align
	return f.extents()
}

// extents checks that every tensor lies inside the file.
func (f *File) extents() error {
	end := uint64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		size, ok := t.Size()
		if _, known := t.Type.layout(); !known {
			return fault.New(fault.Unsupported, "tensor %q has the unknown type %d; the file needs a newer Outcrop", t.Name, uint32(t.Type))
		}
		if !ok || t.Offset%uint64(f.Alignment) != 0 || t.Offset > math.MaxInt64-size {
			return invalid("the GGUF is damaged: tensor %q has impossible dimensions or place", t.Name)
		}
		end = max(end, t.Offset+size)
	}
	have := uint64(max(f.Size-f.Data, 0))
	if end > have {
		return invalid("the GGUF is cut off: its tensors need %s, the file has %s", progress.Bytes(int64(min(end, math.MaxInt64))), progress.Bytes(int64(have)))
	}
	return nil
}

// Value returns a metadata value.
func (f *File) Value(key string) (any, bool) {
	i, ok := f.index[key]
	if !ok {
		return nil, false
	}
	return f.KV[i].Value, true
}

// Text returns a string value, or "".
func (f *File) Text(key string) string {
	v, _ := f.Value(key)
	s, _ := v.(string)
	return s
}

// Integer returns a value of any integer type, or 0 when there is none or it
// does not fit.
func (f *File) Integer(key string) int64 {
	v, _ := f.Value(key)
	switch n := v.(type) {
	case uint8:
		return int64(n)
	case int8:
		return int64(n)
	case uint16:
		return int64(n)
	case int16:
		return int64(n)
	case uint32:
		return int64(n)
	case int32:
		return int64(n)
	case int64:
		return n
	case uint64:
		if n <= math.MaxInt64 {
			return int64(n)
		}
	}
	return 0
}

// Strings reads an array of strings. Fault: NotFound when key is none.
func (f *File) Strings(key string) ([]string, error) {
	v, _ := f.Value(key)
	a, ok := v.(Array)
	if !ok || a.Type != String {
		return nil, fault.New(fault.NotFound, "the GGUF has no array of strings %q", key)
	}
	r := &reader{source: f.source, size: f.Size}
	r.seek(a.offset)
	out := make([]string, 0, min(a.Len, 1<<16))
	for range a.Len {
		out = append(out, r.string(maxString))
		if r.err != nil {
			return nil, r.fault()
		}
	}
	return out, nil
}

// reader reads little-endian values and keeps the first error; after it every
// read gives zero.
type reader struct {
	source  io.ReaderAt
	size    int64
	offset  int64
	buffer  *bufio.Reader
	err     error
	scratch [8]byte
}

var errCut = errors.New("the file ends inside its header")

func (r *reader) seek(offset int64) {
	r.offset = offset
	section := io.NewSectionReader(r.source, offset, max(r.size-offset, 0))
	if r.buffer == nil {
		r.buffer = bufio.NewReaderSize(section, 256<<10)
		return
	}
	r.buffer.Reset(section)
}

func (r *reader) left() int64 { return max(r.size-r.offset, 0) }

func (r *reader) fault() error {
	if errors.Is(r.err, errCut) {
		return invalid("the GGUF is cut off: %v after %s", r.err, progress.Bytes(r.size))
	}
	return fault.Wrap(fault.Invalid, r.err, "the GGUF is damaged: %v", r.err)
}

func (r *reader) tooMany(what string, n, limit uint64) error {
	if n > limit {
		return invalid("the GGUF is damaged: it says to have %d %s", n, what)
	}
	r.err = errCut
	return r.fault()
}

func copyHead(r *reader, p []byte) int {
	n, _ := io.ReadFull(r.buffer, p)
	r.offset += int64(n)
	if n < len(p) {
		r.err = errCut
	}
	return n
}

func (r *reader) bytes(p []byte) {
	if r.err != nil {
		return
	}
	n, err := io.ReadFull(r.buffer, p)
	r.offset += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errCut
	}
	r.err = err
}

func (r *reader) uint(size int64) uint64 {
	r.scratch = [8]byte{}
	r.bytes(r.scratch[:size])
	if r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(r.scratch[:])
}

func (r *reader) uint32() uint32 { return uint32(r.uint(4)) }
func (r *reader) uint64() uint64 { return r.uint(8) }

func (r *reader) string(limit uint64) string {
	n := r.uint64()
	if r.err != nil {
		return ""
	}
	if n > limit {
		r.err = fmt.Errorf("a text of %d bytes where %d are possible", n, limit)
		return ""
	}
	if n > uint64(r.left()) {
		r.err = errCut
		return ""
	}
	p := make([]byte, n)
	r.bytes(p)
	if r.err != nil {
		return ""
	}
	return string(p)
}

func (r *reader) skip(n int64) {
	if r.err != nil {
		return
	}
	if n < 0 || n > r.left() {
		r.err = errCut
		return
	}
	if n <= int64(r.buffer.Buffered()) {
		// Cannot fail: the bytes are in the buffer.
		_, _ = r.buffer.Discard(int(n))
		r.offset += n
		return
	}
	r.seek(r.offset + n)
}

func (r *reader) value() any {
	t := ValueType(r.uint32())
	if r.err != nil {
		return nil
	}
	switch t {
	case String:
		return r.string(maxString)
	case ArrayOf:
		return r.array()
	}
	if t.size() == 0 {
		r.err = fmt.Errorf("%d is no type of a value", uint32(t))
		return nil
	}
	n := r.uint(t.size())
	switch t {
	case Uint8:
		return uint8(n)
	case Int8:
		return int8(n)
	case Uint16:
		return uint16(n)
	case Int16:
		return int16(n)
	case Uint32:
		return uint32(n)
	case Int32:
		return int32(n)
	case Float32:
		return math.Float32frombits(uint32(n))
	case Bool:
		return n != 0
	case Uint64:
		return n
	case Int64:
		return int64(n)
	}
	return math.Float64frombits(n)
}

func (r *reader) array() Array {
	a := Array{Type: ValueType(r.uint32())}
	n := r.uint64()
	if r.err != nil {
		return a
	}
	size := a.Type.size()
	if a.Type != String && size == 0 {
		r.err = fmt.Errorf("an array of type %d", uint32(a.Type))
		return a
	}
	if n > maxElements {
		r.err = fmt.Errorf("an array of %d elements", n)
		return a
	}
	a.Len, a.offset = int64(n), r.offset
	if a.Type != String {
		r.skip(a.Len * size)
		return a
	}
	for i := int64(0); i < a.Len && r.err == nil; i++ {
		length := r.uint64()
		if length > maxString && r.err == nil {
			r.err = fmt.Errorf("a text of %d bytes where %d are possible", length, maxString)
		}
		r.skip(int64(length & math.MaxInt64))
	}
	return a
}

func (r *reader) tensor() Tensor {
	t := Tensor{Name: r.string(maxName)}
	dims := r.uint32()
	if r.err != nil {
		return t
	}
	if dims == 0 || dims > maxDims || t.Name == "" || !utf8.ValidString(t.Name) {
		r.err = fmt.Errorf("tensor %q has %d dimensions", t.Name, dims)
		return t
	}
	t.Dims = make([]uint64, dims)
	for i := range t.Dims {
		t.Dims[i] = r.uint64()
	}
	t.Type = TensorType(r.uint32())
	t.Offset = r.uint64()
	return t
}
