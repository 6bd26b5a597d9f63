// Package cloudwatch serves the part of Amazon CloudWatch's API that reads
// metrics: GetMetricData, GetMetricStatistics and ListMetrics for the namespace
// AWS/Bedrock, so that dashboards and alarms that were made for Bedrock find
// their numbers here.
//
// The numbers are those that package telemetry counted and telemetry/series
// keeps; nothing is published through this API, and there are no alarms,
// dashboards or other namespaces. Those operations answer that they are not
// built; unknown namespaces and metrics have no values, as in the real service.
package cloudwatch

import (
	"context"
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/telemetry/series"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Series are the numbers; series.Store has them.
type Series interface {
	Points(ctx context.Context, q series.Query, now time.Time) ([]series.Step, error)
	Keys(ctx context.Context, account, region string, since time.Time) ([]series.Key, error)
}

// Params is what a Service is made of. Every field is required.
type Params struct {
	Series Series
	// Flush writes down what has been counted so far, so that a question finds
	// what happened before it.
	Flush func(ctx context.Context) error
	Now   func() time.Time
}

// Service implements the operations that Outcrop has. It has no state and is
// safe for concurrent use.
type Service struct {
	api.Unimplemented

	p Params
}

var _ api.Service = (*Service)(nil)

// New returns the service.
func New(p Params) *Service { return &Service{p: p} }

const (
	namespace = "AWS/Bedrock"
	dimension = "ModelId"
)

// Codes that the operations do not declare and CloudWatch answers all the same,
// or that it declares by other names.
const (
	codeValidation  = "ValidationError"
	codeValue       = "InvalidParameterValue"
	codeCombination = "InvalidParameterCombination"
	codeMissing     = "MissingParameter"
	codeToken       = "InvalidNextToken"
)

func invalid(code, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode(code)
}

// flush makes the last requests visible. What cannot be written now will be
// later; what was written before can be read all the same.
func (s *Service) flush(ctx context.Context) { _ = s.p.Flush(ctx) }

// key finds the numbers of a metric in the caller's account and region. ok is
// false for a metric that nobody counts.
func key(ctx context.Context, space, name string, dimensions []api.Dimension) (_ series.Key, ok bool) {
	c := call.From(ctx)
	k := series.Key{Account: c.Account, Region: c.Region}
	if space != namespace {
		return k, false
	}
	if k.Metric, ok = series.ParseMetric(name); !ok {
		return k, false
	}
	switch {
	case len(dimensions) == 0:
		return k, true
	case len(dimensions) == 1 && schema.Deref(dimensions[0].Name) == dimension:
		k.Model = schema.Deref(dimensions[0].Value)
		return k, k.Model != ""
	}
	return k, false
}

func unit(m series.Metric) api.StandardUnit {
	if m.Milliseconds() {
		return api.StandardUnitMilliseconds
	}
	return api.StandardUnitCount
}

// statistic computes one statistic by its name: a simple one, or a percentile as
// p99.9. ok is false for those that CloudWatch has beyond that.
func statistic(name string) (_ func(*series.Stat) float64, ok bool) {
	switch api.Statistic(name) {
	case api.StatisticSampleCount:
		return func(s *series.Stat) float64 { return float64(s.N) }, true
	case api.StatisticSum:
		return func(s *series.Stat) float64 { return s.Sum }, true
	case api.StatisticAverage:
		return (*series.Stat).Average, true
	case api.StatisticMinimum:
		return func(s *series.Stat) float64 { return s.Min }, true
	case api.StatisticMaximum:
		return func(s *series.Stat) float64 { return s.Max }, true
	}
	digits, ok := strings.CutPrefix(name, "p")
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return nil, false
	}
	p, err := strconv.ParseFloat(digits, 64)
	if err != nil || p < 0 || p > 100 {
		return nil, false
	}
	return func(s *series.Stat) float64 { return s.Percentile(p) }, true
}

// period reads a period in seconds.
func period(seconds *int32, code string) (time.Duration, error) {
	n := schema.Deref(seconds)
	if n < 60 || n%60 != 0 {
		// Finer periods are for metrics that are published more often.
		return 0, invalid(code, "The parameter Period must be a multiple of 60, for the metrics of %s are kept by the minute.", namespace)
	}
	return time.Duration(n) * time.Second, nil
}

// span reads the time that is asked for, and moves its start to where the points
// of that age begin.
func (s *Service) span(start, end *time.Time, code string) (from, to time.Time, err error) {
	from, to = schema.Deref(start), schema.Deref(end)
	if !from.Before(to) {
		return from, to, invalid(code, "The parameter StartTime must be less than the parameter EndTime.")
	}
	return series.Align(from, s.p.Now()), to, nil
}
