// Package router decides which local model answers for a model identifier: a
// base model ID, an ARN, an inference profile, or an ID of the operator's own.
//
// It knows the catalog, the operator's routes and the configured backends. It
// translates no body and checks no permission. It is itself a Backend: the
// services above it resolve an identifier to a Target and generate with
// Target.ServedBy as the model, and nothing above it knows that there are many
// backends. A Router never changes after New and is safe for concurrent use.
package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
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

// Router implements inference.Backend and its optional powers.
type Router struct {
	catalog  *catalog.Catalog
	backends map[string]inference.Backend
	params   Params
	own      []*catalog.Model // the operator's own IDs, in the order of the routes
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
}

// Name is what Generate, Embed and the others take as the model: what has been
// resolved once is asked by it, whoever answers in the end.
func (t *Target) Name() string { return cmp.Or(t.Via, t.ServedBy) }

// New checks the routes and returns a router over the backends, which it closes
// when it is closed.
func New(c *catalog.Catalog, backends map[string]inference.Backend, p Params) (*Router, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.DefaultBackend == "" && len(backends) == 1 {
		for name := range backends {
			p.DefaultBackend = name
		}
	}
	r := &Router{catalog: c, backends: maps.Clone(backends), params: p}
	r.params.Routes = slices.Clone(p.Routes)
	for _, name := range []string{p.DefaultChat, p.DefaultEmbedding} {
		if name == "" {
			continue
		}
		if _, err := r.servedBy(name); err != nil {
			return nil, err
		}
	}
	for _, route := range r.params.Routes {
		if err := r.checkRoute(route); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Router) checkRoute(route Route) error {
	if _, err := path.Match(route.Match, ""); err != nil || route.Match == "" {
		return fmt.Errorf("router: %q is not a model ID or pattern", route.Match)
	}
	for _, c := range route.candidates() {
		if _, err := r.servedBy(c.Model); err != nil {
			return fmt.Errorf("router: route %s: %w", route.Match, err)
		}
	}
	like, known := r.catalog.Lookup(route.Like)
	if route.Like != "" && !known {
		return fmt.Errorf("router: route %s: like: there is no model %s", route.Match, route.Like)
	}
	if !isLiteral(route.Match) || strings.HasPrefix(route.Match, "arn:") {
		return nil
	}
	if _, ok := r.catalog.Lookup(route.Match); ok {
		return nil
	}
	if _, ok := r.catalog.Profile(route.Match); ok {
		return nil
	}
	r.own = append(r.own, ownEntry(route.Match, like))
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
	models := r.catalog.All(region)
	for _, m := range r.own {
		if r.catalog.Offered(m, region) {
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
	var list []Assignment
	add := func(models, local string, standIn bool) {
		if name, err := r.servedBy(local); err == nil {
			list = append(list, Assignment{Models: models, ServedBy: name.String(), StandIn: standIn})
		}
	}
	for _, route := range r.params.Routes {
		own := slices.ContainsFunc(r.own, func(m *catalog.Model) bool { return m.ID == route.Match })
		add(route.Match, route.candidates()[0].Model, !own && !strings.HasPrefix(route.Match, "arn:"))
	}
	every := "every"
	if len(list) > 0 {
		every = "every other"
	}
	if r.params.DefaultChat != "" {
		add(every+" text model", r.params.DefaultChat, true)
	}
	if r.params.DefaultEmbedding != "" {
		add(every+" text-embedding model", r.params.DefaultEmbedding, true)
		add(every+" rerank model", r.params.DefaultEmbedding, true)
	}
	return list
}

// localName is a local model with its backend.
type localName struct{ backend, model string }

func (n localName) String() string { return n.backend + "/" + n.model }

// servedBy reads a local model name. Names have slashes of their own
// (hf.co/org/repo), so what stands before the first one counts as a backend
// only if there is such a backend.
func (r *Router) servedBy(name string) (localName, error) {
	if name == "" {
		return localName{}, errors.New("no local model is named")
	}
	if backend, model, ok := strings.Cut(name, "/"); ok && model != "" {
		if _, ok := r.backends[backend]; ok {
			return localName{backend, model}, nil
		}
	}
	if _, ok := r.backends[r.params.DefaultBackend]; !ok {
		return localName{}, fmt.Errorf("model %s names no backend, and there is no default one", name)
	}
	return localName{r.params.DefaultBackend, name}, nil
}

// Embed implements inference.Embedder.
func (r *Router) Embed(ctx context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	b, model, err := r.backend(req.Model)
	if err != nil {
		return nil, err
	}
	e, ok := b.(inference.Embedder)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s makes no embeddings.", req.Model)
	}
	sub := *req
	sub.Model = model
	return e.Embed(ctx, &sub)
}

// CountTokens implements inference.TokenCounter.
func (r *Router) CountTokens(ctx context.Context, req *inference.Request) (int, error) {
	b, model, err := r.backend(req.Model)
	if err != nil {
		return 0, err
	}
	c, ok := b.(inference.TokenCounter)
	if !ok {
		return 0, fault.New(fault.Invalid, "The provided model doesn't support counting tokens.")
	}
	sub := *req
	sub.Model = model
	return c.CountTokens(ctx, &sub)
}

// CountTexts implements inference.Tokenizer.
func (r *Router) CountTexts(ctx context.Context, req *inference.TokenizeRequest) ([]int, error) {
	b, model, err := r.backend(req.Model)
	if err != nil {
		return nil, err
	}
	t, ok := b.(inference.Tokenizer)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s does not tell how it cuts texts into tokens.", req.Model)
	}
	sub := *req
	sub.Model = model
	return t.CountTexts(ctx, &sub)
}

// Rerank implements inference.Reranker.
func (r *Router) Rerank(ctx context.Context, req *inference.RerankRequest) (*inference.Reranking, error) {
	b, model, err := r.backend(req.Model)
	if err != nil {
		return nil, err
	}
	rr, ok := b.(inference.Reranker)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s does not rerank.", req.Model)
	}
	sub := *req
	sub.Model = model
	return rr.Rerank(ctx, &sub)
}

// Describe implements inference.Describer.
func (r *Router) Describe(ctx context.Context, model string) (*inference.ModelInfo, error) {
	b, name, err := r.backend(model)
	if err != nil {
		return nil, err
	}
	d, ok := b.(inference.Describer)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s does not describe its models.", model)
	}
	return d.Describe(ctx, name)
}

func (r *Router) backend(servedBy string) (inference.Backend, string, error) {
	if all, ok := strings.CutPrefix(servedBy, via); ok {
		servedBy, _, _ = strings.Cut(all, " ")
	}
	name, model, _ := strings.Cut(servedBy, "/")
	b, ok := r.backends[name]
	if !ok {
		return nil, "", fault.New(fault.Internal, "no backend %q", name)
	}
	return b, model, nil
}

// Close closes every backend.
func (r *Router) Close() error {
	errs := make([]error, 0, len(r.backends))
	for _, name := range slices.Sorted(maps.Keys(r.backends)) {
		errs = append(errs, r.backends[name].Close())
	}
	return errors.Join(errs...)
}

var (
	_ inference.Backend      = (*Router)(nil)
	_ inference.Embedder     = (*Router)(nil)
	_ inference.TokenCounter = (*Router)(nil)
	_ inference.Tokenizer    = (*Router)(nil)
	_ inference.Describer    = (*Router)(nil)
	_ inference.Reranker     = (*Router)(nil)
)
