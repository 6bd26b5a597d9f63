package eventstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Message is one decoded frame.
type Message struct {
	Headers []Header
	Payload []byte
}

// Header returns the value of the named header.
func (m *Message) Header(name string) (Value, bool) {
	for i := range m.Headers {
		if m.Headers[i].Name == name {
			return m.Headers[i].Value, true
		}
	}
	return Value{}, false
}

// Text returns the named header when it is a string, else "".
func (m *Message) Text(name string) string {
	v, _ := m.Header(name)
	s, _ := v.Text()
	return s
}

// Limits bounds what a Decoder accepts. A zero field is the format's own
// limit, MaxMessage or MaxHeaders.
type Limits struct {
	Message int // length of a frame, all included
	Headers int // length of its header section
}

func (l Limits) orDefault() Limits {
	if l.Message <= 0 {
		l.Message = MaxMessage
	}
	if l.Headers <= 0 {
		l.Headers = MaxHeaders
	}
	return l
}

// Decoder reads frames from a stream. It reads no byte beyond the frame that
// it returns. It is not safe for concurrent use.
type Decoder struct {
	r      io.Reader
	limits Limits
	buf    []byte
	msg    Message
	err    error
}

// NewDecoder returns a decoder of r.
func NewDecoder(r io.Reader, limits Limits) *Decoder {
	return &Decoder{r: r, limits: limits.orDefault()}
}

// Decode returns the next message, which is valid until the next call. The
// error is io.EOF when the stream ends between frames and wraps
// io.ErrUnexpectedEOF when it ends inside one; ChecksumError, LengthError and
// HeaderError are bad frames; others are the reader's. After an error the
// stream has no known position, so Decode keeps returning it.
func (d *Decoder) Decode() (*Message, error) {
	if d.err == nil {
		d.err = d.decode()
	}
	if d.err != nil {
		return nil, d.err
	}
	return &d.msg, nil
}

func (d *Decoder) decode() error {
	d.buf = d.buf[:0]
	if err := d.fill(preludeLen + checksumLen); err != nil {
		return err
	}
	total, _, err := checkPrelude(d.buf, d.limits)
	if err != nil {
		return err
	}
	if err := d.fill(total); err != nil {
		return err
	}
	return parse(&d.msg, d.buf, d.limits)
}

// fill reads until the buffer holds n bytes. The buffer grows with what has
// arrived, not with what the prelude promises: a frame that says 16 MiB and
// sends nothing costs nothing.
func (d *Decoder) fill(n int) error {
	const step = 64 << 10
	for len(d.buf) < n {
		have := len(d.buf)
		want := min(n, have+max(step, have))
		if cap(d.buf) < want {
			grown := make([]byte, have, want)
			copy(grown, d.buf)
			d.buf = grown
		}
		got, err := io.ReadFull(d.r, d.buf[have:want])
		d.buf = d.buf[:have+got]
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && len(d.buf) == 0:
			return io.EOF
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("eventstream: message cut off after %d bytes: %w", len(d.buf), io.ErrUnexpectedEOF)
		default:
			return err
		}
	}
	return nil
}

// Parse reads a slice that holds exactly one frame. The message's payload and
// byte array headers point into it. Errors are those of Decoder.Decode.
func Parse(frame []byte) (*Message, error) {
	limits := Limits{}.orDefault()
	if len(frame) < preludeLen+checksumLen {
		return nil, fmt.Errorf("eventstream: message cut off after %d bytes: %w", len(frame), io.ErrUnexpectedEOF)
	}
	total, _, err := checkPrelude(frame, limits)
	switch {
	case err != nil:
		return nil, err
	case len(frame) < total:
		return nil, fmt.Errorf("eventstream: message cut off after %d bytes: %w", len(frame), io.ErrUnexpectedEOF)
	case len(frame) > total:
		return nil, &LengthError{Part: "message", Length: int64(len(frame)), Limit: int64(total)}
	}
	var m Message
	if err := parse(&m, frame, limits); err != nil {
		return nil, err
	}
	return &m, nil
}

// checkPrelude checks the first twelve bytes of a frame. The checksum comes
// first: the lengths of a damaged prelude mean nothing.
func checkPrelude(b []byte, limits Limits) (total, headers int, err error) {
	got, want := binary.BigEndian.Uint32(b[preludeLen:]), crc32.ChecksumIEEE(b[:preludeLen])
	if got != want {
		return 0, 0, &ChecksumError{Part: "prelude", Got: got, Want: want}
	}
	t, h := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	switch {
	case t < minMessage:
		return 0, 0, &LengthError{Part: "message", Length: t, Limit: minMessage}
	case t > int64(limits.Message):
		return 0, 0, &LengthError{Part: "message", Length: t, Limit: int64(limits.Message)}
	case h > int64(limits.Headers):
		return 0, 0, &LengthError{Part: "headers", Length: h, Limit: int64(limits.Headers)}
	case h > t-minMessage:
		return 0, 0, &LengthError{Part: "headers", Length: h, Limit: t - minMessage}
	}
	return int(t), int(h), nil
}

// parse reads a frame of the right length into m, reusing m's header slice.
func parse(m *Message, frame []byte, limits Limits) error {
	_, headers, err := checkPrelude(frame, limits)
	if err != nil {
		return err
	}
	end := len(frame) - checksumLen
	got, want := binary.BigEndian.Uint32(frame[end:]), crc32.ChecksumIEEE(frame[:end])
	if got != want {
		return &ChecksumError{Part: "message", Got: got, Want: want}
	}
	const start = preludeLen + checksumLen
	m.Headers, err = parseHeaders(m.Headers[:0], frame[start:start+headers])
	if err != nil {
		return err
	}
	m.Payload = frame[start+headers : end : end]
	return nil
}
