package config

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The kinds of backends.
const (
	BackendOpenAI    = "openai"    // servers that speak OpenAI's API: vLLM, llama-server, Ollama, …
	BackendAnthropic = "anthropic" // servers that speak Anthropic's Messages API
	BackendBedrock   = "bedrock"   // Amazon Bedrock, or another Outcrop
	BackendScripted  = "scripted"  // answers from a file of rules
)

// CallersRegion is the region of a backend that takes the call's.
const CallersRegion = "caller"

// Embedded is the name of the backend that every server has: the engine inside.
const Embedded = "llamacpp"

// Backend is a server of models, or a script that plays one.
type Backend struct {
	Type string `yaml:"type" doc:"openai: a server that speaks OpenAI's API (vLLM, llama-server, Ollama, SGLang, LM Studio, NIM, OpenAI, Gemini and Azure by their OpenAI doors). anthropic: one that speaks Anthropic's Messages API. bedrock: Amazon Bedrock or another Outcrop. scripted: answers from a file of rules."`
	URL  string `yaml:"url,omitempty" doc:"Where the server is, with the version in the path where it has one: http://gpu1:8000/v1. bedrock: AWS's own endpoints when empty. A managed server gets {port} or {socket} filled in; http://127.0.0.1:{port}/v1 when empty."`
	// Key is never printed: see Secret.
	Key        Secret            `yaml:"key,omitempty" doc:"API key, best as ${NAME} of an environment variable, or file:PATH."`
	Header     string            `yaml:"header,omitempty" doc:"Header that carries the key, such as api-key; Authorization with Bearer (openai) or x-api-key (anthropic) when empty."`
	Headers    map[string]Secret `yaml:"headers,omitempty" doc:"Further headers of every request; values as key."`
	Flavor     string            `yaml:"flavor,omitempty" doc:"What the server is, where it matters: vllm, llama-server, ollama, sglang, lmstudio, nim, openai, azure, gemini, deepseek, …; found out by asking when empty."`
	Models     map[string]string `yaml:"models,omitempty" doc:"Names for the server's models: fast: Qwen/Qwen3-8B makes it NAME/fast."`
	Completion string            `yaml:"completion,omitempty" doc:"chat: native prompts are sent as messages. prompt: they are sent as they are to /completions."`

	ImageURLs bool `yaml:"imageURLs,omitempty" doc:"openai, anthropic: images and files that a request names by an https: address go on to the server, which fetches them. Without, only vendors' own servers get such addresses: any other one is asked from inside of your network by whoever may ask a model."`

	Region   string   `yaml:"region,omitempty" doc:"bedrock: AWS region; that of AWS_REGION or of the profile when empty. caller: that of each call."`
	Profile  string   `yaml:"profile,omitempty" doc:"bedrock: AWS profile with the keys; where AWS's SDKs look for them when empty. key is a Bedrock API key."`
	Forward  []string `yaml:"forward,omitempty" doc:"bedrock: what is handed on as it is, signed anew: resources (knowledge-base/ABCDEFGHIJ, guardrail/*) and operations (bedrock-agent-runtime:InvokeAgent, bedrock:*EvaluationJob*). Models are asked through routes."`
	Script   string   `yaml:"script,omitempty" doc:"scripted: the file of rules."`
	CA       string   `yaml:"ca,omitempty" doc:"PEM file of the authorities that the server's certificate is checked with; the machine's when empty."`
	Requests int      `yaml:"requests,omitempty" doc:"Requests to the server at the same time; further ones wait. 0 is no limit."`

	Command     []string          `yaml:"command,omitempty" doc:"Makes it a managed server: the program and its arguments, started, watched, restarted and stopped by Outcrop. {port}, {host} and {socket} are filled in."`
	Environment map[string]Secret `yaml:"environment,omitempty" doc:"Further environment of the command; values as key."`
	Directory   string            `yaml:"directory,omitempty" doc:"Working directory of the command."`
	Start       string            `yaml:"start,omitempty" doc:"eager: the command is started with the server. lazy: at the first request. lazy when empty."`
	StartIn     time.Duration     `yaml:"startIn,omitempty" doc:"Longest time from the start of the command to the first good answer of health; 5m when 0."`
	IdleTimeout time.Duration     `yaml:"idleTimeout,omitempty" doc:"A managed server that nobody asked for this long is stopped; 0 keeps it."`
	Health      string            `yaml:"health,omitempty" doc:"Path that answers 200 when the server is ready; /health or /models when empty, whichever answers."`

	Timeouts BackendTimeouts `yaml:"timeouts,omitempty" doc:"Times of one request; those of routing.timeouts where not set: connect, firstToken, idle, total."`
}

