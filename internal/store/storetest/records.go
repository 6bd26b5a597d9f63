package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/store"
)

func create(t *testing.T, f *fixture) {
	want := record("A")
	got := mustCreate(t, f, want)
	want.Version = 1
	check(t, "Create", got, want)
	check(t, "Get", must[store.Record](t)(f.Get(t.Context(), want.Key)), want)

	bare := store.Record{Key: store.Key{Kind: "thing", ID: "bare"}, Body: []byte("{}")}
	mustCreate(t, f, bare)
	bare.Version = 1
	check(t, "Get of a bare one", must[store.Record](t)(f.Get(t.Context(), bare.Key)), bare)

	for name, change := range map[string]func(*store.Key){
		"kind":    func(k *store.Key) { k.Kind = "other" },
		"account": func(k *store.Key) { k.Account = "222222222222" },
		"region":  func(k *store.Key) { k.Region = "eu-west-1" },
		"parent":  func(k *store.Key) { k.Parent = "Q" },
		"id":      func(k *store.Key) { k.ID = "a" },
	} {
		key := want.Key
		change(&key)
		_, err := f.Get(t.Context(), key)
		checkMissing(t, "Get with another "+name, err)
		// Neither key nor name are taken elsewhere.
		other := want
		other.Key = key
		if name == "id" {
			other.Name = "NAME OF A"
		}
		mustCreate(t, f, other)
	}
}

func createTaken(t *testing.T, f *fixture) {
	mustCreate(t, f, record("A"))
	same := record("A")
	same.Name = "another"
	_, _, err := f.Create(t.Context(), same, store.Create{Enqueue: &store.Job{ID: "1", Kind: "k"}})
	checkReason(t, "the same key", err, store.KeyTaken)
	named := record("B")
	named.Name = record("A").Name
	_, _, err = f.Create(t.Context(), named, store.Create{})
	checkReason(t, "the same name", err, store.NameTaken)
	_, err = f.Get(t.Context(), named.Key)
	checkMissing(t, "Get of what was refused", err)
	if _, ok, err := f.Claim(t.Context(), []string{"k"}, time.Minute); ok || err != nil {
		t.Errorf("Claim: got %v, %v, want nothing of a Create that failed", ok, err)
	}
	for _, id := range []string{"C", "D"} { // names that are empty are not taken
		r := record(id)
		r.Name = ""
		mustCreate(t, f, r)
	}
}

func createToken(t *testing.T, f *fixture) {
	token := store.Token{Value: "token", Request: "one"}
	first, created, err := f.Create(t.Context(), record("A"), store.Create{Token: token})
	if err != nil || !created {
		t.Fatalf("first: got %v, %v", created, err)
	}
	again := func(r store.Record, token store.Token) (store.Record, bool, error) {
		t.Helper()
		// The token comes before everything that would speak against it.
		return f.Create(t.Context(), r, store.Create{Token: token, Unless: []store.Query{{Kind: "thing", Below: true}}})
	}
	got, created, err := again(record("A"), token)
	if err != nil || created {
		t.Errorf("again: got created %v, %v, want the first one's", created, err)
	}
	check(t, "again", got, first)
	got, _, _ = again(record("B"), token)
	check(t, "again with another ID", got, first)

	_, _, err = again(record("B"), store.Token{Value: "token", Request: "two"})
	checkReason(t, "the token for something else", err, store.TokenUsed)
	elsewhere := record("B")
	elsewhere.Parent = "Q"
	if _, created, err := f.Create(t.Context(), elsewhere, store.Create{Token: token}); err != nil || !created {
		t.Errorf("the token under another parent: got %v, %v, want a record", created, err)
	}

	first.Status = "CHANGED"
	first = must[store.Record](t)(f.Update(t.Context(), first))
	got, _, _ = again(record("B"), token)
	check(t, "again after a change", got, first)

	f.clock.Advance(23 * time.Hour)
	got, _, err = again(record("B"), token)
	if err != nil {
		t.Error(err)
	}
	check(t, "again after 23 hours", got, first)
	f.clock.Advance(time.Hour)
	if _, created, err := f.Create(t.Context(), record("C"), store.Create{Token: token}); err != nil || !created {
		t.Errorf("after a day: got created %v, %v, want a new record", created, err)
	}
	if err := f.Delete(t.Context(), record("C").Key); err != nil {
		t.Fatal(err)
	}
	if _, created, err := f.Create(t.Context(), record("C"), store.Create{Token: token}); err != nil || !created {
		t.Errorf("after the record was deleted: got created %v, %v, want a new record", created, err)
	}
}

