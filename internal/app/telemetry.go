package app

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/service/bedrock"
	"github.com/outcrop/outcrop/internal/service/cloudwatch"
	"github.com/outcrop/outcrop/internal/telemetry"
	"github.com/outcrop/outcrop/internal/telemetry/series"
	"github.com/outcrop/outcrop/internal/telemetry/trace"
)

// metricsName is the file of the CloudWatch metrics in the data directory.
const metricsName = "metrics.db"

// openTelemetry opens what counts requests and what follows them.
func (a *App) openTelemetry() error {
	store, err := series.Open(context.Background(), filepath.Join(a.p.Config.DataDir(a.p.Getenv), metricsName))
	if err != nil {
		return err
	}
	a.gov.close = append(a.gov.close, store.Close)
	a.gov.series = store
	a.gov.metrics = telemetry.New(telemetry.Params{Keeper: store, ModelID: a.modelID, Burndown: a.burndown, Logger: a.p.Logger, Now: a.p.Now})
	a.gov.observers = append(a.gov.observers, a.gov.metrics)
	a.gov.run = append(a.gov.run, a.gov.metrics.Run)
	a.gov.close = append(a.gov.close, func() error { return a.gov.metrics.Flush(context.Background()) })
	return a.openTraces()
}

// lastTraces is how long a server that stops tries to deliver what waits.
const lastTraces = 2 * time.Second

// openTraces opens what tells a collector about requests, where there is one.
func (a *App) openTraces() error {
	cfg := a.p.Config
	target, ok, err := trace.Find(cfg.Telemetry.OTLP.Endpoint, a.p.Getenv)
	if err != nil || !ok {
		return err
	}
	tracer, err := trace.New(context.Background(), trace.Params{
		Target: target, Client: Dialer(cfg).Client(), Sample: cfg.Telemetry.OTLP.Sample, Version: a.p.Version, Logger: a.p.Logger, Now: a.p.Now,
	})
	if err != nil {
		return err
	}
	a.gov.observers = append(a.gov.observers, tracer)
	a.gov.close = append(a.gov.close, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lastTraces)
		defer cancel()
		if err := tracer.Close(ctx); err != nil {
			a.p.Logger.Warn("the last traces could not be delivered", slog.String("cause", err.Error()))
		}
		return nil
	})
	return nil
}

// cloudWatch is the service that reads what was counted.
func (a *App) cloudWatch() *cloudwatch.Service {
	return cloudwatch.New(cloudwatch.Params{Series: a.gov.series, Flush: a.gov.metrics.Flush, Now: a.p.Now})
}

// extra are the paths of the port that no AWS service has.
func (a *App) extra() map[string]http.Handler {
	handlers := map[string]http.Handler{
		"GET /metrics":             a.gov.metrics.Handler(append(a.logMetrics(), a.gov.bill, routeMetrics{a.router})...),
		"GET " + bedrock.TermsPath: http.HandlerFunc(a.showTerms),
	}
	maps.Copy(handlers, a.operators())
	if a.script != nil {
		handlers[scriptPath] = a.scriptControl()
	}
	return handlers
}

// modelID is what CloudWatch calls a model or profile that Bedrock has.
func (a *App) modelID(asked string) (string, bool) {
	id := catalog.Parse(asked).Name
	if m, ok := a.catalog.Lookup(id); ok {
		return m.ID, true
	}
	if _, ok := a.catalog.Profile(id); ok {
		return id, true
	}
	return "", false
}

// burndown is how many tokens of the quota an output token of a model takes.
func (a *App) burndown(modelID string) int {
	if m, ok := a.catalog.Lookup(modelID); ok {
		return m.OutputBurndown
	}
	return 1
}
