package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// openLedger opens the bill and has it watch every call.
func (a *App) openLedger() error {
	prices, err := newPrices(a.p.Config, a.catalog)
	if err != nil {
		return err
	}
	a.gov.ledger, err = ledger.Open(context.Background(), ledger.Params{
		Dir: a.p.Config.DataDir(a.p.Getenv), Prices: prices, Logger: a.p.Logger, Now: a.p.Now,
		Tags: a.costTags, ResourceTags: a.named.profiles.Tags, Metadata: requestMetadata, Keep: a.p.Config.Usage.Keep,
	})
	if err != nil {
		return fmt.Errorf("open the bill: %w", err)
	}
	a.gov.observers = append(a.gov.observers, a.gov.ledger)
	a.gov.run = append(a.gov.run, a.gov.ledger.Run)
	a.gov.close = append(a.gov.close, a.gov.ledger.Close)
	return nil
}

// Usage opens the bill of a data directory to read it, beside a running server.
// The caller closes it.
func Usage(ctx context.Context, cfg *config.Config, getenv func(string) string, logger *slog.Logger) (*ledger.Ledger, error) {
	return ledger.Read(ctx, ledger.Params{Dir: cfg.DataDir(getenv), Logger: logger})
}

func newPrices(cfg *config.Config, models *catalog.Catalog) (*price.Book, error) {
	overrides := make([]price.Override, 0, len(cfg.Prices))
	for _, p := range cfg.Prices {
		overrides = append(overrides, price.Override{
			Match: p.Match, InputPer1M: p.InputPer1M, OutputPer1M: p.OutputPer1M,
			CacheReadPer1M: p.CacheReadPer1M, CacheWritePer1M: p.CacheWritePer1M, PerQuery: p.PerQuery,
		})
	}
	b, err := price.New(models, overrides)
	if err != nil {
		return nil, fmt.Errorf("the prices of the configuration: %w", err)
	}
	return b, nil
}

// costTags are the tags of a principal that costs are told apart by: its user's
// or role's, and its session's over them. They are the administrator's: what a
// client says about its call is not among them, or it could spend another one's
// budget. Where they cannot be read, the call was refused already.
func (a *App) costTags(p iam.Principal) map[string]string {
	if p.Type != iam.User && p.Type != iam.AssumedRole {
		return nil
	}
	governing, err := a.directory.Governing(context.Background(), p)
	if err != nil {
		return nil
	}
	return governing.Tags
}

// asked records what the question of a retrieval used, also when nothing is found
// for it in the end. The record of Retrieve is about that; RetrieveAndGenerate has
// one of its own for the model that writes the answer.
func (a *App) asked(ctx context.Context, u embed.Used) {
	c := call.From(ctx)
	used := usageOf(u.Base.EmbeddingModel, u.Target)
	if c.Operation != "Retrieve" {
		used.InputTokens = u.InputTokens
		a.gov.ledger.Beside(c, newRequestID(), used)
		return
	}
	c.RecordUsage(func(usage *call.Usage) {
		used.InputTokens, used.Elapsed = usage.InputTokens+u.InputTokens, usage.Elapsed
		*usage = used
	})
}

// ranked records what a reranker did for a retrieval.
func (a *App) ranked(ctx context.Context, q retrieve.Rank, made *retrieve.Ranking) {
	used := usageOf(q.Model, made.Target)
	used.InputTokens, used.Queries = made.InputTokens, q.Queries()
	a.gov.ledger.Beside(call.From(ctx), newRequestID(), used)
}

// usageOf begins a usage with who was asked and who answered.
func usageOf(model string, t *router.Target) call.Usage {
	return call.Usage{Model: model, ModelID: t.ModelID, Resource: t.ARN, ServedBy: t.ServedBy, Backend: t.Backend, StandIn: t.StandIn}
}

// ingested records what the documents of a knowledge base used.
func (a *App) ingested(_ context.Context, u embed.Used) {
	used := usageOf(u.Base.EmbeddingModel, u.Target)
	used.InputTokens = u.InputTokens
	a.gov.ledger.Record(ledger.Work{
		ID: newRequestID(), Account: u.Base.Account, Region: u.Base.Region, Service: "bedrock-agent", Operation: "StartIngestionJob", Usage: used,
	})
}

// requestMetadata is what a call says about itself, for the bill.
func requestMetadata(input any) map[string]string {
	switch in := input.(type) {
	case *apiruntime.ConverseInput:
		return in.RequestMetadata
	case *apiruntime.ConverseStreamInput:
		return in.RequestMetadata
	case *apiruntime.InvokeModelInput:
		return metadataHeader(in.RequestMetadata)
	case *apiruntime.InvokeModelWithResponseStreamInput:
		return metadataHeader(in.RequestMetadata)
	}
	return nil
}

// metadataHeader reads the JSON object that the native operations have in a
// header. What is none says nothing.
func metadataHeader(text *string) (metadata map[string]string) {
	if json.Unmarshal([]byte(schema.Deref(text)), &metadata) != nil {
		return nil
	}
	return metadata
}
