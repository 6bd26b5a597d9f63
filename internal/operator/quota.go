package operator

import (
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/quota"
)

// QuotaRequests are the requests for more.
type QuotaRequests struct {
	Requests []QuotaRequest `json:"requests"` // the newest first
	Next     string         `json:"nextToken"`
}

// QuotaRequest is a request for more.
type QuotaRequest struct {
	ID          string    `json:"id"`
	Status      string    `json:"status"` // "PENDING", "CASE_OPENED" (waits too), "APPROVED" or "DENIED"
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	QuotaCode   string    `json:"quotaCode"`
	QuotaName   string    `json:"quotaName"`
	Desired     int64     `json:"desiredValue"`
	RequestedBy string    `json:"requestedBy"` // ARN
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

func quotaRequest(r quota.Request) QuotaRequest {
	return QuotaRequest{
		ID: r.ID, Status: string(r.Status), Account: r.Account, Region: r.Region, QuotaCode: r.Code, QuotaName: r.Name, Desired: r.Desired,
		RequestedBy: r.Requester, CreatedAt: r.Created.UTC(), UpdatedAt: r.Updated.UTC(),
	}
}

// quotaRequests answers GET /outcrop/quota-requests.
func (a *API) quotaRequests(q *request) (any, error) {
	status, err := q.query.one("status", "OPEN", string(quota.Pending), string(quota.CaseOpened), string(quota.Approved), string(quota.Denied))
	if err != nil {
		return nil, err
	}
	found, err := a.p.Quotas.Requests(q.Context(), q.call.Account, q.query.Get("region"))
	if err != nil {
		return nil, err
	}
	all := []QuotaRequest{}
	for _, r := range found {
		open := r.Status == quota.Pending || r.Status == quota.CaseOpened
		if status == "" || status == string(r.Status) || status == "OPEN" && open {
			all = append(all, quotaRequest(r))
		}
	}
	out := &QuotaRequests{}
	out.Requests, out.Next, err = page(q.query, all, 100)
	return out, err
}

// QuotaDecision is the body of a decision.
type QuotaDecision struct {
	ID string `json:"id"`
}

// decideQuota reads a decision about a request of the caller's account.
func (a *API) decideQuota(q *request) (string, error) {
	var d QuotaDecision
	if err := q.decode(&d); err != nil {
		return "", err
	}
	if d.ID == "" {
		return "", fault.New(fault.Invalid, "The member id is needed.")
	}
	found, err := a.p.Quotas.Requests(q.Context(), q.call.Account, "")
	if err != nil {
		return "", err
	}
	for _, r := range found {
		if r.ID == d.ID {
			q.call.Resource = "arn:" + a.p.Catalog.Partition(r.Region) + ":servicequotas:" + r.Region + ":" + r.Account + ":bedrock/" + r.Code
			return d.ID, nil
		}
	}
	return "", fault.New(fault.NotFound, "There is no request %.100s.", d.ID)
}

// approveQuota answers POST /outcrop/quota-requests/approve.
func (a *API) approveQuota(q *request) (any, error) {
	id, err := a.decideQuota(q)
	if err != nil {
		return nil, err
	}
	r, err := a.p.Quotas.Approve(q.Context(), id)
	if err != nil {
		return nil, err
	}
	return quotaRequest(r), nil
}

// denyQuota answers POST /outcrop/quota-requests/deny.
func (a *API) denyQuota(q *request) (any, error) {
	id, err := a.decideQuota(q)
	if err != nil {
		return nil, err
	}
	r, err := a.p.Quotas.Deny(q.Context(), id)
	if err != nil {
		return nil, err
	}
	return quotaRequest(r), nil
}

// QuotaUses are the quotas of the caller's account in a region, with what is used
// of them now.
type QuotaUses struct {
	Account string     `json:"account"`
	Region  string     `json:"region"`
	Time    time.Time  `json:"time"`
	Quotas  []QuotaUse `json:"quotas"`
	Next    string     `json:"nextToken"`
}

// QuotaUse is one quota.
type QuotaUse struct {
	Code    string `json:"quotaCode"`
	Name    string `json:"quotaName"`
	Model   string `json:"model"`
	Class   string `json:"class"`  // "on-demand", "cross-region" or "global"
	Metric  string `json:"metric"` // "requests-per-minute", "tokens-per-minute", "tokens-per-day" or "concurrency"
	Value   *int64 `json:"value"`  // null: unlimited
	Default *int64 `json:"default"`
	// Adjustable: more can be asked for.
	Adjustable bool `json:"adjustable"`
	// Used counts as the quota does: what is used of a minute comes back bit by bit.
	// Null: it is unlimited, and nobody counts.
	Used *float64 `json:"used"`
}

// quotaUse answers GET /outcrop/quota-use.
func (a *API) quotaUse(q *request) (any, error) {
	region, err := a.knownRegion(q)
	if err != nil {
		return nil, err
	}
	model, err := q.query.pattern("model")
	if err != nil {
		return nil, err
	}
	only, err := q.query.one("used", "true")
	if err != nil {
		return nil, err
	}
	now := a.p.Now().UTC()
	minute, err := a.lastMinute(q, region, now)
	if err != nil {
		return nil, err
	}
	all := []QuotaUse{}
	for _, applied := range a.p.Quotas.List(q.call.Account, region) {
		if !like(model, applied.Model) {
			continue
		}
		u := QuotaUse{
			Code: applied.Code, Name: applied.Name, Model: applied.Model, Class: string(applied.Class), Metric: string(applied.Metric),
			Value: limit(applied.Value), Default: limit(applied.Default), Adjustable: true,
		}
		if u.Value != nil {
			used, err := a.p.Limiter.Used(q.Context(), q.call.Account, region, applied.ID)
			if err != nil {
				return nil, err
			}
			u.Used = &used
		} else if used, ok := minute[applied.ID]; ok {
			u.Used = &used
		}
		if only == "" || u.Used != nil && *u.Used > 0 {
			all = append(all, u)
		}
	}
	out := &QuotaUses{Account: q.call.Account, Region: region, Time: now}
	out.Quotas, out.Next, err = page(q.query, all, 500)
	return out, err
}

// limit is a value that may be none.
func limit(n int64) *int64 {
	if n >= quota.Unlimited {
		return nil
	}
	return &n
}

// lastMinute counts what models without a quota were asked in the last minute, by
// the bill.
func (a *API) lastMinute(q *request, region string, now time.Time) (map[quota.ID]float64, error) {
	rows, err := a.p.Ledger.Rows(q.Context(), ledger.Query{
		From: now.Add(-time.Minute), To: now.Add(time.Second), By: []ledger.Dimension{ledger.ByModel, ledger.ByAsked},
		Where: ledger.Condition{And: []ledger.Condition{
			{Dimension: ledger.ByAccount, Values: []string{q.call.Account}}, {Dimension: ledger.ByRegion, Values: []string{region}},
		}},
	})
	if err != nil {
		return nil, err
	}
	used := map[quota.ID]float64{}
	for _, r := range rows {
		class := quota.OnDemand
		if p, ok := a.p.Catalog.Profile(catalog.Parse(r.Keys[1]).Name); ok {
			class = quota.ClassOf(p.ID)
		}
		burndown := int64(1)
		if m, ok := a.p.Catalog.Lookup(r.Keys[0]); ok {
			burndown = int64(max(1, m.OutputBurndown))
		}
		used[quota.ID{Model: r.Keys[0], Class: class, Metric: quota.Requests}] += float64(r.Calls)
		used[quota.ID{Model: r.Keys[0], Class: class, Metric: quota.Tokens}] += float64(r.Input + r.CacheWrite + r.Output*burndown)
	}
	return used, nil
}
