package client

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
)

// TestCloudWatch reads what one call was counted as, in a region that no other
// test uses.
func TestCloudWatch(t *testing.T) {
	cfg := load(t)
	cfg.Region = "eu-south-1"
	answer, err := bedrockruntime.NewFromConfig(cfg).Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(llama), Messages: user("Hi"), InferenceConfig: maxTokens(3),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := cloudwatch.NewFromConfig(cfg)
	dimensions := []types.Dimension{{Name: aws.String("ModelId"), Value: aws.String(llama)}}
	query := func(id, metric, stat string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String("AWS/Bedrock"), MetricName: &metric, Dimensions: dimensions},
			Period: aws.Int32(3600), Stat: &stat,
		}}
	}
	now := time.Now()
	span := func(queries ...types.MetricDataQuery) *cloudwatch.GetMetricDataInput {
		return &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(now.Add(-30 * time.Minute)), EndTime: aws.Time(now.Add(30 * time.Minute)), MetricDataQueries: queries,
		}
	}
	out, err := client.GetMetricData(t.Context(), span(
		query("calls", "Invocations", "Sum"), query("tokens", "OutputTokenCount", "Sum"), query("latency", "InvocationLatency", "p50"),
		types.MetricDataQuery{Id: aws.String("twice"), Expression: aws.String("calls * 2")},
	))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, r := range out.MetricDataResults {
		if len(r.Values) != 1 || len(r.Timestamps) != 1 || r.StatusCode != types.StatusCodeComplete {
			t.Fatalf("%s: got %+v, want one value", *r.Id, r)
		}
		got[*r.Id] = r.Values[0]
	}
	if got["calls"] != 1 || got["twice"] != 2 || got["tokens"] != float64(*answer.Usage.OutputTokens) || got["latency"] <= 0 {
		t.Errorf("got %v", got)
	}
	statistics, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Bedrock"), MetricName: aws.String("Invocations"), Dimensions: dimensions, Period: aws.Int32(3600),
		StartTime: aws.Time(now.Add(-30 * time.Minute)), EndTime: aws.Time(now.Add(30 * time.Minute)), Statistics: []types.Statistic{types.StatisticSum},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(statistics.Datapoints) != 1 || *statistics.Datapoints[0].Sum != 1 {
		t.Errorf("got %+v", statistics.Datapoints)
	}
	if listed, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("AWS/Bedrock")}); err != nil || len(listed.Metrics) == 0 {
		t.Errorf("got %v, %v", listed, err)
	}
	bad := span(query("m", "Invocations", "Sum"))
	bad.NextToken = aws.String("made up")
	var token *types.InvalidNextToken
	if _, err := client.GetMetricData(t.Context(), bad); !errors.As(err, &token) {
		t.Errorf("got %v, want InvalidNextToken", err)
	}
	var refused smithy.APIError
	if _, err := client.GetMetricData(t.Context(), span(query("m", "Invocations", "tm99"))); !errors.As(err, &refused) || refused.ErrorCode() != "ValidationError" {
		t.Errorf("got %v, want ValidationError", err)
	}
}
