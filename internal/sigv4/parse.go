package sigv4

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse reads the signature of a request, from its Authorization header or from
// the query of a presigned URL, without verifying anything. It does not touch
// the body. Errors are fault.Unauthenticated with AWS's code and words.
func Parse(r *http.Request) (*Credential, error) {
	query, err := onlyOnce(r)
	if err != nil {
		return nil, err
	}
	if headers := r.Header["Authorization"]; len(headers) > 0 {
		return parseHeader(r, headers[0])
	}
	if len(query) == 0 {
		return nil, missing()
	}
	return parseQuery(r, query)
}

// once are the headers of a signature. A request that has one of them twice
// means one thing to who looks at the first and another to who looks at the
// last.
var once = [...]string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date", "X-Amz-Content-Sha256"}

// CheckOnce refuses requests that say twice who sent them or how. Parse does it
// too; this is for those who look for other credentials before.
func CheckOnce(r *http.Request) error {
	_, err := onlyOnce(r)
	return err
}

// onlyOnce returns the signature in the query while it is at it.
func onlyOnce(r *http.Request) (map[string]string, error) {
	for _, name := range once {
		if len(r.Header[name]) > 1 {
			return nil, incomplete("Only one '%s' header is allowed.", name)
		}
	}
	_, rawQuery := target(r)
	query, err := presignedQuery(rawQuery)
	if err == nil && len(query) > 0 && len(r.Header["Authorization"]) > 0 {
		err = incomplete("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	}
	return query, err
}

// ServiceName returns the signing name of the service that a request says it is
// for, also when nothing else in its signature makes sense; empty when it does
// not say. A signature of the version before is S3's: no other service of today
// takes one.
func ServiceName(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
		if scheme == "AWS" {
			return "s3"
		}
		if _, rest, ok := strings.Cut(rest, "Credential="); ok && strings.HasPrefix(scheme, "AWS4-") {
			credential, _, _ := strings.Cut(rest, ",")
			return scopeService(credential)
		}
		return ""
	}
	_, rawQuery := target(r)
	if query, err := presignedQuery(rawQuery); err == nil && query["X-Amz-Credential"] != "" {
		return scopeService(query["X-Amz-Credential"])
	}
	if strings.Contains(rawQuery, "AWSAccessKeyId=") && strings.Contains(rawQuery, "Signature=") {
		return "s3"
	}
	return ""
}

func scopeService(credential string) string {
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if len(parts) < 4 {
		return ""
	}
	return parts[3]
}

// parseHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
func parseHeader(r *http.Request, header string) (*Credential, error) {
	algorithm, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if algorithm == "" {
		return nil, missing()
	}
	if algorithm != Algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", printable(algorithm))
	}
	var credential, signed, signature string
	for pair := range strings.SplitSeq(rest, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, incomplete("Invalid key=value pair (missing equal-sign) in Authorization header "+
				"(hashed with SHA-256 and encoded with Base64): '%s'.", hashed(header))
		}
		switch key {
		case "Credential":
			credential = value
		case "SignedHeaders":
			signed = value
		case "Signature":
			signature = value
		}
	}
	stamp := r.Header.Get("X-Amz-Date")
	if stamp == "" {
		stamp = r.Header.Get("Date")
	}
	var lacks strings.Builder
	for _, part := range [...]struct{ name, value string }{
		{"Credential", credential}, {"Signature", signature}, {"SignedHeaders", signed},
	} {
		if part.value == "" {
			lacks.WriteString("Authorization header requires '" + part.name + "' parameter. ")
		}
	}
	if stamp == "" {
		lacks.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if lacks.Len() > 0 {
		return nil, incomplete("%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s", lacks.String(), hashed(header))
	}
	c := &Credential{Signature: signature, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if err := c.setScope(credential); err != nil {
		return nil, err
	}
	if err := c.setTime(stamp); err != nil {
		return nil, err
	}
	c.setHeaders(signed)
	return c, c.setPayload(r.Header.Get("X-Amz-Content-Sha256"))
}

// presigned are the query parameters of a presigned URL, in the order in which
// their absence is reported.
var presigned = [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"}

// presignedQuery picks the signature's parameters from a raw query; it is empty
// when there are none. None may be there twice.
func presignedQuery(rawQuery string) (map[string]string, error) {
	var none map[string]string
	if !strings.Contains(rawQuery, "X-Amz-") {
		return none, nil
	}
	found := make(map[string]string, 8)
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key = unescape(key)
		switch key {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date",
			"X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Content-Sha256":
			if _, twice := found[key]; twice {
				return nil, incomplete("AWS query-string parameters must include '%s' only once.", key)
			}
			found[key] = unescape(value)
		}
	}
	for _, name := range presigned {
		if _, ok := found[name]; ok {
			return found, nil
		}
	}
	return none, nil
}

func parseQuery(r *http.Request, query map[string]string) (*Credential, error) {
	var lacks strings.Builder
	for _, name := range presigned {
		if query[name] == "" {
			lacks.WriteString("AWS query-string parameters must include '" + name + "'. ")
		}
	}
	if lacks.Len() > 0 {
		return nil, incomplete("%sRe-examine the query-string parameters.", lacks.String())
	}
	if a := query["X-Amz-Algorithm"]; a != Algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", printable(a))
	}
	if len(r.Header["X-Amz-Security-Token"]) > 0 {
		return nil, incomplete("The security token of a presigned URL must be in its query, not in a header.")
	}
	c := &Credential{
		Presigned:    true,
		Signature:    query["X-Amz-Signature"],
		SessionToken: query["X-Amz-Security-Token"],
		Expires:      MaxSkew,
	}
	if err := c.setScope(query["X-Amz-Credential"]); err != nil {
		return nil, err
	}
	if err := c.setTime(query["X-Amz-Date"]); err != nil {
		return nil, err
	}
	if text, ok := query["X-Amz-Expires"]; ok {
		seconds, err := strconv.ParseInt(text, 10, 64)
		switch limit := int64(MaxExpires / time.Second); {
		case err != nil:
			return nil, incomplete("X-Amz-Expires should be a number")
		case seconds < 0:
			return nil, incomplete("X-Amz-Expires must be non-negative")
		case seconds > limit:
			return nil, incomplete("X-Amz-Expires must be less than a week (in seconds); "+
				"that is, the given X-Amz-Expires must be less than %d seconds", limit)
		}
		c.Expires = time.Duration(seconds) * time.Second
	}
	c.setHeaders(query["X-Amz-SignedHeaders"])
	declared := query["X-Amz-Content-Sha256"]
	if declared == "" {
		declared = r.Header.Get("X-Amz-Content-Sha256")
	}
	if declared == "" && c.Service == "s3" {
		declared = payloadNames[PayloadUnsigned]
	}
	return c, c.setPayload(declared)
}

