package operator

import (
	"time"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/fault"
)

// AccessRequests are what accounts asked for and what was decided.
type AccessRequests struct {
	// Mode is what it takes to use a model: "auto" (nothing), "request" (an
	// agreement) or "approval" (an agreement that somebody approves).
	Mode     string          `json:"mode"`
	Requests []AccessRequest `json:"requests"` // in the order in which they were asked for
	Next     string          `json:"nextToken"`
}

// AccessRequest is a request for a model in a region.
type AccessRequest struct {
	Model       string     `json:"model"`
	Region      string     `json:"region"`
	Status      string     `json:"status"`      // "PENDING", "GRANTED" or "DENIED"
	RequestedBy string     `json:"requestedBy"` // ARN; empty where nobody asked
	RequestedAt time.Time  `json:"requestedAt"`
	DecidedAt   *time.Time `json:"decidedAt"`
	Reason      string     `json:"reason"` // of a denial
	Barred      bool       `json:"barred"` // it was denied, and somebody has asked again where it is pending
}

// offsetToken is where a page begins.
type offsetToken struct {
	Offset int `json:"o"`
}

// page cuts a page out of a list.
func page[T any](v values, all []T, otherwise int) (list []T, next string, err error) {
	limit, err := v.number("limit", otherwise, 1, 1000)
	if err != nil {
		return nil, "", err
	}
	var t offsetToken
	if _, err := v.token(&t); err != nil {
		return nil, "", err
	}
	if t.Offset < 0 {
		return nil, "", fault.New(fault.Invalid, "The parameter nextToken is not one that this server has given.")
	}
	from := min(t.Offset, len(all))
	to := from + min(limit, len(all)-from) // the offset is whatever the client says
	if to < len(all) {
		next = newToken(offsetToken{to})
	}
	return append([]T{}, all[from:to]...), next, nil
}

// accessRequests answers GET /outcrop/access-requests.
func (a *API) accessRequests(q *request) (any, error) {
	status, err := q.query.one("status", string(access.Pending), string(access.Granted), string(access.Denied))
	if err != nil {
		return nil, err
	}
	var statuses []access.Status
	if status != "" {
		statuses = append(statuses, access.Status(status))
	}
	found, err := a.p.Access.List(q.Context(), q.call.Account, statuses...)
	if err != nil {
		return nil, err
	}
	all := make([]AccessRequest, 0, len(found))
	for _, f := range found {
		all = append(all, accessRequest(f))
	}
	out := &AccessRequests{Mode: string(a.p.Access.Mode())}
	out.Requests, out.Next, err = page(q.query, all, 100)
	return out, err
}

func accessRequest(a access.Agreement) AccessRequest {
	return AccessRequest{
		Model: a.Model, Region: a.Region, Status: string(a.Status), RequestedBy: a.By, RequestedAt: a.Requested.UTC(), DecidedAt: moment(a.Decided), Reason: a.Reason, Barred: a.Barred,
	}
}

// AccessDecision is the body of a decision.
type AccessDecision struct {
	Model  string `json:"model"`
	Region string `json:"region"`
	Reason string `json:"reason,omitempty"` // of a denial, for the one who asked
}

// decideAccess reads a decision about a model that somebody asked for, or that the
// region has.
func (a *API) decideAccess(q *request) (d AccessDecision, err error) {
	if err := q.decode(&d); err != nil {
		return d, err
	}
	if d.Model == "" || d.Region == "" {
		return d, fault.New(fault.Invalid, "The members model and region are needed.")
	}
	q.call.Resource = a.p.Catalog.FoundationModelARN(d.Region, d.Model)
	if len(d.Reason) > 1024 {
		return d, fault.New(fault.Invalid, "The member reason is longer than 1024 bytes.")
	}
	_, err = a.p.Access.Agreement(q.Context(), q.call.Account, d.Region, d.Model)
	if !fault.Is(err, fault.NotFound) {
		return d, err
	}
	if !a.p.Catalog.HasRegion(d.Region) {
		return d, fault.New(fault.Invalid, "There is no region %.100q with Amazon Bedrock.", d.Region)
	}
	for _, m := range a.p.Router.Models(d.Region) {
		if m.ID == d.Model {
			return d, nil
		}
	}
	return d, fault.New(fault.NotFound, "There is no model %.200s in %s.", d.Model, d.Region)
}

// approveAccess answers POST /outcrop/access-requests/approve.
func (a *API) approveAccess(q *request) (any, error) {
	d, err := a.decideAccess(q)
	if err != nil {
		return nil, err
	}
	if d.Reason != "" {
		return nil, fault.New(fault.Invalid, "An approval has no reason.")
	}
	made, err := a.p.Access.Grant(q.Context(), q.call.Account, d.Region, d.Model)
	if err != nil {
		return nil, err
	}
	return accessRequest(made), nil
}

// denyAccess answers POST /outcrop/access-requests/deny.
func (a *API) denyAccess(q *request) (any, error) {
	d, err := a.decideAccess(q)
	if err != nil {
		return nil, err
	}
	made, err := a.p.Access.Deny(q.Context(), q.call.Account, d.Region, d.Model, d.Reason)
	if err != nil {
		return nil, err
	}
	return accessRequest(made), nil
}
