// Package bedrockruntime is the logic of the bedrock-runtime service: native
// and Converse inference, streamed and whole, embeddings and token counting.
//
// It translates between the generated API types and the hub (package inference),
// one file per operation. It finds the serving model through package router and
// a model family's own JSON through package native; it renders no prompt, it
// knows no backend and no HTTP. Package edge calls it, with the call in the
// context. Operations that are not built answer through Unimplemented. What a
// request contains and cannot be honoured is refused, never dropped.
package bedrockruntime

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// Router is what the service needs of package router.
type Router interface {
	inference.Backend
	inference.Embedder
	inference.TokenCounter
	inference.Invoker
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
}

// Fitter brings vectors to the size that was asked for; *embedding.Adapter does.
type Fitter interface {
	Fit(ctx context.Context, model string, vectors [][]float32, size int, length embedding.Length) ([][]float32, error)
}

// Families are the model families by the catalog's native format.
type Families = serving.Families

// Params are the settings of a service.
type Params struct {
	Now   func() time.Time                       // time.Now when nil
	NewID func(prefix string, length int) string // random base62 when nil
	// ModelTimeout bounds the time of one answer; 15 minutes when 0.
	ModelTimeout time.Duration
	// Documents reads documents for models that cannot; nil: such models refuse
	// them.
	Documents Documents
	// Routers finds prompt routers; nil: there are none. Price is what a model's
	// answers cost, by the ARN of the model or profile.
	Routers PromptRouters
	Price   promptrouter.Price
}

// Service implements the bedrock-runtime operations. It is safe for concurrent
// use.
type Service struct {
	api.Unimplemented

	router   Router
	fitter   Fitter
	families Families
	params   Params
	async    asynchrony
}

var _ api.Service = (*Service)(nil)

// New returns a service that answers with the router's models.
func New(r Router, f Fitter, families Families, p Params) *Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = serving.NewID
	}
	if p.ModelTimeout <= 0 {
		p.ModelTimeout = 15 * time.Minute
	}
	return &Service{router: r, fitter: f, families: families, params: p}
}

func (s *Service) newRun(t *router.Target) *serving.Run {
	return serving.NewRun(s.router, t, serving.Limits{
		Now: s.params.Now, Timeout: s.params.ModelTimeout, NewID: s.params.NewID, AnthropicIDs: t.Entry.NativeFormat == anthropicMessages,
	})
}

// resolve finds the model that answers and says so: in the response header, in
// the usage record.
func (s *Service) resolve(ctx context.Context, modelID string, want catalog.Kind) (*router.Target, error) {
	return serving.Resolve(ctx, s.router, modelID, want)
}

// nativeModel is what a family may know about a target.
func (s *Service) nativeModel(t *router.Target) native.Model {
	return serving.NativeModel(t, s.params.NewID)
}
