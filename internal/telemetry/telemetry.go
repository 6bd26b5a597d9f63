// Package telemetry counts what the server does: for Prometheus at /metrics,
// under the names of OpenTelemetry's GenAI conventions and of AWS/Bedrock, and
// minute by minute for the CloudWatch API, which package series keeps.
//
// It is an observer of package observe: it never changes or delays an exchange,
// and knows no operation but by name. Traces are package telemetry/trace.
//
// A request adds to one of several shards, which nobody waits for: a shard that
// is taken is passed over. Whoever reads (a scrape, a query, the timer) takes
// the shards' sums away and adds them to the totals. Labels that clients choose
// are bounded in number.
package telemetry

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// Keeper keeps the points; series.Store is the one.
type Keeper interface {
	Add(ctx context.Context, points []series.Point) error
	Prune(ctx context.Context, now time.Time) error
}

// Params is what Metrics is made of. Burndown may be nil.
type Params struct {
	Keeper Keeper
	// ModelID returns the identifier by which CloudWatch knows the model that
	// was asked for, by ID or ARN, and whether there is such a model. It is what
	// keeps invented names out of the labels.
	ModelID func(asked string) (id string, ok bool)
	// Burndown is how many tokens of the quota one output token of a base model
	// takes; nil: one.
	Burndown func(modelID string) int
	Logger   *slog.Logger
	Now      func() time.Time
}

// Metrics counts. Each server has its own, so that two can live in one process.
// It is safe for concurrent use.
type Metrics struct {
	p      Params
	shards []shard
	places sync.Pool // of *int: which shard this processor last had
	next   atomic.Uint32
	panics atomic.Uint64

	mu      sync.Mutex // over what follows; no request takes it
	totals  totals
	pending map[pointKey]*cloud // not written yet
	dropped uint64              // points that could not be written
	flush   sync.Mutex          // one write at a time
}

var (
	_ observe.Observer = (*Metrics)(nil)
	_ observe.Watch    = (*Metrics)(nil)
)

// New makes metrics that are all zero.
func New(p Params) *Metrics {
	m := &Metrics{p: p, shards: make([]shard, 2*runtime.GOMAXPROCS(0)), pending: map[pointKey]*cloud{}}
	m.places.New = func() any {
		place := int(m.next.Add(1)) % len(m.shards)
		return &place
	}
	m.totals.init()
	for i := range m.shards {
		m.shards[i].init()
	}
	return m
}

