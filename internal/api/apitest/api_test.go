package apitest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func services() []*schema.Service {
	return []*schema.Service{
		bedrock.Schema(), bedrockagent.Schema(), bedrockagentruntime.Schema(), bedrockruntime.Schema(), sts.Schema(),
	}
}

// TestOperations pins what every operation is on the wire.
func TestOperations(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, svc := range services() {
		for _, op := range svc.Operations {
			stream := ""
			if op.OutputStream != nil {
				stream = " streams " + op.OutputStream.Name
			}
			if op.InputStream != nil {
				stream += ", takes " + op.InputStream.Name
			}
			fmt.Fprintf(&b, "%s %s %s %s %d%s\n", svc.ID, op.Name, op.Method, op.URI, op.Status, stream)
		}
	}
	goldentest.Check(t, "testdata/operations.txt", b.String())
}

func TestOperationCounts(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"bedrock": 108, "bedrock-agent": 86, "bedrock-agent-runtime": 35, "bedrock-runtime": 11, "sts": 11,
	}
	got := map[string]int{}
	for _, svc := range services() {
		got[svc.ID] = len(svc.Operations)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// TestRoutes sends every operation's own URI through one router of all
// services, with labels that must be escaped.
func TestRoutes(t *testing.T) {
	t.Parallel()
	router := restjson.NewRouter(services()...)
	var ambiguous []string
	for _, svc := range services() {
		if svc.Protocol != "rest-json" {
			continue
		}
		for _, op := range svc.Operations {
			path, want := fill(op)
			for _, p := range []string{path, strings.TrimSuffix(path, "/"), strings.TrimSuffix(path, "/") + "/"} {
				matches := router.Match(op.Method, p, "")
				i := slices.IndexFunc(matches, func(m restjson.Match) bool { return m.Op == op })
				if i < 0 {
					t.Errorf("%s %s: got no route, want %s", op.Method, p, op.Name)
					continue
				}
				if diff := cmp.Diff(want, matches[i].Labels); diff != "" {
					t.Errorf("%s: labels (-want +got):\n%s", op.Name, diff)
				}
				if len(matches) > 1 && p == path {
					names := make([]string, len(matches))
					for i, m := range matches {
						names[i] = m.Service.ID + "." + m.Op.Name
					}
					ambiguous = append(ambiguous, op.Method+" "+op.URI+": "+strings.Join(names, ", "))
				}
			}
		}
	}
	slices.Sort(ambiguous)
	goldentest.Check(t, "testdata/ambiguous_routes.txt", strings.Join(slices.Compact(ambiguous), "\n")+"\n")
}

// fill puts an escaped ARN in the place of every label.
func fill(op *schema.Operation) (string, map[string]string) {
	var labels map[string]string
	segments := strings.Split(op.URI, "/")
	for i, seg := range segments {
		name, ok := strings.CutPrefix(seg, "{")
		if !ok {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		name = strings.TrimSuffix(strings.TrimSuffix(name, "}"), "+")
		segments[i] = "arn%3Aaws:bedrock%3Aus-east-1%3A123456789012%3Athing%2F" + name
		labels[name] = "arn:aws:bedrock:us-east-1:123456789012:thing/" + name
	}
	return strings.Join(segments, "/"), labels
}

// TestPatterns pins the patterns of the models that Go's expressions do not
// take: nothing is accepted unchecked without being on this list.
func TestPatterns(t *testing.T) {
	t.Parallel()
	var lines []string
	seen := 0
	for _, svc := range services() {
		for _, s := range svc.Shapes {
			if s.Pattern == "" {
				continue
			}
			seen++
			if _, mustNot, err := constraint.Translate(s.Pattern); err != nil {
				lines = append(lines, svc.ID+" "+s.Name+" unchecked: "+s.Pattern)
			} else if mustNot != nil {
				lines = append(lines, svc.ID+" "+s.Name+" in two steps: "+s.Pattern)
			}
		}
	}
	if seen == 0 {
		t.Fatal("no patterns")
	}
	slices.Sort(lines)
	goldentest.Check(t, "testdata/patterns.txt", strings.Join(lines, "\n")+"\n")
}

// TestTables checks what every reader of the tables relies on.
func TestTables(t *testing.T) {
	t.Parallel()
	for _, svc := range services() {
		for _, op := range svc.Operations {
			if op.Input == nil || op.Input.New == nil || op.Output == nil || op.Output.New == nil {
				t.Errorf("%s.%s: input or output has no Go type", svc.ID, op.Name)
			}
			if (op.InputStream != nil) && op.OutputStream == nil {
				t.Errorf("%s.%s: streams its input only", svc.ID, op.Name)
			}
			for _, e := range op.Errors {
				if e.Error == nil || e.Error.Status < 400 {
					t.Errorf("%s.%s: %s is no exception", svc.ID, op.Name, e.Name)
				}
			}
		}
		for name, s := range svc.Shapes {
			if !slices.IsSortedFunc(s.Members, func(a, b *schema.Member) int { return strings.Compare(a.Name, b.Name) }) {
				t.Errorf("%s.%s: members are not sorted", svc.ID, name)
			}
		}
	}
}
