package bedrockagent

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// PutResourcePolicy attaches a policy to a knowledge base.
func (s *Service) PutResourcePolicy(ctx context.Context, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	arn := schema.Deref(in.ResourceArn)
	p, err := s.policies.Put(ctx, b.Account, b.Region, arn, schema.Deref(in.Policy), schema.Deref(in.ExpectedRevisionId))
	if err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyOutput{ResourceArn: &arn, RevisionId: &p.Revision}, nil
}

// GetResourcePolicy returns the policy of a knowledge base.
func (s *Service) GetResourcePolicy(ctx context.Context, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	arn := schema.Deref(in.ResourceArn)
	p, err := s.policies.Get(ctx, b.Account, b.Region, arn)
	if err != nil {
		return nil, err
	}
	return &api.GetResourcePolicyOutput{ResourceArn: &arn, Policy: &p.Text, RevisionId: &p.Revision}, nil
}

// DeleteResourcePolicy removes the policy of a knowledge base.
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	b, err := s.tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	arn := schema.Deref(in.ResourceArn)
	if err := s.policies.Delete(ctx, b.Account, b.Region, arn, schema.Deref(in.ExpectedRevisionId)); err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{ResourceArn: &arn}, nil
}
