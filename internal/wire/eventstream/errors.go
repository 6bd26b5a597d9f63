package eventstream

import "fmt"

// ChecksumError says that a frame was damaged on its way.
type ChecksumError struct {
	Part      string // "prelude" or "message"
	Got, Want uint32 // as sent, as computed
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("eventstream: %s checksum is %08x, want %08x", e.Part, e.Got, e.Want)
}

// LengthError says that a part of a frame is longer (or shorter) than the
// format or the reader's limits allow.
type LengthError struct {
	Part          string // "message", "headers", "header name", "header value", "prelude"
	Length, Limit int64  // bytes
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("eventstream: %s length of %d bytes is out of bounds (%d)", e.Part, e.Length, e.Limit)
}

// HeaderError says that a header of a frame with correct checksums cannot be
// read, or is not what a signed stream needs.
type HeaderError struct {
	Name   string // empty when it could not be read
	Reason string
}

func (e *HeaderError) Error() string {
	if e.Name == "" {
		return "eventstream: a header " + e.Reason
	}
	return fmt.Sprintf("eventstream: header %q %s", e.Name, e.Reason)
}

// SignatureError says that a signed message is not the next one of its chain.
type SignatureError struct{ Reason string }

func (e *SignatureError) Error() string { return "eventstream: " + e.Reason }
