package servicequotas

import (
	"context"
	"math"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// RequestServiceQuotaIncrease asks for a larger quota. Where the configuration
// approves it, it holds when the answer is sent, and the answer says so.
func (s *Service) RequestServiceQuotaIncrease(ctx context.Context, in *api.RequestServiceQuotaIncreaseInput) (*api.RequestServiceQuotaIncreaseOutput, error) {
	if err := checkService(in.ServiceCode); err != nil {
		return nil, err
	}
	if err := checkContext(ctx, in.ContextId); err != nil {
		return nil, err
	}
	desired := schema.Deref(in.DesiredValue)
	if desired < 0 || desired != math.Trunc(desired) || desired > float64(quota.Unlimited) {
		return nil, invalid("You must provide a quota value that is a whole number.")
	}
	c := call.From(ctx)
	made, err := s.p.Quotas.Ask(ctx, c.Account, c.Region, schema.Deref(in.QuotaCode), int64(desired), c.Principal.ARN)
	if err != nil {
		return nil, modeled(err)
	}
	change := s.change(made)
	return &api.RequestServiceQuotaIncreaseOutput{RequestedQuota: &change}, nil
}

// GetRequestedServiceQuotaChange returns one request.
func (s *Service) GetRequestedServiceQuotaChange(ctx context.Context, in *api.GetRequestedServiceQuotaChangeInput) (*api.GetRequestedServiceQuotaChangeOutput, error) {
	c := call.From(ctx)
	list, err := s.p.Quotas.Requests(ctx, c.Account, c.Region)
	if err != nil {
		return nil, modeled(err)
	}
	for _, r := range list {
		if r.ID == schema.Deref(in.RequestId) {
			change := s.change(r)
			return &api.GetRequestedServiceQuotaChangeOutput{RequestedQuota: &change}, nil
		}
	}
	return nil, modeled(fault.New(fault.NotFound, "The request failed because the specified service quota increase request does not exist."))
}

// ListRequestedServiceQuotaChangeHistory lists the requests of the account in the
// region, newest first.
func (s *Service) ListRequestedServiceQuotaChangeHistory(ctx context.Context, in *api.ListRequestedServiceQuotaChangeHistoryInput) (*api.ListRequestedServiceQuotaChangeHistoryOutput, error) {
	if in.ServiceCode != nil {
		if err := checkService(in.ServiceCode); err != nil {
			return nil, err
		}
	}
	changes, next, err := s.history(ctx, "", in.Status, in.QuotaRequestedAtLevel, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListRequestedServiceQuotaChangeHistoryOutput{RequestedQuotas: changes, NextToken: next}, nil
}

// ListRequestedServiceQuotaChangeHistoryByQuota lists those for one quota.
func (s *Service) ListRequestedServiceQuotaChangeHistoryByQuota(ctx context.Context, in *api.ListRequestedServiceQuotaChangeHistoryByQuotaInput) (*api.ListRequestedServiceQuotaChangeHistoryByQuotaOutput, error) {
	q, err := s.find(ctx, in.ServiceCode, in.QuotaCode)
	if err != nil {
		return nil, err
	}
	changes, next, err := s.history(ctx, q.Code, in.Status, in.QuotaRequestedAtLevel, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListRequestedServiceQuotaChangeHistoryByQuotaOutput{RequestedQuotas: changes, NextToken: next}, nil
}

func (s *Service) history(ctx context.Context, code string, status api.RequestStatus, level api.AppliedLevelEnum, token *string, limit *int32) ([]api.RequestedServiceQuotaChange, *string, error) {
	c := call.From(ctx)
	all, err := s.p.Quotas.Requests(ctx, c.Account, c.Region)
	if err != nil {
		return nil, nil, modeled(err)
	}
	var list []quota.Request
	for _, r := range all {
		if (code == "" || r.Code == code) && (status == "" || api.RequestStatus(r.Status) == status) && level != api.AppliedLevelEnumResource {
			list = append(list, r)
		}
	}
	part, next, err := page(list, func(r quota.Request) string { return r.ID }, token, limit)
	if err != nil {
		return nil, nil, err
	}
	changes := make([]api.RequestedServiceQuotaChange, len(part))
	for i, r := range part {
		changes[i] = s.change(r)
	}
	return changes, next, nil
}

func (s *Service) change(r quota.Request) api.RequestedServiceQuotaChange {
	return api.RequestedServiceQuotaChange{
		Id: &r.ID, ServiceCode: new(serviceCode), ServiceName: new(serviceName),
		QuotaCode: &r.Code, QuotaName: &r.Name, QuotaArn: new(s.arn(r.Account, r.Region, r.Code)),
		DesiredValue: new(float64(r.Desired)), Status: api.RequestStatus(r.Status), Requester: &r.Requester,
		Created: &r.Created, LastUpdated: &r.Updated, GlobalQuota: new(false), Unit: new("None"),
		QuotaRequestedAtLevel: api.AppliedLevelEnumAccount,
	}
}
