// Package config is Outcrop's configuration: one struct with its defaults, read
// from a YAML file, environment variables and flags, in that order, and checked
// before anything starts.
//
// It opens nothing and starts nothing. Unknown keys and impossible values are
// errors that name file and line. The page docs/CONFIGURATION.md is made from
// the struct, so that it cannot disagree with it.
package config

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is everything that can be set. The yaml tag is the key, the doc tag
// its line in the reference; the environment variable is OUTCROP_ and the path
// in upper snake case.
type Config struct {
	Listen  string `yaml:"listen" doc:"Address of the one port for every service, plain HTTP and TLS alike."`
	Data    string `yaml:"data" doc:"Directory of everything Outcrop keeps; $XDG_DATA_HOME/outcrop when empty."`
	Models  string `yaml:"models" doc:"Directory of models and engine libraries; <data>/models when empty."`
	Account string `yaml:"account" doc:"The AWS account id that this server is, 12 digits."`
	Region  string `yaml:"region" doc:"Region of requests that name none (long-term API keys)."`
	Auth    Switch `yaml:"auth" doc:"on: every request must be signed. off: only on a loopback address, every request is anonymous."`
	Offline bool   `yaml:"offline" doc:"Open no connection to another machine but to those that this configuration names (objects.endpoint, backends); packs and models must be there already."`

	Access      string `yaml:"access" doc:"auto: every model that is served can be used. request: an account has to accept a model's terms first (CreateFoundationModelAgreement). approval: and an administrator has to approve it (outcrop access)."`
	AccessTerms string `yaml:"accessTerms" doc:"Text file with terms of your own that have to be accepted, where access is not auto."`

	Listeners []Listener         `yaml:"listeners" doc:"Further addresses, beside listen."`
	TLS       TLS                `yaml:"tls"`
	Compat    Compat             `yaml:"compat"`
	Defaults  Defaults           `yaml:"defaults"`
	Script    string             `yaml:"script" doc:"File of rules: a scripted backend answers for every model, and neither engine nor models are fetched. See SCRIPTED.md."`
	Backends  map[string]Backend `yaml:"backends" doc:"Further servers of models, by name, beside the engine inside, which is llamacpp."`
	Routes    []Route            `yaml:"routes" doc:"Which model ID is served by which model; the first match wins."`
	Routing   Routing            `yaml:"routing"`
	Regions   []Regional         `yaml:"regions" doc:"Restricts models to regions; a model without a match is offered in every region."`
	Engine    Engine             `yaml:"engine"`
	Objects   Objects            `yaml:"objects"`
	Ingestion Ingestion          `yaml:"ingestion"`
	Overload  Overload           `yaml:"overload"`
	IAM       IAM                `yaml:"iam"`
	Limits    Limits             `yaml:"limits"`
	Prices    []Price            `yaml:"prices" doc:"Prices of models beside those of AWS; the first match wins and replaces the whole price."`
	Usage     Usage              `yaml:"usage"`
	Timeouts  Timeouts           `yaml:"timeouts"`
	Log       Log                `yaml:"log"`
	Telemetry Telemetry          `yaml:"telemetry"`

	InvocationLogs InvocationLogs `yaml:"invocationLogs"`
	Audit          Audit          `yaml:"audit"`
	Console        Console        `yaml:"console"`
}

// Switch is "on" or "off".
type Switch string

// The positions of a Switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// TLS says which certificate the port shows.
type TLS struct {
	Certificate string `yaml:"certificate" doc:"PEM file of an own certificate and its chain; made from Outcrop's own CA when empty."`
	Key         string `yaml:"key" doc:"PEM file of that certificate's key."`
}

// Listener is one more address to be reached at.
type Listener struct {
	Address     string `yaml:"address" doc:"host:port, or unix:PATH for a Unix socket that its owner alone may open."`
	Endpoint    string `yaml:"endpoint,omitempty" doc:"VPC endpoint ID that its requests count as having come by (aws:SourceVpce), such as vpce-0a1b2c3d."`
	Policy      string `yaml:"policy,omitempty" doc:"JSON file of the endpoint's policy: what may be done through this address, by whom. Without one it allows everything."`
	Plain       string `yaml:"plain,omitempty" doc:"on: plain HTTP is answered beside TLS. off: TLS alone. On by default, off where clientCA is set."`
	Certificate string `yaml:"certificate,omitempty" doc:"PEM file of a certificate for this address; that of the one port when empty."`
	Key         string `yaml:"key,omitempty" doc:"PEM file of that certificate's key."`
	ClientCA    string `yaml:"clientCA,omitempty" doc:"PEM file of the authorities whose certificates clients must show."`
}

