package sigv4

import (
	"bufio"
	"crypto/sha256"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/iam"
)

const (
	vectorKey    = "AKIDEXAMPLE"
	vectorSecret = iam.Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
)

var vectorTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// vectorFolder finds the published vectors beside the repository.
func vectorFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("no go.mod above this package, so the published vectors cannot be found")
		}
		dir = parent
	}
	folder := filepath.Join(dir, "..", "shared", "data", "vectors", "sigv4")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the published SigV4 vectors (../shared/data/vectors/sigv4) are absent")
	}
	return folder
}

// oneKey is a KeySource with a single credential.
type oneKey iam.Credential

func (k oneKey) Lookup(id, _ string) (iam.Credential, error) {
	if id != k.AccessKeyID {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	return iam.Credential(k), nil
}

// readRequest reads a request as text. Unlike http.ReadRequest it takes what
// the vectors have and no HTTP parser does: spaces in the target.
func readRequest(t *testing.T, text string) (r *http.Request, body string) {
	t.Helper()
	text = strings.ReplaceAll(text, "\r\n", "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	line, headers, _ := strings.Cut(head, "\n")
	method, rest, _ := strings.Cut(line, " ")
	target := rest[:strings.LastIndex(rest, " ")]
	fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(headers + "\n\n"))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("read headers: %v", err)
	}
	r = &http.Request{Method: method, RequestURI: target, Header: http.Header(fields), Host: fields.Get("Host"), ContentLength: int64(len(body))}
	r.Header.Del("Host") // as net/http does
	return r, body
}

func TestVectors(t *testing.T) {
	t.Parallel()
	folder := vectorFolder(t)
	var cases []string
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if base, ok := strings.CutSuffix(path, ".authz"); ok {
			cases = append(cases, base)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 30 {
		t.Fatalf("got %d vectors, want at least 30", len(cases))
	}
	for _, base := range cases {
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			read := func(ext string) string {
				data, err := os.ReadFile(base + ext)
				if err != nil {
					t.Fatal(err)
				}
				return strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
			}
			// The signed request carries the token; the signature is taken from
			// its own file, because one of the signed requests has another's.
			r, body := readRequest(t, read(".sreq"))
			r.Header.Set("Authorization", read(".authz"))
			hash := sha256.Sum256([]byte(body))

			c, err := Parse(r)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			payload, err := c.payloadHash(r, hash)
			if err != nil {
				t.Fatalf("payloadHash: %v", err)
			}
			canonical := appendCanonical(nil, r, c, payload)
			if diff := cmp.Diff(read(".creq"), string(canonical)); diff != "" {
				t.Errorf("canonical request (-want +got):\n%s", diff)
			}
			toSign := stringToSign(c.Time, scope(c.Date, c.Region, c.Service), canonical)
			if diff := cmp.Diff(read(".sts"), toSign); diff != "" {
				t.Errorf("string to sign (-want +got):\n%s", diff)
			}
			v := New(Params{
				Keys:     oneKey{AccessKeyID: vectorKey, Secret: vectorSecret, SessionToken: iam.Secret(c.SessionToken)},
				Now:      func() time.Time { return vectorTime },
				Services: []string{"service"},
			})
			if _, err := v.Verify(c, r, hash); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
}
