// Package console is the server's side of the console, the pages under
// /console/: it gives out the pages, signs people in and out, and signs the calls
// that the pages make, so that no key is ever in a browser.
//
// It serves no operation by itself. A call goes to the handler of the one port
// like anybody's, signed with the temporary credentials of who has signed in;
// there it is verified, decided on, metered and logged. The pages themselves are
// made from the folder web of the repository and embedded where they have been
// built. Package app makes the Console.
package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/store"
)

// Prefix is below which everything of the console is.
const Prefix = "/console/"

// The paths of the console's own API. Everything else below Prefix is a page.
const (
	sessionPath = Prefix + "session"
	callPrefix  = Prefix + "call/"
	assetPrefix = Prefix + "assets/"
)

// Credentials finds and makes credentials; *credential.Store does.
type Credentials interface {
	Lookup(accessKeyID, sessionToken string) (iam.Credential, error)
	Session(ctx context.Context, p credential.SessionParams) (iam.Credential, error)
	// Derive makes a key for a purpose of what the server keeps its secrets with.
	Derive(purpose string) ([]byte, error)
}

// SignIn is one try to sign in, for those who keep a record of it.
type SignIn struct {
	RequestID string
	At        time.Time
	Method    Method
	// Principal is who has signed in; without an ARN nobody has.
	Principal iam.Principal
	// AccessKeyID is the key that was claimed; empty where it was none.
	AccessKeyID string
	Request     *http.Request // for where it came from; its body has been read
}

// Params are the parts of a Console. All but SignedIn, Hosts and Logger are
// required.
type Params struct {
	// Handler answers the calls that have been signed: that of the one port.
	Handler     http.Handler
	Credentials Credentials
	// APIKey tells whose a Bedrock API key is.
	APIKey func(key string) (iam.Principal, error)
	// Store keeps the one-time links and the sessions that were ended.
	Store   store.Store
	Account string
	Region  string // that a page starts with
	// Off: authentication is off, nobody signs in.
	Off bool
	// Hosts are names that the console may be called by where it is reached
	// through a loopback address, beside those of this machine.
	Hosts []string
	// Idle is how long a session lasts that is not used, Longest how long one that
	// is.
	Idle, Longest time.Duration
	// Source is the address that a request comes from; invalid for one without.
	Source func(r *http.Request) netip.Addr
	// SignedIn is told of every try to sign in; nil: nobody is.
	SignedIn func(s SignIn)
	Logger   *slog.Logger // nil: nothing is logged
	Now      func() time.Time
	Rand     io.Reader
	NewID    func() string // request ids: UUID v4
}

// Console is the http.Handler of everything below Prefix. It is safe for
// concurrent use.
type Console struct {
	p        Params
	pages    *pages
	seal     *seal
	ended    *ended
	links    *Links
	attempts *attempts
}

// New returns a Console.
func New(p Params) (*Console, error) {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	pages, err := openPages(embedded())
	if err != nil {
		return nil, err
	}
	s, err := newSeal(p.Credentials, p.Account, p.Rand)
	if err != nil {
		return nil, err
	}
	return &Console{
		p: p, pages: pages, seal: s,
		ended:    newEnded(p.Store, p.Account, p.Now),
		links:    NewLinks(LinkParams{Store: p.Store, Account: p.Account, Now: p.Now, Rand: p.Rand}),
		attempts: newAttempts(p.Now),
	}, nil
}

// ServeHTTP answers one request below Prefix.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if err := c.host(r); err != nil {
		c.refuse(w, err)
		return
	}
	switch {
	case strings.HasPrefix(path, callPrefix):
		if err := c.call(w, r); err != nil {
			c.refuse(w, err)
		}
	case path == sessionPath:
		if err := c.session(w, r); err != nil {
			c.refuse(w, err)
		}
	case path+"/" == Prefix:
		http.Redirect(w, r, Prefix, http.StatusPermanentRedirect)
	default:
		c.pages.serve(w, r)
	}
}
