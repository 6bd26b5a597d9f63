package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// KeySource finds the credential of an access key, by the session token that
// came with it where it is a temporary one. It is called for every request,
// concurrently. An unknown key, a key without its token and a token that is not
// the key's own are iam.ErrUnknownKey.
type KeySource interface {
	Lookup(accessKeyID, sessionToken string) (iam.Credential, error)
}

// Params configure a Verifier.
type Params struct {
	Keys KeySource // required
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Services are the signing names that are served; "bedrock" and "sts" when empty.
	Services []string
	// Region says whether a region of a scope exists. When nil every name that
	// looks like a region is accepted.
	Region func(region string) bool
	// Used is told of every request whose signature was right; nil for nobody.
	Used func(accessKeyID, service, region string)
	// CacheSize bounds the number of derived keys that are kept; 1024 when zero.
	CacheSize int
}

// Verifier checks signatures. It is safe for concurrent use.
type Verifier struct {
	keys     KeySource
	now      func() time.Time
	services []string
	region   func(string) bool
	used     func(accessKeyID, service, region string)
	cache    *keyCache
}

// New returns a Verifier.
func New(p Params) *Verifier {
	v := &Verifier{keys: p.Keys, now: p.Now, services: p.Services, region: p.Region, used: p.Used}
	if v.now == nil {
		v.now = time.Now
	}
	if len(v.services) == 0 {
		v.services = []string{"bedrock", "sts"}
	}
	if v.region == nil {
		v.region = looksLikeRegion
	}
	size := p.CacheSize
	if size <= 0 {
		size = 1024
	}
	v.cache = newKeyCache(size)
	return v
}

// Identity is who signed a request, verified.
type Identity struct {
	Principal iam.Principal
	Region    string
	Service   string
	// Chain verifies the parts of a body that is signed in parts. It is nil
	// unless the payload is PayloadChunked, PayloadChunkedTrailer or PayloadEvents.
	Chain *Chain
}

// Check refuses what needs no body to be refused: a scope that is not served, a
// signature of another time, an unknown key. Verify does the same again; Check
// is for callers that do not want to read a large body for nothing.
func (v *Verifier) Check(c *Credential) error {
	_, err := v.check(c)
	return err
}

func (v *Verifier) check(c *Credential) (iam.Credential, error) {
	var none iam.Credential
	if !looksLikeRegion(c.Region) || !v.region(c.Region) {
		return none, invalid("Credential should be scoped to a valid region, not '%s'.", printable(c.Region))
	}
	if !slices.Contains(v.services, c.Service) {
		return none, invalid("Credential should be scoped to correct service: '%s'.", strings.Join(v.services, "', '"))
	}
	if !c.signs("host") && !c.signs(":authority") {
		return none, invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if err := v.checkTime(c); err != nil {
		return none, err
	}
	credential, err := v.keys.Lookup(c.AccessKeyID, c.SessionToken)
	if err != nil {
		return none, err
	}
	// A permanent key has no token, so a request that brings one is as wrong as
	// one that brings another's.
	if subtle.ConstantTimeCompare([]byte(c.SessionToken), []byte(credential.SessionToken.Reveal())) != 1 {
		return none, iam.ErrUnknownKey()
	}
	return credential, nil
}

func (v *Verifier) checkTime(c *Credential) error {
	if day := c.Time.Format(dateFormat); c.Date != day {
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "+
			"'%s' != '%s', from '%s'.", printable(c.Date), day, c.Time.Format(timeFormat))
	}
	// Whole seconds, as the stamp has: a request signed in this very second is
	// not from the future.
	now := v.now().UTC().Truncate(time.Second)
	life := MaxSkew
	if c.Presigned {
		life = c.Expires
	}
	signed := c.Time.Format(timeFormat)
	if earliest := now.Add(-life); c.Time.Before(earliest) {
		return invalid("Signature expired: %s is now earlier than %s (%s - %s)",
			signed, earliest.Format(timeFormat), now.Format(timeFormat), span(life))
	}
	if latest := now.Add(MaxSkew); c.Time.After(latest) {
		return invalid("Signature not yet current: %s is still later than %s (%s + %s)",
			signed, latest.Format(timeFormat), now.Format(timeFormat), span(MaxSkew))
	}
	return nil
}

