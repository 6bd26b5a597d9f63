package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// Signer makes signatures with one credential. It is a value and safe for
// concurrent use; the requests it is given are changed.
type Signer struct {
	AccessKeyID  string
	Secret       iam.Secret
	SessionToken iam.Secret // sent along when not empty
	Region       string
	Service      string // signing name
}

// Sign adds the headers of a signature that covers the host, the content type,
// the x-amz headers and the body, of which bodySHA256 is the digest. Existing
// signature headers are replaced.
func (s Signer) Sign(r *http.Request, bodySHA256 [32]byte, at time.Time) {
	s.sign(r, PayloadHash, hex.EncodeToString(bodySHA256[:]), at)
}

// SignPayload is Sign for a body that is vouched for in another way than by its
// hash. The returned chain signs or verifies the parts of such a body; it is of
// no use for the unsigned payloads.
func (s Signer) SignPayload(r *http.Request, payload Payload, at time.Time) *Chain {
	signature := s.sign(r, payload, payloadNames[payload], at)
	return &Chain{seed: signature, time: at.UTC().Truncate(time.Second), region: s.Region, service: s.Service, secret: s.Secret}
}

func (s Signer) sign(r *http.Request, payload Payload, payloadHash string, at time.Time) string {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	at = at.UTC()
	r.Header.Del("Authorization")
	r.Header.Set("X-Amz-Date", at.Format(timeFormat))
	if s.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", s.SessionToken.Reveal())
	}
	if payload != PayloadHash || s.Service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	}
	c := s.credential(at)
	c.SignedHeaders = signedHeaders(r)
	c.Signature = s.signature(r, c, payloadHash)
	r.Header.Set("Authorization", Algorithm+" Credential="+s.AccessKeyID+"/"+scope(c.Date, s.Region, s.Service)+
		", SignedHeaders="+strings.Join(c.SignedHeaders, ";")+", Signature="+c.Signature)
	return c.Signature
}

// Presign moves the signature into the query of r.URL, so that the URL alone is
// good for the given time (at most MaxExpires).
func (s Signer) Presign(r *http.Request, bodySHA256 [32]byte, at time.Time, expires time.Duration) {
	at = at.UTC()
	c := s.credential(at)
	c.Presigned = true
	c.SignedHeaders = []string{"host"}
	add := func(name, value string) {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += name + "=" + string(appendEncoded(nil, value, encodeSlash))
	}
	add("X-Amz-Algorithm", Algorithm)
	add("X-Amz-Credential", s.AccessKeyID+"/"+scope(c.Date, s.Region, s.Service))
	add("X-Amz-Date", at.Format(timeFormat))
	add("X-Amz-Expires", strconv.FormatInt(int64(expires/time.Second), 10))
	add("X-Amz-SignedHeaders", "host")
	if s.SessionToken != "" {
		add("X-Amz-Security-Token", s.SessionToken.Reveal())
	}
	payloadHash := hex.EncodeToString(bodySHA256[:])
	if s.Service == "s3" {
		payloadHash = payloadNames[PayloadUnsigned]
	}
	c.Signature = s.signature(r, c, payloadHash)
	add("X-Amz-Signature", c.Signature)
}

func (s Signer) credential(at time.Time) *Credential {
	return &Credential{
		AccessKeyID: s.AccessKeyID,
		Date:        at.Format(dateFormat),
		Region:      s.Region,
		Service:     s.Service,
		Time:        at,
	}
}

func (s Signer) signature(r *http.Request, c *Credential, payloadHash string) string {
	key := signingKey(s.Secret, c.Date, c.Region, c.Service)
	canonical := appendCanonical(nil, r, c, payloadHash)
	return hexMAC(key, stringToSign(c.Time, scope(c.Date, c.Region, c.Service), canonical))
}

// signedHeaders picks what no honest proxy changes.
func signedHeaders(r *http.Request) []string {
	names := []string{"host"}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names
}
