// Package bedrock is the logic of the bedrock service, the control plane: which
// models and inference profiles there are.
//
// What it tells comes from package catalog and, for IDs of the operator's own,
// from package router. It generates nothing and knows no HTTP; package edge calls
// it, with the call in the context. Operations that are not built answer through
// Unimplemented.
package bedrock

import (
	"context"
	"time"

	"github.com/outcrop/outcrop/internal/access"
	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/router"
)

// Models are the models that can be called; *router.Router has them.
type Models interface {
	Models(region string) []*catalog.Model
}

// Params are the settings of a service.
type Params struct {
	// Lifecycle is the router's: where it is enforced, ended models are not listed.
	Lifecycle router.Lifecycle
	// Logging keeps the configurations of invocation logging.
	Logging LoggingSettings
	// Access keeps the agreements for models. Without it every model can be used
	// and the operations on agreements are not to be called.
	Access *access.Registry
	// Terms is the document of a model's offer; nil: Access makes one.
	Terms func(ctx context.Context, region string, m *catalog.Model) string
	// Throughput keeps the provisioned throughput; without it the operations on
	// it are not to be called.
	Throughput Throughput
	// Profiles keeps the application inference profiles.
	Profiles AppProfiles
	// Routers keeps the prompt routers.
	Routers PromptRouters
	// Policies are those of resources; they go with Throughput.
	Policies *resourcepolicy.Registry
	Now      func() time.Time // time.Now when nil
}

// Service implements the bedrock operations. It is safe for concurrent use.
type Service struct {
	api.Unimplemented

	catalog *catalog.Catalog
	models  Models
	params  Params
}

var _ api.Service = (*Service)(nil)

// New returns a service over a catalog and the models that are served.
func New(c *catalog.Catalog, models Models, p Params) *Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Service{catalog: c, models: models, params: p}
}
