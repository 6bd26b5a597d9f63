package app

import (
	"fmt"
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
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	nativeall "github.com/outcrop/outcrop/internal/native/all"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/bedrock"
	"github.com/outcrop/outcrop/internal/service/bedrockagent"
	"github.com/outcrop/outcrop/internal/service/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
	"github.com/outcrop/outcrop/internal/service/costexplorer"
	"github.com/outcrop/outcrop/internal/service/iam"
	"github.com/outcrop/outcrop/internal/service/servicequotas"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/awsjson"
	"github.com/outcrop/outcrop/internal/wire/query"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/rpcv2cbor"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// services puts the router over the backends and the services over the router.
// From here on the router owns the backends.
func (a *App) services(backends map[string]inference.Backend) ([]edge.Service, error) {
	cfg := a.p.Config
	models := a.catalog
	var err error
	if a.router, err = a.newRouter(models, backends); err != nil {
		for _, b := range backends {
			_ = b.Close() // the first error is the one to tell
		}
		return nil, err
	}
	if err := a.bindThroughput(a.router); err != nil {
		return nil, err
	}
	a.fitter = embedding.New(a.router, embedding.Params{Dir: a.parts.BasisDir(), Logger: a.p.Logger})
	families := bedrockruntime.Families{
		Text: nativeall.Families(), Embeddings: nativeall.Embeddings(), Rerankings: nativeall.Rerankings(), Images: nativeall.Images(),
	}
	a.models = serving.NewModels(serving.ModelsParams{Router: a.router, Gate: a.gov.gate, Lanes: a.throughput, Hold: a.router.Hold})
	runtime := bedrockruntime.New(a.models, a.fitter, families, bedrockruntime.Params{Now: a.p.Now, ModelTimeout: cfg.Timeouts.Model, Documents: a.bases.parser, Routers: a.named.routers, Price: outputPrice(models)})
	control := bedrock.New(models, a.router, bedrock.Params{Throughput: a.throughput, Profiles: a.named.profiles, Routers: a.named.routers, Policies: a.policies, Access: a.access, Terms: a.terms, Lifecycle: router.Lifecycle(cfg.Compat.Lifecycle), Logging: a.gov.logging, Now: a.p.Now})
	agent := bedrockagent.New(models, a.router, a.bases.registry, a.bases.indexes, a.policies)
	quotas := servicequotas.New(servicequotas.Params{Quotas: a.quotas, Partition: models.Partition})
	identity := iam.New(iam.Params{Directory: a.directory, Credentials: a.credentials, Organization: a.gov.organization})
	if err := a.invokeAsync(runtime); err != nil {
		return nil, err
	}
	bodyChecks := map[string]func([]byte) error{
		"Converse":       bedrockruntime.CheckConverseBody,
		"ConverseStream": bedrockruntime.CheckConverseBody,
	}
	return []edge.Service{
		{Schema: apiruntime.Schema(), Handlers: apiruntime.Handlers(runtime), Codec: restjson.Codec{}, Padding: true, CheckBody: bodyChecks},
		{Schema: apibedrock.Schema(), Handlers: apibedrock.Handlers(control), Codec: restjson.Codec{}},
		{Schema: apiagent.Schema(), Handlers: apiagent.Handlers(agent), Codec: restjson.Codec{}},
		{Schema: apiagentruntime.Schema(), Handlers: apiagentruntime.Handlers(a.agentRuntime(families)), Codec: restjson.Codec{}},
		{Schema: apiservicequotas.Schema(), Handlers: apiservicequotas.Handlers(quotas), Codec: awsjson.Codec{}},
		{
			Schema: apicloudwatch.Schema(), Handlers: apicloudwatch.Handlers(a.cloudWatch()), Codec: rpcv2cbor.Codec{},
			Others: map[string]schema.Codec{"json": awsjson.Codec{}, "query": query.Codec{}},
		},
		{Schema: apice.Schema(), Handlers: apice.Handlers(costexplorer.New(a.gov.ledger, a.p.Now)), Codec: awsjson.Codec{}},
		{Schema: apiiam.Schema(), Handlers: apiiam.Handlers(identity), Codec: query.Codec{}},
		{Schema: apists.Schema(), Handlers: apists.Handlers(a.tokenService()), Codec: query.Codec{}},
		a.openAI(), a.anthropic(),
	}, nil
}

// agentRuntime is the service that asks knowledge bases. Its clients wait, so a
// model that is gone is waited for only as long as it takes to start it again.
func (a *App) agentRuntime(families serving.Families) *bedrockagentruntime.Service {
	b := &a.bases
	embeddings := embed.New(a.models, a.fitter, embed.Params{Now: a.p.Now, Logger: a.p.Logger, Patience: 5 * time.Second, TellThrottled: true, Used: a.asked})
	ranker := retrieve.NewRanker(a.models)
	retriever := retrieve.New(retrieve.Params{Bases: b.registry, Indexes: b.indexes, Embeddings: embeddings, Ranker: ranker, Ranked: a.ranked})
	answerer := answer.New(answer.Params{
		Retriever: retriever, Store: a.state, Embeddings: embeddings, EmbeddingModel: "amazon.titan-embed-text-v2:0",
		Sources: b.sources, Parser: b.parser, Splitter: b.splitter, Now: a.p.Now,
	})
	return bedrockagentruntime.New(bedrockagentruntime.Params{
		Router: a.models, Retriever: retriever, Ranker: ranker, Answerer: answerer, Families: families,
		Partition: a.catalog.Partition, Now: a.p.Now, ModelTimeout: a.p.Config.Timeouts.Model,
	})
}

func newCatalog(cfg *config.Config) (*catalog.Catalog, error) {
	restrictions := make([]catalog.Restriction, 0, len(cfg.Regions))
	for _, r := range cfg.Regions {
		restrictions = append(restrictions, catalog.Restriction{Match: r.Match, Regions: r.Regions})
	}
	models, err := catalog.New(restrictions...)
	if err != nil {
		return nil, fmt.Errorf("the regions of the configuration: %w", err)
	}
	return models, nil
}
