package bedrock

import (
	"context"
	"math/big"
	"net/url"

	"github.com/outcrop/outcrop/internal/access"
	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// TermsPath is where the document of an offer can be read, followed by the model
// ID; package app serves it.
const TermsPath = "/model-terms/"

// GetFoundationModelAvailability tells whether a model can be used, and what is
// missing.
func (s *Service) GetFoundationModelAvailability(ctx context.Context, in *api.GetFoundationModelAvailabilityInput) (*api.GetFoundationModelAvailabilityOutput, error) {
	c := call.From(ctx)
	out := &api.GetFoundationModelAvailabilityOutput{
		AgreementAvailability:   &api.AgreementAvailability{Status: api.AgreementStatusAvailable},
		AuthorizationStatus:     api.AuthorizationStatusAuthorized,
		EntitlementAvailability: api.EntitlementAvailabilityAvailable,
		RegionAvailability:      api.RegionAvailabilityAvailable,
	}
	m, id, err := s.find(schema.Deref(in.ModelId), c.Region)
	if err != nil {
		// Bedrock knows models that this region does not have.
		if m, ok := s.catalog.Lookup(schema.Deref(in.ModelId)); ok && !s.catalog.Offered(m, c.Region) {
			out.ModelId = &m.ID
			out.RegionAvailability = api.RegionAvailabilityNotAvailable
			out.EntitlementAvailability = api.EntitlementAvailabilityNotAvailable
			out.AgreementAvailability.Status = api.AgreementStatusNotAvailable
			return out, nil
		}
		return nil, err
	}
	out.ModelId = &id
	if s.params.Access == nil || s.params.Access.Mode() == access.Auto {
		return out, nil
	}
	a, err := s.params.Access.Agreement(ctx, c.Account, c.Region, m.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		out.AgreementAvailability.Status = api.AgreementStatusNotAvailable
	case err != nil:
		return nil, err
	case a.Status == access.Pending:
		out.AgreementAvailability.Status = api.AgreementStatusPending
	case a.Status == access.Denied:
		message := "The request for access to this model was denied."
		if a.Reason != "" {
			message += " " + a.Reason
		}
		out.AgreementAvailability = &api.AgreementAvailability{Status: api.AgreementStatusError, ErrorMessage: &message}
		out.AuthorizationStatus = api.AuthorizationStatusNotAuthorized
	}
	if out.AgreementAvailability.Status != api.AgreementStatusAvailable {
		out.EntitlementAvailability = api.EntitlementAvailabilityNotAvailable
	}
	return out, nil
}

// ListFoundationModelAgreementOffers shows the one offer of a model, with the
// address of the document to be read and the token that says that it was.
func (s *Service) ListFoundationModelAgreementOffers(ctx context.Context, in *api.ListFoundationModelAgreementOffersInput) (*api.ListFoundationModelAgreementOffersOutput, error) {
	c := call.From(ctx)
	m, id, err := s.find(schema.Deref(in.ModelId), c.Region)
	if err != nil {
		return nil, err
	}
	token := access.Token(m.ID, s.terms(ctx, m))
	offer := "offer-" + access.Token(m.ID, "")[:13]
	address := url.URL{Scheme: "http", Host: c.Source.Host, Path: TermsPath + m.ID}
	if c.Source.Secure {
		address.Scheme = "https"
	}
	link, refund, duration := address.String(), "There is nothing to refund: this server charges nobody.", "P1Y"
	return &api.ListFoundationModelAgreementOffersOutput{ModelId: &id, Offers: []api.Offer{{
		OfferId: &offer, OfferToken: &token,
		TermDetails: &api.TermDetails{
			LegalTerm:             &api.LegalTerm{Url: &link},
			SupportTerm:           &api.SupportTerm{RefundPolicyDescription: &refund},
			UsageBasedPricingTerm: &api.PricingTerm{RateCard: rateCard(m)},
			ValidityTerm:          &api.ValidityTerm{AgreementDuration: &duration},
		},
	}}}, nil
}

// rateCard has the catalog's prices, for a thousand tokens as Bedrock quotes
// them. A model without prices has an empty one.
func rateCard(m *catalog.Model) []api.DimensionalPriceRate {
	card := []api.DimensionalPriceRate{}
	for _, rate := range []struct {
		dimension, description string
		perMillion             float64
	}{
		{"InputTokenCount", "Input tokens", m.InputPer1M},
		{"OutputTokenCount", "Output tokens", m.OutputPer1M},
		{"CacheReadInputTokenCount", "Input tokens read from the cache", m.CacheReadPer1M},
		{"CacheWriteInputTokenCount", "Input tokens written to the cache", m.CacheWritePer1M},
	} {
		if rate.perMillion == 0 {
			continue
		}
		price := perThousand(rate.perMillion)
		unit := "1K tokens"
		card = append(card, api.DimensionalPriceRate{Dimension: &rate.dimension, Description: &rate.description, Price: &price, Unit: &unit})
	}
	return card
}

// perThousand writes a thousandth of a price without an exponent and without
// zeros that say nothing.
func perThousand(perMillion float64) string {
	const digits = 9
	price := new(big.Rat).SetFloat64(perMillion)
	text := price.Quo(price, big.NewRat(1000, 1)).FloatString(digits)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	return text
}

// CreateFoundationModelAgreement accepts an offer. Where an administrator has to
// approve, access is pending until then.
func (s *Service) CreateFoundationModelAgreement(ctx context.Context, in *api.CreateFoundationModelAgreementInput) (*api.CreateFoundationModelAgreementOutput, error) {
	c := call.From(ctx)
	m, id, err := s.find(schema.Deref(in.ModelId), c.Region)
	if err != nil {
		return nil, err
	}
	if s.params.Access.Mode() != access.Auto && access.NeedsUseCase(m) {
		if _, err := s.params.Access.UseCase(ctx, c.Account); fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.Invalid, "Model use case details have not been submitted for this account. Submit them with PutUseCaseForModelAccess and try your request again.")
		} else if err != nil {
			return nil, err
		}
	}
	_, err = s.params.Access.Accept(ctx, c.Account, c.Region, m.ID, s.terms(ctx, m), schema.Deref(in.OfferToken), c.Principal.ARN)
	if err != nil {
		return nil, err
	}
	return &api.CreateFoundationModelAgreementOutput{ModelId: &id}, nil
}

