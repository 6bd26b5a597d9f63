package trace

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Target is where traces go.
type Target struct {
	URL     string // of the collector's path for traces
	Headers map[string]string
	Service string // the name by which the server calls itself; empty: outcrop
}

// Find reads where traces go: to an endpoint, or else to where OpenTelemetry's
// own variables say. ok is false for nowhere.
func Find(endpoint string, getenv func(string) string) (_ Target, ok bool, err error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				return v
			}
		}
		return ""
	}
	t := Target{Service: first("OTEL_SERVICE_NAME")}
	exact := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch {
	case endpoint != "":
		t.URL = under(endpoint)
	case strings.EqualFold(first("OTEL_SDK_DISABLED"), "true") || first("OTEL_TRACES_EXPORTER") == "none":
		return Target{}, false, nil
	case exact != "":
		t.URL = exact
	default:
		base := first("OTEL_EXPORTER_OTLP_ENDPOINT")
		if base == "" {
			return Target{}, false, nil
		}
		t.URL = under(base)
	}
	if u, err := url.Parse(t.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Target{}, false, errors.New("the endpoint of OpenTelemetry's collector is not a URL that begins with http:// or https://")
	}
	if p := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); p != "" && p != "http/protobuf" {
		return Target{}, false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is not supported, http/protobuf is", p)
	}
	t.Headers, err = headers(first("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"))
	return t, err == nil, err
}

// under is the path for traces below a collector's base.
func under(base string) string { return strings.TrimSuffix(base, "/") + "/v1/traces" }

// headers reads name=value,… with percent-encoded values. What is wrong with
// them is said without them: they may be secret.
func headers(text string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is not a list of name=value, separated by commas")
		}
		out[name] = value
	}
	return out, nil
}
