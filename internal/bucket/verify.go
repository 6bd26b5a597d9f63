package bucket

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// identify finds out who sent the request and how its body is to be read.
func (s *Server) identify(x *exchange, r *http.Request) error {
	if s.p.Guard != nil {
		if err := s.p.Guard(r); err != nil {
			return err
		}
	}
	if s.p.Signatures == nil {
		x.anonymous(s.p.Account, r)
		return nil
	}
	if isOld(r, &x.target) {
		principal, err := s.verifyOld(r, &x.target)
		x.outcome.Principal = principal
		x.payload = sigv4.PayloadUnsigned
		return err
	}
	cred, err := sigv4.Parse(r)
	if err != nil {
		return malformed(err, x.target.has("X-Amz-Signature"))
	}
	if err := checkTime(cred, s.p.Now()); err != nil {
		return err
	}
	// The gateway compares the body with the hash that is declared, so that
	// nothing has to be read here; that the client has signed that hash is what
	// is verified.
	var declared [32]byte
	if cred.Payload == sigv4.PayloadHash {
		text := r.Header.Get(contentHash)
		if text == "" {
			text = x.target.get(contentHash)
		}
		if text == "" {
			return fail(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
		}
		if _, err := hex.Decode(declared[:], []byte(text)); err != nil {
			return fail(http.StatusBadRequest, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD or a valid sha256 value.").because(err)
		}
		x.hash = strings.ToLower(text)
	}
	x.identity, err = s.p.Signatures.Verify(cred, r, declared)
	if err != nil {
		return malformed(err, cred.Presigned)
	}
	if err := unsigned(cred, r.Header); err != nil {
		return err
	}
	x.credential, x.payload = cred, cred.Payload
	x.outcome.Principal, x.outcome.Region = x.identity.Principal, x.identity.Region
	return nil
}

// unsigned refuses headers that say what to do and that the signature does not
// cover. Who was given a URL for one object could copy another one to it, and
// who sees a request on its way could make another one of it.
func unsigned(c *sigv4.Credential, h http.Header) error {
	for name := range h {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") || slices.Contains(c.SignedHeaders, lower) {
			continue
		}
		switch lower {
		case "x-amz-content-sha256", "x-amz-date", "x-amz-security-token": // what counts of them is in every signature, or compared
		case "x-amz-cf-id": // a proxy's
		default:
			return denied("There were headers present in the request which were not signed")
		}
	}
	return nil
}

// malformed says it in the words for a URL where the signature was in one.
func malformed(err error, presigned bool) error {
	f := failureOf(err)
	if presigned && f.code == "AuthorizationHeaderMalformed" {
		f.code = "AuthorizationQueryParametersError"
	}
	return f
}

// checkTime refuses requests of another time in S3's words, which package sigv4
// does not have.
func checkTime(c *sigv4.Credential, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	early := c.Time.After(now.Add(sigv4.MaxSkew))
	switch {
	case c.Presigned && early:
		return denied("Request is not valid yet")
	case c.Presigned && c.Time.Before(now.Add(-c.Expires)):
		return denied("Request has expired")
	case !c.Presigned && (early || c.Time.Before(now.Add(-sigv4.MaxSkew))):
		return fail(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	}
	return nil
}

// anonymous takes the request for what it says, where nobody is checked. How
// the body is wrapped still has to be known.
func (x *exchange) anonymous(account string, r *http.Request) {
	x.outcome.Principal = iam.Principal{
		Type: iam.Anonymous, Account: account, ARN: "arn:aws:iam::" + account + ":user/anonymous", UserID: "ANONYMOUS",
	}
	x.payload = sigv4.PayloadUnsigned
	if cred, err := sigv4.Parse(r); err == nil {
		x.outcome.Region = cred.Region
	}
	declared := r.Header.Get(contentHash)
	switch declared {
	case "", "UNSIGNED-PAYLOAD":
	case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		x.payload = sigv4.PayloadUnsignedTrailer
	case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
		x.payload = sigv4.PayloadChunked
	case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
		x.payload = sigv4.PayloadChunkedTrailer
	default:
		x.payload, x.hash = sigv4.PayloadHash, declared // the gateway says so when it is none
	}
	x.credential, x.identity = &sigv4.Credential{Payload: x.payload}, &sigv4.Identity{}
}
