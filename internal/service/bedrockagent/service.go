// Package bedrockagent is the logic of the bedrock-agent service, as far as it
// is about knowledge bases: bases, their data sources, the jobs that sync them,
// documents that are given directly, and tags.
//
// It translates between AWS's types and package knowledge/registry, and says no
// to what cannot be done here. It works on no document: what takes time is
// queued by the registry and done by a worker. Package edge calls it, with the
// call in the context. Operations that are not built (agents, flows, prompts)
// answer through Unimplemented.
package bedrockagent

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Models finds models by their identifiers; *router.Router does.
type Models interface {
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
}

// Service implements the bedrock-agent operations. It is safe for concurrent
// use.
type Service struct {
	api.Unimplemented

	catalog  *catalog.Catalog
	models   Models
	registry *registry.Registry
	indexes  knowledge.Indexes
	policies *resourcepolicy.Registry
}

var _ api.Service = (*Service)(nil)

// New returns a service on the resources of a registry, with the policies that
// they may have. Of the indexes it only asks for documents.
func New(c *catalog.Catalog, models Models, resources *registry.Registry, indexes knowledge.Indexes, policies *resourcepolicy.Registry) *Service {
	return &Service{catalog: c, models: models, registry: resources, indexes: indexes, policies: policies}
}

// pageSize is how long a list is when the client does not say; the models allow
// 1000.
const pageSize = 100

func limit(maxResults *int32) int {
	if maxResults == nil {
		return pageSize
	}
	return int(*maxResults)
}

// optional returns nil for an empty value: AWS leaves such members out.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// moment leaves out what has not happened.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// unsupported is what AWS can do and Outcrop cannot.
func unsupported(format string, args ...any) error {
	return fault.New(fault.Unsupported, format, args...)
}

// base finds the base that a request names, in the caller's account and region.
func (s *Service) base(ctx context.Context, id *string) (knowledge.Base, error) {
	c := call.From(ctx)
	return s.registry.Base(ctx, c.Account, c.Region, schema.Deref(id))
}

// source finds the data source that a request names.
func (s *Service) source(ctx context.Context, base, id *string) (knowledge.DataSource, error) {
	if _, err := s.base(ctx, base); err != nil {
		return knowledge.DataSource{}, err
	}
	c := call.From(ctx)
	return s.registry.Source(ctx, c.Account, c.Region, schema.Deref(base), schema.Deref(id))
}
