package app

import (
	"context"

	"github.com/outcrop/outcrop/internal/admission"
	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/telemetry"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// governance is what decides about calls and what watches them. Each part has a
// file and a line in openGovernance; it adds itself to the lists that it
// belongs to.
type governance struct {
	gate      admission.Gate     // asked in this order
	observers []observe.Observer // told in this order
	run       []func(context.Context)
	metrics   *telemetry.Metrics
	series    *series.Store
	close     []func() error // called in reverse
	ledger    *ledger.Ledger
	bill      *billMetrics

	organization func() [][]policy.Attached // service control policies

	logging     *invocationlog.Settings
	invocations *invocationlog.Log
	audit       *audit.Trail // nil where it is off
}

// openGovernance opens the parts, in the order in which they depend on each
// other.
func (a *App) openGovernance() error {
	for _, open := range []func() error{a.openNamed, a.openLedger, a.openAccess, a.openTelemetry, a.openBudgets, a.openQuotas, a.openThroughput, a.openAuthorization, a.openInvocationLog, a.openAudit, a.openRing} {
		if err := open(); err != nil {
			return err
		}
	}
	// First of all: the requests that the stop has cut off end a moment later, and
	// belong into the logs and counts as any other.
	a.gov.close = append(a.gov.close, func() error {
		a.gov.ledger.Rest()
		return nil
	})
	return nil
}
