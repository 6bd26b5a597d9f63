package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

const (
	certBlock = "CERTIFICATE"
	keyBlock  = "PRIVATE KEY"
)

// openAuthority loads the authority of a folder and makes what is missing. The
// key comes first and the certificate is made for the key that is there, so
// that processes which start together end up with one pair.
func openAuthority(dir string, now time.Time) (*authority, error) {
	keyPath, certPath := filepath.Join(dir, caKeyName), filepath.Join(dir, caName)
	key, err := openKey(keyPath)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	data, err := os.ReadFile(certPath)
	if errors.Is(err, fs.ErrNotExist) {
		var fresh []byte
		if fresh, err = selfSign(key, now); err == nil {
			data, err = secretfile.Create(certPath, fresh)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != certBlock {
		return nil, fmt.Errorf("%s holds no PEM certificate; remove it to have a new one made", certPath)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to have a new one made", certPath, err)
	}
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || !public.Equal(&key.PublicKey):
		return nil, fmt.Errorf("%s is not the certificate of %s; remove both to have a new authority made", certPath, caKeyName)
	case !cert.IsCA:
		return nil, fmt.Errorf("%s is not the certificate of an authority; remove it to have a new one made", certPath)
	case !now.Before(cert.NotAfter):
		return nil, fmt.Errorf("%s expired on %s; remove it to have a new one made, and give clients the new bundle",
			certPath, cert.NotAfter.Format(time.DateOnly))
	}
	return &authority{cert: cert, key: key}, nil
}

func openKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		fresh, err := newKey()
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(fresh)
		if err != nil {
			return nil, err
		}
		data, err = secretfile.Create(path, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}))
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		// Not wrapped: the text of a key's error is no place to be generous.
		return nil, fmt.Errorf("%s holds no key in PKCS #8 form", path)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than ECDSA", path)
	}
	return key, nil
}

// selfSign makes the authority's certificate, in PEM.
func selfSign(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost" // the name is for people who look at their trust store
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"Outcrop"}, CommonName: "Outcrop local CA on " + host},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLife),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: certBlock, Bytes: der}), nil
}

// issue makes a leaf for hosts, with a key of its own that is kept in memory.
func (a *authority) issue(hosts []string, now time.Time) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Outcrop"}, CommonName: hosts[0]},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// systemRootFiles are where systems keep the roots that they trust, as PEM.
var systemRootFiles = [...]string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older RHEL, Amazon Linux
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",                                 // macOS, BSD
}

// writeBundle writes the bundle when it differs from what is there. On systems
// that keep their roots elsewhere (Windows) it has no system roots.
func (s *Source) writeBundle() error {
	var bundle bytes.Buffer
	add := func(data []byte) {
		if len(data) > 0 {
			bundle.Write(bytes.TrimRight(data, "\r\n"))
			bundle.WriteByte('\n')
		}
	}
	add(pem.EncodeToMemory(&pem.Block{Type: certBlock, Bytes: s.ca.cert.Raw}))
	if s.params.CertFile != "" {
		own, err := s.certificate()
		if err != nil {
			return err
		}
		for _, der := range own.Certificate {
			c, err := x509.ParseCertificate(der)
			if err == nil && bytes.Equal(c.RawIssuer, c.RawSubject) {
				add(pem.EncodeToMemory(&pem.Block{Type: certBlock, Bytes: der}))
			}
		}
	}
	roots, err := s.systemRoots()
	if err != nil {
		return err
	}
	add(roots)
	if old, err := os.ReadFile(s.BundlePath()); err == nil && bytes.Equal(old, bundle.Bytes()) {
		return nil
	}
	if err := secretfile.Replace(s.BundlePath(), bundle.Bytes()); err != nil {
		return fmt.Errorf("write the certificate bundle: %w", err)
	}
	return nil
}

func (s *Source) systemRoots() ([]byte, error) {
	if s.params.SystemRoots != "" {
		return os.ReadFile(s.params.SystemRoots)
	}
	for _, path := range systemRootFiles {
		if data, err := os.ReadFile(path); err == nil {
			return data, nil
		}
	}
	return nil, nil
}
