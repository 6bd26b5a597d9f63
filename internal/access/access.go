// Package access is model access: which models an account may use in a region,
// who asked for one, and what they agreed to.
//
// It keeps the agreements and the use-case form in a store and is a check of the
// admission port. It decides nothing by principal (package authz does) and knows
// no AWS type: package service/bedrock speaks the API, the command line approves.
package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Mode says what it takes to use a model.
type Mode string

// The modes.
const (
	Auto     Mode = "auto"     // nothing: every model that is served can be used, as at AWS today
	Request  Mode = "request"  // an agreement
	Approval Mode = "approval" // an agreement that an administrator has approved
)

// Status is how far an agreement is.
type Status string

// The states. What is not asked for has no record.
const (
	Pending Status = "PENDING"
	Granted Status = "GRANTED"
	Denied  Status = "DENIED"
)

// Agreement is what an account agreed to for a model in a region.
type Agreement struct {
	Account, Region, Model string
	Status                 Status
	Terms                  string // digest of the document that was accepted; empty when an administrator granted it
	By                     string // ARN of who asked
	Requested              time.Time
	Decided                time.Time // zero while it is pending
	Reason                 string    // of a denial, for the one who asked
	// Barred says that an administrator has said no and that only an
	// administrator can say yes, whatever the mode and whoever asks again.
	Barred bool `json:",omitempty"`
}

// The kinds of records.
const (
	kindAgreement store.Kind = "model-agreement"
	kindUseCase   store.Kind = "model-use-case"
)

// Params are the parts of a Registry; Now and Terms may be zero.
type Params struct {
	Store store.Store
	Mode  Mode
	Now   func() time.Time // time.Now when nil
	// Terms is the operator's document that has to be accepted; empty: Document
	// says what is known of the model.
	Terms string
}

// Registry has the agreements of all accounts. It is safe for concurrent use,
// also by several processes on one store: what another one decides is noticed
// within two seconds.
type Registry struct {
	p     Params
	known sync.Map // key → *entry
}

// New returns a registry over a store.
func New(p Params) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Registry{p: p}
}

// Mode returns what it takes to use a model.
func (r *Registry) Mode() Mode { return r.p.Mode }

func (r *Registry) now() time.Time { return r.p.Now().UTC().Truncate(time.Second) }

func key(account, region, model string) store.Key {
	return store.Key{Kind: kindAgreement, Account: account, Region: region, ID: model}
}

// Agreement returns what was agreed. NotFound.
func (r *Registry) Agreement(ctx context.Context, account, region, model string) (Agreement, error) {
	rec, err := r.p.Store.Get(ctx, key(account, region, model))
	if err != nil {
		return Agreement{}, err
	}
	return decode(rec)
}

