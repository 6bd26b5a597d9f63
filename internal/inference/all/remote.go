package all

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/inference/managed"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/subprocess"
)

// client makes what asks the server of a configured backend, and the server where
// it is looked after here. The key goes into header after prefix, when the
// configuration does not name another header. It returns the server's URL, too. set
// changes what is not the configuration's.
func client(p Params, name string, b config.Backend, header, prefix string, set ...func(*remote.Params)) (*remote.Client, string, error) {
	h := http.Header{}
	for key, secret := range b.Headers {
		value, err := secret.Value(p.Getenv)
		if err != nil {
			return nil, "", fmt.Errorf("headers.%s: %w", key, err)
		}
		h.Set(key, value)
	}
	if b.Key != "" {
		key, err := b.Key.Value(p.Getenv)
		if err != nil {
			return nil, "", fmt.Errorf("key: %w", err)
		}
		if b.Header != "" && !strings.EqualFold(b.Header, header) {
			header, prefix = b.Header, ""
		}
		h.Set(header, prefix+key)
	}
	times := p.Config.Routing.Timeouts
	params := remote.Params{
		Name: name, URL: b.URL, Header: h, Dialer: p.Dialer, Requests: b.Requests, Now: p.Now,
		Connect: cmp.Or(b.Timeouts.Connect, times.Connect), FirstByte: cmp.Or(b.Timeouts.FirstToken, times.FirstToken),
		Idle: cmp.Or(b.Timeouts.Idle, times.Idle), Total: cmp.Or(b.Timeouts.Total, times.Total),
	}
	if b.CA != "" {
		ca, err := os.ReadFile(b.CA)
		if err != nil {
			return nil, "", fmt.Errorf("ca: %w", err)
		}
		params.CA = ca
	}
	for _, change := range set {
		change(&params)
	}
	if len(b.Command) > 0 {
		server, err := program(p, name, b)
		if err != nil {
			return nil, "", err
		}
		params.Server, params.URL = server, server.URL()
	}
	c, err := remote.New(params)
	if err != nil && params.Server != nil {
		_ = params.Server.Close()
	}
	return c, params.URL, err
}

// program is the server of a backend that has a command.
func program(p Params, name string, b config.Backend) (*managed.Server, error) {
	env := subprocess.Environment(nil)
	var secrets []string
	if key, err := b.Key.Value(p.Getenv); err == nil { // else it has been told
		secrets = append(secrets, key)
	}
	for key, secret := range b.Environment {
		value, err := secret.Value(p.Getenv)
		if err != nil {
			return nil, fmt.Errorf("environment.%s: %w", key, err)
		}
		env, secrets = append(env, key+"="+value), append(secrets, value)
	}
	return managed.New(managed.Params{
		Name: name, Command: b.Command, Env: env, Secrets: secrets, Dir: b.Directory, URL: b.URL, Health: b.Health, StartIn: b.StartIn,
		IdleTimeout: b.IdleTimeout, Eager: b.Start == "eager", Socket: filepath.Join(p.Dir, name+".sock"),
		Dialer: p.Dialer, Logger: p.Logger, Now: p.Now,
	})
}