// BackendTimeouts bound one request to a backend; 0 is not set.
type BackendTimeouts struct {
	Connect    time.Duration `yaml:"connect,omitempty" doc:"Longest time to open a connection."`
	FirstToken time.Duration `yaml:"firstToken,omitempty" doc:"Longest time from the request to the first piece of its answer."`
	Idle       time.Duration `yaml:"idle,omitempty" doc:"Longest time between two pieces of an answer."`
	Total      time.Duration `yaml:"total,omitempty" doc:"Longest time for a whole answer; timeouts.model bounds it too."`
}

// Routing says what happens when a backend does not answer as it should.
type Routing struct {
	Timeouts BackendTimeouts `yaml:"timeouts"`
	Retry    Retry           `yaml:"retry"`
	Fallback []string        `yaml:"fallback" doc:"What makes a route go on with its next candidate: throttled, error, timeout, context (the request does not fit), unsupported (the model cannot read a part)."`
	Breaker  Breaker         `yaml:"breaker"`
	Probe    Probe           `yaml:"probe"`
	Sticky   string          `yaml:"sticky" doc:"prefix: requests that begin alike go to the same candidate of a tier, so that its cache hits. off: by weight alone."`
}

// Retry says how often a candidate is asked again.
type Retry struct {
	Attempts   int           `yaml:"attempts" doc:"How often one candidate is asked before the next one; 1 is no retry. Never after the first piece of an answer."`
	Backoff    time.Duration `yaml:"backoff" doc:"First wait; it doubles each time, with jitter. A server's own Retry-After goes before."`
	MaxBackoff time.Duration `yaml:"maxBackoff" doc:"Longest wait; a server that asks for a longer one is not asked again."`
	Budget     float64       `yaml:"budget" doc:"Retries of a backend as a share of its requests (0.2 is one for five), so that retries do not finish off a server that is down."`
}

// Breaker says when a backend is left alone.
type Breaker struct {
	Failures int           `yaml:"failures" doc:"Failures in a row that open it: the candidate is passed over; 0 never."`
	Open     time.Duration `yaml:"open" doc:"How long it is passed over before one request tries it again."`
}

// Probe says how backends are looked after.
type Probe struct {
	Interval time.Duration `yaml:"interval" doc:"Time between two questions to the health path of each remote backend that a route names; 0 asks none."`
	Timeout  time.Duration `yaml:"timeout" doc:"Longest time for its answer."`
}

// Candidate is one backend's model in a route.
type Candidate struct {
	Model  string `yaml:"model" doc:"Model as in routes[].model."`
	Weight int    `yaml:"weight,omitempty" doc:"Share of the requests among those of the same tier; 1 when 0."`
	Tier   int    `yaml:"tier,omitempty" doc:"Lower tiers are tried first; the next one when none of a tier answers."`
}

// Secret is a value that is never printed as it is. As it is written it is
// ${NAME}, file:PATH or the value itself.
type Secret string

// MarshalYAML hides values; where they come from is no secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// String says where the value comes from.
func (s Secret) String() string {
	if s == "" || variable.MatchString(string(s)) || strings.HasPrefix(string(s), "file:") {
		return string(s)
	}
	return "(hidden)"
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// Value reads the secret. Its error names the variable or the file, never what
// is in it.
func (s Secret) Value(getenv func(string) string) (string, error) {
	if m := variable.FindStringSubmatch(string(s)); m != nil {
		value := getenv(m[1])
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", m[1])
		}
		return value, nil
	}
	if path, ok := strings.CutPrefix(string(s), "file:"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("its file: %w", err)
		}
		value := strings.TrimSpace(string(data))
		if value == "" {
			return "", errors.New("its file is empty: " + path)
		}
		return value, nil
	}
	return string(s), nil
}

// Secrets are all that a backend has, by their keys the key first.
func (b *Backend) Secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		if !yield("key", b.Key) {
			return
		}
		for _, group := range []struct {
			key     string
			secrets map[string]Secret
		}{{"headers", b.Headers}, {"environment", b.Environment}} {
			for _, name := range slices.Sorted(maps.Keys(group.secrets)) {
				if !yield(group.key+"."+name, group.secrets[name]) {
					return
				}
			}
		}
	}
}

// CheckSecrets reads every secret and says which are not to be had, by key. A
// server does not start without them.
func (c *Config) CheckSecrets(getenv func(string) string) error {
	var missing []error
	for _, name := range slices.Sorted(maps.Keys(c.Backends)) {
		b := c.Backends[name]
		for key, secret := range b.Secrets() {
			if _, err := secret.Value(getenv); err != nil {
				missing = append(missing, fmt.Errorf("backends.%s.%s: %w", name, key, err))
			}
		}
	}
	return errors.Join(missing...)
}

