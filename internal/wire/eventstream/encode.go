package eventstream

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	preludeLen  = 8 // total length, headers length
	checksumLen = 4
	// minMessage is a frame with neither headers nor payload.
	minMessage = preludeLen + checksumLen + checksumLen

	// MaxMessage is the length of the longest frame, all included.
	MaxMessage = 16 << 20
	// MaxHeaders is the length of the longest header section of a frame.
	MaxHeaders = 128 << 10
)

// Append appends one frame to dst and returns the extended slice. It allocates
// only when dst is too short. After an error the result is dst.
func Append(dst []byte, headers []Header, payload []byte) ([]byte, error) {
	start := len(dst)
	if len(payload) > MaxMessage {
		return dst, &LengthError{Part: "message", Length: int64(len(payload)), Limit: MaxMessage}
	}
	dst, err := Begin(dst, headers)
	if err != nil {
		return dst, err
	}
	return Finish(append(dst, payload...), start)
}

// Begin appends the start of a frame, up to its payload. The caller appends
// the payload to the result and calls Finish with the length that dst had
// before; that way a payload is written once, in its place.
func Begin(dst []byte, headers []Header) ([]byte, error) {
	start := len(dst)
	var prelude [preludeLen + checksumLen]byte
	dst, err := appendHeaders(append(dst, prelude[:]...), headers)
	if err != nil {
		return dst[:start], err
	}
	n := len(dst) - start - len(prelude)
	if n > MaxHeaders {
		return dst[:start], &LengthError{Part: "headers", Length: int64(n), Limit: MaxHeaders}
	}
	binary.BigEndian.PutUint32(dst[start+4:], uint32(n))
	return dst, nil
}

// Finish completes the frame that starts at dst[start]: lengths and checksums.
// After an error the result is dst without the frame.
func Finish(dst []byte, start int) ([]byte, error) {
	n := len(dst) - start + checksumLen
	if n > MaxMessage {
		return dst[:start], &LengthError{Part: "message", Length: int64(n), Limit: MaxMessage}
	}
	frame := dst[start:]
	binary.BigEndian.PutUint32(frame, uint32(n))
	binary.BigEndian.PutUint32(frame[preludeLen:], crc32.ChecksumIEEE(frame[:preludeLen]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame)), nil
}
