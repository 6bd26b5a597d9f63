// Package layers holds the tests that keep the packages in their layers and
// described. It contains nothing but tests and nobody imports it.
//
// .golangci.yml states the most important of these rules once more, because an
// editor shows a linter's complaint while one types. This test is the complete
// list, sees every platform, and fails when a rule names what no longer exists.
package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const module = "github.com/outcrop/outcrop/"

// group is a set of packages that may import the same things. Patterns are
// relative to the module; a trailing "/..." means the package and all below.
type group struct {
	name     string
	packages []string
	imports  []string // packages of this module that they may import, beside those of foundation
	vendors  []string // packages of other modules that they may import
	why      string
}

// foundation is what everything may import: the error words.
const foundation = "internal/fault"

// groups are the layers from the bottom up. Each package belongs to exactly one.
var groups = []group{
	{
		name:     "fault and wire",
		packages: []string{"internal/fault", "internal/wire/..."},
		imports:  []string{"internal/wire/..."},
		why:      "formats are written with the standard library alone, and know nothing of what they carry",
	},
	{
		name:     "api",
		packages: []string{"internal/api/..."},
		imports:  []string{"internal/wire/schema"},
		why:      "generated code is data; logic goes to wire, once",
	},
	{
		name:     "ports",
		packages: []string{"internal/inference", "internal/native", "internal/store", "internal/knowledge"},
		imports:  []string{"internal/inference"},
		why:      "a port that knew an adapter or the AWS types would drag both into every other one",
	},
	{
		name: "parts",
		packages: []string{
			"internal/certificate", "internal/dualstack", "internal/fetch", "internal/forward", "internal/gguf/...", "internal/iam/...",
			"internal/library/...", "internal/machine", "internal/outbound", "internal/overload", "internal/pack/...", "internal/periodic", "internal/profile", "internal/progress", "internal/subprocess",
		},
		imports: []string{
			"internal/fetch", "internal/gguf/...", "internal/iam/...", "internal/library/...", "internal/outbound", "internal/pack/...", "internal/progress",
		},
		vendors: []string{"github.com/gofrs/flock", "github.com/schollz/progressbar/v3", "golang.org/x/..."},
		why:     "files, downloads and keys serve any model and any API",
	},
	{
		name:     "documents",
		packages: []string{"internal/document/..."},
		imports:  []string{"internal/document/..."},
		vendors: []string{
			"github.com/gabriel-vasile/mimetype", "github.com/tetratelabs/wazero/...", "github.com/xuri/excelize/v2", "golang.org/x/net/html/...",
			"golang.org/x/text/...",
		},
		why: "what opens strangers' files sees nothing but the file",
	},
	{
		name:     "databases",
		packages: []string{"internal/sqlite", "internal/store/..."},
		imports:  []string{"internal/clocktest", "internal/sqlite", "internal/store/..."},
		vendors:  []string{"modernc.org/sqlite/...", "github.com/google/go-cmp/cmp/..."},
		why:      "a store keeps documents of resources that it does not know",
	},
	{
		name:     "knowledge adapters",
		packages: []string{"internal/knowledge/source/...", "internal/knowledge/index/...", "internal/vector/...", "internal/fulltext/..."},
		imports: []string{
			"internal/knowledge", "internal/knowledge/index/...", "internal/knowledge/source/...", "internal/outbound", "internal/sqlite", "internal/vector/...",
			"internal/fulltext/...",
		},
		vendors: []string{
			"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...", "modernc.org/sqlite/...",
			"golang.org/x/text/...", "github.com/google/go-cmp/cmp/...",
		},
		why: "where documents come from and where chunks are kept is known by the ports alone",
	},
	{
		name: "knowledge logic",
		packages: []string{
			"internal/chunk/...", "internal/knowledge/registry/...", "internal/knowledge/ingest/...", "internal/knowledge/embed/...", "internal/knowledge/retrieve/...",
			"internal/knowledge/answer/...",
		},
		imports: []string{
			"internal/catalog", "internal/chunk/...", "internal/document", "internal/embedding", "internal/inference", "internal/knowledge",
			"internal/knowledge/answer", "internal/knowledge/registry", "internal/knowledge/retrieve/...", "internal/router", "internal/store",
		},
		vendors: []string{"github.com/clipperhouse/uax29/v2/..."},
		why:     "the rules of knowledge bases see ports, never a database, a bucket or a file format",
	},
	{
		name:     "buckets",
		packages: []string{"internal/bucket/..."},
		imports:  []string{"internal/bucket/...", "internal/delivery", "internal/iam/...", "internal/sigv4"},
		vendors:  []string{"github.com/versity/versitygw/...", "github.com/gofiber/fiber/v3/...", "github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...", "golang.org/x/..."},
		why:      "the S3 server is somebody else's; only this folder knows whose",
	},
	{
		name:     "config",
		packages: []string{"internal/config"},
		vendors:  []string{"gopkg.in/yaml.v3"},
		why:      "the configuration is one struct that app takes apart; a package that it configures must not need all of it",
	},
	{
		name:     "model families",
		packages: []string{"internal/native/..."},
		imports:  []string{"internal/chatcompletions", "internal/inference", "internal/messages", "internal/native/...", "internal/wire/picture"},
		why:      "a family translates between its own JSON and the hub, and does nothing else",
	},
	{
		name:     "engine",
		packages: []string{"internal/chat", "internal/embedding", "internal/runner/..."},
		imports:  []string{"internal/chat", "internal/inference", "internal/runner/..."},
		vendors:  []string{"github.com/dop251/goja/...", "github.com/ebitengine/purego/...", "golang.org/x/...", "gonum.org/v1/gonum/mat"},
		why:      "the runner is a program of its own: what it links, it must be able to load without the server",
	},
	{
		name:     "formats",
		packages: []string{"internal/chatcompletions", "internal/messages"},
		imports:  []string{"internal/inference", "internal/wire/jsontext", "internal/wire/picture"},
		vendors:  []string{"github.com/google/go-cmp/cmp/..."},
		why:      "a vendor's format is translated to the hub and back in one place, for the servers that speak it, the bodies of native calls and the doors",
	},
	{
		name:     "Converse",
		packages: []string{"internal/converse"},
		imports:  []string{"internal/api/bedrockruntime", "internal/inference", "internal/wire/..."},
		vendors:  []string{"github.com/google/go-cmp/cmp/..."},
		why:      "AWS's conversation is translated to the hub and back in one place, for the service and for the backend that asks AWS",
	},
	{
		name: "remote adapters",
		packages: []string{
			"internal/inference/anthropic/...", "internal/inference/bedrock/...", "internal/inference/managed/...", "internal/inference/openai/...",
			"internal/inference/remote/...", "internal/inference/scripted/...",
		},
		imports: []string{
			"internal/chatcompletions", "internal/messages", "internal/converse", "internal/api/bedrockruntime", "internal/wire/...", "internal/inference",
			"internal/inference/remote", "internal/outbound", "internal/sigv4", "internal/iam", "internal/subprocess",
		},
		vendors: []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...", "gopkg.in/yaml.v3", "golang.org/x/..."},
		why:     "an adapter speaks the hub's language to one vendor; it knows no other adapter and no service",
	},
	{
		name:     "adapters",
		packages: []string{"internal/inference/llamacpp/..."},
		imports: []string{
			"internal/chat", "internal/embedding", "internal/gguf/...", "internal/inference", "internal/inference/llamacpp", "internal/library/...",
			"internal/machine", "internal/pack/...", "internal/progress", "internal/runner/...", "internal/subprocess",
		},
		why: "an adapter speaks the hub's language to one vendor; it knows no other adapter, no AWS type and no service",
	},
	{
		name:     "fakes and contract suites",
		packages: []string{"internal/inference/backendtest", "internal/inference/mem", "internal/native/nativetest", "internal/pack/packtest", "internal/iam/credential/credentialtest", "internal/goldentest", "internal/clocktest"},
		imports:  []string{"internal/goldentest", "internal/iam/...", "internal/inference", "internal/native", "internal/pack/...", "internal/progress", "internal/store/sqlitestore"},
		vendors:  []string{"github.com/google/go-cmp/cmp/..."},
		why:      "a suite tests a port through the port alone, so that every adapter can run it",
	},
	{
		name:     "list of adapters",
		packages: []string{"internal/inference/all"},
		imports:  []string{"internal/catalog", "internal/config", "internal/forward", "internal/inference/...", "internal/outbound", "internal/subprocess"},
		why:      "it builds each adapter from the configuration, and does nothing else",
	},
	{
		name:     "logic",
		packages: []string{"internal/apikey", "internal/authn", "internal/call", "internal/catalog", "internal/router/...", "internal/sigv4"},
		imports: []string{
			"internal/apikey", "internal/catalog", "internal/iam/...", "internal/inference", "internal/router/failover", "internal/sigv4",
			"internal/wire/eventstream", "internal/wire/schema",
		},
		why: "logic sees ports, never who implements them, nor AWS's types",
	},
	{
		name:     "telemetry",
		packages: []string{"internal/telemetry/..."},
		imports:  []string{"internal/call", "internal/observe", "internal/sqlite", "internal/telemetry/..."},
		vendors:  []string{"github.com/prometheus/client_golang/...", "go.opentelemetry.io/otel/..."},
		why:      "what counts requests sees what observers see, and keeps its numbers itself",
	},
	{
		name:     "ports of governance",
		packages: []string{"internal/policy/...", "internal/admission", "internal/observe"},
		imports:  []string{"internal/call", "internal/catalog", "internal/iam", "internal/wire/schema"},
		why:      "what decides about a call and what watches it are told of the call, and of nothing that serves it",
	},
	{
		name:     "bill",
		packages: []string{"internal/budget", "internal/ledger", "internal/price"},
		imports: []string{
			"internal/admission", "internal/call", "internal/catalog", "internal/iam", "internal/ledger", "internal/observe", "internal/periodic", "internal/price",
			"internal/sqlite", "internal/store", "internal/wire/jsontext", "internal/wire/schema",
		},
		vendors: []string{"github.com/gofrs/flock"},
		why:     "what a call cost is written down and counted without knowing who served it",
	},
	{
		name:     "logs",
		packages: []string{"internal/audit", "internal/delivery", "internal/logfile", "internal/invocationlog"},
		imports: []string{
			"internal/call", "internal/delivery", "internal/iam", "internal/logfile", "internal/observe", "internal/store", "internal/wire/schema",
		},
		why: "what keeps records of calls sees what observers see, and ports for where the records go",
	},
	{
		name:     "governance",
		packages: []string{"internal/iam/credential", "internal/iam/directory", "internal/policy/managed"},
		imports:  []string{"internal/iam/...", "internal/policy/...", "internal/store"},
		vendors:  []string{"golang.org/x/sync/singleflight"},
		why:      "what governs keeps its state in the store and sees no AWS type, and nothing of what serves calls",
	},
	{
		name:     "authorization",
		packages: []string{"internal/authz"},
		imports:  []string{"internal/call", "internal/catalog", "internal/iam", "internal/iam/directory", "internal/observe", "internal/policy", "internal/wire/schema"},
		why:      "what an operation needs is read from its schema and a table; it knows neither AWS's types nor who serves them",
	},
	{
		name:     "quotas",
		packages: []string{"internal/access", "internal/appprofile", "internal/promptrouter", "internal/provisioned", "internal/quota", "internal/resource", "internal/resourcepolicy"},
		imports:  []string{"internal/policy", "internal/resource", "internal/admission", "internal/call", "internal/catalog", "internal/iam", "internal/periodic", "internal/store/..."},
		why:      "what counts calls is told of them, and keeps what was set in the store; it computes nothing and sees no AWS type",
	},
	{
		name:     "asynchronous invocations",
		packages: []string{"internal/asyncinvoke"},
		imports:  []string{"internal/call", "internal/delivery", "internal/iam", "internal/store/..."},
		why:      "what is done durably is known by a function; it sees no model, no bucket and no AWS type",
	},
	{
		name:     "services",
		packages: []string{"internal/service/..."},
		imports: []string{
			"internal/access", "internal/admission", "internal/api/...", "internal/asyncinvoke", "internal/appprofile", "internal/promptrouter", "internal/resource", "internal/call", "internal/catalog", "internal/chatcompletions", "internal/converse", "internal/messages", "internal/document", "internal/embedding", "internal/iam/...", "internal/inference", "internal/invocationlog",
			"internal/knowledge", "internal/knowledge/answer", "internal/knowledge/registry", "internal/knowledge/retrieve", "internal/ledger", "internal/price",
			"internal/store", "internal/telemetry/series",
			"internal/native/...", "internal/policy", "internal/provisioned", "internal/quota", "internal/resourcepolicy", "internal/router", "internal/service/...", "internal/wire/...",
		},
		why: "services are the only place where AWS's types meet the hub",
	},
	{
		name:     "operator API",
		packages: []string{"internal/operator"},
		imports: []string{
			"internal/access", "internal/audit", "internal/authz", "internal/call", "internal/catalog", "internal/fetch", "internal/invocationlog", "internal/ledger",
			"internal/library", "internal/machine", "internal/observe", "internal/policy", "internal/price", "internal/progress", "internal/quota",
			"internal/router/...", "internal/wire/schema",
		},
		why: "it shows what the parts of the server export; it knows no adapter, no AWS type and no configuration",
	},
	{
		name:     "edge",
		packages: []string{"internal/edge"},
		imports:  []string{"internal/authn", "internal/call", "internal/iam/...", "internal/observe", "internal/sigv4", "internal/wire/..."},
		why:      "the edge walks schema tables; one that knew a service would need to change for every new one",
	},
	{
		name:     "console",
		packages: []string{"internal/console"},
		imports:  []string{"internal/iam/...", "internal/sigv4", "internal/store"},
		why:      "the console is a client that signs: it knows no service, and no way to one but the handler that it is given",
	},
	{
		name:     "app",
		packages: []string{"internal/app/..."},
		imports:  []string{"internal/..."},
		vendors:  []string{"github.com/prometheus/client_golang/..."},
		why:      "the one place where everything is put together",
	},
	{
		name:     "client of a running server",
		packages: []string{"internal/client"},
		imports:  []string{"internal/iam", "internal/sigv4", "internal/wire/eventstream"},
		why:      "a command calls the server as any program does, through its public API",
	},
	{
		name:     "outcrop command",
		packages: []string{"cmd/outcrop"},
		imports:  []string{"internal/..."},
		vendors:  []string{"github.com/spf13/cobra", "golang.org/x/..."},
		why:      "the command line: flags, signals and exit codes",
	},
	{
		name:     "generator",
		packages: []string{"cmd/outcrop-gen/..."},
		imports:  []string{"cmd/outcrop-gen/...", "internal/wire/schema/..."},
		why:      "the generator reads service models and writes tables; it must build when its output does not",
	},
	{
		name:     "test tools",
		packages: []string{"test/..."},
		imports:  []string{"test/..."},
		why:      "black-box tests see the server from outside",
	},
}

