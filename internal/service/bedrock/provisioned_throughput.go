package bedrock

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrock"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/provisioned"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Throughput reserves places in models; *provisioned.Registry does.
type Throughput interface {
	Create(ctx context.Context, n provisioned.New) (provisioned.Throughput, error)
	Find(ctx context.Context, account, region, identifier string) (provisioned.Throughput, error)
	List(ctx context.Context, account, region string) ([]provisioned.Throughput, error)
	Rename(ctx context.Context, account, region, identifier, name string) error
	Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error
	Delete(ctx context.Context, account, region, identifier string) error
}

// CreateProvisionedModelThroughput reserves places in a model.
func (s *Service) CreateProvisionedModelThroughput(ctx context.Context, in *api.CreateProvisionedModelThroughputInput) (*api.CreateProvisionedModelThroughputOutput, error) {
	c := call.From(ctx)
	n := provisioned.New{
		Account: c.Account, Region: c.Region, Name: schema.Deref(in.ProvisionedModelName), Model: schema.Deref(in.ModelId),
		Units: int(schema.Deref(in.ModelUnits)), Commitment: provisioned.Commitment(in.CommitmentDuration), Tags: tagMap(in.Tags),
	}
	var err error
	if n.Token, err = token(in.ClientRequestToken, n); err != nil {
		return nil, err
	}
	made, err := s.params.Throughput.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	return &api.CreateProvisionedModelThroughputOutput{ProvisionedModelArn: &made.ARN}, nil
}

// token makes a request repeatable by its digest.
func token(value *string, request any) (store.Token, error) {
	if schema.Deref(value) == "" {
		return store.Token{}, nil
	}
	text, err := json.Marshal(request)
	if err != nil {
		return store.Token{}, fault.Wrap(fault.Internal, err, "digest of a request")
	}
	sum := sha256.Sum256(text)
	return store.Token{Value: *value, Request: hex.EncodeToString(sum[:])}, nil
}

// GetProvisionedModelThroughput describes one, by its ARN, ID or name.
func (s *Service) GetProvisionedModelThroughput(ctx context.Context, in *api.GetProvisionedModelThroughputInput) (*api.GetProvisionedModelThroughputOutput, error) {
	c := call.From(ctx)
	t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, schema.Deref(in.ProvisionedModelId))
	if err != nil {
		return nil, err
	}
	sum := s.throughput(t)
	out := &api.GetProvisionedModelThroughputOutput{
		CommitmentDuration: sum.CommitmentDuration, CommitmentExpirationTime: sum.CommitmentExpirationTime,
		CreationTime: sum.CreationTime, LastModifiedTime: sum.LastModifiedTime, DesiredModelArn: sum.DesiredModelArn,
		DesiredModelUnits: sum.DesiredModelUnits, FoundationModelArn: sum.FoundationModelArn, ModelArn: sum.ModelArn,
		ModelUnits: sum.ModelUnits, ProvisionedModelArn: sum.ProvisionedModelArn, ProvisionedModelName: sum.ProvisionedModelName,
		Status: sum.Status,
	}
	if t.Failure != "" {
		out.FailureMessage = &t.Failure
	}
	return out, nil
}

