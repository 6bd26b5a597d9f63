package bert

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
)

// maxHeader bounds the JSON head of a safetensors file, as its own library does.
const maxHeader = 100_000_000

// safetensors is an open weights file.
type safetensors struct {
	file    *os.File
	path    string
	entries map[string]safetensor
	data    int64
	size    int64
}

type safetensor struct {
	DType   string    `json:"dtype"`
	Shape   []uint64  `json:"shape"` // the fastest-moving last
	Offsets [2]uint64 `json:"data_offsets"`
}

func openSafetensors(path string) (*safetensors, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot open %s: %v", path, err)
	}
	s := &safetensors{file: file, path: path}
	if err := s.readHeader(); err != nil {
		file.Close()
		return nil, err
	}
	return s, nil
}

func (s *safetensors) Close() error { return s.file.Close() }

func (s *safetensors) readHeader() error {
	info, err := s.file.Stat()
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "cannot read %s: %v", s.path, err)
	}
	s.size = info.Size()
	var length uint64
	if err := binary.Read(s.file, binary.LittleEndian, &length); err != nil || length > maxHeader || int64(length) > s.size-8 {
		return fault.New(fault.Invalid, "%s is not a safetensors file", s.path)
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(s.file, raw); err != nil {
		return fault.Wrap(fault.Invalid, err, "%s is cut off", s.path)
	}
	entries := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fault.Wrap(fault.Invalid, err, "%s is not a safetensors file", s.path)
	}
	delete(entries, "__metadata__")
	s.entries = make(map[string]safetensor, len(entries))
	for name, raw := range entries {
		var t safetensor
		if err := json.Unmarshal(raw, &t); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s is damaged: tensor %q cannot be read", s.path, name)
		}
		s.entries[name] = t
	}
	s.data = 8 + int64(length)
	return nil
}

// tensor checks a float32 tensor against its expected dimensions, the
// fastest-moving first, and returns the function that writes it as kind.
func (s *safetensors) tensor(name string, dims []uint64, kind gguf.TensorType) (func(io.Writer) error, error) {
	t, ok := s.entries[name]
	if !ok {
		return nil, fault.New(fault.Invalid, "%s lacks the tensor %q", s.path, name)
	}
	shape := slices.Clone(dims)
	slices.Reverse(shape)
	size := uint64(4)
	for _, d := range shape {
		size *= d
	}
	if t.DType != "F32" || !slices.Equal(t.Shape, shape) {
		return nil, fault.New(fault.Unsupported, "tensor %q of %s is %s %v where F32 %v can be converted", name, s.path, t.DType, t.Shape, shape)
	}
	room := uint64(s.size - s.data)
	if t.Offsets[1] > room || t.Offsets[0] > t.Offsets[1] || t.Offsets[1]-t.Offsets[0] != size {
		return nil, fault.New(fault.Invalid, "%s is cut off or damaged at tensor %q", s.path, name)
	}
	section := io.NewSectionReader(s.file, s.data+int64(t.Offsets[0]), int64(size))
	return func(w io.Writer) error {
		if kind == gguf.F32 {
			_, err := io.Copy(w, section)
			return err
		}
		in, out := make([]byte, 256<<10), make([]byte, 0, 128<<10)
		for {
			n, err := io.ReadFull(section, in)
			if err == io.EOF {
				return nil
			}
			if err != nil && err != io.ErrUnexpectedEOF {
				return fault.Wrap(fault.Invalid, err, "cannot read %s: %v", s.path, err)
			}
			out = halves(out[:0], in[:n])
			if _, err := w.Write(out); err != nil {
				return err
			}
		}
	}, nil
}