func (c *Credential) setScope(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return incomplete("Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'.", printable(credential))
	}
	c.AccessKeyID, c.Date, c.Region, c.Service = parts[0], parts[1], parts[2], parts[3]
	if parts[4] != terminator {
		return invalid("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, printable(parts[4]))
	}
	return nil
}

// setTime reads X-Amz-Date, or a Date header in either of its usual forms.
func (c *Credential) setTime(stamp string) error {
	t, err := time.Parse(timeFormat, stamp)
	if err != nil {
		if t, err = http.ParseTime(stamp); err != nil {
			return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. "+
				"See http://en.wikipedia.org/wiki/ISO_8601", printable(stamp))
		}
		t = t.UTC()
	}
	c.Time = t
	return nil
}

func (c *Credential) setHeaders(list string) {
	names := strings.Split(list, ";")
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSpace(name))
	}
	if !slices.IsSorted(names) {
		slices.Sort(names)
	}
	c.SignedHeaders = names
}

// setPayload reads the value of x-amz-content-sha256, empty when absent.
func (c *Credential) setPayload(declared string) error {
	if declared == "" {
		return nil
	}
	for p, name := range payloadNames {
		if name != "" && declared == name {
			c.Payload = Payload(p)
			return nil
		}
	}
	if len(declared) != len(EmptyHash) || !isHex(declared) {
		return invalid("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value, or a valid sha256 value.")
	}
	c.declaredHash = strings.ToLower(declared)
	return nil
}

// CheckService refuses a scope that names another service than the one (by its
// signing name) that the request was routed to.
func (c *Credential) CheckService(signingName string) error {
	if c.Service == signingName {
		return nil
	}
	return invalid("Credential should be scoped to correct service: '%s'.", signingName)
}

func (c *Credential) signs(header string) bool {
	_, ok := slices.BinarySearch(c.SignedHeaders, header)
	return ok
}

func isHex(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'f', b >= 'A' && b <= 'F':
		default:
			return false
		}
	}
	return true
}

// printable makes a piece of a request fit for a message: short, and without
// control characters.
func printable(s string) string {
	const most = 256
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// values returns the values of a header by its lower-case name, looking at the
// places where net/http keeps the headers that it takes out of the map.
func values(r *http.Request, name string) []string {
	switch name {
	case "host", ":authority":
		if r.Host != "" {
			return []string{r.Host}
		}
		if r.URL != nil && r.URL.Host != "" {
			return []string{r.URL.Host}
		}
	case "transfer-encoding":
		if len(r.TransferEncoding) > 0 {
			return r.TransferEncoding
		}
	case "content-length":
		if v := r.Header["Content-Length"]; len(v) > 0 {
			return v
		}
		if r.ContentLength >= 0 {
			return []string{strconv.FormatInt(r.ContentLength, 10)}
		}
	}
	return r.Header[textproto.CanonicalMIMEHeaderKey(name)]
}
