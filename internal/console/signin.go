package console

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
)

// mostSignIn bounds the body of a sign-in, in bytes: a session token may have 8 KB.
const mostSignIn = 64 << 10

// signIn is what a page sends to sign somebody in: the members of one way.
type signIn struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
	APIKey          string `json:"apiKey"`
	Token           string `json:"token"` // of a one-time link
}

func (in *signIn) method() (Method, error) {
	keys := in.AccessKeyID != "" || in.SecretAccessKey != "" || in.SessionToken != ""
	switch {
	case keys && (in.AccessKeyID == "" || in.SecretAccessKey == "" || in.APIKey != "" || in.Token != ""),
		in.APIKey != "" && in.Token != "", !keys && in.APIKey == "" && in.Token == "":
		return "", refused(http.StatusBadRequest, codeInvalid, "Give an access key ID with its secret access key, or an API key, or the token of a link.")
	case in.SessionToken != "":
		return ByTemporary, nil
	case keys:
		return ByAccessKey, nil
	case in.APIKey != "":
		return ByAPIKey, nil
	}
	return ByLink, nil
}

// described is what a page knows of its session.
type described struct {
	Principal person `json:"principal"`
	Region    string `json:"region"`
	SignIn    Method `json:"signIn"`
	// Expires is when the session ends unless it is used, and Ends when it does
	// however much it is. They are left out where nobody signs in.
	Expires time.Time `json:"expires,omitzero"`
	Ends    time.Time `json:"ends,omitzero"`
	CSRF    string    `json:"csrf"`
}

type person struct {
	ARN     string            `json:"arn"`
	Account string            `json:"account"`
	Name    string            `json:"name"`
	Kind    iam.PrincipalType `json:"kind"`
}

// session is what there is at sessionPath.
func (c *Console) session(w http.ResponseWriter, r *http.Request) error {
	if err := c.sameOrigin(r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return c.showSession(w, r)
	case http.MethodPost:
		return c.beginSession(w, r)
	case http.MethodDelete:
		return c.endSession(w, r)
	}
	w.Header().Set("Allow", "GET, HEAD, POST, DELETE")
	return refused(http.StatusMethodNotAllowed, codeMethod, "A session is read, begun or ended.")
}

func (c *Console) showSession(w http.ResponseWriter, r *http.Request) error {
	if c.p.Off {
		answer(w, http.StatusOK, c.open())
		return nil
	}
	s, p, err := c.current(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, c.describe(s, p))
	return nil
}

// open is the session of everybody where authentication is off.
func (c *Console) open() described {
	return described{
		Principal: person{ARN: "arn:aws:iam::" + c.p.Account + ":user/anonymous", Account: c.p.Account, Name: "anonymous", Kind: iam.Anonymous},
		Region:    c.p.Region, SignIn: ByNobody, CSRF: c.seal.csrf(nobody),
	}
}

func (c *Console) describe(s *session, p iam.Principal) described {
	name := p.Name
	switch {
	case p.Type == iam.Root:
		name = "root"
	case p.Session != nil && p.Session.Name != "":
		name += "/" + p.Session.Name // of a role
	}
	end := c.last(s).UTC()
	if s.Method == ByTemporary && p.Session != nil && p.Session.Expires.Before(end) {
		end = p.Session.Expires
	}
	return described{
		Principal: person{ARN: p.ARN, Account: p.Account, Name: name, Kind: p.Type},
		Region:    c.p.Region, SignIn: s.Method, Expires: s.expires(), Ends: end, CSRF: c.seal.csrf(s.ID),
	}
}

func (c *Console) beginSession(w http.ResponseWriter, r *http.Request) error {
	if c.p.Off {
		answer(w, http.StatusOK, c.open())
		return nil
	}
	in, err := readSignIn(w, r)
	if err != nil {
		return err
	}
	method, err := in.method()
	if err != nil {
		return err
	}
	from := c.p.Source(r)
	if wait := c.attempts.take(from); wait > 0 {
		late := refused(http.StatusTooManyRequests, codeTooMany, "Too many sign-ins have failed. Wait a moment before you try again.")
		late.retry = wait
		return late
	}
	s, p, err := c.enter(r, method, in)
	c.tell(r, method, in.AccessKeyID, p, err)
	if !isCode(err, codeSignInFailed) {
		c.attempts.forgive(from)
	}
	if err != nil {
		return err
	}
	if old, _, err := c.current(r); err == nil { // who signs in anew leaves the session they had
		if err := c.ended.end(r.Context(), old.ID, c.last(old)); err != nil {
			return broken(err)
		}
	}
	if err := c.keep(w, r, s, secure(r)); err != nil {
		return err
	}
	answer(w, http.StatusOK, c.describe(s, p))
	return nil
}

