package app

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/observe"
)

// Every operation that is served is known to the authorization: nobody is told
// that an operation does not exist, and the owner may run each.
func TestEveryOperationIsDecidedOn(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	for _, s := range a.edgeServices {
		for _, h := range s.Handlers {
			v := &observe.View{
				Call:    &call.Call{Account: "000000000000", Region: "us-east-1", Service: s.Schema.ID, Operation: h.Op.Name},
				Service: s.Schema, Op: h.Op, Header: http.Header{}, Input: h.Op.Input.New(),
			}
			v.Call.Principal = iam.RootPrincipal("000000000000", "AKIA")
			if err := a.authorizer.Authorize(v); err != nil {
				t.Errorf("%s %s for the owner: got %v", s.Schema.ID, h.Op.Name, err)
			}
			v.Call.Principal = iam.UserPrincipal("000000000000", "gone", "AIDAGONE", "AKIA")
			if err := a.authorizer.Authorize(v); fault.As(err) == nil || fault.As(err).Code != "UnrecognizedClientException" {
				t.Errorf("%s %s for a user that is gone: got %v", s.Schema.ID, h.Op.Name, err)
			}
		}
	}
}

func TestServiceControlPolicyThatMakesNoSense(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "org.json")
	if err := os.WriteFile(path, []byte("{\n  \"Version\": 2012-10-17\n}"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.IAM.ServiceControlPolicy = "127.0.0.1:0", t.TempDir(), true, path
	_, err := New(Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "test", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": echo{}},
	})
	if err == nil || !strings.Contains(err.Error(), path+":2:") {
		t.Errorf("got %v, want an error that names the file and the line", err)
	}
}

// A policy may be protected by its tags, as users and roles are.
func TestTagsOfPolicies(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	p, err := a.directory.CreatePolicy(t.Context(), directory.NewPolicy{
		Name: "p", Document: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, Tags: map[string]string{"protected": "yes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	find := tags(a.state, a.directory)
	if got := find(t.Context(), p.ARN); got["protected"] != "yes" {
		t.Errorf("got %v", got)
	}
	if got := find(t.Context(), p.ARN+"x"); got != nil {
		t.Errorf("got %v of what is not there", got)
	}
}
