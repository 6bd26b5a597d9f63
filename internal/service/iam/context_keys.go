package iam

import (
	"context"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// GetContextKeysForCustomPolicy implements api.Service.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, in *api.GetContextKeysForCustomPolicyInput) (*api.GetContextKeysForCustomPolicyOutput, error) {
	docs, err := parse(policy.Identity, in.PolicyInputList, "PolicyInputList")
	if err != nil {
		return nil, err
	}
	return &api.GetContextKeysForCustomPolicyOutput{ContextKeyNames: contextKeys(docs)}, nil
}

// GetContextKeysForPrincipalPolicy implements api.Service.
func (s *Service) GetContextKeysForPrincipalPolicy(ctx context.Context, in *api.GetContextKeysForPrincipalPolicyInput) (*api.GetContextKeysForPrincipalPolicyOutput, error) {
	g, _, err := s.source(ctx, schema.Deref(in.PolicySourceArn))
	if err != nil {
		return nil, err
	}
	docs, err := parse(policy.Identity, in.PolicyInputList, "PolicyInputList")
	if err != nil {
		return nil, err
	}
	return &api.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: contextKeys(g.Set.Identity, docs)}, nil
}

// contextKeys are the condition keys that policies ask for, each once.
func contextKeys(lists ...[]policy.Attached) []string {
	keys := []string{}
	seen := map[string]bool{}
	for _, list := range lists {
		for _, a := range list {
			for _, key := range a.ContextKeys() {
				if lower := strings.ToLower(key); !seen[lower] {
					seen[lower] = true
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}

// asInput says of a policy that came as a parameter what is wrong with it: the
// operations that take some declare no MalformedPolicyDocument.
func asInput(err error) error {
	if f := fault.As(err); f.Code == "MalformedPolicyDocument" {
		return invalidInput("%s", f.Message)
	}
	return err
}
