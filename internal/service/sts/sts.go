// Package sts serves the Security Token Service: who am I. Clients ask it to
// find out which account their credentials belong to.
//
// It verifies nothing itself: the caller was verified before the edge called
// the service, and is found in the call's context. Package app makes one.
package sts

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
)

// Service implements the STS operations that Outcrop has. It has no state and
// is safe for concurrent use.
type Service struct{ api.Unimplemented }

var _ api.Service = (*Service)(nil)

// New returns the service.
func New() *Service { return &Service{} }

// GetCallerIdentity tells the verified caller's account, ARN and id. Without a
// caller it is Unauthenticated.
func (*Service) GetCallerIdentity(ctx context.Context, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	p := call.From(ctx).Principal
	if p.ARN == "" {
		return nil, fault.New(fault.Unauthenticated, "Request is missing Authentication Token").
			WithCode("MissingAuthenticationToken")
	}
	return &api.GetCallerIdentityOutput{Account: &p.Account, Arn: &p.ARN, UserId: &p.UserID}, nil
}
