package directory_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
)

func principal(u directory.User) iam.Principal {
	return iam.Principal{Type: iam.User, Account: account, ARN: u.ARN, UserID: u.ID, Name: u.Name, AccessKeyID: "AKIA" + u.ID}
}

func session(r directory.Role, s iam.Session) iam.Principal {
	return iam.Principal{
		Type: iam.AssumedRole, Account: account, ARN: "arn:aws:sts::123456789012:assumed-role/" + r.Name + "/" + s.Name,
		UserID: r.ID + ":" + s.Name, Name: r.Name, AccessKeyID: "ASIA" + s.Name, Session: &s,
	}
}

// ids are the policies of a layer; nil when there is no such layer.
func ids(layer []policy.Attached) []string {
	if layer == nil {
		return nil
	}
	all := []string{}
	for _, a := range layer {
		all = append(all, a.Type+" "+a.ID)
	}
	return all
}

func governs(t testing.TB, d *directory.Directory, p iam.Principal, identity, boundary, session []string) {
	t.Helper()
	g, err := d.Governing(t.Context(), p)
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff([3][]string{identity, boundary, session}, [3][]string{ids(g.Set.Identity), ids(g.Set.Boundary), ids(g.Set.Session)}); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func unknown(t testing.TB, d *directory.Directory, p iam.Principal) {
	t.Helper()
	_, err := d.Governing(t.Context(), p)
	if f := fault.As(err); f == nil || f.Code != fault.As(iam.ErrUnknownKey()).Code {
		t.Errorf("got %v for %s want ErrUnknownKey", err, p.ARN)
	}
}

// Everything that governs a principal is found, and what this server changes
// counts with the next request, although no time passes.
func TestGoverning(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	u := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u", Tags: map[string]string{"team": "ml"}}))
	who := directory.Who{Sort: directory.SortUser, Name: "u"}
	p := principal(u)
	governs(t, d, p, []string{}, nil, nil)
	ok(t, d.PutInline(ctx, who, "own", allow))
	governs(t, d, p, []string{"user own"}, nil, nil)
	made := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: "made", Document: allow}))
	ok(t, d.Attach(ctx, who, made.ARN))
	must[directory.Group](t)(d.CreateGroup(ctx, "g", ""))
	ok(t, d.PutInline(ctx, directory.Who{Sort: directory.SortGroup, Name: "g"}, "shared", allow))
	ok(t, d.AddUser(ctx, "g", "u"))
	ok(t, d.SetBoundary(ctx, who, awsFull))
	identity := []string{"user own", "user-managed " + made.ARN, "group shared"}
	boundary := []string{"aws-managed " + awsFull}
	governs(t, d, p, identity, boundary, nil)

	limited := p
	limited.AccessKeyID = "ASIALIMITED"
	limited.Session = &iam.Session{Policies: []string{allow}, PolicyARNs: []string{made.ARN}, Tags: map[string]string{"Team": "ops", "job": "1"}}
	governs(t, d, limited, identity, boundary, []string{"session ", "user-managed " + made.ARN})
	g := must[directory.Governing](t)(d.Governing(ctx, limited))
	if want := map[string]string{"Team": "ops", "job": "1"}; !maps.Equal(g.Tags, want) {
		t.Errorf("got tags %v want %v", g.Tags, want)
	}
	limited.AccessKeyID = ""
	governs(t, d, limited, identity, boundary, []string{"session ", "user-managed " + made.ARN})
	g = must[directory.Governing](t)(d.Governing(ctx, p))
	if want := map[string]string{"team": "ml"}; !maps.Equal(g.Tags, want) {
		t.Errorf("got tags %v want %v", g.Tags, want)
	}

	ok(t, d.DeleteBoundary(ctx, who))
	ok(t, d.RemoveUser(ctx, "g", "u"))
	ok(t, d.Detach(ctx, who, made.ARN))
	governs(t, d, p, []string{"user own"}, nil, nil)
	ok(t, d.DeletePolicy(ctx, made.ARN))
	limited.AccessKeyID = "ASIALIMITED"
	limited.Session = &iam.Session{PolicyARNs: []string{made.ARN}}
	// A session policy that is gone allows nothing.
	governs(t, d, limited, []string{"user own"}, nil, []string{})
	renamed := must[directory.User](t)(d.UpdateUser(ctx, "u", "v", ""))
	governs(t, d, principal(renamed), []string{"user own"}, nil, nil)
	ok(t, d.DeleteInline(ctx, directory.Who{Sort: directory.SortUser, Name: "v"}, "own"))
	ok(t, d.DeleteUser(ctx, "v"))
	unknown(t, d, p)
	unknown(t, d, limited)
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	unknown(t, d, p)
}

