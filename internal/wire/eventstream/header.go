package eventstream

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Type is the wire type of a header value.
type Type uint8

// The header value types, with their numbers on the wire.
const (
	TypeTrue Type = iota
	TypeFalse
	TypeByte
	TypeShort
	TypeInteger
	TypeLong
	TypeBytes
	TypeString
	TypeTimestamp
	TypeUUID
)

var typeNames = [...]string{
	"true", "false", "byte", "short", "integer", "long", "byte array", "string", "timestamp", "uuid",
}

// String returns the type's name in the format's description.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// The limits of the format. A length is that of the encoded form.
const (
	maxHeaderName  = 255
	maxHeaderValue = 1<<15 - 1
)

// Value is a typed header value. The zero Value is the boolean true, because
// that is type 0 on the wire.
type Value struct {
	kind  Type
	num   int64  // integers; milliseconds since 1970 for timestamps
	str   string // strings, and the 16 bytes of a UUID
	bytes []byte
}

// Bool makes a boolean value.
func Bool(v bool) Value {
	if v {
		return Value{kind: TypeTrue}
	}
	return Value{kind: TypeFalse}
}

// Byte makes an 8-bit value.
func Byte(v int8) Value { return Value{kind: TypeByte, num: int64(v)} }

// Short makes a 16-bit value.
func Short(v int16) Value { return Value{kind: TypeShort, num: int64(v)} }

// Integer makes a 32-bit value.
func Integer(v int32) Value { return Value{kind: TypeInteger, num: int64(v)} }

// Long makes a 64-bit value.
func Long(v int64) Value { return Value{kind: TypeLong, num: v} }

// Bytes makes a byte array value. It keeps v.
func Bytes(v []byte) Value { return Value{kind: TypeBytes, bytes: v} }

// String makes a string value.
func String(v string) Value { return Value{kind: TypeString, str: v} }

// Timestamp makes a timestamp value; the wire keeps milliseconds.
func Timestamp(v time.Time) Value { return Value{kind: TypeTimestamp, num: v.UnixMilli()} }

// UUID makes a UUID value.
func UUID(v [16]byte) Value { return Value{kind: TypeUUID, str: string(v[:])} }

// Type returns the wire type.
func (v Value) Type() Type { return v.kind }

// Bool returns the value of a boolean; ok is false for other types.
func (v Value) Bool() (b, ok bool) { return v.kind == TypeTrue, v.kind <= TypeFalse }

// Int returns the value of any of the four integer types.
func (v Value) Int() (int64, bool) { return v.num, v.kind >= TypeByte && v.kind <= TypeLong }

// Text returns the value of a string.
func (v Value) Text() (string, bool) {
	if v.kind != TypeString {
		return "", false
	}
	return v.str, true
}

// Bytes returns the value of a byte array. The slice is the value's own.
func (v Value) Bytes() ([]byte, bool) { return v.bytes, v.kind == TypeBytes }

// Time returns the value of a timestamp, in UTC.
func (v Value) Time() (time.Time, bool) {
	if v.kind != TypeTimestamp {
		return time.Time{}, false
	}
	return time.UnixMilli(v.num).UTC(), true
}

// UUID returns the value of a UUID.
func (v Value) UUID() (id [16]byte, ok bool) {
	if v.kind != TypeUUID {
		return id, false
	}
	copy(id[:], v.str)
	return id, true
}

// Header is one named value.
type Header struct {
	Name  string
	Value Value
}

