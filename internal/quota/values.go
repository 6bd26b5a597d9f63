package quota

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/catalog"
)

// Rule sets values for some models, or for some principals. What is nil is not
// set by it.
type Rule struct {
	// Match is a pattern (* and ?): of model and profile IDs, or of the ARNs of
	// users and roles, where * also stands for slashes.
	Match string
	// Models is a pattern of model and profile IDs for a rule about principals;
	// empty for all.
	Models                                      string
	Requests, Tokens, TokensPerDay, Concurrency *int64
	// OutputBurndown is how many quota tokens one output token is.
	OutputBurndown *int
}

func (r *Rule) value(m Metric) *int64 {
	switch m {
	case Requests:
		return r.Requests
	case Tokens:
		return r.Tokens
	case TokensPerDay:
		return r.TokensPerDay
	case Concurrency:
		return r.Concurrency
	}
	return nil
}

// ValuesParams are what the configuration says of quotas.
type ValuesParams struct {
	Default    Limits // Unlimited where there is none
	Catalog    bool   // AWS's published defaults go before Default
	Models     []Rule // go before both; for each value the first that sets it
	Principals []Rule // the first that matches
}

// Values tell the limits that hold. What was set for an account goes before
// everything else; Replace changes it. It is safe for concurrent use.
type Values struct {
	p     ValuesParams
	state atomic.Pointer[state]
}

// setting names a value that was set.
type setting struct {
	account, region string
	ID
}

type state struct {
	set   map[setting]int64
	found sync.Map // asked → *found
	kept  atomic.Int64
}

// mostFound is how many answers are kept. There is one for each model and way to
// call it; but a route may stand for ARNs that clients invent.
const mostFound = 1 << 14

type asked struct{ account, region, model, profile string }

type found struct {
	limits   Limits
	burndown int
}

// NewValues returns the values of a configuration, with nothing set.
func NewValues(p ValuesParams) *Values {
	v := &Values{p: p}
	v.replace(nil)
	return v
}

// replace changes what was set.
func (v *Values) replace(set map[setting]int64) {
	if old := v.state.Load(); old != nil && maps.Equal(old.set, set) {
		return
	}
	v.state.Store(&state{set: set})
}

// limits are those of a key without a principal.
func (v *Values) limits(key Key, m *catalog.Model, profile string) *found {
	s := v.state.Load()
	at := asked{key.Account, key.Region, key.Model, profile}
	if known, ok := s.found.Load(at); ok {
		f, _ := known.(*found)
		return f
	}
	names := []string{key.Model}
	if profile != "" {
		names = append(names, profile)
	}
	value := func(metric Metric) int64 {
		return v.value(s, key.Account, key.Region, ID{key.Model, key.Class, metric}, m, names)
	}
	f := &found{
		limits:   Limits{value(Requests), value(Tokens), value(TokensPerDay), value(Concurrency)},
		burndown: max(1, m.OutputBurndown),
	}
	for i := range v.p.Models {
		if r := &v.p.Models[i]; r.OutputBurndown != nil && matchesAny(r.Match, names) {
			f.burndown = *r.OutputBurndown
			break
		}
	}
	if s.kept.Load() < mostFound {
		if _, loaded := s.found.LoadOrStore(at, f); !loaded {
			s.kept.Add(1)
		}
	}
	return f
}

// value is what holds for a quota.
func (v *Values) value(s *state, account, region string, id ID, m *catalog.Model, names []string) int64 {
	if n, ok := s.set[setting{account, region, id}]; ok {
		return n
	}
	// One quota is for all classes, or for two of them.
	switch {
	case id.Metric == Concurrency && id.Class != OnDemand:
		if n, ok := s.set[setting{account, region, ID{id.Model, OnDemand, Concurrency}}]; ok {
			return n
		}
	case id.Metric == TokensPerDay && id.Class == CrossRegion:
		if n, ok := s.set[setting{account, region, ID{id.Model, OnDemand, TokensPerDay}}]; ok {
			return double(n)
		}
	}
	return v.byDefault(id, m, names)
}