// only are imports that few may have. They say what groups cannot: who alone.
var only = []struct {
	imports   string
	importers []string
	why       string
}{
	{"github.com/ebitengine/purego/...", []string{"internal/runner/..."}, "native code runs in the child process, so that its crash costs one model's requests and not the server"},
	{"internal/api/...", []string{"internal/service/...", "internal/app/...", "internal/api/...", "internal/converse", "internal/inference/bedrock"}, "a new service model must not touch anything but services and the two sides of Converse"},
	{"internal/inference/llamacpp/...", []string{"internal/app/...", "internal/inference/all", "internal/inference/llamacpp/..."}, "backends are named in one list"},
	{"internal/edge", []string{"internal/app/...", "internal/edge"}, "nothing calls upwards"},
	{"internal/service/...", []string{"internal/app/...", "internal/service/..."}, "nothing calls upwards"},
	{"internal/app/...", []string{"cmd/outcrop", "internal/app/..."}, "nothing calls upwards"},
	{"internal/config", []string{"internal/app/...", "internal/inference/all", "cmd/outcrop"}, "packages take the parameters that they need, not the whole configuration"},
	{"github.com/spf13/cobra", []string{"cmd/outcrop"}, "flags end at the command line"},
}

// pkg is what "go list -json" tells about a package.
type pkg struct {
	ImportPath string
	Name       string
	Doc        string
	Imports    []string
	GoFiles    []string
}

