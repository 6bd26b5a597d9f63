package costexplorer_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/service/costexplorer"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const account = "000000000000"

var now = time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)

type nothing struct{}

func (nothing) Lookup(string) (*catalog.Model, bool) { return nil, false }

// a service over a real bill, and a context of its account.
func service(t *testing.T) (*costexplorer.Service, context.Context) {
	t.Helper()
	prices, err := price.New(nothing{}, []price.Override{{Match: "*", InputPer1M: 1, OutputPer1M: 10}})
	if err != nil {
		t.Fatal(err)
	}
	bill, err := ledger.Open(t.Context(), ledger.Params{
		Dir: t.TempDir(), Prices: prices, Now: func() time.Time { return now },
		Metadata: func(input any) map[string]string { return input.(map[string]string) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bill.Close(); err != nil {
			t.Error(err)
		}
	})
	n := 0
	add := func(account, region, model, team string, at time.Time, in, out int) {
		n++
		v := &observe.View{
			Call: &call.Call{
				RequestID: fmt.Sprint(n), Account: account, Region: region, Service: "bedrock-runtime", Operation: "Converse", Start: at,
				Principal: iam.Principal{Type: iam.Root, ARN: "root"},
			},
			Op: &schema.Operation{}, Status: http.StatusOK, Input: map[string]string{},
		}
		if team != "" {
			v.Input = map[string]string{"team": team}
		}
		v.Call.RecordUsage(func(u *call.Usage) { u.Model, u.InputTokens, u.OutputTokens = model, in, out })
		w := bill.Begin(v)
		w.Answer(v, nil)
		w.End(v)
	}
	add(account, "us-east-1", "amazon.nova-lite-v1:0", "blue", now.Add(-40*24*time.Hour), 1, 0) // in February
	add(account, "us-east-1", "amazon.nova-lite-v1:0", "blue", now.Add(-time.Hour), 100, 10)
	add(account, "us-east-1", "amazon.nova-lite-v1:0", "red", now, 200, 20)
	add(account, "eu-west-1", "meta.llama3-8b-instruct-v1:0", "", now, 1000, 0)
	add("111111111111", "us-east-1", "amazon.nova-lite-v1:0", "blue", now, 5000, 0)
	return costexplorer.New(bill, func() time.Time { return now }), call.With(t.Context(), &call.Call{Account: account})
}

func interval(start, end string) *api.DateInterval {
	return &api.DateInterval{Start: &start, End: &end}
}

func by(kind api.GroupDefinitionType, key string) api.GroupDefinition {
	return api.GroupDefinition{Type: kind, Key: &key}
}

// lines are results as text: time, keys, cost and quantity.
func lines(results []api.ResultByTime) (out []string) {
	value := func(m map[string]api.MetricValue) string {
		s := ""
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range m {
				if !yield(name) {
					return
				}
			}
		}) {
			s += " " + *m[name].Amount + " " + *m[name].Unit
		}
		return s
	}
	for _, r := range results {
		head := *r.TimePeriod.Start + ".." + *r.TimePeriod.End
		if len(r.Total) > 0 {
			out = append(out, head+value(r.Total))
		}
		for _, g := range r.Groups {
			out = append(out, head+" "+strings.Join(g.Keys, "|")+value(g.Metrics))
		}
	}
	return out
}

