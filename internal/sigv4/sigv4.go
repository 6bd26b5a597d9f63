// Package sigv4 verifies AWS Signature Version 4 on incoming requests and makes
// such signatures: in the Authorization header, in the query of a presigned
// URL, and chunk by chunk in an aws-chunked body.
//
// It has its own canonicalizer, which works on what the client really sent (the
// raw request target, never the decoded path) and so can tell a client whose
// signature does not match what the canonical string should have been. It keeps
// no credentials: a KeySource, in the server package iam, finds the secret of an
// access key. It does not know operations or permissions. Package edge calls it:
//
//	cred, err := sigv4.Parse(r)              // scope: region and service
//	err = verifier.Check(cred)               // refuse early, before the body is read
//	id, err := verifier.Verify(cred, r, sha256.Sum256(body))
//
// Invariants: no message contains a secret, a signing key or a session token;
// signatures are compared in constant time; nothing a client sends makes it
// panic or allocate more than the request itself is long.
package sigv4

import (
	"time"
)

const (
	// Algorithm is the only signing algorithm that is served.
	Algorithm = "AWS4-HMAC-SHA256"

	// terminator ends every credential scope.
	terminator = "aws4_request"

	// timeFormat is ISO 8601's basic format, the only one that is signed.
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"

	// MaxSkew is how far a client's clock may be from the server's.
	MaxSkew = 5 * time.Minute

	// MaxExpires is the longest life of a presigned URL.
	MaxExpires = 7 * 24 * time.Hour

	// EmptyHash is the SHA-256 of no bytes, in hex.
	EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Payload says how a request vouches for its body: what stands in the last line
// of the canonical request.
type Payload uint8

// The ways.
const (
	// PayloadHash is the SHA-256 of the body.
	PayloadHash Payload = iota
	// PayloadUnsigned leaves the body unsigned (UNSIGNED-PAYLOAD).
	PayloadUnsigned
	// PayloadChunked is an aws-chunked body whose chunks are signed.
	PayloadChunked
	// PayloadChunkedTrailer is PayloadChunked with signed trailing headers.
	PayloadChunkedTrailer
	// PayloadUnsignedTrailer is an aws-chunked body whose chunks are not signed
	// and whose trailing headers carry a checksum.
	PayloadUnsignedTrailer
	// PayloadEvents is an event stream whose messages are signed one by one.
	PayloadEvents
)

var payloadNames = [...]string{
	PayloadUnsigned:        "UNSIGNED-PAYLOAD",
	PayloadChunked:         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
	PayloadChunkedTrailer:  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
	PayloadUnsignedTrailer: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
	PayloadEvents:          "STREAMING-AWS4-HMAC-SHA256-EVENTS",
}

// Chunked reports whether the body is wrapped in aws-chunked framing, so that it
// has to be read through Identity.Body.
func (p Payload) Chunked() bool {
	return p == PayloadChunked || p == PayloadChunkedTrailer || p == PayloadUnsignedTrailer
}

// Hashed reports whether the whole body has to be read before the signature can
// be verified.
func (p Payload) Hashed() bool { return p == PayloadHash }

// Credential is what a request says about its signature. Parse fills it; nothing
// in it is verified yet.
type Credential struct {
	AccessKeyID   string
	Date          string // of the scope, yyyymmdd
	Region        string
	Service       string
	Time          time.Time // when the request was signed
	Expires       time.Duration
	SignedHeaders []string // lower case, sorted
	Signature     string   // hex
	SessionToken  string
	Presigned     bool
	Payload       Payload

	declaredHash string // x-amz-content-sha256 when it is a hash
}

// scope returns the credential scope without the access key.
func scope(date, region, service string) string {
	return date + "/" + region + "/" + service + "/" + terminator
}
