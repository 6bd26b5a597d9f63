package bedrockagent

import (
	"context"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// StartIngestionJob queues a sync of a data source.
func (s *Service) StartIngestionJob(ctx context.Context, in *api.StartIngestionJobInput) (*api.StartIngestionJobOutput, error) {
	b, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	// The operator may have changed which models there are since the base was
	// made; a job would only find it after it has listed a bucket.
	if _, err := s.embeddingModel(ctx, b); err != nil {
		return nil, err
	}
	j, _, err := s.registry.StartJob(ctx, knowledge.Job{
		Account: b.Account, Region: b.Region, Base: b.ID, Source: schema.Deref(in.DataSourceId), Description: schema.Deref(in.Description),
	}, token(in.ClientToken))
	if err != nil {
		return nil, err
	}
	return &api.StartIngestionJobOutput{IngestionJob: ingestionJob(j)}, nil
}

// GetIngestionJob describes a job, with its statistics so far.
func (s *Service) GetIngestionJob(ctx context.Context, in *api.GetIngestionJobInput) (*api.GetIngestionJobOutput, error) {
	if _, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	j, err := s.registry.Job(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId), schema.Deref(in.DataSourceId), schema.Deref(in.IngestionJobId))
	if err != nil {
		return nil, err
	}
	return &api.GetIngestionJobOutput{IngestionJob: ingestionJob(j)}, nil
}

// ListIngestionJobs lists the jobs of a data source, unless asked otherwise the
// newest first.
func (s *Service) ListIngestionJobs(ctx context.Context, in *api.ListIngestionJobsInput) (*api.ListIngestionJobsOutput, error) {
	query := registry.JobQuery{Limit: limit(in.MaxResults), After: schema.Deref(in.NextToken)}
	if in.SortBy != nil {
		query.Order = registry.JobOrder(in.SortBy.Attribute)
		query.Ascending = in.SortBy.Order == api.SortOrderAscending
	}
	for _, f := range in.Filters { // the model has one attribute and one operator
		for _, value := range f.Values {
			query.Statuses = append(query.Statuses, knowledge.JobStatus(value))
		}
	}
	c := call.From(ctx)
	list, next, err := s.registry.Jobs(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId), schema.Deref(in.DataSourceId), query)
	if err != nil {
		return nil, err
	}
	out := &api.ListIngestionJobsOutput{IngestionJobSummaries: []api.IngestionJobSummary{}, NextToken: optional(next)}
	for _, j := range list {
		full := ingestionJob(j)
		out.IngestionJobSummaries = append(out.IngestionJobSummaries, api.IngestionJobSummary{
			KnowledgeBaseId: full.KnowledgeBaseId, DataSourceId: full.DataSourceId, IngestionJobId: full.IngestionJobId, Description: full.Description,
			Status: full.Status, Statistics: full.Statistics, StartedAt: full.StartedAt, UpdatedAt: full.UpdatedAt,
		})
	}
	return out, nil
}

// StopIngestionJob asks a job to stop. What it has indexed stays.
func (s *Service) StopIngestionJob(ctx context.Context, in *api.StopIngestionJobInput) (*api.StopIngestionJobOutput, error) {
	if _, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	j, err := s.registry.StopJob(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId), schema.Deref(in.DataSourceId), schema.Deref(in.IngestionJobId))
	if err != nil {
		return nil, err
	}
	return &api.StopIngestionJobOutput{IngestionJob: ingestionJob(j)}, nil
}

// What the service model allows of failure reasons.
const (
	maxReasons      = 2048
	maxReasonLength = 2048 // characters
)

// ingestionJob shows a job. Its statistics are all there from the start.
func ingestionJob(j knowledge.Job) *api.IngestionJob {
	reasons := j.Reasons[:min(len(j.Reasons), maxReasons)]
	for i, reason := range reasons {
		if text := []rune(reason); len(text) > maxReasonLength {
			reasons[i] = string(text[:maxReasonLength])
		}
	}
	n := j.Statistics
	return &api.IngestionJob{
		KnowledgeBaseId: &j.Base, DataSourceId: &j.Source, IngestionJobId: &j.ID, Description: optional(j.Description),
		Status: api.IngestionJobStatus(j.Status), FailureReasons: reasons, StartedAt: moment(j.Started), UpdatedAt: moment(j.Updated),
		Statistics: &api.IngestionJobStatistics{
			NumberOfDocumentsScanned: &n.Scanned, NumberOfMetadataDocumentsScanned: &n.MetadataScanned, NumberOfNewDocumentsIndexed: &n.New,
			NumberOfModifiedDocumentsIndexed: &n.Modified, NumberOfMetadataDocumentsModified: &n.MetadataModified,
			NumberOfDocumentsDeleted: &n.Deleted, NumberOfDocumentsFailed: &n.Failed, NumberOfDocumentsSkipped: &n.Skipped,
		},
	}
}
