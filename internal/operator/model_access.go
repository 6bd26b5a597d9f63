package operator

import (
	"time"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/fault"
)

// ModelAccess is which models the caller's account may use in a region, and what
// is missing for the others. GetFoundationModelAvailability says so of one model.
type ModelAccess struct {
	Region string `json:"region"`
	// Mode is what it takes to use a model: "auto" (nothing), "request" (an
	// agreement) or "approval" (an agreement that somebody approves).
	Mode string `json:"mode"`
	// UseCase says that the account has submitted the use-case form.
	UseCase bool               `json:"useCaseSubmitted"`
	Models  []ModelAccessState `json:"models"`
}

// ModelAccessState is whether one model may be used.
type ModelAccessState struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Provider  string `json:"provider"`
	Lifecycle string `json:"lifecycle"`
	// Status is "AVAILABLE", "PENDING", "NOT_AVAILABLE" (nobody has asked) or
	// "DENIED".
	Status       string     `json:"status"`
	NeedsUseCase bool       `json:"needsUseCase"` // its provider wants to know first what it is used for
	RequestedBy  string     `json:"requestedBy"`  // ARN; empty where nobody asked
	RequestedAt  *time.Time `json:"requestedAt"`
	DecidedAt    *time.Time `json:"decidedAt"`
	Reason       string     `json:"reason"`   // of a denial
	Barred       bool       `json:"barred"`   // it was denied, and stays so until an administrator approves, also where somebody has asked again
	ServedBy     *ServedBy  `json:"servedBy"` // null: nobody here can answer
	Unserved     string     `json:"unserved"` // why nobody can; empty: somebody does
}

// modelAccess answers GET /outcrop/model-access.
func (a *API) modelAccess(q *request) (any, error) {
	region, err := a.knownRegion(q)
	if err != nil {
		return nil, err
	}
	mode := a.p.Access.Mode()
	out := &ModelAccess{Region: region, Mode: string(mode), Models: []ModelAccessState{}}
	switch _, err := a.p.Access.UseCase(q.Context(), q.call.Account); {
	case err == nil:
		out.UseCase = true
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	found, err := a.p.Access.List(q.Context(), q.call.Account)
	if err != nil {
		return nil, err
	}
	agreements := map[string]access.Agreement{}
	for _, f := range found {
		if f.Region == region {
			agreements[f.Model] = f
		}
	}
	up := a.health()
	for _, m := range a.p.Listed(region) {
		s := ModelAccessState{
			ID: m.ID, Name: m.Name, Provider: m.Provider, Lifecycle: string(m.LifecycleAt(a.p.Now())),
			Status: accessNone, NeedsUseCase: mode != access.Auto && access.NeedsUseCase(m),
		}
		if agreed, ok := agreements[m.ID]; ok {
			s.Status = accessStatus(agreed.Status)
			s.RequestedBy, s.RequestedAt, s.DecidedAt, s.Reason = agreed.By, moment(agreed.Requested), moment(agreed.Decided), agreed.Reason
			s.Barred = agreed.Barred
		}
		if mode == access.Auto {
			s.Status = accessAvailable // whatever was agreed
		}
		s.ServedBy, s.Unserved = a.servedBy(m.ID, region, q.call.Account, up)
		out.Models = append(out.Models, s)
	}
	return out, nil
}

const accessAvailable, accessNone = "AVAILABLE", "NOT_AVAILABLE"

// accessStatus is a status in the words of GetFoundationModelAvailability, which
// has none of its own for a denial.
func accessStatus(s access.Status) string {
	if s == access.Granted {
		return accessAvailable
	}
	return string(s)
}
