package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
)

const headerSize = 12

// MaxPayload bounds a frame in bytes. A request is bounded by the API's own
// limits well below it.
const MaxPayload = 256 << 20

// Frame is one frame. Payload belongs to the caller of Read.
type Frame struct {
	Kind    Kind
	ID      uint32
	Payload []byte
}

// Read reads one frame. At a clean end, between two frames, it is io.EOF.
func Read(r io.Reader) (Frame, error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return Frame{}, err
	}
	n := binary.LittleEndian.Uint32(h[:4])
	f := Frame{Kind: Kind(h[4]), ID: binary.LittleEndian.Uint32(h[8:])}
	if n > MaxPayload || h[5]|h[6]|h[7] != 0 || f.Kind < KindHello || f.Kind > KindFailed {
		return Frame{}, fmt.Errorf("not a frame: header % x", h)
	}
	payload, err := readN(r, int(n))
	if err != nil {
		return Frame{}, err
	}
	f.Payload = payload
	return f, nil
}

// readStep bounds what a header alone can make us allocate.
const readStep = 1 << 20

func readN(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, readStep))
	for len(buf) < n {
		step := min(n-len(buf), readStep)
		start := len(buf)
		buf = append(buf, make([]byte, step)...)
		if _, err := io.ReadFull(r, buf[start:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return buf, nil
}

// Append writes a frame with a ready payload behind dst.
func Append(dst []byte, kind Kind, id uint32, payload []byte) []byte {
	dst = appendHeader(dst, kind, id, len(payload))
	return append(dst, payload...)
}

func appendHeader(dst []byte, kind Kind, id uint32, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, byte(kind), 0, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, id)
}

// AppendJSON writes a frame whose payload is v as JSON.
func AppendJSON(dst []byte, kind Kind, id uint32, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("frame of kind %d: %w", kind, err)
	}
	if len(payload) > MaxPayload {
		return dst, fmt.Errorf("frame of kind %d: %d bytes", kind, len(payload))
	}
	return Append(dst, kind, id, payload), nil
}

// Decode reads a JSON payload.
func (f Frame) Decode(v any) error {
	if err := json.Unmarshal(f.Payload, v); err != nil {
		return fmt.Errorf("frame of kind %d: %w", f.Kind, err)
	}
	return nil
}

// AppendDelta writes a frame of kind Delta, Thought or Input.
func AppendDelta(dst []byte, kind Kind, id uint32, d Delta) []byte {
	dst = appendHeader(dst, kind, id, 4+len(d.Text))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(d.OutputTokens))
	return append(dst, d.Text...)
}

// Delta reads a Delta payload.
func (f Frame) Delta() (Delta, error) {
	if len(f.Payload) < 4 {
		return Delta{}, fmt.Errorf("a delta of %d bytes", len(f.Payload))
	}
	return Delta{
		OutputTokens: int(binary.LittleEndian.Uint32(f.Payload)),
		Text:         string(f.Payload[4:]),
	}, nil
}

// AppendVectors writes a Vectors frame. All vectors have the same length.
func AppendVectors(dst []byte, id uint32, v Vectors) []byte {
	texts, dims := len(v.Vectors), 0
	if texts > 0 {
		dims = len(v.Vectors[0])
	}
	dst = appendHeader(dst, KindVectors, id, 8+4*texts+4*texts*dims)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(texts))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(dims))
	for _, n := range v.InputTokens {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	for _, vec := range v.Vectors {
		for _, x := range vec {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
		}
	}
	return dst
}

// Vectors reads a Vectors payload.
func (f Frame) Vectors() (Vectors, error) {
	p := f.Payload
	if len(p) < 8 {
		return Vectors{}, fmt.Errorf("vectors of %d bytes", len(p))
	}
	texts, dims := uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[4:]))
	p = p[8:]
	if limit := uint64(len(p)); texts > limit || dims > limit || limit != 4*texts+4*texts*dims {
		return Vectors{}, fmt.Errorf("%d vectors of %d numbers in %d bytes", texts, dims, len(p))
	}
	v := Vectors{InputTokens: make([]int, texts), Vectors: make([][]float32, texts)}
	for i := range v.InputTokens {
		v.InputTokens[i] = int(binary.LittleEndian.Uint32(p))
		p = p[4:]
	}
	for i := range v.Vectors {
		vec := make([]float32, dims)
		for j := range vec {
			vec[j] = math.Float32frombits(binary.LittleEndian.Uint32(p))
			p = p[4:]
		}
		v.Vectors[i] = vec
	}
	return v, nil
}

// Size is the length of the payload.
func (c CountTexts) Size() int {
	n := 4 + 4*len(c.Texts)
	for _, text := range c.Texts {
		n += len(text)
	}
	return n
}

// AppendCountTexts writes a CountTexts frame.
func AppendCountTexts(dst []byte, id uint32, c CountTexts) []byte {
	dst = slices.Grow(dst, headerSize+c.Size())
	dst = appendHeader(dst, KindCountTexts, id, c.Size())
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.Texts)))
	for _, text := range c.Texts {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)))
	}
	for _, text := range c.Texts {
		dst = append(dst, text...)
	}
	return dst
}

// CountTexts reads a CountTexts payload.
func (f Frame) CountTexts() (CountTexts, error) {
	p := f.Payload
	if len(p) < 4 {
		return CountTexts{}, fmt.Errorf("texts of %d bytes", len(p))
	}
	texts := uint64(binary.LittleEndian.Uint32(p))
	if p = p[4:]; 4*texts > uint64(len(p)) {
		return CountTexts{}, fmt.Errorf("%d texts in %d bytes", texts, len(p))
	}
	sizes, p := p[:4*texts], p[4*texts:]
	c := CountTexts{Texts: make([]string, texts)}
	for i := range c.Texts {
		n := uint64(binary.LittleEndian.Uint32(sizes[4*i:]))
		if n > uint64(len(p)) {
			return CountTexts{}, fmt.Errorf("text %d of %d bytes in %d", i, n, len(p))
		}
		c.Texts[i], p = string(p[:n]), p[n:]
	}
	if len(p) > 0 {
		return CountTexts{}, fmt.Errorf("%d bytes behind the texts", len(p))
	}
	return c, nil
}
