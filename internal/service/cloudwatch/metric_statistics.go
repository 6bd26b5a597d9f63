package cloudwatch

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/cloudwatch"
	"github.com/outcrop/outcrop/internal/telemetry/series"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// maxStatistics is how many datapoints one answer of GetMetricStatistics has.
const maxStatistics = 1440

// GetMetricStatistics implements api.Service.
func (s *Service) GetMetricStatistics(ctx context.Context, in *api.GetMetricStatisticsInput) (*api.GetMetricStatisticsOutput, error) {
	step, err := period(in.Period, codeValue)
	if err != nil {
		return nil, err
	}
	from, to, err := s.span(in.StartTime, in.EndTime, codeValue)
	if err != nil {
		return nil, err
	}
	if len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0 {
		return nil, invalid(codeMissing, "Either the parameter Statistics or the parameter ExtendedStatistics must be specified.")
	}
	if len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0 {
		return nil, invalid(codeCombination, "The parameters Statistics and ExtendedStatistics cannot be specified together.")
	}
	extended := make(map[string]func(*series.Stat) float64, len(in.ExtendedStatistics))
	for _, name := range in.ExtendedStatistics {
		of, ok := statistic(name)
		if !ok || name[0] != 'p' {
			return nil, invalid(codeValue, "The value %s for parameter ExtendedStatistics is not supported. Percentiles such as p99 are.", name)
		}
		extended[name] = of
	}
	if n := (to.Sub(from) + step - 1) / step; n > maxStatistics {
		return nil, invalid(codeCombination, "You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxStatistics)
	}
	out := &api.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []api.Datapoint{}}
	k, ok := key(ctx, schema.Deref(in.Namespace), schema.Deref(in.MetricName), in.Dimensions)
	if !ok || in.Unit != "" && in.Unit != unit(k.Metric) {
		return out, nil
	}
	s.flush(ctx)
	steps, err := s.p.Series.Points(ctx, series.Query{Key: k, Start: from, End: to, Period: step}, s.p.Now())
	if err != nil {
		return nil, err
	}
	for i := range steps {
		out.Datapoints = append(out.Datapoints, datapoint(&steps[i], in.Statistics, extended, unit(k.Metric)))
	}
	return out, nil
}

func datapoint(step *series.Step, names []api.Statistic, extended map[string]func(*series.Stat) float64, u api.StandardUnit) api.Datapoint {
	d := api.Datapoint{Timestamp: &step.Start, Unit: u}
	for _, name := range names {
		of, _ := statistic(string(name)) // the constraints let no other through
		v := of(&step.Stat)
		switch name {
		case api.StatisticSampleCount:
			d.SampleCount = &v
		case api.StatisticSum:
			d.Sum = &v
		case api.StatisticAverage:
			d.Average = &v
		case api.StatisticMinimum:
			d.Minimum = &v
		case api.StatisticMaximum:
			d.Maximum = &v
		}
	}
	for name, of := range extended {
		if d.ExtendedStatistics == nil {
			d.ExtendedStatistics = make(map[string]float64, len(extended))
		}
		d.ExtendedStatistics[name] = of(&step.Stat)
	}
	return d
}
