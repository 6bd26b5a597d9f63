package forward_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/forward"
	"github.com/outcrop/outcrop/internal/outbound"
)

func open(t *testing.T, accounts ...forward.Account) *forward.Forwarder {
	t.Helper()
	f, err := forward.New(forward.Params{Accounts: accounts, Dialer: outbound.New(outbound.Params{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestMatch(t *testing.T) {
	t.Parallel()
	f := open(t,
		forward.Account{Name: "first", Patterns: []string{"knowledge-base/KB12345678", "guardrail/*", "bedrock:*EvaluationJob*"}},
		forward.Account{Name: "second", Patterns: []string{"bedrock-agent-runtime:InvokeAgent", "bedrock-runtime:ApplyGuardrail", "knowledge-base/*"}},
	)
	const arn = "arn:aws:bedrock:us-east-1:000000000000:"
	for _, c := range []struct{ service, operation, resource, want string }{
		{"bedrock-agent-runtime", "Retrieve", arn + "knowledge-base/KB12345678", "first"},
		{"bedrock-agent", "GetDataSource", arn + "knowledge-base/KB12345678/data-source/DS", "first"},
		{"bedrock-agent-runtime", "Retrieve", arn + "knowledge-base/OTHER", "second"},
		{"bedrock-agent", "ListKnowledgeBases", "*", ""},
		{"bedrock", "GetGuardrail", arn + "guardrail/abc", "first"},
		{"bedrock", "ListEvaluationJobs", "*", "first"},
		{"bedrock-agent", "ListEvaluationJobs", "*", ""},
		{"bedrock-agent-runtime", "InvokeAgent", arn + "agent-alias/A/B", "second"},
		{"bedrock-runtime", "ApplyGuardrail", arn + "guardrail/abc", "first"},
		{"bedrock-runtime", "Converse", arn + "guardrail/abc", ""},
		{"iam", "GetUser", "arn:aws:iam::000000000000:guardrail/abc", ""},
		{"bedrock", "GetGuardrail", "", ""},
	} {
		got := ""
		if to := f.Match(c.service, c.operation, c.resource); to != nil {
			got = to.Name
		}
		if got != c.want {
			t.Errorf("%s %s on %s: got %q, want %q", c.service, c.operation, c.resource, got, c.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for pattern, good := range map[string]bool{
		"knowledge-base/KB": true, "guardrail/*": true, "bedrock:Get*": true, "bedrock-agent:*": true, "bedrock-runtime:ApplyGuardrail": true,
		"": false, "KB": false, "knowledge-base/": false, "/KB": false, "knowledge-base/[": false, "iam:*": false, "bedrock:": false,
		"bedrock-runtime:*": false, "bedrock-runtime:Converse": false, "bedrock-runtime:Invoke*": false,
	} {
		if err := forward.Check(pattern); (err == nil) != good {
			t.Errorf("%q: got %v, want good: %v", pattern, err, good)
		}
	}
	if _, err := forward.New(forward.Params{Accounts: []forward.Account{{Name: "aws", Patterns: []string{"x"}}}, Dialer: outbound.New(outbound.Params{})}); err == nil || !strings.Contains(err.Error(), "backends.aws") {
		t.Errorf("got %v, want an error that names the backend", err)
	}
}

// What goes along is the operation; what says who asks is the account's own.
func TestRequest(t *testing.T) {
	t.Parallel()
	type seen struct {
		Method, URI, Body string
		Header            http.Header
	}
	var got seen
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.Method, r.RequestURI, string(body), r.Header}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(s.Close)
	to := forward.Account{
		Name: "aws", Patterns: []string{"bedrock:*"}, Endpoint: func(_ context.Context, service string) string { return s.URL + "/" + service + "/" },
		Sign: func(r *http.Request, body []byte) error {
			r.Header.Set("Authorization", "mine "+string(body))
			return nil
		},
	}
	r := httptest.NewRequest(http.MethodPut, "/guardrails/a%2Fb?x=1&y=%20", http.NoBody)
	for name, value := range map[string]string{
		"Authorization": "the caller's", "Cookie": "secret", "X-Amz-Security-Token": "secret", "X-Amz-Date": "then", "Content-Type": "application/json",
		"Accept": "application/vnd.amazon.eventstream", "X-Forwarded-For": "10.0.0.1", "Accept-Encoding": "br",
	} {
		r.Header.Set(name, value)
	}
	resp, err := open(t, to).Do(t.Context(), &to, "bedrock", r, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusTeapot {
		t.Errorf("got %d, %v", resp.StatusCode, err)
	}
	want := seen{http.MethodPut, "/bedrock/guardrails/a%2Fb?x=1&y=%20", `{"a":1}`, http.Header{
		"Authorization": {`mine {"a":1}`}, "Content-Type": {"application/json"}, "Accept": {"application/vnd.amazon.eventstream"},
		"User-Agent": {"outcrop"}, "Content-Length": {"7"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatGoesWrong(t *testing.T) {
	t.Parallel()
	const secret = "User: arn:aws:iam::999999999999:user/owner"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		case "/refused":
			http.Error(w, secret, http.StatusForbidden)
		}
	}))
	gone := s.URL
	t.Cleanup(s.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, c := range []struct {
		name, url, path string
		want            fault.Kind
	}{
		{"a redirect", gone, "/redirect", fault.Upstream}, {"keys that are refused", gone, "/refused", fault.Denied}, {"nobody there", closed.URL, "/", fault.Upstream},
	} {
		to := forward.Account{Name: "aws", Endpoint: func(context.Context, string) string { return c.url }, Sign: func(*http.Request, []byte) error { return nil }}
		resp, err := open(t, to).Do(t.Context(), &to, "bedrock", httptest.NewRequest(http.MethodGet, c.path, http.NoBody), nil)
		if err == nil {
			_ = resp.Body.Close()
		}
		if !fault.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			continue
		}
		if text := fault.As(err).Message; !strings.Contains(text, "aws") || strings.Contains(text, "owner") || strings.Contains(text, "169.254") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("%s: got the message %q", c.name, text)
		}
	}
	to := forward.Account{Name: "aws", Endpoint: func(context.Context, string) string { return gone }, Sign: func(*http.Request, []byte) error { return fault.New(fault.Upstream, "no keys") }}
	resp, err := open(t, to).Do(t.Context(), &to, "bedrock", httptest.NewRequest(http.MethodGet, "/", http.NoBody), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want what the signer says", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	to.Sign = func(*http.Request, []byte) error { return nil }
	resp, err = open(t, to).Do(ctx, &to, "bedrock", httptest.NewRequest(http.MethodGet, "/", http.NoBody), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("got %v, want %v", err, fault.Canceled)
	}
}
