package directory_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const (
	account = "123456789012"
	allow   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*"}]}`
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
	awsFull = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
)

func newClock() *clocktest.Clock { return clocktest.New(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)) }

func newStore(t testing.TB, now func() time.Time) store.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t testing.TB) *directory.Directory {
	t.Helper()
	now := newClock().Now
	return directory.New(directory.Params{Store: newStore(t, now), Account: account, Now: now, Rand: rand.Reader})
}

func must[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks the code and the message that a client gets.
func refused(t testing.TB, err error, code, message string) {
	t.Helper()
	f := fault.As(err)
	if f == nil {
		t.Errorf("got no error want %s: %s", code, message)
		return
	}
	if f.Code != code || f.Message != message {
		t.Errorf("got  %s: %s\nwant %s: %s", f.Code, f.Message, code, message)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	made := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "Ada", Path: "/team/ml/", Tags: map[string]string{"Team": "ml"}}))
	if made.ARN != "arn:aws:iam::123456789012:user/team/ml/Ada" || !strings.HasPrefix(made.ID, "AIDA") || len(made.ID) != 21 {
		t.Errorf("got %+v", made)
	}
	found := must[directory.User](t)(d.User(ctx, "aDA"))
	if found.ID != made.ID || found.Name != "Ada" || found.Tags["Team"] != "ml" {
		t.Errorf("got %+v", found)
	}
	_, err := d.CreateUser(ctx, directory.NewUser{Name: "ADA"})
	refused(t, err, "EntityAlreadyExists", "User with name ADA already exists.")
	_, err = d.User(ctx, "bob")
	refused(t, err, "NoSuchEntity", "The user with name bob cannot be found.")
	_, err = d.CreateUser(ctx, directory.NewUser{Name: "no spaces"})
	refused(t, err, "ValidationError", "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	_, err = d.CreateUser(ctx, directory.NewUser{Name: "x", Path: "nowhere"})
	refused(t, err, "ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")

	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "eve"}))
	_, err = d.UpdateUser(ctx, "ada", "EVE", "")
	refused(t, err, "EntityAlreadyExists", "User with name EVE already exists.")
	moved := must[directory.User](t)(d.UpdateUser(ctx, "ada", "grace", "/x/"))
	if moved.ID != made.ID || moved.ARN != "arn:aws:iam::123456789012:user/x/grace" {
		t.Errorf("got %+v", moved)
	}
	_, err = d.User(ctx, "ada")
	refused(t, err, "NoSuchEntity", "The user with name ada cannot be found.")
	if same := must[directory.User](t)(d.UserByID(ctx, made.ID)); same.Name != "grace" {
		t.Errorf("got %s want grace", same.Name)
	}
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "ada"}))

	page := must[directory.Page[directory.User]](t)(d.Users(ctx, directory.List{Limit: 2}))
	rest := must[directory.Page[directory.User]](t)(d.Users(ctx, directory.List{Limit: 2, After: page.Next}))
	if len(page.Items) != 2 || len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("got pages of %d and %d", len(page.Items), len(rest.Items))
	}
	_, err = d.Users(ctx, directory.List{Limit: 2, After: "forged"})
	refused(t, err, "ValidationError", "Invalid Marker")
	if got := must[directory.Page[directory.User]](t)(d.Users(ctx, directory.List{Prefix: "/x/"})); len(got.Items) != 1 {
		t.Errorf("got %d users under /x/ want 1", len(got.Items))
	}
}

