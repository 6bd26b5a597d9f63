package edge

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/outcrop/outcrop/internal/call"
)

// Metrics counts what the edge does, for GET /metrics. Each server has its own
// registry, so that two servers can live in one process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	panics   prometheus.Counter
}

// NewMetrics makes the edge's metrics in a registry of their own.
func NewMetrics() *Metrics {
	// The buckets of OpenTelemetry's GenAI conventions: 10 ms doubling.
	buckets := prometheus.ExponentialBuckets(0.01, 2, 14)
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "outcrop_requests_total", Help: "Requests by operation and exception; an empty error is success.",
		}, []string{"service", "operation", "error"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "outcrop_request_duration_seconds", Help: "Time from the request's first byte to the answer's last.", Buckets: buckets,
		}, []string{"service", "operation"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "outcrop_time_to_first_token_seconds", Help: "Time until the model's first token.", Buckets: buckets,
		}, []string{"served_by"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "outcrop_tokens_total", Help: "Tokens by the model that answered and direction.",
		}, []string{"served_by", "type"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "outcrop_panics_total", Help: "Requests that ended in a bug of the server.",
		}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.first, m.tokens, m.panics)
	return m
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) observe(c *call.Call, code string, elapsed time.Duration, usage call.Usage) {
	m.requests.WithLabelValues(c.Service, c.Operation, code).Inc()
	m.duration.WithLabelValues(c.Service, c.Operation).Observe(elapsed.Seconds())
	if usage.ServedBy == "" {
		return
	}
	if usage.FirstToken > 0 {
		m.first.WithLabelValues(usage.ServedBy).Observe(usage.FirstToken.Seconds())
	}
	m.tokens.WithLabelValues(usage.ServedBy, "input").Add(float64(usage.InputTokens))
	m.tokens.WithLabelValues(usage.ServedBy, "output").Add(float64(usage.OutputTokens))
}
