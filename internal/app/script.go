package app

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	apibedrock "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/scripted"
)

// scriptPath is where the rules of a script can be changed and its calls read.
const scriptPath = "/outcrop/script/"

// scriptAction is what a signed request needs for that: AdministratorAccess has
// it, policies that name services do not.
const scriptAction = "outcrop:ControlScript"

// maxControl bounds the body of such a request, in bytes.
const maxControl = 5 << 20

// caller is what scripted backends may know about a call.
func caller(ctx context.Context) scripted.Caller {
	c := call.From(ctx)
	u := c.Usage()
	return scripted.Caller{RequestID: c.RequestID, Operation: c.Operation, Model: u.Model, ModelID: u.ModelID, Principal: c.Principal.ARN}
}

// script finds the backend that answers for every model.
func script(cfg *config.Config, backends map[string]inference.Backend) *scripted.Backend {
	if cfg.Script == "" {
		return nil
	}
	b, _ := backends[config.ScriptBackend].(*scripted.Backend)
	return b
}

// scriptControl is the script's own API, for those who may use it.
func (a *App) scriptControl() http.Handler {
	authenticator := newAuthenticator(a.p.Config, a.credentials, a.catalog.HasRegion, a.p.Now)
	control := http.StripPrefix(strings.TrimSuffix(scriptPath, "/"), scripted.Control(a.script))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
		if err != nil {
			refuseScript(w, http.StatusRequestEntityTooLarge, "The body is too large or did not come.")
			return
		}
		if !local(r) {
			if err := a.administrator(authenticator, r, body, scriptAction); err != nil {
				refuseScript(w, http.StatusForbidden, "Call this from the machine that the server runs on, or sign the request as an administrator: "+fault.As(err).Message)
				return
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		control.ServeHTTP(w, r)
	})
}

func refuseScript(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	text, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		return // strings can always be encoded
	}
	_, _ = w.Write(text) // a client that is gone reads nothing
}

// local reports whether a program on this machine asks by itself. A browser that
// a web page makes ask, and a proxy that asks for somebody else, are not meant:
// the first says so by its headers or calls the server by a name, the second by
// its headers. A proxy that adds none, as nginx, asks in the old version of HTTP
// unless it was told otherwise, and is a program of another user, where the
// system tells whose it is.
func local(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, name := range []string{"Origin", "Referer", "Sec-Fetch-Site", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	to, err := netip.ParseAddrPort(at.String())
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); host != "localhost" && (err != nil || !address.IsLoopback()) {
		return false
	}
	return !stranger(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
}

// administrator demands a signature of somebody who may do everything.
func (a *App) administrator(signatures *authn.Authenticator, r *http.Request, body []byte, action string) error {
	if a.p.Config.Auth == config.Off {
		return fault.New(fault.Denied, "authentication is off.")
	}
	service := apibedrock.Schema()
	claim, err := signatures.Claim(r)
	if err != nil {
		return err
	}
	if err := claim.Check(service, service.Operations[0]); err != nil {
		return err
	}
	principal, _, err := claim.Verify(body)
	if err != nil {
		return err
	}
	c := &call.Call{Account: principal.Account, Region: claim.Region(), Service: service.SigningName, Principal: principal, Start: a.p.Now(), Source: source(r)}
	return a.authorizer.Decide(r.Context(), c, action, "*", nil)
}
