package catalog_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/catalog"
)

func load(t *testing.T, restrictions ...catalog.Restriction) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New(restrictions...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

func TestRecordsAreConsistent(t *testing.T) {
	t.Parallel()
	c := load(t)
	// What bedrock's FoundationModelArn allows; an ID that does not fit could
	// never be listed.
	pattern := regexp.MustCompile(`^[a-z0-9-]{1,63}[.]([a-z0-9-]{1,63}[.]){0,2}[a-z0-9-]{1,63}([:][a-z0-9-]{1,63}){0,2}$`)
	models := c.All("us-east-1")
	if len(models) < 150 {
		t.Fatalf("got %d models, want at least 150", len(models))
	}
	for _, m := range models {
		if !pattern.MatchString(m.ID) {
			t.Errorf("%s: not a model ID", m.ID)
		}
		if m.Provider == "" || m.Name == "" || m.NativeFormat == "" || len(m.InputModalities) == 0 || len(m.OutputModalities) == 0 {
			t.Errorf("%s: an obligatory field is empty", m.ID)
		}
		if m.Kind() == catalog.Embedding && len(m.Dimensions) == 0 {
			t.Errorf("%s: makes embeddings of no size", m.ID)
		}
		if !slices.Contains([]catalog.Lifecycle{"", catalog.Active, catalog.Legacy, catalog.EOL}, m.Lifecycle) {
			t.Errorf("%s: got lifecycle %q", m.ID, m.Lifecycle)
		}
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	c := load(t)
	for id, want := range map[string]catalog.Kind{
		"anthropic.claude-3-5-sonnet-20241022-v2:0": catalog.Text,
		"amazon.titan-embed-text-v2:0":              catalog.Embedding,
		"amazon.nova-canvas-v1:0":                   catalog.Image,
		"amazon.nova-reel-v1:1":                     catalog.Video,
		"amazon.nova-sonic-v1:0":                    catalog.Speech,
		"cohere.rerank-v3-5:0":                      catalog.Rerank,
		"twelvelabs.pegasus-1-2-v1:0":               catalog.Video,
	} {
		m, ok := c.Lookup(id)
		if !ok {
			t.Errorf("Lookup(%s) found nothing", id)
			continue
		}
		if got := m.Kind(); got != want {
			t.Errorf("%s: got kind %s, want %s", id, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, tc := range []struct {
		name, id, want string
	}{
		{"base", "meta.llama3-1-70b-instruct-v1:0", "meta.llama3-1-70b-instruct-v1:0"},
		{"provisioned", "amazon.nova-pro-v1:0:300k", "amazon.nova-pro-v1:0"},
		{"version missing", "anthropic.claude-3-5-sonnet-v2", ""},
		{"profile is not a model", "us.amazon.nova-pro-v1:0", ""},
		{"empty", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, ok := c.Lookup(tc.id)
			if ok != (tc.want != "") {
				t.Fatalf("Lookup(%q): got found %v, want %v", tc.id, ok, tc.want != "")
			}
			if ok && m.ID != tc.want {
				t.Errorf("Lookup(%q): got %s, want %s", tc.id, m.ID, tc.want)
			}
		})
	}
}

func TestRefusesSystem(t *testing.T) {
	t.Parallel()
	c := load(t)
	for id, want := range map[string]bool{
		"anthropic.claude-3-5-sonnet-20241022-v2:0": false,
		"amazon.titan-text-express-v1":              true,
		"deepseek.v3-v1:0":                          false, // not known, so not refused
	} {
		m, _ := c.Lookup(id)
		if got := m.RefusesSystem(); got != want {
			t.Errorf("%s: got %v, want %v", id, got, want)
		}
	}
}

func TestLifecycleAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		model catalog.Model
		want  catalog.Lifecycle
	}{
		{"nothing known", catalog.Model{}, catalog.Active},
		{"active", catalog.Model{Lifecycle: catalog.Active}, catalog.Active},
		{"legacy, last day ahead", catalog.Model{Lifecycle: catalog.Legacy, EOLDate: catalog.Date{Time: now.AddDate(0, 0, 1)}}, catalog.Legacy},
		{"legacy, last day come", catalog.Model{Lifecycle: catalog.Legacy, EOLDate: catalog.Date{Time: now}}, catalog.EOL},
		{"end of life without a date", catalog.Model{Lifecycle: catalog.EOL}, catalog.EOL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := tc.model.LifecycleAt(now); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	c := load(t)
	regions := c.Regions()
	if len(regions) == 0 {
		t.Fatal("got no regions")
	}
	if !slices.IsSortedFunc(regions, func(a, b catalog.Region) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("regions are not sorted by name")
	}
	for _, name := range []string{"us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1", "us-gov-west-1"} {
		if !c.HasRegion(name) {
			t.Errorf("HasRegion(%s): got false", name)
		}
	}
	for _, name := range []string{"", "us-east-9", "bedrock-us-east-1"} {
		if c.HasRegion(name) {
			t.Errorf("HasRegion(%q): got true", name)
		}
	}
	if got, want := c.FoundationModelARN("us-gov-west-1", "amazon.nova-pro-v1:0"), "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRestrictions(t *testing.T) {
	t.Parallel()
	c := load(t,
		catalog.Restriction{Match: "meta.llama3-1-405b*", Regions: []string{"us-west-2"}},
		catalog.Restriction{Match: "meta.*", Regions: []string{"us-west-2", "us-east-1"}},
	)
	for _, tc := range []struct {
		id, region string
		want       bool
	}{
		{"meta.llama3-1-405b-instruct-v1:0", "us-west-2", true},
		{"meta.llama3-1-405b-instruct-v1:0", "us-east-1", false}, // the first match decides
		{"meta.llama3-1-70b-instruct-v1:0", "us-east-1", true},
		{"meta.llama3-1-70b-instruct-v1:0", "eu-west-1", false},
		{"meta.llama3-1-70b-instruct-v1:0", "", true},
		{"amazon.nova-pro-v1:0", "eu-west-1", true},
		{"amazon.nova-pro-v1:0", "mars-north-1", false},
	} {
		m, ok := c.Lookup(tc.id)
		if !ok {
			t.Fatalf("Lookup(%s) found nothing", tc.id)
		}
		if got := c.Offered(m, tc.region); got != tc.want {
			t.Errorf("Offered(%s, %q): got %v, want %v", tc.id, tc.region, got, tc.want)
		}
	}
	for _, m := range c.All("eu-west-1") {
		if strings.HasPrefix(m.ID, "meta.") {
			t.Errorf("eu-west-1 lists %s", m.ID)
		}
	}
	if p, ok := c.Profile("us.meta.llama3-1-405b-instruct-v1:0"); !ok || c.ProfileOffered(p, "us-east-1") {
		t.Error("the profile of a restricted model is offered outside of its regions")
	}
	if _, err := catalog.New(catalog.Restriction{Match: "["}); err == nil {
		t.Error("New with a broken pattern: got no error")
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, tc := range []struct {
		name, id, region string
		offered          bool
		destinations     []string
	}{
		{"at home", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us-west-2", true, []string{
			"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
			"arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
			"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
		}},
		{"abroad", "us.amazon.nova-pro-v1:0", "eu-west-1", false, nil},
		{"government is not the US", "us.amazon.nova-pro-v1:0", "us-gov-west-1", false, nil},
		{"global", "global.anthropic.claude-opus-5", "eu-west-1", true, []string{
			"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-5",
			"arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5",
		}},
		{"global outside of the commercial regions", "global.anthropic.claude-opus-5", "us-gov-west-1", false, nil},
		{"one country", "jp.anthropic.claude-opus-5", "ap-northeast-2", false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, ok := c.Profile(tc.id)
			if !ok {
				t.Fatalf("Profile(%s) found nothing", tc.id)
			}
			if got := c.ProfileOffered(p, tc.region); got != tc.offered {
				t.Fatalf("ProfileOffered: got %v, want %v", got, tc.offered)
			}
			if !tc.offered {
				return
			}
			if diff := cmp.Diff(tc.destinations, c.Destinations(p, tc.region)); diff != "" {
				t.Errorf("Destinations (-want +got):\n%s", diff)
			}
		})
	}
	// The API allows five destinations, 64 characters of name and no dot in it
	// beyond what the models' own names have.
	for _, p := range c.Profiles("") {
		if n := len(c.Destinations(p, "us-east-1")); n < 1 || n > 5 {
			t.Errorf("%s: got %d destinations, want 1 to 5", p.ID, n)
		}
		if n := len(p.Name()); n > 64 {
			t.Errorf("%s: name %q has %d characters, want at most 64", p.ID, p.Name(), n)
		}
		if len(p.ID) > 64 {
			t.Errorf("%s: longer than 64 characters", p.ID)
		}
	}
	for id, want := range map[string]string{
		"us.anthropic.claude-3-5-sonnet-20241022-v2:0": "US Anthropic Claude 3.5 Sonnet v2",
		"us.amazon.nova-pro-v1:0":                      "US Amazon Nova Pro",
	} {
		p, _ := c.Profile(id)
		if got := p.Name(); got != want {
			t.Errorf("%s: got name %q, want %q", id, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     catalog.Identifier
	}{
		{"name", "us.amazon.nova-pro-v1:0", catalog.Identifier{Kind: catalog.NameID, Name: "us.amazon.nova-pro-v1:0"}},
		{"foundation model", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
			catalog.Identifier{Kind: catalog.FoundationModel, Partition: "aws", Region: "us-east-1", Name: "amazon.nova-pro-v1:0"}},
		{"profile", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
			catalog.Identifier{Kind: catalog.SystemProfile, Partition: "aws", Region: "us-east-1", Account: "123456789012", Name: "us.amazon.nova-pro-v1:0"}},
		{"custom model keeps its slash", "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-pro-v1:0/abcdefghijkl",
			catalog.Identifier{Kind: catalog.CustomModel, Partition: "aws", Region: "us-east-1", Account: "123456789012", Name: "amazon.nova-pro-v1:0/abcdefghijkl"}},
		{"prompt version", "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1",
			catalog.Identifier{Kind: catalog.Prompt, Partition: "aws", Region: "us-east-1", Account: "123456789012", Name: "ABCDEFGHIJ:1"}},
		{"default prompt router", "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
			catalog.Identifier{Kind: catalog.PromptRouter, Partition: "aws", Region: "us-east-1", Account: "123456789012", Name: "anthropic.claude:1"}},
		{"SageMaker endpoint", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mine",
			catalog.Identifier{Kind: catalog.Endpoint, Partition: "aws", Region: "us-east-1", Account: "123456789012", Name: "mine"}},
		{"another service", "arn:aws:s3:us-east-1:123456789012:foundation-model/x", catalog.Identifier{Name: "arn:aws:s3:us-east-1:123456789012:foundation-model/x"}},
		{"no resource", "arn:aws:bedrock:us-east-1::foundation-model/", catalog.Identifier{Name: "arn:aws:bedrock:us-east-1::foundation-model/"}},
		{"cut off", "arn:aws:bedrock", catalog.Identifier{Name: "arn:aws:bedrock"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, catalog.Parse(tc.in)); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("amazon.nova-pro-v1:0")
	f.Add("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0")
	f.Add("arn:::::/")
	f.Fuzz(func(t *testing.T, s string) {
		id := catalog.Parse(s)
		switch id.Kind {
		case catalog.NameID, catalog.Unknown:
			if id.Name != s {
				t.Errorf("Parse(%q): got name %q", s, id.Name)
			}
		default:
			if !strings.HasSuffix(s, "/"+id.Name) {
				t.Errorf("Parse(%q): got name %q, which the ARN does not end in", s, id.Name)
			}
		}
	})
}