// packages lists the module's packages as seen on the platforms that the server
// is released for, imports taken together.
func packages(t *testing.T) []pkg {
	t.Helper()
	root := moduleRoot(t)
	byPath := map[string]*pkg{}
	var order []string
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Name,Doc,Imports,GoFiles", "./...")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v\n%s", goos, err, stderr.String())
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p pkg
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
			if known := byPath[p.ImportPath]; known != nil {
				known.Imports = append(known.Imports, p.Imports...)
				continue
			}
			byPath[p.ImportPath] = &p
			order = append(order, p.ImportPath)
		}
	}
	list := make([]pkg, 0, len(order))
	for _, path := range order {
		p := *byPath[path]
		slices.Sort(p.Imports)
		p.Imports = slices.Compact(p.Imports)
		list = append(list, p)
	}
	return list
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// matches reports whether a path is named by a pattern.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	}
	return pattern == path
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, path) })
}

// groupOf finds the group of a package: the one with the longest pattern, so
// that "internal/native" is a port and "internal/native/claude" a family.
func groupOf(path string) *group {
	var best *group
	bestLength := -1
	for i := range groups {
		for _, pattern := range groups[i].packages {
			if !matches(pattern, path) {
				continue
			}
			length := len(strings.TrimSuffix(pattern, "/..."))
			if !strings.HasSuffix(pattern, "/...") {
				length++ // an exact name beats the same name with "/..."
			}
			if length > bestLength {
				best, bestLength = &groups[i], length
			}
		}
	}
	return best
}

