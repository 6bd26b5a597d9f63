package app

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// Operations that the configuration names are answered by another account, which
// knows the backend's own key; who may call them is decided here first.
func TestOperationsAreForwarded(t *testing.T) {
	t.Parallel()
	cloud, there := newCloud(t, mem.New(mem.Params{}))
	addUser(t, cloud, "front", "arn:aws:iam::aws:policy/AdministratorAccess")
	_, secret, err := cloud.credentials.CreateServiceCredential(t.Context(), "front", "bedrock.amazonaws.com", 0)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Account = "127.0.0.1:0", t.TempDir(), true, "111111111111"
	cfg.Backends = map[string]config.Backend{"cloud": {
		Type: config.BackendBedrock, URL: there, Key: "${CLOUD_KEY}",
		Forward: []string{"bedrock:CreateInferenceProfile", "application-inference-profile/*"},
	}}
	front, err := New(Params{
		Config: &cfg, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Getenv:   func(name string) string { return map[string]string{"CLOUD_KEY": secret.Reveal()}[name] },
		Backends: map[string]inference.Backend{"llamacpp": mem.New(mem.Params{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	here := start(t, front)
	addUser(t, front, "bob")
	key, bobs, err := front.credentials.CreateAccessKey(t.Context(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	root := sigv4.Signer{AccessKeyID: front.root.AccessKeyID, Secret: front.root.Secret, Region: "us-east-1", Service: "bedrock"}
	bob := sigv4.Signer{AccessKeyID: key.ID, Secret: bobs, Region: "us-east-1", Service: "bedrock"}
	send := func(s sigv4.Signer, method, path, body string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, here+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		s.Sign(r, sigv4.BodyHash([]byte(body)), time.Now())
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(answer)
	}
	const ask = `{"inferenceProfileName":"team","modelSource":{"copyFrom":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"}}`

	if got, text := send(bob, "POST", "/inference-profiles", ask); got.StatusCode != 403 || !strings.Contains(text, "111111111111:user/bob") {
		t.Errorf("got %d %s, want bob refused here", got.StatusCode, text)
	}
	got, text := send(root, "POST", "/inference-profiles", ask)
	var made struct{ InferenceProfileArn string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || got.StatusCode != 201 || !strings.Contains(made.InferenceProfileArn, ":000000000000:application-inference-profile/") {
		t.Fatalf("got %d %s, want a profile of the other account", got.StatusCode, text)
	}
	if id, of := got.Header.Get("X-Amzn-Requestid"), got.Header.Get("X-Outcrop-Forwarded-Request-Id"); id == "" || of == "" || id == of {
		t.Errorf("got the request IDs %q and %q, want one of each server", id, of)
	}
	got, text = send(root, "GET", "/inference-profiles/"+url.PathEscape(made.InferenceProfileArn), "")
	if got.StatusCode != 200 || !strings.Contains(text, `"team"`) {
		t.Errorf("got %d %s, want what is there", got.StatusCode, text)
	}
	// What it refuses comes back as it says it.
	got, text = send(root, "POST", "/inference-profiles", ask)
	if got.StatusCode != 400 || !strings.HasPrefix(got.Header.Get("X-Amzn-Errortype"), "ConflictException") || !strings.Contains(text, "team") {
		t.Errorf("got %d %s %s, want the conflict there", got.StatusCode, got.Header, text)
	}
	// Everything else stays here.
	if _, text = send(root, "GET", "/inference-profiles?type=APPLICATION", ""); strings.Contains(text, "team") {
		t.Errorf("got %s, want none of the other account's", text)
	}
	if _, text = send(root, "GET", "/inference-profiles/us.amazon.nova-micro-v1%3A0", ""); !strings.Contains(text, ":111111111111:inference-profile/") {
		t.Errorf("got %s, want the profile here", text)
	}
}

func addUser(t *testing.T, a *App, name string, policies ...string) {
	t.Helper()
	if _, err := a.directory.CreateUser(t.Context(), directory.NewUser{Name: name}); err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		if err := a.directory.AttachUserPolicy(t.Context(), name, p); err != nil {
			t.Fatal(err)
		}
	}
}