// DeleteFoundationModelAgreement ends an agreement: the model cannot be used any
// more where agreements are asked for.
func (s *Service) DeleteFoundationModelAgreement(ctx context.Context, in *api.DeleteFoundationModelAgreementInput) (*api.DeleteFoundationModelAgreementOutput, error) {
	c := call.From(ctx)
	m, _, err := s.find(schema.Deref(in.ModelId), c.Region)
	if err != nil {
		return nil, err
	}
	err = s.params.Access.Withdraw(ctx, c.Account, c.Region, m.ID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "There is no agreement for model %s.", m.ID)
	}
	if err != nil {
		return nil, err
	}
	return &api.DeleteFoundationModelAgreementOutput{}, nil
}

// PutUseCaseForModelAccess keeps the form that some providers ask for.
func (s *Service) PutUseCaseForModelAccess(ctx context.Context, in *api.PutUseCaseForModelAccessInput) (*api.PutUseCaseForModelAccessOutput, error) {
	if err := s.params.Access.SubmitUseCase(ctx, call.From(ctx).Account, in.FormData); err != nil {
		return nil, err
	}
	return &api.PutUseCaseForModelAccessOutput{}, nil
}

// GetUseCaseForModelAccess returns the form as it was submitted.
func (s *Service) GetUseCaseForModelAccess(ctx context.Context, _ *api.GetUseCaseForModelAccessInput) (*api.GetUseCaseForModelAccessOutput, error) {
	form, err := s.params.Access.UseCase(ctx, call.From(ctx).Account)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "Model use case details have not been submitted for this account.")
	}
	if err != nil {
		return nil, err
	}
	return &api.GetUseCaseForModelAccessOutput{FormData: form}, nil
}

// terms is the document of a model's offer.
func (s *Service) terms(ctx context.Context, m *catalog.Model) string {
	if s.params.Terms != nil {
		return s.params.Terms(ctx, call.From(ctx).Region, m)
	}
	return s.params.Access.Document(m, "", false)
}