func TestGoverningOfOthers(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	governs(t, d, iam.RootPrincipal(account, "AKIAROOT"), []string{"root root"}, nil, nil)
	root := iam.RootPrincipal(account, "ASIAROOT")
	root.Session = &iam.Session{Policies: []string{allow}}
	governs(t, d, root, []string{"root root"}, nil, []string{"session "})
	unknown(t, d, iam.Principal{Type: iam.Anonymous})
	unknown(t, d, iam.Principal{Type: iam.User, UserID: "AIDANOBODY"})
	unknown(t, d, iam.Principal{Type: iam.User, UserID: ""})

	r := must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust, Boundary: awsFull}))
	who := directory.Who{Sort: directory.SortRole, Name: "r"}
	ok(t, d.PutInline(ctx, who, "own", allow))
	p := session(r, iam.Session{Name: "s"})
	governs(t, d, p, []string{"role own"}, []string{"aws-managed " + awsFull}, nil)
	governs(t, d, session(r, iam.Session{Name: "x", Policies: []string{allow}}), []string{"role own"}, []string{"aws-managed " + awsFull}, []string{"session x"})
	// The ID of a role does not make its caller a user.
	unknown(t, d, iam.Principal{Type: iam.User, UserID: r.ID})
	ok(t, d.DeleteInline(ctx, who, "own"))
	ok(t, d.DeleteRole(ctx, "r"))
	must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust}))
	unknown(t, d, p)
}

// What another server changed counts two seconds later at the latest, also when
// nobody asked in between and when it died in the middle.
func TestChangesByOthers(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := newStore(t, c.Now)
	params := directory.Params{Store: s, Account: account, Now: c.Now, Rand: rand.Reader}
	here, there := directory.New(params), directory.New(params)
	ctx := t.Context()
	u := must[directory.User](t)(there.CreateUser(ctx, directory.NewUser{Name: "u"}))
	who := directory.Who{Sort: directory.SortUser, Name: "u"}
	p := principal(u)
	var want []string
	for i, idle := range []time.Duration{0, time.Second / 2, time.Second, time.Minute, time.Hour} {
		for range 3 {
			governs(t, here, p, append([]string{}, want...), nil, nil)
			c.Advance(idle)
		}
		name := fmt.Sprint("p", i)
		ok(t, there.PutInline(ctx, who, name, allow))
		want = append(want, "user "+name)
		c.Advance(2 * time.Second)
		governs(t, here, p, want, nil, nil)
	}
	ok(t, there.DeleteInline(ctx, who, "p0"))
	c.Advance(-time.Hour) // a clock that is set back is no reason to keep what was
	governs(t, here, p, want[1:], nil, nil)
}

// However many principals come, only so many are remembered.
func TestBoundedMemory(t *testing.T) {
	t.Parallel()
	now := newClock().Now
	d := directory.New(directory.Params{
		Store: newStore(t, now), Account: account, Now: now, Rand: rand.Reader, Principals: 128, Documents: 128,
	})
	ctx := t.Context()
	r := must[directory.Role](t)(d.CreateRole(ctx, directory.NewRole{Name: "r", TrustPolicy: trust}))
	hot := session(r, iam.Session{Name: "hot", Policies: []string{allow}})
	for i := range 500 {
		text := strings.Replace(allow, "InvokeModel", fmt.Sprint("Invoke", i), 1)
		governs(t, d, session(r, iam.Session{Name: fmt.Sprint("s", i), Policies: []string{text}}), []string{}, nil, []string{fmt.Sprint("session s", i)})
		governs(t, d, hot, []string{}, nil, []string{"session hot"})
	}
	if principals, documents := d.Remembered(); principals > 128 || documents > 128 {
		t.Errorf("got %d principals and %d documents want at most 128", principals, documents)
	}
}

// A policy that cannot be read, of whatever release, is not a policy less.
func TestUnreadablePolicy(t *testing.T) {
	t.Parallel()
	now := newClock().Now
	s := newStore(t, now)
	d := directory.New(directory.Params{Store: s, Account: account, Now: now, Rand: rand.Reader})
	ctx := t.Context()
	u := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	ok(t, d.PutInline(ctx, directory.Who{Sort: directory.SortUser, Name: "u"}, "p", allow))
	directory.Spoil(t, d, u.ID)
	if _, err := d.Governing(ctx, principal(u)); !fault.Is(err, fault.Internal) {
		t.Errorf("got %v want an internal error", err)
	}
}

// Requests while policies change see a state that was true, never a torn one.
func TestGoverningWhileChanging(t *testing.T) {
	t.Parallel()
	s := newStore(t, time.Now)
	d := directory.New(directory.Params{Store: s, Account: account, Rand: rand.Reader})
	ctx := t.Context()
	u := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	who := directory.Who{Sort: directory.SortUser, Name: "u"}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				g, err := d.Governing(ctx, principal(u))
				if err != nil || len(g.Set.Identity) > 1 {
					t.Errorf("got %d policies, %v", len(g.Set.Identity), err)
					return
				}
			}
		})
	}
	for range 30 {
		ok(t, d.PutInline(ctx, who, "p", allow))
		governs(t, d, principal(u), []string{"user p"}, nil, nil)
		ok(t, d.DeleteInline(ctx, who, "p"))
		governs(t, d, principal(u), []string{}, nil, nil)
	}
	close(done)
	group.Wait()
}

func BenchmarkGoverning(b *testing.B) {
	d := directory.New(directory.Params{Store: newStore(b, time.Now), Account: account, Rand: rand.Reader})
	u := must[directory.User](b)(d.CreateUser(b.Context(), directory.NewUser{Name: "u"}))
	ok(b, d.PutInline(b.Context(), directory.Who{Sort: directory.SortUser, Name: "u"}, "p", allow))
	p := principal(u)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := d.Governing(b.Context(), p); err != nil {
				b.Error(err)
			}
		}
	})
}