// Each thing that an entity has must go before it, and goes.
func TestDeleteConflicts(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	must[directory.Group](t)(d.CreateGroup(ctx, "g", ""))
	must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust}))
	p := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: "p", Document: allow}))
	remove := map[directory.Sort]func(context.Context, string) error{
		directory.SortUser: d.DeleteUser, directory.SortGroup: d.DeleteGroup, directory.SortRole: d.DeleteRole,
	}
	ok(t, d.AddUser(ctx, "g", "u"))
	for _, who := range []directory.Who{{Sort: directory.SortUser, Name: "u"}, {Sort: directory.SortGroup, Name: "g"}, {Sort: directory.SortRole, Name: "r"}} {
		ok(t, d.Attach(ctx, who, p.ARN))
		ok(t, d.Attach(ctx, who, p.ARN))
		ok(t, d.PutInline(ctx, who, "inline", allow))
	}
	refused(t, d.DeleteUser(ctx, "u"), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	refused(t, d.DeletePolicy(ctx, p.ARN), "DeleteConflict", "Cannot delete a policy attached to entities.")
	uses := must[directory.Page[directory.Use]](t)(d.Uses(ctx, p.ARN, directory.List{}))
	counts := must[directory.Counts](t)(d.Counts(ctx, p.ID))
	if len(uses.Items) != 3 || counts.Attached != 3 {
		t.Errorf("got %d uses and %d attachments want 3", len(uses.Items), counts.Attached)
	}
	for _, who := range []directory.Who{{Sort: directory.SortRole, Name: "r"}, {Sort: directory.SortGroup, Name: "g"}, {Sort: directory.SortUser, Name: "u"}} {
		switch who.Sort {
		case directory.SortUser:
			ok(t, d.AddUser(ctx, "h", "u"))
			refused(t, d.DeleteGroup(ctx, "h"), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
			ok(t, d.RemoveUser(ctx, "h", "u"))
			ok(t, d.DeleteGroup(ctx, "h"))
		case directory.SortGroup:
			must[directory.Group](t)(d.CreateGroup(ctx, "h", ""))
			ok(t, d.RemoveUser(ctx, "g", "u"))
		}
		refused(t, remove[who.Sort](ctx, who.Name), "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		ok(t, d.Detach(ctx, who, p.ARN))
		refused(t, d.Detach(ctx, who, p.ARN), "NoSuchEntity", "Policy "+p.ARN+" was not found.")
		refused(t, remove[who.Sort](ctx, who.Name), "DeleteConflict", "Cannot delete entity, must delete policies first.")
		ok(t, d.DeleteInline(ctx, who, "inline"))
		refused(t, d.DeleteInline(ctx, who, "inline"), "NoSuchEntity", "The "+string(who.Sort)+" policy with name inline cannot be found.")
		ok(t, remove[who.Sort](ctx, who.Name))
		refused(t, remove[who.Sort](ctx, who.Name), "NoSuchEntity", "The "+string(who.Sort)+" with name "+who.Name+" cannot be found.")
	}
	ok(t, d.DeletePolicy(ctx, p.ARN))
	_, err := d.Policy(ctx, p.ARN)
	refused(t, err, "NoSuchEntity", "Policy "+p.ARN+" was not found.")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	u := directory.Who{Sort: directory.SortUser, Name: "u"}
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	for i := range 11 {
		name := fmt.Sprint("p", i)
		p := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: name, Document: allow}))
		must[directory.Group](t)(d.CreateGroup(ctx, name, ""))
		attach, join := d.Attach(ctx, u, p.ARN), d.AddUser(ctx, name, "u")
		if i < 10 {
			ok(t, attach)
			ok(t, join)
			continue
		}
		refused(t, attach, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")
		refused(t, join, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
	}
	refused(t, d.Attach(ctx, u, "arn:aws:iam::123456789012:policy/none"), "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")
	ok(t, d.Detach(ctx, u, "arn:aws:iam::123456789012:policy/p0"))
	refused(t, d.Attach(ctx, u, "arn:aws:iam::123456789012:policy/none"), "NoSuchEntity",
		"Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable.")
	refused(t, d.Attach(ctx, u, "p1"), "InvalidInput", "ARN p1 is not valid.")

	long := strings.Replace(allow, "InvokeModel", strings.Repeat("a", 2000-len(allow)+len("InvokeModel")), 1)
	ok(t, d.PutInline(ctx, u, "long", long))
	ok(t, d.PutInline(ctx, u, "long", long))
	refused(t, d.PutInline(ctx, u, "more", allow), "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user u")
	white := strings.Replace(long, ":", ":"+strings.Repeat(" \n", 1000), 1)
	ok(t, d.PutInline(ctx, u, "long", white))

	tags := map[string]string{}
	for i := range 50 {
		tags[fmt.Sprint("k", i)] = ""
	}
	ok(t, d.Tag(ctx, u, tags))
	ok(t, d.Tag(ctx, u, map[string]string{"K1": "again"}))
	refused(t, d.Tag(ctx, u, map[string]string{"more": ""}), "LimitExceeded", "The number of tags has reached the maximum limit.")
	refused(t, d.Tag(ctx, u, map[string]string{"a": "", "A": ""}), "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	ok(t, d.Untag(ctx, u, []string{"k1", "none"}))
	if got := must[directory.User](t)(d.User(ctx, "u")); len(got.Tags) != 49 {
		t.Errorf("got %d tags want 49", len(got.Tags))
	}
	_, err := d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: strings.Replace(trust, "AssumeRole", strings.Repeat("a", 2048), 1)})
	refused(t, err, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
	_, err = d.CreatePolicy(ctx, directory.NewPolicy{Name: "big", Document: strings.Replace(allow, "InvokeModel", strings.Repeat("a", 6144), 1)})
	refused(t, err, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
	_, err = d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust, MaxSession: time.Minute})
	refused(t, err, "ValidationError", "1 validation error detected: Value '60' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200")
}

