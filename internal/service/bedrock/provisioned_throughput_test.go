package bedrock_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/service/bedrock"
)

// sold are provisioned throughputs in memory.
type sold struct {
	list  []provisioned.Throughput
	asked []provisioned.New
}

func (s *sold) Create(_ context.Context, n provisioned.New) (provisioned.Throughput, error) {
	s.asked = append(s.asked, n)
	return provisioned.Throughput{ARN: "arn:" + n.Name}, nil
}

func (s *sold) Find(_ context.Context, _, _, identifier string) (provisioned.Throughput, error) {
	i := slices.IndexFunc(s.list, func(t provisioned.Throughput) bool { return t.ARN == identifier || t.Name == identifier })
	if i < 0 {
		return provisioned.Throughput{}, fault.New(fault.NotFound, "none")
	}
	return s.list[i], nil
}

func (s *sold) List(context.Context, string, string) ([]provisioned.Throughput, error) {
	return slices.Clone(s.list), nil
}

func (s *sold) Rename(context.Context, string, string, string, string) error { return nil }

func (s *sold) Tag(context.Context, string, string, string, map[string]string, []string) error {
	return nil
}

func (s *sold) Delete(context.Context, string, string, string) error { return nil }

func newSold(t *testing.T) (*bedrock.Service, *sold, context.Context) {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &sold{}
	for i := range 5 {
		made := time.Date(2026, 11, 20, 12, i/2, 0, 0, time.UTC) // two of them at a time
		s.list = append(s.list, provisioned.Throughput{
			ID: fmt.Sprintf("id%d", i), ARN: fmt.Sprintf("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/id%d", i),
			Region: "us-east-1", Name: fmt.Sprintf("name-%d", i), ModelID: sonnet, ModelARN: "arn:model", Units: 1, Status: provisioned.InService,
			Created: made, Updated: made,
		})
	}
	s.list[3].Status, s.list[3].Failure = provisioned.Failed, "no places"
	return bedrock.New(c, models{c}, bedrock.Params{Throughput: s}), s, in(t.Context(), "us-east-1")
}

func TestListProvisionedModelThroughputs(t *testing.T) {
	t.Parallel()
	s, all, ctx := newSold(t)
	for name, tt := range map[string]struct {
		in   api.ListProvisionedModelThroughputsInput
		want []string
	}{
		"newest first": {api.ListProvisionedModelThroughputsInput{}, []string{"name-4", "name-3", "name-2", "name-1", "name-0"}},
		"oldest first": {api.ListProvisionedModelThroughputsInput{SortOrder: api.SortOrderAscending}, []string{"name-0", "name-1", "name-2", "name-3", "name-4"}},
		"by status":    {api.ListProvisionedModelThroughputsInput{StatusEquals: api.ProvisionedModelStatusFailed}, []string{"name-3"}},
		"by name":      {api.ListProvisionedModelThroughputsInput{NameContains: new("-1")}, []string{"name-1"}},
		"by model":     {api.ListProvisionedModelThroughputsInput{ModelArnEquals: new("arn:other")}, nil},
		"by time": {api.ListProvisionedModelThroughputsInput{
			CreationTimeAfter: &all.list[0].Created, CreationTimeBefore: &all.list[4].Created,
		}, []string{"name-3", "name-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			query := tt.in
			query.MaxResults = new(int32(2))
			for {
				out, err := s.ListProvisionedModelThroughputs(ctx, &query)
				if err != nil || len(out.ProvisionedModelSummaries) > 2 {
					t.Fatalf("got a page of %d, %v", len(out.ProvisionedModelSummaries), err)
				}
				for _, sum := range out.ProvisionedModelSummaries {
					got = append(got, *sum.ProvisionedModelName)
				}
				if query.NextToken = out.NextToken; out.NextToken == nil {
					break
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	for _, token := range []string{"x", "MTpub25l"} {
		if _, err := s.ListProvisionedModelThroughputs(ctx, &api.ListProvisionedModelThroughputsInput{NextToken: &token}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the token %s: got %v", token, err)
		}
	}
}

func TestProvisionedModelThroughput(t *testing.T) {
	t.Parallel()
	s, all, ctx := newSold(t)
	for range 2 {
		made, err := s.CreateProvisionedModelThroughput(ctx, &api.CreateProvisionedModelThroughputInput{
			ModelId: new(sonnet), ModelUnits: new(int32(2)), ProvisionedModelName: new("mine"), ClientRequestToken: new("token"),
			CommitmentDuration: api.CommitmentDurationSixMonths, Tags: []api.Tag{{Key: new("a"), Value: new("b")}},
		})
		if err != nil || *made.ProvisionedModelArn != "arn:mine" {
			t.Fatalf("got %v, %v", made, err)
		}
	}
	if a, b := all.asked[0], all.asked[1]; a.Token != b.Token || a.Token.Request == "" || a.Units != 2 || a.Commitment != provisioned.SixMonths || a.Tags["a"] != "b" {
		t.Errorf("got %+v and %+v", a, b)
	}
	failed, err := s.GetProvisionedModelThroughput(ctx, &api.GetProvisionedModelThroughputInput{ProvisionedModelId: new("name-3")})
	if err != nil || failed.Status != api.ProvisionedModelStatusFailed || *failed.FailureMessage != "no places" || failed.CommitmentExpirationTime != nil {
		t.Errorf("got %+v, %v", failed, err)
	}
	update := func(model, name *string) error {
		_, err := s.UpdateProvisionedModelThroughput(ctx, &api.UpdateProvisionedModelThroughputInput{
			ProvisionedModelId: new("name-0"), DesiredModelId: model, DesiredProvisionedModelName: name,
		})
		return err
	}
	for name, err := range map[string]error{"the same model": update(new(sonnet), nil), "a name": update(nil, new("x"))} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{"nothing": update(nil, nil), "another model": update(new("amazon.nova-lite-v1:0"), nil)} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, arn := range []string{"x", "arn:aws:bedrock:us-east-1:123456789012:custom-model/x", "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/none"} {
		if _, err := s.ListTagsForResource(ctx, &api.ListTagsForResourceInput{ResourceARN: &arn}); !fault.Is(err, fault.NotFound) || fault.As(err).Fields["resourceName"] != arn {
			t.Errorf("tags of %s: got %v", arn, err)
		}
	}
}