// Handler serves the metrics to Prometheus, and those of others beside them.
func (m *Metrics) Handler(others ...prometheus.Collector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(others...)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// Panicked counts a request that ended in a bug of the server.
func (m *Metrics) Panicked() { m.panics.Add(1) }

// Begin implements observe.Observer. Everything is known at the end.
func (m *Metrics) Begin(*observe.View) observe.Watch { return m }

// Settled implements observe.Watch.
func (*Metrics) Settled(*observe.View) {}

// Answer implements observe.Watch.
func (*Metrics) Answer(*observe.View, []byte) {}

// Event implements observe.Watch.
func (*Metrics) Event(*observe.View, string, []byte) {}

// End implements observe.Watch: the request is counted.
func (m *Metrics) End(v *observe.View) {
	c := v.Call
	usage := c.Usage()
	r := record{
		request: requestKey{c.Service, c.Operation, v.Code},
		elapsed: v.Elapsed, backend: usage.Elapsed, first: usage.FirstToken, usage: usage,
	}
	kind := kinds[c.Operation]
	asked := usage.Model
	if asked == "" && kind.invocation {
		asked = v.Labels["modelId"]
	}
	model, known := "", false
	if asked != "" {
		model, known = m.p.ModelID(asked)
	}
	switch {
	case known:
	case usage.ServedBy != "":
		model = modelName(&usage) // the operator's own
	default:
		model = ""
	}
	if usage.ServedBy != "" || kind.invocation {
		r.generates = true
		r.model = modelKey{operation: GenAIOperation(c.Operation), requested: model, answered: usage.ServedBy, code: v.Code}
		if kind.any && usage.OutputTokens == 0 && v.Code == "" {
			r.model.operation = "embeddings"
		}
	}
	// What nobody has signed is no invocation of anybody's account.
	if kind.invocation && (c.Principal.ARN != "" || v.Input != nil) {
		r.invokes, r.streams, r.status = true, kind.streams || v.Stream, v.Status
		r.point = pointKey{account: c.Account, region: c.Region, model: model, minute: minute(c.Start.Add(v.Elapsed))}
		if m.p.Burndown != nil {
			r.burndown = m.p.Burndown(usage.ModelID)
		}
	}
	s := m.take()
	s.add(&r)
	s.mu.Unlock()
}

func modelName(u *call.Usage) string {
	return strings.ToValidUTF8(cmp.Or(u.ModelID, u.Model), "?")
}

func minute(t time.Time) int64 { return t.Unix() - t.Unix()%60 }

// kinds says which operations invoke a model themselves, and what OpenTelemetry
// calls what they do. any: the body says what is done.
var kinds = map[string]struct {
	name                     string
	invocation, streams, any bool
}{
	"Converse":                           {name: "chat", invocation: true},
	"ConverseStream":                     {name: "chat", invocation: true, streams: true},
	"InvokeModel":                        {name: "generate_content", invocation: true, any: true},
	"InvokeModelWithResponseStream":      {name: "generate_content", invocation: true, streams: true},
	"InvokeModelWithBidirectionalStream": {name: "generate_content", invocation: true, streams: true},
	"ChatCompletions":                    {name: "chat", invocation: true},
	"CreateResponse":                     {name: "chat", invocation: true},
	"Messages":                           {name: "chat", invocation: true},
	"Embeddings":                         {name: "embeddings", invocation: true},
	"RetrieveAndGenerate":                {name: "chat"},
	"RetrieveAndGenerateStream":          {name: "chat"},
	"Retrieve":                           {name: "embeddings"},
	"Rerank":                             {name: "rerank"},
}

// GenAIOperation is what OpenTelemetry's GenAI conventions call an operation of
// Bedrock's; what they have no word for keeps its own.
func GenAIOperation(operation string) string { return cmp.Or(kinds[operation].name, operation) }

// ProviderName is the conventions' value for what speaks Bedrock's API; which
// model really answered is in gen_ai.response.model.
const ProviderName = "aws.bedrock"

// take returns a shard that is locked. A processor comes back to the one that it
// had, so that their memory does not wander between processors.
func (m *Metrics) take() *shard {
	place := m.places.Get().(*int)
	defer m.places.Put(place)
	for !m.shards[*place].mu.TryLock() {
		*place = (*place + 1) % len(m.shards)
	}
	return &m.shards[*place]
}

const (
	flushEvery = 10 * time.Second
	pruneEvery = time.Hour
)

// Run writes the points from time to time until ctx ends. What the last requests
// added is for a Flush when they are over.
func (m *Metrics) Run(ctx context.Context) {
	flush, prune := time.NewTicker(flushEvery), time.NewTicker(pruneEvery)
	defer flush.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			m.warn(m.Flush(ctx))
		case <-prune.C:
			m.warn(m.p.Keeper.Prune(ctx, m.p.Now()))
		}
	}
}

func (m *Metrics) warn(err error) {
	if err != nil {
		m.p.Logger.Warn("metrics could not be written", slog.String("cause", err.Error()))
	}
}

// maxPending bounds what waits for a database that cannot be written: about an
// hour of all models.
const maxPending = 60 * maxSeries

// Flush writes what has been counted, so that a query finds it. What cannot be
// written is kept for the next time, within bounds.
func (m *Metrics) Flush(ctx context.Context) error {
	m.flush.Lock()
	defer m.flush.Unlock()
	m.mu.Lock()
	m.drain()
	taken := m.pending
	m.pending = map[pointKey]*cloud{}
	m.mu.Unlock()
	err := m.p.Keeper.Add(ctx, points(taken))
	if err == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, c := range taken {
		if known := m.pending[key]; known != nil {
			known.merge(c)
		} else if len(m.pending) < maxPending {
			m.pending[key] = c
		} else {
			m.dropped++
		}
	}
	return err
}
