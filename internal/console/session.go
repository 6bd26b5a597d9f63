package console

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
)

// Method is how somebody signed in.
type Method string

// The ways to sign in. ByNobody is where authentication is off.
const (
	ByAccessKey Method = "accessKey"
	ByTemporary Method = "temporaryCredentials"
	ByAPIKey    Method = "apiKey"
	ByLink      Method = "link"
	ByNobody    Method = "off"
)

// session is what the cookie holds, sealed. The names are short because they are
// in every request.
type session struct {
	ID     string `json:"i"`
	Method Method `json:"m"`
	// Key and Print are the access key that was signed in with and the fingerprint
	// of its secret: the session ends when the key does.
	Key   string `json:"k,omitempty"`
	Print string `json:"f,omitempty"`
	// APIKey signs the calls of who signed in with one, the others are signed with
	// the temporary credentials.
	APIKey string `json:"b,omitempty"`
	KeyID  string `json:"c,omitempty"`
	Secret string `json:"s,omitempty"`
	Token  string `json:"t,omitempty"`
	// In Unix seconds: the sign-in, when the credentials were made, and when the
	// session ends unless it is used.
	Started int64 `json:"a"`
	Issued  int64 `json:"n"`
	Expires int64 `json:"e"`
}

func (s *session) expires() time.Time { return time.Unix(s.Expires, 0).UTC() }

// newSession begins one. The caller fills in how calls are signed.
func (c *Console) newSession(method Method) (*session, error) {
	id := make([]byte, 16)
	if _, err := io.ReadFull(c.p.Rand, id); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	now := c.p.Now().Unix()
	return &session{ID: hex.EncodeToString(id), Method: method, Started: now, Issued: now}, nil
}

// prolong lets a session last from now on as long as one does that is not used,
// and gives it new credentials where they are the console's own.
func (c *Console) prolong(ctx context.Context, s *session, p iam.Principal) error {
	now := c.p.Now()
	end := now.Add(c.p.Idle)
	if last := c.last(s); end.After(last) {
		end = last
	}
	switch s.Method {
	case ByAccessKey, ByLink:
		made, err := c.p.Credentials.Session(ctx, credential.SessionParams{Type: p.Type, Name: p.Name, ID: p.UserID, Life: end.Sub(now.UTC().Truncate(time.Second))})
		if err != nil {
			return err
		}
		s.KeyID, s.Secret, s.Token = made.AccessKeyID, made.Secret.Reveal(), made.SessionToken.Reveal()
	case ByTemporary:
		if p.Session != nil && end.After(p.Session.Expires) {
			end = p.Session.Expires
		}
	case ByAPIKey, ByNobody:
	}
	s.Issued, s.Expires = now.Unix(), end.Unix()
	return nil
}

// last is when a session ends however much it is used.
func (c *Console) last(s *session) time.Time { return time.Unix(s.Started, 0).Add(c.p.Longest) }

// current returns the session of a request, and who it is of now.
func (c *Console) current(r *http.Request) (*session, iam.Principal, error) {
	var none iam.Principal
	text := readCookie(r)
	if text == "" {
		return nil, none, refused(http.StatusUnauthorized, codeNotSignedIn, "Sign in first.")
	}
	s, err := c.seal.open(text)
	if err != nil { // of a server with other keys, or made up
		return nil, none, refused(http.StatusUnauthorized, codeNotSignedIn, "Sign in first.")
	}
	if now := c.p.Now(); !now.Before(s.expires()) || !now.Before(c.last(s)) {
		return nil, none, expired()
	}
	over, err := c.ended.has(r.Context(), s.ID)
	if err != nil {
		return nil, none, broken(err)
	}
	if over {
		return nil, none, refused(http.StatusUnauthorized, codeSessionEnded, "This session was signed out of.")
	}
	p, err := c.owner(s)
	return s, p, err
}

func expired() error {
	return refused(http.StatusUnauthorized, codeSessionExpired, "The session has expired. Sign in again.")
}

// owner finds who a session is of, as they are now: not who it was of, if their
// key or they themselves are gone since.
func (c *Console) owner(s *session) (iam.Principal, error) {
	gone := func(err error) (iam.Principal, error) {
		switch f := fault.As(err); {
		case f.Code == "ExpiredTokenException":
			return iam.Principal{}, expired()
		case f.Kind == fault.Unauthenticated || f.Kind == fault.Denied:
			return iam.Principal{}, refused(http.StatusUnauthorized, codeSessionEnded, "The key or the user that signed in is no longer there. Sign in again.")
		}
		return iam.Principal{}, broken(err)
	}
	if s.Method == ByAPIKey {
		p, err := c.p.APIKey(s.APIKey)
		if err != nil {
			return gone(err)
		}
		return p, nil
	}
	if s.Key != "" {
		key, err := c.p.Credentials.Lookup(s.Key, "")
		if err == nil && (!same(c.seal.fingerprint(key.Secret.Reveal()), s.Print) || c.over(key.Expires)) {
			err = iam.ErrUnknownKey()
		}
		if err != nil {
			return gone(err)
		}
	}
	temporary, err := c.p.Credentials.Lookup(s.KeyID, s.Token)
	if err == nil && c.over(temporary.Expires) {
		return iam.Principal{}, expired()
	}
	if err != nil {
		return gone(err)
	}
	return temporary.Principal, nil
}

// over reports whether a time that something ends has come; it never does for
// what has no end.
func (c *Console) over(end time.Time) bool { return !end.IsZero() && !c.p.Now().Before(end) }

// checkCSRF demands the token of a session, which only a page of the console can
// have read.
func (c *Console) checkCSRF(r *http.Request, id string) error {
	if sent := r.Header.Get(csrfHeader); sent == "" || !same(sent, c.seal.csrf(id)) {
		return refused(http.StatusForbidden, codeCSRF, "The token of the session is missing or is of another session. Load the page again.")
	}
	return nil
}

// csrfHeader has the token.
const csrfHeader = "X-Outcrop-Csrf"

// nobody is the session of who needs none, where authentication is off.
const nobody = "off"

// keep gives the browser a session.
func (c *Console) keep(w http.ResponseWriter, r *http.Request, s *session, secure bool) error {
	text, err := c.seal.close(s)
	if err != nil {
		return broken(err)
	}
	if !writeCookie(w, r, text, secure) {
		return refused(http.StatusBadRequest, codeInvalid, "These credentials are too long for a browser to keep. Sign in with a shorter session token or API key.")
	}
	return nil
}

// refresh prolongs a session that is in use, once in a while and not for every
// call.
func (c *Console) refresh(w http.ResponseWriter, r *http.Request, s *session, p iam.Principal) error {
	const often = 6 // times in the life of a session that is not used
	if c.p.Now().Sub(time.Unix(s.Issued, 0)) < c.p.Idle/often {
		return nil
	}
	next := *s
	if err := c.prolong(r.Context(), &next, p); err != nil {
		return broken(err)
	}
	if next.Expires <= s.Expires {
		return nil // it cannot last longer
	}
	return c.keep(w, r, &next, isSecure(r))
}
