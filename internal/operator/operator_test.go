package operator

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/authz"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Every operation has a row in the table of permissions, and a request.
func TestOperations(t *testing.T) {
	t.Parallel()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(authz.Params{Services: []*schema.Service{Schema()}, Catalog: c, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(operationNames) {
		t.Error("the names are not sorted")
	}
	asked := map[string]bool{"ControlScript": true} // which package app serves
	for _, e := range endpoints() {
		asked[operation(e.operation).Name] = true
	}
	for _, o := range a.Operations() {
		if len(o.Needs) != 1 || o.Needs[0].Resource != "*" {
			t.Errorf("%s: got %v, want one need of nothing in particular", o.Name, o.Needs)
		}
		if !asked[o.Name] {
			t.Errorf("no request is for %s", o.Name)
		}
	}
}

// The page about the API has every request with its action.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/OPERATOR-API.md")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(authz.Params{Services: []*schema.Service{Schema()}, Catalog: c, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]string{}
	for _, o := range a.Operations() {
		actions[o.Name] = o.Needs[0].Action
	}
	var want strings.Builder
	want.WriteString("| request | action |\n|---|---|\n")
	for _, e := range endpoints() {
		fmt.Fprintf(&want, "| `%s %s%s` | `%s` |\n", e.method, Prefix, e.path, actions[e.operation])
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/OPERATOR-API.md does not have the table\n%s", want.String())
	}
}
