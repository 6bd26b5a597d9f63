package access

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
)

// id is what is remembered; an id without a model is that of the use case.
type id struct{ account, region, model string }

// entry is what was found at a time.
type entry struct {
	ok      bool
	at      time.Time
	renewed atomic.Bool // somebody is looking again
}

// What is remembered is looked at again after a second, without anybody waiting;
// what is older than two is not believed any more.
const (
	fresh  = time.Second
	oldest = 2 * time.Second
)

// Admit implements admission.Check: AccessDeniedException or, where the
// provider's form is missing, ResourceNotFoundException, in the service's words.
// An account's own models are its own.
func (r *Registry) Admit(ctx context.Context, u *admission.Use) (admission.Ticket, error) {
	if r.p.Mode == Auto || strings.HasPrefix(u.ModelID, "arn:") {
		return nil, nil //nolint:nilnil // nothing to settle, as the port says
	}
	account := u.Call.Account
	ok, err := r.remembered(ctx, id{account, u.Call.Region, u.ModelID}, r.granted)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, nil //nolint:nilnil // as above
	}
	if NeedsUseCase(u.Entry) {
		if ok, err = r.remembered(ctx, id{account: account}, r.submitted); err != nil {
			return nil, err
		}
		if !ok {
			return nil, noUseCase()
		}
	}
	return nil, fault.New(fault.Denied, "You don't have access to the model with the specified model ID.").WithField("model", u.ModelID)
}

// NeedsUseCase reports whether the provider of a model wants to know first what
// it is used for.
func NeedsUseCase(m *catalog.Model) bool { return m.Provider == "Anthropic" }

func noUseCase() error {
	return fault.New(fault.NotFound, "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model. If you have already filled out the form, try again in 15 minutes.")
}

func (r *Registry) granted(ctx context.Context, k id) (bool, error) {
	a, err := r.Agreement(ctx, k.account, k.region, k.model)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return a.Status == Granted, err
}

func (r *Registry) submitted(ctx context.Context, k id) (bool, error) {
	_, err := r.UseCase(ctx, k.account)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// remembered is what look finds, or has found a moment ago. There are only as
// many ids as models in regions, for only such are asked for.
func (r *Registry) remembered(ctx context.Context, k id, look func(context.Context, id) (bool, error)) (bool, error) {
	now := r.p.Now()
	if v, ok := r.known.Load(k); ok {
		e := v.(*entry)
		switch age := now.Sub(e.at); {
		case age >= 0 && age < fresh:
			return e.ok, nil
		case age >= 0 && age < oldest && e.renewed.CompareAndSwap(false, true):
			go func() { _, _ = r.look(context.WithoutCancel(ctx), k, look) }() // the next one asks again
			return e.ok, nil
		case age >= 0 && age < oldest:
			return e.ok, nil
		}
	}
	return r.look(ctx, k, look)
}

func (r *Registry) look(ctx context.Context, k id, look func(context.Context, id) (bool, error)) (bool, error) {
	e := &entry{at: r.p.Now()}
	ok, err := look(ctx, k)
	if err != nil {
		return false, err
	}
	e.ok = ok
	r.known.Store(k, e)
	return ok, nil
}
