package put_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/outcrop/outcrop/internal/bucket/put"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
)

func TestPut(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "text" {
			t.Errorf("got the body %q (%v)", body, err)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": "", "X-Amz-Expected-Bucket-Owner": "123456789012"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if r.Method != http.MethodPut || r.URL.Path != "/logs/a/b.json.gz" {
			t.Errorf("got %s %s", r.Method, r.URL.Path)
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer server.Close()
	w := put.New(put.Params{Endpoint: server.URL, PathStyle: true})
	err := w.Put(t.Context(), delivery.Object{Bucket: "logs", Key: "a/b.json.gz", Region: "eu-north-1", ContentType: "application/json", Encoding: "gzip", Owner: "123456789012", Body: []byte("text")})
	if err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		code   string
		want   fault.Kind
	}{
		{"no bucket", http.StatusNotFound, "NoSuchBucket", fault.NotFound},
		{"bad name", http.StatusBadRequest, "InvalidBucketName", fault.NotFound},
		{"denied", http.StatusForbidden, "AccessDenied", fault.Denied},
		{"broken", http.StatusInternalServerError, "InternalError", fault.Unavailable},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				tries++
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, "<Error><Code>"+tc.code+"</Code></Error>")
			}))
			defer server.Close()
			err := put.New(put.Params{Endpoint: server.URL, PathStyle: true}).Put(t.Context(), delivery.Object{Bucket: "logs", Key: "k", Region: "us-east-1"})
			if !fault.Is(err, tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if tries != 1 {
				t.Errorf("got %d tries, want one", tries)
			}
		})
	}
}
