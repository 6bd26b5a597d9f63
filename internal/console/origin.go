package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// host refuses names that a page of somebody else may have made the browser use:
// a name can be made to lead to an address of this machine after its page has been
// loaded, and then that page counts as the console's own. Who connects to another
// address than a loopback one may call it by any name, for there the session's
// cookie is what counts, and it belongs to the name that was signed in at.
func (c *Console) host(r *http.Request) *refusal {
	name := hostName(r.Host)
	if ownName(name) || slices.Contains(c.p.Hosts, name) {
		return nil
	}
	if !c.p.Off && !loopback(r) {
		return nil
	}
	return refused(http.StatusForbidden, codeHost,
		"The console is not called by this name on this machine. Open it at http://localhost with the port, or have the name added to console.hosts in the server's configuration.")
}

// loopback reports whether the request has come to an address that only this
// machine has, by itself or through a proxy.
func loopback(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	to, err := netip.ParseAddrPort(at.String())
	return err == nil && to.Addr().Unmap().IsLoopback()
}

// ownName reports whether a name can only be this machine.
func ownName(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// hostName is a host without its port, in lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// sameOrigin refuses what another site's page has made the browser send. Browsers
// name the origin with everything that is no plain GET, and more of them tell
// where the page is from with every request.
func (c *Console) sameOrigin(r *http.Request) error {
	foreign := refused(http.StatusForbidden, codeOrigin, "This request was made by another site. Only the console's own pages may use it.")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin":
	default:
		return foreign
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return nil
		}
		return foreign
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return foreign
	}
	// A proxy may call the server by another name than the browser calls the proxy.
	if !strings.EqualFold(u.Host, r.Host) && !slices.Contains(c.p.Hosts, hostName(u.Host)) {
		return foreign
	}
	return nil
}

// secure reports whether the browser reaches the console over TLS, be it that a
// proxy before the server speaks it.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
}
