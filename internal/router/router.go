// Package router decides which model answers for a model identifier: a base
// model ID, an ARN, an inference profile, or an ID of the operator's own; and
// asks the backends of the route until one of them answers.
//
// It knows the catalog, the operator's routes and the configured backends. It
// translates no body and checks no permission. It is itself a Backend: the
// services above it resolve an identifier to a Target and generate with
// Target.Name as the model, and nothing above it knows that there are many
// backends. Routes and backends can be replaced while it runs: see Swap. A
// Router is safe for concurrent use. How candidates are chosen, asked again and
// passed over is in package failover.
package router

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/router/failover"
)

// UnknownModel is what an identifier that leads nowhere is answered with.
type UnknownModel string

// The answers: regions differ in them.
const (
	NotFound   UnknownModel = "not-found"  // ResourceNotFoundException
	Validation UnknownModel = "validation" // ValidationException
)

// Lifecycle says whether a model's end of life is enforced.
type Lifecycle string

// Ignore serves legacy and end-of-life models, so that old programs run.
const (
	Ignore  Lifecycle = "ignore"
	Enforce Lifecycle = "enforce"
)

// Route maps model IDs to a local model.
type Route struct {
	// Match is a pattern (* and ?) over base model IDs. It may also name one
	// inference profile, one ARN of a provisioned, custom or imported model, or
	// an ID that Bedrock does not have.
	Match string
	// Model is the model that answers: "backend/name", or a name of the default
	// backend. "backend/*" takes the ID that was asked for.
	Model string
	// Chain is instead of Model: several, that are tried.
	Chain []Candidate
	// Fallback is what makes a chain go on, as Params.Fallback; nil: that.
	Fallback []string
	// Timeouts go before those of the backends and of Params.
	Timeouts failover.Timeouts
	// Like is the base model ID whose native format and limits an ID of the
	// operator's own borrows. Without it such an ID works with Converse only.
	Like string
}

// Candidate is one of the models that may answer.
type Candidate struct {
	Model  string // as Route.Model
	Weight int    // share of the requests among those of the same tier; 0 is 1
	Tier   int    // lower ones are tried first
}

// Params are the settings of a router.
type Params struct {
	Routes           []Route // the first match wins
	DefaultChat      string  // local model for text models without a route; may be empty
	DefaultEmbedding string  // the same for text-embedding models, and for rerank models: it compares by meaning
	DefaultBackend   string  // of local model names without a backend; may be empty when there is one backend
	UnknownModel     UnknownModel
	Lifecycle        Lifecycle
	Now              func() time.Time // time.Now when nil
	// Applications finds application inference profiles; nil when there are none.
	Applications Applications
	// Provisioned finds provisioned throughput; nil when there is none.
	Provisioned Provisioned

	// Policy says what happens when a backend does not answer as it should.
	Policy failover.Policy
	// Fallback is what makes a chain go on with its next candidate: throttled,
	// error, timeout, context, unsupported.
	Fallback []string
	// Sticky: requests that begin alike go to the same candidate of a tier.
	Sticky bool
	// Timeouts bound each request to a guarded backend that has none of its own.
	Timeouts failover.Timeouts
	// Guarded are the backends that are asked again, passed over when they fail and
	// probed, with their own time-outs: those of other machines and processes. The
	// others queue and restart by themselves.
	Guarded map[string]failover.Timeouts
	// Probe is the time between two probes of a backend, and the longest time for
	// the answer; 0 probes none.
	Probe, ProbeTimeout time.Duration
}

// Applications finds application inference profiles.
type Applications interface {
	// Lead returns the identifier that the profile of an ARN was made from, and
	// the ARNs of its models. ok is false when the account has none such there.
	Lead(arn, region, account string) (source string, models []string, ok bool)
}

// Provisioned finds provisioned throughput of an account by its ARN or name.
type Provisioned interface {
	// Provisioned returns its ARN and the ID of its model. found is false when
	// there is none; the error is for one that is not ready.
	Provisioned(identifier, region, account string) (arn, model string, found bool, err error)
}

// Target is what an identifier leads to.
type Target struct {
	// Entry is the catalog's record of the model that was asked for, or one
	// made for an ID of the operator's own. It is never nil.
	Entry     *catalog.Model
	ModelID   string // base model ID, or the own ID or ARN
	ProfileID string // when the identifier was an inference profile
	ARN       string // of the model or profile, as policies name it
	Backend   string // adapter: "llamacpp"
	Model     string // the backend's name for the local model: "smollm2-135m-instruct"
	ServedBy  string // "llamacpp/smollm2-135m-instruct": the Router's own name for it
	StandIn   bool   // a model of Bedrock's is answered by another one
	// Via is the router's name for all who may answer, of whom ServedBy is the
	// first; empty where nobody else does. See Name.
	Via string
	// Provisioned is the ARN of the provisioned throughput that was named; empty
	// for everything else.
	Provisioned string

	known bool // Bedrock has the model
}

