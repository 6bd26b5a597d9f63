package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/router"
)

// Where no server runs, the configuration is shown.
func TestRoutesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	path := filepath.Join(t.TempDir(), "outcrop.yaml")
	if err := os.WriteFile(path, []byte(`
listen: 127.0.0.1:1
backends:
  gpu1: {type: openai, url: "http://gpu1.example:8000/v1"}
  aws: {type: bedrock}
routes:
  - match: "meta.*"
    chain:
      - {model: gpu1/llama, weight: 3}
      - {model: gpu1/other}
      - {model: aws/*, tier: 1}
    fallback: [throttled]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env["OUTCROP_CONFIG"] = path
	out := c.must("routes")
	for _, want := range []string{"No server runs", "meta.*", "gpu1/llama", "75%", "25%", "aws/*", "every other text model"} {
		if !strings.Contains(out, want) {
			t.Errorf("routes: got\n%s\nwithout %q", out, want)
		}
	}
	var status router.Status
	if err := json.Unmarshal([]byte(c.must("routes", "--json")), &status); err != nil || len(status.Routes) != 4 || len(status.Routes[0].Candidates) != 3 || len(status.Backends) != 3 {
		t.Errorf("got %+v, %v", status, err)
	}
	out = c.must("routes", "test", "us.meta.llama3-1-70b-instruct-v1:0", "--region", "us-west-2")
	for _, want := range []string{
		"a profile of meta.llama3-1-70b-instruct-v1:0", "arn:aws:bedrock:us-west-2:", "the route meta.* matches first", "aws/us.meta.llama3-1-70b-instruct-v1:0",
		"it stands in", "the beginning of a conversation decides", "asked after throttled\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("routes test: got\n%s\nwithout %q", out, want)
		}
	}
	if out := c.must("routes", "test", "amazon.nova-lite-v1:0"); !strings.Contains(out, "no route matches") {
		t.Errorf("got\n%s", out)
	}
}

// Where the breaker is open for some callers alone, the table says so.
func TestRoutesOpenForSomeCallers(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]router.CandidateStatus{
		"closed":             {Breaker: "closed"},
		"open for 1 caller":  {Breaker: "closed", Callers: 1},
		"open for 2 callers": {Breaker: "closed", Callers: 2},
		"open":               {Breaker: "open", Callers: 2},
	} {
		c.Model, c.Available = "gpu/x", c.Breaker == "closed"
		var table, explained strings.Builder
		if err := printRoutes(&table, &router.Status{Routes: []router.RouteStatus{{Match: "m", Candidates: []router.CandidateStatus{c}}}}, true); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(table.String(), "  "+want+"  ") {
			t.Errorf("the table does not say %q:\n%s", want, table.String())
		}
		if err := printExplanation(&explained, &router.Explanation{Candidates: []router.CandidateStatus{c}}); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(explained.String(), "breaker "+want); said != (want != "closed") {
			t.Errorf("routes test says for %q:\n%s", want, explained.String())
		}
	}
}
