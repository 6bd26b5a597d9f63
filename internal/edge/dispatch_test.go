package edge_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/wire/awsjson"
	"github.com/outcrop/outcrop/internal/wire/query"
	"github.com/outcrop/outcrop/internal/wire/rpcv2cbor"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// scoped is an Authenticator whose claims are for the service that the header
// X-Scope names.
type scoped struct{ authn.Off }

type scopedClaim struct {
	authn.Claim

	service string
}

func (s *scoped) Claim(r *http.Request) (authn.Claim, error) {
	c, err := s.Off.Claim(r)
	return scopedClaim{c, r.Header.Get("X-Scope")}, err
}

func (c scopedClaim) Service() string { return c.service }

// watcher is a CloudWatch that has one metric, of the namespace that is asked.
type watcher struct{ cloudwatch.Unimplemented }

func (watcher) ListMetrics(_ context.Context, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	return &cloudwatch.ListMetricsOutput{Metrics: []cloudwatch.Metric{{MetricName: ptr("Here"), Namespace: in.Namespace}}}, nil
}

type quotas struct{ servicequotas.Unimplemented }

func (quotas) ListServices(context.Context, *servicequotas.ListServicesInput) (*servicequotas.ListServicesOutput, error) {
	return &servicequotas.ListServicesOutput{Services: []servicequotas.ServiceInfo{{ServiceCode: ptr("bedrock")}}}, nil
}

const (
	metricsTarget = "GraniteServiceVersion20100801."
	quotasTarget  = "ServiceQuotasV20190624."
	listMetrics   = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
	cborN         = "\xa1\x69Namespace\x61N" // {"Namespace": "N"}
)

// TestProtocols: the same operation is reached by the path of CBOR, by the
// header of AWS JSON and by the parameter of the query protocol, and answers,
// errors too, are in the protocol of the request.
func TestProtocols(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.Authenticator = &scoped{*authn.NewOff("000000000000", "us-east-1")}
		p.Services = append(p.Services,
			edge.Service{
				Schema: cloudwatch.Schema(), Handlers: cloudwatch.Handlers(watcher{}), Codec: rpcv2cbor.Codec{},
				Others: map[string]schema.Codec{"json": awsjson.Codec{}, "query": query.Codec{}},
			},
			edge.Service{Schema: servicequotas.Schema(), Handlers: servicequotas.Handlers(quotas{}), Codec: awsjson.Codec{}})
	})
	cbor := http.Header{"Content-Type": {"application/cbor"}, "Smithy-Protocol": {"rpc-v2-cbor"}}
	form := func(scope string) http.Header {
		return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Scope": {scope}}
	}
	target := func(name, scope string) http.Header {
		return http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {name}, "X-Scope": {scope}}
	}
	for name, tc := range map[string]struct {
		path   string
		header http.Header
		body   string
		status int
		typ    string
		want   []string // parts of the body
	}{
		"CBOR":                    {listMetrics, cbor, cborN, 200, "application/cbor", []string{"\x6aMetricName\x64Here", "\x69Namespace\x61N"}},
		"CBOR without a body":     {listMetrics, http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}, "", 200, "application/cbor", []string{"\x64Here"}},
		"CBOR of no operation":    {"/service/GraniteServiceVersion20100801/operation/Nothing", cbor, cborN, 404, "application/cbor", []string{"UnknownOperationException"}},
		"CBOR that is none":       {listMetrics, cbor, "\xff", 400, "application/cbor", []string{"SerializationException"}},
		"CBOR without the header": {listMetrics, http.Header{"Content-Type": {"application/cbor"}}, cborN, 400, "application/cbor", []string{"SerializationException"}},
		"CBOR against the rules":  {listMetrics, cbor, "\xa1\x69Namespace\x60", 400, "application/cbor", []string{"ValidationException"}},
		"CBOR, not built":         {"/service/GraniteServiceVersion20100801/operation/ListDashboards", cbor, "\xa0", 400, "application/cbor", []string{"ListDashboards"}},
		"CBOR for another":        {"/service/ServiceQuotasV20190624/operation/ListServices", cbor, "\xa0", 404, "application/x-amz-json-1.1", []string{"UnknownOperationException"}},
		"CBOR for nobody":         {"/service/Nobody/operation/ListServices", cbor, "\xa0", 404, "application/json", []string{"UnknownOperationException"}},
		"JSON":                    {"/", target(metricsTarget+"ListMetrics", "monitoring"), `{"Namespace":"N"}`, 200, "application/x-amz-json-1.0", []string{`"MetricName":"Here"`, `"Namespace":"N"`}},
		"JSON without a scope":    {"/", target(metricsTarget+"ListMetrics", ""), `{"Namespace":"N"}`, 200, "application/x-amz-json-1.0", []string{`"MetricName":"Here"`}},
		"JSON of no operation":    {"/", target(metricsTarget+"Nothing", "monitoring"), `{}`, 404, "application/x-amz-json-1.0", []string{"UnknownOperationException"}},
		"JSON that is none":       {"/", target(metricsTarget+"ListMetrics", "monitoring"), `{`, 400, "application/x-amz-json-1.0", []string{"SerializationException"}},
		"JSON of another":         {"/", target(quotasTarget+"ListServices", "servicequotas"), `{}`, 200, "application/x-amz-json-1.1", []string{`"ServiceCode":"bedrock"`}},
		"query":                   {"/", form("monitoring"), "Action=ListMetrics&Version=2010-08-01&Namespace=N", 200, "text/xml", []string{"<MetricName>Here</MetricName>", "<Namespace>N</Namespace>"}},
		"query in the URL":        {"/?Action=ListMetrics&Namespace=N", http.Header{"X-Scope": {"monitoring"}}, "", 200, "text/xml", []string{"<Namespace>N</Namespace>"}},
		"query of no operation":   {"/", form("monitoring"), "Action=Nothing", 400, "text/xml", []string{"<Code>InvalidAction</Code>"}},
		"query without an action": {"/", form("monitoring"), "Namespace=N", 400, "text/xml", []string{"<Code>MissingAction</Code>"}},
		"query without a scope":   {"/", form(""), "Action=ListMetrics", 400, "text/xml", []string{"<Code>InvalidAction</Code>"}}, // STS has none
		"query for another":       {"/", form("servicequotas"), "Action=ListServices", 404, "application/x-amz-json-1.1", []string{"UnknownOperationException"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = tc.header.Clone()
			response, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tc.status || response.Header.Get("Content-Type") != tc.typ {
				t.Errorf("got %d %s, want %d %s: %q", response.StatusCode, response.Header.Get("Content-Type"), tc.status, tc.typ, body)
			}
			for _, part := range tc.want {
				if !strings.Contains(string(body), part) {
					t.Errorf("got %q, want it to have %q", body, part)
				}
			}
			if isCBOR := tc.typ == "application/cbor"; isCBOR != (response.Header.Get("Smithy-Protocol") == "rpc-v2-cbor") {
				t.Errorf("smithy-protocol: got %q", response.Header.Get("Smithy-Protocol"))
			}
		})
	}
}
