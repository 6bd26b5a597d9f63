package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// collector writes the totals in Prometheus' words. Its metrics come and go
// with their labels, so it describes none beforehand.
type collector struct{ m *Metrics }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// genAI are the labels of OpenTelemetry's conventions.
var genAI = []string{"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_response_model", "error_type"}

var (
	requestsDesc  = desc("outcrop_requests_total", "Requests by operation and exception; an empty error is success.", "service", "operation", "error")
	durationDesc  = desc("outcrop_request_duration_seconds", "Time from the request's first byte to the answer's last.", "service", "operation")
	firstDesc     = desc("outcrop_time_to_first_token_seconds", "Time until the model's first token.", "served_by")
	tokensDesc    = desc("outcrop_tokens_total", "Tokens by the model that answered and what they were.", "served_by", "type")
	panicsDesc    = desc("outcrop_panics_total", "Requests that ended in a bug of the server.")
	droppedDesc   = desc("outcrop_metric_points_dropped_total", "Points of the CloudWatch metrics that could not be written.")
	serverDesc    = desc("gen_ai_server_request_duration_seconds", "Time of a generation from the request's first byte to the answer's last.", genAI...)
	clientDesc    = desc("gen_ai_client_operation_duration_seconds", "Time that the model behind the server took.", genAI...)
	serverFirst   = desc("gen_ai_server_time_to_first_token_seconds", "Time until the model's first token.", genAI...)
	serverToken   = desc("gen_ai_server_time_per_output_token_seconds", "Time of each token after the first.", genAI...)
	usageDesc     = desc("gen_ai_client_token_usage", "Tokens of a generation.", append(slices.Clip(genAI), "gen_ai_token_type")...)
	cloudLabels   = []string{"account_id", "region", "model_id"}
	cloudCounters = map[series.Metric]*prometheus.Desc{
		series.Invocations:            desc("aws_bedrock_invocations_total", "Invocations that succeeded.", cloudLabels...),
		series.InvocationClientErrors: desc("aws_bedrock_invocation_client_errors_total", "Invocations that failed by the client's fault.", cloudLabels...),
		series.InvocationServerErrors: desc("aws_bedrock_invocation_server_errors_total", "Invocations that failed by the server's fault.", cloudLabels...),
		series.InvocationThrottles:    desc("aws_bedrock_invocation_throttles_total", "Invocations that were throttled.", cloudLabels...),
		series.InputTokenCount:        desc("aws_bedrock_input_token_count_total", "Tokens in the input.", cloudLabels...),
		series.OutputTokenCount:       desc("aws_bedrock_output_token_count_total", "Tokens in the output.", cloudLabels...),
		series.CacheReadInputTokens:   desc("aws_bedrock_cache_read_input_tokens_total", "Tokens of the input that were read from the cache.", cloudLabels...),
		series.CacheWriteInputTokens:  desc("aws_bedrock_cache_write_input_tokens_total", "Tokens of the input that were written to the cache.", cloudLabels...),
		series.EstimatedTPMQuotaUsage: desc("aws_bedrock_estimated_tpm_quota_usage_total", "Tokens that count against the quota.", cloudLabels...),
	}
	cloudSummaries = map[series.Metric]*prometheus.Desc{
		series.InvocationLatency: desc("aws_bedrock_invocation_latency_milliseconds", "Time until the last token.", cloudLabels...),
		series.TimeToFirstToken:  desc("aws_bedrock_time_to_first_token_milliseconds", "Time until the first token of a stream.", cloudLabels...),
	}
)

// Describe implements prometheus.Collector.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	m := c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drain()
	counter(out, panicsDesc, float64(m.panics.Load()))
	counter(out, droppedDesc, float64(m.dropped))
	m.totals.collectRequests(out)
	m.totals.collectModels(out)
	for key, total := range m.totals.cloud {
		for metric, d := range cloudCounters {
			if total[metric].n > 0 {
				counter(out, d, total[metric].sum, key.account, key.region, key.model)
			}
		}
		for metric, d := range cloudSummaries {
			if total[metric].n > 0 {
				out <- prometheus.MustNewConstSummary(d, total[metric].n, total[metric].sum, nil, key.account, key.region, key.model)
			}
		}
	}
}

func (t *totals) collectRequests(out chan<- prometheus.Metric) {
	type operation struct{ service, name string }
	durations := map[operation]*histogram{}
	for key, r := range t.requests {
		counter(out, requestsDesc, float64(r.duration.n), key.service, key.operation, key.code)
		op := operation{key.service, key.operation}
		if durations[op] == nil {
			durations[op] = &histogram{}
		}
		durations[op].merge(&r.duration)
	}
	for op, h := range durations {
		h.collect(out, durationDesc, durationBounds, op.service, op.name)
	}
}

func (t *totals) collectModels(out chan<- prometheus.Metric) {
	served := map[string]*models{}
	for key, g := range t.models {
		labels := []string{key.operation, ProviderName, key.requested, key.answered, key.code}
		g.duration.collect(out, serverDesc, durationBounds, labels...)
		g.backend.collect(out, clientDesc, durationBounds, labels...)
		g.first.collect(out, serverFirst, durationBounds, labels...)
		g.perToken.collect(out, serverToken, tokenTimeBounds, labels...)
		g.input.collect(out, usageDesc, tokenBounds, append(labels, "input")...)
		g.output.collect(out, usageDesc, tokenBounds, append(labels, "output")...)
		if key.answered == "" {
			continue
		}
		sum := served[key.answered]
		if sum == nil {
			sum = &models{}
			served[key.answered] = sum
		}
		sum.first.merge(&g.first)
		sum.input.merge(&g.input)
		sum.output.merge(&g.output)
		sum.cacheRead += g.cacheRead
		sum.cacheWrite += g.cacheWrite
	}
	for model, g := range served {
		g.first.collect(out, firstDesc, durationBounds, model)
		counter(out, tokensDesc, g.input.sum, model, "input")
		counter(out, tokensDesc, g.output.sum, model, "output")
		counter(out, tokensDesc, float64(g.cacheRead), model, "cache_read")
		counter(out, tokensDesc, float64(g.cacheWrite), model, "cache_write")
	}
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

// collect writes a histogram that has values.
func (h *histogram) collect(out chan<- prometheus.Metric, d *prometheus.Desc, bounds []float64, labels ...string) {
	if h.n == 0 {
		return
	}
	cumulative := make(map[float64]uint64, len(bounds))
	var below uint64
	for i, bound := range bounds {
		below += h.buckets[i]
		cumulative[bound] = below
	}
	out <- prometheus.MustNewConstHistogram(d, h.n, h.sum, cumulative, labels...)
}
