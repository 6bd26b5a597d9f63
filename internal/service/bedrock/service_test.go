package bedrock_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/appprofile"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/resource"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/bedrock"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	sonnet   = "anthropic.claude-3-5-sonnet-20241022-v2:0"
	notFound = "Could not resolve the foundation model from the provided model identifier."
)

// models are the catalog's and one of the operator's own.
type models struct{ *catalog.Catalog }

func (m models) Models(region string) []*catalog.Model {
	return append(m.All(region), &catalog.Model{
		ID: "acme.helper-v1:0", Name: "acme.helper-v1:0", Provider: "Outcrop", InputModalities: []string{"TEXT"}, OutputModalities: []string{"TEXT"}, Streaming: true,
	})
}

func newService(t *testing.T, lifecycle router.Lifecycle, restrictions ...catalog.Restriction) *bedrock.Service {
	t.Helper()
	c, err := catalog.New(restrictions...)
	if err != nil {
		t.Fatal(err)
	}
	state, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return bedrock.New(c, models{c}, bedrock.Params{
		Profiles: appprofile.NewRegistry(resource.Params{Store: state}), Routers: promptrouter.NewRegistry(resource.Params{Store: state}),
		Lifecycle: lifecycle, Now: func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) },
	})
}

func in(ctx context.Context, region string) context.Context {
	return call.With(ctx, &call.Call{Account: "123456789012", Region: region})
}

// TestAnswers holds whole answers, as they travel, against golden files.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, operation, region string
		labels                  map[string]string
		query                   url.Values
	}{
		{"get_model", "GetFoundationModel", "us-east-1", map[string]string{"modelIdentifier": sonnet}, nil},
		{"get_ended_model", "GetFoundationModel", "us-east-1", map[string]string{"modelIdentifier": "anthropic.claude-v2"}, nil},
		{"get_provisioned_model_by_arn", "GetFoundationModel", "us-west-2", map[string]string{"modelIdentifier": "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0:300k"}, nil},
		{"get_own_model", "GetFoundationModel", "us-east-1", map[string]string{"modelIdentifier": "acme.helper-v1:0"}, nil},
		{"list_embedding_models", "ListFoundationModels", "us-east-1", nil, url.Values{"byOutputModality": {"EMBEDDING"}, "byProvider": {"amazon"}}},
		{"get_profile", "GetInferenceProfile", "us-east-1", map[string]string{"inferenceProfileIdentifier": "us." + sonnet}, nil},
		{"get_global_profile_by_arn", "GetInferenceProfile", "eu-west-1", map[string]string{"inferenceProfileIdentifier": "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/global.anthropic.claude-opus-5"}, nil},
		{"list_profiles", "ListInferenceProfiles", "eu-west-1", nil, url.Values{"maxResults": {"2"}, "type": {"SYSTEM_DEFINED"}}},
		{"list_application_profiles", "ListInferenceProfiles", "eu-west-1", nil, url.Values{"type": {"APPLICATION"}}},
		{"availability", "GetFoundationModelAvailability", "us-east-1", map[string]string{"modelId": sonnet}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			svc := newService(t, router.Ignore)
			codec := restjson.Codec{}
			i := slices.IndexFunc(api.Handlers(svc), func(h schema.Handler) bool { return h.Op.Name == tc.operation })
			if i < 0 {
				t.Fatalf("no operation %s", tc.operation)
			}
			h := api.Handlers(svc)[i]
			input, err := codec.DecodeRequest(&schema.Request{Service: api.Schema(), Op: h.Op, Labels: tc.labels, Query: tc.query, Header: http.Header{}})
			if err != nil {
				t.Fatal(err)
			}
			out, err := h.Unary(in(t.Context(), tc.region), input)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := codec.EncodeResponse(api.Schema(), h.Op, out, "")
			if err != nil {
				t.Fatal(err)
			}
			got := string(resp.Body) + "\n"
			goldentest.Check(t, filepath.Join("testdata", tc.name+".json"), got)
			if !json.Valid(resp.Body) {
				t.Error("the answer is not JSON")
			}
		})
	}
}

