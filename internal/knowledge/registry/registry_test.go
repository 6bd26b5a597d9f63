package registry_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// fixture is a registry on a real store, with the test's clock and readable IDs.
type fixture struct {
	*registry.Registry

	t     *testing.T
	store store.Store
	clock *clocktest.Clock
	mu    sync.Mutex
	ids   int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: clocktest.New(time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC))}
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f.store = s
	f.Registry = registry.New(registry.Params{Store: s, Now: f.clock.Now, NewID: func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ids++
		return fmt.Sprintf("ID%08d", f.ids)
	}})
	return f
}

func (f *fixture) base(name string) knowledge.Base {
	f.t.Helper()
	b, created, err := f.CreateBase(f.t.Context(), knowledge.Base{Account: account, Region: region, Name: name, EmbeddingModel: "arn"}, store.Token{})
	if err != nil || !created {
		f.t.Fatal(created, err)
	}
	return b
}

func (f *fixture) source(b knowledge.Base, name string) knowledge.DataSource {
	f.t.Helper()
	ds, created, err := f.CreateSource(f.t.Context(), knowledge.DataSource{Account: b.Account, Region: b.Region, Base: b.ID, Name: name, Kind: knowledge.S3}, store.Token{})
	if err != nil || !created {
		f.t.Fatal(created, err)
	}
	return ds
}

func (f *fixture) job(ds knowledge.DataSource) knowledge.Job {
	f.t.Helper()
	j, created, err := f.start(ds, "")
	if err != nil || !created {
		f.t.Fatal(created, err)
	}
	return j
}

func (f *fixture) start(ds knowledge.DataSource, token string) (knowledge.Job, bool, error) {
	return f.StartJob(f.t.Context(), knowledge.Job{Account: ds.Account, Region: ds.Region, Base: ds.Base, Source: ds.ID}, store.Token{Value: token})
}

// end ends a job as a worker does.
func (f *fixture) end(j knowledge.Job, status knowledge.JobStatus) knowledge.Job {
	f.t.Helper()
	j.Status = status
	j, err := f.UpdateJob(f.t.Context(), j)
	if err != nil {
		f.t.Fatal(err)
	}
	return j
}

// work claims and finishes what is queued.
func (f *fixture) work() []registry.Work {
	f.t.Helper()
	var list []registry.Work
	for {
		j, ok, err := f.store.Claim(f.t.Context(), []string{registry.WorkSync, registry.WorkDocuments, registry.WorkDeleteBase, registry.WorkDeleteSource}, time.Hour)
		if err != nil {
			f.t.Fatal(err)
		}
		if !ok {
			return list
		}
		w, err := registry.DecodeWork(j)
		if err != nil {
			f.t.Fatal(err)
		}
		list = append(list, w)
		if err := f.store.Finish(f.t.Context(), j); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) check(what string, got, want any) {
	f.t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b knowledge.Value) bool { return a.Equal(b) })); diff != "" {
		f.t.Errorf("%s: got differs from want (-want +got):\n%s", what, diff)
	}
}

func (f *fixture) refused(what string, err error, kind fault.Kind, text string) {
	f.t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(fault.As(err).Message, text) {
		f.t.Errorf("%s: got %v, want %v with %q", what, err, kind, text)
	}
}

func ignore[T any](_ T, err error) error { return err }

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := registry.NewID()
		if !regexp.MustCompile(`^[0-9A-Z]{10}$`).MatchString(id) || seen[id] {
			t.Fatalf("got %q, want ten characters that did not come before", id)
		}
		seen[id] = true
	}
}

