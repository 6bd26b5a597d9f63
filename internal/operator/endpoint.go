package operator

import (
	"net/http"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// endpoint is one request of the API.
type endpoint struct {
	method, path string
	operation    string   // whose needs are in package authz's table
	query        []string // the parameters that it takes
	do           func(a *API, q *request) (any, error)
}

// reads reports whether a request changes nothing.
func (e *endpoint) reads() bool {
	return e.method == http.MethodGet || e.operation == "ExplainDecision"
}

// endpoints are all of them.
func endpoints() []endpoint {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	return []endpoint{
		{get, "server", "GetServer", nil, (*API).server},
		{get, "catalog", "GetCatalog", []string{"region"}, (*API).catalog},
		{get, "catalog/{model...}", "GetCatalog", []string{"region"}, (*API).catalogModel},
		{get, "local-models", "ListLocalModels", nil, (*API).localModels},
		{get, "local-models/plan", "PullLocalModel", []string{"source", "name"}, (*API).planPull},
		{get, "local-models/pulls", "ListLocalModels", nil, (*API).listPulls},
		{post, "local-models/pulls", "PullLocalModel", nil, (*API).pullModel},
		{get, "local-models/pulls/{id}", "ListLocalModels", nil, (*API).getPull},
		{del, "local-models/pulls/{id}", "PullLocalModel", nil, (*API).cancelPull},
		{get, "local-models/{model}", "ListLocalModels", nil, (*API).localModel},
		{del, "local-models/{model}", "DeleteLocalModel", nil, (*API).deleteModel},
		{post, "local-models/{model}/load", "LoadLocalModel", nil, (*API).loadModel},
		{post, "local-models/{model}/unload", "LoadLocalModel", nil, (*API).unloadModel},
		{get, "requests", "ListRequests", requestFilters(), (*API).requests},
		{get, "requests/live", "ListRequests", liveFilters(), (*API).live},
		{get, "requests/{id}", "ListRequests", nil, (*API).request},
		{get, "usage", "GetUsage", usageParameters(), (*API).usage},
		{get, "audit", "LookupAudit", auditParameters(), (*API).audit},
		{get, "model-access", "GetModelAccess", []string{"region"}, (*API).modelAccess},
		{get, "access-requests", "ListAccessRequests", []string{"status", "limit", "nextToken"}, (*API).accessRequests},
		{post, "access-requests/approve", "DecideAccessRequest", nil, (*API).approveAccess},
		{post, "access-requests/deny", "DecideAccessRequest", nil, (*API).denyAccess},
		{get, "quota-requests", "ListQuotaRequests", []string{"status", "region", "limit", "nextToken"}, (*API).quotaRequests},
		{post, "quota-requests/approve", "DecideQuotaRequest", nil, (*API).approveQuota},
		{post, "quota-requests/deny", "DecideQuotaRequest", nil, (*API).denyQuota},
		{get, "quota-use", "GetQuotaUse", []string{"region", "model", "used", "limit", "nextToken"}, (*API).quotaUse},
		{post, "iam/explain", "ExplainDecision", nil, (*API).explain},
		{get, "iam/actions", "ExplainDecision", nil, (*API).actions},
		{get, "routes", "ListRoutes", []string{"model", "region"}, (*API).routes},
		{post, "reload", "Reload", nil, (*API).reload},
	}
}

// The names of the service.
const (
	serviceID   = "outcrop"
	serviceName = "Outcrop"
	// bedrock is what requests may be signed for as well, as commands do.
	bedrock = "bedrock"
)

// schemaOf is the table of the operations. It says what they are called and how
// they are signed, and nothing of what they carry.
var schemaOf = newSchema() //nolint:gochecknoglobals // a constant table

// Schema is the table of the operations, for those who decide about them.
func Schema() *schema.Service { return schemaOf }

func newSchema() *schema.Service {
	s := &schema.Service{
		ID: serviceID, Name: serviceName, SigningName: serviceID, Protocol: "rest-json", AlsoSigned: []string{bedrock},
		Auth: []string{"aws.auth#sigv4", "smithy.api#httpBearerAuth"},
	}
	nothing := &schema.Shape{Name: "Nothing", Kind: schema.Structure}
	for _, name := range operationNames {
		s.Operations = append(s.Operations, &schema.Operation{Name: name, Input: nothing, Output: nothing})
	}
	return s
}

// operationNames are those of the table, sorted. ControlScript is that of the
// script's own API, which package app serves.
var operationNames = []string{ //nolint:gochecknoglobals // a constant table
	"ControlScript", "DecideAccessRequest", "DecideQuotaRequest", "DeleteLocalModel", "ExplainDecision", "GetCatalog", "GetModelAccess", "GetQuotaUse",
	"GetServer", "GetUsage", "ListAccessRequests", "ListLocalModels", "ListQuotaRequests", "ListRequests", "ListRoutes", "LoadLocalModel", "LookupAudit",
	"PullLocalModel", "Reload",
}

func operation(name string) *schema.Operation {
	for _, op := range schemaOf.Operations {
		if op.Name == name {
			return op
		}
	}
	panic("there is no operation " + name)
}