// StandsIn reports whether a backend's model stands in for the one that was asked
// for. One that was asked for by its own name does not.
func (t *Target) StandsIn(model string) bool {
	return t.known && model != t.ModelID && model != t.ProfileID
}

// Name is what Generate, Embed and the others take as the model: what has been
// resolved once is asked by it, whoever answers in the end.
func (t *Target) Name() string { return cmp.Or(t.Via, t.ServedBy) }

func (s *snapshot) checkRoute(route *Route) error {
	if _, err := path.Match(route.Match, ""); err != nil || route.Match == "" {
		return fmt.Errorf("router: %q is not a model ID or pattern", route.Match)
	}
	for _, c := range route.candidates() {
		if _, err := s.servedBy(c.Model); err != nil {
			return fmt.Errorf("router: route %s: %w", route.Match, err)
		}
	}
	if _, err := failover.ParseReasons(route.Fallback); err != nil {
		return fmt.Errorf("router: route %s: fallback: %w", route.Match, err)
	}
	like, known := s.catalog.Lookup(route.Like)
	if route.Like != "" && !known {
		return fmt.Errorf("router: route %s: like: there is no model %s", route.Match, route.Like)
	}
	if !isLiteral(route.Match) || strings.HasPrefix(route.Match, "arn:") {
		return nil
	}
	if _, ok := s.catalog.Lookup(route.Match); ok {
		return nil
	}
	if _, ok := s.catalog.Profile(route.Match); ok {
		return nil
	}
	s.own = append(s.own, ownEntry(route.Match, like))
	return nil
}

// isLiteral reports whether a pattern matches only itself.
func isLiteral(pattern string) bool { return !strings.ContainsAny(pattern, `*?[\`) }

// ownEntry makes the record of an ID that Bedrock does not have.
func ownEntry(id string, like *catalog.Model) *catalog.Model {
	m := &catalog.Model{
		InputModalities: []string{"TEXT"}, OutputModalities: []string{"TEXT"}, Streaming: true,
	}
	if like != nil {
		*m = *like
	}
	m.ID, m.Name, m.Provider = id, id, catalog.OwnProvider
	m.InferenceTypes = []string{catalog.OnDemand}
	m.Lifecycle, m.EOLDate = catalog.Active, catalog.Date{}
	m.Customizations, m.Profiles, m.ProvisionedIDs, m.MantleID, m.Endpoints = nil, nil, nil, "", nil
	return m
}

// Models returns what a region offers: the catalog's models and then the
// operator's own IDs.
func (r *Router) Models(region string) []*catalog.Model {
	s := r.current.Load()
	models := s.catalog.All(region)
	for _, m := range s.own {
		if s.catalog.Offered(m, region) {
			models = append(models, m)
		}
	}
	return models
}

// Assignment is one line of the list of who answers for whom.
type Assignment struct {
	Models   string // a pattern, or words for the rest
	ServedBy string
	StandIn  bool
}

// Assignments lists who answers for whom, in the order in which it is decided,
// for the start-up banner.
func (r *Router) Assignments() []Assignment {
	s := r.current.Load()
	var list []Assignment
	add := func(models string, candidates []Candidate, standIn bool) {
		names := make([]string, 0, len(candidates))
		for _, c := range candidates {
			name, err := s.servedBy(c.Model)
			if err != nil {
				return
			}
			names = append(names, name.String())
		}
		list = append(list, Assignment{Models: models, ServedBy: strings.Join(names, ", "), StandIn: standIn})
	}
	for i := range s.params.Routes {
		route := &s.params.Routes[i]
		own := slices.ContainsFunc(s.own, func(m *catalog.Model) bool { return m.ID == route.Match })
		itself := strings.HasSuffix(route.candidates()[0].Model, "/*")
		add(route.Match, route.candidates(), !own && !itself && !strings.HasPrefix(route.Match, "arn:"))
	}
	for _, d := range s.defaults(len(list) > 0) {
		add(d.kind, []Candidate{{Model: d.model}}, true)
	}
	return list
}

// localName is a local model with its backend.
type localName struct{ backend, model string }

func (n localName) String() string { return n.backend + "/" + n.model }

// servedBy reads a local model name. Names have slashes of their own
// (hf.co/org/repo), so what stands before the first one counts as a backend
// only if there is such a backend.
func (s *snapshot) servedBy(name string) (localName, error) {
	if name == "" {
		return localName{}, errors.New("no local model is named")
	}
	if backend, model, ok := strings.Cut(name, "/"); ok && model != "" {
		if _, ok := s.backends[backend]; ok {
			return localName{backend, model}, nil
		}
	}
	if _, ok := s.backends[s.params.DefaultBackend]; !ok {
		return localName{}, fmt.Errorf("model %s names no backend, and there is no default one", name)
	}
	return localName{s.params.DefaultBackend, name}, nil
}
