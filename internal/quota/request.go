package quota

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Status is the state of a request for more, in Service Quotas' words.
type Status string

// The states. Pending waits for the administrator; CaseOpened does too, as what
// is more than would be approved automatically.
const (
	Pending    Status = "PENDING"
	CaseOpened Status = "CASE_OPENED"
	Approved   Status = "APPROVED"
	Denied     Status = "DENIED"
)

// Request is an increase that was asked for.
type Request struct {
	ID        string
	Account   string
	Region    string
	Code      string // of the quota
	Name      string
	Desired   int64
	Status    Status
	Requester string // ARN
	Created   time.Time
	Updated   time.Time

	version int64
}

type requestBody struct {
	Code      string `json:"code"`
	Name      string `json:"name"`
	Desired   int64  `json:"desired"`
	Requester string `json:"requester"`
}

var open = []string{string(Pending), string(CaseOpened)} //nolint:gochecknoglobals // constant

// Ask records that an account wants a quota to be larger, and approves it where
// the configuration says so. NotFound: no such quota. Invalid: it is as large
// already. Conflict: somebody asked before and waits.
func (r *Registry) Ask(ctx context.Context, account, region, code string, desired int64, requester string) (Request, error) {
	q, err := r.Find(account, region, code)
	if err != nil {
		return Request{}, err
	}
	if desired <= q.Value {
		return Request{}, fault.New(fault.Invalid, "You must provide a quota value greater than the current quota value")
	}
	if desired > Unlimited {
		return Request{}, fault.New(fault.Invalid, "The value of a quota is at most %d.", Unlimited)
	}
	status := Pending
	automatic := r.p.Increases.Automatic
	if automatic && !r.within(q, desired) {
		status, automatic = CaseOpened, false
	}
	now := r.p.Now()
	body, err := store.Encode(requestBody{code, q.Name, desired, requester})
	if err != nil {
		return Request{}, err
	}
	rec, _, err := r.p.Store.Create(ctx, store.Record{
		Key:    store.Key{Kind: kindRequest, Account: account, Region: region, Parent: code, ID: r.p.NewID()},
		Status: string(status), Body: body, Created: now, Updated: now,
	}, store.Create{Unless: []store.Query{{Kind: kindRequest, Account: account, Region: region, Parent: code, Statuses: open}}})
	if store.Reason(err) == store.Excluded {
		return Request{}, fault.Wrap(fault.Conflict, err, "Only one open service quota increase request is allowed per quota.")
	}
	if err != nil {
		return Request{}, err
	}
	made, err := requestOf(rec)
	if err != nil || !automatic {
		return made, err
	}
	return r.decide(ctx, made, Approved)
}

// within reports whether a value is approved by itself.
func (r *Registry) within(q Applied, desired int64) bool {
	in := r.p.Increases
	return (in.Factor == 0 || float64(desired) <= in.Factor*float64(q.Default)) && (in.UpTo == 0 || desired <= in.UpTo)
}

// Approve makes what a request asks for hold. NotFound. Conflict: it has been
// decided.
func (r *Registry) Approve(ctx context.Context, id string) (Request, error) {
	req, err := r.waiting(ctx, id)
	if err != nil {
		return Request{}, err
	}
	return r.decide(ctx, req, Approved)
}

// Deny ends a request. NotFound. Conflict: it has been decided.
func (r *Registry) Deny(ctx context.Context, id string) (Request, error) {
	req, err := r.waiting(ctx, id)
	if err != nil {
		return Request{}, err
	}
	return r.decide(ctx, req, Denied)
}

func (r *Registry) waiting(ctx context.Context, id string) (Request, error) {
	list, err := r.Requests(ctx, "", "")
	if err != nil {
		return Request{}, err
	}
	for _, req := range list {
		if req.ID != id {
			continue
		}
		if req.Status != Pending && req.Status != CaseOpened {
			return Request{}, fault.New(fault.Conflict, "Request %s has been decided: it is %s.", id, req.Status)
		}
		return req, nil
	}
	return Request{}, fault.New(fault.NotFound, "There is no request %s.", id)
}

// decide ends a request. The value comes first: a request that is approved
// holds, also when the process was killed in between and it is approved again.
func (r *Registry) decide(ctx context.Context, req Request, status Status) (Request, error) {
	if status == Approved {
		if err := r.Set(ctx, req.Account, req.Region, req.Code, req.Desired); err != nil {
			return Request{}, err
		}
	}
	body, err := store.Encode(requestBody{req.Code, req.Name, req.Desired, req.Requester})
	if err != nil {
		return Request{}, err
	}
	rec, err := r.p.Store.Update(ctx, store.Record{
		Key:    store.Key{Kind: kindRequest, Account: req.Account, Region: req.Region, Parent: req.Code, ID: req.ID},
		Status: string(status), Version: req.version, Body: body, Created: req.Created, Updated: r.p.Now(),
	})
	if err != nil {
		return Request{}, err
	}
	return requestOf(rec)
}

// Requests lists what an account asked for in a region, newest first. Empty
// account and region: everybody, everywhere.
func (r *Registry) Requests(ctx context.Context, account, region string) ([]Request, error) {
	page, err := r.p.Store.List(ctx, store.Query{Kind: kindRequest, Account: account, Region: region, Below: true})
	if err != nil {
		return nil, err
	}
	list := make([]Request, 0, len(page.Records))
	for _, rec := range slices.Backward(page.Records) {
		req, err := requestOf(rec)
		if err != nil {
			return nil, err
		}
		list = append(list, req)
	}
	return list, nil
}

func requestOf(rec store.Record) (Request, error) {
	var body requestBody
	if err := rec.Decode(&body); err != nil {
		return Request{}, err
	}
	return Request{
		ID: rec.ID, Account: rec.Account, Region: rec.Region, Code: body.Code, Name: body.Name, Desired: body.Desired,
		Status: Status(rec.Status), Requester: body.Requester, Created: rec.Created, Updated: rec.Updated, version: rec.Version,
	}, nil
}

// newRequestID makes an ID as Service Quotas does: 40 characters.
func newRequestID() string {
	random := make([]byte, 20)
	rand.Read(random) // never fails
	return hex.EncodeToString(random)
}
