// Package directory keeps who there is in the account and what was written for
// them: users, groups, roles, their policies, and who is in which group. It has
// AWS's rules about them (names, limits, what must go before what) and answers
// which policies govern a principal.
//
// It decides nothing (package policy does, package authz asks it), keeps no
// secrets (package iam/credential has the keys of users) and knows no AWS type:
// package service/iam translates.
package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/store"
)

// The kinds of records beside those of entities (Sort.kind). Members lie under
// their group, uses under the policy.
const (
	kindPolicy store.Kind = "iam-policy"
	kindMember store.Kind = "iam-member"
	kindUse    store.Kind = "iam-policy-use"
	kindAlias  store.Kind = "iam-alias"
	kindEpoch  store.Kind = "iam-epoch"
)

// region is where the records are. IAM has no regions, but for a query of the
// store an empty one is any.
const region = "aws-global"

// The statuses of entities and policies. What is being deleted is treated as
// gone: it exists only so that nothing new is attached to it meanwhile.
const (
	active   = "ACTIVE"
	deleting = "DELETING"
)

// abandoned is how long a deletion or an attachment takes at most. What is older
// and not finished was left by a server that died.
const abandoned = time.Minute

// Params are the parts that a Directory needs.
type Params struct {
	Store   store.Store
	Account string           // 12 digits
	Now     func() time.Time // time.Now when nil
	Rand    io.Reader        // makes IDs; crypto/rand.Reader, except in tests
	// Principals and Documents are how many principals' policies and how many
	// compiled documents are remembered, at most. 0: 4096 and 2048.
	Principals, Documents int
}

// Directory has the entities of one account. It is safe for concurrent use, also
// by several processes on one store.
//
// Texts of its faults are AWS's and for clients.
type Directory struct {
	store   store.Store
	account string
	now     func() time.Time
	random  io.Reader

	turn       chan struct{} // of who writes
	generation atomic.Uint64 // counts what this process changed
	epoch      atomic.Pointer[epoch]
	watching   atomic.Bool
	principals *cache[entry]
	documents  *cache[policy.Document]
	loads      singleflight.Group
	root       Governing
}

// New returns a directory over a store. It reads nothing yet.
func New(p Params) *Directory {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Principals <= 0 {
		p.Principals = 4096
	}
	if p.Documents <= 0 {
		p.Documents = 2048
	}
	return &Directory{
		store: p.Store, account: p.Account, now: p.Now, random: p.Rand, turn: make(chan struct{}, 1),
		principals: newCache[entry](p.Principals), documents: newCache[policy.Document](p.Documents),
		root: allowAll(),
	}
}

// Account returns the account that the entities are of.
func (d *Directory) Account() string { return d.account }

// time is the present to the second, in UTC: IAM shows no more.
func (d *Directory) time() time.Time { return d.now().UTC().Truncate(time.Second) }

func (d *Directory) key(kind store.Kind, parent, id string) store.Key {
	return store.Key{Kind: kind, Account: d.account, Region: region, Parent: parent, ID: id}
}

func (d *Directory) query(kind store.Kind, parent string) store.Query {
	return store.Query{Kind: kind, Account: d.account, Region: region, Parent: parent}
}

// named finds the record of a kind by its name, without regard to case.
func (d *Directory) named(ctx context.Context, kind store.Kind, name string) (store.Record, bool, error) {
	q := d.query(kind, "")
	q.Name = fold(name)
	if q.Name == "" {
		return store.Record{}, false, nil
	}
	page, err := d.store.List(ctx, q)
	if err != nil || len(page.Records) == 0 {
		return store.Record{}, false, err
	}
	return page.Records[0], true, nil
}

// fold makes the form of a name that is unique. Names are ASCII.
func fold(name string) string { return strings.ToLower(name) }

// create adds a record under its folded name. When the name is held by what
// another server did not finish deleting, it finishes that first.
func (d *Directory) create(ctx context.Context, rec store.Record, name string, taken error) (store.Record, error) {
	rec.Name, rec.Status = fold(name), active
	var made store.Record
	err := d.write(ctx, func(ctx context.Context) error {
		for range 2 {
			var err error
			made, _, err = d.store.Create(ctx, rec, store.Create{})
			if store.Reason(err) != store.NameTaken {
				return err
			}
			old, found, lookErr := d.named(ctx, rec.Kind, name)
			if lookErr != nil {
				return lookErr
			}
			if found && (old.Status != deleting || d.now().Sub(old.Updated) < abandoned) {
				return taken
			}
			if err := d.remove(ctx, old.Key); found && err != nil {
				return err
			}
		}
		return taken
	})
	return made, err
}

// remove deletes a record and what lies under it; one that is gone already is no
// error.
func (d *Directory) remove(ctx context.Context, key store.Key) error {
	if err := d.store.Delete(ctx, key); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// errUnchanged ends a change that turned out to be none, without an error.
var errUnchanged = errors.New("unchanged")

// maxTries bounds how often a change is tried again because another one came
// first. Each of those was a success of somebody else.
const maxTries = 100

// retry does f again as long as somebody else's change came between.
func retry(f func() error) error {
	var err error
	for range maxTries {
		if err = f(); store.Reason(err) != store.Changed {
			return err
		}
	}
	return fault.Wrap(fault.Conflict, err, "The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.").
		WithCode("ConcurrentModification")
}

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// newID makes an identifier of AWS's form: four letters that tell what it is of,
// and 17 characters.
func (d *Directory) newID(prefix string) (string, error) {
	var b [17]byte
	if _, err := io.ReadFull(d.random, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	for i := range b {
		b[i] = idAlphabet[b[i]%byte(len(idAlphabet))]
	}
	return prefix + string(b[:]), nil
}

// List says which part of a list is wanted.
type List struct {
	Prefix string // of the path; empty: any
	After  string // Page.Next of the page before; empty: from the start
	Limit  int    // 0: all
}

// Page is a part of a list. Next is empty at its end.
type Page[T any] struct {
	Items []T
	Next  string
}

// list reads a page of records, of which keep leaves some out.
func list[T any](ctx context.Context, d *Directory, q store.Query, l List, read func(store.Record) (T, bool, error)) (Page[T], error) {
	var page Page[T]
	q.After = l.After
	for {
		if l.Limit > 0 {
			q.Limit = l.Limit - len(page.Items)
		}
		part, err := d.store.List(ctx, q)
		if err != nil {
			if fault.Is(err, fault.Invalid) {
				return Page[T]{}, invalidMarker()
			}
			return Page[T]{}, err
		}
		for _, rec := range part.Records {
			item, ok, err := read(rec)
			if err != nil {
				return Page[T]{}, err
			}
			if ok {
				page.Items = append(page.Items, item)
			}
		}
		if part.Next == "" || l.Limit > 0 && len(page.Items) >= l.Limit {
			page.Next = part.Next
			return page, nil
		}
		q.After = part.Next
	}
}
