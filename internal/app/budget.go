package app

import (
	"context"
	"fmt"

	"github.com/outcrop/outcrop/internal/budget"
)

// openBudgets puts the budgets into the gate. They hold from the first call.
func (a *App) openBudgets() error {
	guard := budget.New(budget.Params{Store: a.state, Ledger: a.gov.ledger, Tags: a.costTags, Logger: a.p.Logger, Now: a.p.Now})
	if err := guard.Refresh(context.Background()); err != nil {
		return fmt.Errorf("read the budgets: %w", err)
	}
	a.gov.gate = append(a.gov.gate, guard)
	a.gov.run = append(a.gov.run, guard.Run)
	return nil
}
