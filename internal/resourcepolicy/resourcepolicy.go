// Package resourcepolicy keeps the policies that are attached to resources of
// Bedrock itself: who may do what with this knowledge base, whatever their own
// policies say.
//
// It reads them with package policy and keeps them in a store. It does not know
// which resources there are (the services that own them do), nor what follows
// from a policy (package authz does).
package resourcepolicy

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/store"
)

const kind store.Kind = "resource-policy"

// Params are the parts of a Registry; Named and Now may be zero.
type Params struct {
	Store store.Store
	// Named returns the IDs, by ARN, of the users and roles that a policy names,
	// and fails for one that is not there; nil: they go by their ARNs.
	Named func(ctx context.Context, document *policy.Document) (map[string]string, error)
	Now   func() time.Time // time.Now when nil
}

// Registry has the policies of all accounts. It is safe for concurrent use, also
// by several processes on one store: what another one changes is noticed within
// two seconds.
type Registry struct {
	p       Params
	present atomic.Pointer[snapshot]
	loading sync.Mutex

	changing sync.Mutex
	changes  int // by this process
}

// snapshot is every policy that there was at a time. There are few: only
// resources that somebody has given one.
type snapshot struct {
	at       time.Time
	policies map[string][]policy.Attached // by ARN
}

// What is known is looked at again after a second, without anybody waiting; what
// is older than two is not believed any more.
const (
	fresh  = time.Second
	oldest = 2 * time.Second
)

// New returns a registry over a store.
func New(p Params) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Registry{p: p}
}

// Policy is a policy as it was put.
type Policy struct {
	Text     string
	Revision string // another one after every change
}

// body is what the store keeps.
type body struct {
	ARN, Text string
	IDs       map[string]string `json:",omitempty"` // of the users and roles that it names, by ARN
}

func key(account, region, arn string) store.Key {
	return store.Key{Kind: kind, Account: account, Region: region, ID: arn}
}

// Put attaches a policy to a resource, over the one that it has. revision is that
// of the present one, or empty. Invalid: the document is malformed; Conflict: the
// revision is another one.
func (r *Registry) Put(ctx context.Context, account, region, arn, text, revision string) (Policy, error) {
	document, err := policy.Parse(policy.Resource, text)
	var ids map[string]string
	if err == nil && r.p.Named != nil {
		ids, err = r.p.Named(ctx, document)
	}
	if fault.Is(err, fault.Invalid) {
		// The services have no exception for documents but this one.
		return Policy{}, fault.Wrap(fault.Invalid, err, "The resource policy is malformed: %s", fault.As(err).Message)
	}
	if err != nil {
		return Policy{}, err
	}
	content, err := store.Encode(body{arn, text, ids})
	if err != nil {
		return Policy{}, err
	}
	defer r.forget()
	now := r.p.Now().UTC().Truncate(time.Microsecond)
	made, err := store.Put(ctx, r.p.Store, key(account, region, arn), func(rec *store.Record) error {
		if revision != "" && (rec.Version == 0 || revision != revisionOf(*rec)) {
			return outdated()
		}
		if rec.Version == 0 {
			rec.Created = now
		}
		rec.Body, rec.Updated = content, now
		return nil
	})
	if err != nil {
		return Policy{}, err
	}
	return Policy{text, revisionOf(made)}, nil
}

func revisionOf(rec store.Record) string { return strconv.FormatInt(rec.Version, 10) }

func outdated() error {
	return fault.New(fault.Conflict, "The resource policy was changed since the revision that you expect. Get it and try your request again.")
}

// Get returns the policy of a resource. NotFound.
func (r *Registry) Get(ctx context.Context, account, region, arn string) (Policy, error) {
	rec, err := r.p.Store.Get(ctx, key(account, region, arn))
	if fault.Is(err, fault.NotFound) {
		return Policy{}, fault.New(fault.NotFound, "The resource %s has no resource policy.", arn)
	}
	if err != nil {
		return Policy{}, err
	}
	var b body
	if err := rec.Decode(&b); err != nil {
		return Policy{}, err
	}
	return Policy{b.Text, revisionOf(rec)}, nil
}

// Delete removes the policy of a resource. NotFound; Conflict: revision is not
// empty and another one.
func (r *Registry) Delete(ctx context.Context, account, region, arn, revision string) error {
	was, err := r.Get(ctx, account, region, arn)
	if err != nil {
		return err
	}
	if revision != "" && revision != was.Revision {
		return outdated()
	}
	defer r.forget()
	return r.p.Store.Delete(ctx, key(account, region, arn))
}

// forget drops what is known, and what is being read at this moment.
func (r *Registry) forget() {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.changes++
	r.present.Store(nil)
}

// Policies returns the policies of a resource, for who decides; nil when it has
// none. Where they cannot be read nobody may do anything: the error is Internal.
func (r *Registry) Policies(ctx context.Context, arn string) ([]policy.Attached, error) {
	s := r.present.Load()
	now := r.p.Now()
	if s != nil {
		age := now.Sub(s.at)
		if age >= 0 && age < fresh {
			return s.policies[arn], nil
		}
		if age >= 0 && age < oldest {
			if r.loading.TryLock() {
				go func() {
					defer r.loading.Unlock()
					_, _ = r.load(context.WithoutCancel(ctx)) // the next one asks again
				}()
			}
			return s.policies[arn], nil
		}
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	if s = r.present.Load(); s == nil || now.Sub(s.at) >= fresh || now.Before(s.at) {
		var err error
		if s, err = r.load(ctx); err != nil {
			return nil, err
		}
	}
	return s.policies[arn], nil
}

// load reads all policies; r.loading must be held.
func (r *Registry) load(ctx context.Context) (*snapshot, error) {
	s := &snapshot{at: r.p.Now(), policies: map[string][]policy.Attached{}}
	r.changing.Lock()
	before := r.changes
	r.changing.Unlock()
	page, err := r.p.Store.List(ctx, store.Query{Kind: kind})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the resource policies cannot be read")
	}
	for _, rec := range page.Records {
		var b body
		// A document that cannot be read any more may have said anything: a nil
		// one denies.
		a := policy.Attached{ID: rec.ID, Type: "resource"}
		if rec.Decode(&b) == nil {
			a.Document, _ = policy.ParseNamed(policy.Resource, b.Text, b.IDs)
		}
		s.policies[rec.ID] = []policy.Attached{a}
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.changes == before {
		r.present.Store(s)
	}
	return s, nil
}
