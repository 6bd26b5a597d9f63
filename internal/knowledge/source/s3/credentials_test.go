package s3_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/source/s3"
	"github.com/outcrop/outcrop/internal/outbound"
)

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials")
	if err := os.WriteFile(file, []byte("[mine]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": file, "AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	for name, tc := range map[string]struct {
		keys    s3.Keys
		profile string
		want    string
	}{
		"given":       {s3.Keys{AccessKeyID: "AKIAGIVEN", SecretAccessKey: "s"}, "", "AKIAGIVEN"},
		"environment": {s3.Keys{}, "", "AKIAENV"},
		"profile":     {s3.Keys{}, "mine", "AKIAFILE"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := s3.Remote(t.Context(), s3.Params{}, tc.keys, tc.profile, offline())
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Credentials.Retrieve(t.Context())
			if err != nil || got.AccessKeyID != tc.want {
				t.Errorf("got %s (%v), want %s", got.AccessKeyID, err, tc.want)
			}
		})
	}
	if _, err := s3.Remote(t.Context(), s3.Params{}, s3.Keys{AccessKeyID: "AKIA"}, "", offline()); err == nil || !strings.Contains(err.Error(), "half") {
		t.Errorf("half a key: got %v", err)
	}
	if _, err := s3.Remote(t.Context(), s3.Params{}, s3.Keys{}, "none", offline()); err == nil {
		t.Error("a profile that is not there: got no error")
	}
}

// Requests to another endpoint are signed with the keys for it, whatever else
// the environment says.
func TestAnotherEndpointIsSignedFor(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); !strings.Contains(got, "Credential=AKIAGIVEN/") || !strings.Contains(got, "/eu-north-1/s3/") {
			t.Errorf("got the signature %s", got)
		}
		if r.URL.Path != "/docs" {
			t.Errorf("got %s, want the bucket in the path", r.URL.Path)
		}
		_, _ = w.Write([]byte("<ListBucketResult></ListBucketResult>"))
	}))
	defer server.Close()
	p, err := s3.Remote(t.Context(), s3.Params{Endpoint: server.URL, PathStyle: true}, s3.Keys{AccessKeyID: "AKIAGIVEN", SecretAccessKey: "s"}, "", offline())
	if err != nil {
		t.Fatal(err)
	}
	source, err := s3.New(p).
		Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3, Bucket: "docs", Region: "eu-north-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.List(t.Context(), func(knowledge.Object) error { return nil }); err != nil {
		t.Error(err)
	}
}

func offline() *outbound.Dialer { return outbound.New(outbound.Params{Offline: true}) }

func TestOfflineClientStaysHere(t *testing.T) {
	t.Parallel()
	p, err := s3.Remote(t.Context(), s3.Params{Endpoint: "http://192.0.2.1", Name: "http://192.0.2.1 (objects.endpoint)", PathStyle: true, MaxBackoff: time.Millisecond}, s3.Keys{AccessKeyID: "AKIA", SecretAccessKey: "s"}, "", offline())
	if err != nil {
		t.Fatal(err)
	}
	source, err := s3.New(p).Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3, Bucket: "docs", Region: "eu-north-1"})
	if err != nil {
		t.Fatal(err)
	}
	err = source.List(t.Context(), func(knowledge.Object) error { return nil })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "the server is offline") {
		t.Errorf("got %v, want a refusal", err)
	}
	if got, want := fault.As(err).Message, "The bucket docs cannot be read: its endpoint http://192.0.2.1 (objects.endpoint) does not answer as it should."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
