// Package apikey verifies Amazon Bedrock API keys: the bearer tokens that
// clients send instead of a signature.
//
// There are two kinds. A long-term key ("ABSK…") names a stored credential and
// carries its secret. A short-term key ("bedrock-api-key-…") is a presigned
// request in disguise, which AWS's own token generators mint on the client from
// an access key; it is verified by its signature alone, without asking anyone.
//
// The package creates no keys (package iam stores them, the token generators
// make the short-term ones) and does not know which operations take them beyond
// Accepted. Package edge calls it. No message repeats any part of a key.
package apikey

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

const (
	longPrefix  = "ABSK"
	shortPrefix = "bedrock-api-key-"

	// shortHost is the host that every short-term key is signed for, whatever
	// the endpoint it is sent to.
	shortHost    = "bedrock.amazonaws.com"
	shortAction  = "CallWithBearerToken"
	shortService = "bedrock"

	// MaxLife is the longest life of a short-term key.
	MaxLife = 12 * time.Hour

	// maxLength bounds a key; session tokens of assumed roles make short-term
	// keys a few kilobytes long.
	maxLength = 32 << 10
)

// bearerScheme is how the service models name this kind of authentication.
const bearerScheme = "smithy.api#httpBearerAuth"

// Accepted reports whether a service or operation with these auth schemes takes
// API keys. bedrock and bedrock-runtime do; the agent services do not.
func Accepted(schemes []string) bool { return slices.Contains(schemes, bearerScheme) }

// FromRequest returns the bearer token of a request. ok is false when the
// Authorization header is absent or of another scheme.
func FromRequest(r *http.Request) (token string, ok bool) {
	// An empty token has lost the space before it by the time it gets here.
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

// KeySource knows the long-term keys.
type KeySource interface {
	// LookupAPIKey returns the owner of the key with this name ("…-at-<account>")
	// if the secret is its own: iam.ErrUnknownKey when it is not, or when there
	// is no such key; iam.ErrExpired when its time has passed.
	LookupAPIKey(name string, secret iam.Secret) (iam.Principal, error)
}

// Params configure a Verifier.
type Params struct {
	Keys KeySource // required
	// Signatures verifies short-term keys; required. It must serve "bedrock".
	Signatures *sigv4.Verifier
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Verifier checks API keys. It is safe for concurrent use.
type Verifier struct {
	keys       KeySource
	signatures *sigv4.Verifier
	now        func() time.Time
}

// New returns a Verifier.
func New(p Params) *Verifier {
	v := &Verifier{keys: p.Keys, signatures: p.Signatures, now: p.Now}
	if v.now == nil {
		v.now = time.Now
	}
	return v
}

// Identity is the verified owner of a key.
type Identity struct {
	Principal iam.Principal
	// Region is the one that a short-term key is bound to. A long-term key is
	// good in every region, so with one it is the region given to Verify.
	Region string
}

// Verify checks a bearer token. region is the one that the request was sent to,
// empty when the request does not tell: bearer requests have no credential
// scope, and then the region is the key's own. Errors are fault.Denied with
// AWS's words; their body key on the wire is "Message".
func (v *Verifier) Verify(token, region string) (Identity, error) {
	if len(token) > maxLength {
		return Identity{}, refused()
	}
	if rest, ok := strings.CutPrefix(token, shortPrefix); ok {
		return v.short(rest, region)
	}
	if rest, ok := strings.CutPrefix(token, longPrefix); ok {
		return v.long(rest, region)
	}
	return Identity{}, denied("Invalid API Key format: Must start with pre-defined prefix")
}

// long checks base64("BedrockAPIKey-<suffix>-at-<account>:<secret>").
func (v *Verifier) long(encoded, region string) (Identity, error) {
	text, ok := decode(encoded)
	if !ok {
		return Identity{}, refused()
	}
	name, secret, ok := strings.Cut(text, ":")
	if !ok || name == "" || secret == "" {
		return Identity{}, refused()
	}
	principal, err := v.keys.LookupAPIKey(name, iam.Secret(secret))
	if err != nil {
		return Identity{}, translate(err)
	}
	return Identity{Principal: principal, Region: region}, nil
}

// short checks base64("bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-…&Version=1").
func (v *Verifier) short(encoded, region string) (Identity, error) {
	text, ok := decode(encoded)
	if !ok {
		return Identity{}, refused()
	}
	query, ok := strings.CutPrefix(strings.TrimPrefix(text, "https://"), shortHost+"/?")
	if !ok {
		return Identity{}, refused()
	}
	// Version is appended after signing, so it is not part of what was signed.
	signed := make([]string, 0, 8)
	action := ""
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "Version":
			continue
		case "Action":
			action = value
		}
		signed = append(signed, pair)
	}
	if action != shortAction {
		return Identity{}, refused()
	}
	r := &http.Request{
		Method:     http.MethodPost,
		Host:       shortHost,
		URL:        &url.URL{Path: "/"},
		RequestURI: "/?" + strings.Join(signed, "&"),
		Header:     http.Header{},
	}
	c, err := sigv4.Parse(r)
	if err != nil {
		return Identity{}, translate(err)
	}
	switch {
	case c.Service != shortService, c.Expires <= 0, c.Expires > MaxLife, region != "" && c.Region != region:
		return Identity{}, refused()
	case v.now().After(c.Time.Add(c.Expires)):
		return Identity{}, expired()
	}
	id, err := v.signatures.Verify(c, r, sha256.Sum256(nil))
	if err != nil {
		return Identity{}, translate(err)
	}
	return Identity{Principal: id.Principal, Region: id.Region}, nil
}

// decode reads base64 of either alphabet, padded or not.
func decode(s string) (string, bool) {
	s = strings.TrimRight(s, "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	b, err := encoding.DecodeString(s)
	return string(b), err == nil
}

// translate turns what the signature check says into what API keys are told:
// AWS does not explain to a bearer what is wrong with a key, except that its
// time has passed.
func translate(err error) error {
	var f *fault.Error
	switch {
	case !errors.As(err, &f) || f.Kind != fault.Unauthenticated:
		return err
	case f.Code == "ExpiredTokenException":
		return expired()
	}
	return refused()
}

func expired() error { return denied("Bearer Token has expired") }

func refused() error {
	return denied("Authentication failed: Please make sure your API Key is valid.")
}

func denied(message string) error {
	return fault.New(fault.Denied, "%s", message).WithCode("AccessDeniedException")
}