// byDefault is what holds where nothing was set.
func (v *Values) byDefault(id ID, m *catalog.Model, names []string) int64 {
	n, ok := v.ruled(id.Metric, names)
	if !ok && v.p.Catalog {
		n = publishedLimit(id, m)
		ok = n > 0
	}
	if !ok {
		n = v.p.Default.of(id.Metric)
	}
	if id.Metric == TokensPerDay && id.Class != OnDemand {
		return double(n)
	}
	return n
}

func (v *Values) ruled(metric Metric, names []string) (int64, bool) {
	for i := range v.p.Models {
		r := &v.p.Models[i]
		if n := r.value(metric); n != nil && matchesAny(r.Match, names) {
			return *n, true
		}
	}
	return 0, false
}

func (l Limits) of(m Metric) int64 {
	switch m {
	case Requests:
		return l.Requests
	case Tokens:
		return l.Tokens
	case TokensPerDay:
		return l.TokensPerDay
	case Concurrency:
		return l.Concurrency
	}
	return Unlimited
}

// publishedLimit is AWS's default of us-east-1; 0 where there is none.
func publishedLimit(id ID, m *catalog.Model) int64 {
	q := m.Quotas
	switch {
	case id.Metric == TokensPerDay:
		return q.TokensPerDay
	case id.Metric == Concurrency:
		return 0
	case id.Class == OnDemand && id.Metric == Requests:
		return q.OnDemandRPM
	case id.Class == OnDemand:
		return q.OnDemandTPM
	case id.Class == CrossRegion && id.Metric == Requests:
		return q.CrossRegionRPM
	case id.Class == CrossRegion:
		return q.CrossRegionTPM
	case id.Metric == Requests:
		return q.GlobalRPM
	}
	return q.GlobalTPM
}

// principal are the limits of a user or role for a model, beside the account's.
// ok is false when no rule is about them.
func (v *Values) principal(arn, model, profile string) (l Limits, ok bool) {
	for i := range v.p.Principals {
		r := &v.p.Principals[i]
		if !matchesARN(r.Match, arn) || r.Models != "" && !matchesAny(r.Models, []string{model, profile}) {
			continue
		}
		or := func(n *int64) int64 {
			if n == nil {
				return Unlimited
			}
			return *n
		}
		l = Limits{or(r.Requests), or(r.Tokens), or(r.TokensPerDay), or(r.Concurrency)}
		return l, true
	}
	return Limits{}, false
}

// Quotas are the quotas of an account in a region for models, and what holds of
// each, by code.
func (v *Values) Quotas(account, region string, models []*catalog.Model) []Applied {
	s := v.state.Load()
	var list []Applied
	for _, m := range models {
		for _, id := range ids(m) {
			names := []string{m.ID}
			for _, profile := range m.Profiles {
				if id.Class != OnDemand && ClassOf(profile) == id.Class {
					names = append(names, profile)
				}
			}
			q := Quota{ID: id, Code: id.code(), Name: id.name(modelName(m)), Default: v.byDefault(id, m, names)}
			list = append(list, Applied{Quota: q, Value: v.value(s, account, region, id, m, names)})
		}
	}
	slices.SortFunc(list, func(a, b Applied) int { return strings.Compare(a.Code, b.Code) })
	return list
}

// Applied is a quota with the value that holds for an account in a region.
type Applied struct {
	Quota
	Value int64
}

func matchesAny(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok && name != ""
	})
}

// matchesARN matches * against everything and ? against one byte.
func matchesARN(pattern, arn string) bool {
	star, from := -1, 0
	p, i := 0, 0
	for i < len(arn) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == arn[i]):
			p++
			i++
		case star >= 0:
			p = star + 1
			from++
			i = from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