func TestGetCostAndUsage(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	dimension := func(key api.Dimension, values ...string) *api.Expression {
		return &api.Expression{Dimensions: &api.DimensionValues{Key: key, Values: values}}
	}
	team := func(values ...string) *api.Expression {
		key := "team"
		return &api.Expression{Tags: &api.TagValues{Key: &key, Values: values}}
	}
	both := []string{"UnblendedCost", "UsageQuantity"}
	for name, tt := range map[string]struct {
		in   api.GetCostAndUsageInput
		want []string
	}{
		"days": {
			api.GetCostAndUsageInput{TimePeriod: interval("2026-03-29", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both},
			[]string{"2026-03-29..2026-03-30 0 USD 0 N/A", "2026-03-30..2026-03-31 0.0016 USD 1330 N/A"},
		},
		"months, clipped": {
			api.GetCostAndUsageInput{TimePeriod: interval("2026-02-10", "2026-03-31"), Granularity: api.GranularityMonthly, Metrics: []string{"BLENDED_COST"}},
			[]string{"2026-02-10..2026-03-01 0.000001 USD", "2026-03-01..2026-03-31 0.0016 USD"},
		},
		"hours": {
			api.GetCostAndUsageInput{TimePeriod: interval("2026-03-30T11:00:00Z", "2026-03-30T13:00:00Z"), Granularity: api.GranularityHourly, Metrics: both},
			[]string{"2026-03-30T11:00:00Z..2026-03-30T12:00:00Z 0.0002 USD 110 N/A", "2026-03-30T12:00:00Z..2026-03-30T13:00:00Z 0.0014 USD 1220 N/A"},
		},
		"by service and usage type": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both,
				GroupBy: []api.GroupDefinition{by(api.GroupDefinitionTypeDimension, "SERVICE"), by(api.GroupDefinitionTypeDimension, "USAGE_TYPE")},
			},
			[]string{
				"2026-03-30..2026-03-31 Amazon Bedrock|EUW1-meta.llama3-8b-instruct-v1:0-input-tokens 0.001 USD 1000 N/A",
				"2026-03-30..2026-03-31 Amazon Bedrock|USE1-amazon.nova-lite-v1:0-input-tokens 0.0003 USD 300 N/A",
				"2026-03-30..2026-03-31 Amazon Bedrock|USE1-amazon.nova-lite-v1:0-output-tokens 0.0003 USD 30 N/A",
			},
		},
		"by tag and region": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: []string{"NetUnblendedCost"},
				GroupBy: []api.GroupDefinition{by(api.GroupDefinitionTypeTag, "team"), by(api.GroupDefinitionTypeDimension, "REGION")},
			},
			[]string{"2026-03-30..2026-03-31 team$|eu-west-1 0.001 USD", "2026-03-30..2026-03-31 team$blue|us-east-1 0.0002 USD", "2026-03-30..2026-03-31 team$red|us-east-1 0.0004 USD"},
		},
		"filter": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both,
				Filter: &api.Expression{And: []api.Expression{
					{Or: []api.Expression{*team("blue", "red"), *dimension(api.DimensionRegion, "mars")}},
					{Not: dimension(api.DimensionUsageType, "USE1-amazon.nova-lite-v1:0-output-tokens")},
					*dimension(api.DimensionService, "Amazon Bedrock"),
				}},
			},
			[]string{"2026-03-30..2026-03-31 0.0003 USD 300 N/A"},
		},
		"another service": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both,
				Filter: dimension(api.DimensionService, "Amazon Simple Storage Service"),
			},
			[]string{"2026-03-30..2026-03-31 0 USD 0 N/A"},
		},
		"pieces of values, in any case": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both,
				Filter: &api.Expression{Dimensions: &api.DimensionValues{
					Key: api.DimensionUsageType, Values: []string{"EUW1-META.*", "nova-LITE"}, MatchOptions: []api.MatchOption{api.MatchOptionContains, api.MatchOptionCaseInsensitive},
				}},
			},
			[]string{"2026-03-30..2026-03-31 0.0006 USD 330 N/A"},
		},
		"without a tag": {
			api.GetCostAndUsageInput{
				TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: both,
				Filter: &api.Expression{Tags: &api.TagValues{Key: new("team"), MatchOptions: []api.MatchOption{api.MatchOptionAbsent}}},
			},
			[]string{"2026-03-30..2026-03-31 0.001 USD 1000 N/A"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := s.GetCostAndUsage(ctx, &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(out.ResultsByTime)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			last := out.ResultsByTime[len(out.ResultsByTime)-1]
			if !*last.Estimated {
				t.Error("got a final result of a month that is not over")
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	in := &api.GetCostAndUsageInput{
		TimePeriod: interval("2025-09-01", "2026-09-01"), Granularity: api.GranularityHourly, Metrics: []string{"UsageQuantity"},
		GroupBy: []api.GroupDefinition{by(api.GroupDefinitionTypeDimension, "LINKED_ACCOUNT"), by(api.GroupDefinitionTypeTag, "team")},
	}
	var results []api.ResultByTime
	var attributes []api.DimensionValuesWithAttributes
	pages := 0
	for more := true; more; more = in.NextPageToken != nil {
		out, err := s.GetCostAndUsage(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(out.ResultsByTime); n > 1000 {
			t.Errorf("got %d results on a page", n)
		}
		results = append(results, out.ResultsByTime...)
		attributes = append(attributes, out.DimensionValueAttributes...)
		in.NextPageToken = out.NextPageToken
		pages++
	}
	if len(results) != 365*24 || pages != 9 {
		t.Errorf("got %d results on %d pages, want one for every hour", len(results), pages)
	}
	if got := len(lines(results)); got != 4 {
		t.Errorf("got %d groups, want 4: %v", got, lines(results))
	}
	if diff := cmp.Diff([]api.DimensionValuesWithAttributes{{Value: new(account), Attributes: map[string]string{"description": account}}}, attributes[:1]); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	out, err := s.GetCostAndUsage(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	in.NextPageToken, in.Metrics = out.NextPageToken, []string{"BlendedCost"}
	if _, err := s.GetCostAndUsage(ctx, in); fault.As(err).Code != "RequestChangedException" {
		t.Errorf("changed request: got %v", err)
	}
	in.NextPageToken = new("nonsense")
	if _, err := s.GetCostAndUsage(ctx, in); fault.As(err).Code != "InvalidNextTokenException" {
		t.Errorf("no token: got %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	deep := &api.Expression{Not: &api.Expression{}}
	for range 600 {
		deep = &api.Expression{Not: deep}
	}
	good := api.GetCostAndUsageInput{TimePeriod: interval("2026-03-30", "2026-03-31"), Granularity: api.GranularityDaily, Metrics: []string{"UsageQuantity"}}
	for text, change := range map[string]func(in *api.GetCostAndUsageInput){
		"Start date (and hour) should be before end date (and hour)": func(in *api.GetCostAndUsageInput) { in.TimePeriod = interval("2026-03-31", "2026-03-31") },
		"Valid format is: yyyy-MM-dd.":                               func(in *api.GetCostAndUsageInput) { in.TimePeriod = interval("2026-03-30T00:00:00Z", "2026-03-31") },
		"longer than ten years":                                      func(in *api.GetCostAndUsageInput) { in.TimePeriod = interval("0001-01-01", "9999-01-01") },
		"Granularity WEEKLY is invalid":                              func(in *api.GetCostAndUsageInput) { in.Granularity = "WEEKLY" },
		"Invalid metric Cost":                                        func(in *api.GetCostAndUsageInput) { in.Metrics = []string{"Cost"} },
		"Metrics is missing":                                         func(in *api.GetCostAndUsageInput) { in.Metrics = nil },
		"Dimension AZ is not supported": func(in *api.GetCostAndUsageInput) {
			in.GroupBy = []api.GroupDefinition{by(api.GroupDefinitionTypeDimension, "AZ")}
		},
		"at most 2": func(in *api.GetCostAndUsageInput) {
			in.GroupBy = slices.Repeat([]api.GroupDefinition{by(api.GroupDefinitionTypeDimension, "REGION")}, 3)
		},
		"COST_CATEGORY": func(in *api.GetCostAndUsageInput) {
			in.GroupBy = []api.GroupDefinition{by(api.GroupDefinitionTypeCostCategory, "x")}
		},
		"exactly one of":   func(in *api.GetCostAndUsageInput) { in.Filter = &api.Expression{} },
		"more than 500":    func(in *api.GetCostAndUsageInput) { in.Filter = deep },
		"must have Values": func(in *api.GetCostAndUsageInput) { in.Filter = &api.Expression{Tags: &api.TagValues{Key: new("x")}} },
		"match option GREATER": func(in *api.GetCostAndUsageInput) {
			in.Filter = &api.Expression{Tags: &api.TagValues{Key: new("x"), Values: []string{"x"}, MatchOptions: []api.MatchOption{"GREATER_THAN_OR_EQUAL"}}}
		},
	} {
		in := good
		change(&in)
		_, err := s.GetCostAndUsage(ctx, &in)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	s, ctx := service(t)
	values := func(in *api.GetDimensionValuesInput) (list []string) {
		t.Helper()
		in.TimePeriod = interval("2026-01-01", "2026-04-01")
		for more := true; more; more = in.NextPageToken != nil {
			out, err := s.GetDimensionValues(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range out.DimensionValues {
				list = append(list, *v.Value)
			}
			in.NextPageToken = out.NextPageToken
		}
		return list
	}
	for name, tt := range map[string]struct {
		in   api.GetDimensionValuesInput
		want []string
	}{
		"regions":  {api.GetDimensionValuesInput{Dimension: api.DimensionRegion}, []string{"eu-west-1", "us-east-1"}},
		"pages":    {api.GetDimensionValuesInput{Dimension: api.DimensionRegion, MaxResults: new(int32(1))}, []string{"eu-west-1", "us-east-1"}},
		"services": {api.GetDimensionValuesInput{Dimension: api.DimensionService}, []string{"Amazon Bedrock"}},
		"search":   {api.GetDimensionValuesInput{Dimension: api.DimensionUsageType, SearchString: new("LLAMA")}, []string{"EUW1-meta.llama3-8b-instruct-v1:0-input-tokens"}},
		"order": {
			api.GetDimensionValuesInput{Dimension: api.DimensionRegion, SortBy: []api.SortDefinition{{Key: new("UsageQuantity"), SortOrder: api.SortOrderAscending}}},
			[]string{"us-east-1", "eu-west-1"},
		},
	} {
		if diff := cmp.Diff(tt.want, values(&tt.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for key, want := range map[string][]string{"": {"team"}, "team": {"blue", "red"}, "none": {}} {
		out, err := s.GetTags(ctx, &api.GetTagsInput{TimePeriod: interval("2026-01-01", "2026-04-01"), TagKey: &key})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.Tags); diff != "" {
			t.Errorf("tags of %q (-want +got):\n%s", key, diff)
		}
	}
}
