package console

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// errorHeader tells what the console refuses from what a service does. Its value
// is the code.
const errorHeader = "X-Outcrop-Console-Error"

// The codes of what the console refuses.
const (
	codeNotSignedIn    = "NotSignedIn"    // there is no session
	codeSessionExpired = "SessionExpired" // its time is over
	codeSessionEnded   = "SessionEnded"   // it was signed out of, or who it is of is gone
	codeSignInFailed   = "SignInFailed"
	codeTooMany        = "TooManyAttempts"
	codeOrigin         = "OriginNotAllowed"
	codeHost           = "HostNotAllowed"
	codeCSRF           = "InvalidCSRFToken"
	codeInvalid        = "InvalidRequest"
	codeAPIKey         = "APIKeyNotAccepted"
	codeNotFound       = "NotFound"
	codeMethod         = "MethodNotAllowed"
	codeTooLarge       = "RequestTooLarge"
	codeInternal       = "InternalError"
)

// refusal is why the console does not answer. Its text is for the person at the
// page.
type refusal struct {
	status  int
	code    string
	message string
	retry   time.Duration // for who has tried too often
	cause   error         // for the log
}

func (r *refusal) Error() string { return r.code + ": " + r.message }
func (r *refusal) Unwrap() error { return r.cause }

// isCode reports whether err is a refusal with a code.
func isCode(err error, code string) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == code
}

func refused(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

// broken is a refusal that is the server's own fault.
func broken(err error) *refusal {
	return &refusal{
		status: http.StatusInternalServerError, code: codeInternal, cause: err,
		message: "The server could not do this. Its log says why.",
	}
}

// refuse answers with why there is no other answer.
func (c *Console) refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = broken(err)
	}
	id := c.p.NewID()
	if r.cause != nil {
		c.p.Logger.Error("the console failed", slog.String("request_id", id), slog.String("cause", r.cause.Error()))
	}
	h := w.Header()
	h.Set(errorHeader, r.code)
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.retry+time.Second-1)/time.Second)))
	}
	answer(w, r.status, map[string]string{"code": r.code, "message": r.message, "requestId": id})
}

// answer writes JSON that nobody may keep, show as a page or read from elsewhere.
func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	protect(h)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone reads nothing
}

// protect makes sure that an answer is data: whatever it holds, it is shown as no
// page, runs nothing and is read by no other site.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
}
