package console

import (
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// The signing names that mean something to the console.
const (
	bedrockName  = "bedrock"
	operatorName = "outcrop" // is no service's: the operator API, signed for bedrock
	operatorPath = "/outcrop"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)
	regionPattern = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
)

// target is what a call is for.
type target struct {
	name   string // signing name
	region string
	path   string // as it was sent, escapes and all
}

// parseCall reads <signing name>/<region>/<path>, which is what stands behind
// callPrefix in a path that nobody has unescaped: in the ARN of a model %2F is
// another thing than a slash.
func parseCall(rest string) (target, error) {
	name, rest, _ := strings.Cut(rest, "/")
	region, path, ok := strings.Cut(rest, "/")
	if !ok || !namePattern.MatchString(name) || !regionPattern.MatchString(region) {
		return target{}, refused(http.StatusNotFound, codeNotFound, "A call is for a service and a region: "+callPrefix+"SERVICE/REGION/PATH.")
	}
	path = "/" + path
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return target{}, refused(http.StatusBadRequest, codeInvalid, "The path of the call has an escape that is none.")
	}
	switch {
	case name == operatorName:
		path = operatorPath + path
	case strings.HasPrefix(decoded+"/", Prefix) && name != "s3":
		return target{}, refused(http.StatusNotFound, codeNotFound, "The console does not call itself.")
	}
	return target{name, region, path}, nil
}

// passed are the headers of a page's request that reach the service, beside those
// that begin with one of passedPrefixes. The cookie is not among them, nor anything
// that a service may take for a proof of who calls.
var passed = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"Accept": true, "Content-Type": true, "Content-Disposition": true, "Content-Language": true, "Content-Md5": true,
	"Range": true, "If-Match": true, "If-None-Match": true, "If-Modified-Since": true, "If-Unmodified-Since": true, "If-Range": true,
	"Smithy-Protocol": true, "User-Agent": true, "X-Amz-Target": true, "Anthropic-Version": true, "Anthropic-Beta": true, "Last-Event-Id": true,
	// By these the server sees that a proxy asks, and no program on this machine.
	"Forwarded": true, "Via": true, "X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Forwarded-Server": true, "X-Real-Ip": true,
}

var passedPrefixes = []string{ //nolint:gochecknoglobals // a constant table
	"X-Amzn-Bedrock-", "X-Amz-Meta-", "X-Amz-Checksum-", "X-Amz-Copy-Source", "X-Amz-Metadata-Directive", "X-Amz-Tagging", "X-Amz-Sdk-Checksum-Algorithm",
	"X-Amz-Bypass-Governance-Retention", "X-Amz-Bucket-", "X-Amz-Object-", "X-Amz-Mp-", "X-Amz-Acl", "X-Amz-Delete-",
}

