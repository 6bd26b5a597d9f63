package app

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

// addressName is the file in which a running server says where it listens, so
// that outcrop env is right also when --listen was given on its command line or
// the port was left to the system.
const addressName = "address"

// aliveTimeout bounds the look at whether that server is still there.
const aliveTimeout = 500 * time.Millisecond

func addressPath(cfg *config.Config, getenv func(string) string) string {
	return filepath.Join(cfg.DataDir(getenv), addressName)
}

// announce leaves the address for Address.
func (a *App) announce() error {
	// Whole or not at all: a command may be looking at this moment.
	return secretfile.Replace(addressPath(a.p.Config, a.p.Getenv), []byte(a.Addr().String()))
}

// withdraw removes the address, unless another server has left its own.
func (a *App) withdraw() {
	path := addressPath(a.p.Config, a.p.Getenv)
	if text, err := os.ReadFile(path); err == nil && string(text) == a.Addr().String() {
		_ = os.Remove(path) // Address finds out by itself that nobody is there
	}
}

// Address returns where a client on this machine reaches the server of a data
// directory: where one is running, or else where the configuration would put it.
func Address(cfg *config.Config, getenv func(string) string) string {
	if text, err := os.ReadFile(addressPath(cfg, getenv)); err == nil {
		address := reachable(strings.TrimSpace(string(text)))
		if alive(address) {
			return address
		}
	}
	return reachable(cfg.Listen)
}

// reachable replaces an address that listens everywhere by one to connect to.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// alive reports whether a server that says it is well is at an address.
func alive(address string) bool {
	client := http.Client{Timeout: aliveTimeout}
	response, err := client.Get("http://" + address + "/health/live") //nolint:noctx // the client has a timeout
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
