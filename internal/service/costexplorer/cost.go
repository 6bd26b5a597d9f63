package costexplorer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// metrics are what can be asked for. Nobody amortizes or discounts anything
// here: all costs are the same.
func metrics() map[string]bool {
	return map[string]bool{ // true: a cost
		"AmortizedCost": true, "BlendedCost": true, "NetAmortizedCost": true, "NetUnblendedCost": true, "UnblendedCost": true,
		"UsageQuantity": false, "NormalizedUsageAmount": false,
	}
}

// metricsOf checks the names. AWS takes BLENDED_COST and BlendedCost alike.
func metricsOf(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, invalid("Metrics is missing.")
	}
	list := make([]string, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(metricNames(), func(known string) bool {
			return strings.EqualFold(known, strings.ReplaceAll(name, "_", ""))
		})
		if i < 0 {
			return nil, invalid("Invalid metric %s. Valid metrics are %s.", name, strings.Join(metricNames(), ", "))
		}
		list = append(list, metricNames()[i])
	}
	return list, nil
}

func metricNames() []string {
	return []string{"AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "NormalizedUsageAmount", "UnblendedCost", "UsageQuantity"}
}

// measure is a group's values of metrics.
func measure(names []string, cost price.Sum, quantity int64) map[string]api.MetricValue {
	values := make(map[string]api.MetricValue, len(names))
	for _, name := range names {
		amount, unit := strconv.FormatInt(quantity, 10), "N/A"
		switch {
		case metrics()[name]:
			amount, unit = cost.String(), "USD"
		case name == "NormalizedUsageAmount":
			amount = "0" // of instances that there are none of
		}
		values[name] = api.MetricValue{Amount: &amount, Unit: &unit}
	}
	return values
}

// GetCostAndUsage tells costs and quantities by time and group.
func (s *Service) GetCostAndUsage(ctx context.Context, in *api.GetCostAndUsageInput) (*api.GetCostAndUsageOutput, error) {
	r, err := s.report(ctx, in)
	if err != nil {
		return nil, err
	}
	return &api.GetCostAndUsageOutput{
		DimensionValueAttributes: r.attributes, GroupDefinitions: in.GroupBy, NextPageToken: r.next, ResultsByTime: r.results,
	}, nil
}

// GetCostAndUsageWithResources is GetCostAndUsage, which tells resources too.
func (s *Service) GetCostAndUsageWithResources(ctx context.Context, in *api.GetCostAndUsageWithResourcesInput) (*api.GetCostAndUsageWithResourcesOutput, error) {
	same := api.GetCostAndUsageInput(*in)
	r, err := s.report(ctx, &same)
	if err != nil {
		return nil, err
	}
	return &api.GetCostAndUsageWithResourcesOutput{
		DimensionValueAttributes: r.attributes, GroupDefinitions: in.GroupBy, NextPageToken: r.next, ResultsByTime: r.results,
	}, nil
}

type report struct {
	results    []api.ResultByTime
	attributes []api.DimensionValuesWithAttributes
	next       *string
}

// mostGroups is how many groups, or empty times, one page has.
const mostGroups = 1000

func (s *Service) report(ctx context.Context, in *api.GetCostAndUsageInput) (*report, error) {
	from, to, err := period(in.TimePeriod, in.Granularity == api.GranularityHourly)
	if err != nil {
		return nil, err
	}
	names, err := metricsOf(in.Metrics)
	if err != nil {
		return nil, err
	}
	by, ok := map[api.Granularity]ledger.Dimension{
		api.GranularityDaily: ledger.ByDay, api.GranularityMonthly: ledger.ByMonth, api.GranularityHourly: ledger.ByHour,
	}[in.Granularity]
	if !ok {
		return nil, invalid("Granularity %s is invalid. Valid granularities are DAILY, MONTHLY and HOURLY.", in.Granularity)
	}
	q, err := query(ctx, from, to, in.Filter)
	if err != nil {
		return nil, err
	}
	groups, err := groupsOf(in.GroupBy)
	if err != nil {
		return nil, err
	}
	first, err := position(in)
	if err != nil {
		return nil, err
	}
	q.By = []ledger.Dimension{by}
	for _, g := range groups {
		if g.of != "" {
			q.By = append(q.By, g.of)
		}
	}
	rows, err := s.bill.Rows(ctx, q)
	if err != nil {
		return nil, unavailable(err)
	}
	r := &report{}
	seen := 0
	for _, t := range times(from, to, by) {
		n := slices.IndexFunc(rows, func(row ledger.Row) bool { return row.Keys[0] != t.key })
		if n < 0 {
			n = len(rows)
		}
		of := rows[:n]
		rows = rows[n:]
		count := max(1, len(of))
		if len(groups) == 0 {
			count = 1
		}
		begin, end := clamp(first-seen, count), clamp(first+mostGroups-seen, count)
		seen += count
		if begin >= end {
			continue
		}
		r.results = append(r.results, s.result(t, of, groups, names, begin, end))
	}
	if seen > first+mostGroups {
		r.next = token(in, first+mostGroups)
	}
	r.attributes = attributes(in.GroupBy, r.results)
	return r, nil
}

func clamp(n, most int) int { return max(0, min(n, most)) }

// span is the time of one result.
type span struct {
	key        string // as the bill tells it
	start, end time.Time
	layout     string
}

func times(from, to time.Time, by ledger.Dimension) (list []span) {
	for t := from; t.Before(to); {
		s := span{start: t, layout: time.DateOnly}
		switch by {
		case ledger.ByHour:
			s.key, s.end, s.layout = t.Format(hourLayout), t.Add(time.Hour), hourLayout
		case ledger.ByMonth:
			s.key, s.end = t.Format("2006-01"), ledger.Month.Next(t)
		default:
			s.key, s.end = t.Format(time.DateOnly), t.AddDate(0, 0, 1)
		}
		if s.end.After(to) {
			s.end = to
		}
		t = s.end
		list = append(list, s)
	}
	return list
}

// result is what one time has, of its groups those from begin to end.
func (s *Service) result(t span, rows []ledger.Row, groups []group, names []string, begin, end int) api.ResultByTime {
	start, stop := t.start.Format(t.layout), t.end.Format(t.layout)
	estimated := t.end.After(ledger.Month.First(s.now())) // a month can change until it is over
	out := api.ResultByTime{
		Estimated: &estimated, TimePeriod: &api.DateInterval{Start: &start, End: &stop},
		Groups: []api.Group{}, Total: map[string]api.MetricValue{},
	}
	if len(groups) == 0 {
		var cost price.Sum
		var quantity int64
		for _, row := range rows {
			cost = cost.Join(row.Cost)
			quantity += row.Quantity
		}
		out.Total = measure(names, cost, quantity)
		return out
	}
	for _, row := range rows[min(begin, len(rows)):min(end, len(rows))] {
		out.Groups = append(out.Groups, api.Group{Keys: keys(groups, row.Keys[1:]), Metrics: measure(names, row.Cost, row.Quantity)})
	}
	return out
}

// group is one thing that costs are told apart by.
type group struct {
	dimension
	tag string
}

// mostGroupBy is AWS's limit.
const mostGroupBy = 2

func groupsOf(definitions []api.GroupDefinition) ([]group, error) {
	if len(definitions) > mostGroupBy {
		return nil, invalid("GroupBy can have at most %d definitions.", mostGroupBy)
	}
	groups := make([]group, 0, len(definitions))
	for _, d := range definitions {
		key := schema.Deref(d.Key)
		switch d.Type {
		case api.GroupDefinitionTypeDimension, "":
			of, err := dimensionOf(api.Dimension(key))
			if err != nil {
				return nil, err
			}
			groups = append(groups, group{dimension: of})
		case api.GroupDefinitionTypeTag:
			if key == "" {
				return nil, invalid("A group by a tag must have a Key.")
			}
			groups = append(groups, group{dimension: dimension{of: ledger.TagDimension(key)}, tag: key})
		default:
			return nil, invalid("Groups of the type %s are not supported.", d.Type)
		}
	}
	return groups, nil
}

// keys are a group's keys as the service writes them.
func keys(groups []group, values []string) []string {
	list := make([]string, len(groups))
	for i, g := range groups {
		if g.of == "" {
			list[i] = g.constant
			continue
		}
		value := values[0]
		values = values[1:]
		switch {
		case g.tag != "":
			value = g.tag + "$" + value
		case value == "" && g.of == ledger.ByResource:
			value = "NoResourceId"
		case value == "":
			value = "No" + strings.ToUpper(string(g.of[:1])) + string(g.of[1:])
		}
		list[i] = value
	}
	return list
}

// attributes describe the accounts of a result; there is nothing to say of other
// dimensions.
func attributes(definitions []api.GroupDefinition, results []api.ResultByTime) []api.DimensionValuesWithAttributes {
	list := []api.DimensionValuesWithAttributes{}
	for i, d := range definitions {
		if schema.Deref(d.Key) != string(api.DimensionLinkedAccount) || d.Type == api.GroupDefinitionTypeTag {
			continue
		}
		for _, r := range results {
			for _, g := range r.Groups {
				account := g.Keys[i]
				if !slices.ContainsFunc(list, func(v api.DimensionValuesWithAttributes) bool { return *v.Value == account }) {
					list = append(list, api.DimensionValuesWithAttributes{Value: &account, Attributes: map[string]string{"description": account}})
				}
			}
		}
	}
	return list
}

// fingerprint tells one request from another, pages aside.
func fingerprint(in *api.GetCostAndUsageInput) string {
	same := *in
	same.NextPageToken = nil
	text, err := json.Marshal(same)
	if err != nil {
		text = fmt.Append(nil, same)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func token(in *api.GetCostAndUsageInput, next int) *string {
	text := base64.RawURLEncoding.EncodeToString([]byte(fingerprint(in) + ":" + strconv.Itoa(next)))
	return &text
}

// position reads the token of a page.
func position(in *api.GetCostAndUsageInput) (int, error) {
	if in.NextPageToken == nil {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*in.NextPageToken)
	of, number, found := strings.Cut(string(text), ":")
	n, numberErr := strconv.Atoi(number)
	if err != nil || !found || numberErr != nil || n < 0 || n > 1<<40 {
		return 0, fault.New(fault.Invalid, "The pagination token is invalid. Try again without a pagination token.").WithCode("InvalidNextTokenException")
	}
	if of != fingerprint(in) {
		return 0, fault.New(fault.Invalid, "Your request parameters changed between pages. Try again with the old parameters or without a pagination token.").
			WithCode("RequestChangedException")
	}
	return n, nil
}
