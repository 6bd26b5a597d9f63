package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/outcrop/outcrop/internal/delivery"
)

// logMetrics show at GET /metrics what became of the logs: what is dropped there
// is missing for ever, and somebody should know.
func (a *App) logMetrics() []prometheus.Collector {
	counter := func(name, help string, count func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(count()) })
	}
	l := a.gov.invocations
	list := []prometheus.Collector{
		counter("outcrop_invocation_log_records_total", "Records of invocations that were written to files or handed to the delivery.", func() int64 { return l.Stats().Records }),
		counter("outcrop_invocation_log_dropped_total", "Invocations that left no record, for the writer could not follow or failed.", func() int64 { return l.Stats().Dropped }),
		counter("outcrop_invocation_log_bodies_dropped_total", "Records that lost their bodies, for there was no memory for them.", func() int64 { return l.Stats().LeftBodies }),
	}
	list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "outcrop_invocation_log_bytes", Help: "Bodies of invocations that are under way, or whose records are not written yet.",
	}, func() float64 { return float64(l.Stats().Held) }))
	list = append(list, deliveryMetrics("invocations", func() delivery.Stats { return l.Stats().Delivery })...)
	t := a.gov.audit
	if t == nil {
		return list
	}
	list = append(list,
		counter("outcrop_audit_events_total", "Events of the audit trail that were written.", func() int64 { return t.Stats().Written }),
		counter("outcrop_audit_failures_total", "Events of the audit trail that could not be written.", func() int64 { return t.Stats().Failed }),
		counter("outcrop_audit_left_out_total", "Events of callers whom nobody knows that were left out, for there were too many.", func() int64 { return t.Stats().LeftOut }),
	)
	return append(list, deliveryMetrics("audit", func() delivery.Stats { return t.Stats().Delivery })...)
}

// deliveryMetrics tell what became of the records that one log has for buckets.
func deliveryMetrics(log string, stats func() delivery.Stats) []prometheus.Collector {
	labels := prometheus.Labels{"log": log}
	counter := func(name, help string, count func(delivery.Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(count(stats())) })
	}
	return []prometheus.Collector{
		counter("outcrop_log_delivered_total", "Records that are in a bucket.", func(s delivery.Stats) int64 { return s.Delivered }),
		counter("outcrop_log_dropped_total", "Records that no bucket will see.", func(s delivery.Stats) int64 { return s.Dropped }),
		counter("outcrop_log_delivery_failures_total", "Tries that a bucket did not take.", func(s delivery.Stats) int64 { return s.Failures }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "outcrop_log_waiting_bytes", Help: "Records that wait for their bucket.", ConstLabels: labels},
			func() float64 { return float64(stats().Waiting) }),
	}
}
