package costexplorer

import (
	"context"
	"slices"
	"strconv"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// GetDimensionValues lists the values of a dimension that something was used
// under.
func (s *Service) GetDimensionValues(ctx context.Context, in *api.GetDimensionValuesInput) (*api.GetDimensionValuesOutput, error) {
	d, err := dimensionOf(in.Dimension)
	if err != nil {
		return nil, err
	}
	of := d.of
	if of == "" {
		of = ledger.ByService // all of them have the same value
	}
	list, err := s.values(ctx, in.TimePeriod, in.Filter, in.SortBy, of)
	if err != nil {
		return nil, err
	}
	if d.of == "" {
		list = list[:min(1, len(list))]
		for i := range list {
			list[i] = d.constant
		}
	}
	list = search(list, in.SearchString)
	out := &api.GetDimensionValuesOutput{DimensionValues: []api.DimensionValuesWithAttributes{}, TotalSize: new(int32(len(list)))}
	part, next, err := page(list, in.MaxResults, in.NextPageToken)
	if err != nil {
		return nil, err
	}
	out.NextPageToken = next
	for _, v := range part {
		value := api.DimensionValuesWithAttributes{Value: new(v), Attributes: map[string]string{}}
		if in.Dimension == api.DimensionLinkedAccount {
			value.Attributes["description"] = v
		}
		out.DimensionValues = append(out.DimensionValues, value)
	}
	out.ReturnSize = new(int32(len(out.DimensionValues)))
	return out, nil
}

// GetTags lists the keys of tags, or the values of one.
func (s *Service) GetTags(ctx context.Context, in *api.GetTagsInput) (*api.GetTagsOutput, error) {
	var list []string
	var err error
	if key := schema.Deref(in.TagKey); key != "" {
		list, err = s.values(ctx, in.TimePeriod, in.Filter, in.SortBy, ledger.TagDimension(key))
	} else {
		list, err = s.tagKeys(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	list = search(list, in.SearchString)
	part, next, err := page(list, in.MaxResults, in.NextPageToken)
	if err != nil {
		return nil, err
	}
	return &api.GetTagsOutput{Tags: part, NextPageToken: next, ReturnSize: new(int32(len(part))), TotalSize: new(int32(len(list)))}, nil
}

func (s *Service) tagKeys(ctx context.Context, in *api.GetTagsInput) ([]string, error) {
	from, to, err := period(in.TimePeriod, false)
	if err != nil {
		return nil, err
	}
	q, err := query(ctx, from, to, in.Filter)
	if err != nil {
		return nil, err
	}
	list, err := s.bill.TagKeys(ctx, q)
	if err != nil {
		return nil, unavailable(err)
	}
	if list == nil {
		list = []string{}
	}
	return list, nil
}

// values are those of a dimension, in their order or that of a metric.
func (s *Service) values(ctx context.Context, p *api.DateInterval, filter *api.Expression, order []api.SortDefinition, of ledger.Dimension) ([]string, error) {
	from, to, err := period(p, false)
	if err != nil {
		return nil, err
	}
	q, err := query(ctx, from, to, filter)
	if err != nil {
		return nil, err
	}
	q.By = []ledger.Dimension{of}
	rows, err := s.bill.Rows(ctx, q)
	if err != nil {
		return nil, unavailable(err)
	}
	if err := sortRows(rows, order); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(rows))
	for _, row := range rows {
		if row.Keys[0] != "" {
			list = append(list, row.Keys[0])
		}
	}
	return list, nil
}

func sortRows(rows []ledger.Row, order []api.SortDefinition) error {
	if len(order) == 0 {
		return nil
	}
	names, err := metricsOf([]string{schema.Deref(order[0].Key)})
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b ledger.Row) int {
		n := a.Cost.Rounded() - b.Cost.Rounded()
		if !metrics()[names[0]] {
			n = a.Quantity - b.Quantity
		}
		if order[0].SortOrder == api.SortOrderDescending {
			n = -n
		}
		return int(max(-1, min(1, n)))
	})
	return nil
}

func search(list []string, text *string) []string {
	if schema.Deref(text) == "" {
		return list
	}
	want := strings.ToLower(*text)
	return slices.DeleteFunc(list, func(v string) bool { return !strings.Contains(strings.ToLower(v), want) })
}

// page is a part of a list. Its token is the place where the next part begins.
func page(list []string, size *int32, token *string) (part []string, next *string, err error) {
	from := 0
	if token != nil {
		if from, err = strconv.Atoi(*token); err != nil || from < 0 {
			return nil, nil, fault.New(fault.Invalid, "The pagination token is invalid. Try again without a pagination token.").WithCode("InvalidNextTokenException")
		}
	}
	part = list[min(from, len(list)):]
	if size != nil && *size > 0 && int(*size) < len(part) {
		part = part[:*size]
		next = new(strconv.Itoa(from + len(part)))
	}
	return part, next, nil
}