// Unix returns the path of a Unix socket; ok is false for other addresses.
func (l Listener) Unix() (path string, ok bool) { return strings.CutPrefix(l.Address, "unix:") }

// TLSOnly reports whether plain HTTP is refused.
func (l Listener) TLSOnly() bool {
	return l.Plain == string(Off) || l.Plain == "" && l.ClientCA != ""
}

// Overload bounds what the whole server takes on.
type Overload struct {
	Requests int  `yaml:"requests" doc:"Requests that are served at the same time, streams included; further ones are refused with ServiceUnavailableException. 0 is no limit."`
	Memory   Size `yaml:"memory" doc:"Memory of the server itself, without models, beyond which requests are refused; 0 is a quarter of the machine's, or of its container's."`
}

// Compat chooses between behaviours that AWS itself shows in different places.
type Compat struct {
	UnknownModel string `yaml:"unknownModel" doc:"not-found: an unknown model ID is a ResourceNotFoundException. validation: a ValidationException, as newer regions answer."`
	Lifecycle    string `yaml:"lifecycle" doc:"ignore: legacy and end-of-life models are served. enforce: they are refused as AWS does."`
}

// Defaults names the models that answer when no route matches.
type Defaults struct {
	Chat      string `yaml:"chat" doc:"Local model that stands in for every text model without a route."`
	Embedding string `yaml:"embedding" doc:"Local model that stands in for every text-embedding model without a route."`
}

// Route maps model IDs to a model, or to several in the order in which they are
// tried.
type Route struct {
	Match    string          `yaml:"match" doc:"Model ID or pattern with * and ?."`
	Model    string          `yaml:"model,omitempty" doc:"Model that answers: a local one, as outcrop models list shows it, or BACKEND/NAME; BACKEND/* takes the name that was asked for."`
	Chain    []Candidate     `yaml:"chain,omitempty" doc:"Instead of model: several, with weight and tier."`
	Fallback []string        `yaml:"fallback,omitempty" doc:"As routing.fallback, for this route; [] never falls back."`
	Timeouts BackendTimeouts `yaml:"timeouts,omitempty" doc:"As routing.timeouts, for this route."`
	Like     string          `yaml:"like,omitempty" doc:"For an ID that Bedrock does not have: the model ID whose native format and limits it borrows. Without it such an ID works with Converse only."`
}

// Regional restricts model IDs to regions.
type Regional struct {
	Match   string   `yaml:"match" doc:"Model ID or pattern with * and ?."`
	Regions []string `yaml:"regions" doc:"The regions that offer it."`
}

// Engine tunes the embedded engine.
type Engine struct {
	Parallel    int           `yaml:"parallel" doc:"Requests that one model answers at the same time."`
	Queue       int           `yaml:"queue" doc:"Requests that wait for one model before further ones are refused with ServiceUnavailableException."`
	Context     int           `yaml:"context" doc:"Tokens of context for each request; 0 is the model's own, up to 8192, or as many as engine.memory has room for beside the model's file."`
	Memory      Size          `yaml:"memory" doc:"Memory for loaded models, such as 8GiB; the least recently used model that is idle is unloaded to stay below it. 0 is three quarters of the machine's, or of its container's."`
	IdleTimeout time.Duration `yaml:"idleTimeout" doc:"A model that nobody asked for this long is unloaded; 0 keeps it."`
	LoadTimeout time.Duration `yaml:"loadTimeout" doc:"Longest time without progress while a model is loaded."`
}

