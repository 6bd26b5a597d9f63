// Package openaidoor is the door for OpenAI's clients: chat completions,
// responses, embeddings and models below /openai/v1, as Bedrock has them, and
// below /v1, as its newer endpoint has them.
//
// It answers with the same models as the other services, through the same gate
// and the hub (package inference). The chat format is in package
// chatcompletions; what all doors share is in package door. It knows no backend
// and no HTTP. What a request asks for and cannot be had is refused, never
// dropped.
package openaidoor

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Prefix is below which the operations are, and Alias where Bedrock's other
// endpoint has them.
const (
	Prefix = "/openai/v1/"
	Alias  = "/v1/"
)

// Router is what the service needs of package serving.
type Router interface {
	inference.Backend
	inference.Embedder
	serving.Resolver
}

// Fitter brings vectors to the size that was asked for; *embedding.Adapter does.
type Fitter interface {
	Fit(ctx context.Context, model string, vectors [][]float32, size int, length embedding.Length) ([][]float32, error)
}

// Kept is what the service needs of a store.Store.
type Kept interface {
	Create(ctx context.Context, r store.Record, how store.Create) (made store.Record, created bool, err error)
	Get(ctx context.Context, key store.Key) (store.Record, error)
	Delete(ctx context.Context, key store.Key) error
	List(ctx context.Context, q store.Query) (store.Page, error)
}

// Params are the parts of a Service; NewID and Now have defaults.
type Params struct {
	Router  Router
	Fitter  Fitter
	Catalog *catalog.Catalog
	// Models are what a region offers, the operator's own IDs among them.
	Models func(region string) []*catalog.Model
	// Kept keeps responses; nil: they are not kept.
	Kept Kept
	// Own tells the names that the operator's routes have; nil: there are none.
	Own   func(id string) bool
	Now   func() time.Time                       // time.Now when nil
	NewID func(prefix string, length int) string // random base62 when nil
	// ModelTimeout bounds the time of one answer; 15 minutes when 0.
	ModelTimeout time.Duration
	// Routing finds prompt routers; its zero value finds none.
	Routing serving.PromptRouting
}

// Service answers OpenAI's clients. It is safe for concurrent use.
type Service struct{ p Params }

// New returns the door.
func New(p Params) *door.Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = serving.NewID
	}
	if p.ModelTimeout <= 0 {
		p.ModelTimeout = 15 * time.Minute
	}
	s := &Service{p: p}
	return door.New(door.Params{
		Schema: Schema(), Errors: errorForm{}, RequestID: "X-Request-Id",
		Operations: map[string]door.Operation{
			"ChatCompletions": {Decode: s.decodeChat, Whole: s.chat, Stream: s.chatStream},
			"CreateResponse":  {Decode: s.decodeResponse, Whole: s.createResponse, Stream: s.streamResponse},
			"GetResponse":     {Decode: s.decodeID, Whole: s.getResponse},
			"DeleteResponse":  {Whole: s.deleteResponse},
			"ListInputItems":  {Whole: s.inputItemsOf},
			"Embeddings":      {Decode: s.decodeEmbeddings, Whole: s.embeddings},
			"ListModels":      {Whole: s.listModels},
			"GetModel":        {Whole: s.getModel},
		},
	})
}

var table = sync.OnceValue(func() *schema.Service { //nolint:gochecknoglobals // as the generated tables
	return door.Table("openai", Prefix, []string{"bedrock-mantle"}, []door.Row{
		{Name: "ChatCompletions", Method: http.MethodPost, Path: "/chat/completions", Stream: true},
		{Name: "CreateResponse", Method: http.MethodPost, Path: "/responses", Stream: true},
		{Name: "GetResponse", Method: http.MethodGet, Path: "/responses/{response}"},
		{Name: "DeleteResponse", Method: http.MethodDelete, Path: "/responses/{response}"},
		{Name: "ListInputItems", Method: http.MethodGet, Path: "/responses/{response}/input_items"},
		{Name: "Embeddings", Method: http.MethodPost, Path: "/embeddings"},
		{Name: "ListModels", Method: http.MethodGet, Path: "/models"},
		{Name: "GetModel", Method: http.MethodGet, Path: "/models/{model+}"},
	})
})

// Schema is the table of the operations.
func Schema() *schema.Service { return table() }

// canonical is a model as bedrock-runtime names it: a model that Bedrock's
// OpenAI-compatible endpoint has under a name of its own is that model, for the
// router and for every policy.
func (s *Service) canonical(model string) string {
	if s.p.Own != nil && s.p.Own(model) {
		return model
	}
	if m, ok := s.p.Catalog.Mantle(model); ok {
		return m.ID
	}
	return model
}

// noModel is what Bedrock says of a model that there is not, or that cannot do
// what it is asked for here.
func noModel(cause error) error {
	f := fault.Wrap(fault.NotFound, cause, "The model doesn't exist or doesn't support this API. Retry your request with a different model ID.")
	return door.WithError(f, "not_found_error", "model_not_found", "")
}

// chosen is the model that a prompt router chooses for a request, and of
// anything else the model itself.
func (s *Service) chosen(ctx context.Context, model string, req *inference.Request) string {
	id, _ := s.p.Routing.Chosen(ctx, model, func() promptrouter.Prompt { return serving.PromptOf(req) })
	return id
}

// resolve finds the model that answers.
func (s *Service) resolve(ctx context.Context, model string, want catalog.Kind) (*router.Target, error) {
	t, err := serving.Resolve(ctx, s.p.Router, model, want)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return nil, noModel(err)
	}
	return t, err
}

func (s *Service) newRun(t *router.Target) *serving.Run {
	return serving.NewRun(s.p.Router, t, serving.Limits{Now: s.p.Now, Timeout: s.p.ModelTimeout, NewID: s.p.NewID})
}

// invalid refuses a parameter.
func invalid(param, format string, args ...any) error {
	return door.WithError(fault.New(fault.Invalid, format, args...), "", "", param)
}

// region is that of the call.
func region(ctx context.Context) string { return call.From(ctx).Region }
