// Package storetest is the contract of store.Store as tests. Every adapter runs
// it.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Opener opens the store at a place. The same place twice is the same state,
// also while the first is open, as if by another process. The suite closes what
// it opens.
type Opener func(t *testing.T, place string, now func() time.Time) store.Store

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, f *fixture){
		"Create":                create,
		"CreateTaken":           createTaken,
		"CreateToken":           createToken,
		"CreateWhile":           createWhile,
		"CreateUnless":          createUnless,
		"CreateAtOnce":          createAtOnce,
		"Update":                update,
		"UpdateChanged":         updateChanged,
		"Delete":                deleteRecords,
		"List":                  list,
		"ListPages":             listPages,
		"ListPositions":         listPositions,
		"Reopen":                reopen,
		"Claim":                 claim,
		"ClaimOrder":            claimOrder,
		"ClaimAtOnce":           claimAtOnce,
		"Lease":                 lease,
		"Release":               release,
		"Group":                 groups,
		"GroupAtOnce":           groupsAtOnce,
		"EnqueueWithRecord":     enqueueWithRecord,
		"Wake":                  wake,
		"ContextEnds":           contextEnds,
		"NothingSharedInMemory": nothingShared,
		"Closed":                closed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{t: t, place: t.TempDir(), open: open, clock: clocktest.New(start)}
			f.Store = f.another()
			test(t, f)
		})
	}
}

// fixture is a store whose clock is the test's.
type fixture struct {
	store.Store

	t     *testing.T
	place string
	open  Opener
	clock *clocktest.Clock
}

// start has nanoseconds, which must be kept.
var start = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)

// another opens the place once more.
func (f *fixture) another() store.Store {
	f.t.Helper()
	s := f.open(f.t, f.place, f.clock.Now)
	f.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.t.Error(err)
		}
	})
	return s
}

func record(id string) store.Record {
	return store.Record{
		Key:  store.Key{Kind: "thing", Account: "111111111111", Region: "us-east-1", Parent: "P", ID: id},
		Name: "name of " + id, Status: "ACTIVE", Tags: map[string]string{"ä": "ö"}, Body: json.RawMessage(`{"a": "b ` + id + `"}`),
		Created: start.Add(-time.Hour), Updated: start,
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func mustCreate(t *testing.T, s store.Store, r store.Record) store.Record {
	t.Helper()
	made, created, err := s.Create(t.Context(), r, store.Create{})
	if err != nil || !created {
		t.Fatalf("Create %s: got created %v, %v", r.ID, created, err)
	}
	return made
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: got differs from want (-want +got):\n%s", what, diff)
	}
}

func checkReason(t *testing.T, what string, err error, want string) {
	t.Helper()
	if !fault.Is(err, fault.Conflict) || store.Reason(err) != want {
		t.Errorf("%s: got %v (reason %q), want a Conflict for the reason %q", what, err, store.Reason(err), want)
	}
}

func checkMissing(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("%s: got %v, want NotFound", what, err)
	}
}

func contextEnds(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := record("A")
	for name, call := range map[string]func() error{
		"Create":  func() error { _, _, err := f.Create(ctx, r, store.Create{}); return err },
		"Get":     func() error { _, err := f.Get(ctx, r.Key); return err },
		"Update":  func() error { _, err := f.Update(ctx, r); return err },
		"Delete":  func() error { return f.Delete(ctx, r.Key) },
		"List":    func() error { _, err := f.List(ctx, store.Query{Kind: "thing"}); return err },
		"Enqueue": func() error { return f.Enqueue(ctx, store.Job{ID: "1", Kind: "k"}) },
		"Claim":   func() error { _, _, err := f.Claim(ctx, []string{"k"}, time.Second); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the context's error", name, err)
		}
	}
	mustCreate(t, f, r)
}

// nothingShared: no method shares memory with its caller.
func nothingShared(t *testing.T, f *fixture) {
	r := record("A")
	made := mustCreate(t, f, r)
	want := must[store.Record](t)(f.Get(t.Context(), r.Key))
	r.Tags["x"], made.Tags["y"], r.Body[2], made.Body[2] = "1", "2", 'X', 'Y'
	check(t, "after the caller changed its own", must[store.Record](t)(f.Get(t.Context(), r.Key)), want)
}

func closed(t *testing.T, f *fixture) {
	s := f.another()
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	if _, err := s.Get(t.Context(), record("A").Key); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Get after Close: got %v, want Unavailable", err)
	}
}

func numbered(i int) string { return fmt.Sprintf("R%03d", i) }
