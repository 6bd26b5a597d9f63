package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/outcrop/outcrop/internal/config"
)

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func load(t *testing.T, text string, pairs map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outcrop.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, lines, err := config.Load(path, env(pairs))
	if err != nil {
		return nil, err
	}
	return cfg, cfg.Validate(lines)
}

func TestEnvironmentOverridesFileOverridesDefault(t *testing.T) {
	t.Parallel()
	got, err := load(t, "listen: 127.0.0.1:1\naccount: \"111111111111\"\nengine:\n  memory: 2GiB\n", map[string]string{
		"OUTCROP_LISTEN":               "127.0.0.1:2",
		"OUTCROP_COMPAT_UNKNOWN_MODEL": "validation",
		"OUTCROP_TIMEOUTS_MODEL":       "3s",
		"OUTCROP_ROUTES":               `[{match: "meta.*", model: mine}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Listen, want.Account, want.Engine.Memory = "127.0.0.1:2", "111111111111", 2<<30
	want.Compat.UnknownModel, want.Timeouts.Model = "validation", 3*time.Second
	want.Routes = []config.Route{{Match: "meta.*", Model: "mine"}}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestBadConfigurationNamesItsPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":            {"listen: 127.0.0.1:1\nlisten_on: x\n", "line 2: field listen_on not found"},
		"unknown nested key":     {"compat:\n  unknown: x\n", "line 2: field unknown not found"},
		"wrong type":             {"offline: perhaps\n", "line 1: cannot unmarshal"},
		"bad choice":             {"region: us-east-1\ncompat:\n  lifecycle: maybe\n", `outcrop.yaml:3: compat.lifecycle: "maybe" is not one of ignore, enforce`},
		"auth off for the world": {"listen: 0.0.0.0:8484\nauth: off\n", "auth: off is only allowed on a loopback address"},
		"bad size":               {"engine:\n  memory: lots\n", `"lots" is not a size`},
		"route without model":    {"routes:\n  - match: a\n", "outcrop.yaml:2: routes.0: a route has either model or chain"},
		"health as a URL":        {"backends:\n  a: {type: openai, url: \"http://a/v1\", health: \"http://a/health\"}\n", `outcrop.yaml:2: backends.a: health: "http://a/health" is not a path such as /health`},
		"a region of nobody":     {"backends:\n  a: {type: bedrock, region: callers}\n", `backends.a: "callers" is not a region name, and not caller`},
		"addresses for a script": {"backends:\n  a: {type: scripted, script: x, imageURLs: true}\n", "backends.a: imageURLs is for backends of the types openai and anthropic"},
		"like for a pattern":     {"routes:\n  - {match: \"my.*\", model: m, like: meta.llama3-8b-instruct-v1:0}\n", "like is for one model ID"},
		"half a certificate":     {"tls:\n  key: k.pem\n", "certificate and key go together"},
		"no time at all":         {"timeouts:\n  model: 0s\n", "timeouts.model: must be longer than nothing"},
		"buckets nowhere":        {"objects:\n  endpoint: minio:9000\n", "outcrop.yaml:2: objects.endpoint: is neither aws nor a URL"},
		"buckets with keys":      {"objects:\n  endpoint: https://key:secret@minio:9000\n", "without keys"},
		"price of nothing":       {"prices:\n  - inputPer1M: 1\n", "outcrop.yaml:2: prices.0: a model ID or pattern is needed"},
		"negative price":         {"prices:\n  - {match: a, perQuery: -1}\n", "prices.0: a price is between 0 and"},
		"traces to nowhere":      {"telemetry:\n  otlp:\n    endpoint: collector:4318\n", "telemetry.otlp.endpoint: is not a URL"},
		"traces with keys":       {"telemetry:\n  otlp:\n    endpoint: http://a:b@collector:4318\n", "must be without keys"},
		"too many traces":        {"telemetry:\n  otlp:\n    sample: 2\n", "telemetry.otlp.sample: must be between 0 and 1"},
		"audit of what is not":   {"audit:\n  dataEvents: [prompts]\n", `outcrop.yaml:2: audit.dataEvents: 1: "prompts" is not one of`},
		"audit in no bucket":     {"audit:\n  bucket: ../x\n", `audit.bucket: "../x" is not the name of a bucket`},
		"log without memory":     {"invocationLogs:\n  memory: 0\n", "invocationLogs.memory: must not be less than 1MiB"},
		"not YAML":               {"listen: [\n", "outcrop.yaml: yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.text, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	got := config.UnknownVariables([]string{"PATH=/bin", "OUTCROP_LISTEN=x", "OUTCROP_ENGINE_IDLE_TIMEOUT=1s", "OUTCROP_CONFIG=x", "OUTCROP_LISTN=x", "OUTCROP_ROOT_ACCESS_KEY_ID=x"})
	if diff := cmp.Diff([]string{"OUTCROP_LISTN"}, got); diff != "" {
		t.Errorf("unknown variables (-want +got):\n%s", diff)
	}
}

func TestPrintedConfigurationIsReadBack(t *testing.T) {
	t.Parallel()
	want := config.Default()
	want.Engine.Memory = 3 << 20
	want.Regions = []config.Regional{{Match: "meta.*", Regions: []string{"us-west-2"}}}
	text, err := want.YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, string(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	// An empty list is printed as [] and comes back empty, not nil.
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestReferencePageIsCurrent(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/CONFIGURATION.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Markdown(), string(page)); diff != "" {
		t.Errorf("docs/CONFIGURATION.md is stale, run make generate (-want +got):\n%s", diff)
	}
}

func TestDirectories(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	if got, want := cfg.DataDir(env(map[string]string{"XDG_DATA_HOME": "/x"})), filepath.Join("/x", "outcrop"); got != want {
		t.Errorf("data: got %q, want %q", got, want)
	}
	cfg.Data = "/d"
	if got, want := cfg.ModelsDir(env(nil)), filepath.Join("/d", "models"); got != want {
		t.Errorf("models: got %q, want %q", got, want)
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"0", "512MiB", "8 GiB", "-1", "9223372036854775807TiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := config.ParseSize(text)
		if err != nil {
			return
		}
		back, err := config.ParseSize(size.String())
		if err != nil || back != size {
			t.Errorf("%q is %d, written as %s, read back as %d (%v)", text, size, size, back, err)
		}
	})
}
