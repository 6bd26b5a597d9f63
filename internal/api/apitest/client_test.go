package apitest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// sent is what botocore sent for the parameters of one call.
type sent struct {
	Service, Op, Method, URL string
	Headers                  map[string]string
	Body                     []byte
	Params                   map[string]any
}

// TestBotocoreRequests routes and decodes one request of the real client per
// operation, and compares the Go structs with the parameters that it was given.
func TestBotocoreRequests(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/botocore_requests.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	router := restjson.NewRouter(services()...)
	seen := 0
	for line := range bytes.Lines(data) {
		var s sent
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		seen++
		t.Run(s.Service+"."+s.Op, func(t *testing.T) {
			t.Parallel()
			path, query, _ := strings.Cut(s.URL, "?")
			var req *schema.Request
			for i, m := range router.Match(s.Method, path, query) {
				if m.Service.ID != s.Service || m.Op.Name != s.Op {
					continue
				}
				// Only the tags of two services are left for the caller to tell apart.
				if i > 0 && !strings.HasPrefix(path, "/tags/") {
					t.Errorf("got the route in place %d, want it first", i)
				}
				req = &schema.Request{Service: m.Service, Op: m.Op, Labels: m.Labels, Header: http.Header{}, Body: s.Body}
			}
			if req == nil {
				t.Fatalf("no route for %s %s", s.Method, s.URL)
			}
			for k, v := range s.Headers {
				req.Header.Set(k, v)
			}
			var err error
			if req.Query, err = url.ParseQuery(query); err != nil {
				t.Fatal(err)
			}
			in, err := restjson.Codec{}.DecodeRequest(req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.Params, parameters(t, req.Op.Input, in)); diff != "" {
				t.Errorf("parameters (-sent +got):\n%s", diff)
			}
		})
	}
	if seen != 240 {
		t.Errorf("got %d operations, want 240", seen)
	}
}

// parameters writes a whole input as JSON, wherever its members travelled.
func parameters(t *testing.T, s *schema.Shape, in any) map[string]any {
	t.Helper()
	all := &schema.Shape{Name: s.Name, Kind: s.Kind}
	for _, m := range s.Members {
		inBody := *m
		inBody.Location, inBody.LocationName, inBody.Timestamp = schema.Body, m.Name, schema.FormatISO8601
		all.Members = append(all.Members, &inBody)
	}
	all.Seal()
	resp, err := restjson.Codec{}.EncodeResponse(nil, &schema.Operation{Output: all}, in, "id")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(resp.Body, &got); err != nil {
		t.Fatal(err)
	}
	return got
}
