package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/sigv4"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const governedModel = "anthropic.claude-3-haiku-20240307-v1:0"

// governedServer has a user with 50 policies of 20 statements, a model that was
// asked for and approved, and quotas.
// Its models are what setup configures, an echo without.
func governedServer(b *testing.B, setup func(cfg *config.Config)) (*App, sigv4.Signer) {
	b.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Data, cfg.Offline, cfg.Access = "127.0.0.1:0", b.TempDir(), true, "approval"
	cfg.Limits.RequestsPerMinute, cfg.Limits.TokensPerMinute = 1_000_000_000, 1_000_000_000_000
	p := Params{
		Config: &cfg, Getenv: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler), Version: "bench", Command: "bin/outcrop",
		Backends: map[string]inference.Backend{"llamacpp": echo{}},
	}
	if setup != nil {
		setup(&cfg)
		p.Backends, p.Logger = nil, slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // lines are made, as in a server
	}
	a, err := New(p)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	for _, run := range a.gov.run {
		background.Go(func() { run(ctx) })
	}
	b.Cleanup(func() {
		cancel()
		background.Wait()
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	})
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	_, err = a.directory.CreateUser(ctx, directory.NewUser{Name: "alice"})
	must(err)
	for g := range 5 {
		group := fmt.Sprintf("group-%d", g)
		_, err := a.directory.CreateGroup(ctx, group, "")
		must(err)
		must(a.directory.AddUser(ctx, group, "alice"))
		for p := range 10 {
			made, err := a.directory.CreatePolicy(ctx, directory.NewPolicy{Name: fmt.Sprintf("policy-%d-%d", g, p), Document: benchPolicy(10*g + p)})
			must(err)
			must(a.directory.Attach(ctx, directory.Who{Sort: directory.SortGroup, Name: group}, made.ARN))
		}
	}
	_, err = a.access.Grant(ctx, cfg.Account, "us-east-1", governedModel)
	must(err)
	key, secret, err := a.credentials.CreateAccessKey(ctx, "alice")
	must(err)
	return a, sigv4.Signer{AccessKeyID: key.ID, Secret: secret, Region: "us-east-1", Service: "bedrock"}
}

// benchPolicy has 20 statements; one of the last policy's allows the call.
func benchPolicy(i int) string {
	statements := make([]string, 20)
	for j := range statements {
		statements[j] = fmt.Sprintf(`{"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:Retrieve"],`+
			`"Resource":"arn:aws:bedrock:*::foundation-model/vendor.model-%d-%d*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`, i, j)
	}
	statements[5] = `{"Effect":"Deny","Action":"bedrock:Invoke*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}}`
	if i == 49 {
		statements[19] = `{"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream"],"Resource":"arn:aws:bedrock:us-east-1::foundation-model/` + governedModel + `"}`
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func signedRequest(b *testing.B, signer sigv4.Signer) *http.Request {
	b.Helper()
	return signedFor(b, signer, "127.0.0.1:8484", converse)
}

func signedFor(b *testing.B, signer sigv4.Signer, host, path string) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+host+path, strings.NewReader(hello))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	signer.Sign(r, sigv4.BodyHash([]byte(hello)), time.Now())
	r.RequestURI = r.URL.RequestURI()
	return r
}

// BenchmarkGovernance is what deciding about a call and writing it down costs:
// signature, policies, model access, quotas, and the usage record in all its
// steps, beside nothing else.
func BenchmarkGovernance(b *testing.B) {
	a, signer := governedServer(b, nil)
	authenticator := newAuthenticator(a.p.Config, a.credentials, a.catalog.HasRegion, a.p.Now)
	var bound schema.Handler
	var service *schema.Service
	for _, s := range a.edgeServices {
		for _, h := range s.Handlers {
			if h.Op.Name == "Converse" {
				bound, service = h, s.Schema
			}
		}
	}
	modelID, text := governedModel, "hello"
	input := &apiruntime.ConverseInput{ModelId: &modelID, Messages: []apiruntime.Message{{
		Role: "user", Content: []apiruntime.ContentBlock{{Text: &text}},
	}}}
	r, body := signedRequest(b, signer), []byte(hello)
	labels := map[string]string{"modelId": governedModel}
	one := func() error {
		claim, err := authenticator.Claim(r)
		if err != nil {
			return err
		}
		principal, err := prove(claim, service, bound.Op, body)
		if err != nil {
			return err
		}
		c := &call.Call{
			RequestID: newRequestID(), Account: principal.Account, Region: "us-east-1", Service: service.ID, Operation: bound.Op.Name,
			Principal: principal, Start: time.Now(),
		}
		v := &observe.View{Call: c, Service: service, Op: bound.Op, Labels: labels, Header: r.Header, Body: body, Input: input}
		w := a.gov.ledger.Begin(v)
		if err := a.authorizer.Authorize(v); err != nil {
			return err
		}
		ctx := call.With(context.Background(), c)
		t, err := a.models.Resolve(ctx, governedModel, "us-east-1", principal.Account, "")
		if err != nil {
			return err
		}
		c.RecordUsage(func(u *call.Usage) {
			u.Model, u.ModelID, u.Resource, u.ServedBy, u.Backend = modelID, t.ModelID, t.ARN, t.ServedBy, t.Backend
			u.InputTokens, u.OutputTokens = 10, 20
		})
		w.Settled(v)
		c.End()
		v.Status = http.StatusOK
		w.Answer(v, body)
		w.End(v)
		return nil
	}
	if err := one(); err != nil {
		b.Fatal(err)
	}
	took := make([]time.Duration, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := one(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
}

func prove(claim authn.Claim, service *schema.Service, op *schema.Operation, body []byte) (iam.Principal, error) {
	if err := claim.Check(service, op); err != nil {
		return iam.Principal{}, err
	}
	principal, _, err := claim.Verify(body)
	return principal, err
}

// BenchmarkExchange is a whole Converse call through the edge, with a backend
// that answers at once. On two cores it must not be slower than on one.
func BenchmarkExchange(b *testing.B) {
	a, signer := governedServer(b, nil)
	ask := func() {
		w := httptest.NewRecorder()
		a.edge.ServeHTTP(w, signedRequest(b, signer))
		if w.Code != http.StatusOK {
			b.Fatalf("got %d %s", w.Code, w.Body.String())
		}
	}
	ask()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ask()
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ask()
			}
		})
	})
}
