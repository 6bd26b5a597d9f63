package cloudwatch

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/telemetry/series"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const (
	listPage   = 500
	listRecent = 3 * time.Hour       // RecentlyActive
	listAll    = 14 * 24 * time.Hour // what had no values for longer is not listed
)

// ListMetrics implements api.Service.
func (s *Service) ListMetrics(ctx context.Context, in *api.ListMetricsInput) (*api.ListMetricsOutput, error) {
	first, err := readToken(in.NextToken, codeValue)
	if err != nil {
		return nil, err
	}
	out := &api.ListMetricsOutput{Metrics: []api.Metric{}}
	if schema.Deref(in.IncludeLinkedAccounts) {
		return nil, invalid(codeValue, "There are no linked accounts.")
	}
	c := call.From(ctx)
	if space := schema.Deref(in.Namespace); space != "" && space != namespace || in.OwningAccount != nil && *in.OwningAccount != c.Account {
		return out, nil
	}
	age := listAll
	if in.RecentlyActive != "" {
		age = listRecent
	}
	s.flush(ctx)
	keys, err := s.p.Series.Keys(ctx, c.Account, c.Region, s.p.Now().Add(-age))
	if err != nil {
		return nil, err
	}
	matched := 0
	for i := range keys {
		if !listed(&keys[i], in) {
			continue
		}
		if matched++; matched <= first {
			continue
		}
		if len(out.Metrics) == listPage {
			out.NextToken = writeToken(first + listPage)
			break
		}
		out.Metrics = append(out.Metrics, metric(keys[i]))
	}
	return out, nil
}

func listed(k *series.Key, in *api.ListMetricsInput) bool {
	if name := schema.Deref(in.MetricName); name != "" && name != k.Metric.String() {
		return false
	}
	for _, d := range in.Dimensions {
		if schema.Deref(d.Name) != dimension || k.Model == "" || d.Value != nil && *d.Value != k.Model {
			return false
		}
	}
	return true
}

func metric(k series.Key) api.Metric {
	space, name := namespace, k.Metric.String()
	m := api.Metric{Namespace: &space, MetricName: &name, Dimensions: []api.Dimension{}}
	if k.Model != "" {
		of := dimension
		m.Dimensions = append(m.Dimensions, api.Dimension{Name: &of, Value: &k.Model})
	}
	return m
}

// The tokens say how many results came before.
func writeToken(n int) *string {
	token := base64.RawURLEncoding.EncodeToString([]byte("1:" + strconv.Itoa(n)))
	return &token
}

func readToken(token *string, code string) (int, error) {
	if token == nil || *token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*token)
	digits, ok := strings.CutPrefix(string(text), "1:")
	n, bad := strconv.Atoi(digits)
	if err != nil || !ok || bad != nil || n < 0 {
		return 0, invalid(code, "The value for parameter NextToken is invalid.")
	}
	return n, nil
}
