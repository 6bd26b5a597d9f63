package app

import (
	"net/url"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/outbound"
)

// Dialer opens the connections that a configuration allows. Every client of the
// server and of the commands dials through it.
func Dialer(cfg *config.Config) *outbound.Dialer {
	return outbound.New(outbound.Params{Offline: cfg.Offline, Allow: configured(cfg)})
}

// configured are the hosts that the configuration names.
func configured(cfg *config.Config) []string {
	var hosts []string
	switch endpoint := cfg.Objects.Endpoint; endpoint {
	case "":
	case config.AWS:
		hosts = append(hosts, ".amazonaws.com", ".amazonaws.com.cn")
	default:
		if u, err := url.Parse(endpoint); err == nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	if u, err := url.Parse(cfg.Telemetry.OTLP.Endpoint); err == nil && u.Host != "" {
		hosts = append(hosts, u.Hostname())
	}
	for _, b := range cfg.Backends {
		switch u, err := url.Parse(b.URL); {
		case b.Type == config.BackendBedrock && b.URL == "":
			hosts = append(hosts, ".amazonaws.com", ".amazonaws.com.cn")
		case err == nil && u.Host != "":
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
