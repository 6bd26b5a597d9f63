package config

import "net/url"

// Telemetry says where what is measured goes beside /metrics and the CloudWatch
// API.
type Telemetry struct {
	OTLP OTLP `yaml:"otlp"`
}

// OTLP is a collector of traces. What it wants as headers may be secret and is
// never in the file: it comes from OTEL_EXPORTER_OTLP_HEADERS.
type OTLP struct {
	Endpoint string  `yaml:"endpoint" doc:"URL of an OpenTelemetry collector that gets a trace of every request over HTTP (http://127.0.0.1:4318); OTEL_EXPORTER_OTLP_ENDPOINT when empty, and none without either. Headers for it: OTEL_EXPORTER_OTLP_HEADERS."`
	Sample   float64 `yaml:"sample" doc:"Part of the requests that are traced, from 0 to 1; a client that sends a traceparent decides for its own."`
}

func (c *Config) validateTelemetry(wrong func(key, format string, args ...any)) {
	o := c.Telemetry.OTLP
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			wrong("telemetry.otlp.endpoint", "is not a URL that begins with http:// or https://")
		case u.User != nil:
			wrong("telemetry.otlp.endpoint", "must be without keys; OTEL_EXPORTER_OTLP_HEADERS is for them")
		}
	}
	if !(o.Sample >= 0 && o.Sample <= 1) {
		wrong("telemetry.otlp.sample", "must be between 0 and 1")
	}
}