// Objects says where the buckets of data sources are. The keys for another
// endpoint are never in the file: they come from OUTCROP_OBJECTS_ACCESS_KEY_ID,
// OUTCROP_OBJECTS_SECRET_ACCESS_KEY and OUTCROP_OBJECTS_SESSION_TOKEN, or else
// from where AWS's SDKs look for them.
type Objects struct {
	Endpoint  string `yaml:"endpoint" doc:"Where the buckets of data sources are: Outcrop itself when empty, aws for Amazon S3, or the URL of another S3 endpoint. Keys for it: OUTCROP_OBJECTS_ACCESS_KEY_ID and OUTCROP_OBJECTS_SECRET_ACCESS_KEY, or where AWS's SDKs look for them."`
	Region    string `yaml:"region" doc:"Region of the buckets at another endpoint; the region of the data source when empty."`
	PathStyle bool   `yaml:"pathStyle" doc:"Name the bucket in the path, not in the host name, where endpoint is a URL."`
	Profile   string `yaml:"profile" doc:"AWS profile with the keys for another endpoint."`
	Domain    string `yaml:"domain" doc:"Host name below which Outcrop's own buckets can be reached, as docs.localhost for the bucket docs."`
}

// Ingestion tunes the jobs of knowledge bases.
type Ingestion struct {
	Syncs int           `yaml:"syncs" doc:"Data sources that are synced at the same time; further ones wait for their turn."`
	Lease time.Duration `yaml:"lease" doc:"How long the jobs of a server that was killed wait before they go on, in the same server started again or in another one on the same data directory."`
}

// Limits bound how much is admitted. See docs/QUOTAS.md.
type Limits struct {
	RequestsPerMinute int              `yaml:"requestsPerMinute" doc:"Model invocations a minute for each account, region and model; beyond it ThrottlingException. 0 is no limit."`
	TokensPerMinute   int              `yaml:"tokensPerMinute" doc:"Tokens a minute for each account, region and model, counted as Bedrock counts them. 0 is no limit."`
	TokensPerDay      int              `yaml:"tokensPerDay" doc:"Tokens a day (UTC) for each account, region and model; twice as many through inference profiles. 0 is no limit."`
	Concurrency       int              `yaml:"concurrency" doc:"Model invocations at the same time for each account, region and model; beyond it ServiceUnavailableException. 0 is no limit."`
	Catalog           bool             `yaml:"catalog" doc:"true: AWS's published default quotas of each model hold, and the numbers above for models without."`
	Models            []ModelLimit     `yaml:"models" doc:"Limits of some models; for each number the first entry that has it."`
	Principals        []PrincipalLimit `yaml:"principals" doc:"Limits of each user or role for each model, beside those of the account; the first match wins."`
	Increases         Increases        `yaml:"increases"`
	SlotsPerUnit      int              `yaml:"slotsPerUnit" doc:"Requests at the same time that one model unit of provisioned throughput reserves. The engine keeps at least one of engine.parallel for everybody else."`
}

// ModelLimit limits some models. What is not set is as for all models; 0
// refuses everything.
type ModelLimit struct {
	Match             string `yaml:"match" doc:"Model ID, profile ID or pattern with * and ?."`
	RequestsPerMinute *int64 `yaml:"requestsPerMinute,omitempty" doc:"As limits.requestsPerMinute; here 0 refuses everything."`
	TokensPerMinute   *int64 `yaml:"tokensPerMinute,omitempty" doc:"As limits.tokensPerMinute; here 0 refuses everything."`
	TokensPerDay      *int64 `yaml:"tokensPerDay,omitempty" doc:"As limits.tokensPerDay; here 0 refuses everything."`
	Concurrency       *int64 `yaml:"concurrency,omitempty" doc:"As limits.concurrency; here 0 refuses everything."`
	OutputBurndown    *int   `yaml:"outputBurndown,omitempty" doc:"How many tokens of the quota one output token is; the model's own on AWS when not set."`
}

// PrincipalLimit limits some users or roles.
type PrincipalLimit struct {
	Match             string `yaml:"match" doc:"ARN of a user or an assumed role (arn:aws:sts::…:assumed-role/NAME, of all its sessions together), or a pattern with * and ?."`
	Models            string `yaml:"models,omitempty" doc:"Model ID, profile ID or pattern; every model when empty."`
	RequestsPerMinute *int64 `yaml:"requestsPerMinute,omitempty" doc:"Model invocations a minute; 0 refuses everything."`
	TokensPerMinute   *int64 `yaml:"tokensPerMinute,omitempty" doc:"Tokens a minute; 0 refuses everything."`
	TokensPerDay      *int64 `yaml:"tokensPerDay,omitempty" doc:"Tokens a day (UTC); 0 refuses everything."`
	Concurrency       *int64 `yaml:"concurrency,omitempty" doc:"Model invocations at the same time; 0 refuses everything."`
}