func TestPolicyVersions(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	p := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: "p", Path: "/a/", Document: allow}))
	_, err := d.CreatePolicy(ctx, directory.NewPolicy{Name: "P", Document: allow})
	refused(t, err, "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed.")
	_, err = d.Policy(ctx, "arn:aws:iam::123456789012:policy/p")
	refused(t, err, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/p was not found.")
	for i := 2; i <= 5; i++ {
		must[directory.Version](t)(d.CreateVersion(ctx, p.ARN, allow, i == 3))
	}
	_, err = d.CreateVersion(ctx, p.ARN, allow, false)
	refused(t, err, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	refused(t, d.DeleteVersion(ctx, p.ARN, "v3"), "DeleteConflict", "Cannot delete the default version of a policy.")
	refused(t, d.DeleteVersion(ctx, p.ARN, "v9"), "NoSuchEntity", "Policy "+p.ARN+" version v9 does not exist or is not attachable.")
	ok(t, d.DeleteVersion(ctx, p.ARN, "v5"))
	if v := must[directory.Version](t)(d.CreateVersion(ctx, p.ARN, allow, false)); v.ID != "v6" {
		t.Errorf("got %s want v6", v.ID)
	}
	ok(t, d.SetDefaultVersion(ctx, p.ARN, "v1"))
	refused(t, d.DeletePolicy(ctx, p.ARN), "DeleteConflict",
		"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	for _, v := range []string{"v2", "v3", "v4", "v6"} {
		ok(t, d.DeleteVersion(ctx, p.ARN, v))
	}
	must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust, Boundary: p.ARN}))
	refused(t, d.DeletePolicy(ctx, p.ARN), "DeleteConflict", "Cannot delete a policy attached to entities.")
	ok(t, d.DeleteRole(ctx, "r"))
	ok(t, d.DeletePolicy(ctx, p.ARN))
	if f := fault.As(d.DeletePolicy(ctx, awsFull)); f == nil || f.Kind != fault.Denied {
		t.Errorf("got %v for a policy of AWS", f)
	}
}

func TestBoundary(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	u := directory.Who{Sort: directory.SortUser, Name: "u"}
	_, err := d.CreateUser(ctx, directory.NewUser{Name: "u", Boundary: "arn:aws:iam::123456789012:policy/none"})
	refused(t, err, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable.")
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u", Boundary: awsFull}))
	full := must[directory.Policy](t)(d.Policy(ctx, awsFull))
	if c := must[directory.Counts](t)(d.Counts(ctx, full.ID)); c != (directory.Counts{Boundaries: 1}) {
		t.Errorf("got %+v", c)
	}
	p := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: "p", Document: allow}))
	ok(t, d.SetBoundary(ctx, u, p.ARN))
	if c := must[directory.Counts](t)(d.Counts(ctx, full.ID)); c != (directory.Counts{}) {
		t.Errorf("got %+v", c)
	}
	ok(t, d.DeleteBoundary(ctx, u))
	refused(t, d.DeleteBoundary(ctx, u), "NoSuchEntity", "The user with name u does not have a permissions boundary.")
	ok(t, d.DeletePolicy(ctx, p.ARN))
}

// Many change one user through two servers at once, and no change is lost.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	s := newStore(t, time.Now)
	var servers []*directory.Directory
	for range 2 {
		servers = append(servers, directory.New(directory.Params{Store: s, Account: account, Rand: rand.Reader}))
	}
	ctx := t.Context()
	who := directory.Who{Sort: directory.SortUser, Name: "u"}
	must[directory.User](t)(servers[0].CreateUser(ctx, directory.NewUser{Name: "u"}))
	var group sync.WaitGroup
	errs := make([]error, 30)
	for i := range 10 {
		name := fmt.Sprint("n", i)
		p := must[directory.Policy](t)(servers[0].CreatePolicy(ctx, directory.NewPolicy{Name: name, Document: allow}))
		must[directory.Group](t)(servers[0].CreateGroup(ctx, name, ""))
		d := servers[i%2]
		group.Go(func() { errs[3*i] = d.Attach(ctx, who, p.ARN) })
		group.Go(func() { errs[3*i+1] = d.Tag(ctx, who, map[string]string{name: name}) })
		group.Go(func() { errs[3*i+2] = d.AddUser(ctx, name, "u") })
	}
	group.Wait()
	ok(t, errors.Join(errs...))
	u := must[directory.User](t)(servers[1].User(ctx, "u"))
	slices.Sort(u.Attached)
	if len(slices.Compact(u.Attached)) != 10 || len(u.Tags) != 10 || len(u.Groups) != 10 {
		t.Errorf("got %d policies, %d tags and %d groups want 10", len(u.Attached), len(u.Tags), len(u.Groups))
	}
}

// One name is given once, whoever asks at the same time.
func TestOneNameOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = d.CreateUser(t.Context(), directory.NewUser{Name: []string{"Same", "same"}[i%2]})
		})
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if fault.As(err).Code != "EntityAlreadyExists" {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("got %d users want 1", made)
	}
}

func TestAlias(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	ok(t, d.SetAlias(ctx, "first"))
	ok(t, d.SetAlias(ctx, "second-one"))
	refused(t, d.SetAlias(ctx, "second-one"), "EntityAlreadyExists", "The account alias second-one already exists.")
	refused(t, d.DeleteAlias(ctx, "first"), "NoSuchEntity", "The account alias first cannot be found.")
	if got := must[string](t)(d.Alias(ctx)); got != "second-one" {
		t.Errorf("got %s", got)
	}
	ok(t, d.DeleteAlias(ctx, "second-one"))
	if got := must[string](t)(d.Alias(ctx)); got != "" {
		t.Errorf("got %s", got)
	}
}