func createWhile(t *testing.T, f *fixture) {
	parent := record("A")
	parent.Status = "ACTIVE"
	parent = mustCreate(t, f, parent)
	there := store.Condition{Key: parent.Key, Statuses: []string{"ACTIVE", "UPDATING"}}
	missing := there
	missing.ID = "Z"
	foreign := there
	foreign.Account = "other"
	another := there
	another.Statuses = []string{"DELETING"}
	for _, while := range [][]store.Condition{{missing}, {there, missing}, {foreign}, {another}, {{Key: missing.Key}}} {
		_, _, err := f.Create(t.Context(), record("B"), store.Create{Token: store.Token{Value: "t"}, While: while})
		checkReason(t, fmt.Sprintf("while %+v", while), err, store.Gone)
	}
	how := store.Create{Token: store.Token{Value: "t"}, While: []store.Condition{there, {Key: parent.Key}}}
	made, created, err := f.Create(t.Context(), record("B"), how)
	if err != nil || !created {
		t.Fatalf("while it is there: got %v, %v, want a record (what failed has not used its token)", created, err)
	}
	if err := f.Delete(t.Context(), parent.Key); err != nil {
		t.Fatal(err)
	}
	again, created, err := f.Create(t.Context(), record("B"), how)
	if err != nil || created {
		t.Errorf("the token when it is gone: got %v, %v, want the first one's answer", created, err)
	}
	check(t, "the token when it is gone", again, made)
}

func createUnless(t *testing.T, f *fixture) {
	running := record("A")
	running.Status = "RUNNING"
	running = mustCreate(t, f, running)
	matching := store.Query{Kind: "thing", Account: running.Account, Region: running.Region, Parent: "P", Statuses: []string{"STARTING", "RUNNING"}}
	other := store.Query{Kind: "other", Below: true}
	for _, unless := range [][]store.Query{{matching}, {other, matching}, {{Kind: "thing", Below: true}}} {
		_, _, err := f.Create(t.Context(), record("B"), store.Create{Token: store.Token{Value: "t"}, Unless: unless})
		checkReason(t, fmt.Sprintf("unless %+v", unless), err, store.Excluded)
	}
	running.Status = "DONE"
	must[store.Record](t)(f.Update(t.Context(), running))
	if _, created, err := f.Create(t.Context(), record("B"), store.Create{Token: store.Token{Value: "t"}, Unless: []store.Query{other, matching}}); err != nil || !created {
		t.Errorf("unless nothing: got %v, %v, want a record (what failed has not used its token)", created, err)
	}
}

