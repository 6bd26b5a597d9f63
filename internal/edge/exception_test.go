package edge

import (
	"net/http"
	"testing"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func tables() []*schema.Service {
	return []*schema.Service{
		bedrockruntime.Schema(), bedrock.Schema(), bedrockagent.Schema(), bedrockagentruntime.Schema(), sts.Schema(),
	}
}

// TestEveryOperationSaysEveryKind walks operation × kind: each gives an
// exception with a name and an error status, a declared one wherever the
// operation declares any of the kind's choices, and never the cause.
func TestEveryOperationSaysEveryKind(t *testing.T) {
	t.Parallel()
	for _, svc := range tables() {
		for _, op := range svc.Operations {
			declared := map[string]int{}
			for _, s := range op.Errors {
				declared[s.Error.Code] = s.Error.Status
			}
			for kind := fault.Internal; kind <= fault.Canceled; kind++ {
				f := fault.New(kind, "public")
				ex := exceptionFor(op, f)
				if ex.Code == "" || ex.Status < http.StatusBadRequest || ex.Status >= 600 {
					t.Errorf("%s %s, %s: got exception %q with status %d", svc.ID, op.Name, kind, ex.Code, ex.Status)
				}
				for _, name := range choices[kind] {
					status, ok := declared[name]
					if !ok {
						continue
					}
					if ex.Code != name || ex.Status != status || ex.Shape == nil {
						t.Errorf("%s %s, %s: got %s %d, want the declared %s %d", svc.ID, op.Name, kind, ex.Code, ex.Status, name, status)
					}
					break
				}
				if kind == fault.Internal && ex.Message != internalText {
					t.Errorf("%s %s: an internal error shows %q", svc.ID, op.Name, ex.Message)
				}
			}
		}
	}
}

func TestKindsHaveChoices(t *testing.T) {
	t.Parallel()
	for kind := fault.Internal; kind <= fault.Canceled; kind++ {
		for _, name := range choices[kind] {
			if undeclared[name] == 0 && name != "DependencyFailedException" {
				t.Errorf("%s: %s has no status for operations that do not declare it", kind, name)
			}
		}
		if len(choices[kind]) == 0 {
			t.Errorf("%s has no exception", kind)
		}
	}
}

// TestEveryEventUnionHasAnException proves what stream.fail relies on.
func TestEveryEventUnionHasAnException(t *testing.T) {
	t.Parallel()
	for _, svc := range tables() {
		for _, op := range svc.Operations {
			if op.OutputStream == nil {
				continue
			}
			for kind := fault.Internal; kind <= fault.Canceled; kind++ {
				shape := streamException(op.OutputStream.Shape, fault.New(kind, "x"))
				found := false
				for _, member := range op.OutputStream.Shape.Members {
					found = found || member.Shape == shape
				}
				if !found {
					t.Errorf("%s %s, %s: %s is not a member of the event union", svc.ID, op.Name, kind, shape.Name)
				}
			}
		}
	}
}

func TestDisambiguate(t *testing.T) {
	t.Parallel()
	router := restjson.NewRouter(tables()...)
	for name, tc := range map[string]struct {
		method, path, body string
		wantService        string
		wantOp             string
	}{
		"tags of a guardrail":      {"GET", "/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aguardrail%2Fabc", "", "bedrock-agent", "ListTagsForResource"},
		"tags of a knowledge base": {"GET", "/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aknowledge-base%2FABC", "", "bedrock-agent", "ListTagsForResource"},
		"tags of a session":        {"GET", "/tags/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Asession%2FABC", "", "bedrock-agent-runtime", "ListTagsForResource"},
		"prepare":                  {"POST", "/agents/ABCDEFGHIJ/", "", "bedrock-agent", "PrepareAgent"},
		"inline":                   {"POST", "/agents/abc", `{"foundationModel":"x"}`, "bedrock-agent-runtime", "InvokeInlineAgent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), tc.method, "http://localhost"+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = int64(len(tc.body))
			candidates := router.Match(r.Method, r.URL.EscapedPath(), "")
			if len(candidates) == 0 {
				t.Fatal("no candidate")
			}
			got := candidates[disambiguate(r, candidates)]
			if got.Service.ID != tc.wantService || got.Op.Name != tc.wantOp {
				t.Errorf("got %s %s, want %s %s", got.Service.ID, got.Op.Name, tc.wantService, tc.wantOp)
			}
		})
	}
}
