package bucket

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what this version of signatures is made of
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// Signatures of version 2: S3's own, from before regions counted. New programs
// do not make them, but boto3 presigns its URLs with them wherever the region is
// an old one, us-east-1 first of all.

const (
	oldScheme     = "AWS "
	oldKey        = "AWSAccessKeyId"
	oldSignature  = "Signature"
	oldExpiration = "Expires"
)

// isOld reports whether a request is signed in this way.
func isOld(r *http.Request, t *target) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), oldScheme) ||
		r.Header.Get("Authorization") == "" && t.has(oldKey) && t.has(oldSignature)
}

// verifyOld checks such a signature, in the header or in the query.
func (s *Server) verifyOld(r *http.Request, t *target) (iam.Principal, error) {
	var none iam.Principal
	if err := onlyOne(r, t); err != nil {
		return none, err
	}
	now := s.p.Now()
	id, signature, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), oldScheme), ":")
	date := r.Header.Get("Date")
	if ok {
		at, err := oldTime(r)
		if err != nil {
			return none, denied("AWS authentication requires a valid Date or x-amz-date header").because(err)
		}
		if at.Before(now.Add(-sigv4.MaxSkew)) || at.After(now.Add(sigv4.MaxSkew)) {
			return none, fail(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
		}
		if r.Header.Get("X-Amz-Date") != "" {
			date = ""
		}
	} else {
		id, signature, date = t.get(oldKey), t.get(oldSignature), t.get(oldExpiration)
		seconds, err := strconv.ParseInt(date, 10, 64)
		if err != nil {
			return none, denied("Invalid date (should be seconds since epoch): " + date).because(err)
		}
		if now.Unix() > seconds {
			return none, denied("Request has expired")
		}
	}
	token := headerOrQuery(r, t, "X-Amz-Security-Token")
	credential, err := s.p.Keys.Lookup(id, token)
	if err != nil {
		return none, failureOf(err)
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(credential.SessionToken.Reveal())) != 1 {
		return none, failureOf(iam.ErrUnknownKey())
	}
	signs := func(path string) bool {
		mac := hmac.New(sha1.New, []byte(credential.Secret.Reveal()))
		mac.Write([]byte(oldStringToSign(r, t, path, date)))
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		return subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
	}
	// botocore sends "/bucket" and signs "/bucket/".
	if !signs(t.sent) && (t.key != "" || !signs(t.sent+"/")) {
		return none, fail(http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	}
	if !credential.Expires.IsZero() && !now.Before(credential.Expires) {
		return none, failureOf(iam.ErrExpired())
	}
	return credential.Principal, nil
}

// onlyOne refuses requests that say more than once who sent them.
func onlyOne(r *http.Request, t *target) error {
	header := r.Header["Authorization"]
	if len(header) > 1 || len(header) == 1 && t.has(oldSignature) || t.has("X-Amz-Signature") {
		return fail(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "+
			"Signature query string parameter or the Authorization header should be specified")
	}
	tokens := len(r.Header["X-Amz-Security-Token"])
	for _, p := range t.query {
		if strings.EqualFold(p.name, "X-Amz-Security-Token") {
			tokens++
		}
	}
	if tokens > 1 {
		return fail(http.StatusBadRequest, "InvalidArgument", "The security token is given more than once.")
	}
	return nil
}

// headerOrQuery returns a header that a presigned URL may carry in its query.
func headerOrQuery(r *http.Request, t *target, name string) string {
	if value := r.Header.Get(name); value != "" {
		return value
	}
	return t.get(strings.ToLower(name))
}

func oldTime(r *http.Request) (time.Time, error) {
	stamp := r.Header.Get("X-Amz-Date")
	if stamp == "" {
		stamp = r.Header.Get("Date")
	}
	if at, err := time.Parse(time.RFC1123Z, stamp); err == nil {
		return at, nil
	}
	return http.ParseTime(stamp)
}

// oldParameters are those of the query that are signed.
var oldParameters = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging", "metrics",
	"notification", "object-lock", "partNumber", "policy", "replication", "requestPayment", "response-cache-control",
	"response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires",
	"restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

func oldStringToSign(r *http.Request, t *target, path, date string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + headerOrQuery(r, t, "Content-Md5") + "\n" + headerOrQuery(r, t, "Content-Type") + "\n" + date + "\n")
	headers := map[string]string{}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			folded := make([]string, len(values))
			for i, v := range values {
				folded[i] = textproto.TrimString(v)
			}
			headers[lower] = strings.Join(folded, ",")
		}
	}
	for _, p := range t.query {
		// A presigned URL carries in its query what would be a header.
		if lower := strings.ToLower(p.name); strings.HasPrefix(lower, "x-amz-") && headers[lower] == "" {
			headers[lower] = p.value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		b.WriteString(name + ":" + headers[name] + "\n")
	}
	if t.hosted {
		b.WriteString("/" + t.bucket)
	}
	b.WriteString(path)
	separator := "?"
	for _, name := range oldParameters {
		for _, p := range t.query {
			if p.name != name {
				continue
			}
			b.WriteString(separator + name)
			if p.value != "" {
				b.WriteString("=" + p.value)
			}
			separator = "&"
		}
	}
	return b.String()
}
