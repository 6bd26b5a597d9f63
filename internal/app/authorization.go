package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	apibedrock "github.com/outcrop/outcrop/internal/api/bedrock"
	apiagent "github.com/outcrop/outcrop/internal/api/bedrockagent"
	apiagentruntime "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apice "github.com/outcrop/outcrop/internal/api/ce"
	apicloudwatch "github.com/outcrop/outcrop/internal/api/cloudwatch"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	apiservicequotas "github.com/outcrop/outcrop/internal/api/servicequotas"
	apists "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/authz"
	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/service/anthropicdoor"
	"github.com/outcrop/outcrop/internal/service/openaidoor"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// governed are the services whose operations are decided on: all that the edge
// serves.
func governed() []*schema.Service {
	return []*schema.Service{
		apiruntime.Schema(), apibedrock.Schema(), apiagent.Schema(), apiagentruntime.Schema(),
		apice.Schema(), apiiam.Schema(), apiservicequotas.Schema(), apists.Schema(), apicloudwatch.Schema(),
		openaidoor.Schema(), anthropicdoor.Schema(), operator.Schema(),
	}
}

// signingNames are what requests to those services are signed for.
func signingNames() []string {
	var names []string
	for _, s := range governed() {
		if !slices.Contains(names, s.SigningName) {
			names = append(names, s.SigningName)
		}
		for _, name := range s.AlsoSigned {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// openAuthorization opens what decides.
func (a *App) openAuthorization() (err error) {
	cfg := a.p.Config
	if a.gov.organization, err = organization(cfg, a.p.Logger, a.p.Now); err != nil {
		return err
	}
	a.authorizer, err = authz.New(authz.Params{
		Services: governed(), Directory: a.directory, Catalog: a.catalog, Tags: tags(a.state, a.directory), Own: a.own, KeyOwner: a.keyOwner, BaseRole: a.baseRole, Resource: a.policies.Policies,
		Provisioned: reserved(a.throughput), ProfileModels: a.named.models, Service: a.gov.organization, Endpoints: a.endpoints.Policies, Open: cfg.Auth == config.Off, Now: a.p.Now,
	})
	return err
}

// organization are the service control policies of a configuration.
func organization(cfg *config.Config, logger *slog.Logger, now func() time.Time) (func() [][]policy.Attached, error) {
	if cfg.IAM.ServiceControlPolicy == "" {
		return func() [][]policy.Attached { return nil }, nil
	}
	control, err := authz.OpenServiceControl(cfg.IAM.ServiceControlPolicy, cfg.Account, logger, now)
	if err != nil {
		return nil, err
	}
	return control.Levels, nil
}

// tags finds the tags of the resources that the state has, by their ARNs. The
// types that ARNs have are the kinds of the records, with one exception.
func tags(s store.Store, people *directory.Directory) func(ctx context.Context, arn string) map[string]string {
	return func(ctx context.Context, arn string) map[string]string {
		fields := strings.SplitN(arn, ":", 6)
		if len(fields) == 6 && fields[2] == "iam" {
			p, err := people.Policy(ctx, arn)
			if err != nil {
				return nil // as below
			}
			return p.Tags
		}
		if len(fields) != 6 || fields[2] != "bedrock" {
			return nil
		}
		kind, id, ok := strings.Cut(fields[5], "/")
		if !ok {
			return nil
		}
		if kind == "provisioned-model" {
			kind = "provisioned-throughput"
		}
		r, err := s.Get(ctx, store.Key{Kind: store.Kind(kind), Account: fields[4], Region: fields[3], ID: id})
		if err != nil {
			return nil // what is not there has none
		}
		return r.Tags
	}
}

// own tells the models that the configuration alone knows.
func own(cfg *config.Config) func(id string) bool {
	return func(id string) bool {
		return slices.ContainsFunc(cfg.Routes, func(r config.Route) bool { return r.Match == id })
	}
}

// reserved finds provisioned throughput by any of its names.
func reserved(r *provisioned.Registry) func(ctx context.Context, account, region, identifier string) (string, bool) {
	return func(ctx context.Context, account, region, identifier string) (string, bool) {
		t, err := r.Find(ctx, account, region, identifier)
		return t.ARN, err == nil
	}
}

// keyOwner finds the user of an access key.
func (a *App) keyOwner(ctx context.Context, accessKeyID string) (string, bool) {
	used, err := a.credentials.LastUsed(ctx, accessKeyID)
	return used.User, err == nil && used.User != ""
}

// baseRole is the role of a knowledge base.
func (a *App) baseRole(ctx context.Context, account, region, id string) string {
	b, err := a.bases.registry.Base(ctx, account, region, id[strings.LastIndexByte(id, '/')+1:]) // it may be an ARN
	if err != nil {
		return "" // the service says what is wrong
	}
	return b.RoleARN
}

// decideObject asks about a request for a bucket.
func (a *App) decideObject(ctx context.Context, q bucket.Question) error {
	c := call.From(ctx)
	c.Principal, c.Account, c.Region = q.Principal, q.Principal.Account, cmp.Or(q.Region, a.p.Config.Region)
	return a.authorizer.Decide(ctx, c, q.Action, q.Resource, q.Values)
}

// Authorization is what decides in a data directory, for who wants to know.
type Authorization struct {
	*authz.Authorizer

	close func() error
}

// OpenAuthorization opens it beside a running server. The caller closes it.
func OpenAuthorization(ctx context.Context, cfg *config.Config, getenv func(string) string, logger *slog.Logger) (*Authorization, error) {
	models, err := newCatalog(cfg)
	if err != nil {
		return nil, err
	}
	levels, err := organization(cfg, logger, time.Now)
	if err != nil {
		return nil, err
	}
	ends, err := openEndpoints(cfg)
	if err != nil {
		return nil, err
	}
	state, err := State(ctx, cfg, getenv)
	if err != nil {
		return nil, err
	}
	a := &Authorization{close: state.Close}
	people := directory.New(directory.Params{Store: state, Account: cfg.Account, Rand: rand.Reader})
	leads, err := openNamedFor(ctx, state)
	if err != nil {
		return nil, errors.Join(err, state.Close())
	}
	a.Authorizer, err = authz.New(authz.Params{
		Services: governed(), Directory: people, Catalog: models, Tags: tags(state, people), Own: own(cfg),
		Resource: resourcepolicy.New(resourcepolicy.Params{Store: state}).Policies, Service: levels, Endpoints: ends.Policies,
		Provisioned: reserved(provisioned.NewRegistry(provisioned.Params{Store: state})), ProfileModels: leads.models,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the table of operations: %w", err), state.Close())
	}
	return a, nil
}

// Operations lists what every operation needs.
func Operations() ([]authz.Operation, error) {
	models, err := catalog.New()
	if err != nil {
		return nil, err
	}
	a, err := authz.New(authz.Params{Services: governed(), Catalog: models, Open: true})
	if err != nil {
		return nil, err
	}
	return a.Operations(), nil
}

// Close releases what OpenAuthorization opened.
func (a *Authorization) Close() error { return a.close() }
