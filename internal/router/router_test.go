package router_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
)

const (
	sonnet = "anthropic.claude-3-5-sonnet-20241022-v2:0"
	llama  = "meta.llama3-1-70b-instruct-v1:0"
	titan  = "amazon.titan-embed-text-v2:0"
)

// plain is a backend with no optional powers, which notes what it was asked.
type plain struct {
	model  string
	closed int
}

func (p *plain) Generate(_ context.Context, req *inference.Request, _ func(inference.Event) error) error {
	p.model = req.Model
	return nil
}

func (p *plain) Close() error {
	p.closed++
	return nil
}

// able is a backend with all of them.
type able struct{ plain }

func (a *able) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	return &inference.Embeddings{Model: req.Model}, nil
}
func (a *able) CountTokens(context.Context, *inference.Request) (int, error) { return 7, nil }
func (a *able) CountTexts(_ context.Context, req *inference.TokenizeRequest) ([]int, error) {
	return []int{len(req.Model), len(req.Texts)}, nil
}
func (a *able) Describe(_ context.Context, model string) (*inference.ModelInfo, error) {
	return &inference.ModelInfo{Name: model}, nil
}

func (a *able) Rerank(_ context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	return &inference.Reranking{Model: req.Model, Scores: make([]float64, len(req.Documents))}, nil
}

func newRouter(t *testing.T, p router.Params, restrictions ...catalog.Restriction) *router.Router {
	t.Helper()
	c, err := catalog.New(restrictions...)
	if err != nil {
		t.Fatalf("catalog.New: %v", err)
	}
	if p.DefaultBackend == "" {
		p.DefaultBackend = "llamacpp"
	}
	r, err := router.New(c, map[string]inference.Backend{"llamacpp": &able{}, "other": &plain{}}, p)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return r
}

func defaults() router.Params {
	return router.Params{
		DefaultChat: "smollm2-135m-instruct", DefaultEmbedding: "all-minilm-l6-v2",
		Now: func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) },
	}
}

// summary is a Target without its record.
type summary struct {
	ModelID, ProfileID, ARN, ServedBy string
	StandIn                           bool
}

