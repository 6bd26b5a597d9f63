// Package quota decides whether there is room for a call: by requests and tokens
// a minute, tokens a day and calls at the same time, counted as Amazon Bedrock
// counts them, and by the values that the configuration, AWS's published
// defaults and approved increases give them.
//
// A Limiter is an admission.Check: it counts and refuses, it queues nothing and
// computes nothing. A Registry keeps the values that were set and the requests
// for more in the store. Which calls compute at the same time on one engine is
// not decided here; package provisioned does that.
package quota

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
)

// Metric is what a quota counts.
type Metric string

// The metrics. Tokens are those that count for a quota: what was read and
// written to a cache once, what was made as often as the model's burn-down says,
// what was read from a cache not at all.
const (
	Requests     Metric = "requests-per-minute"
	Tokens       Metric = "tokens-per-minute"
	TokensPerDay Metric = "tokens-per-day" // of UTC
	Concurrency  Metric = "concurrency"
)

// Class is how a model is called; each has its own counts.
type Class string

// The classes: by the model's own ID, by a profile of one geography, and by a
// global profile.
const (
	OnDemand    Class = "on-demand"
	CrossRegion Class = "cross-region"
	Global      Class = "global"
)

// ClassOf tells the class of a call by the profile that it named, if any.
func ClassOf(profile string) Class {
	switch {
	case profile == "":
		return OnDemand
	case strings.HasPrefix(profile, "global."):
		return Global
	}
	return CrossRegion
}

// Unlimited is the value of a quota that never refuses: the largest whole number
// that every JSON reader keeps.
const Unlimited int64 = 1<<53 - 1

// Limits are the values of the metrics; 0 refuses everything.
type Limits struct{ Requests, Tokens, TokensPerDay, Concurrency int64 }

func (l Limits) unlimited() bool {
	return l.Requests >= Unlimited && l.Tokens >= Unlimited && l.TokensPerDay >= Unlimited && l.Concurrency >= Unlimited
}

// ID names a quota.
type ID struct {
	Model  string // base model ID, or one of the operator's own
	Class  Class
	Metric Metric
}

// Quota is one of the quotas of an account in a region.
type Quota struct {
	ID
	Code string // "L-0A1B2C3D": the same in every region and release
	Name string // as AWS writes it
	// Default is what holds where nothing was set for the account.
	Default int64
}

// code makes the code of a quota. Those that AWS publishes are its own.
func (id ID) code() string {
	if code, ok := published[id]; ok {
		return code
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(string(id.Class) + "/" + string(id.Metric) + "/" + id.Model)) // never fails
	const digits = "0123456789ABCDEF"
	code := []byte("L-00000000")
	for sum, i := h.Sum32(), len(code)-1; i >= 2; i-- {
		code[i] = digits[sum%16]
		sum /= 16
	}
	return string(code)
}

// name is what AWS calls the quota.
func (id ID) name(model string) string {
	switch id.Metric {
	case Requests, Tokens:
		what := strings.ReplaceAll(string(id.Metric), "-", " ")
		return map[Class]string{
			OnDemand: "On-demand", CrossRegion: "Cross-region", Global: "Global cross-region",
		}[id.Class] + " model inference " + what + " for " + model
	case TokensPerDay:
		if id.Class == Global {
			return "Global cross-region model inference tokens per day for " + model
		}
		return "Model invocation max tokens per day for " + model + " (doubled for cross-region calls)"
	case Concurrency:
	}
	return "On-demand InvokeModel concurrent requests for " + model
}

// ids are the quotas that a model has: those of the ways in which it is called.
// One value is for the tokens of a day on demand and, doubled, through a
// geography's profile, and one for the calls at the same time in each class.
func ids(m *catalog.Model) []ID {
	list := []ID{
		{m.ID, OnDemand, Requests}, {m.ID, OnDemand, Tokens}, {m.ID, OnDemand, TokensPerDay}, {m.ID, OnDemand, Concurrency},
	}
	var geo, global bool
	for _, profile := range m.Profiles {
		switch ClassOf(profile) {
		case CrossRegion:
			geo = true
		case Global:
			global = true
		case OnDemand:
		}
	}
	if geo {
		list = append(list, ID{m.ID, CrossRegion, Requests}, ID{m.ID, CrossRegion, Tokens})
	}
	if global {
		list = append(list, ID{m.ID, Global, Requests}, ID{m.ID, Global, Tokens}, ID{m.ID, Global, TokensPerDay})
	}
	return list
}

// modelName is a model's name with its provider, as quotas are called.
func modelName(m *catalog.Model) string {
	if m.Provider == "" || m.Name == m.ID || strings.HasPrefix(m.Name, m.Provider) {
		return m.Name
	}
	return m.Provider + " " + m.Name
}

// double is twice a limit.
func double(n int64) int64 {
	if n >= Unlimited/2 {
		return Unlimited
	}
	return 2 * n
}

// cost is what tokens count for a quota.
func cost(input, output, burndown int) float64 {
	return math.Max(0, float64(input)+float64(output)*float64(burndown))
}
