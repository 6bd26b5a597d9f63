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
	"crypto/rand"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/router"
)

// Router is what the service needs of package router.
type Router interface {
	inference.Backend
	inference.Embedder
	inference.TokenCounter
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
}

// Fitter brings vectors to the size that was asked for; *embedding.Adapter does.
type Fitter interface {
	Fit(ctx context.Context, model string, vectors [][]float32, size int, length embedding.Length) ([][]float32, error)
}

// Families are the model families by the catalog's native format.
type Families struct {
	Text       map[string]native.Family
	Embeddings map[string]native.Embedding
}

// Params are the settings of a service.
type Params struct {
	Now   func() time.Time                       // time.Now when nil
	NewID func(prefix string, length int) string // random base62 when nil
	// ModelTimeout bounds the time of one answer; 15 minutes when 0.
	ModelTimeout time.Duration
}

// Service implements the bedrock-runtime operations. It is safe for concurrent
// use.
type Service struct {
	api.Unimplemented

	router   Router
	fitter   Fitter
	families Families
	params   Params
}

var _ api.Service = (*Service)(nil)

// New returns a service that answers with the router's models.
func New(r Router, f Fitter, families Families, p Params) *Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = newID
	}
	if p.ModelTimeout <= 0 {
		p.ModelTimeout = 15 * time.Minute
	}
	return &Service{router: r, fitter: f, families: families, params: p}
}

// newID returns prefix followed by random base62 characters up to a length.
func newID(prefix string, length int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := []byte(prefix)
	for random := make([]byte, length); len(id) < length; {
		rand.Read(random) // never fails
		for _, c := range random {
			// 248 is the largest multiple of 62 in a byte: no character is favoured.
			if c < 248 && len(id) < length {
				id = append(id, alphabet[c%62])
			}
		}
	}
	return string(id)
}

// resolve finds the model that answers and says so: in the response header, in
// the usage record.
func (s *Service) resolve(ctx context.Context, modelID string, want catalog.Kind) (*router.Target, error) {
	c := call.From(ctx)
	t, err := s.router.Resolve(ctx, modelID, c.Region, c.Account, want)
	if err != nil {
		return nil, err
	}
	c.RecordUsage(func(u *call.Usage) { u.Model, u.ServedBy, u.Backend = modelID, t.ServedBy, t.Backend })
	c.SetHeader("X-Outcrop-Served-By", t.ServedBy)
	return t, nil
}

// nativeModel is what a family may know about a target.
func (s *Service) nativeModel(t *router.Target) native.Model {
	return native.Model{
		ID:           t.Entry.ID,
		MaxOutput:    t.Entry.MaxOutput,
		Dimensions:   t.Entry.Dimensions,
		CacheMetrics: t.Entry.Supports.PromptCaching,
		NewID:        s.params.NewID,
	}
}
