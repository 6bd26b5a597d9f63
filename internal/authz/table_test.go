package authz

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/api/cloudwatch"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

func services() []*schema.Service {
	return []*schema.Service{
		bedrockruntime.Schema(), bedrock.Schema(), bedrockagent.Schema(), bedrockagentruntime.Schema(),
		sts.Schema(), apiiam.Schema(), servicequotas.Schema(), ce.Schema(), cloudwatch.Schema(),
	}
}

// doors are the sections of the doors, whose tables are in packages above this
// one: New refuses them when a row is missing or too much.
var doors = []string{"anthropic", "openai"}

// Every operation has a row that fits its input, and no row is of an operation
// that does not exist.
func TestEveryOperationHasARow(t *testing.T) {
	t.Parallel()
	sections, err := readTable(operationsText)
	if err != nil {
		t.Fatal(err)
	}
	action := regexp.MustCompile(`^(bedrock|sts|iam|servicequotas|ce|cloudwatch|s3):[A-Z][A-Za-z]+$`)
	for _, service := range services() {
		s := sections[service.ID]
		if s == nil {
			t.Errorf("there is no section %s", service.ID)
			continue
		}
		for _, op := range service.Operations {
			r, err := s.compile(op)
			if err != nil {
				t.Errorf("%s: %v", service.ID, err)
				continue
			}
			for _, n := range r.needs {
				if !action.MatchString(n.action) {
					t.Errorf("%s: got the action %q", op.Name, n.action)
				}
			}
			if len(r.needs) == 0 && s.operations[op.Name] != "none" {
				t.Errorf("%s needs nothing, and the row does not say none", op.Name)
			}
			delete(s.operations, op.Name)
		}
		for name := range s.operations {
			t.Errorf("%s has a row %s, and no such operation", service.ID, name)
		}
		delete(sections, service.ID)
	}
	for id := range sections {
		if slices.Contains(doors, id) || id == "outcrop" { // of packages above this one, which make an Authorizer of them
			continue
		}
		t.Errorf("there is a section %s, and no such service", id)
	}
}

// What needs no permission is written down once more, so that nothing joins by a
// slip.
func TestOperationsThatNeedNothing(t *testing.T) {
	t.Parallel()
	var free []string
	for _, o := range newAuthorizer(t, Params{}).Operations() {
		if len(o.Needs) == 0 {
			free = append(free, o.Service+":"+o.Name)
		}
	}
	got := strings.Join(free, " ")
	if want := "sts:AssumeRoleWithSAML sts:AssumeRoleWithWebIdentity sts:GetCallerIdentity sts:GetSessionToken"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRowsThatDoNotFit(t *testing.T) {
	t.Parallel()
	op := func(name string) *schema.Operation {
		for _, op := range bedrockagent.Schema().Operations {
			if op.Name == name {
				return op
			}
		}
		t.Fatalf("no operation %s", name)
		return nil
	}
	cases := map[string]string{
		"no such member":      "knowledge-base/{knowledgeBase}",
		"no such inner":       "knowledge-base/{knowledgeBaseConfiguration.x}",
		"no such function":    "kb({knowledgeBaseId})",
		"no such guard":       "* if {nothing}",
		"not of a group here": "renamed(group)",
	}
	for name, row := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &section{prefix: "bedrock", arn: "arn:", operations: map[string]string{"UpdateKnowledgeBase": row}}
			if _, err := s.compile(op("UpdateKnowledgeBase")); err == nil {
				t.Error("got no error")
			}
		})
	}
	for _, text := range []string{"A: *", "[x]\n", "[x] y\n", "[x] y z\nA *", "[x] y z\nA: *\nA: *"} {
		if _, err := readTable(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}
