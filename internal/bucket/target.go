package bucket

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/outcrop/outcrop/internal/bucket/gateway"
)

// target is what a request names.
type target struct {
	bucket string
	key    string // decoded
	// path is bucket and key as the gateway gets them, every byte escaped that
	// a signature escapes.
	path  string
	query []parameter // in the order of the request
	// hosted: the bucket was in the host name, and sent is the path without it.
	hosted bool
	sent   string
}

// parameter is one of the query, decoded.
type parameter struct{ name, value string }

// fitsHeader reports whether a parameter can be a header.
func (p parameter) fitsHeader() bool {
	return p.name != "" && !strings.ContainsFunc(p.name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) && !strings.ContainsFunc(p.value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// asked is the value of a header, or of the parameter of a presigned URL that
// stands for it.
func (t *target) asked(r *http.Request, name string) string {
	if value := r.Header.Get(name); value != "" { // which unsign prefers, too
		return value
	}
	for _, p := range t.query {
		if strings.EqualFold(p.name, name) && p.value != "" {
			return p.value
		}
	}
	return ""
}

// parseTarget finds bucket and key in the path, or the bucket in the host name.
func parseTarget(r *http.Request, domain string) target {
	path, rawQuery := r.URL.EscapedPath(), r.URL.RawQuery
	if strings.HasPrefix(r.RequestURI, "/") { // as it was sent
		path, rawQuery, _ = strings.Cut(r.RequestURI, "?")
	}
	t := target{sent: path}
	path = unescape(path)
	if t.bucket = hostBucket(r.Host, domain); t.bucket != "" {
		t.hosted = true
		path = "/" + t.bucket + path
	}
	t.path = escapePath(path)
	t.bucket, t.key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		t.query = append(t.query, parameter{unescapeQuery(name), unescapeQuery(value)})
	}
	return t
}

func (t *target) has(name string) bool {
	for _, p := range t.query {
		if p.name == name {
			return true
		}
	}
	return false
}

func (t *target) get(name string) string {
	for _, p := range t.query {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// rawQuery writes the query so that there is one way to read it.
func (t *target) rawQuery() string {
	var b strings.Builder
	for _, p := range t.query {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(p.name), "+", "%20") + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
	}
	return b.String()
}

// representable reports whether the gateway can keep a key.
func representable(key string) bool { return gateway.Representable(key) }

// amazon are S3's own host names, which reach us where names are redirected.
var amazon = regexp.MustCompile(`^(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$`)

// hostBucket returns the bucket that a host name begins with; empty: none.
func hostBucket(host, domain string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(host)
	if m := amazon.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	if domain == "" {
		return ""
	}
	bucket, _ := strings.CutSuffix(host, "."+domain)
	if bucket == host {
		return ""
	}
	return bucket
}

const upperHex = "0123456789ABCDEF"

// escapePath escapes what S3's signatures escape in a path.
func escapePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

// unescape undoes percent-encoding; what is none stays as it is, as it does in
// the signature.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if high, low := strings.IndexByte(upperHex, upper(s[i+1])), strings.IndexByte(upperHex, upper(s[i+2])); high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func unescapeQuery(s string) string { return unescape(strings.ReplaceAll(s, "+", " ")) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