// ListProvisionedModelThroughputs lists those of the account in the region.
func (s *Service) ListProvisionedModelThroughputs(ctx context.Context, in *api.ListProvisionedModelThroughputsInput) (*api.ListProvisionedModelThroughputsOutput, error) {
	c := call.From(ctx)
	after, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := s.params.Throughput.List(ctx, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	// Of those that were made at the same time, the ID decides.
	slices.SortStableFunc(all, func(a, b provisioned.Throughput) int {
		order := cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
		if in.SortOrder != api.SortOrderAscending {
			order = -order
		}
		return order
	})
	if after != "" {
		i := slices.IndexFunc(all, func(t provisioned.Throughput) bool { return t.ID == after })
		if i < 0 {
			return nil, fault.New(fault.Invalid, "The provided pagination token is invalid. Start again without one.")
		}
		all = all[i+1:]
	}
	limit := maxProfiles
	if in.MaxResults != nil {
		limit = min(max(int(*in.MaxResults), 1), maxProfiles)
	}
	out := &api.ListProvisionedModelThroughputsOutput{ProvisionedModelSummaries: []api.ProvisionedModelSummary{}}
	last := ""
	for _, t := range all {
		if !wanted(in, &t) {
			continue
		}
		if len(out.ProvisionedModelSummaries) == limit {
			out.NextToken = new(writeToken(last))
			break
		}
		out.ProvisionedModelSummaries = append(out.ProvisionedModelSummaries, s.throughput(t))
		last = t.ID
	}
	return out, nil
}

func wanted(in *api.ListProvisionedModelThroughputsInput, t *provisioned.Throughput) bool {
	return (in.CreationTimeAfter == nil || t.Created.After(*in.CreationTimeAfter)) &&
		(in.CreationTimeBefore == nil || t.Created.Before(*in.CreationTimeBefore)) &&
		(in.ModelArnEquals == nil || *in.ModelArnEquals == t.ModelARN) &&
		(in.StatusEquals == "" || api.ProvisionedModelStatus(t.Status) == in.StatusEquals) &&
		strings.Contains(t.Name, schema.Deref(in.NameContains))
}

// UpdateProvisionedModelThroughput gives it another name. Its model can be
// exchanged for a customized one, on AWS; there are none here.
func (s *Service) UpdateProvisionedModelThroughput(ctx context.Context, in *api.UpdateProvisionedModelThroughputInput) (*api.UpdateProvisionedModelThroughputOutput, error) {
	c := call.From(ctx)
	identifier := schema.Deref(in.ProvisionedModelId)
	t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, identifier)
	if err != nil {
		return nil, err
	}
	if in.DesiredModelId == nil && in.DesiredProvisionedModelName == nil {
		return nil, fault.New(fault.Invalid, "You must provide a desiredProvisionedModelName or a desiredModelId.")
	}
	if id := catalog.Parse(schema.Deref(in.DesiredModelId)); in.DesiredModelId != nil && id.Name != t.ModelID && *in.DesiredModelId != t.ModelARN {
		return nil, fault.New(fault.Invalid, "The model of a Provisioned Throughput for a base model can't be changed.")
	}
	if in.DesiredProvisionedModelName != nil && *in.DesiredProvisionedModelName != t.Name {
		if err := s.params.Throughput.Rename(ctx, c.Account, c.Region, t.ARN, *in.DesiredProvisionedModelName); err != nil {
			return nil, err
		}
	}
	return &api.UpdateProvisionedModelThroughputOutput{}, nil
}

// DeleteProvisionedModelThroughput gives the places back.
func (s *Service) DeleteProvisionedModelThroughput(ctx context.Context, in *api.DeleteProvisionedModelThroughputInput) (*api.DeleteProvisionedModelThroughputOutput, error) {
	c := call.From(ctx)
	t, err := s.params.Throughput.Find(ctx, c.Account, c.Region, schema.Deref(in.ProvisionedModelId))
	if err != nil {
		return nil, err
	}
	if err := s.params.Throughput.Delete(ctx, c.Account, c.Region, schema.Deref(in.ProvisionedModelId)); err != nil {
		return nil, err
	}
	// Its ID never comes again, so a policy that stays hurts nobody.
	if err := s.params.Policies.Delete(ctx, c.Account, c.Region, t.ARN, ""); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return &api.DeleteProvisionedModelThroughputOutput{}, nil
}

func (s *Service) throughput(t provisioned.Throughput) api.ProvisionedModelSummary {
	out := api.ProvisionedModelSummary{
		ProvisionedModelArn: &t.ARN, ProvisionedModelName: &t.Name, Status: api.ProvisionedModelStatus(t.Status),
		ModelArn: &t.ModelARN, DesiredModelArn: &t.ModelARN, FoundationModelArn: new(s.catalog.FoundationModelARN(t.Region, t.ModelID)),
		ModelUnits: new(int32(t.Units)), DesiredModelUnits: new(int32(t.Units)),
		CreationTime: &t.Created, LastModifiedTime: &t.Updated,
		CommitmentDuration: api.CommitmentDuration(t.Commitment),
	}
	if t.Expires != (time.Time{}) {
		out.CommitmentExpirationTime = &t.Expires
	}
	return out
}