// createAtOnce: of many that exclude each other one comes through, whoever has
// the store open.
func createAtOnce(t *testing.T, f *fixture) {
	stores := []store.Store{f, f.another()}
	var group sync.WaitGroup
	var mu sync.Mutex
	count := map[string]int{}
	for i := range 20 {
		group.Go(func() {
			r := record(numbered(i))
			_, _, err := stores[i%2].Create(t.Context(), r, store.Create{Unless: []store.Query{{Kind: "thing", Below: true}}})
			if err != nil && store.Reason(err) == "" {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[store.Reason(err)]++
		})
	}
	group.Wait()
	check(t, "reasons", count, map[string]int{"": 1, store.Excluded: 19})
}

func update(t *testing.T, f *fixture) {
	r := mustCreate(t, f, record("A"))
	mustCreate(t, f, record("B"))
	created := r.Created
	r.Name, r.Status, r.Tags, r.Body, r.Updated = "new", "OLD", map[string]string{"k": ""}, []byte("[1]"), start.Add(time.Second)
	r.Created = start.Add(time.Hour) // not for Update to change
	got := must[store.Record](t)(f.Update(t.Context(), r))
	r.Version, r.Created = 2, created
	check(t, "Update", got, r)
	check(t, "Get", must[store.Record](t)(f.Get(t.Context(), r.Key)), r)

	r.Name = record("B").Name
	_, err := f.Update(t.Context(), r)
	checkReason(t, "a taken name", err, store.NameTaken)
	_, err = f.Update(t.Context(), record("C"))
	checkMissing(t, "none", err)
	r.Name = "new" // its own
	must[store.Record](t)(f.Update(t.Context(), r))
}

func updateChanged(t *testing.T, f *fixture) {
	stores := []store.Store{f, f.another()}
	r := mustCreate(t, f, record("A"))
	must[store.Record](t)(f.Update(t.Context(), r))
	_, err := f.Update(t.Context(), r, store.Job{ID: "1", Kind: "k"})
	checkReason(t, "an old version", err, store.Changed)
	if _, ok, _ := f.Claim(t.Context(), []string{"k"}, time.Minute); ok {
		t.Error("Claim: got a job of an Update that failed")
	}

	// Everybody who counts up and repeats what was refused is counted.
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			for {
				r, err := stores[i%2].Get(t.Context(), r.Key)
				if err != nil {
					t.Error(err)
					return
				}
				r.Status += "+"
				if _, err = stores[i%2].Update(t.Context(), r); err == nil {
					return
				}
				if store.Reason(err) != store.Changed {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	check(t, "status", must[store.Record](t)(f.Get(t.Context(), r.Key)).Status, "ACTIVE"+strings.Repeat("+", 10))
}

func deleteRecords(t *testing.T, f *fixture) {
	at := func(kind store.Kind, parent, id string) store.Record {
		r := record(id)
		r.Kind, r.Parent = kind, parent
		return mustCreate(t, f, r)
	}
	base := at("base", "", "B")
	gone := []store.Record{base, at("source", "B", "S"), at("job", "B/S", "J"), at("job", "B/S/T", "J")}
	kept := []store.Record{at("base", "", "B0"), at("source", "B0", "S"), at("source", "B-", "S"), at("source", "b", "S"), at("source", "", "S")}
	foreign := record("S")
	foreign.Kind, foreign.Parent, foreign.Account = "source", "B", "222222222222"
	kept = append(kept, mustCreate(t, f, foreign))

	if err := f.Delete(t.Context(), gone[0].Key); err != nil {
		t.Fatal(err)
	}
	for _, r := range gone {
		_, err := f.Get(t.Context(), r.Key)
		checkMissing(t, "Get of "+r.Parent+"/"+r.ID, err)
	}
	for _, r := range kept {
		check(t, "Get of "+r.Parent+"/"+r.ID, must[store.Record](t)(f.Get(t.Context(), r.Key)), r)
	}
	checkMissing(t, "again", f.Delete(t.Context(), gone[0].Key))
	at("base", "", "B")
	_, err := f.Get(t.Context(), gone[1].Key)
	checkMissing(t, "what was below, after another of the name", err)
}

func reopen(t *testing.T, f *fixture) {
	first := f.another()
	want := mustCreate(t, first, record("A"))
	if _, _, err := first.Create(t.Context(), record("B"), store.Create{Token: store.Token{Value: "t"}, Enqueue: &store.Job{ID: "1", Kind: "k"}}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := f.another()
	check(t, "Get", must[store.Record](t)(second.Get(t.Context(), want.Key)), want)
	if _, created, err := second.Create(t.Context(), record("C"), store.Create{Token: store.Token{Value: "t"}}); err != nil || created {
		t.Errorf("the token: got created %v, %v, want the first one's answer", created, err)
	}
	if j, ok, err := second.Claim(t.Context(), []string{"k"}, time.Minute); err != nil || !ok || j.ID != "1" {
		t.Errorf("Claim: got %v, %v, %v, want job 1", j, ok, err)
	}
}
