package edge_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/edge"
)

const scope = "AWS4-HMAC-SHA256 Credential=AKIA/20261120/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=00"

// passing serves everything that is signed for s3 by a service that says what
// it got.
func passing(t *testing.T, unclaimed string) *server {
	t.Helper()
	return serveWith(t, &runtime{}, func(p *edge.Params) {
		p.MaxBody = 10
		p.Unclaimed = unclaimed
		p.Passed = map[string]edge.Passed{"s3": func(w http.ResponseWriter, r *http.Request, c *call.Call, result *edge.Result) {
			c.Operation, c.Principal.ARN = "PutObject", "arn:aws:iam::1:user/ann"
			body, err := io.ReadAll(r.Body)
			if err != nil {
				result.Cause = err
				return
			}
			if string(body) == "torn" {
				*result = edge.Result{Status: http.StatusOK, Code: "Canceled", Cause: errors.New("the object has gone")}
				panic(http.ErrAbortHandler)
			}
			*result = edge.Result{Status: http.StatusTeapot, Code: "Teapot"}
			w.Header().Set("X-Id", c.RequestID)
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(r.Method + " " + r.RequestURI + " " + string(body)))
		}}
	})
}

func (s *server) do(t *testing.T, method, target, authorization, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestPassedOn(t *testing.T) {
	t.Parallel()
	s3 := strings.Replace(scope, "%s", "s3", 1)
	const body = "longer than the limit"
	for name, tc := range map[string]struct {
		method, target, authorization, unclaimed string
		want                                     bool
	}{
		"signature":               {http.MethodPut, "/docs/a%2Fb", s3, "", true},
		"signature of old":        {http.MethodPut, "/docs/a", "AWS AKIA:00", "", true},
		"presigned":               {http.MethodPut, "/docs/a?X-Amz-Credential=AKIA%2F20261120%2Fus-east-1%2Fs3%2Faws4_request", "", "", true},
		"presigned of old":        {http.MethodPut, "/docs/a?AWSAccessKeyId=AKIA&Signature=x&Expires=1", "", "", true},
		"a bucket named health":   {http.MethodGet, "/health/live", s3, "", true},
		"another service":         {http.MethodPut, "/docs/a", strings.Replace(scope, "%s", "bedrock", 1), "s3", false},
		"nobody":                  {http.MethodPut, "/docs/a", "", "", false},
		"nobody, unclaimed":       {http.MethodPut, "/docs/a", "", "s3", true},
		"nobody, buckets":         {http.MethodGet, "/", "", "s3", true},
		"nobody, an action":       {http.MethodGet, "/?Action=GetCallerIdentity", "", "s3", false},
		"nobody, an operation":    {http.MethodPost, "/model/x/converse", "", "s3", false},
		"nobody, our own handler": {http.MethodGet, "/health/live", "", "s3", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := passing(t, tc.unclaimed)
			status, text := s.do(t, tc.method, tc.target, tc.authorization, body)
			if got := status == http.StatusTeapot; got != tc.want {
				t.Fatalf("got %d %s, want passed on: %t", status, text, tc.want)
			}
			if !tc.want {
				return
			}
			if want := tc.method + " " + tc.target + " " + body; text != want {
				t.Errorf("got %q, want %q", text, want)
			}
			if log := s.log.String(); !strings.Contains(log, "service=s3 op=PutObject status=418") || !strings.Contains(log, "error=Teapot") || !strings.Contains(log, "principal=arn:aws:iam::1:user/ann") {
				t.Errorf("got the log %s", log)
			}
		})
	}
}

func TestPassedOnAndTorn(t *testing.T) {
	t.Parallel()
	s := passing(t, "s3")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+"/docs/a", strings.NewReader("torn"))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Fatalf("got %s, want a torn connection", response.Status)
	}
	s.Close() // the log line is written by now
	if log := s.log.String(); !strings.Contains(log, "error=Canceled") || !strings.Contains(log, "the object has gone") {
		t.Errorf("got the log %s", log)
	}
}
