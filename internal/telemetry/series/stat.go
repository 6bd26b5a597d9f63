// Package series keeps the metrics of model invocations over time, as Amazon
// CloudWatch does for the namespace AWS/Bedrock: for each account, region and
// model, what happened in each minute, as count, sum, extremes and a histogram.
//
// It knows no request and no CloudWatch API: package telemetry adds what it
// counted, package service/cloudwatch asks. What is kept is written in the
// background, in a database of its own, so that nothing else waits for it.
package series

import (
	"encoding/binary"
	"math"
	"slices"
)

// Metric is one of the metrics of an invocation. The numbers are stored; new
// metrics are appended.
type Metric uint8

// The metrics, by their names in AWS/Bedrock.
const (
	Invocations Metric = iota
	InvocationLatency
	InvocationClientErrors
	InvocationServerErrors
	InvocationThrottles
	InputTokenCount
	OutputTokenCount
	CacheReadInputTokens
	CacheWriteInputTokens
	TimeToFirstToken
	EstimatedTPMQuotaUsage
	// Count is how many metrics there are.
	Count
)

var names = [Count]string{
	"Invocations", "InvocationLatency", "InvocationClientErrors", "InvocationServerErrors", "InvocationThrottles",
	"InputTokenCount", "OutputTokenCount", "CacheReadInputTokens", "CacheWriteInputTokens", "TimeToFirstToken", "EstimatedTPMQuotaUsage",
}

// String returns the name in AWS/Bedrock.
func (m Metric) String() string { return names[m] }

// Milliseconds says whether the unit is the millisecond; otherwise it is a
// count.
func (m Metric) Milliseconds() bool { return m == InvocationLatency || m == TimeToFirstToken }

// ParseMetric finds a metric by its name.
func ParseMetric(name string) (Metric, bool) {
	i := slices.Index(names[:], name)
	return Metric(max(i, 0)), i >= 0
}

// Stat is what is known of the values of a metric in a time: enough for all of
// CloudWatch's simple statistics, and for percentiles within an eighth of an
// octave. The zero Stat has no values.
type Stat struct {
	N        uint64
	Sum      float64
	Min, Max float64
	buckets  map[uint16]uint64
}

// Add counts one value, which is neither negative nor NaN.
func (s *Stat) Add(v float64) {
	if s.N == 0 {
		s.Min, s.Max = v, v
	} else {
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	}
	s.N++
	s.Sum += v
	if s.buckets == nil {
		s.buckets = make(map[uint16]uint64, 1)
	}
	s.buckets[bucket(v)]++
}

// Merge adds the values of another Stat.
func (s *Stat) Merge(o *Stat) {
	if o.N == 0 {
		return
	}
	if s.N == 0 {
		s.Min, s.Max = o.Min, o.Max
	} else {
		s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	}
	s.N += o.N
	s.Sum += o.Sum
	if s.buckets == nil {
		s.buckets = make(map[uint16]uint64, len(o.buckets))
	}
	for b, n := range o.buckets {
		s.buckets[b] += n
	}
}

// Average is the mean of the values; 0 without values.
func (s *Stat) Average() float64 {
	if s.N == 0 {
		return 0
	}
	return s.Sum / float64(s.N)
}

// Percentile estimates the value below which p percent of the values are,
// between 0 and 100; 0 without values.
func (s *Stat) Percentile(p float64) float64 {
	if s.N == 0 {
		return 0
	}
	rank := p / 100 * float64(s.N)
	order := make([]uint16, 0, len(s.buckets))
	for b := range s.buckets {
		order = append(order, b)
	}
	slices.Sort(order)
	var below float64
	for _, b := range order {
		n := float64(s.buckets[b])
		if below+n >= rank {
			low, high := bounds(b)
			low, high = max(low, s.Min), min(high, s.Max)
			return low + (high-low)*max(rank-below, 0)/n
		}
		below += n
	}
	return s.Max
}

// The buckets: 0 is nothing, 1 is what is less than one, and from 8 on there
// are eight to each octave.
const (
	perOctave  = 8
	maxOctaves = 64
)

func bucket(v float64) uint16 {
	switch {
	case v <= 0:
		return 0
	case v < 1:
		return 1
	}
	fraction, exponent := math.Frexp(v) // [0.5, 1) and 1, 2, …
	if exponent > maxOctaves {
		return perOctave*maxOctaves + perOctave - 1
	}
	return uint16(perOctave*exponent + int((fraction-0.5)*2*perOctave))
}

func bounds(b uint16) (low, high float64) {
	switch {
	case b == 0:
		return 0, 0
	case b < perOctave:
		return 0, 1
	}
	exponent, part := int(b/perOctave), float64(b%perOctave)
	unit := math.Ldexp(1, exponent-1) / perOctave
	return unit * (perOctave + part), unit * (perOctave + part + 1)
}

// encode writes the histogram as pairs of bucket and count.
func (s *Stat) encode() []byte {
	b := make([]byte, 0, 4*len(s.buckets))
	for k, n := range s.buckets {
		b = binary.AppendUvarint(b, uint64(k))
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// decode adds a histogram that encode wrote. What is damaged ends it.
func (s *Stat) decode(b []byte) {
	if s.buckets == nil {
		s.buckets = make(map[uint16]uint64, len(b)/2)
	}
	for len(b) > 0 {
		k, n := binary.Uvarint(b)
		if n <= 0 || k >= perOctave*(maxOctaves+1) {
			return
		}
		b = b[n:]
		count, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		s.buckets[uint16(k)] += count
	}
}
