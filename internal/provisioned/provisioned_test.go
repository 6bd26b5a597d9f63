package provisioned_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const account, region = "000000000000", "us-east-1"

type fixture struct {
	*testing.T
	*provisioned.Registry
	now time.Time
}

// newFixture opens a registry of a file. Models "a…" have the local model "one",
// others "two", and four places each.
func newFixture(t *testing.T, file string) *fixture {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), file, sqlitestore.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := &fixture{T: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	n := 0
	f.Registry = provisioned.NewRegistry(provisioned.Params{
		Store: s, Places: 4, PlacesPerUnit: 1, Queue: 2, Now: func() time.Time { return f.now },
		NewID: func() string { n++; return fmt.Sprintf("id%010d", n) },
	})
	f.Bind(func(_ context.Context, id, _, _ string) (provisioned.Model, error) {
		if id == "none" {
			return provisioned.Model{}, fault.New(fault.NotFound, "no such model")
		}
		served := "two"
		if id[0] == 'a' {
			served = "one"
		}
		return provisioned.Model{ID: id, ARN: "arn:" + id, ServedBy: served}, nil
	})
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) create(n provisioned.New) (provisioned.Throughput, error) {
	n.Account, n.Region = account, region
	f.now = f.now.Add(time.Second)
	return f.Create(f.Context(), n)
}

func (f *fixture) made(name, model string, units int) provisioned.Throughput {
	f.Helper()
	made, err := f.create(provisioned.New{Name: name, Model: model, Units: units})
	if err != nil {
		f.Fatal(err)
	}
	return made
}

func (f *fixture) status(id string) provisioned.Status {
	f.Helper()
	t, err := f.Find(f.Context(), account, region, id)
	if err != nil {
		f.Fatal(err)
	}
	return t.Status
}

func (f *fixture) refused(what string, err error, kind fault.Kind) {
	f.Helper()
	if !fault.Is(err, kind) {
		f.Errorf("%s: got %v, want %s", what, err, kind)
	}
}

func TestLifeOfThroughput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	ctx := t.Context()
	first := f.made("first", "a", 2)
	if first.Status != provisioned.Creating || f.status(first.ARN) != provisioned.InService {
		t.Errorf("got %s and then %s, want Creating and InService", first.Status, f.status(first.ARN))
	}
	for _, identifier := range []string{first.ARN, "first"} {
		arn, model, found, err := f.Provisioned(identifier, region, account)
		if arn != first.ARN || model != "a" || !found || err != nil {
			t.Errorf("Provisioned(%s): got %s, %s, %t, %v", identifier, arn, model, found, err)
		}
	}
	for _, at := range [][3]string{{first.ARN, region, "111111111111"}, {first.ARN, "eu-west-1", account}, {"other", region, account}} {
		if _, _, found, _ := f.Provisioned(at[0], at[1], at[2]); found {
			t.Errorf("Provisioned%v: found", at)
		}
	}

	_, err := f.create(provisioned.New{Name: "first", Model: "b", Units: 1})
	f.refused("a name that is taken", err, fault.Conflict)
	_, err = f.create(provisioned.New{Name: "second", Model: "a2", Units: 2})
	f.refused("more than is left of the same local model", err, fault.QuotaExceeded)
	_, err = f.create(provisioned.New{Name: "second", Model: "none", Units: 1})
	f.refused("an unknown model", err, fault.NotFound)
	f.made("other", "b", 3)

	token := store.Token{Value: "t", Request: "r"}
	once, err := f.create(provisioned.New{Name: "second", Model: "a2", Units: 1, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.create(provisioned.New{Name: "second", Model: "a2", Units: 1, Token: token})
	if err != nil || again.ARN != once.ARN {
		t.Errorf("with the token: got %s, %v, want %s", again.ARN, err, once.ARN)
	}
	token.Request = "another"
	_, err = f.create(provisioned.New{Name: "third", Model: "b", Units: 1, Token: token})
	f.refused("a token that was used", err, fault.Conflict)

	if err := f.Rename(ctx, account, region, "second", "renamed"); err != nil {
		t.Error(err)
	}
	f.refused("Rename", f.Rename(ctx, account, region, "renamed", "first"), fault.Conflict)
	if _, _, found, _ := f.Provisioned("renamed", region, account); !found {
		t.Error("the new name leads nowhere")
	}
	if err := f.Tag(ctx, account, region, first.ARN, map[string]string{"a": "1", "b": "2"}, []string{"a"}); err != nil {
		t.Error(err)
	}
	if tagged, err := f.Find(ctx, account, region, first.ID); err != nil || len(tagged.Tags) != 1 || tagged.Tags["b"] != "2" {
		t.Errorf("got the tags %v, %v", tagged.Tags, err)
	}

	if err := f.Delete(ctx, account, region, first.ID); err != nil {
		t.Error(err)
	}
	f.refused("Delete of what is gone", f.Delete(ctx, account, region, first.ID), fault.NotFound)
	if _, _, found, _ := f.Provisioned(first.ARN, region, account); found {
		t.Error("what was deleted is found")
	}
	f.made("third", "a3", 2)
}

func TestCommitment(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	made, err := f.create(provisioned.New{Name: "x", Model: "a", Units: 1, Commitment: provisioned.OneMonth})
	if err != nil {
		t.Fatal(err)
	}
	if want := f.now.AddDate(0, 1, 0); !made.Expires.Equal(want) {
		t.Errorf("got the end %v, want %v", made.Expires, want)
	}
	f.refused("Delete", f.Delete(t.Context(), account, region, made.ARN), fault.Conflict)
	f.now = made.Expires
	if err := f.Delete(t.Context(), account, region, made.ARN); err != nil {
		t.Error(err)
	}
}

// TestAnotherProcess sees what is made by one that has the same store open, and
// refuses what both of them sold at the same time.
func TestAnotherProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	one, two := newFixture(t, file), newFixture(t, file)
	made := one.made("x", "a", 3)
	if _, err := two.Enter(t.Context(), "one", made.ARN); !fault.Is(err, fault.Throttled) {
		t.Errorf("before it is known: got %v", err)
	}
	if err := two.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, found, err := two.Provisioned(made.ARN, region, account); !found || err != nil {
		t.Errorf("got %t, %v", found, err)
	}
	if err := one.Delete(t.Context(), account, region, made.ARN); err != nil {
		t.Fatal(err)
	}
	if err := two.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, found, _ := two.Provisioned(made.ARN, region, account); found {
		t.Error("what was deleted is found")
	}
}

