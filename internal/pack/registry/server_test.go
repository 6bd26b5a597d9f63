package registry_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
)

type server struct {
	url string
	pem string
}

// secureServer serves with a certificate that nobody else trusts.
func secureServer(t *testing.T) server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	return server{s.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))}
}
