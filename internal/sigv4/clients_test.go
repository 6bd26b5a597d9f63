package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
)

// clientRequest reads a recorded request the way a server does.
func clientRequest(t *testing.T, path string) (*http.Request, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatalf("http.ReadRequest: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return r, body
}

// TestClients verifies what botocore and the JavaScript SDK really sent, and
// that nothing of it can be changed.
func TestClients(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/clients/*.req")
	if err != nil || len(paths) == 0 {
		t.Fatalf("got no recorded requests (%v)", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			r, body := clientRequest(t, path)
			c, err := Parse(r)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			key := oneKey{
				AccessKeyID: vectorKey, Secret: vectorSecret, SessionToken: iam.Secret(c.SessionToken),
				Principal: iam.UserPrincipal("000000000000", "alice", "AIDAEXAMPLE", vectorKey),
			}
			v := New(Params{
				Keys:     key,
				Now:      func() time.Time { return c.Time.Add(time.Minute) },
				Services: []string{"bedrock", "sts", "s3"},
			})
			id, err := v.Verify(c, r, sha256.Sum256(body))
			if err != nil {
				t.Fatalf("Verify: %v", err)
			}
			if id.Principal != key.Principal {
				t.Errorf("got principal %+v, want %+v", id.Principal, key.Principal)
			}

			for name, change := range map[string]func(r *http.Request, body []byte) []byte{
				"method": func(r *http.Request, b []byte) []byte { r.Method = "PATCH"; return b },
				"path":   func(r *http.Request, b []byte) []byte { r.RequestURI = "/x" + r.RequestURI; return b },
				"query": func(r *http.Request, b []byte) []byte {
					if strings.Contains(r.RequestURI, "?") {
						r.RequestURI += "&x=y"
					} else {
						r.RequestURI += "?x=y"
					}
					return b
				},
				"host": func(r *http.Request, b []byte) []byte { r.Host = "example.com"; return b },
				"body": func(_ *http.Request, b []byte) []byte { return append(bytes.Clone(b), ' ') },
			} {
				r, body := clientRequest(t, path)
				body = change(r, body)
				_, err := v.Verify(c, r, sha256.Sum256(body))
				var f *fault.Error
				if !errors.As(err, &f) || f.Code != "InvalidSignatureException" {
					t.Errorf("changed %s: got error %v, want InvalidSignatureException", name, err)
				}
			}
		})
	}
}