// enter takes a place at once or fails.
func (f *fixture) enter(arn string) func() {
	f.Helper()
	leave, err := f.Enter(f.Context(), "one", arn)
	if err != nil {
		f.Fatal(err)
	}
	return leave
}

func TestReservedPlacesAreReserved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	for range 10 { // nothing is reserved: the engine's own queue decides
		defer f.enter("")()
	}
	arn := f.made("x", "b", 1).ARN
	if _, err := f.Enter(t.Context(), "two", arn); err != nil {
		t.Error(err)
	}
	_, err := f.Enter(t.Context(), "two", arn)
	f.refused("beyond the places", err, fault.Throttled)
}

func TestOnDemandWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	arn := f.made("x", "a", 2).ARN
	running := []func(){f.enter(""), f.enter("")} // two of four places are left
	var mu sync.Mutex
	var order []int
	var group sync.WaitGroup
	for i := range 2 {
		started := make(chan struct{})
		group.Go(func() {
			close(started)
			leave, err := f.Enter(t.Context(), "one", "")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			leave()
		})
		<-started
		f.waitFor(i + 1)
	}
	_, err := f.Enter(t.Context(), "one", "")
	f.refused("the queue is full", err, fault.Unavailable)
	defer f.enter(arn)() // not in the least disturbed by the load
	defer f.enter(arn)()
	_, err = f.Enter(t.Context(), "one", arn)
	f.refused("beyond the places", err, fault.Throttled)
	running[0]()
	group.Wait()
	running[1]()
	if !slices.IsSorted(order) {
		t.Errorf("served in the order %v", order)
	}

	// One who leaves the queue leaves nothing behind.
	running = []func(){f.enter(""), f.enter("")}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	group.Go(func() {
		if _, err := f.Enter(ctx, "one", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it canceled", err)
		}
	})
	f.waitFor(1)
	cancel(gone)
	group.Wait()
	f.waitFor(0)
	for _, leave := range running {
		leave()
	}
	// When it is given back, everybody may run.
	if err := f.Delete(t.Context(), account, region, arn); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		defer f.enter("")()
	}
}

// Routes that lead elsewhere take the places along, those in use included.
func TestPlacesMoveWithTheRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	arn := f.made("x", "a", 2).ARN
	first := f.enter(arn)
	f.Bind(func(_ context.Context, id, _, _ string) (provisioned.Model, error) {
		return provisioned.Model{ID: id, ARN: "arn:" + id, ServedBy: "three"}, nil
	})
	second, err := f.Enter(t.Context(), "three", arn) // the routes are new, the places not yet
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = f.Enter(t.Context(), "three", arn)
	f.refused("beyond the places, of which one is in use in the old model", err, fault.Throttled)
	first()
	third, err := f.Enter(t.Context(), "one", arn) // found before the reload
	if err != nil {
		t.Errorf("a call that had found the old model: got %v", err)
	}
	for range 5 {
		defer f.enter("")() // nothing is reserved there any more
	}
	second()
	third()
	for range 2 {
		leave, err := f.Enter(t.Context(), "three", arn)
		if err != nil {
			t.Error(err)
			continue
		}
		defer leave()
	}
	for range 2 {
		leave, err := f.Enter(t.Context(), "three", "")
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Enter(ctx, "three", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a fifth one: got %v, want it to wait", err)
	}
}

// Names that callers make up fill no memory.
func TestModelsThatNobodyIsInAreForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t, filepath.Join(t.TempDir(), "state.db"))
	for i := range 100 {
		leave, err := f.Enter(t.Context(), fmt.Sprint("model", i), "")
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if n := f.Lanes(); n != 0 {
		t.Errorf("%d models are remembered", n)
	}
	arn := f.made("x", "a", 1).ARN
	f.enter("")()
	if n := f.Lanes(); n != 1 {
		t.Errorf("%d models are remembered, want the one with a reservation", n)
	}
	if err := f.Delete(t.Context(), account, region, arn); err != nil {
		t.Fatal(err)
	}
	if n := f.Lanes(); n != 0 {
		t.Errorf("%d models are remembered after it was given back", n)
	}
}

// waitFor waits until so many wait.
func (f *fixture) waitFor(n int) {
	for f.Waiting("one") != n {
		if f.Context().Err() != nil {
			f.Fatal("nobody waits")
		}
	}
}
