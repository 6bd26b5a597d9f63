package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/restjson"
)

// disambiguate picks among the operations of several services that share a
// method and path. Only two routes of the Bedrock family do:
//   - /tags/{resourceArn}: the ARN's resource type says which service owns it;
//   - POST /agents/{id}: InvokeInlineAgent has a body, PrepareAgent has none.
//
// The first candidate is the answer when nothing tells them apart.
func disambiguate(r *http.Request, candidates []restjson.Match) int {
	find := func(service string) int {
		return max(0, slices.IndexFunc(candidates, func(m restjson.Match) bool { return m.Service.ID == service }))
	}
	first := candidates[0]
	if arn, ok := first.Labels["resourceArn"]; ok {
		return find(tagOwner(arn))
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/agents/") {
		if r.ContentLength != 0 {
			return find("bedrock-agent-runtime")
		}
		return find("bedrock-agent")
	}
	return 0
}

// tagOwner names the service whose TagResource takes an ARN: the runtime for
// what only it makes, the control plane for the rest.
func tagOwner(arn string) string {
	fields := strings.SplitN(arn, ":", 6)
	kind, _, _ := strings.Cut(fields[len(fields)-1], "/")
	if kind == "session" {
		return "bedrock-agent-runtime"
	}
	return "bedrock-agent"
}
