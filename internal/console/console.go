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
	// Patience is how long a client may take to send a sign-in or to take a page.
	Patience time.Duration
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
	// Nobody shall hold a connection by sending or taking slowly, and what an
	// earlier exchange of the connection had to be sent by is over. A deadline is a
	// matter of the real clock, whatever time the tests tell.
	control, until := http.NewResponseController(w), time.Now().Add(c.p.Patience)
	_ = control.SetReadDeadline(until)  // test writers have none, and need none
	_ = control.SetWriteDeadline(until) // as above
	stranger := c.host(r)
	answer := c.page
	switch {
	case strings.HasPrefix(path, callPrefix):
		answer = c.call
	case path == sessionPath:
		answer = c.session
	case stranger != nil: // a person reads it, not a page
		w.Header().Set(errorHeader, stranger.code)
		http.Error(w, stranger.message, stranger.status)
		return
	}
	var err error
	if stranger != nil {
		err = stranger
	} else {
		err = answer(w, r)
	}
	if err != nil {
		c.refuse(w, err)
	}
}

// page answers with one of the files.
func (c *Console) page(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path+"/" == Prefix {
		http.Redirect(w, r, Prefix, http.StatusPermanentRedirect)
		return nil
	}
	c.pages.serve(w, r)
	return nil
}
