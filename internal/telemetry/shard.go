package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// maxSeries bounds how many label sets of each kind there are. Further ones are
// counted together, under the label other.
const maxSeries = 1000

const other = "other"

type requestKey struct{ service, operation, code string }

type modelKey struct{ operation, requested, answered, code string }

type pointKey struct {
	account, region, model string
	minute                 int64 // seconds since 1970
}

// record is one request, as it is counted.
type record struct {
	request   requestKey
	model     modelKey
	point     pointKey
	generates bool // a model was asked
	invokes   bool // by an operation that CloudWatch counts
	streams   bool
	status    int
	burndown  int
	usage     call.Usage

	elapsed, backend, first time.Duration
}

// requests are those with the same labels.
type requests struct{ duration histogram }

// models are generations with the same labels.
type models struct {
	duration, backend, first, perToken histogram // seconds
	input, output                      histogram // tokens
	cacheRead, cacheWrite              uint64
}

// cloud is what CloudWatch knows of a model in one minute.
type cloud [series.Count]series.Stat

func (c *cloud) merge(o *cloud) {
	for i := range c {
		c[i].Merge(&o[i])
	}
}

// sums are what has been counted, by labels.
type sums struct {
	requests map[requestKey]*requests
	models   map[modelKey]*models
	points   map[pointKey]*cloud
}

func (s *sums) init() {
	s.requests, s.models, s.points = map[requestKey]*requests{}, map[modelKey]*models{}, map[pointKey]*cloud{}
}

// shard is a part of the counts that have not been added to the totals.
type shard struct {
	mu sync.Mutex
	sums

	_ [64]byte // the next shard is on another line of the cache
}

// entry returns what a key counts in, and the one of the rest where there are
// too many.
func entry[K comparable, V any](all map[K]*V, key, rest K) *V {
	if v := all[key]; v != nil {
		return v
	}
	if len(all) >= maxSeries {
		key = rest
		if v := all[key]; v != nil {
			return v
		}
	}
	v := new(V)
	all[key] = v
	return v
}

func restOfRequests(requestKey) requestKey { return requestKey{other, other, other} }

func restOfModels(k modelKey) modelKey { return modelKey{k.operation, other, other, other} }

// restOfPoints has no model: what is there counts for all models together.
func restOfPoints(k pointKey) pointKey {
	k.model = ""
	return k
}

func (s *sums) add(r *record) {
	entry(s.requests, r.request, restOfRequests(r.request)).duration.add(r.elapsed.Seconds(), durationBounds)
	if r.generates {
		entry(s.models, r.model, restOfModels(r.model)).add(r)
	}
	if r.invokes {
		entry(s.points, r.point, restOfPoints(r.point)).add(r)
	}
}

func (m *models) add(r *record) {
	m.duration.add(r.elapsed.Seconds(), durationBounds)
	u := &r.usage
	if u.ServedBy == "" {
		return
	}
	if r.backend > 0 {
		m.backend.add(r.backend.Seconds(), durationBounds)
	}
	if r.first > 0 {
		m.first.add(r.first.Seconds(), durationBounds)
	}
	if r.first > 0 && u.OutputTokens > 1 && r.elapsed > r.first {
		m.perToken.add((r.elapsed-r.first).Seconds()/float64(u.OutputTokens-1), tokenTimeBounds)
	}
	// A call that was refused used none, which is not a use of no tokens.
	if u.InputTokens > 0 {
		m.input.add(float64(u.InputTokens), tokenBounds)
	}
	if u.OutputTokens > 0 {
		m.output.add(float64(u.OutputTokens), tokenBounds)
	}
	m.cacheRead += uint64(max(u.CacheRead, 0))
	m.cacheWrite += uint64(max(u.CacheWrite, 0))
}

// add counts an invocation as CloudWatch does: what was throttled is neither an
// invocation nor an error, and of what failed only that it did.
func (c *cloud) add(r *record) {
	switch {
	case r.request.code == "":
	case r.request.code == "ThrottlingException" || r.request.code == "ServiceQuotaExceededException":
		c[series.InvocationThrottles].Add(1)
		return
	case r.status >= http.StatusInternalServerError || r.status == http.StatusOK || r.request.code == "ModelNotReadyException":
		// An exception after a good status ended a stream.
		c[series.InvocationServerErrors].Add(1)
		return
	default:
		c[series.InvocationClientErrors].Add(1)
		return
	}
	u := &r.usage
	c[series.Invocations].Add(1)
	c[series.InvocationLatency].Add(float64(r.elapsed) / float64(time.Millisecond))
	c[series.InputTokenCount].Add(float64(u.InputTokens))
	if u.OutputTokens > 0 {
		c[series.OutputTokenCount].Add(float64(u.OutputTokens))
	}
	if u.CacheRead > 0 {
		c[series.CacheReadInputTokens].Add(float64(u.CacheRead))
	}
	if u.CacheWrite > 0 {
		c[series.CacheWriteInputTokens].Add(float64(u.CacheWrite))
	}
	if r.streams && r.first > 0 {
		c[series.TimeToFirstToken].Add(float64(r.first) / float64(time.Millisecond))
	}
	c[series.EstimatedTPMQuotaUsage].Add(float64(u.InputTokens + u.CacheWrite + max(r.burndown, 1)*u.OutputTokens))
}

// histogram has the counts of buckets whose upper bounds are given with every
// value, and are always the same.
type histogram struct {
	n       uint64
	sum     float64
	buckets [16]uint64
}

func (h *histogram) add(v float64, bounds []float64) {
	h.n++
	h.sum += v
	for i, bound := range bounds {
		if v <= bound {
			h.buckets[i]++
			return
		}
	}
}

func (h *histogram) merge(o *histogram) {
	h.n += o.n
	h.sum += o.sum
	for i := range h.buckets {
		h.buckets[i] += o.buckets[i]
	}
}

// The bounds that OpenTelemetry's GenAI conventions give.
var (
	durationBounds  = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	tokenTimeBounds = []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5}
	tokenBounds     = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
)