// Increases says what becomes of requests for larger quotas.
type Increases struct {
	Approve string `yaml:"approve" doc:"manual: they wait for outcrop quota approve. automatic: they are approved at once, up to limits.increases.upTo."`
	UpTo    string `yaml:"upTo" doc:"How large a quota may become automatically: a factor of its default such as 10x, or a number. Empty is no bound."`
}

// Timeouts bound how long things may take.
type Timeouts struct {
	Model  time.Duration `yaml:"model" doc:"Longest time for one answer; then ModelTimeoutException."`
	Header time.Duration `yaml:"header" doc:"Longest time for a client to send its request headers or TLS handshake."`
	Body   time.Duration `yaml:"body" doc:"Longest time for a client to send its request body."`
	Write  time.Duration `yaml:"write" doc:"Longest time for a client to take one piece of an answer."`
}

// Log says what is logged where. Prompts and secrets never are.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

// Default is the configuration of a server that was told nothing.
func Default() Config {
	return Config{
		Listen:  "127.0.0.1:8484",
		Account: "000000000000",
		Region:  "us-east-1",
		Auth:    On,
		Access:  "auto",
		Compat:  Compat{UnknownModel: "not-found", Lifecycle: "ignore"},
		Routing: Routing{
			Timeouts: BackendTimeouts{Connect: 5 * time.Second, FirstToken: 2 * time.Minute, Idle: time.Minute},
			Retry:    Retry{Attempts: 2, Backoff: 200 * time.Millisecond, MaxBackoff: 5 * time.Second, Budget: 0.2},
			Fallback: []string{"throttled", "error", "timeout", "context"},
			Breaker:  Breaker{Failures: 5, Open: 10 * time.Second},
			Probe:    Probe{Interval: 10 * time.Second, Timeout: 2 * time.Second},
			Sticky:   "prefix",
		},
		Defaults:  Defaults{Chat: "smollm2-135m-instruct", Embedding: "all-minilm-l6-v2"},
		Objects:   Objects{PathStyle: true, Domain: "localhost"},
		Ingestion: Ingestion{Syncs: 2, Lease: 10 * time.Second},
		Overload:  Overload{Requests: 10_000},
		Limits:    Limits{Increases: Increases{Approve: "manual"}, SlotsPerUnit: 1},
		Engine:    Engine{Parallel: 8, Queue: 256, LoadTimeout: time.Minute},
		Timeouts:  Timeouts{Model: 15 * time.Minute, Header: 15 * time.Second, Body: 2 * time.Minute, Write: time.Minute},
		Usage:     Usage{Keep: 400 * 24 * time.Hour},
		Log:       Log{Level: "info", Format: "text"},
		Telemetry: Telemetry{OTLP: OTLP{Sample: 1}},

		InvocationLogs: InvocationLogs{FileSize: 64 << 20, Keep: 30 * 24 * time.Hour, Interval: 30 * time.Second, Memory: 64 << 20},
		Audit:          Audit{Files: On, FileSize: 64 << 20, Keep: 90 * 24 * time.Hour, Interval: time.Minute},
		Console:        Console{Enabled: true, Session: ConsoleSession{Idle: time.Hour, Longest: 12 * time.Hour}},
	}
}

// DataDir returns where Data points, the default included. getenv is os.Getenv
// outside of tests.
func (c *Config) DataDir(getenv func(string) string) string {
	if c.Data != "" {
		return c.Data
	}
	if dir := getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "outcrop")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, ".local", "share", "outcrop")
}

// ModelsDir returns where Models points, the default included.
func (c *Config) ModelsDir(getenv func(string) string) string {
	if c.Models != "" {
		return c.Models
	}
	return filepath.Join(c.DataDir(getenv), "models")
}
