package registry

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/outbound"
)

// HTTPClient returns a client that goes through the proxies and trusts the
// certificate authorities that this machine's tools are told to: the
// HTTP(S)_PROXY and NO_PROXY variables, else the proxies of npm and pip; the
// system's authorities and those of SSL_CERT_FILE, REQUESTS_CA_BUNDLE,
// CURL_CA_BUNDLE, PIP_CERT, NODE_EXTRA_CA_CERTS, npm's cafile and pip's cert.
// It reaches what dialer permits.
func HTTPClient(env Env, dialer *outbound.Dialer) (*http.Client, error) {
	npm, err := readNPM(env)
	if err != nil {
		return nil, err
	}
	pip, err := readPip(env)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	bundles := map[string]string{"npm's cafile": npm.values["cafile"], "pip's cert": pip.values["cert"]}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		bundles[name] = env.Getenv(name)
	}
	for name, file := range bundles {
		if file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			continue // a directory of hashed names, which the system pool knows
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "cannot read the certificate file %s that %s names", file, name)
		}
		pool.AppendCertsFromPEM(pem)
	}
	t := dialer.Transport()
	t.Proxy = proxy(env, npm, pip)
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	dialer.Apply(t)
	return &http.Client{Transport: t}, nil
}

// proxy prefers the environment, which Go reads once per process, over the
// tools' own settings.
func proxy(env Env, npm npmConfig, pip pipConfig) func(*http.Request) (*url.URL, error) {
	if env.setting("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") != "" {
		return http.ProxyFromEnvironment
	}
	return func(req *http.Request) (*url.URL, error) {
		for host := range strings.SplitSeq(npm.values["noproxy"], ",") {
			host = strings.TrimPrefix(strings.TrimSpace(host), ".")
			if name := req.URL.Hostname(); host != "" && (name == host || strings.HasSuffix(name, "."+host)) {
				return nil, nil
			}
		}
		candidates := []string{npm.values["https-proxy"], npm.values["proxy"], pip.values["proxy"]}
		if req.URL.Scheme == "http" {
			candidates = candidates[1:]
		}
		if ip := net.ParseIP(req.URL.Hostname()); req.URL.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return nil, nil
		}
		for _, candidate := range candidates {
			if candidate == "" || candidate == "null" || candidate == "false" {
				continue
			}
			if !strings.Contains(candidate, "://") {
				candidate = "http://" + candidate
			}
			p, err := url.Parse(candidate)
			if err != nil {
				return nil, fault.New(fault.Invalid, "the proxy setting of npm or pip is not an address")
			}
			return p, nil
		}
		return nil, nil
	}
}
