package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// signedCaller signs requests to a running server.
type signedCaller struct {
	t      *testing.T
	a      *App
	url    string
	signer sigv4.Signer
}

// asRoot calls as the account's owner.
func asRoot(t *testing.T, a *App, url string) *signedCaller {
	t.Helper()
	return &signedCaller{t, a, url, sigv4.Signer{AccessKeyID: a.root.AccessKeyID, Secret: a.root.Secret, Region: "us-east-1", Service: "outcrop"}}
}

// as calls as a new user with a policy of some actions; empty: without one.
func (c *signedCaller) as(name, actions string) *signedCaller {
	c.t.Helper()
	ctx := c.t.Context()
	if _, err := c.a.directory.CreateUser(ctx, directory.NewUser{Name: name}); err != nil {
		c.t.Fatal(err)
	}
	if actions != "" {
		document := `{"Version":"2012-10-17","Statement":[{"Sid":"Some","Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`
		if err := c.a.directory.PutInline(ctx, directory.Who{Sort: directory.SortUser, Name: name}, "some", document); err != nil {
			c.t.Fatal(err)
		}
	}
	key, secret, err := c.a.credentials.CreateAccessKey(ctx, name)
	if err != nil {
		c.t.Fatal(err)
	}
	other := *c
	other.signer.AccessKeyID, other.signer.Secret = key.ID, iam.Secret(secret.Reveal())
	return &other
}

func (c *signedCaller) send(ctx context.Context, method, path, body string) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	c.signer.Sign(r, sigv4.BodyHash([]byte(body)), time.Now())
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

