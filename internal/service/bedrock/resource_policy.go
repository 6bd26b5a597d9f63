package bedrock

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// PutResourcePolicy attaches a policy to provisioned throughput, over the one that
// it has.
func (s *Service) PutResourcePolicy(ctx context.Context, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	arn := schema.Deref(in.ResourceArn)
	if err := s.owned(ctx, in.ResourceArn); fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Invalid, "The resource with the ARN %s does not exist.", arn) // the operation has no other exception for it
	} else if err != nil {
		return nil, err
	}
	c := call.From(ctx)
	if _, err := s.params.Policies.Put(ctx, c.Account, c.Region, arn, schema.Deref(in.ResourcePolicy), ""); err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyOutput{ResourceArn: &arn}, nil
}

// GetResourcePolicy returns the policy of provisioned throughput.
func (s *Service) GetResourcePolicy(ctx context.Context, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	if err := s.owned(ctx, in.ResourceArn); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	p, err := s.params.Policies.Get(ctx, c.Account, c.Region, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &api.GetResourcePolicyOutput{ResourcePolicy: &p.Text}, nil
}

// DeleteResourcePolicy removes the policy of provisioned throughput.
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	if err := s.owned(ctx, in.ResourceArn); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	if err := s.params.Policies.Delete(ctx, c.Account, c.Region, *in.ResourceArn, ""); err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{}, nil
}

// owned fails unless an ARN is that of provisioned throughput of the caller's
// account and region, which alone has policies here so far.
func (s *Service) owned(ctx context.Context, arn *string) error {
	if catalog.Parse(schema.Deref(arn)).Kind != catalog.ProvisionedModel {
		return noSuch(arn)
	}
	c := call.From(ctx)
	t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, *arn)
	if err == nil && t.ARN != *arn {
		err = fault.New(fault.NotFound, "no such throughput")
	}
	return noResource(arn, err)
}
