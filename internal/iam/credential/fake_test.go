package credential

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

const testAccount = "000000000000"

var testRoot = iam.RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}

func newClock() *clocktest.Clock {
	return clocktest.New(time.Date(2026, 11, 21, 19, 34, 0, 0, time.UTC))
}

// people is a Directory in memory.
type people struct {
	mu       sync.Mutex
	users    map[string]directory.User // by name
	roles    map[string]directory.Role
	attached map[string][]string
	made     int
	reads    int
	changes  atomic.Uint64
	failing  error // what CreateUser and AttachUserPolicy answer, once
}

func newPeople(names ...string) *people {
	p := &people{users: map[string]directory.User{}, roles: map[string]directory.Role{}, attached: map[string][]string{}}
	for _, name := range names {
		p.addUser(name)
	}
	return p
}

func (p *people) addUser(name string) directory.User {
	p.made++
	u := directory.User{Entity: directory.Entity{
		Name: name, ID: "AIDA" + name + string(rune('A'+p.made)), ARN: "arn:aws:iam::" + testAccount + ":user/team/" + name,
	}}
	p.users[name] = u
	return u
}

func (p *people) setRole(name, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.roles, name)
	if id != "" {
		p.roles[name] = directory.Role{Entity: directory.Entity{Name: name, ID: id}}
	}
}

func (p *people) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.users, name)
}

func (p *people) rename(from, to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.users[from]
	delete(p.users, from)
	u.Name, u.ARN = to, "arn:aws:iam::"+testAccount+":user/team/"+to
	p.users[to] = u
}

var errNobody = fault.New(fault.NotFound, "cannot be found").WithCode("NoSuchEntity")

func (p *people) User(_ context.Context, name string) (directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u, ok := p.users[name]; ok {
		return u, nil
	}
	return directory.User{}, errNobody
}

func (p *people) UserByID(_ context.Context, id string) (directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	for _, u := range p.users {
		if u.ID == id {
			return u, nil
		}
	}
	return directory.User{}, errNobody
}

func (p *people) Generation() uint64 { return p.changes.Load() }

func (p *people) Role(_ context.Context, name string) (directory.Role, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.roles[name]; ok {
		return r, nil
	}
	return directory.Role{}, errNobody
}

func (p *people) CreateUser(_ context.Context, n directory.NewUser) (directory.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.users[n.Name]; ok {
		return directory.User{}, fault.New(fault.Conflict, "exists")
	}
	return p.addUser(n.Name), nil
}

func (p *people) AttachUserPolicy(_ context.Context, user, arn string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.failing; err != nil {
		p.failing = nil
		return err
	}
	p.attached[user] = []string{arn}
	return nil
}

// counting counts the reads of records.
type counting struct {
	store.Store

	mu   sync.Mutex
	gets int
	err  error
}

func (c *counting) Get(ctx context.Context, key store.Key) (store.Record, error) {
	c.mu.Lock()
	c.gets++
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return store.Record{}, err
	}
	return c.Store.Get(ctx, key)
}

// dying stops a migration before its nth write.
type dying struct {
	*counting

	left int
}

var errKilled = errors.New("killed")

func (d *dying) alive() error {
	if d.left--; d.left < 0 {
		return errKilled
	}
	return nil
}

func (d *dying) Create(ctx context.Context, r store.Record, how store.Create) (store.Record, bool, error) {
	if err := d.alive(); err != nil {
		return r, false, err
	}
	return d.counting.Create(ctx, r, how)
}

func (d *dying) Delete(ctx context.Context, key store.Key) error {
	if err := d.alive(); err != nil {
		return err
	}
	return d.counting.Delete(ctx, key)
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gets
}

// place is a data directory with its clock and its people.
type place struct {
	dir    string
	clock  *clocktest.Clock
	people *people
}

func newPlace(t *testing.T, names ...string) *place {
	t.Helper()
	return &place{dir: t.TempDir(), clock: newClock(), people: newPeople(names...)}
}

// open opens the credentials as one more process would.
func (p *place) open(t *testing.T) (*Store, *counting) {
	t.Helper()
	s, c, err := p.tryOpen(t)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s, c
}

func (p *place) tryOpen(t *testing.T) (*Store, *counting, error) {
	t.Helper()
	s, err := openAt(t, p, p.clock.Now, whole)
	if err != nil {
		return nil, nil, err
	}
	return s, s.p.Store.(*counting), nil
}

func whole(c *counting) store.Store { return c }

func openAt(t testing.TB, p *place, now func() time.Time, wrap func(*counting) store.Store) (*Store, error) {
	t.Helper()
	db, err := sqlitestore.Open(t.Context(), filepath.Join(p.dir, "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = db.Close() })
	return Open(t.Context(), Params{
		Store: wrap(&counting{Store: db}), Dir: p.dir, Account: testAccount, Root: testRoot, Directory: p.people, Now: now, Rand: rand.Reader,
	})
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

// wantUnknown checks for what a client is told about a key that is not good.
func wantUnknown(t *testing.T, what string, err error) {
	t.Helper()
	if code(err) != "UnrecognizedClientException" {
		t.Errorf("%s: got error %v, want UnrecognizedClientException", what, err)
	}
}