// imported classifies an import: a package of this module (own), of another
// module (vendor), or neither, which is the standard library.
func imported(path string) (own, vendor bool) {
	if strings.HasPrefix(path, module) {
		return true, false
	}
	first, _, _ := strings.Cut(path, "/")
	return false, strings.Contains(first, ".")
}

func TestPackagesImportOnlyWhatTheirLayerMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		g := groupOf(p.ImportPath)
		if g == nil {
			t.Errorf("%s: got no layer, want one: add it to groups in this file", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			own, vendor := imported(path)
			path = strings.TrimPrefix(path, module)
			if own && path != foundation && !matchesAny(g.imports, path) || vendor && !matchesAny(g.vendors, path) {
				t.Errorf("%s imports %s, but %q may not: %s", p.ImportPath, path, g.name, g.why)
			}
		}
	}
}

func TestImportsThatFewMayHave(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			path = strings.TrimPrefix(path, module)
			for _, rule := range only {
				if matches(rule.imports, path) && !matchesAny(rule.importers, p.ImportPath) {
					t.Errorf("%s imports %s, but only %s may: %s", p.ImportPath, path, strings.Join(rule.importers, ", "), rule.why)
				}
			}
		}
	}
}

// A rule that names a package which has been renamed or removed protects
// nothing, and nobody notices.
func TestRulesNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	all := packages(t)
	exists := func(pattern string) bool {
		if first, _, _ := strings.Cut(pattern, "/"); strings.Contains(first, ".") {
			return slices.ContainsFunc(all, func(p pkg) bool {
				return slices.ContainsFunc(p.Imports, func(path string) bool { return matches(pattern, path) })
			})
		}
		return slices.ContainsFunc(all, func(p pkg) bool { return matches(pattern, p.ImportPath) })
	}
	for _, g := range groups {
		for _, pattern := range slices.Concat(g.packages, g.imports, g.vendors) {
			if !exists(pattern) {
				t.Errorf("group %q: got the pattern %s, want one that names a package in use", g.name, pattern)
			}
		}
	}
	for _, rule := range only {
		for _, pattern := range append([]string{rule.imports}, rule.importers...) {
			if !exists(pattern) {
				t.Errorf("rule for %s: got the pattern %s, want one that names a package in use", rule.imports, pattern)
			}
		}
	}
}

