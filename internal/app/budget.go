package app

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/outcrop/outcrop/internal/budget"
	"github.com/outcrop/outcrop/internal/ledger"
)

// openBudgets puts the budgets into the gate. They hold from the first call.
func (a *App) openBudgets() error {
	guard := budget.New(budget.Params{Store: a.state, Ledger: a.gov.ledger, Tags: a.costTags, Logger: a.p.Logger, Now: a.p.Now})
	if err := guard.Refresh(context.Background()); err != nil {
		return fmt.Errorf("read the budgets: %w", err)
	}
	a.gov.gate = append(a.gov.gate, guard)
	a.gov.run = append(a.gov.run, guard.Run)
	a.gov.bill = &billMetrics{
		guard: guard, ledger: a.gov.ledger,
		spent:    prometheus.NewDesc("outcrop_budget_spent_dollars", "Spent in the present period of a budget.", []string{"account", "budget"}, nil),
		limit:    prometheus.NewDesc("outcrop_budget_limit_dollars", "Limit of a budget.", []string{"account", "budget"}, nil),
		inMemory: prometheus.NewDesc("outcrop_usage_records_in_memory", "Usage records that could not be written yet.", nil, nil),
		lost:     prometheus.NewDesc("outcrop_usage_records_lost_total", "Usage records that could not be written and found no room in memory.", nil, nil),
	}
	return nil
}

// billMetrics shows at /metrics how far budgets are spent, and whether the bill
// can be written.
type billMetrics struct {
	guard                        *budget.Guard
	ledger                       *ledger.Ledger
	spent, limit, inMemory, lost *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (m *billMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.spent, m.limit, m.inMemory, m.lost} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *billMetrics) Collect(out chan<- prometheus.Metric) {
	const micro = 1e-6
	for _, s := range m.guard.Statuses() {
		out <- prometheus.MustNewConstMetric(m.spent, prometheus.GaugeValue, float64(s.Spent)*micro, s.Account, s.Name)
		out <- prometheus.MustNewConstMetric(m.limit, prometheus.GaugeValue, float64(s.Limit)*micro, s.Account, s.Name)
	}
	inMemory, lost := m.ledger.Trouble()
	out <- prometheus.MustNewConstMetric(m.inMemory, prometheus.GaugeValue, float64(inMemory))
	out <- prometheus.MustNewConstMetric(m.lost, prometheus.CounterValue, float64(lost))
}
