package authn

import (
	"encoding/hex"
	"io"
	"time"

	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

// signedFrames takes the events out of the signed frames around them. Each
// frame is signed together with the signature of the one before it, the first
// one with that of the request, so that none can be left out, repeated or moved.
type signedFrames struct {
	outer    Frames
	verifier *eventstream.Verifier
	now      func() time.Time
	ended    bool
}

func newSignedFrames(outer Frames, chain *sigv4.Chain, now func() time.Time) *signedFrames {
	seed, _ := hex.DecodeString(chain.Seed()) // verified, so it is hexadecimal
	var day string
	var key [32]byte
	keys := func(wanted string) ([]byte, string, bool) {
		t, err := time.Parse("20060102", wanted)
		if err != nil {
			return nil, "", false
		}
		if wanted != day {
			day, key = wanted, chain.SigningKey(t)
		}
		return key[:], chain.Scope(t), true
	}
	return &signedFrames{outer: outer, verifier: eventstream.NewVerifier(keys, seed), now: now}
}

// Decode returns the next event; io.EOF only after the signed end, and
// io.ErrUnexpectedEOF for a stream that was cut off before it.
func (s *signedFrames) Decode() (*eventstream.Message, error) {
	if s.ended {
		return nil, io.EOF
	}
	m, err := s.outer.Decode()
	if err == io.EOF { //nolint:errorlint // the decoder returns it as it is
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	inner, date, err := s.verifier.Verify(m)
	if err != nil {
		return nil, err
	}
	if d := s.now().Sub(date); d > sigv4.MaxSkew || d < -sigv4.MaxSkew {
		return nil, &eventstream.SignatureError{Reason: "message is dated " + date.UTC().Format(time.RFC3339) + ", too far from the server's clock"}
	}
	if len(inner) == 0 {
		s.ended = true
		return nil, io.EOF
	}
	return eventstream.Parse(inner)
}