func TestListFoundationModels(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		lifecycle router.Lifecycle
		input     api.ListFoundationModelsInput
		has, not  []string
	}{
		{"all", router.Ignore, api.ListFoundationModelsInput{},
			[]string{sonnet, "anthropic.claude-v2", "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0:300k", "acme.helper-v1:0"}, []string{"xai.grok-4.3", "us." + sonnet}},
		{"ended models are gone when that is enforced", router.Enforce, api.ListFoundationModelsInput{},
			[]string{"amazon.nova-pro-v1:0"}, []string{sonnet, "anthropic.claude-v2"}},
		{"by provider, in any case", router.Ignore, api.ListFoundationModelsInput{ByProvider: new("ANTHROPIC")}, []string{sonnet}, []string{"amazon.nova-pro-v1:0"}},
		{"by a provider that there is not", router.Ignore, api.ListFoundationModelsInput{ByProvider: new("nobody")}, nil, []string{sonnet}},
		{"by output", router.Ignore, api.ListFoundationModelsInput{ByOutputModality: "IMAGE"}, []string{"amazon.nova-canvas-v1:0"}, []string{sonnet}},
		{"by customization", router.Ignore, api.ListFoundationModelsInput{ByCustomizationType: "FINE_TUNING"}, []string{"amazon.nova-pro-v1:0"}, []string{sonnet}},
		{"provisioned", router.Ignore, api.ListFoundationModelsInput{ByInferenceType: "PROVISIONED"}, []string{"amazon.nova-pro-v1:0:300k"}, []string{sonnet}},
		{"on demand", router.Ignore, api.ListFoundationModelsInput{ByInferenceType: "ON_DEMAND"}, []string{"amazon.nova-pro-v1:0", "anthropic.claude-v2"}, []string{"amazon.nova-pro-v1:0:300k", "anthropic.claude-opus-5-5"}},
		{"filters add up", router.Ignore, api.ListFoundationModelsInput{ByProvider: new("Amazon"), ByOutputModality: "TEXT"}, []string{"amazon.nova-pro-v1:0"}, []string{sonnet, "amazon.nova-canvas-v1:0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, err := newService(t, tc.lifecycle).ListFoundationModels(in(t.Context(), "us-east-1"), &tc.input)
			if err != nil {
				t.Fatal(err)
			}
			ids := make(map[string]bool)
			for _, m := range out.ModelSummaries {
				if ids[*m.ModelId] {
					t.Errorf("%s is listed twice", *m.ModelId)
				}
				ids[*m.ModelId] = true
				if want := "arn:aws:bedrock:us-east-1::foundation-model/" + *m.ModelId; *m.ModelArn != want {
					t.Errorf("got ARN %s, want %s", *m.ModelArn, want)
				}
			}
			for _, id := range tc.has {
				if !ids[id] {
					t.Errorf("%s is missing", id)
				}
			}
			for _, id := range tc.not {
				if ids[id] {
					t.Errorf("%s is listed", id)
				}
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	svc := newService(t, router.Enforce, catalog.Restriction{Match: "meta.*", Regions: []string{"us-east-1"}})
	model := func(ctx context.Context, id string) error {
		_, err := svc.GetFoundationModel(ctx, &api.GetFoundationModelInput{ModelIdentifier: &id})
		return err
	}
	availability := func(ctx context.Context, id string) error {
		_, err := svc.GetFoundationModelAvailability(ctx, &api.GetFoundationModelAvailabilityInput{ModelId: &id})
		return err
	}
	profile := func(ctx context.Context, id string) error {
		_, err := svc.GetInferenceProfile(ctx, &api.GetInferenceProfileInput{InferenceProfileIdentifier: &id})
		return err
	}
	for _, tc := range []struct {
		name, region, id string
		get              func(context.Context, string) error
		kind             fault.Kind
		message          string
	}{
		{"unknown model", "us-east-1", "anthropic.claude-3-5-sonnet-v2", model, fault.NotFound, notFound},
		{"model of another region", "eu-west-1", "meta.llama3-1-8b-instruct-v1:0", model, fault.NotFound, notFound},
		{"ARN of another region", "us-east-1", "arn:aws:bedrock:us-west-2::foundation-model/" + sonnet, model, fault.NotFound, notFound},
		{"ended model", "us-east-1", "anthropic.claude-v2", model, fault.NotFound, notFound},
		{"availability of an unknown model", "us-east-1", "a.b", availability, fault.NotFound, notFound},
		{"unknown profile", "us-east-1", "us.nobody", profile, fault.NotFound, "The inference profile us.nobody does not exist."},
		{"a model is no profile", "us-east-1", sonnet, profile, fault.NotFound, "The inference profile " + sonnet + " does not exist."},
		{"profile of another geography", "eu-west-1", "us." + sonnet, profile, fault.NotFound, "The inference profile us." + sonnet + " does not exist."},
		{"profile ARN of another region", "us-east-1", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us." + sonnet, profile, fault.Invalid, "The provided ARN is invalid for the service region"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := tc.get(in(t.Context(), tc.region), tc.id)
			if err == nil {
				t.Fatal("got no error")
			}
			if f := fault.As(err); f.Kind != tc.kind || f.Message != tc.message {
				t.Errorf("got %s: %q, want %s: %q", f.Kind, f.Message, tc.kind, tc.message)
			}
		})
	}
}

// Page by page, the profiles are the same as all at once.
func TestListInferenceProfilesPages(t *testing.T) {
	t.Parallel()
	svc, ctx := newService(t, router.Ignore), in(t.Context(), "us-east-1")
	whole, err := svc.ListInferenceProfiles(ctx, &api.ListInferenceProfilesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if whole.NextToken != nil || len(whole.InferenceProfileSummaries) < 50 {
		t.Fatalf("got %d profiles and token %v, want all of them", len(whole.InferenceProfileSummaries), whole.NextToken)
	}
	var want, got []string
	for _, p := range whole.InferenceProfileSummaries {
		want = append(want, *p.InferenceProfileId)
		if len(p.Models) == 0 || len(p.Models) > 5 {
			t.Errorf("%s: got %d models, want 1 to 5", *p.InferenceProfileId, len(p.Models))
		}
	}
	var token *string
	for {
		page, err := svc.ListInferenceProfiles(ctx, &api.ListInferenceProfilesInput{MaxResults: new(int32(7)), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.InferenceProfileSummaries); n > 7 || n == 0 {
			t.Fatalf("got a page of %d, want 1 to 7", n)
		}
		for _, p := range page.InferenceProfileSummaries {
			got = append(got, *p.InferenceProfileId)
		}
		if token = page.NextToken; token == nil {
			break
		}
		if strings.Contains(*token, "anthropic") {
			t.Fatalf("token %s is not opaque", *token)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"nonsense", "!", "", "MTp4eA=="} {
		_, err := svc.ListInferenceProfiles(ctx, &api.ListInferenceProfilesInput{NextToken: &bad})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("token %q: got %v, want Invalid", bad, err)
		}
	}
}

// A prompt router is over text models of one family.
func TestPromptRouters(t *testing.T) {
	t.Parallel()
	svc, ctx := newService(t, router.Ignore), in(t.Context(), "us-east-1")
	const haiku, profile = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-5-sonnet-20241022-v2:0"
	ask := func(models ...string) *api.CreatePromptRouterInput {
		in := &api.CreatePromptRouterInput{
			PromptRouterName: new("team"), RoutingCriteria: &api.RoutingCriteria{ResponseQualityDifference: new(10.0)},
			FallbackModel: &api.PromptRouterTargetModel{ModelArn: &models[0]}, Tags: []api.Tag{{Key: new("a"), Value: new("b")}},
		}
		for _, m := range models {
			in.Models = append(in.Models, api.PromptRouterTargetModel{ModelArn: &m})
		}
		return in
	}
	for _, bad := range []string{
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", // of another family
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
		"arn:aws:bedrock:us-east-1::foundation-model/anthropic.none-v1:0",
		"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-3-5-sonnet-20240620-v1:0",
	} {
		if _, err := svc.CreatePromptRouter(ctx, ask(haiku, bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want %v", bad, err, fault.Invalid)
		}
	}
	made, err := svc.CreatePromptRouter(ctx, ask(profile, haiku))
	if err != nil {
		t.Fatal(err)
	}
	got, err := svc.GetPromptRouter(ctx, &api.GetPromptRouterInput{PromptRouterArn: made.PromptRouterArn})
	if err != nil || *got.FallbackModel.ModelArn != profile || len(got.Models) != 2 || *got.RoutingCriteria.ResponseQualityDifference != 10 {
		t.Errorf("got %+v, %v", got, err)
	}
	list, err := svc.ListPromptRouters(ctx, &api.ListPromptRoutersInput{})
	if err != nil || len(list.PromptRouterSummaries) != 1 {
		t.Errorf("got %+v, %v, want one", list, err)
	}
	tags, err := svc.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceARN: made.PromptRouterArn})
	if err != nil || len(tags.Tags) != 1 {
		t.Errorf("got the tags %+v, %v", tags, err)
	}
	if _, err := svc.DeletePromptRouter(ctx, &api.DeletePromptRouterInput{PromptRouterArn: made.PromptRouterArn}); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.GetPromptRouter(ctx, &api.GetPromptRouterInput{PromptRouterArn: made.PromptRouterArn}); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want %v", err, fault.NotFound)
	}
}
