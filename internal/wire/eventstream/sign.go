package eventstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

const (
	nameDate           = ":date"
	nameChunkSignature = ":chunk-signature"

	algorithm  = "AWS4-HMAC-SHA256-PAYLOAD"
	timeFormat = "20060102T150405Z"
	dayFormat  = "20060102"
)

// KeyFunc returns the derived 32-byte signing key and the credential scope
// ("20060102/region/service/aws4_request") for a day, given as YYYYMMDD. A
// stream that is open at midnight UTC changes both, which is why one key is not
// enough. ok is false when the day is not acceptable.
type KeyFunc func(day string) (key []byte, scope string, ok bool)

// FixedKey is the KeyFunc of one derived key, good for the scope's day only.
func FixedKey(key []byte, scope string) KeyFunc {
	return func(day string) ([]byte, string, bool) {
		return key, scope, strings.HasPrefix(scope, day+"/")
	}
}

// chain computes the signatures of one stream, each over the one before it.
type chain struct {
	keys    KeyFunc
	prev    []byte
	scratch []byte
}

func (c *chain) signature(headers []Header, payload []byte, date time.Time) ([]byte, error) {
	date = date.UTC()
	day := date.Format(dayFormat)
	key, scope, ok := c.keys(day)
	if !ok {
		return nil, &SignatureError{Reason: "message is dated " + day + ", for which there is no signing key"}
	}
	var err error
	c.scratch, err = appendHeaders(c.scratch[:0], headers)
	if err != nil {
		return nil, err
	}
	headerHash, payloadHash := sha256.Sum256(c.scratch), sha256.Sum256(payload)

	// https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
	// describes the string to sign.
	b := c.scratch[:0]
	b = append(b, algorithm...)
	b = append(b, '\n')
	b = date.AppendFormat(b, timeFormat)
	b = append(b, '\n')
	b = append(b, scope...)
	b = append(b, '\n')
	b = hex.AppendEncode(b, c.prev)
	b = append(b, '\n')
	b = hex.AppendEncode(b, headerHash[:])
	b = append(b, '\n')
	b = hex.AppendEncode(b, payloadHash[:])
	c.scratch = b

	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil), nil
}

// Signer wraps the frames of a stream into signed ones. It is not safe for
// concurrent use.
type Signer struct{ chain chain }

// NewSigner returns a signer whose first message follows seed, the signature
// of the HTTP request (32 bytes, not hexadecimal).
func NewSigner(keys KeyFunc, seed []byte) *Signer {
	return &Signer{chain{keys: keys, prev: append([]byte(nil), seed...)}}
}

// Append appends the signed frame around inner, a whole encoded frame, to dst.
// An empty inner is the message that ends the stream.
func (s *Signer) Append(dst []byte, date time.Time, inner []byte) ([]byte, error) {
	headers := []Header{{nameDate, Timestamp(date)}, {}}
	sig, err := s.chain.signature(headers[:1], inner, date)
	if err != nil {
		return dst, err
	}
	headers[1] = Header{nameChunkSignature, Bytes(sig)}
	dst, err = Append(dst, headers, inner)
	if err != nil {
		return dst, err
	}
	s.chain.prev = sig
	return dst, nil
}

// Verifier checks the signed frames of a stream in order. It is not safe for
// concurrent use.
type Verifier struct {
	chain   chain
	failure error
}

// NewVerifier returns a verifier whose first message must follow seed, the
// signature of the HTTP request (32 bytes, not hexadecimal).
func NewVerifier(keys KeyFunc, seed []byte) *Verifier {
	return &Verifier{chain: chain{keys: keys, prev: append([]byte(nil), seed...)}}
}

// Verify checks the next outer message and returns the frame inside, to be
// read with Parse, and the message's date, which the caller compares with the
// clock. An empty inner frame is the signed end of the stream; a stream that
// stops without one was cut off. Errors are SignatureError and HeaderError, and
// they stay: after one, or after the end, the chain cannot go on.
func (v *Verifier) Verify(m *Message) (inner []byte, date time.Time, err error) {
	if v.failure != nil {
		return nil, time.Time{}, v.failure
	}
	date, err = v.verify(m)
	if err != nil {
		v.failure = err
		return nil, time.Time{}, err
	}
	if len(m.Payload) == 0 {
		v.failure = &SignatureError{Reason: "message after the end of the signed stream"}
	}
	return m.Payload, date, nil
}

func (v *Verifier) verify(m *Message) (time.Time, error) {
	value, _ := m.Header(nameDate)
	date, ok := value.Time()
	if !ok {
		return time.Time{}, &HeaderError{Name: nameDate, Reason: "is missing or not a timestamp"}
	}
	value, _ = m.Header(nameChunkSignature)
	got, ok := value.Bytes()
	if !ok {
		return time.Time{}, &HeaderError{Name: nameChunkSignature, Reason: "is missing or not a byte array"}
	}
	signed := make([]Header, 0, len(m.Headers))
	for _, h := range m.Headers {
		if h.Name != nameChunkSignature {
			signed = append(signed, h)
		}
	}
	want, err := v.chain.signature(signed, m.Payload, date)
	if err != nil {
		return time.Time{}, err
	}
	if !hmac.Equal(got, want) {
		return time.Time{}, &SignatureError{Reason: "message signature does not match"}
	}
	v.chain.prev = want
	return date, nil
}
