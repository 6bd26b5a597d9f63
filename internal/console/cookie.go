package console

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// The names of the cookie. Browsers take one that begins with __Secure- over TLS
// alone, and keep cookies of all ports of a host together: the port is in the name
// so that two servers on one machine do not sign each other's people out.
const (
	cookieName   = "outcrop-session"
	securePrefix = "__Secure-"
)

// A browser keeps at least 4096 bytes for a cookie, with its name and attributes.
// The credentials of a role with policies of its session need more than one.
const (
	pieceLength = 3500
	mostPieces  = 6
)

// cookieOf is the cookie's name at the address that the browser uses.
func cookieOf(r *http.Request, secure bool) string {
	name := cookieName
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		name += "-" + port
	}
	if secure {
		return securePrefix + name
	}
	return name
}

// piece is the name of one of the cookies that a long session takes.
func piece(name string, i int) string {
	if i == 0 {
		return name
	}
	return name + "." + strconv.Itoa(i)
}

// isSecure reports whether the session of a request is in a secure cookie. Over TLS
// there is no other: whoever is on the way of a plain request can give a browser one
// that is not, and with it a session of their own.
func isSecure(r *http.Request) bool {
	_, err := r.Cookie(cookieOf(r, true))
	return err == nil || r.TLS != nil
}

// readCookie returns what the cookie of a request holds; empty: it has none.
func readCookie(r *http.Request) string {
	name := cookieOf(r, isSecure(r))
	var text strings.Builder
	for i := range mostPieces {
		c, err := r.Cookie(piece(name, i))
		if err != nil || c.Value == "" {
			break
		}
		text.WriteString(c.Value)
	}
	return text.String()
}

// writeCookie gives the browser a session, and takes away what a longer one has
// left. An empty text ends it. It is false for one that is too long.
func writeCookie(w http.ResponseWriter, r *http.Request, text string, secure bool) bool {
	if len(text) > mostPieces*pieceLength {
		return false
	}
	name := cookieOf(r, secure)
	for i := range mostPieces {
		c := http.Cookie{Name: piece(name, i), Path: Prefix, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode} //nolint:gosec // it is secure where there is TLS
		n := min(len(text), pieceLength)
		c.Value, text = text[:n], text[n:]
		if n == 0 {
			if _, err := r.Cookie(c.Name); err != nil {
				continue // the browser has none
			}
			c.MaxAge = -1
		}
		http.SetCookie(w, &c)
	}
	return true
}
