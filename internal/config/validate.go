package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	domainPattern  = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
)

// Validate says everything that is wrong at once, each with its place in the
// file where it has one.
func (c *Config) Validate(lines Lines) error {
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, errors.New(lines.where(key)+": "+fmt.Sprintf(format, args...)))
	}
	oneOf := func(key, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			wrong(key, "%q is not one of %s", value, strings.Join(allowed, ", "))
		}
	}

	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		wrong("listen", "%q is not host:port", c.Listen)
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		wrong("listen", "%q is not a port", port)
	}
	if !accountPattern.MatchString(c.Account) {
		wrong("account", "%q is not 12 digits", c.Account)
	}
	if !regionPattern.MatchString(c.Region) {
		wrong("region", "%q is not a region name", c.Region)
	}
	oneOf("auth", string(c.Auth), string(On), string(Off))
	oneOf("access", c.Access, "auto", "request", "approval")
	if c.Auth == Off && err == nil && !Loopback(host) {
		wrong("auth", "off is only allowed on a loopback address, not on %s", c.Listen)
	}
	c.validateListeners(wrong)
	c.validateTelemetry(wrong)
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		wrong("tls", "certificate and key go together")
	}
	oneOf("compat.unknownModel", c.Compat.UnknownModel, "not-found", "validation")
	oneOf("compat.lifecycle", c.Compat.Lifecycle, "ignore", "enforce")
	oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf("log.format", c.Log.Format, "text", "json")
	if c.Defaults.Chat == "" {
		wrong("defaults.chat", "a model name is needed")
	}
	if c.Defaults.Embedding == "" {
		wrong("defaults.embedding", "a model name is needed")
	}
	pattern := func(key, p string) {
		if p == "" {
			wrong(key, "a model ID or pattern is needed")
		} else if _, err := path.Match(p, ""); err != nil {
			wrong(key, "%q is not a pattern", p)
		}
	}
	for i, r := range c.Routes {
		key := fmt.Sprintf("routes.%d", i)
		pattern(key, r.Match)
		if r.Like != "" && strings.ContainsAny(r.Match, "*?") && !strings.HasPrefix(r.Match, "arn:") {
			wrong(key, "like is for one model ID of your own, not for the pattern %q", r.Match)
		}
	}
	for i, r := range c.Regions {
		key := fmt.Sprintf("regions.%d", i)
		pattern(key, r.Match)
		for _, name := range r.Regions {
			if !regionPattern.MatchString(name) {
				wrong(key, "%q is not a region name", name)
			}
		}
	}
	for i, p := range c.Prices {
		key := fmt.Sprintf("prices.%d", i)
		pattern(key, p.Match)
		if p.negative() || p.tooHigh() {
			wrong(key, "a price is between 0 and %d dollars", highest)
		}
	}
	if c.Usage.Keep < 0 {
		wrong("usage.keep", "must not be negative")
	}
	c.validateObjects(wrong)
	c.validateBackends(wrong)
	c.validateRouting(wrong)
	c.validateLimits(wrong, pattern)
	c.validateLogs(wrong)
	c.validateConsole(wrong)
	if c.Engine.Parallel < 1 || c.Engine.Parallel > 64 {
		wrong("engine.parallel", "%d is not between 1 and 64", c.Engine.Parallel)
	}
	if c.Ingestion.Syncs < 1 || c.Ingestion.Syncs > 64 {
		wrong("ingestion.syncs", "%d is not between 1 and 64", c.Ingestion.Syncs)
	}
	if c.Ingestion.Lease < time.Second {
		wrong("ingestion.lease", "must not be shorter than a second")
	}
	for key, n := range map[string]int64{
		"engine.queue": int64(c.Engine.Queue), "engine.context": int64(c.Engine.Context),
		"engine.idleTimeout": int64(c.Engine.IdleTimeout), "limits.requestsPerMinute": int64(c.Limits.RequestsPerMinute),
		"limits.tokensPerMinute": int64(c.Limits.TokensPerMinute), "limits.tokensPerDay": int64(c.Limits.TokensPerDay),
		"limits.concurrency": int64(c.Limits.Concurrency),
		"overload.requests":  int64(c.Overload.Requests),
	} {
		if n < 0 {
			wrong(key, "must not be negative")
		}
	}
	for key, d := range map[string]int64{
		"engine.loadTimeout": int64(c.Engine.LoadTimeout), "timeouts.model": int64(c.Timeouts.Model),
		"timeouts.header": int64(c.Timeouts.Header), "timeouts.body": int64(c.Timeouts.Body), "timeouts.write": int64(c.Timeouts.Write),
	} {
		if d <= 0 {
			wrong(key, "must be longer than nothing")
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

var endpointPattern = regexp.MustCompile(`^vpce-[0-9a-z]+$`)

func (c *Config) validateListeners(wrong func(key, format string, args ...any)) {
	seen := map[string]bool{c.Listen: true}
	policies := map[string]string{}
	for i, l := range c.Listeners {
		key := fmt.Sprintf("listeners.%d", i)
		path, unix := l.Unix()
		host, port, err := net.SplitHostPort(l.Address)
		n, portErr := strconv.Atoi(port)
		switch {
		case unix && path == "":
			wrong(key, "a path is needed after unix:")
		case unix:
		case err != nil || portErr != nil || n < 0 || n > 65535:
			wrong(key, "%q is neither host:port nor unix:PATH", l.Address)
		case c.Auth == Off && !Loopback(host):
			wrong(key, "auth: off is only allowed on loopback addresses, not on %s", l.Address)
		}
		if seen[l.Address] && n != 0 {
			wrong(key, "%s is there twice", l.Address)
		}
		seen[l.Address] = true
		if l.Endpoint != "" && !endpointPattern.MatchString(l.Endpoint) {
			wrong(key, "%q is not the ID of a VPC endpoint, such as vpce-0a1b2c3d", l.Endpoint)
		}
		if l.Policy != "" && l.Endpoint == "" {
			wrong(key, "a policy is that of an endpoint: name it with endpoint")
		}
		if other, ok := policies[l.Endpoint]; ok && l.Endpoint != "" && other != l.Policy {
			wrong(key, "the endpoint %s has another policy at another address", l.Endpoint)
		}
		policies[l.Endpoint] = l.Policy
		if l.Plain != "" && l.Plain != string(On) && l.Plain != string(Off) {
			wrong(key, "plain: %q is not one of on, off", l.Plain)
		}
		if l.ClientCA != "" && l.Plain == string(On) {
			wrong(key, "clients that must show a certificate cannot use plain HTTP")
		}
		if (l.Certificate == "") != (l.Key == "") {
			wrong(key, "certificate and key go together")
		}
	}
}

// AWS is the value of objects.endpoint that means Amazon S3.
const AWS = "aws"

func (c *Config) validateObjects(wrong func(key, format string, args ...any)) {
	o := c.Objects
	if o.Region != "" && !regionPattern.MatchString(o.Region) {
		wrong("objects.region", "%q is not a region name", o.Region)
	}
	if !domainPattern.MatchString(o.Domain) && o.Domain != "" {
		wrong("objects.domain", "%q is not a host name", o.Domain)
	}
	if o.Endpoint == "" || o.Endpoint == AWS {
		return
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		wrong("objects.endpoint", "is neither aws nor a URL such as https://s3.example.com:9000, without keys, path and query") // it may hold a secret
	}
}

// Loopback reports whether a listen host can only be reached from this machine.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