func TestBase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	want := knowledge.Base{
		Account: account, Region: region, Name: "docs", Description: "d", RoleARN: "role", EmbeddingModel: "arn:model",
		Dimensions: 512, Binary: true, Config: []byte(`{"a":1}`), Tags: map[string]string{"k": "v"},
	}
	made, created, err := f.CreateBase(ctx, want, store.Token{Value: "t"})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	want.ID, want.Status, want.Version, want.Created, want.Updated = "ID00000001", knowledge.BaseActive, 1, f.clock.Now(), f.clock.Now()
	f.check("CreateBase", made, want)
	got, err := f.Base(ctx, account, region, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.check("Base", got, want)

	again, created, err := f.CreateBase(ctx, knowledge.Base{Account: account, Region: region, Name: "other"}, store.Token{Value: "t"})
	if err != nil || created {
		t.Errorf("CreateBase with the token: got created %v, %v, want the first one", created, err)
	}
	f.check("CreateBase with the token", again, want)
	_, _, err = f.CreateBase(ctx, knowledge.Base{Account: account, Region: region, Name: "docs"}, store.Token{})
	f.refused("a taken name", err, fault.Conflict, "KnowledgeBase with name docs already exists.")
	for _, elsewhere := range []knowledge.Base{{Account: account, Region: "eu-west-1", Name: "docs"}, {Account: "222222222222", Region: region, Name: "docs"}} {
		if _, _, err := f.CreateBase(ctx, elsewhere, store.Token{}); err != nil {
			t.Errorf("the name in %s of %s: %v", elsewhere.Region, elsewhere.Account, err)
		}
	}
	f.refused("of another region", ignore(f.Base(ctx, account, "eu-west-1", made.ID)), fault.NotFound, "Knowledge Base with id ID00000001 does not exist")
	f.refused("of another account", ignore(f.Base(ctx, "222222222222", region, made.ID)), fault.NotFound, made.ID)

	f.clock.Advance(time.Minute)
	changed := made
	changed.Name, changed.Description = "renamed", ""
	changed, err = f.UpdateBase(ctx, changed)
	if err != nil {
		t.Fatal(err)
	}
	want.Name, want.Description, want.Version, want.Updated = "renamed", "", 2, f.clock.Now()
	f.check("UpdateBase", changed, want)
	if _, err := f.UpdateBase(ctx, made); store.Reason(err) != store.Changed {
		t.Errorf("UpdateBase of an old version: got %v, want that it was changed", err)
	}
	changed.Name = f.base("another").Name
	f.refused("UpdateBase to a taken name", ignore(f.UpdateBase(ctx, changed)), fault.Conflict, "KnowledgeBase with name another already exists.")
	f.refused("UpdateBase of none", ignore(f.UpdateBase(ctx, knowledge.Base{Account: account, Region: region, ID: "NONE"})), fault.NotFound, "NONE")
}

func TestBasesInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 5 {
		f.base(fmt.Sprint("b", i))
	}
	if _, _, err := f.CreateBase(t.Context(), knowledge.Base{Account: account, Region: "eu-west-1", Name: "b9"}, store.Token{}); err != nil {
		t.Fatal(err)
	}
	var names []string
	after := ""
	for {
		list, next, err := f.Bases(t.Context(), account, region, 2, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			names = append(names, b.Name)
		}
		if after = next; next == "" {
			break
		}
	}
	f.check("names", names, []string{"b0", "b1", "b2", "b3", "b4"})
	_, _, err := f.Bases(t.Context(), account, region, 2, "nonsense")
	f.refused("a made-up position", err, fault.Invalid, "nextToken")
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.base("docs")
	f.clock.Advance(time.Minute)
	tag := func(set map[string]string, remove ...string) error {
		return f.TagBase(t.Context(), account, region, b.ID, set, remove)
	}
	if err := tag(map[string]string{"a": "1", "b": "2"}); err != nil {
		t.Fatal(err)
	}
	if err := tag(map[string]string{"a": "3"}, "b", "none"); err != nil {
		t.Fatal(err)
	}
	got, err := f.Base(t.Context(), account, region, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.Tags, b.Version = map[string]string{"a": "3"}, 3
	f.check("the base", got, b)
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint(i)] = ""
	}
	f.refused("too many", tag(many), fault.QuotaExceeded, "limit of 50 tags")
	_, _, err = f.CreateBase(t.Context(), knowledge.Base{Account: account, Region: region, Name: "tagged", Tags: maps.Collect(func(yield func(string, string) bool) {
		for i := range 51 {
			yield(fmt.Sprint(i), "")
		}
	})}, store.Token{})
	f.refused("too many from the start", err, fault.QuotaExceeded, "limit of 50 tags")
	if err := tag(many, "a"); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	f.refused("of none", f.TagBase(t.Context(), account, region, "NONE", nil, nil), fault.NotFound, "NONE")

	var group sync.WaitGroup
	for i := range 5 {
		group.Go(func() {
			if err := tag(map[string]string{fmt.Sprint(i): "set"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, _ = f.Base(t.Context(), account, region, b.ID)
	for i := range 5 {
		if got.Tags[fmt.Sprint(i)] != "set" {
			t.Errorf("tag %d: got lost among others at the same time", i)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	b, other := f.base("docs"), f.base("other")
	want := knowledge.DataSource{
		Account: account, Region: region, Base: b.ID, Name: "bucket", Description: "d", Kind: knowledge.S3, Bucket: "b", BucketOwner: "o",
		Prefixes: []string{"p/"}, Retain: true, Chunking: knowledge.Chunking{Strategy: knowledge.FixedSize, MaxTokens: 1}, Config: []byte(`{}`),
	}
	made, created, err := f.CreateSource(ctx, want, store.Token{Value: "t"})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	want.ID, want.Status, want.Version, want.Created, want.Updated = made.ID, knowledge.SourceAvailable, 1, f.clock.Now(), f.clock.Now()
	f.check("CreateSource", made, want)
	got, err := f.Source(ctx, account, region, b.ID, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.check("Source", got, want)
	if again, created, err := f.CreateSource(ctx, want, store.Token{Value: "t"}); err != nil || created || again.ID != made.ID {
		t.Errorf("CreateSource with the token: got %s, %v, %v, want the first one", again.ID, created, err)
	}
	_, _, err = f.CreateSource(ctx, want, store.Token{})
	f.refused("a taken name", err, fault.Conflict, "DataSource with name bucket already exists.")
	f.source(other, "bucket")
	_, _, err = f.CreateSource(ctx, knowledge.DataSource{Account: account, Region: region, Base: "NONE"}, store.Token{})
	f.refused("in no base", err, fault.NotFound, "Knowledge Base with id NONE does not exist")
	f.refused("of another base", ignore(f.Source(ctx, account, region, other.ID, made.ID)), fault.NotFound, "DataSource with id "+made.ID)

	f.clock.Advance(time.Minute)
	changed := made
	changed.Name, changed.Prefixes = "renamed", nil
	changed, err = f.UpdateSource(ctx, changed)
	if err != nil {
		t.Fatal(err)
	}
	want.Name, want.Prefixes, want.Version, want.Updated = "renamed", nil, 2, f.clock.Now()
	f.check("UpdateSource", changed, want)
	if _, err := f.UpdateSource(ctx, made); store.Reason(err) != store.Changed {
		t.Errorf("UpdateSource of an old version: got %v, want that it was changed", err)
	}

	folder := knowledge.DataSource{Account: "222222222222", Region: "eu-west-1", Name: "folder", Kind: knowledge.Folder, Path: "/docs", Watch: true}
	far, _, err := f.CreateBase(ctx, knowledge.Base{Account: folder.Account, Region: folder.Region, Name: "far"}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	folder.Base = far.ID
	if folder, _, err = f.CreateSource(ctx, folder, store.Token{}); err != nil {
		t.Fatal(err)
	}
	all, err := f.AllSources(ctx, knowledge.Folder)
	if err != nil {
		t.Fatal(err)
	}
	f.check("AllSources", all, []knowledge.DataSource{folder})
	list, next, err := f.Sources(ctx, account, region, b.ID, 1, "")
	if err != nil || next != "" {
		t.Errorf("Sources: got next %q, %v", next, err)
	}
	f.check("Sources", list, []knowledge.DataSource{changed})
	_, _, err = f.Sources(ctx, account, region, "NONE", 1, "")
	f.refused("Sources of no base", err, fault.NotFound, "NONE")
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	b := f.base("docs")
	one, two := f.source(b, "one"), f.source(b, "two")
	f.job(one)
	running := f.job(two)
	f.work()

	ds, err := f.DeleteSource(ctx, account, region, b.ID, one.ID)
	if err != nil || ds.Status != knowledge.SourceDeleting {
		t.Fatalf("DeleteSource: got %v, %v", ds.Status, err)
	}
	again, err := f.DeleteSource(ctx, account, region, b.ID, one.ID)
	if err != nil {
		t.Error(err)
	}
	f.check("DeleteSource again", again, ds)
	f.check("work", f.work(), []registry.Work{{Account: account, Region: region, Base: b.ID, Source: one.ID}})
	jobs, _, err := f.Jobs(ctx, account, region, b.ID, one.ID, registry.JobQuery{})
	if err != nil || len(jobs) != 1 || jobs[0].Status != knowledge.JobStopping {
		t.Errorf("the job: got %v, %v, want it to be asked to stop", jobs, err)
	}
	_, _, err = f.start(one, "")
	f.refused("StartJob", err, fault.Invalid, "is in status DELETING")
	f.refused("QueueDocuments", f.QueueDocuments(ctx, one, registry.DocumentsWork{Delete: []string{"x"}}, store.Token{}), fault.Invalid, "is in status DELETING")
	for range 2 {
		if err := f.RemoveSource(ctx, account, region, b.ID, one.ID); err != nil {
			t.Errorf("RemoveSource: %v", err)
		}
	}
	f.refused("Source", ignore(f.Source(ctx, account, region, b.ID, one.ID)), fault.NotFound, one.ID)
	f.refused("its job", ignore(f.Job(ctx, account, region, b.ID, one.ID, jobs[0].ID)), fault.NotFound, jobs[0].ID)
	f.source(b, "one")

	gone, err := f.DeleteBase(ctx, account, region, b.ID)
	if err != nil || gone.Status != knowledge.BaseDeleting {
		t.Fatalf("DeleteBase: got %v, %v", gone.Status, err)
	}
	if _, err := f.DeleteBase(ctx, account, region, b.ID); err != nil {
		t.Errorf("DeleteBase again: %v", err)
	}
	f.check("work", f.work(), []registry.Work{{Account: account, Region: region, Base: b.ID}})
	if j, _ := f.Job(ctx, account, region, b.ID, two.ID, running.ID); j.Status != knowledge.JobStopping {
		t.Errorf("the job of the base: got %s, want it to be asked to stop", j.Status)
	}
	_, _, err = f.CreateSource(ctx, knowledge.DataSource{Account: account, Region: region, Base: b.ID, Name: "late"}, store.Token{})
	f.refused("CreateSource", err, fault.Invalid, "is in status DELETING")
	_, _, err = f.start(two, "")
	f.refused("StartJob", err, fault.Invalid, "is in status DELETING")
	for range 2 {
		if err := f.RemoveBase(ctx, account, region, b.ID); err != nil {
			t.Errorf("RemoveBase: %v", err)
		}
	}
	f.refused("its source", ignore(f.Source(ctx, account, region, b.ID, two.ID)), fault.NotFound, two.ID)
	f.refused("DeleteBase of none", ignore(f.DeleteBase(ctx, account, region, b.ID)), fault.NotFound, b.ID)
	f.refused("DeleteSource of none", ignore(f.DeleteSource(ctx, account, region, b.ID, two.ID)), fault.NotFound, two.ID)
	f.base("docs")
}

// A deletion that could not be finished can be asked for again.
func TestDeletionAfterAFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.base("docs")
	for range 2 {
		b, err := f.DeleteBase(t.Context(), account, region, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		if work := f.work(); len(work) != 1 {
			t.Errorf("work: got %v, want one", work)
		}
		b.Status, b.Reasons = knowledge.BaseDeleteUnsuccessful, []string{"no"}
		if _, err := f.UpdateBase(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// racing does something just before a record is made.
type racing struct {
	store.Store

	before func()
}

func (r *racing) Create(ctx context.Context, rec store.Record, how store.Create) (store.Record, bool, error) {
	r.before()
	return r.Store.Create(ctx, rec, how)
}

// What comes between the check of a parent and the making of its child leaves no
// child behind.
func TestDeletionInBetween(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(f *fixture, ds knowledge.DataSource) error{
		"the base is being deleted": func(f *fixture, ds knowledge.DataSource) error {
			return ignore(f.DeleteBase(f.t.Context(), account, region, ds.Base))
		},
		"the base is gone": func(f *fixture, ds knowledge.DataSource) error {
			return f.RemoveBase(f.t.Context(), account, region, ds.Base)
		},
		"the source is being deleted": func(f *fixture, ds knowledge.DataSource) error {
			return ignore(f.DeleteSource(f.t.Context(), account, region, ds.Base, ds.ID))
		},
		"the source is gone": func(f *fixture, ds knowledge.DataSource) error {
			return f.RemoveSource(f.t.Context(), account, region, ds.Base, ds.ID)
		},
	} {
		for call, create := range map[string]func(r *registry.Registry, ds knowledge.DataSource) error{
			"CreateSource": func(r *registry.Registry, ds knowledge.DataSource) error {
				_, _, err := r.CreateSource(t.Context(), knowledge.DataSource{Account: account, Region: region, Base: ds.Base, Name: "second"}, store.Token{})
				return err
			},
			"StartJob": func(r *registry.Registry, ds knowledge.DataSource) error {
				_, _, err := r.StartJob(t.Context(), knowledge.Job{Account: account, Region: region, Base: ds.Base, Source: ds.ID}, store.Token{})
				return err
			},
			"QueueDocuments": func(r *registry.Registry, ds knowledge.DataSource) error {
				return r.QueueDocuments(t.Context(), ds, registry.DocumentsWork{Delete: []string{"a"}}, store.Token{})
			},
		} {
			t.Run(name+"/"+call, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				ds := f.source(f.base("docs"), "bucket")
				r := registry.New(registry.Params{Now: f.clock.Now, Store: &racing{Store: f.store, before: func() {
					if err := remove(f, ds); err != nil {
						t.Error(err)
					}
				}}})
				err := create(r, ds)
				switch {
				case call == "CreateSource" && strings.HasPrefix(name, "the source"):
					if err != nil {
						t.Errorf("got %v, want a source beside the one that goes", err)
					}
				case strings.HasSuffix(name, "gone"):
					f.refused(call, err, fault.NotFound, "with id")
				default:
					f.refused(call, err, fault.Invalid, "is in status DELETING")
				}
				for _, work := range f.work() {
					if work.Job != "" || work.Documents != nil {
						t.Errorf("got work %+v, want nothing but the deletion's", work)
					}
				}
			})
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Base(ctx, account, region, "X")
	if !fault.Is(err, fault.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
}