// Verify checks the signature of r. bodySHA256 is the digest of the body as it
// was received (sha256.Sum256(nil) for none); it is used only when
// c.Payload.Hashed. The body of r is not read. Errors are fault.Unauthenticated
// with AWS's code and words, or whatever the KeySource failed with.
func (v *Verifier) Verify(c *Credential, r *http.Request, bodySHA256 [32]byte) (*Identity, error) {
	credential, err := v.check(c)
	if err != nil {
		return nil, err
	}
	payload, err := c.payloadHash(r, bodySHA256)
	if err != nil {
		return nil, err
	}
	name := keyName{credential.Secret, c.Date, c.Region, c.Service}
	key, cached := v.cache.get(name)
	if !cached {
		key = signingKey(credential.Secret, c.Date, c.Region, c.Service)
	}
	var buf [1024]byte
	canonical := appendCanonical(buf[:0], r, c, payload)
	toSign := stringToSign(c.Time, scope(c.Date, c.Region, c.Service), canonical)
	if subtle.ConstantTimeCompare([]byte(hexMAC(key, toSign)), []byte(c.Signature)) != 1 {
		return nil, mismatch(r, c, payload)
	}
	if c.Payload == PayloadHash && c.declaredHash != "" && c.declaredHash != hex.EncodeToString(bodySHA256[:]) {
		return nil, invalid("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if !credential.Expires.IsZero() && !v.now().Before(credential.Expires) {
		return nil, iam.ErrExpired()
	}
	if !cached { // only proven keys, so that forged scopes cannot flush the cache
		v.cache.put(name, key)
	}
	if v.used != nil {
		v.used(c.AccessKeyID, c.Service, c.Region)
	}
	id := &Identity{Principal: credential.Principal, Region: c.Region, Service: c.Service}
	switch c.Payload {
	case PayloadChunked, PayloadChunkedTrailer, PayloadEvents:
		id.Chain = &Chain{seed: c.Signature, time: c.Time, region: c.Region, service: c.Service, secret: credential.Secret}
	case PayloadHash, PayloadUnsigned, PayloadUnsignedTrailer:
	}
	return id, nil
}

// payloadHash returns the last line of the canonical request.
func (c *Credential) payloadHash(r *http.Request, body [32]byte) (string, error) {
	if !c.Presigned && len(r.Header["X-Amz-Content-Sha256"]) > 0 && !c.signs("x-amz-content-sha256") {
		return "", invalid("'x-amz-content-sha256' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if c.Payload != PayloadHash {
		return payloadNames[c.Payload], nil
	}
	if c.declaredHash != "" {
		return c.declaredHash, nil
	}
	return hex.EncodeToString(body[:]), nil
}

// mismatch tells the client what should have been signed. What is secret in its
// own request is left out: the text ends up in logs.
func mismatch(r *http.Request, c *Credential, payload string) error {
	shown := *r
	shown.Header = r.Header.Clone()
	for _, name := range [...]string{"X-Amz-Security-Token", "Cookie", "Proxy-Authorization"} {
		if len(shown.Header[name]) > 0 {
			shown.Header.Set(name, "[redacted]")
		}
	}
	canonical := appendCanonical(nil, r, c, payload)
	toSign := stringToSign(c.Time, scope(c.Date, c.Region, c.Service), canonical)
	text := string(appendCanonical(nil, &shown, c, payload))
	if c.Presigned && c.SessionToken != "" {
		token := string(appendEncoded(nil, c.SessionToken, encodeSlash))
		text = strings.ReplaceAll(text, token, "[redacted]")
	}
	return fault.New(fault.Unauthenticated,
		"%s\n\nThe Canonical String for this request should have been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
		mismatchText, strings.ToValidUTF8(text, "\uFFFD"), toSign).WithCode(codeInvalid)
}

// looksLikeRegion accepts names of the form us-east-1, us-gov-west-1, eusc-de-east-1.
func looksLikeRegion(s string) bool {
	const most = 32
	parts := 0
	if len(s) > most {
		return false
	}
	for part := range strings.SplitSeq(s, "-") {
		if part == "" {
			return false
		}
		parts++
		for i := range len(part) {
			if b := part[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') {
				return false
			}
		}
	}
	last := s[len(s)-1]
	return parts >= 3 && last >= '0' && last <= '9'
}

// BodyHash is sha256.Sum256, under the name by which Verify asks for it.
func BodyHash(body []byte) [32]byte { return sha256.Sum256(body) }