// appendHeaders writes headers one after the other, as they stand in a frame.
func appendHeaders(dst []byte, headers []Header) ([]byte, error) {
	start := len(dst)
	for i := range headers {
		h := &headers[i]
		if len(h.Name) == 0 || len(h.Name) > maxHeaderName {
			return dst[:start], &LengthError{Part: "header name", Length: int64(len(h.Name)), Limit: maxHeaderName}
		}
		for j := range i {
			if headers[j].Name == h.Name {
				return dst[:start], &HeaderError{Name: h.Name, Reason: "is there twice"}
			}
		}
		dst = append(dst, byte(len(h.Name)))
		dst = append(dst, h.Name...)
		dst = append(dst, byte(h.Value.kind))
		v := &h.Value
		switch v.kind {
		case TypeTrue, TypeFalse:
		case TypeByte:
			dst = append(dst, byte(v.num))
		case TypeShort:
			dst = binary.BigEndian.AppendUint16(dst, uint16(v.num))
		case TypeInteger:
			dst = binary.BigEndian.AppendUint32(dst, uint32(v.num))
		case TypeLong, TypeTimestamp:
			dst = binary.BigEndian.AppendUint64(dst, uint64(v.num))
		case TypeBytes:
			if len(v.bytes) > maxHeaderValue {
				return dst[:start], &LengthError{Part: "header value", Length: int64(len(v.bytes)), Limit: maxHeaderValue}
			}
			dst = binary.BigEndian.AppendUint16(dst, uint16(len(v.bytes)))
			dst = append(dst, v.bytes...)
		case TypeString:
			if len(v.str) > maxHeaderValue {
				return dst[:start], &LengthError{Part: "header value", Length: int64(len(v.str)), Limit: maxHeaderValue}
			}
			dst = binary.BigEndian.AppendUint16(dst, uint16(len(v.str)))
			dst = append(dst, v.str...)
		case TypeUUID:
			dst = append(dst, v.str...)
		}
	}
	return dst, nil
}

// parseHeaders appends the headers of b to dst. Byte array values point into b.
func parseHeaders(dst []Header, b []byte) ([]Header, error) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 {
			return dst, &HeaderError{Reason: "has no name"}
		}
		if len(b) < 1+n+1 {
			return dst, &HeaderError{Reason: "runs past the end of the headers"}
		}
		h := Header{Name: headerName(b[1 : 1+n]), Value: Value{kind: Type(b[1+n])}}
		for i := range dst {
			if dst[i].Name == h.Name {
				return dst, &HeaderError{Name: h.Name, Reason: "is there twice"}
			}
		}
		b = b[1+n+1:]

		size := 0
		switch h.Value.kind {
		case TypeTrue, TypeFalse:
		case TypeByte:
			size = 1
		case TypeShort:
			size = 2
		case TypeInteger:
			size = 4
		case TypeLong, TypeTimestamp:
			size = 8
		case TypeUUID:
			size = 16
		case TypeBytes, TypeString:
			if len(b) < 2 {
				return dst, &HeaderError{Name: h.Name, Reason: "runs past the end of the headers"}
			}
			size = int(binary.BigEndian.Uint16(b))
			if size > maxHeaderValue {
				return dst, &LengthError{Part: "header value", Length: int64(size), Limit: maxHeaderValue}
			}
			b = b[2:]
		default:
			return dst, &HeaderError{Name: h.Name, Reason: "has the unknown " + h.Value.kind.String()}
		}
		if len(b) < size {
			return dst, &HeaderError{Name: h.Name, Reason: "runs past the end of the headers"}
		}
		raw := b[:size:size]
		b = b[size:]

		switch v := &h.Value; v.kind {
		case TypeByte:
			v.num = int64(int8(raw[0]))
		case TypeShort:
			v.num = int64(int16(binary.BigEndian.Uint16(raw)))
		case TypeInteger:
			v.num = int64(int32(binary.BigEndian.Uint32(raw)))
		case TypeLong, TypeTimestamp:
			v.num = int64(binary.BigEndian.Uint64(raw))
		case TypeBytes:
			v.bytes = raw
		case TypeString, TypeUUID:
			v.str = string(raw)
		case TypeTrue, TypeFalse:
		}
		dst = append(dst, h)
	}
	return dst, nil
}

// headerName is string(b) without the allocation for the names that nearly
// every frame has.
func headerName(b []byte) string {
	switch string(b) {
	case NameEventType:
		return NameEventType
	case NameContentType:
		return NameContentType
	case NameMessageType:
		return NameMessageType
	case NameExceptionType:
		return NameExceptionType
	case nameDate:
		return nameDate
	case nameChunkSignature:
		return nameChunkSignature
	}
	return string(b)
}