var backendName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

func (c *Config) validateBackends(wrong func(key, format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(c.Backends)) {
		b := c.Backends[name]
		key := "backends." + name
		if !backendName.MatchString(name) || name == Embedded {
			wrong(key, "%q is not a name for a backend: lower-case letters, digits, dots and hyphens, and not %s", name, Embedded)
		}
		switch b.Type {
		case BackendOpenAI, BackendAnthropic:
			if b.URL == "" && len(b.Command) == 0 {
				wrong(key, "a %s backend needs a url or a command", b.Type)
			}
		case BackendBedrock:
		case BackendScripted:
			if b.Script == "" {
				wrong(key, "a scripted backend needs a script")
			}
		default:
			wrong(key, "type %q is not one of %s", b.Type, strings.Join([]string{BackendOpenAI, BackendAnthropic, BackendBedrock, BackendScripted}, ", "))
		}
		if b.URL != "" {
			u, err := url.Parse(strings.NewReplacer("{port}", "1", "{socket}", "socket").Replace(b.URL))
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
				wrong(key, "url is not a URL such as http://gpu1:8000/v1, without user and password") // it may hold a secret
			}
		}
		if b.Health != "" && !strings.HasPrefix(b.Health, "/") {
			wrong(key, "health: %q is not a path such as /health", b.Health)
		}
		if b.Completion != "" && b.Completion != "chat" && b.Completion != "prompt" {
			wrong(key, "completion: %q is not one of chat, prompt", b.Completion)
		}
		if b.Start != "" && b.Start != "eager" && b.Start != "lazy" {
			wrong(key, "start: %q is not one of eager, lazy", b.Start)
		}
		if b.ImageURLs && b.Type != BackendOpenAI && b.Type != BackendAnthropic {
			wrong(key, "imageURLs is for backends of the types %s and %s", BackendOpenAI, BackendAnthropic)
		}
		if len(b.Forward) > 0 && b.Type != BackendBedrock {
			wrong(key, "forward is for backends of type %s", BackendBedrock)
		}
		if b.Region != "" && b.Region != CallersRegion && !regionPattern.MatchString(b.Region) {
			wrong(key, "%q is not a region name, and not %s", b.Region, CallersRegion)
		}
		if b.Requests < 0 || b.StartIn < 0 || b.IdleTimeout < 0 || b.Timeouts.negative() {
			wrong(key, "numbers and times must not be negative")
		}
	}
}

func (t BackendTimeouts) negative() bool {
	return t.Connect < 0 || t.FirstToken < 0 || t.Idle < 0 || t.Total < 0
}

var fallbacks = []string{"throttled", "error", "timeout", "context", "unsupported"}

func (c *Config) validateRouting(wrong func(key, format string, args ...any)) {
	r := c.Routing
	for _, why := range r.Fallback {
		if !slices.Contains(fallbacks, why) {
			wrong("routing.fallback", "%q is not one of %s", why, strings.Join(fallbacks, ", "))
		}
	}
	if r.Sticky != "prefix" && r.Sticky != string(Off) {
		wrong("routing.sticky", "%q is not one of prefix, off", r.Sticky)
	}
	if r.Retry.Attempts < 1 || r.Retry.Attempts > 10 {
		wrong("routing.retry.attempts", "%d is not between 1 and 10", r.Retry.Attempts)
	}
	if r.Retry.Budget < 0 || r.Retry.Budget > 1 {
		wrong("routing.retry.budget", "is not between 0 and 1")
	}
	if r.Timeouts.negative() || r.Retry.Backoff < 0 || r.Retry.MaxBackoff < 0 || r.Breaker.Failures < 0 || r.Breaker.Open < 0 || r.Probe.Interval < 0 || r.Probe.Timeout < 0 {
		wrong("routing", "numbers and times must not be negative")
	}
	for i, route := range c.Routes {
		key := fmt.Sprintf("routes.%d", i)
		if (route.Model == "") == (len(route.Chain) == 0) {
			wrong(key, "a route has either model or chain")
		}
		for _, candidate := range route.Chain {
			if candidate.Model == "" || candidate.Weight < 0 || candidate.Tier < 0 {
				wrong(key, "each candidate of a chain has a model, and weight and tier are not negative")
			}
		}
		for _, why := range route.Fallback {
			if !slices.Contains(fallbacks, why) {
				wrong(key, "fallback: %q is not one of %s", why, strings.Join(fallbacks, ", "))
			}
		}
		if route.Timeouts.negative() {
			wrong(key, "times must not be negative")
		}
	}
}
