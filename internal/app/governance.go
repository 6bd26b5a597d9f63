package app

import (
	"context"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/observe"
)

// governance is what decides about calls and what watches them. Each part has a
// file and a line in openGovernance; it adds itself to the lists that it
// belongs to.
type governance struct {
	gate      admission.Gate     // asked in this order
	observers []observe.Observer // told in this order
	run       []func(context.Context)
	close     []func() error // called in reverse

	logging     *invocationlog.Settings
	invocations *invocationlog.Log
}

// openGovernance opens the parts, in the order in which they depend on each
// other.
func (a *App) openGovernance() error {
	for _, open := range []func() error{a.openInvocationLog} {
		if err := open(); err != nil {
			return err
		}
	}
	return nil
}