func passes(name string) bool {
	if passed[name] {
		return true
	}
	for _, prefix := range passedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// call signs what a page asks for and hands it on. It returns why it does not.
func (c *Console) call(w http.ResponseWriter, r *http.Request) error {
	if err := c.sameOrigin(r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return refused(http.StatusMethodNotAllowed, codeMethod, "A call has no such method.")
	}
	var s *session
	if c.p.Off {
		if err := c.checkCSRF(r, nobody); err != nil {
			return err
		}
	} else {
		var p iam.Principal
		var err error
		if s, p, err = c.current(r); err != nil {
			return err
		}
		if err := c.checkCSRF(r, s.ID); err != nil {
			return err
		}
		if err := c.refresh(w, r, s, p); err != nil {
			return err
		}
	}
	to, err := parseCall(strings.TrimPrefix(r.URL.EscapedPath(), callPrefix))
	if err != nil {
		return err
	}
	inner, err := c.sign(r, to, s)
	if err != nil {
		return err
	}
	// How long a call may take is for the service to say.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})  // test writers have none, and need none
	_ = control.SetWriteDeadline(time.Time{}) // as above
	c.p.Handler.ServeHTTP(&answering{ResponseWriter: w, cookies: w.Header()[setCookie]}, inner)
	return nil
}

// sign makes the request that the service sees. It has the connection, the body
// and the end of the page's own, so that where it is from is observed as it is and
// who goes away is noticed.
func (c *Console) sign(r *http.Request, to target, s *session) (*http.Request, error) {
	path, err := url.PathUnescape(to.path)
	if err != nil {
		return nil, refused(http.StatusBadRequest, codeInvalid, "The path of the call has an escape that is none.")
	}
	inner := r.WithContext(r.Context())
	inner.URL = &url.URL{Path: path, RawPath: to.path, RawQuery: r.URL.RawQuery}
	inner.RequestURI = to.path
	if r.URL.RawQuery != "" {
		inner.RequestURI += "?" + r.URL.RawQuery
	}
	inner.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if passes(textproto.CanonicalMIMEHeaderKey(name)) {
			inner.Header[name] = values
		}
	}
	inner.Trailer = nil
	if s != nil {
		// Where sessions count, nobody may do by a browser what programs on this
		// machine may do without one.
		inner.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	name := to.name
	if name == operatorName {
		name = bedrockName
	}
	signer := sigv4.Signer{AccessKeyID: nobody, Secret: nobody, Region: to.region, Service: name}
	if s != nil {
		if s.Method == ByAPIKey {
			return inner, c.bear(inner, s, name, to.region)
		}
		signer.AccessKeyID, signer.Secret, signer.SessionToken = s.KeyID, iam.Secret(s.Secret), iam.Secret(s.Token)
	}
	// The body does not leave this process, so that nobody can change it: it is not
	// hashed, and what is large goes through as it comes.
	signer.SignPayload(inner, sigv4.PayloadUnsigned, c.p.Now())
	return inner, nil
}

// bear shows the API key. Such a request names its region with the host, as AWS's
// clients do.
func (c *Console) bear(inner *http.Request, s *session, name, region string) error {
	if name != bedrockName {
		return refused(http.StatusForbidden, codeAPIKey, "API keys are for Amazon Bedrock alone. Sign in with an access key to use this service.")
	}
	inner.Host = "bedrock." + region + ".amazonaws.com"
	inner.Header.Set("Authorization", "Bearer "+s.APIKey)
	return nil
}

// answering lets an answer through as it comes, less what could act in the
// console's name: a document of a bucket is data here, never a page.
type answering struct {
	http.ResponseWriter

	cookies []string // of the console
	begun   bool
}

// own are headers that services may set for themselves and not for the console.
var own = []string{setCookie, "Clear-Site-Data", "Link", "Refresh", "Service-Worker-Allowed", "Strict-Transport-Security", "Alt-Svc"} //nolint:gochecknoglobals // a constant table

func (a *answering) begin() {
	if a.begun {
		return
	}
	a.begun = true
	h := a.Header()
	for name := range h {
		if strings.HasPrefix(textproto.CanonicalMIMEHeaderKey(name), "Access-Control-") {
			delete(h, name)
		}
	}
	for _, name := range own {
		h.Del(name)
	}
	if len(a.cookies) > 0 {
		h[setCookie] = a.cookies
	}
	protect(h)
	h.Set("Cache-Control", "no-store")
}

const setCookie = "Set-Cookie"

// WriteHeader implements http.ResponseWriter.
func (a *answering) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.begin()
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answering) Write(p []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(p)
}

// FlushError implements what http.ResponseController looks for.
func (a *answering) FlushError() error {
	a.begin()
	err := http.NewResponseController(a.ResponseWriter).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil // a writer of a test
	}
	return err
}

// Flush implements http.Flusher.
func (a *answering) Flush() { _ = a.FlushError() } // a client that is gone is noticed by the next write

// Unwrap lets http.ResponseController find what else the writer can do.
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }
