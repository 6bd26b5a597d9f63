package remote

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Refusal is in the chain of the faults that a server's status made.
type Refusal struct {
	Status int
	Type   string // the server's word for it, where it has one
	Code   string
	// Message is what the server said, cleaned: one line of bounded length without
	// keys. Body is all of it, as it came: nothing of it is fit for a message.
	Message string
	Body    []byte
	// Known says that the server wrote an error in JSON, so that it knows the
	// path; a web server or a proxy in front of it does not.
	Known bool
}

// Error implements error.
func (r *Refusal) Error() string { return "status " + strconv.Itoa(r.Status) }

// StatusOf returns the status that an error of a Client is about, 0 when it is
// about none.
func StatusOf(err error) int {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Status
	}
	return 0
}

// refused reads an answer that is an error.
func (r *Response) refused() error {
	if r.Status < http.StatusBadRequest {
		// Where to is not told: it may be a login page with a token.
		return fault.Wrap(fault.Upstream, &Refusal{Status: r.Status}, "The backend %s answered with a redirect, which is not followed.", r.c.p.Name).
			WithField("originalStatusCode", r.Status).WithField("resourceName", r.c.p.Name)
	}
	body, err := io.ReadAll(io.LimitReader(r, errorLimit))
	if err != nil && (r.parent.Err() != nil || fault.Is(err, fault.Timeout)) {
		return err
	}
	r.done = true
	var said Said
	if r.Is("application/json") || len(body) > 0 && body[0] == '{' {
		said = Read(body)
		said.Body = body
		if aws, _, _ := strings.Cut(r.Header.Get("X-Amzn-Errortype"), ":"); said.Type == "" {
			said.Type = aws
		}
	} else if r.Is("text/plain") {
		said.Message = string(body)
	}
	return r.c.Refused(r.Status, r.Header, said)
}

// Said is what a server says about its error.
type Said struct {
	Type, Code, Message string
	Known               bool
	Body                []byte // where it is from; may be nil
}

// Read finds what an error body in JSON says, in the forms that servers use:
// {"error": {"message", "type", "code"}}, {"error": "…"}, {"message": "…"},
// {"detail": "…"} and {"detail": [{"loc", "msg"}]}.
func Read(body []byte) Said {
	type object struct {
		Message json.RawMessage `json:"message"`
		Type    json.RawMessage `json:"type"`
		Code    json.RawMessage `json:"code"`
	}
	var top struct {
		object

		AWSType string          `json:"__type"`
		Error   json.RawMessage `json:"error"`
		Detail  json.RawMessage `json:"detail"`
		Upper   string          `json:"Message"`
	}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' { // Gemini's door puts it into a list
		var list []json.RawMessage
		if json.Unmarshal(body, &list) == nil && len(list) > 0 {
			body = list[0]
		}
	}
	if json.Unmarshal(body, &top) != nil {
		return Said{}
	}
	inner := top.object
	if len(top.Error) > 0 && top.Error[0] == '{' {
		_ = json.Unmarshal(top.Error, &inner)
	} else if s := text(top.Error); s != "" {
		inner.Message = top.Error
	}
	said := Said{Type: text(inner.Type), Code: text(inner.Code), Message: text(inner.Message)}
	said.Known = said.Message != "" || said.Type != "" || said.Code != ""
	if said.Type == "" {
		said.Type = top.AWSType
	}
	if said.Message == "" {
		said.Message = top.Upper
	}
	if said.Message == "" && len(top.Detail) > 0 {
		said.Message = detail(top.Detail)
	}
	return said
}

// detail reads FastAPI's list of what is wrong.
func detail(raw json.RawMessage) string {
	if s := text(raw); s != "" {
		return s
	}
	var list []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	var said []string
	for _, item := range list {
		var where []string
		for _, l := range item.Loc {
			if s, ok := l.(string); ok && s != "body" {
				where = append(where, s)
			}
		}
		said = append(said, strings.TrimPrefix(strings.Join(where, ".")+": "+item.Msg, ": "))
	}
	return strings.Join(said, "; ")
}

// text returns a string or a number as text.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return ""
}

// Refused is the fault of a status that a server answered with, also of one
// that it wrote into a stream: 400 and its like Invalid with the server's own
// words, cleaned; 401 and 403 Upstream without them; 404 NotFound; 408 and 504
// Timeout; 429 Throttled; 502, 503 and 529 Unavailable; others Upstream. What
// does not fit into the model's context has inference.ErrContextWindow in its
// chain, a wait that the server asks for inference.RetryAfter, and each has a
// Refusal.
func (c *Client) Refused(status int, h http.Header, said Said) error {
	message := c.clean(said.Message)
	cause := error(&Refusal{Status: status, Type: said.Type, Code: said.Code, Known: said.Known, Message: message, Body: said.Body})
	if wait, ok := c.retryAfter(h); ok {
		cause = errors.Join(cause, inference.RetryAfter{Wait: wait})
	}
	about := func(kind fault.Kind, format string, args ...any) error {
		f := fault.Wrap(kind, cause, format, args...)
		if kind == fault.Upstream {
			f = f.WithField("originalStatusCode", status).WithField("resourceName", c.p.Name)
		}
		if message != "" {
			f.Message += " " + message
		}
		return f
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		if overflow(said) {
			cause = errors.Join(inference.ErrContextWindow, cause)
		}
		if message == "" {
			return about(fault.Invalid, "The backend %s refused the request.", c.p.Name)
		}
		return fault.Wrap(fault.Invalid, cause, "%s", message)
	case http.StatusUnauthorized, http.StatusForbidden:
		message = "" // it may say a part of the key
		return about(fault.Upstream, "The backend %s refused its key.", c.p.Name)
	case http.StatusNotFound:
		if !said.Known {
			return about(fault.Upstream, "The backend %s has no such path.", c.p.Name)
		}
		return about(fault.NotFound, "The backend %s does not have the model.", c.p.Name)
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return about(fault.Timeout, "The backend %s did not answer in time.", c.p.Name)
	case http.StatusTooManyRequests:
		return about(fault.Throttled, "The backend %s has too many requests.", c.p.Name)
	case http.StatusBadGateway, http.StatusServiceUnavailable, 529:
		return about(fault.Unavailable, "The backend %s is not available.", c.p.Name)
	case http.StatusInternalServerError:
		if overflow(said) { // llama-server's older releases
			return fault.Wrap(fault.Invalid, errors.Join(inference.ErrContextWindow, cause), "%s", message)
		}
	}
	return about(fault.Upstream, "The backend %s answered with status %d.", c.p.Name, status)
}

// overflows are the words of servers for a request that does not fit.
var overflows = regexp.MustCompile(`(?i)maximum context length|context_length_exceeded|exceed_context_size|(exceeds?|longer than|larger than|too (long|large) for) (the |this )?(model's )?(available |maximum |max )?(context|model length|model_len)|context (window|length|size) (is )?exceeded|prompt is too long|input is too long|longer than the maximum model length|maximum model length|reduce the length of the (messages|prompt|input)`)

func overflow(said Said) bool {
	return overflows.MatchString(said.Code) || overflows.MatchString(said.Type) || overflows.MatchString(said.Message)
}

func (c *Client) retryAfter(h http.Header) (time.Duration, bool) {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond)), true
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second)), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(c.p.Now())), true
	}
	return 0, false
}

// broken is the fault of a connection that did not do its work.
func (c *Client) broken(err error, before bool) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f // the dialer's, or a fault of this package
	}
	name := c.p.Name
	dial, dialed := errors.AsType[*net.OpError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, expired := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case unknown || other || expired:
		return fault.Wrap(fault.Unavailable, err, "The certificate of the backend %s is not valid.", name)
	case dialed && dial.Op == "dial":
		if dial.Timeout() {
			return fault.Wrap(fault.Timeout, err, "The backend %s could not be reached in time.", name)
		}
		return fault.Wrap(fault.Unavailable, err, "The backend %s cannot be reached.", name)
	case !before:
		return fault.Wrap(fault.Upstream, err, "The backend %s closed the connection before its answer was over.", name).
			WithField("resourceName", name)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(err.Error(), "server closed"), strings.Contains(err.Error(), "transport connection broken: http: ContentLength"):
		return fault.Wrap(fault.Unavailable, err, "The backend %s closed the connection before it answered.", name)
	}
	return fault.Wrap(fault.Upstream, err, "The backend %s did not answer in HTTP.", name).WithField("resourceName", name)
}

const messageLimit = 1000 // bytes of a server's message

// keys are what servers repeat in their messages, and what only looks so.
var keys = regexp.MustCompile(`(?i)\b(sk|pk|rk|gsk|xai|hf|nvapi|bedrock-api-key|absk|AKIA|ASIA|AIza)[-_A-Za-z0-9*]{8,}|\bBearer\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*`)

// clean makes a server's text fit for a message: one line of bounded length
// without keys. Markup is left out altogether.
func (c *Client) clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "<") {
		return ""
	}
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, "(hidden)")
	}
	s = keys.ReplaceAllString(s, "(hidden)")
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > messageLimit {
		s = strings.ToValidUTF8(s[:messageLimit], "") + "…"
	}
	return s
}

// secretsOf returns the values of a header, and the words in them, that must
// not be repeated: the longest first, so that no part of one is left.
func secretsOf(h http.Header) []string {
	var secrets []string
	for _, values := range h {
		for _, v := range values {
			secrets = append(secrets, v)
			secrets = append(secrets, strings.Fields(v)...)
		}
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < 6 || s == "Bearer" })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(secrets)
}

// Clean makes a server's text fit for a message, as those of Refused are: one
// line of bounded length without keys.
func (c *Client) Clean(s string) string { return c.clean(s) }
