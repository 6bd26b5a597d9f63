// Package certificate provides the server's TLS certificate: one that the
// operator configured, or a leaf that is issued in memory by an authority made
// at the first start.
//
// It is not a general authority: it signs for the names this server answers to
// and nothing else, and installs nothing in the system's trust store. Clients
// are told to trust it with a bundle file (AWS_CA_BUNDLE). Package app opens
// one Source and hands its TLSConfig to the listener.
//
// The authority's key never leaves its file, which only the owner may read.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	// renewBefore is when a new leaf is issued: early enough for clients whose
	// clocks are wrong.
	renewBefore = 30 * 24 * time.Hour
	// backdate is how far before its making a certificate is valid already, for
	// the same clients.
	backdate = time.Hour

	// recheckInterval is how often configured files are looked at for a change.
	recheckInterval = 10 * time.Second
)

const (
	caName     = "ca.pem"
	caKeyName  = "ca.key"
	bundleName = "ca-bundle.pem"
)

// Params configure a Source.
type Params struct {
	// Dir is the folder of the authority and the bundle: <data>/tls. Required.
	Dir string
	// Hosts are names and addresses to be valid for beside localhost,
	// 127.0.0.1, ::1 and the machine's own name: the configured listen host. An
	// entry may carry a port. Unspecified addresses (0.0.0.0) stand for the
	// machine's interface addresses.
	Hosts []string
	// CertFile and KeyFile, when set, are served instead of an issued leaf, and
	// read again when they change. Both or neither must be set.
	CertFile, KeyFile string
	// SystemRoots is the PEM file of the roots that the machine trusts, for the
	// bundle; when empty, the usual places are tried.
	SystemRoots string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Source has the certificate for every handshake. It is safe for concurrent use
// and has no goroutine: it renews and reloads when it is asked.
type Source struct {
	params Params
	now    func() time.Time
	hosts  []string
	ca     *authority

	mu      sync.Mutex
	leaf    *tls.Certificate
	checked time.Time
	stamp   fileStamp // of the configured files, when leaf was read
}

// Open makes what is missing in p.Dir, loads the rest, and writes the bundle.
func Open(p Params) (*Source, error) {
	s := &Source{params: p, now: p.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if (p.CertFile == "") != (p.KeyFile == "") {
		return nil, errors.New("only one half of the TLS certificate is configured: set both the certificate file and the key file, or neither")
	}
	s.hosts = hostList(p.Hosts)
	var err error
	if s.ca, err = openAuthority(p.Dir, s.now()); err != nil {
		return nil, err
	}
	if _, err := s.certificate(); err != nil {
		return nil, err
	}
	return s, s.writeBundle()
}

// BundlePath is the PEM file that clients need to trust this server: the
// machine's own roots, the authority, and a self-signed configured certificate.
// It is meant for AWS_CA_BUNDLE, which replaces a client's roots.
func (s *Source) BundlePath() string { return filepath.Join(s.params.Dir, bundleName) }

// TLSConfig returns a configuration for the listener, offering HTTP/2 and HTTP/1.1.
func (s *Source) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: s.GetCertificate,
	}
}

// GetCertificate returns the present certificate, renewed or read again first
// when it is time. Every client gets the same one: a client that came by a name
// that is not in it will say so better than an aborted handshake would.
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.certificate()
}

func (s *Source) certificate() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.params.CertFile != "" {
		return s.configured(now)
	}
	// By age, not by what is left: near the authority's own end a leaf is
	// shorter, and a new one for every handshake would not be longer.
	if s.leaf != nil {
		if age := now.Sub(s.leaf.Leaf.NotBefore); age >= 0 && age < leafLife-renewBefore {
			return s.leaf, nil
		}
	}
	leaf, err := s.ca.issue(s.hosts, now)
	if err != nil {
		return nil, fmt.Errorf("issue a server certificate: %w", err)
	}
	s.leaf = leaf
	return leaf, nil
}

// fileStamp tells whether configured files have changed.
type fileStamp struct {
	cert, key         time.Time
	certSize, keySize int64
}

// configured returns the operator's certificate. While its files are being
// replaced they may not fit together; the previous pair is served until they do.
func (s *Source) configured(now time.Time) (*tls.Certificate, error) {
	if age := now.Sub(s.checked); s.leaf != nil && age >= 0 && age < recheckInterval {
		return s.leaf, nil
	}
	s.checked = now
	stamp, err := s.stampFiles()
	if err == nil && s.leaf != nil && stamp == s.stamp {
		return s.leaf, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(s.params.CertFile, s.params.KeyFile)
	}
	if err != nil {
		if s.leaf != nil {
			return s.leaf, nil
		}
		return nil, fmt.Errorf("load the configured TLS certificate: %w", err)
	}
	s.leaf, s.stamp = &pair, stamp
	return s.leaf, nil
}

func (s *Source) stampFiles() (fileStamp, error) {
	cert, err := os.Stat(s.params.CertFile)
	if err != nil {
		return fileStamp{}, err
	}
	key, err := os.Stat(s.params.KeyFile)
	if err != nil {
		return fileStamp{}, err
	}
	return fileStamp{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}

// hostList returns the names and addresses of a leaf, without doubles.
func hostList(configured []string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	add := func(host string) {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if ip := net.ParseIP(host); ip != nil {
			host = ip.String()
		} else if !isHostName(host) {
			return
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if name, err := os.Hostname(); err == nil {
		add(name)
	}
	for _, entry := range configured {
		host := entry
		if h, _, err := net.SplitHostPort(entry); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			for _, address := range interfaceAddresses() {
				add(address)
			}
			continue
		}
		add(host)
	}
	return hosts
}

// interfaceAddresses returns the machine's addresses without link-local ones,
// which nobody types.
func interfaceAddresses() []string {
	var found []string
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the loopback addresses are in the list in any case
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			found = append(found, n.IP.String())
		}
	}
	return found
}

// isHostName accepts what x509 accepts as a DNS name, and an underscore, which
// container names have.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			switch b := label[i]; {
			case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-', b == '_', b == '*' && label == "*":
			default:
				return false
			}
		}
	}
	return true
}

// authority signs leaves.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