func readSignIn(w http.ResponseWriter, r *http.Request) (*signIn, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return nil, refused(http.StatusUnsupportedMediaType, codeInvalid, "A sign-in is JSON.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostSignIn))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, refused(http.StatusRequestEntityTooLarge, codeTooLarge, "The sign-in is too large.")
	case err != nil:
		return nil, refused(http.StatusBadRequest, codeInvalid, "The sign-in did not arrive whole.")
	}
	in := &signIn{}
	if err := json.Unmarshal(body, in); err != nil {
		return nil, refused(http.StatusBadRequest, codeInvalid, "The sign-in is not the JSON that it must be.")
	}
	for _, text := range []*string{&in.AccessKeyID, &in.SecretAccessKey, &in.SessionToken, &in.APIKey, &in.Token} {
		*text = strings.TrimSpace(*text) // as it was copied
	}
	return in, nil
}

// enter begins a session for who has proved to be somebody. The principal is that
// of the credentials which sign the calls.
func (c *Console) enter(r *http.Request, method Method, in *signIn) (*session, iam.Principal, error) {
	s, err := c.newSession(method)
	if err != nil {
		return nil, iam.Principal{}, broken(err)
	}
	p, err := c.prove(r, s, in)
	if err != nil {
		return nil, iam.Principal{}, err
	}
	if err := c.prolong(r.Context(), s, p); err != nil {
		if fault.Is(err, fault.NotFound) { // the user of a link
			return nil, iam.Principal{}, failed("The user that this link is for is no longer there.")
		}
		return nil, iam.Principal{}, broken(err)
	}
	p, err = c.owner(s)
	return s, p, err
}

// prove finds out who somebody is, and notes in the session what that rests on.
func (c *Console) prove(r *http.Request, s *session, in *signIn) (iam.Principal, error) {
	var none iam.Principal
	switch s.Method {
	case ByAccessKey, ByTemporary:
		key, err := c.p.Credentials.Lookup(in.AccessKeyID, in.SessionToken)
		switch {
		case err != nil && !fault.Is(err, fault.Unauthenticated):
			return none, broken(err)
		case err != nil || !same(key.Secret.Reveal(), in.SecretAccessKey):
			return none, failed("The access key or its secret is not right.")
		case c.over(key.Expires):
			return none, failed("These credentials have expired.")
		}
		if s.Method == ByTemporary {
			s.KeyID, s.Secret, s.Token = in.AccessKeyID, in.SecretAccessKey, in.SessionToken
		} else {
			s.Key, s.Print = key.AccessKeyID, c.seal.fingerprint(in.SecretAccessKey)
		}
		return key.Principal, nil
	case ByAPIKey:
		p, err := c.p.APIKey(in.APIKey)
		switch {
		case fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated):
			return none, failed("The API key is not right, or has expired.")
		case err != nil:
			return none, broken(err)
		}
		s.APIKey = in.APIKey
		return p, nil
	case ByLink:
		owner, err := c.links.Use(r.Context(), in.Token)
		switch {
		case fault.Is(err, fault.NotFound):
			return none, failed(fault.As(err).Message)
		case err != nil:
			return none, broken(err)
		}
		return iam.Principal{Type: owner.Type, Name: owner.Name, UserID: owner.ID}, nil
	case ByNobody:
	}
	return none, failed("There is no such way to sign in.")
}

func failed(message string) error { return refused(http.StatusForbidden, codeSignInFailed, message) }

// tell logs a sign-in and tells who keeps a record of it. Secrets are in neither.
func (c *Console) tell(r *http.Request, method Method, key string, p iam.Principal, err error) {
	if method == ByAPIKey || method == ByLink {
		key = ""
	}
	id := c.p.NewID()
	attrs := []any{slog.String("request_id", id), slog.String("method", string(method)), slog.String("from", r.RemoteAddr)}
	switch {
	case err == nil:
		c.p.Logger.Info("signed in to the console", append(attrs, slog.String("principal", p.ARN))...)
	case isCode(err, codeSignInFailed):
		c.p.Logger.Warn("a sign-in to the console failed", attrs...)
	default:
		return // it is no matter of who they are, and is logged with the answer
	}
	if c.p.SignedIn != nil {
		c.p.SignedIn(SignIn{RequestID: id, At: c.p.Now(), Method: method, Principal: p, AccessKeyID: key, Request: r})
	}
}

// endSession ends what the browser has, for good: the cookie is of no use to who
// may have kept it.
func (c *Console) endSession(w http.ResponseWriter, r *http.Request) error {
	if c.p.Off {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	s, err := c.seal.open(readCookie(r))
	if err == nil && c.p.Now().Before(c.last(s)) {
		if err := c.checkCSRF(r, s.ID); err != nil {
			return err
		}
		if err := c.ended.end(r.Context(), s.ID, c.last(s)); err != nil {
			return broken(err)
		}
	}
	_ = writeCookie(w, r, "", isSecure(r)) // an empty one is never too long
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var _ Credentials = (*credential.Store)(nil)