func (c *signedCaller) do(method, path, body string) (int, string) {
	c.t.Helper()
	response := c.send(c.t.Context(), method, path, body)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// get asks for a document.
func get[T any](c *signedCaller, path string) T {
	c.t.Helper()
	var out T
	status, text := c.do(http.MethodGet, path, "")
	if status != http.StatusOK {
		c.t.Fatalf("%s: got %d %s", path, status, text)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		c.t.Fatalf("%s: %v of %s", path, err, text)
	}
	return out
}

// rest waits until the requests that were answered are over for the server, too.
func (c *signedCaller) rest() {
	c.t.Helper()
	for len(get[operator.Requests](asRoot(c.t, c.a, c.url), operator.Prefix+"requests?state=running").Requests) > 0 {
		runtime.Gosched()
	}
}

// converse calls a model.
func (c *signedCaller) converse(model string) int {
	c.t.Helper()
	bedrock := *c
	bedrock.signer.Service = "bedrock"
	status, _ := bedrock.do(http.MethodPost, "/model/"+url.PathEscape(model)+"/converse", hello)
	return status
}

const scripts = `rules:
  - {when: {model: "amazon.nova-micro*"}, answer: {fault: throttle}}
  - {answer: 'hello'}
`

func newOperated(t *testing.T, change func(*config.Config)) *signedCaller {
	t.Helper()
	a := newScriptedApp(t, scripts, change)
	return asRoot(t, a, start(t, a))
}

// Each request has an action, and who does not have it reads AWS's words.
func TestOperatorActions(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	nobody := root.as("nobody", "")
	for i, tt := range []struct{ method, path, body, action string }{
		{"GET", "server", "", "outcrop:GetServer"},
		{"GET", "catalog", "", "bedrock:ListFoundationModels"},
		{"GET", "catalog/amazon.nova-lite-v1:0", "", "bedrock:ListFoundationModels"},
		{"GET", "local-models", "", "outcrop:ListLocalModels"},
		{"GET", "local-models/smollm2-135m-instruct", "", "outcrop:ListLocalModels"},
		{"GET", "local-models/plan?source=x", "", "outcrop:PullLocalModel"},
		{"GET", "local-models/pulls", "", "outcrop:ListLocalModels"},
		{"GET", "local-models/pulls/x", "", "outcrop:ListLocalModels"},
		{"POST", "local-models/pulls", `{"source":"nothing"}`, "outcrop:PullLocalModel"},
		{"DELETE", "local-models/pulls/x", "", "outcrop:PullLocalModel"},
		{"POST", "local-models/x/load", "", "outcrop:LoadLocalModel"},
		{"POST", "local-models/x/unload", "", "outcrop:LoadLocalModel"},
		{"DELETE", "local-models/x", "", "outcrop:DeleteLocalModel"},
		{"GET", "requests", "", "outcrop:ListRequests"},
		{"GET", "requests/x", "", "outcrop:ListRequests"},
		{"GET", "usage", "", "outcrop:GetUsage"},
		{"GET", "audit", "", "outcrop:LookupAudit"},
		{"GET", "model-access", "", "bedrock:GetFoundationModelAvailability"},
		{"GET", "access-requests", "", "outcrop:ListAccessRequests"},
		{"POST", "access-requests/approve", "{}", "outcrop:DecideAccessRequest"},
		{"POST", "access-requests/deny", "{}", "outcrop:DecideAccessRequest"},
		{"GET", "quota-requests", "", "outcrop:ListQuotaRequests"},
		{"POST", "quota-requests/approve", "{}", "outcrop:DecideQuotaRequest"},
		{"POST", "quota-requests/deny", "{}", "outcrop:DecideQuotaRequest"},
		{"GET", "quota-use", "", "outcrop:GetQuotaUse"},
		{"POST", "iam/explain", "{}", "outcrop:ExplainDecision"},
		{"GET", "iam/actions", "", "outcrop:ExplainDecision"},
		{"GET", "routes", "", "outcrop:Operate"},
		{"POST", "reload", "", "outcrop:Operate"},
	} {
		status, text := nobody.do(tt.method, operator.Prefix+tt.path, tt.body)
		var refused operator.ErrorAnswer
		if err := json.Unmarshal([]byte(text), &refused); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := operator.ErrorAnswer{
			Code: "AccessDeniedException", RequestID: refused.RequestID,
			Message: "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: " + tt.action + " because no identity-based policy allows the " + tt.action + " action",
		}
		if diff := cmp.Diff(want, refused); status != http.StatusForbidden || len(refused.RequestID) != 36 || diff != "" {
			t.Errorf("%s %s: got %d (-want +got):\n%s", tt.method, tt.path, status, diff)
		}
		somebody := root.as(fmt.Sprint("user", i), `"`+tt.action+`"`)
		if status, text := somebody.do(tt.method, operator.Prefix+tt.path, tt.body); status == http.StatusForbidden || status >= 500 {
			t.Errorf("%s %s with %s: got %d %s", tt.method, tt.path, tt.action, status, text)
		}
	}
	// The live stream is decided before it begins.
	if status, text := nobody.do("GET", operator.Prefix+"requests/live", ""); status != http.StatusForbidden || !strings.Contains(text, "outcrop:ListRequests") {
		t.Errorf("live: got %d %s", status, text)
	}
	// What was refused, and what changes something, is in the audit trail.
	events := get[operator.AuditEvents](root, operator.Prefix+"audit?source=outcrop&principal=nobody&limit=100")
	if len(events.Events) < 25 || events.Events[0].ErrorCode != "AccessDenied" || events.Events[0].Name != "ListRequests" {
		t.Errorf("got %d events: %+v", len(events.Events), events.Events[:min(1, len(events.Events))])
	}
}

func TestOperatorRefuses(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "nothing", "", 404, "UnknownOperationException", "There is no operation GET /outcrop/nothing."},
		{"POST", "server", "", 404, "UnknownOperationException", "There is no operation POST /outcrop/server."},
		{"GET", "server?verbose=1", "", 400, "ValidationException", `There is no parameter "verbose". There are: none.`},
		{"GET", "catalog?region=mars-1", "", 400, "ValidationException", `There is no region "mars-1" with Amazon Bedrock.`},
		{"GET", "catalog/acme.x", "", 404, "ResourceNotFoundException", "There is no model acme.x in us-east-1."},
		{"GET", "local-models/x", "", 404, "ResourceNotFoundException", `there is no local model "x"`},
		{"POST", "local-models/pulls", "", 400, "ValidationException", "The request needs a body of JSON."},
		{"POST", "local-models/pulls", `{"src":"x"}`, 400, "ValidationException", `The body cannot be read: unknown field "src".`},
		{"POST", "local-models/pulls", `{"source":"x"} {}`, 400, "ValidationException", "there is something behind its JSON"},
		{"POST", "local-models/pulls", `{}`, 400, "ValidationException", "The member source is needed, such as hf.co/"},
		{"GET", "local-models/plan", "", 400, "ValidationException", "The parameter source is needed"},
		{"GET", "local-models/plan?source=nothing", "", 400, "ValidationException", "names no model to pull"},
		{"DELETE", "local-models/pulls/x", "", 404, "ResourceNotFoundException", "There is no pull x."},
		{"DELETE", "local-models/smollm2-135m-instruct", "", 400, "ValidationException", "comes with Outcrop and cannot be removed"},
		{"GET", "requests?limit=x", "", 400, "ValidationException", "The parameter limit is a whole number from 1 to 500"},
		{"GET", "requests/x", "", 404, "ResourceNotFoundException", "There is no request x. Of calls without a model only the last 2000 are remembered."},
		{"GET", "requests/live?from=2026-01-01", "", 400, "ValidationException", `There is no parameter "from".`},
		{"GET", "usage?groupBy=account", "", 400, "ValidationException", "none of day, hour"},
		{"GET", "usage?format=xml", "", 400, "ValidationException", "The parameter format is one of json, csv"},
		{"GET", "audit?nextToken=x", "", 400, "ValidationException", "The parameter nextToken is not one"},
		{"GET", "access-requests?status=x", "", 400, "ValidationException", "The parameter status is one of PENDING, GRANTED, DENIED"},
		{"GET", "access-requests?nextToken=eyJvIjotMX0", "", 400, "ValidationException", "The parameter nextToken is not one"},
		{"POST", "access-requests/approve", `{"model":"x"}`, 400, "ValidationException", "The members model and region are needed."},
		{"POST", "access-requests/approve", `{"model":"x","region":"us-east-1"}`, 404, "ResourceNotFoundException", "There is no model x in us-east-1."},
		{"POST", "access-requests/approve", `{"model":"x","region":"mars-1"}`, 400, "ValidationException", "There is no region"},
		{"POST", "access-requests/approve", `{"model":"amazon.nova-lite-v1:0","region":"us-east-1","reason":"x"}`, 400, "ValidationException", "An approval has no reason."},
		{"POST", "access-requests/deny", `{"model":"a","region":"b","reason":"` + strings.Repeat("x", 1025) + `"}`, 400, "ValidationException", "longer than 1024 bytes"},
		{"GET", "quota-requests?status=x", "", 400, "ValidationException", "The parameter status is one of OPEN,"},
		{"POST", "quota-requests/approve", `{"id":"x"}`, 404, "ResourceNotFoundException", "There is no request x."},
		{"POST", "quota-requests/deny", `{}`, 400, "ValidationException", "The member id is needed."},
		{"GET", "quota-use?region=mars-1", "", 400, "ValidationException", "There is no region"},
		{"POST", "iam/explain", `{"principal":"root"}`, 400, "ValidationException", "The members principal and action are needed."},
		{"POST", "iam/explain", `{"principal":"nobody","action":"Converse"}`, 404, "ResourceNotFoundException", "there is no user and no role nobody"},
		{"POST", "iam/explain", `{"principal":"root","action":"Dance"}`, 400, "ValidationException", "Dance is neither an action"},
		{"POST", "iam/explain", `{"principal":"root","action":"Converse","region":"mars-1"}`, 400, "ValidationException", "There is no region"},
		{"POST", "iam/explain", `{"principal":"root","action":"Converse","context":{"SourceIp":["1"]}}`, 400, "ValidationException", "is not a condition key"},
		{"POST", "reload", "", 400, "ValidationException", "The configuration was not reloaded"},
	} {
		status, text := root.do(tt.method, operator.Prefix+tt.path, tt.body)
		var refused operator.ErrorAnswer
		if err := json.Unmarshal([]byte(text), &refused); err != nil {
			t.Fatalf("%s %s: %s: %v", tt.method, tt.path, text, err)
		}
		if status != tt.status || refused.Code != tt.code || !strings.Contains(refused.Message, tt.want) || len(refused.RequestID) != 36 {
			t.Errorf("%s %s: got %d %+v, want %d %s %s", tt.method, tt.path, status, refused, tt.status, tt.code, tt.want)
		}
	}
	large := strings.Repeat("x", 2<<20)
	if status, text := root.do("POST", operator.Prefix+"local-models/pulls", large); status != 400 || !strings.Contains(text, "The body is longer than 1048576 bytes") {
		t.Errorf("a large body: got %d %s", status, text)
	}
	response, err := http.Get(root.url + operator.Prefix + "server")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusForbidden || !strings.Contains(string(text), `"code":"MissingAuthenticationTokenException"`) || response.Header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("without a signature: got %d %s", response.StatusCode, text)
	}
}

