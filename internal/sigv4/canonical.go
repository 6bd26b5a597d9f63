package sigv4

import (
	"net/http"
	"slices"
	"strings"
)

// target returns the raw path and raw query of a request, as they were sent.
// net/http decodes the path, which cannot be undone: "%3A" and ":" are the same
// to URL.Path and are signed differently.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" { // a request that is being made, or one made by a test
		if r.URL == nil {
			return "/", ""
		}
		path = r.URL.EscapedPath()
		if r.URL.Opaque != "" {
			path = afterAuthority(r.URL.Opaque)
		}
		if path == "" {
			path = "/"
		}
		return path, r.URL.RawQuery
	}
	if uri[0] != '/' { // absolute form: http://host/path
		if _, rest, ok := strings.Cut(uri, "://"); ok {
			uri = afterAuthority("//" + rest)
		}
	}
	path, query, _ = strings.Cut(uri, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}

// afterAuthority drops "//host" from "//host/path".
func afterAuthority(s string) string {
	rest, ok := strings.CutPrefix(s, "//")
	if !ok {
		return s
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// appendCanonical appends the canonical request of r to dst.
func appendCanonical(dst []byte, r *http.Request, c *Credential, payloadHash string) []byte {
	path, query := target(r)
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	dst = appendPath(dst, path, c.Service)
	dst = append(dst, '\n')
	dst = appendQuery(dst, query, c.Presigned)
	dst = append(dst, '\n')
	for _, name := range c.SignedHeaders {
		dst = append(dst, name...)
		dst = append(dst, ':')
		for i, value := range values(r, name) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendFolded(dst, value)
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	for i, name := range c.SignedHeaders {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
	}
	dst = append(dst, '\n')
	return append(dst, payloadHash...)
}

// appendPath appends the canonical form of a raw path: dot segments and
// doubled slashes removed and every byte encoded once more, except for s3,
// whose keys may contain both and which encodes only once.
func appendPath(dst []byte, path, service string) []byte {
	if service == "s3" {
		return appendEncoded(dst, unescapePath(path), keepSlash)
	}
	return appendEncoded(dst, normalize(path), keepSlash)
}

// normalize removes empty and dot segments from a path.
func normalize(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	kept := make([]string, 0, 8)
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if strings.HasSuffix(path, "/") && len(kept) > 0 {
		clean += "/"
	}
	return clean
}

// appendQuery appends the parameters sorted by encoded name, then value. The
// signature of a presigned URL is not among what it signs.
func appendQuery(dst []byte, query string, presigned bool) []byte {
	if query == "" {
		return dst
	}
	type parameter struct{ key, value string }
	parameters := make([]parameter, 0, strings.Count(query, "&")+1)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		p := parameter{recode(key), recode(value)}
		if presigned && p.key == "X-Amz-Signature" {
			continue
		}
		parameters = append(parameters, p)
	}
	slices.SortFunc(parameters, func(a, b parameter) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range parameters {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.key...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

// appendFolded appends a header value without outer space and with every run of
// inner space made one.
func appendFolded(dst []byte, value string) []byte {
	start, space := len(dst), false
	for i := range len(value) {
		switch b := value[i]; b {
		case ' ', '\t', '\n', '\r':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, b)
		}
	}
	return dst
}

const (
	keepSlash   = '/'
	encodeSlash = 0
)

const upperHex = "0123456789ABCDEF"

// appendEncoded percent-encodes every byte but the unreserved ones and keep.
func appendEncoded(dst []byte, s string, keep byte) []byte {
	for i := range len(s) {
		b := s[i]
		if unreserved(b) || (keep != 0 && b == keep) {
			dst = append(dst, b)
			continue
		}
		dst = append(dst, '%', upperHex[b>>4], upperHex[b&15])
	}
	return dst
}

func unreserved(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' ||
		b == '-' || b == '_' || b == '.' || b == '~'
}

// recode decodes a query component and encodes it canonically.
func recode(s string) string {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return string(appendEncoded(make([]byte, 0, len(s)+8), unescape(s), encodeSlash))
		}
	}
	return s
}

// unescape decodes a query component. Unlike url.QueryUnescape it cannot fail: a
// percent sign that starts no escape stands for itself.
func unescape(s string) string { return decode(s, true) }

// unescapePath is unescape for paths, where a plus sign is a plus sign.
func unescapePath(s string) string { return decode(s, false) }

func decode(s string, plus bool) string {
	if !strings.Contains(s, "%") && (!plus || !strings.Contains(s, "+")) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '+' && plus:
			out = append(out, ' ')
		case b == '%' && i+2 < len(s) && isHex(s[i+1:i+3]):
			out = append(out, nibble(s[i+1])<<4|nibble(s[i+2]))
			i += 2
		default:
			out = append(out, b)
		}
	}
	return string(out)
}

func nibble(b byte) byte {
	switch {
	case b >= 'a':
		return b - 'a' + 10
	case b >= 'A':
		return b - 'A' + 10
	}
	return b - '0'
}
