package native

// InvocationMetrics is the member amazon-bedrock-invocationMetrics of the last
// chunk. The cache counts are there only for models that report them.
type InvocationMetrics struct {
	InputTokens      int   `json:"inputTokenCount"`
	OutputTokens     int   `json:"outputTokenCount"`
	Latency          int64 `json:"invocationLatency"` // milliseconds
	FirstByteLatency int64 `json:"firstByteLatency"`  // milliseconds
	CacheRead        *int  `json:"cacheReadInputTokenCount,omitempty"`
	CacheWrite       *int  `json:"cacheWriteInputTokenCount,omitempty"`
}

// Invocation returns the metrics in the form that a model's last chunk has.
func (m Metrics) Invocation(of Model) *InvocationMetrics {
	im := &InvocationMetrics{
		InputTokens:      m.InputTokens,
		OutputTokens:     m.OutputTokens,
		Latency:          m.Latency.Milliseconds(),
		FirstByteLatency: m.FirstByteLatency.Milliseconds(),
	}
	if of.CacheMetrics {
		im.CacheRead, im.CacheWrite = &m.CacheRead, &m.CacheWrite
	}
	return im
}
