package servicequotas

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// ListServiceQuotas lists the quotas of the account in the region with the
// values that hold, by their codes.
func (s *Service) ListServiceQuotas(ctx context.Context, in *api.ListServiceQuotasInput) (*api.ListServiceQuotasOutput, error) {
	if err := checkService(in.ServiceCode); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	list := s.p.Quotas.List(c.Account, c.Region)
	if in.QuotaCode != nil {
		q, err := s.p.Quotas.Find(c.Account, c.Region, *in.QuotaCode)
		if err != nil {
			return nil, modeled(err)
		}
		list = []quota.Applied{q}
	}
	if in.QuotaAppliedAtLevel == api.AppliedLevelEnumResource {
		list = nil
	}
	part, next, err := page(list, quotaCode, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &api.ListServiceQuotasOutput{NextToken: next, Quotas: make([]api.ServiceQuota, len(part))}
	for i, q := range part {
		out.Quotas[i] = s.quota(c, q, q.Value)
		out.Quotas[i].QuotaAppliedAtLevel = api.AppliedLevelEnumAccount
	}
	return out, nil
}

// GetServiceQuota returns one quota with the value that holds.
func (s *Service) GetServiceQuota(ctx context.Context, in *api.GetServiceQuotaInput) (*api.GetServiceQuotaOutput, error) {
	if err := checkContext(ctx, in.ContextId); err != nil {
		return nil, err
	}
	q, err := s.find(ctx, in.ServiceCode, in.QuotaCode)
	if err != nil {
		return nil, err
	}
	out := s.quota(call.From(ctx), q, q.Value)
	out.QuotaAppliedAtLevel = api.AppliedLevelEnumAccount
	return &api.GetServiceQuotaOutput{Quota: &out}, nil
}

// ListAWSDefaultServiceQuotas lists the quotas with the values that hold where
// nothing was approved.
func (s *Service) ListAWSDefaultServiceQuotas(ctx context.Context, in *api.ListAWSDefaultServiceQuotasInput) (*api.ListAWSDefaultServiceQuotasOutput, error) {
	if err := checkService(in.ServiceCode); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	part, next, err := page(s.p.Quotas.List(c.Account, c.Region), quotaCode, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &api.ListAWSDefaultServiceQuotasOutput{NextToken: next, Quotas: make([]api.ServiceQuota, len(part))}
	for i, q := range part {
		out.Quotas[i] = s.quota(c, q, q.Default)
	}
	return out, nil
}

// GetAWSDefaultServiceQuota returns one of them.
func (s *Service) GetAWSDefaultServiceQuota(ctx context.Context, in *api.GetAWSDefaultServiceQuotaInput) (*api.GetAWSDefaultServiceQuotaOutput, error) {
	q, err := s.find(ctx, in.ServiceCode, in.QuotaCode)
	if err != nil {
		return nil, err
	}
	out := s.quota(call.From(ctx), q, q.Default)
	return &api.GetAWSDefaultServiceQuotaOutput{Quota: &out}, nil
}

func (s *Service) find(ctx context.Context, service, code *string) (quota.Applied, error) {
	if err := checkService(service); err != nil {
		return quota.Applied{}, err
	}
	c := call.From(ctx)
	q, err := s.p.Quotas.Find(c.Account, c.Region, schema.Deref(code))
	return q, modeled(err)
}

func quotaCode(q quota.Applied) string { return q.Code }

func (s *Service) arn(account, region, code string) string {
	return "arn:" + s.p.Partition(region) + ":servicequotas:" + region + ":" + account + ":" + serviceCode + "/" + code
}

func (s *Service) quota(c *call.Call, q quota.Applied, value int64) api.ServiceQuota {
	return api.ServiceQuota{
		ServiceCode: new(serviceCode), ServiceName: new(serviceName),
		QuotaArn: new(s.arn(c.Account, c.Region, q.Code)), QuotaCode: &q.Code, QuotaName: &q.Name,
		Value: new(float64(value)), Unit: new("None"), Adjustable: new(true), GlobalQuota: new(false),
		Period: period(q.Metric), UsageMetric: metric(q),
	}
}

func period(m quota.Metric) *api.QuotaPeriod {
	switch m {
	case quota.Requests, quota.Tokens:
		return &api.QuotaPeriod{PeriodUnit: api.PeriodUnitMinute, PeriodValue: new(int32(1))}
	case quota.TokensPerDay:
		return &api.QuotaPeriod{PeriodUnit: api.PeriodUnitDay, PeriodValue: new(int32(1))}
	case quota.Concurrency:
	}
	return nil
}

// metric is where CloudWatch shows the use of a quota; nil where it does not.
// Models that are called through a profile are counted by their base ID here.
func metric(q quota.Applied) *api.MetricInfo {
	var name string
	switch q.Metric {
	case quota.Requests:
		name = "Invocations"
	case quota.Tokens:
		name = "EstimatedTPMQuotaUsage"
	case quota.TokensPerDay, quota.Concurrency:
		return nil
	}
	return &api.MetricInfo{
		MetricNamespace: new("AWS/Bedrock"), MetricName: &name, MetricDimensions: map[string]string{"ModelId": q.Model},
		MetricStatisticRecommendation: new("Sum"),
	}
}
