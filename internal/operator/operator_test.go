package operator

import (
	"slices"
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