func TestResolve(t *testing.T) {
	t.Parallel()
	r := newRouter(t, defaults())
	for _, tc := range []struct {
		name, id, region string
		want             summary
	}{
		{"base ID", sonnet, "us-east-1", summary{sonnet, "", "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet, "llamacpp/smollm2-135m-instruct", true}},
		{"model ARN", "arn:aws:bedrock:us-west-2::foundation-model/" + llama, "us-west-2",
			summary{llama, "", "arn:aws:bedrock:us-west-2::foundation-model/" + llama, "llamacpp/smollm2-135m-instruct", true}},
		{"profile ID", "eu." + "amazon.nova-pro-v1:0", "eu-west-1",
			summary{"amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0", "arn:aws:bedrock:eu-west-1:000000000000:inference-profile/eu.amazon.nova-pro-v1:0", "llamacpp/smollm2-135m-instruct", true}},
		{"profile ARN of another account", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + sonnet, "us-east-1",
			summary{sonnet, "us." + sonnet, "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us." + sonnet, "llamacpp/smollm2-135m-instruct", true}},
		{"global profile", "global.anthropic.claude-opus-5", "eu-north-1",
			summary{"anthropic.claude-opus-5", "global.anthropic.claude-opus-5", "arn:aws:bedrock:eu-north-1:000000000000:inference-profile/global.anthropic.claude-opus-5", "llamacpp/smollm2-135m-instruct", true}},
		{"provisioned ID", "anthropic.claude-3-haiku-20240307-v1:0:48k", "us-east-1",
			summary{"anthropic.claude-3-haiku-20240307-v1:0", "", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", "llamacpp/smollm2-135m-instruct", true}},
		{"embedding", titan, "us-east-1", summary{titan, "", "arn:aws:bedrock:us-east-1::foundation-model/" + titan, "llamacpp/all-minilm-l6-v2", true}},
		{"end of life is ignored", "anthropic.claude-v2", "us-east-1",
			summary{"anthropic.claude-v2", "", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2", "llamacpp/smollm2-135m-instruct", true}},
		{"no region", sonnet, "", summary{sonnet, "", "arn:aws:bedrock:::foundation-model/" + sonnet, "llamacpp/smollm2-135m-instruct", true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Resolve(t.Context(), tc.id, tc.region, "000000000000", "")
			if err != nil {
				t.Fatalf("Resolve: %v", err)
			}
			if got.Entry == nil || got.Entry.ID != tc.want.ModelID {
				t.Errorf("got entry %v, want that of %s", got.Entry, tc.want.ModelID)
			}
			if diff := cmp.Diff(tc.want, summary{got.ModelID, got.ProfileID, got.ARN, got.ServedBy, got.StandIn}); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	notFound   = "Could not resolve the foundation model from the provided model identifier."
	notText    = "This action doesn't support the model that you provided. Try again with a supported text or chat model."
	foreignARN = "The provided ARN is invalid for the service region"
)

func TestResolveErrors(t *testing.T) {
	t.Parallel()
	enforce, validation := defaults(), defaults()
	enforce.Lifecycle, validation.UnknownModel = router.Enforce, router.Validation
	for _, tc := range []struct {
		name       string
		params     router.Params
		id, region string
		want       catalog.Kind
		kind       fault.Kind
		message    string
	}{
		{"unknown ID", defaults(), "anthropic.claude-3-5-sonnet-v2", "us-east-1", "", fault.NotFound, notFound},
		{"unknown ID where regions say validation", validation, "anthropic.claude-3-5-sonnet-v2", "us-east-1", "", fault.Invalid, "The provided model identifier is invalid."},
		{"not offered in the region", defaults(), "meta.llama2-13b-chat-v1", "eu-west-1", "", fault.NotFound, notFound},
		{"region without Bedrock", defaults(), sonnet, "mars-north-1", "", fault.NotFound, notFound},
		{"profile of another geography", defaults(), "us." + sonnet, "eu-west-1", "", fault.NotFound, notFound},
		{"unknown prefix", defaults(), "mars." + sonnet, "us-east-1", "", fault.NotFound, notFound},
		{"model ARN of another region", defaults(), "arn:aws:bedrock:us-west-2::foundation-model/" + sonnet, "us-east-1", "", fault.NotFound, notFound},
		{"model ARN of another partition", defaults(), "arn:aws-us-gov:bedrock:us-east-1::foundation-model/" + sonnet, "us-east-1", "", fault.NotFound, notFound},
		{"profile ARN of another region", defaults(), "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us." + sonnet, "us-east-1", "", fault.Invalid, foreignARN},
		{"ARN of a profile that is a model", defaults(), "arn:aws:bedrock:us-east-1:123456789012:inference-profile/" + sonnet, "us-east-1", "", fault.NotFound, notFound},
		{"provisioned model without a route", defaults(), "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl", "us-east-1", "", fault.NotFound, notFound},
		{"not a Bedrock ARN", defaults(), "arn:aws:s3:::bucket", "us-east-1", "", fault.NotFound, notFound},
		{"prompt ARN", defaults(), "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ", "us-east-1", "", fault.Unsupported, "Outcrop does not resolve prompt ARNs yet. Pass a model ID and the prompt's messages."},
		{"only on the other endpoint", defaults(), "xai.grok-4.3", "us-east-1", "", fault.NotFound, notFound},
		{"embedding model for chat", defaults(), titan, "us-east-1", catalog.Text, fault.Invalid, notText},
		{"image model for chat", defaults(), "amazon.nova-canvas-v1:0", "us-east-1", catalog.Text, fault.Invalid, notText},
		{"image model", defaults(), "amazon.nova-canvas-v1:0", "us-east-1", "", fault.Unsupported, "Model amazon.nova-canvas-v1:0 is of kind image, and no backend for that kind is configured."},
		{"text model for embedding", defaults(), sonnet, "us-east-1", catalog.Embedding, fault.Invalid, "This action doesn't support the model that you provided. Try again with a supported embedding model."},
		{"text model for reranking", defaults(), sonnet, "us-east-1", catalog.Rerank, fault.Invalid, "This action doesn't support the model that you provided. Try again with a supported reranker model."},
		{"end of life enforced", enforce, "anthropic.claude-v2", "us-east-1", "", fault.NotFound, "This model version has reached the end of its life. Please refer to the AWS documentation for more details."},
		{"legacy enforced", enforce, "twelvelabs.marengo-embed-2-7-v1:0", "us-east-1", "", fault.NotFound, "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days. Please upgrade to an active model on Amazon Bedrock"},
		{"no default", router.Params{}, sonnet, "us-east-1", "", fault.Unsupported, "No local model is configured to answer for model " + sonnet + "."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRouter(t, tc.params, catalog.Restriction{Match: "meta.llama2*", Regions: []string{"us-east-1"}})
			target, err := r.Resolve(t.Context(), tc.id, tc.region, "000000000000", tc.want)
			if err == nil {
				t.Fatalf("got target %+v, want an error", target)
			}
			f := fault.As(err)
			if f.Kind != tc.kind || f.Message != tc.message {
				t.Errorf("got %s: %q, want %s: %q", f.Kind, f.Message, tc.kind, tc.message)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	p := defaults()
	p.Routes = []router.Route{
		{Match: "meta.llama3-1-8b-*", Model: "llama-8b"},
		{Match: "meta.llama3-*", Model: "hf.co/some/repo:Q4_K_M"},
		{Match: "us." + sonnet, Model: "other/big"},
		{Match: sonnet, Model: "other/small"},
		{Match: "acme.helper-v1:0", Model: "helper", Like: llama},
		{Match: "acme.vectors", Model: "vectors", Like: titan},
		{Match: "acme.plain", Model: "plain"},
		{Match: "acme.*", Model: "never"},
		{Match: "xai.grok-4.3", Model: "grok"},
		{Match: "arn:aws:bedrock:*:*:provisioned-model/*", Model: "reserved", Like: sonnet},
	}
	r := newRouter(t, p)
	for _, tc := range []struct {
		name, id, servedBy, format string
		standIn                    bool
	}{
		{"first match wins", "meta.llama3-1-8b-instruct-v1:0", "llamacpp/llama-8b", "meta-llama", true},
		{"a name with slashes", llama, "llamacpp/hf.co/some/repo:Q4_K_M", "meta-llama", true},
		{"a profile of its own", "us." + sonnet, "other/big", "anthropic-messages", true},
		{"its base model", sonnet, "other/small", "anthropic-messages", true},
		{"by ARN", "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet, "other/small", "anthropic-messages", true},
		{"an ID of one's own", "acme.helper-v1:0", "llamacpp/helper", "meta-llama", false},
		{"an embedding ID of one's own", "acme.vectors", "llamacpp/vectors", "titan-embed-v2", false},
		{"an ID of one's own without a format", "acme.plain", "llamacpp/plain", "", false},
		{"a model of the other endpoint", "xai.grok-4.3", "llamacpp/grok", "openai-chat", true},
		{"a provisioned model", "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl", "llamacpp/reserved", "anthropic-messages", false},
		{"no route", "amazon.nova-pro-v1:0", "llamacpp/smollm2-135m-instruct", "nova-messages", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Resolve(t.Context(), tc.id, "us-east-1", "000000000000", "")
			if err != nil {
				t.Fatalf("Resolve: %v", err)
			}
			if got.ServedBy != tc.servedBy || got.StandIn != tc.standIn || got.Entry.NativeFormat != tc.format {
				t.Errorf("got %s, stand-in %v, format %q, want %s, %v, %q", got.ServedBy, got.StandIn, got.Entry.NativeFormat, tc.servedBy, tc.standIn, tc.format)
			}
			if got.ServedBy != got.Backend+"/"+got.Model {
				t.Errorf("got %s, which is not %s and %s", got.ServedBy, got.Backend, got.Model)
			}
		})
	}
	// A pattern makes no ID of a mistyped one.
	if _, err := r.Resolve(t.Context(), "acme.helper-v2:0", "us-east-1", "", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("an ID that only a pattern matches: got %v, want NotFound", err)
	}
	var own []string
	for _, m := range r.Models("us-east-1") {
		if strings.HasPrefix(m.ID, "acme.") {
			own = append(own, m.ID)
		}
	}
	if diff := cmp.Diff([]string{"acme.helper-v1:0", "acme.vectors", "acme.plain"}, own); diff != "" {
		t.Errorf("own IDs among Models (-want +got):\n%s", diff)
	}
	want := []router.Assignment{
		{"meta.llama3-1-8b-*", "llamacpp/llama-8b", true},
		{"meta.llama3-*", "llamacpp/hf.co/some/repo:Q4_K_M", true},
		{"us." + sonnet, "other/big", true},
		{sonnet, "other/small", true},
		{"acme.helper-v1:0", "llamacpp/helper", false},
		{"acme.vectors", "llamacpp/vectors", false},
		{"acme.plain", "llamacpp/plain", false},
		{"acme.*", "llamacpp/never", true},
		{"xai.grok-4.3", "llamacpp/grok", true},
		{"arn:aws:bedrock:*:*:provisioned-model/*", "llamacpp/reserved", false},
		{"every other text model", "llamacpp/smollm2-135m-instruct", true},
		{"every other text-embedding model", "llamacpp/all-minilm-l6-v2", true},
		{"every other rerank model", "llamacpp/all-minilm-l6-v2", true},
	}
	if diff := cmp.Diff(want, r.Assignments()); diff != "" {
		t.Errorf("Assignments (-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	two := map[string]inference.Backend{"a": &plain{}, "b": &plain{}}
	for _, tc := range []struct {
		name   string
		params router.Params
	}{
		{"no default backend", router.Params{DefaultChat: "model"}},
		{"an unknown default backend", router.Params{DefaultChat: "model", DefaultBackend: "c"}},
		{"a broken pattern", router.Params{DefaultBackend: "a", Routes: []router.Route{{Match: "[", Model: "m"}}}},
		{"an empty pattern", router.Params{DefaultBackend: "a", Routes: []router.Route{{Model: "m"}}}},
		{"a route to nothing", router.Params{DefaultBackend: "a", Routes: []router.Route{{Match: "*"}}}},
		{"like a model that there is not", router.Params{DefaultBackend: "a", Routes: []router.Route{{Match: "acme.x", Model: "m", Like: "acme.y"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := router.New(c, two, tc.params); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestRouterIsABackend(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	full, bare := &able{}, &plain{}
	r, err := router.New(c, map[string]inference.Backend{"full": full, "bare": bare}, router.Params{})
	if err != nil {
		t.Fatal(err)
	}
	req := &inference.Request{Model: "full/hf.co/a/b"}
	if err := r.Generate(t.Context(), req, nil); err != nil {
		t.Fatalf("Generate: %v", err)
	}
	if full.model != "hf.co/a/b" || req.Model != "full/hf.co/a/b" {
		t.Errorf("the backend was asked for %q and the request changed to %q", full.model, req.Model)
	}
	if err := r.Generate(t.Context(), &inference.Request{Model: "gone/x"}, nil); !fault.Is(err, fault.Internal) {
		t.Errorf("Generate with no such backend: got %v, want an internal error", err)
	}
	if n, err := r.CountTokens(t.Context(), req); err != nil || n != 7 {
		t.Errorf("CountTokens: got %d, %v, want 7", n, err)
	}
	if info, err := r.Describe(t.Context(), "full/m"); err != nil || info.Name != "m" {
		t.Errorf("Describe: got %v, %v, want m", info, err)
	}
	if e, err := r.Embed(t.Context(), &inference.EmbedRequest{Model: "full/e"}); err != nil || e.Model != "e" {
		t.Errorf("Embed: got %v, %v, want e", e, err)
	}
	if _, err := r.Embed(t.Context(), &inference.EmbedRequest{Model: "bare/e"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("Embed without the power: got %v, want Unsupported", err)
	}
	ranking := &inference.RerankRequest{Model: "full/r", Query: "q", Documents: []string{"a", "b"}}
	if got, err := r.Rerank(t.Context(), ranking); err != nil || got.Model != "r" || len(got.Scores) != 2 || ranking.Model != "full/r" {
		t.Errorf("Rerank: got %v, %v, want two scores of r", got, err)
	}
	if _, err := r.Rerank(t.Context(), &inference.RerankRequest{Model: "bare/r"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("Rerank without the power: got %v, want Unsupported", err)
	}
	if _, err := r.CountTokens(t.Context(), &inference.Request{Model: "bare/m"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("CountTokens without the power: got %v, want Invalid", err)
	}
	if n, err := r.CountTexts(t.Context(), &inference.TokenizeRequest{Model: "full/e", Texts: []string{"a", "b"}}); err != nil || !slices.Equal(n, []int{1, 2}) {
		t.Errorf("CountTexts: got %v, %v, want [1 2]", n, err)
	}
	if _, err := r.CountTexts(t.Context(), &inference.TokenizeRequest{Model: "bare/e"}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("CountTexts without the power: got %v, want Unsupported", err)
	}
	if err := r.Close(); err != nil || full.closed != 1 || bare.closed != 1 {
		t.Errorf("Close: got %v, closed %d and %d times, want once each", err, full.closed, bare.closed)
	}
}
