package telemetry

import (
	"time"

	"github.com/outcrop/outcrop/internal/telemetry/series"
)

// totals are the counts since the start of the server.
type totals struct {
	requests map[requestKey]*requests
	models   map[modelKey]*models
	cloud    map[cloudKey]*cloudTotal
}

type cloudKey struct{ account, region, model string }

// cloudTotal are the sums of a model's metrics and how many values they have.
type cloudTotal [series.Count]struct {
	n   uint64
	sum float64
}

func (t *totals) init() {
	t.requests, t.models, t.cloud = map[requestKey]*requests{}, map[modelKey]*models{}, map[cloudKey]*cloudTotal{}
}

// drain moves what the shards counted to the totals and to the points that are
// to be written. Each shard is held only for as long as it takes to give it new
// maps.
func (m *Metrics) drain() {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		counted := s.sums
		s.init()
		s.mu.Unlock()
		m.totals.merge(&counted)
		for key, c := range counted.points {
			m.wait(key, c)
			if key.model != "" {
				m.wait(restOfPoints(key), c)
			}
		}
	}
}

// wait adds to a point that is to be written.
func (m *Metrics) wait(key pointKey, c *cloud) {
	known := m.pending[key]
	if known == nil {
		if len(m.pending) >= maxPending {
			m.dropped++
			return
		}
		known = new(cloud)
		m.pending[key] = known
	}
	known.merge(c)
}

func (t *totals) merge(s *sums) {
	for key, r := range s.requests {
		entry(t.requests, key, restOfRequests(key)).duration.merge(&r.duration)
	}
	for key, o := range s.models {
		k := entry(t.models, key, restOfModels(key))
		k.duration.merge(&o.duration)
		k.backend.merge(&o.backend)
		k.first.merge(&o.first)
		k.perToken.merge(&o.perToken)
		k.input.merge(&o.input)
		k.output.merge(&o.output)
		k.cacheRead += o.cacheRead
		k.cacheWrite += o.cacheWrite
	}
	for key, c := range s.points {
		total := entry(t.cloud, cloudKey{key.account, key.region, key.model}, cloudKey{key.account, key.region, ""})
		for i := range c {
			total[i].n += c[i].N
			total[i].sum += c[i].Sum
		}
	}
}

// points takes the metrics apart that have values.
func points(all map[pointKey]*cloud) []series.Point {
	list := make([]series.Point, 0, len(all)*4)
	for key, c := range all {
		for metric := range series.Count {
			if c[metric].N == 0 {
				continue
			}
			list = append(list, series.Point{
				Key:    series.Key{Account: key.account, Region: key.region, Model: key.model, Metric: metric},
				Minute: time.Unix(key.minute, 0).UTC(), Stat: c[metric],
			})
		}
	}
	return list
}