func TestOperatorServer(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	root.converse("amazon.nova-lite-v1:0")
	root.converse("amazon.nova-lite-v1:0")
	root.converse("amazon.nova-micro-v1:0")
	if err := root.a.gov.ledger.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := get[operator.Server](root, operator.Prefix+"server")
	if s.Version != "test" || s.Account != "000000000000" || s.Region != "us-east-1" || s.Auth != "on" || !s.Script || s.Started.Location() != time.UTC || s.Data != root.a.p.Config.Data {
		t.Errorf("got %+v", s.About)
	}
	if s.UptimeSeconds < 0 || s.DiskFree == nil || *s.DiskFree <= 0 || !s.Engine.Ready || s.Engine.Name != "llama.cpp" || s.Memory.Models != 0 {
		t.Errorf("got %+v", s)
	}
	if diff := cmp.Diff([]operator.ErrorCount{{Code: "ThrottlingException", Count: 1}}, s.Today.Errors); diff != "" || s.Today.Requests != 3 || s.Today.Failed != 1 || s.Today.Tokens.Output == 0 {
		t.Errorf("today: got %+v\n%s", s.Today, diff)
	}
	var script *operator.Backend
	for i := range s.Backends {
		if s.Backends[i].Name == config.ScriptBackend {
			script = &s.Backends[i]
		}
	}
	if script == nil || script.Health != "unknown" || len(script.Models) != 2 || script.Models[0].Requests != 2 || script.Models[0].Model != "amazon.nova-lite-v1:0" || script.Models[1].Throttles != 1 || script.Models[1].LastErrorAt == nil {
		t.Errorf("got %+v", s.Backends)
	}
	if len(s.Assignments) < 3 || s.Assignments[0].ServedBy != "script/*" || s.Models == nil {
		t.Errorf("got %+v, %v", s.Assignments, s.Models)
	}
}

