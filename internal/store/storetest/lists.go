package storetest

import (
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

func ids(page store.Page) []string {
	var list []string
	for _, r := range page.Records {
		list = append(list, r.ID)
	}
	return list
}

func list(t *testing.T, f *fixture) {
	// Created in another order than that of IDs and times.
	for _, r := range []struct{ id, account, region, parent, status string }{
		{"9", "1", "us", "B", "NEW"},
		{"1", "1", "us", "B", "OLD"},
		{"5", "1", "us", "B/S", "NEW"},
		{"7", "1", "us", "B0", "NEW"},
		{"3", "1", "eu", "B", "NEW"},
		{"2", "2", "us", "B", "NEW"},
		{"4", "2", "us", "", "NEW"},
	} {
		one := record(r.id)
		one.Account, one.Region, one.Parent, one.Status = r.account, r.region, r.parent, r.status
		mustCreate(t, f, one)
	}
	for name, tt := range map[string]struct {
		query store.Query
		want  []string
	}{
		"a parent":           {store.Query{Account: "1", Region: "us", Parent: "B"}, []string{"9", "1"}},
		"and below":          {store.Query{Account: "1", Region: "us", Parent: "B", Below: true}, []string{"9", "1", "5"}},
		"a status":           {store.Query{Account: "1", Region: "us", Parent: "B", Statuses: []string{"OLD"}}, []string{"1"}},
		"statuses":           {store.Query{Account: "1", Region: "us", Parent: "B", Statuses: []string{"OLD", "NEW", "X"}}, []string{"9", "1"}},
		"every region":       {store.Query{Account: "1", Parent: "B"}, []string{"9", "1", "3"}},
		"every account":      {store.Query{Region: "us", Parent: "B"}, []string{"9", "1", "2"}},
		"the top":            {store.Query{}, []string{"4"}},
		"everything":         {store.Query{Below: true}, []string{"9", "1", "5", "7", "3", "2", "4"}},
		"everything of some": {store.Query{Below: true, Account: "2"}, []string{"2", "4"}},
		"another kind":       {store.Query{Kind: "other", Below: true}, nil},
		"nothing":            {store.Query{Parent: "%"}, nil},
	} {
		if tt.query.Kind == "" {
			tt.query.Kind = "thing"
		}
		page, err := f.List(t.Context(), tt.query)
		if err != nil || page.Next != "" {
			t.Errorf("%s: got next %q, %v, want neither", name, page.Next, err)
		}
		check(t, name, ids(page), tt.want)
	}
	named := record("named")
	named.Kind, named.Name = "named-thing", "the name"
	mustCreate(t, f, named)
	for name, want := range map[string][]string{"the name": {"named"}, "The name": nil, "": {"named"}} {
		page := must[store.Page](t)(f.List(t.Context(), store.Query{
			Kind: named.Kind, Account: named.Account, Region: named.Region, Parent: named.Parent, Name: name,
		}))
		check(t, "the name "+name, ids(page), want)
	}
	page := must[store.Page](t)(f.List(t.Context(), store.Query{Kind: "thing", Account: "1", Region: "us", Parent: "B", Limit: 1}))
	want := must[store.Record](t)(f.Get(t.Context(), page.Records[0].Key))
	check(t, "the record", page.Records[0], want)
}

func listPages(t *testing.T, f *fixture) {
	var all []string
	for i := range 10 {
		mustCreate(t, f, record(numbered(i)))
		all = append(all, numbered(i))
	}
	query := store.Query{Kind: "thing", Account: record("").Account, Region: record("").Region, Parent: "P"}
	for limit := 1; limit <= 11; limit++ {
		var got []string
		query.Limit, query.After = limit, ""
		for pages := 1; ; pages++ {
			page := must[store.Page](t)(f.List(t.Context(), query))
			if len(page.Records) > limit || len(page.Records) == 0 {
				t.Errorf("limit %d: got a page of %d", limit, len(page.Records))
			}
			got = append(got, ids(page)...)
			if page.Next == "" {
				break
			}
			if pages > len(all) {
				t.Fatalf("limit %d: got no end", limit)
			}
			query.After = page.Next
		}
		check(t, "all pages", got, all)
	}

	// What is created or deleted between two pages moves nothing.
	query.Limit, query.After = 4, ""
	page := must[store.Page](t)(f.List(t.Context(), query))
	for _, i := range []int{0, 3, 5} {
		if err := f.Delete(t.Context(), record(numbered(i)).Key); err != nil {
			t.Fatal(err)
		}
	}
	mustCreate(t, f, record(numbered(0)))
	query.After, query.Limit = page.Next, 100
	page = must[store.Page](t)(f.List(t.Context(), query))
	check(t, "the rest", ids(page), []string{"R004", "R006", "R007", "R008", "R009", "R000"})
}

func listPositions(t *testing.T, f *fixture) {
	for i := range 3 {
		mustCreate(t, f, record(numbered(i)))
	}
	query := store.Query{Kind: "thing", Account: record("").Account, Region: record("").Region, Parent: "P", Limit: 1}
	next := must[store.Page](t)(f.List(t.Context(), query)).Next
	if len(next) == 0 || len(next) > 2048 {
		t.Fatalf("next: got %q, want a position that fits into an API's nextToken", next)
	}
	for name, change := range map[string]func(*store.Query){
		"text":         func(q *store.Query) { q.After = "next" },
		"a space":      func(q *store.Query) { q.After = " " },
		"cut":          func(q *store.Query) { q.After = next[:len(next)-1] },
		"longer":       func(q *store.Query) { q.After = next + "AAAA" },
		"twice":        func(q *store.Query) { q.After = next + next },
		"of an owner":  func(q *store.Query) { q.After, q.Account = next, "222222222222" },
		"of a region":  func(q *store.Query) { q.After, q.Region = next, "eu-west-1" },
		"of a parent":  func(q *store.Query) { q.After, q.Parent = next, "" },
		"of a kind":    func(q *store.Query) { q.After, q.Kind = next, "other" },
		"of more":      func(q *store.Query) { q.After, q.Below = next, true },
		"of some only": func(q *store.Query) { q.After, q.Statuses = next, []string{"ACTIVE"} },
	} {
		other := query
		change(&other)
		if _, err := f.List(t.Context(), other); !fault.Is(err, fault.Invalid) {
			t.Errorf("a position that is %s: got %v, want Invalid", name, err)
		}
	}
	other := query
	other.After, other.Limit = next, 5
	page, err := f.another().List(t.Context(), other)
	if err != nil {
		t.Errorf("in another process, with another limit: %v", err)
	}
	check(t, "the rest", ids(page), []string{"R001", "R002"})
}
