package servicequotas

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/fault"
)

// noOrganization is the answer to everything about templates: they are for the
// accounts of an organization, and an account here is in none.
func noOrganization() error {
	return fault.New(fault.Invalid, "The Amazon Web Services account making this call is not a member of an organization.").WithCode("NoAvailableOrganizationException")
}

// AssociateServiceQuotaTemplate is for organizations.
func (s *Service) AssociateServiceQuotaTemplate(context.Context, *api.AssociateServiceQuotaTemplateInput) (*api.AssociateServiceQuotaTemplateOutput, error) {
	return nil, noOrganization()
}

// DisassociateServiceQuotaTemplate is for organizations.
func (s *Service) DisassociateServiceQuotaTemplate(context.Context, *api.DisassociateServiceQuotaTemplateInput) (*api.DisassociateServiceQuotaTemplateOutput, error) {
	return nil, noOrganization()
}

// GetAssociationForServiceQuotaTemplate is for organizations.
func (s *Service) GetAssociationForServiceQuotaTemplate(context.Context, *api.GetAssociationForServiceQuotaTemplateInput) (*api.GetAssociationForServiceQuotaTemplateOutput, error) {
	return nil, noOrganization()
}

// GetServiceQuotaIncreaseRequestFromTemplate is for organizations.
func (s *Service) GetServiceQuotaIncreaseRequestFromTemplate(context.Context, *api.GetServiceQuotaIncreaseRequestFromTemplateInput) (*api.GetServiceQuotaIncreaseRequestFromTemplateOutput, error) {
	return nil, noOrganization()
}

// PutServiceQuotaIncreaseRequestIntoTemplate is for organizations.
func (s *Service) PutServiceQuotaIncreaseRequestIntoTemplate(context.Context, *api.PutServiceQuotaIncreaseRequestIntoTemplateInput) (*api.PutServiceQuotaIncreaseRequestIntoTemplateOutput, error) {
	return nil, noOrganization()
}

// DeleteServiceQuotaIncreaseRequestFromTemplate is for organizations.
func (s *Service) DeleteServiceQuotaIncreaseRequestFromTemplate(context.Context, *api.DeleteServiceQuotaIncreaseRequestFromTemplateInput) (*api.DeleteServiceQuotaIncreaseRequestFromTemplateOutput, error) {
	return nil, noOrganization()
}

// ListServiceQuotaIncreaseRequestsInTemplate is for organizations.
func (s *Service) ListServiceQuotaIncreaseRequestsInTemplate(context.Context, *api.ListServiceQuotaIncreaseRequestsInTemplateInput) (*api.ListServiceQuotaIncreaseRequestsInTemplateOutput, error) {
	return nil, noOrganization()
}