func TestOperatorCatalog(t *testing.T) {
	t.Parallel()
	root := newOperated(t, func(cfg *config.Config) {
		cfg.Prices = []config.Price{
			{Match: "amazon.nova-micro*", InputPer1M: 0.5, PerQuery: 0.001},
			{Match: "us.amazon.nova-lite*", OutputPer1M: 7},
			{Match: "script/amazon.titan-text*", InputPer1M: 9},
		}
		cfg.Regions = []config.Regional{{Match: "amazon.nova-pro*", Regions: []string{"us-west-2"}}}
		cfg.Routes = []config.Route{{Match: "acme.own", Model: "script/*"}}
	})
	c := get[operator.Catalog](root, operator.Prefix+"catalog")
	bedrock := *root
	bedrock.signer.Service = "bedrock"
	status, text := bedrock.do("GET", "/foundation-models", "")
	var listed struct {
		ModelSummaries []struct{ ModelID string }
	}
	if err := json.Unmarshal([]byte(text), &listed); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	var want, got []string
	for _, m := range listed.ModelSummaries {
		if known, ok := root.a.catalog.Lookup(m.ModelID); !ok || known.ID == m.ModelID { // without the variants for provisioned throughput
			want = append(want, m.ModelID)
		}
	}
	by := map[string]operator.CatalogModel{}
	for _, m := range c.Models {
		got = append(got, m.ID)
		by[m.ID] = m
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 50 {
		t.Errorf("ListFoundationModels shows others (-it +the catalog):\n%s", diff)
	}
	lite := by["amazon.nova-lite-v1:0"]
	if lite.Provider != "Amazon" || lite.Kind != "text" || lite.ContextWindow != 300_000 || lite.NativeFormat != "nova-messages" || !lite.Streaming ||
		!slices.Contains(lite.Profiles, "us.amazon.nova-lite-v1:0") || !slices.Contains(lite.Regions, "us-east-1") || lite.ServedBy == nil || lite.ServedBy.Backend != "script" || !lite.ServedBy.Available || lite.ServedBy.Local {
		t.Errorf("got %+v", lite)
	}
	if diff := cmp.Diff([]operator.Price{
		{What: "input", USD: "0.5", Unit: "1M tokens", Own: true}, {What: "output", USD: "0", Unit: "1M tokens", Own: true},
		{What: "cacheRead", USD: "0", Unit: "1M tokens", Own: true}, {What: "cacheWrite", USD: "0", Unit: "1M tokens", Own: true},
		{What: "query", USD: "0.001", Unit: "query", Own: true},
	}, by["amazon.nova-micro-v1:0"].Prices); diff != "" {
		t.Errorf("own prices (-want +got):\n%s", diff)
	}
	// By a profile it may be another price, as it is billed: 1.1 of the model's in
	// one geography, or the operator's own. So may it be for who answers.
	sonnet, usd := by["anthropic.claude-sonnet-4-5-20250929-v1:0"], func(prices []operator.Price, what string) string {
		for _, p := range prices {
			if p.What == what && p.Above == 0 {
				return p.USD
			}
		}
		return ""
	}
	for name, tt := range map[string]struct {
		prices []operator.Price
		what   string
		want   string
	}{
		"a model's own":              {sonnet.Prices, "input", "3"},
		"in one geography":           {sonnet.ProfilePrices["us.anthropic.claude-sonnet-4-5-20250929-v1:0"], "input", "3.3"},
		"in one, of the cache":       {sonnet.ProfilePrices["us.anthropic.claude-sonnet-4-5-20250929-v1:0"], "cacheRead", "0.33"},
		"anywhere":                   {sonnet.ProfilePrices["global.anthropic.claude-sonnet-4-5-20250929-v1:0"], "input", ""},
		"set for a profile":          {lite.ProfilePrices["us.amazon.nova-lite-v1:0"], "output", "7"},
		"set for all of a model's":   {by["amazon.nova-micro-v1:0"].ProfilePrices["us.amazon.nova-micro-v1:0"], "input", ""},
		"set for whoever answers it": {by["amazon.titan-text-express-v1"].Prices, "input", "9"},
	} {
		if got := usd(tt.prices, tt.what); got != tt.want {
			t.Errorf("price, %s: got %q, want %q", name, got, tt.want)
		}
	}
	if _, ok := by["amazon.nova-pro-v1:0"]; ok {
		t.Error("a model is listed that the region does not have")
	}
	if _, ok := by["acme.own"]; !ok {
		t.Error("the operator's own ID is not listed")
	}
	d := get[operator.CatalogDetail](root, operator.Prefix+"catalog/amazon.nova-pro-v1:0?region=us-west-2")
	if diff := cmp.Diff([]string{"us-west-2"}, d.Regions); diff != "" || len(d.Candidates) != 1 || d.Candidates[0].Model != "script/amazon.nova-pro-v1:0" || !d.Supports.Tools || len(d.InferenceProfiles) == 0 || !slices.Contains(d.InferenceProfiles[0].Regions, "us-west-2") {
		t.Errorf("got %+v", d)
	}
	if d := get[operator.CatalogDetail](root, operator.Prefix+"catalog/acme.own"); d.Route != "acme.own" || d.Provider != "Outcrop" {
		t.Errorf("got %+v", d)
	}
	if d := get[operator.CatalogDetail](root, operator.Prefix+"catalog/arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"); d.ID != "amazon.nova-lite-v1:0" {
		t.Errorf("by ARN: got %s", d.ID)
	}
}

func TestOperatorRequests(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	alice := root.as("alice", `["bedrock:InvokeModel","outcrop:ListRequests"]`)
	alice.converse("amazon.nova-lite-v1:0")
	alice.converse("us.amazon.nova-micro-v1:0")
	bedrock := *alice
	bedrock.signer.Service = "bedrock"
	if status, _ := bedrock.do("GET", "/foundation-models", ""); status != http.StatusForbidden {
		t.Fatalf("got %d", status)
	}
	root.rest()
	all := get[operator.Requests](alice, operator.Prefix+"requests")
	var got []string
	for _, q := range all.Requests {
		got = append(got, fmt.Sprintf("%s %s %d %s %s", q.Operation, q.ModelID, q.Status, q.Code, q.Principal[strings.LastIndexByte(q.Principal, ':')+1:]))
	}
	want := []string{"ListFoundationModels  403 AccessDeniedException user/alice", "Converse amazon.nova-micro-v1:0 429 ThrottlingException user/alice", "Converse amazon.nova-lite-v1:0 200  user/alice"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What is forgotten comes from the bill, once, page after page.
	if err := root.a.gov.ledger.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var paged []string
	for next := ""; ; {
		page := get[operator.Requests](alice, operator.Prefix+"requests?limit=1&nextToken="+next)
		for _, q := range page.Requests {
			paged = append(paged, q.ID)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{all.Requests[0].ID, all.Requests[1].ID, all.Requests[2].ID}, paged); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	for query, want := range map[string]int{
		"status=error": 2, "status=4xx&operation=Converse": 1, "model=amazon.nova-*": 2, "model=us.*": 1, "principal=user/alice": 3, "principal=root": 0,
		"code=Throttling*": 1, "region=eu-west-1": 0, "minLatencyMs=60000": 0, "to=2020-01-01": 0, "state=running": 0, "status=ok": 1,
	} {
		if got := get[operator.Requests](alice, operator.Prefix+"requests?"+query); len(got.Requests) != want {
			t.Errorf("%s: got %d requests, want %d", query, len(got.Requests), want)
		}
	}
	d := get[operator.RequestDetail](alice, operator.Prefix+"requests/"+all.Requests[2].ID)
	var steps []string
	for i, s := range d.Steps {
		steps = append(steps, s.Name)
		if s.Ms < 0 || i > 0 && s.Time.Before(d.Steps[i-1].Time) || s.Time.Location() != time.UTC {
			t.Errorf("the step %+v is not in its place", s)
		}
	}
	if diff := cmp.Diff([]string{"received", "authenticated", "decided", "admitted", "answered", "firstToken", "settled", "done"}, steps); diff != "" {
		t.Errorf("the way (-want +got):\n%s", diff)
	}
	if !d.Remembered || d.ServedBy != "script/amazon.nova-lite-v1:0" || d.Tokens.Output == 0 || d.Costs.Output == "0" || d.InvocationLog != nil || !strings.HasSuffix(d.Resource, "foundation-model/amazon.nova-lite-v1:0") {
		t.Errorf("got %+v", d)
	}
	tried := get[operator.RequestDetail](alice, operator.Prefix+"requests/"+all.Requests[1].ID)
	if i := slices.IndexFunc(tried.Steps, func(s operator.Step) bool { return s.Name == "tried" }); i < 0 || tried.Steps[i].Detail != "script/us.amazon.nova-micro-v1:0: throttled" {
		t.Errorf("got %+v", tried.Steps)
	}
}

// A server that has just started knows the requests of the one before by the bill.
func TestOperatorRequestsOfTheBill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	change := func(cfg *config.Config) {
		cfg.Data = data
		cfg.InvocationLogs.Directory = t.TempDir()
	}
	first := newScriptedApp(t, scripts, change)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	root := asRoot(t, first, "http://"+first.Addr().String())
	root.converse("amazon.nova-lite-v1:0")
	root.rest()
	id := get[operator.Requests](root, operator.Prefix+"requests").Requests[0].ID
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	root = newOperated(t, change)
	page := get[operator.Requests](root, operator.Prefix+"requests")
	if len(page.Requests) != 1 || page.Requests[0].ID != id || page.Requests[0].State != "done" || page.Requests[0].Status != http.StatusOK {
		t.Fatalf("got %+v", page)
	}
	d := get[operator.RequestDetail](root, operator.Prefix+"requests/"+id)
	if d.Remembered || len(d.Steps) != 4 || d.Steps[3].Name != "done" || d.Costs.Output == "0" || d.InvocationLog == nil || d.InvocationLog.Directory == "" || d.InvocationLog.Bucket != "" {
		t.Errorf("got %+v", d)
	}
}

// The live stream shows requests as they end, and ends with the server.
func TestOperatorLive(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, scripts, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	root := asRoot(t, a, "http://"+a.Addr().String())
	response := root.send(t.Context(), http.MethodGet, operator.Prefix+"requests/live?model=amazon.nova-lite*", "")
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || response.Header.Get("X-Amzn-Requestid") == "" {
		t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
	root.converse("amazon.nova-micro-v1:0")
	root.converse("amazon.nova-lite-v1:0")
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var batch operator.LiveBatch
		if err := json.Unmarshal([]byte(data), &batch); err != nil {
			t.Fatal(err)
		}
		if len(batch.Requests) != 1 || batch.Requests[0].ModelID != "amazon.nova-lite-v1:0" || batch.Dropped != 0 {
			t.Errorf("got %+v", batch)
		}
		break
	}
	stop()
	for lines.Scan() {
		continue // until it ends
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream was torn: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOperatorUsage(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	alice := root.as("alice", `"bedrock:*"`)
	root.converse("amazon.nova-lite-v1:0")
	alice.converse("amazon.nova-lite-v1:0")
	alice.converse("amazon.nova-micro-v1:0")
	u := get[operator.Usage](root, operator.Prefix+"usage?groupBy=model,name")
	var got []string
	for _, r := range u.Rows {
		got = append(got, fmt.Sprintf("%v %d %d", r.Keys, r.Requests, r.Failed))
	}
	want := []string{"[amazon.nova-lite-v1:0 root] 1 0", "[amazon.nova-lite-v1:0 user/alice] 1 0", "[amazon.nova-micro-v1:0 user/alice] 1 1"}
	if diff := cmp.Diff(want, got); diff != "" || u.Totals.Requests != 3 || u.Totals.Failed != 1 || u.Totals.CostUSD == "0" || u.Next != "" || u.To.Sub(u.From) != 7*24*time.Hour {
		t.Errorf("got %+v (-want +got):\n%s", u, diff)
	}
	if u := get[operator.Usage](root, operator.Prefix+"usage?principal=alice"); u.Totals.Requests != 0 || len(u.Rows) != 0 {
		t.Errorf("of nobody: got %+v", u)
	}
	if u := get[operator.Usage](root, operator.Prefix+"usage?principal=user/alice&code=ok"); u.Totals.Requests != 1 {
		t.Errorf("of alice: got %+v", u)
	}
	first := get[operator.Usage](root, operator.Prefix+"usage?groupBy=model&limit=1")
	second := get[operator.Usage](root, operator.Prefix+"usage?groupBy=model&limit=1&nextToken="+first.Next)
	const far = "eyJvIjo5MjIzMzcyMDM2ODU0Nzc1ODA3fQ" // {"o":9223372036854775807}
	if behind := get[operator.Usage](root, operator.Prefix+"usage?groupBy=model&nextToken="+far); len(behind.Rows) != 0 || behind.Next != "" {
		t.Errorf("behind the end: got %+v", behind)
	}
	if len(first.Rows) != 1 || len(second.Rows) != 1 || second.Next != "" || first.Rows[0].Keys[0] == second.Rows[0].Keys[0] || first.Totals != second.Totals || !first.To.Equal(second.To) {
		t.Errorf("got %+v and %+v", first, second)
	}
	status, text := root.do("GET", operator.Prefix+"usage?groupBy=model&format=csv", "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if status != http.StatusOK || len(lines) != 3 || lines[0] != "model,calls,failed,unpriced,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,queries,cost_usd" || !strings.HasPrefix(lines[2], "amazon.nova-micro-v1:0,1,1,0,") {
		t.Errorf("got %d %s", status, text)
	}
}

func TestOperatorAudit(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	alice := root.as("alice", "")
	bedrock := *alice
	bedrock.signer.Service = "bedrock"
	for range 3 {
		bedrock.do("GET", "/foundation-models", "")
	}
	page := get[operator.AuditEvents](root, operator.Prefix+"audit?event=List*&error=Access*&limit=2")
	if !page.Enabled || len(page.Events) != 2 || page.Next == "" || page.Events[0].Principal != "arn:aws:iam::000000000000:user/alice" || page.Events[0].UserName != "alice" || page.Events[0].Source != "bedrock.amazonaws.com" {
		t.Errorf("got %+v", page)
	}
	var record map[string]any
	if err := json.Unmarshal(page.Events[0].Record, &record); err != nil || record["eventID"] != page.Events[0].ID {
		t.Errorf("the record is %v, %v", record, err)
	}
	if rest := get[operator.AuditEvents](root, operator.Prefix+"audit?event=List*&error=Access*&limit=2&nextToken="+page.Next); len(rest.Events) != 1 {
		t.Errorf("the next page: got %+v", rest)
	}
	off := newOperated(t, func(cfg *config.Config) { cfg.Audit.Files = config.Off })
	if page := get[operator.AuditEvents](off, operator.Prefix+"audit"); page.Enabled || len(page.Events) != 0 {
		t.Errorf("without a trail: got %+v", page)
	}
}

func TestOperatorDecidesAccess(t *testing.T) {
	t.Parallel()
	root := newOperated(t, func(cfg *config.Config) { cfg.Access = "approval" })
	if status := root.converse("amazon.nova-lite-v1:0"); status != http.StatusForbidden {
		t.Fatalf("before: got %d", status)
	}
	const body = `{"model":"amazon.nova-lite-v1:0","region":"us-east-1"`
	if status, text := root.do("POST", operator.Prefix+"access-requests/approve", body+"}"); status != http.StatusOK || !strings.Contains(text, `"status":"GRANTED"`) {
		t.Fatalf("got %d %s", status, text)
	}
	if status := root.converse("amazon.nova-lite-v1:0"); status != http.StatusOK {
		t.Errorf("granted: got %d", status)
	}
	list := get[operator.AccessRequests](root, operator.Prefix+"access-requests?status=GRANTED")
	if list.Mode != "approval" || len(list.Requests) != 1 || list.Requests[0].DecidedAt == nil || list.Requests[0].Model != "amazon.nova-lite-v1:0" {
		t.Errorf("got %+v", list)
	}
	if status, text := root.do("POST", operator.Prefix+"access-requests/deny", body+`,"reason":"too dear"}`); status != http.StatusOK || !strings.Contains(text, `"reason":"too dear"`) {
		t.Errorf("got %d %s", status, text)
	}
	if status := root.converse("amazon.nova-lite-v1:0"); status != http.StatusForbidden {
		t.Errorf("denied: got %d", status)
	}
	events := get[operator.AuditEvents](root, operator.Prefix+"audit?event=DecideAccessRequest")
	if len(events.Events) != 2 || !slices.Equal(events.Events[0].Resources, []string{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}) || events.Events[0].ReadOnly {
		t.Errorf("got %+v", events.Events)
	}
}

// The page of model access shows what GetFoundationModelAvailability says of one
// model of all of them.
func TestOperatorModelAccess(t *testing.T) {
	t.Parallel()
	const nova, claude = "amazon.nova-lite-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"
	state := func(of *signedCaller, model string) operator.ModelAccessState {
		t.Helper()
		seen := get[operator.ModelAccess](of, operator.Prefix+"model-access?region=us-east-1")
		i := slices.IndexFunc(seen.Models, func(m operator.ModelAccessState) bool { return m.ID == model })
		if i < 0 {
			t.Fatalf("%s is not there", model)
		}
		return seen.Models[i]
	}
	auto := newOperated(t, nil)
	if _, err := auto.a.access.Deny(t.Context(), "000000000000", "us-east-1", claude, "no"); err != nil {
		t.Fatal(err)
	}
	if got := state(auto, claude); got.Status != "AVAILABLE" || got.NeedsUseCase {
		t.Errorf("auto: got %+v", got)
	}
	root := newOperated(t, func(cfg *config.Config) { cfg.Access = "approval" })
	if got := state(root, nova); got.Status != "NOT_AVAILABLE" || got.NeedsUseCase || got.RequestedAt != nil || got.ServedBy == nil {
		t.Errorf("before: got %+v", got)
	}
	if got := state(root, claude); !got.NeedsUseCase {
		t.Errorf("the form: got %+v", got)
	}
	if err := root.a.access.SubmitUseCase(t.Context(), "000000000000", []byte(`{"companyName":"Example"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := root.a.access.Grant(t.Context(), "000000000000", "us-east-1", nova); err != nil {
		t.Fatal(err)
	}
	if _, err := root.a.access.Deny(t.Context(), "000000000000", "us-east-1", claude, "too dear"); err != nil {
		t.Fatal(err)
	}
	// What is granted elsewhere counts there.
	if _, err := root.a.access.Grant(t.Context(), "000000000000", "eu-central-1", "amazon.nova-micro-v1:0"); err != nil {
		t.Fatal(err)
	}
	if got := get[operator.ModelAccess](root, operator.Prefix+"model-access"); got.Mode != "approval" || !got.UseCase || got.Region != "us-east-1" {
		t.Errorf("got %s %t %s", got.Mode, got.UseCase, got.Region)
	}
	if got := state(root, nova); got.Status != "AVAILABLE" || got.DecidedAt == nil {
		t.Errorf("granted: got %+v", got)
	}
	if got := state(root, claude); got.Status != "DENIED" || got.Reason != "too dear" || !got.Barred {
		t.Errorf("denied: got %+v", got)
	}
	if _, err := root.a.access.Accept(t.Context(), "000000000000", "us-east-1", claude, "terms", access.Token(claude, "terms"), "arn:aws:iam::000000000000:user/alice"); err != nil {
		t.Fatal(err)
	}
	if got := state(root, claude); got.Status != "PENDING" || got.Reason != "too dear" || !got.Barred {
		t.Errorf("asked again: got %+v", got)
	}
	asked := get[operator.AccessRequests](root, operator.Prefix+"access-requests?status=PENDING")
	if len(asked.Requests) != 1 || asked.Requests[0].Model != claude || !asked.Requests[0].Barred {
		t.Errorf("the requests: got %+v", asked.Requests)
	}
	if got := state(root, "amazon.nova-micro-v1:0"); got.Status != "NOT_AVAILABLE" {
		t.Errorf("granted elsewhere: got %+v", got)
	}
}

func TestOperatorDecidesQuotas(t *testing.T) {
	t.Parallel()
	root := newOperated(t, func(cfg *config.Config) { cfg.Limits.RequestsPerMinute = 2 })
	applied, err := root.a.quotas.FindByName("000000000000", "us-east-1", "amazon.nova-lite-v1:0", "requests-per-minute")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(desired int64) string {
		t.Helper()
		made, err := root.a.quotas.Ask(t.Context(), "000000000000", "us-east-1", applied.Code, desired, "arn:aws:iam::000000000000:user/alice")
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	first := ask(10)
	list := get[operator.QuotaRequests](root, operator.Prefix+"quota-requests?status=OPEN")
	if len(list.Requests) != 1 || list.Requests[0].ID != first || list.Requests[0].Desired != 10 || list.Requests[0].QuotaCode != applied.Code {
		t.Fatalf("got %+v", list)
	}
	if status, text := root.do("POST", operator.Prefix+"quota-requests/deny", `{"id":"`+first+`"}`); status != http.StatusOK || !strings.Contains(text, `"status":"DENIED"`) {
		t.Errorf("got %d %s", status, text)
	}
	if status, text := root.do("POST", operator.Prefix+"quota-requests/approve", `{"id":"`+first+`"}`); status != http.StatusConflict || !strings.Contains(text, "has been decided: it is DENIED") {
		t.Errorf("again: got %d %s", status, text)
	}
	if status, text := root.do("POST", operator.Prefix+"quota-requests/approve", `{"id":"`+ask(20)+`"}`); status != http.StatusOK || !strings.Contains(text, `"status":"APPROVED"`) {
		t.Errorf("got %d %s", status, text)
	}
	root.converse("amazon.nova-lite-v1:0")
	root.converse("us.amazon.nova-pro-v1:0")
	uses := get[operator.QuotaUses](root, operator.Prefix+"quota-use?used=true")
	used := map[string]float64{}
	for _, u := range uses.Quotas {
		used[u.Model+" "+u.Class+" "+u.Metric] = *u.Used
		if u.Code == applied.Code && (u.Value == nil || *u.Value != 20 || u.Default == nil || *u.Default != 2 || !u.Adjustable) {
			t.Errorf("got %+v", u)
		}
	}
	if n := used["amazon.nova-lite-v1:0 on-demand requests-per-minute"]; n <= 0 || n > 1 {
		t.Errorf("got %v of the requests used: %v", n, used)
	}
	if n := used["amazon.nova-pro-v1:0 cross-region tokens-per-minute"]; n <= 0 {
		t.Errorf("of what has no limit: got %v", used)
	}
	if all := get[operator.QuotaUses](root, operator.Prefix+"quota-use?model=amazon.nova-lite*&limit=1"); len(all.Quotas) != 1 || all.Next == "" || all.Region != "us-east-1" {
		t.Errorf("got %+v", all)
	}
}

func TestOperatorExplains(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	root.as("alice", `["bedrock:InvokeModel"]`)
	explain := func(body string) operator.Explained {
		t.Helper()
		status, text := root.do("POST", operator.Prefix+"iam/explain", body)
		var x operator.Explained
		if err := json.Unmarshal([]byte(text), &x); err != nil || status != http.StatusOK {
			t.Fatalf("got %d %s", status, text)
		}
		return x
	}
	x := explain(`{"principal":"arn:aws:iam::000000000000:user/alice","action":"Converse","resource":"amazon.nova-lite-v1:0"}`)
	if !x.Allowed || x.Principal != "arn:aws:iam::000000000000:user/alice" || len(x.Decisions) != 1 {
		t.Fatalf("got %+v", x)
	}
	d := x.Decisions[0]
	if d.Action != "bedrock:InvokeModel" || d.Resource != "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0" || len(d.Matches) != 1 || d.Unasked {
		t.Fatalf("got %+v", d)
	}
	if m := d.Matches[0]; !m.Decisive || m.SID != "Some" || m.Statement != 1 || m.Policy != "some" || m.Effect != "Allow" || !strings.Contains(m.Text, `"Sid":"Some"`) {
		t.Errorf("got %+v", m)
	}
	// Its own actions are explained, and simulated, as all others.
	const get = "outcrop:GetServer"
	if x = explain(`{"principal":"user/alice","action":"` + get + `","context":{"aws:SourceIp":["10.0.0.1"]}}`); x.Allowed || x.Decisions[0].Layer != "identity-based policy" || !strings.HasSuffix(x.Decisions[0].Message, "because no identity-based policy allows the "+get+" action") {
		t.Errorf("got %+v", x)
	}
	if x = explain(`{"principal":"root","action":"GetServer"}`); !x.Allowed || !x.Decisions[0].Unasked || x.Decisions[0].Action != get {
		t.Errorf("got %+v", x)
	}
	iamCaller := *root
	iamCaller.signer.Service = "iam"
	status, text := iamCaller.do("GET", "/?Action=SimulatePrincipalPolicy&Version=2010-05-08&PolicySourceArn="+url.QueryEscape("arn:aws:iam::000000000000:user/alice")+"&ActionNames.member.1="+url.QueryEscape(get), "")
	if status != http.StatusOK || !strings.Contains(text, "<EvalDecision>implicitDeny</EvalDecision>") {
		t.Errorf("the simulation: got %d %s", status, text)
	}
}

// Where authentication is off, programs on this machine may do everything, in the
// region that they say.
func TestOperatorWithoutAuthentication(t *testing.T) {
	t.Parallel()
	root := newOperated(t, func(cfg *config.Config) { cfg.Auth = config.Off })
	eu := *root
	eu.signer.Region = "eu-west-1"
	if c := get[operator.Catalog](&eu, operator.Prefix+"catalog"); c.Region != "eu-west-1" {
		t.Errorf("got the region %s", c.Region)
	}
	if s := get[operator.Server](root, operator.Prefix+"server"); s.Auth != "off" || s.ModelsFree == nil {
		t.Errorf("got %+v", s)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, root.url+operator.Prefix+"server", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://example.com")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "Call this from the machine") {
		t.Errorf("a web page: got %d %s", response.StatusCode, text)
	}
}

func TestOperatorActionsList(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	operations, err := Operations()
	if err != nil {
		t.Fatal(err)
	}
	list := get[operator.Actions](root, operator.Prefix+"iam/actions")
	if len(list.Operations) != len(operations) || len(list.Operations) < 500 || !slices.IsSorted(list.Actions) {
		t.Errorf("got %d operations, want the %d of outcrop iam actions", len(list.Operations), len(operations))
	}
	for _, action := range []string{"outcrop:GetServer", "outcrop:Operate", "outcrop:ControlScript", "bedrock:InvokeModel", "bedrock:CallWithBearerToken", "s3:PutObject"} {
		if !slices.Contains(list.Actions, action) {
			t.Errorf("%s is not there", action)
		}
	}
}

// hub serves a model file; gate, where it is not nil, holds it in the middle.
type modelHub struct {
	mu      sync.Mutex
	content []byte
	gate    chan struct{}
	ranges  []string
}

func (h *modelHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	gate := h.gate
	h.ranges = append(h.ranges, r.Header.Get("Range"))
	h.mu.Unlock()
	if gate == nil || r.Header.Get("Range") != "" {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "m.gguf", time.Unix(1e9, 0), bytes.NewReader(h.content))
		return
	}
	w.Header().Set("ETag", `"1"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(h.content)))
	_, _ = w.Write(h.content[:len(h.content)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-gate:
		_, _ = w.Write(h.content[len(h.content)/2:])
	case <-r.Context().Done():
	}
}

func newModelHub(t *testing.T) (*modelHub, string) {
	t.Helper()
	var out bytes.Buffer
	if err := gguf.Write(&out, []gguf.KV{
		{Key: "general.architecture", Value: "llama"}, {Key: "llama.context_length", Value: uint32(2048)}, {Key: "llama.embedding_length", Value: uint32(64)},
	}, []gguf.TensorData{{
		Tensor:  gguf.Tensor{Name: "token_embd.weight", Dims: []uint64{64, 4096}, Type: gguf.F16},
		Content: func(w io.Writer) error { _, err := w.Write(make([]byte, 64*4096*2)); return err },
	}}); err != nil {
		t.Fatal(err)
	}
	h := &modelHub{content: out.Bytes()}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, server.URL
}

// pulled waits until a pull is as wanted.
func (c *signedCaller) pulled(id string, is func(operator.Pull) bool) operator.Pull {
	c.t.Helper()
	for {
		p := get[operator.Pull](c, operator.Prefix+"local-models/pulls/"+id)
		if is(p) {
			return p
		}
		if p.State == "failed" {
			c.t.Fatalf("got %+v", p.Error)
		}
	}
}

func TestOperatorLocalModels(t *testing.T) {
	t.Parallel()
	hub, address := newModelHub(t)
	hub.gate = make(chan struct{})
	root := newOperated(t, func(cfg *config.Config) { cfg.Models = "" })
	source := strings.Replace(address, "http://", "http://me:secret@", 1) + "/m.gguf"
	if plan := get[operator.PullPlan](root, operator.Prefix+"local-models/plan?source="+url.QueryEscape(source)); plan.Name != "m" || plan.Here || strings.Contains(plan.Source, "secret") {
		t.Errorf("got %+v", plan)
	}
	begin := func() operator.Pull {
		t.Helper()
		status, text := root.do("POST", operator.Prefix+"local-models/pulls", `{"source":"`+source+`","name":"mine"}`)
		var p operator.Pull
		if err := json.Unmarshal([]byte(text), &p); err != nil || status != http.StatusOK || strings.Contains(text, "secret") {
			t.Fatalf("got %d %s", status, text)
		}
		return p
	}
	first := begin()
	if again := begin(); again.ID != first.ID {
		t.Errorf("the same source is pulled twice")
	}
	half := root.pulled(first.ID, func(p operator.Pull) bool { return p.Bytes >= int64(len(hub.content)/2) })
	if half.State != "running" || half.TotalBytes != int64(len(hub.content)) || half.Name != "mine" {
		t.Errorf("in the middle: got %+v", half)
	}
	if status, text := root.do("DELETE", operator.Prefix+"local-models/mine", ""); status != http.StatusNotFound {
		t.Errorf("delete what is being pulled: got %d %s", status, text)
	}
	if status, text := root.do("DELETE", operator.Prefix+"local-models/pulls/"+first.ID, ""); status != http.StatusOK {
		t.Errorf("cancel: got %d %s", status, text)
	}
	cancelled := root.pulled(first.ID, func(p operator.Pull) bool { return p.State != "running" })
	if cancelled.State != "cancelled" || cancelled.EndedAt == nil || cancelled.Error != nil {
		t.Errorf("got %+v", cancelled)
	}
	second := begin()
	done := root.pulled(second.ID, func(p operator.Pull) bool { return p.State == "done" })
	if second.ID == first.ID || done.Bytes != done.TotalBytes || done.Name != "mine" {
		t.Errorf("got %+v", done)
	}
	hub.mu.Lock()
	if last := hub.ranges[len(hub.ranges)-1]; !strings.HasPrefix(last, "bytes=") {
		t.Errorf("the second pull began anew: %q", hub.ranges)
	}
	hub.mu.Unlock()
	m := get[operator.LocalModel](root, operator.Prefix+"local-models/mine")
	if !m.Installed || m.State != "unloaded" || m.SizeBytes != int64(len(hub.content)) || m.ContextLength != 2048 || m.Parameters != 64*4096 || m.Fit.NeedBytes <= m.SizeBytes || !m.Fit.Fits || len(m.UsedFor) != 0 {
		t.Errorf("got %+v", m)
	}
	list := get[operator.LocalModels](root, operator.Prefix+"local-models")
	if len(list.Models) != 3 || list.Models[0].State != "absent" || list.Models[0].Fit.NeedBytes <= list.Models[0].SizeBytes || len(list.Pulls) != 2 || len(list.Sources) != 3 {
		t.Errorf("got %+v", list)
	}
	// What is over is forgotten when somebody says so, and what was over before it of the same source.
	if status, text := root.do("DELETE", operator.Prefix+"local-models/pulls/"+second.ID, ""); status != http.StatusOK || !strings.Contains(text, `"state":"done"`) {
		t.Errorf("forget: got %d %s", status, text)
	}
	if pulls := get[operator.Pulls](root, operator.Prefix+"local-models/pulls").Pulls; len(pulls) != 0 {
		t.Errorf("after it: got %+v", pulls)
	}
	// There is no engine in a test: what comes of loading is told.
	if status, text := root.do("POST", operator.Prefix+"local-models/mine/load", ""); status == http.StatusOK {
		t.Errorf("load: got %d %s", status, text)
	}
	if status, text := root.do("POST", operator.Prefix+"local-models/mine/unload", ""); status != http.StatusOK || !strings.Contains(text, `"installed":true`) {
		t.Errorf("unload: got %d %s", status, text)
	}
	if status, text := root.do("DELETE", operator.Prefix+"local-models/mine", ""); status != http.StatusOK || text != `{"name":"mine"}`+"\n" {
		t.Errorf("delete: got %d %s", status, text)
	}
	if status, _ := root.do("GET", operator.Prefix+"local-models/mine", ""); status != http.StatusNotFound {
		t.Errorf("after it: got %d", status)
	}
	events := get[operator.AuditEvents](root, operator.Prefix+"audit?source=outcrop&event=DeleteLocalModel&error=none")
	if len(events.Events) != 1 || !slices.Equal(events.Events[0].Resources, []string{"arn:aws:outcrop:us-east-1:000000000000:local-model/mine"}) {
		t.Errorf("got %+v", events.Events)
	}
}

// A model that a route leads to is not deleted.
func TestOperatorKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	hub, _ := newModelHub(t)
	file := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(file, hub.content, 0o600); err != nil {
		t.Fatal(err)
	}
	a := newTestApp(t, func(cfg *config.Config) { cfg.Routes = []config.Route{{Match: "acme.own", Model: "llamacpp/m"}} })
	root := asRoot(t, a, start(t, a))
	if d := get[operator.CatalogDetail](root, operator.Prefix+"catalog/acme.own"); d.ServedBy == nil || !d.ServedBy.Local || d.ServedBy.Available || !strings.Contains(d.ServedBy.Why, "there is no local model") {
		t.Errorf("before it is there: got %+v", d.ServedBy)
	}
	if _, err := a.parts.Library.Import(t.Context(), file, library.Options{}); err != nil {
		t.Fatal(err)
	}
	if m := get[operator.LocalModel](root, operator.Prefix+"local-models/m"); !slices.Equal(m.UsedFor, []string{"acme.own"}) {
		t.Errorf("got %+v", m)
	}
	if status, text := root.do("DELETE", operator.Prefix+"local-models/m", ""); status != http.StatusConflict || !strings.Contains(text, "The model m is used: acme.own leads to it.") {
		t.Errorf("got %d %s", status, text)
	}
	if d := get[operator.CatalogDetail](root, operator.Prefix+"catalog/acme.own"); !d.ServedBy.Available || d.ServedBy.Why != "" {
		t.Errorf("got %+v", d.ServedBy)
	}
	if status, text := root.do("POST", operator.Prefix+"local-models/m/load", ""); status != http.StatusBadRequest || !strings.Contains(text, "The engine inside does not run on this server") {
		t.Errorf("without an engine: got %d %s", status, text)
	}
}

// What cannot be pulled is told in the pull.
func TestOperatorPullsThatFail(t *testing.T) {
	t.Parallel()
	root := newOperated(t, nil)
	for source, want := range map[string]string{"nothing": "names no model to pull", "/etc/passwd": "is no model of Hugging Face", "hf.co/": "is no model of Hugging Face"} {
		_, text := root.do("POST", operator.Prefix+"local-models/pulls", `{"source":"`+source+`"}`)
		var p operator.Pull
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(text)
		}
		for p.State == "running" {
			p = get[operator.Pull](root, operator.Prefix+"local-models/pulls/"+p.ID)
		}
		if p.State != "failed" || p.Error == nil || p.Error.Code != "ValidationException" || !strings.Contains(p.Error.Message, want) {
			t.Errorf("%s: got %+v, %+v", source, p, p.Error)
		}
	}
	offline := newOperated(t, func(cfg *config.Config) { cfg.Offline = true })
	if status, text := offline.do("GET", operator.Prefix+"local-models/plan?source=org/repo", ""); status != http.StatusServiceUnavailable || !strings.Contains(text, "offline: models cannot be pulled") {
		t.Errorf("offline: got %d %s", status, text)
	}
}
