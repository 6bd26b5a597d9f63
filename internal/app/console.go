package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/console"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/store"
)

// openConsole makes the console, where there is to be one.
func (a *App) openConsole() error {
	cfg := a.p.Config
	if !cfg.Console.Enabled {
		return nil
	}
	keys := apikey.New(apikey.Params{
		Keys: a.credentials, Now: a.p.Now,
		Signatures: sigv4.New(sigv4.Params{Keys: a.credentials, Used: a.credentials.Used, Now: a.p.Now, Services: signingNames(), Region: a.catalog.HasRegion}),
	})
	var err error
	a.console, err = console.New(console.Params{
		Handler: a.edge, Credentials: a.credentials, Store: a.state, Account: cfg.Account, Region: cfg.Region,
		APIKey: func(key string) (iam.Principal, error) {
			id, err := keys.Verify(key, "")
			return id.Principal, err
		},
		Off: cfg.Auth == config.Off, Hosts: cfg.Console.Hosts, Idle: cfg.Console.Session.Idle, Longest: cfg.Console.Session.Longest,
		Patience: cfg.Timeouts.Body, Source: func(r *http.Request) netip.Addr { return source(r).IP }, SignedIn: a.recordSignIn,
		Logger: a.p.Logger, Now: a.p.Now, Rand: rand.Reader, NewID: newRequestID,
	})
	return err
}

// front is what the port serves: the console where somebody asks for it, and the
// services. It stands before the edge, whose patterns would clean up the paths of
// calls, and an object's key may have a double slash. What is signed for the
// buckets is theirs whatever its path is: one may be named console.
func (a *App) front() http.Handler {
	if a.console == nil {
		return a.edge
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case (strings.HasPrefix(path, console.Prefix) || path+"/" == console.Prefix) && sigv4.ServiceName(r) != s3Service:
			a.console.ServeHTTP(w, r)
		case path == "/" && browses(r):
			http.Redirect(w, r, console.Prefix, http.StatusFound)
		default:
			a.edge.ServeHTTP(w, r)
		}
	})
}

// browses reports whether a person has typed the server's address. Clients of AWS
// sign what they send, or ask for something.
func browses(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery == "" &&
		r.Header.Get("Authorization") == "" && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// recordSignIn tells the audit trail, where there is one, that somebody has tried to
// sign in.
func (a *App) recordSignIn(s console.SignIn) {
	if a.gov.audit == nil {
		return
	}
	a.gov.audit.SignIn(audit.SignIn{
		Call:        &call.Call{RequestID: s.RequestID, Account: a.p.Config.Account, Principal: s.Principal, Start: s.At, Source: source(s.Request)},
		AccessKeyID: s.AccessKeyID, Method: string(s.Method),
	})
}

// ConsoleLink is where to open the console.
type ConsoleLink struct {
	URL     string
	Expires time.Time // zero: it is good for ever, because nobody signs in
}

// NewConsoleLink makes a link that signs in once: as a user, or with no name as
// root. base is the server's address as the browser has it; where it is empty, that
// of the server of the data directory.
func NewConsoleLink(ctx context.Context, cfg *config.Config, getenv func(string) string, user, base string) (_ ConsoleLink, err error) {
	if base == "" {
		base = "http://" + Address(cfg, getenv)
	}
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/"), strings.TrimSuffix(console.Prefix, "/"))
	if !cfg.Console.Enabled {
		return ConsoleLink{}, errors.New("there is no console: console.enabled is false")
	}
	if cfg.Auth == config.Off {
		return ConsoleLink{URL: base + console.Prefix}, nil
	}
	i, err := OpenIdentities(ctx, cfg, getenv)
	if err != nil {
		return ConsoleLink{}, err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	owner := console.Owner{Type: iam.Root}
	if user != "" {
		u, err := i.Directory.User(ctx, user)
		if err != nil {
			return ConsoleLink{}, err
		}
		owner = console.Owner{Type: iam.User, Name: u.Name, ID: u.ID}
	}
	return newLink(ctx, i.state, cfg.Account, base, owner)
}

func newLink(ctx context.Context, state store.Store, account, base string, owner console.Owner) (ConsoleLink, error) {
	links := console.NewLinks(console.LinkParams{Store: state, Account: account, Now: time.Now, Rand: rand.Reader})
	secret, expires, err := links.Make(ctx, owner)
	if err != nil {
		return ConsoleLink{}, fmt.Errorf("make a link to the console: %w", err)
	}
	return ConsoleLink{URL: console.LinkURL(base, secret), Expires: expires}, nil
}

// WelcomeConsole tells a person at a terminal where the console is, with a link
// that signs them in as root. It is no part of Banner, which gets into logs.
func (a *App) WelcomeConsole(ctx context.Context, w io.Writer) error {
	if a.console == nil {
		return nil
	}
	base := "http://" + reachable(a.Addr().String())
	if a.p.Config.Auth == config.Off {
		_, _ = fmt.Fprintf(w, "Open the console:\n  %s%s\n\n", base, console.Prefix) // a terminal that is gone reads nothing
		return nil
	}
	link, err := newLink(ctx, a.state, a.p.Config.Account, base, console.Owner{Type: iam.Root})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "Open the console:\n  %s\n  (signs in once, within %d minutes; %s console makes another link)\n\n", // as above
		link.URL, int(console.LinkLife.Minutes()), a.p.Command)
	return nil
}