// List returns the agreements of an account, in the order in which they were
// asked for; those of a status where one is given.
func (r *Registry) List(ctx context.Context, account string, statuses ...Status) ([]Agreement, error) {
	q := store.Query{Kind: kindAgreement, Account: account}
	for _, s := range statuses {
		q.Statuses = append(q.Statuses, string(s))
	}
	page, err := r.p.Store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]Agreement, 0, len(page.Records))
	for _, rec := range page.Records {
		a, err := decode(rec)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// Accept is the request of a principal for a model, with the token of the offer
// that they have read. Where an administrator approves, it is pending until
// then, and so it is in every mode after a denial. To accept again what is
// granted changes nothing. Invalid: the token is that of another offer, or of a
// document that has changed since.
func (r *Registry) Accept(ctx context.Context, account, region, model, document, token, by string) (Agreement, error) {
	if token != Token(model, document) {
		return Agreement{}, fault.New(fault.Invalid, "The offer token is not valid for model %s. Request the model's offers again and try with the token that you get.", model)
	}
	a := Agreement{
		Account: account, Region: region, Model: model, Status: Granted,
		Terms: digest(document), By: by, Requested: r.now(), Decided: r.now(),
	}
	if r.p.Mode == Approval {
		a.Status, a.Decided = Pending, time.Time{}
	}
	return r.put(ctx, a, func(was Agreement) (Agreement, bool) {
		if was.Barred {
			a.Barred, a.Reason, a.Status, a.Decided = true, was.Reason, Pending, time.Time{}
		}
		return a, was.Status == Granted || was.Status == Pending && a.Status == Pending
	})
}

// Grant is an administrator's yes, whether somebody asked or not.
func (r *Registry) Grant(ctx context.Context, account, region, model string) (Agreement, error) {
	return r.decide(ctx, Agreement{Account: account, Region: region, Model: model, Status: Granted})
}

// Deny is an administrator's no. It takes access away that was granted before.
func (r *Registry) Deny(ctx context.Context, account, region, model, reason string) (Agreement, error) {
	return r.decide(ctx, Agreement{Account: account, Region: region, Model: model, Status: Denied, Reason: reason, Barred: true})
}

func (r *Registry) decide(ctx context.Context, a Agreement) (Agreement, error) {
	a.Decided = r.now()
	was, err := r.Agreement(ctx, a.Account, a.Region, a.Model)
	switch {
	case err == nil:
		a.Terms, a.By, a.Requested = was.Terms, was.By, was.Requested
	case fault.Is(err, fault.NotFound):
		a.Requested = a.Decided
	default:
		return Agreement{}, err
	}
	return r.put(ctx, a, func(Agreement) (Agreement, bool) { return a, false })
}

// put writes an agreement. Where one is there, over says what to write over it,
// or that it stays.
func (r *Registry) put(ctx context.Context, a Agreement, over func(was Agreement) (next Agreement, stays bool)) (Agreement, error) {
	defer r.known.Delete(id{a.Account, a.Region, a.Model})
	now := r.now()
	_, err := store.Put(ctx, r.p.Store, key(a.Account, a.Region, a.Model), func(rec *store.Record) error {
		if rec.Version == 0 {
			rec.Created = now
		} else if was, err := decode(*rec); err != nil {
			return err
		} else if next, stays := over(was); stays {
			a = was
			return errKept
		} else {
			a = next
		}
		body, err := store.Encode(a)
		if err != nil {
			return err
		}
		rec.Status, rec.Body, rec.Updated = string(a.Status), body, now
		return nil
	})
	if err != nil && !errors.Is(err, errKept) {
		return Agreement{}, err
	}
	return a, nil
}

// errKept ends a change that would change nothing.
var errKept = errors.New("the agreement stays as it is")

// Withdraw ends an agreement, or a request for one. A denial stays, or comes
// back: it is not the account's to take away. NotFound: there is neither.
func (r *Registry) Withdraw(ctx context.Context, account, region, model string) error {
	defer r.known.Delete(id{account, region, model})
	was, err := r.Agreement(ctx, account, region, model)
	switch {
	case err != nil:
		return err
	case was.Status == Denied:
		return fault.New(fault.NotFound, "there is no agreement for model %s", model)
	case was.Barred:
		_, err := r.decide(ctx, Agreement{Account: account, Region: region, Model: model, Status: Denied, Reason: was.Reason, Barred: true})
		return err
	}
	return r.p.Store.Delete(ctx, key(account, region, model))
}

// SubmitUseCase keeps the form that an account fills in once.
func (r *Registry) SubmitUseCase(ctx context.Context, account string, form []byte) error {
	body, err := store.Encode(form)
	if err != nil {
		return err
	}
	defer r.known.Delete(id{account: account})
	now := r.now()
	_, err = store.Put(ctx, r.p.Store, useCaseKey(account), func(rec *store.Record) error {
		if rec.Version == 0 {
			rec.Created = now
		}
		rec.Body, rec.Updated = body, now
		return nil
	})
	return err
}

// UseCase returns the form as it was submitted. NotFound.
func (r *Registry) UseCase(ctx context.Context, account string) ([]byte, error) {
	rec, err := r.p.Store.Get(ctx, useCaseKey(account))
	if err != nil {
		return nil, err
	}
	var form []byte
	if err := rec.Decode(&form); err != nil {
		return nil, err
	}
	return form, nil
}

func useCaseKey(account string) store.Key {
	return store.Key{Kind: kindUseCase, Account: account, ID: "form"}
}

func decode(rec store.Record) (Agreement, error) {
	var a Agreement
	if err := rec.Decode(&a); err != nil {
		return Agreement{}, err
	}
	return a, nil
}

// Token is what proves that somebody has been shown an offer: it names model and
// document, so that a document that changes has to be accepted anew.
func Token(model, document string) string {
	sum := sha256.Sum256([]byte(model + "\x00" + document))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func digest(document string) string {
	sum := sha256.Sum256([]byte(document))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
