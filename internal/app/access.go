package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/service/bedrock"
	"github.com/outcrop/outcrop/internal/store"
)

// openAccess adds model access to what a call must pass.
func (a *App) openAccess() error {
	registry, err := Access(a.p.Config, a.state)
	if err != nil {
		return err
	}
	a.access = registry
	a.gov.gate = append(a.gov.gate, registry)
	return nil
}

// Access opens the agreements for models. Commands use it beside a running
// server, which notices what they change.
func Access(cfg *config.Config, s store.Store) (*access.Registry, error) {
	p := access.Params{Store: s, Mode: access.Mode(cfg.Access)}
	if cfg.AccessTerms != "" {
		text, err := os.ReadFile(cfg.AccessTerms)
		if err != nil {
			return nil, fmt.Errorf("read accessTerms: %w", err)
		}
		p.Terms = string(text)
	}
	return access.New(p), nil
}

// terms is the document that has to be accepted before a model is used.
func (a *App) terms(ctx context.Context, region string, m *catalog.Model) string {
	t, err := a.router.Resolve(ctx, m.ID, region, a.p.Config.Account, "")
	if err != nil { // nobody answers for it here
		return a.access.Document(m, "", false)
	}
	return a.access.Document(m, t.ServedBy, t.StandIn)
}

// showTerms lets everybody read the documents: the address is in the offers.
func (a *App) showTerms(w http.ResponseWriter, r *http.Request) {
	model := strings.TrimPrefix(r.URL.Path, bedrock.TermsPath)
	for _, m := range a.router.Models("") {
		if m.ID == model {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(a.terms(r.Context(), "", m))) // a reader that is gone reads nothing
			return
		}
	}
	http.NotFound(w, r)
}

// KnownModel fails unless a model is offered in a region: in the catalog or as an
// ID of the operator's own.
func KnownModel(cfg *config.Config, region, model string) error {
	models, err := newCatalog(cfg)
	if err != nil {
		return err
	}
	if m, ok := models.Lookup(model); ok && models.Offered(m, region) {
		return nil
	}
	for _, r := range cfg.Routes {
		if r.Match == model {
			return nil
		}
	}
	return fmt.Errorf("there is no model %s in %s", model, region)
}