// The linter's rules are checked in the same way: packages and folders that
// .golangci.yml names must exist.
func TestLinterRulesNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	root := moduleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var lint struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string
						Allow []string
						Deny  []struct{ Pkg, Desc string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &lint); err != nil {
		t.Fatal(err)
	}
	rules := lint.Linters.Settings.Depguard.Rules
	if len(rules) == 0 {
		t.Fatal("depguard: got no rules, want the layers")
	}
	for name, rule := range rules {
		paths := slices.Clone(rule.Allow)
		for _, deny := range rule.Deny {
			paths = append(paths, deny.Pkg)
			if deny.Desc == "" {
				t.Errorf("depguard rule %s: got no reason for %s, want one", name, deny.Pkg)
			}
		}
		for _, file := range rule.Files {
			if _, folder, ok := strings.Cut(file, "**/"); ok {
				folder, _, _ = strings.Cut(folder, "*")
				paths = append(paths, module+folder)
			}
		}
		for _, path := range paths {
			folder, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimSuffix(path, "$"), "/"), module)
			if !ok {
				continue
			}
			if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(folder))); err != nil || !info.IsDir() {
				t.Errorf("depguard rule %s: got %s, want a folder that exists", name, folder)
			}
		}
	}
}

// What is written for tests does not end up in the binary.
func TestSuitesAreImportedByTestsAlone(t *testing.T) {
	t.Parallel()
	suites := []string{"testing", "github.com/google/go-cmp/cmp"}
	all := packages(t)
	for _, p := range all {
		if isSuite(p.ImportPath) {
			suites = append(suites, p.ImportPath)
		}
	}
	for _, p := range all {
		if isSuite(p.ImportPath) || matches("test/...", p.ImportPath) {
			continue
		}
		for _, path := range p.Imports {
			if path = strings.TrimPrefix(path, module); slices.Contains(suites, path) {
				t.Errorf("%s imports %s outside of its tests", p.ImportPath, path)
			}
		}
	}
}

// isSuite: contract suites and fixtures are named after their port, with "test"
// behind it.
func isSuite(path string) bool {
	name := path[strings.LastIndex(path, "/")+1:]
	return strings.HasSuffix(name, "test") && name != "test"
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // nothing but tests: go list reads no comment there
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: got the package comment %q, want one that starts with %q", p.ImportPath, p.Doc, want)
		}
	}
}
