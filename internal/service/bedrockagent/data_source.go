package bedrockagent

import (
	"context"
	"fmt"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// sourceConfig is what the API shows of a data source and nobody else needs: the
// Config of a knowledge.DataSource.
type sourceConfig struct {
	source    *api.DataSourceConfiguration
	ingestion *api.VectorIngestionConfiguration
}

// CreateDataSource adds a data source to a base. It reads nothing: whether the
// bucket exists is found by the first sync.
func (s *Service) CreateDataSource(ctx context.Context, in *api.CreateDataSourceInput) (*api.CreateDataSourceOutput, error) {
	c := call.From(ctx)
	ds := knowledge.DataSource{
		Account: c.Account, Region: c.Region, Base: schema.Deref(in.KnowledgeBaseId), Name: schema.Deref(in.Name),
		Description: schema.Deref(in.Description), Retain: in.DataDeletionPolicy == api.DataDeletionPolicyRetain,
	}
	if _, err := s.base(ctx, in.KnowledgeBaseId); err != nil {
		return nil, err
	}
	if err := checkEncryption(in.ServerSideEncryptionConfiguration); err != nil {
		return nil, err
	}
	if err := setOrigin(&ds, in.DataSourceConfiguration); err != nil {
		return nil, err
	}
	var err error
	if ds.Chunking, err = chunkingOf(in.VectorIngestionConfiguration); err != nil {
		return nil, err
	}
	if ds.Config, err = encodeSource(sourceConfig{in.DataSourceConfiguration, in.VectorIngestionConfiguration}); err != nil {
		return nil, err
	}
	if ds, _, err = s.registry.CreateSource(ctx, ds, token(in.ClientToken)); err != nil {
		return nil, err
	}
	out, err := dataSource(ds)
	return &api.CreateDataSourceOutput{DataSource: out}, err
}

// checkEncryption refuses keys of a service that there is not: data would be
// kept without them, and nobody would know.
func checkEncryption(c *api.ServerSideEncryptionConfiguration) error {
	if c != nil && c.KmsKeyArn != nil {
		return unsupported("Outcrop does not encrypt data with keys of AWS KMS. Leave serverSideEncryptionConfiguration out.")
	}
	return nil
}

// setOrigin reads where the documents come from.
func setOrigin(ds *knowledge.DataSource, config *api.DataSourceConfiguration) error {
	if config == nil {
		return invalid("The data source configuration is required.")
	}
	if given := configured(config); given != "" && given != config.Type {
		return invalid("The data source configuration provided is invalid. A data source of the type %s has no configuration of the type %s.", config.Type, given)
	}
	switch config.Type {
	case api.DataSourceTypeS3:
		s3 := config.S3Configuration
		if s3 == nil {
			return invalid("The data source configuration provided is invalid. A data source of the type S3 needs an s3Configuration.")
		}
		arn := schema.Deref(s3.BucketArn)
		ds.Kind, ds.Bucket = knowledge.S3, arn[strings.LastIndex(arn, ":")+1:]
		ds.BucketOwner, ds.Prefixes = schema.Deref(s3.BucketOwnerAccountId), s3.InclusionPrefixes
	case api.DataSourceTypeCustom:
		ds.Kind = knowledge.Custom
	default:
		return unsupported("Outcrop does not support data sources of the type %s. Use S3, or CUSTOM and give it documents with IngestKnowledgeBaseDocuments.", config.Type)
	}
	return nil
}

// configured tells for which type there is a configuration; empty for none.
func configured(c *api.DataSourceConfiguration) api.DataSourceType {
	switch {
	case c.S3Configuration != nil:
		return api.DataSourceTypeS3
	case c.WebConfiguration != nil:
		return api.DataSourceTypeWeb
	case c.ConfluenceConfiguration != nil:
		return api.DataSourceTypeConfluence
	case c.SalesforceConfiguration != nil:
		return api.DataSourceTypeSalesforce
	case c.SharePointConfiguration != nil:
		return api.DataSourceTypeSharepoint
	}
	return ""
}

// GetDataSource describes a data source.
func (s *Service) GetDataSource(ctx context.Context, in *api.GetDataSourceInput) (*api.GetDataSourceOutput, error) {
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	out, err := dataSource(ds)
	return &api.GetDataSourceOutput{DataSource: out}, err
}

// ListDataSources lists the data sources of a base in the order of their
// creation.
func (s *Service) ListDataSources(ctx context.Context, in *api.ListDataSourcesInput) (*api.ListDataSourcesOutput, error) {
	c := call.From(ctx)
	list, next, err := s.registry.Sources(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId), limit(in.MaxResults), schema.Deref(in.NextToken))
	if err != nil {
		return nil, err
	}
	out := &api.ListDataSourcesOutput{DataSourceSummaries: []api.DataSourceSummary{}, NextToken: optional(next)}
	for _, ds := range list {
		out.DataSourceSummaries = append(out.DataSourceSummaries, api.DataSourceSummary{
			KnowledgeBaseId: &ds.Base, DataSourceId: &ds.ID, Name: &ds.Name, Description: optional(ds.Description),
			Status: api.DataSourceStatus(ds.Status), UpdatedAt: &ds.Updated,
		})
	}
	return out, nil
}

// UpdateDataSource changes all but the type and how documents are cut. What is
// indexed follows with the next sync.
func (s *Service) UpdateDataSource(ctx context.Context, in *api.UpdateDataSourceInput) (*api.UpdateDataSourceOutput, error) {
	ds, err := s.source(ctx, in.KnowledgeBaseId, in.DataSourceId)
	if err != nil {
		return nil, err
	}
	if ds.Status != knowledge.SourceAvailable {
		return nil, fault.New(fault.Conflict, "DataSource with id %s in KnowledgeBase with id %s is in status %s. Only an AVAILABLE DataSource can be updated.", ds.ID, ds.Base, ds.Status)
	}
	if err := checkEncryption(in.ServerSideEncryptionConfiguration); err != nil {
		return nil, err
	}
	config, err := sourceConfigOf(ds)
	if err != nil {
		return nil, err
	}
	changed := ds
	if err := setOrigin(&changed, in.DataSourceConfiguration); err != nil {
		return nil, err
	}
	if in.DataSourceConfiguration.Type != shownType(ds.Kind) {
		return nil, invalid("The type of a data source cannot be changed. Create another data source.")
	}
	changed.Kind = ds.Kind // a folder stays one
	if in.VectorIngestionConfiguration != nil {
		if changed.Chunking, err = chunkingOf(in.VectorIngestionConfiguration); err != nil {
			return nil, err
		}
		if changed.Chunking != ds.Chunking {
			return nil, invalid("The chunking configuration of a data source cannot be changed after the data source is created. Specify the existing chunkingConfiguration, or create another data source.")
		}
		config.ingestion = in.VectorIngestionConfiguration
	}
	if in.DataDeletionPolicy != "" {
		changed.Retain = in.DataDeletionPolicy == api.DataDeletionPolicyRetain
	}
	config.source = in.DataSourceConfiguration
	if changed.Config, err = encodeSource(config); err != nil {
		return nil, err
	}
	changed.Name = schema.Deref(in.Name)
	if ds.Kind != knowledge.Folder { // whose description is the only place that names it
		changed.Description = schema.Deref(in.Description)
	}
	if ds, err = s.registry.UpdateSource(ctx, changed); err != nil {
		return nil, err
	}
	out, err := dataSource(ds)
	return &api.UpdateDataSourceOutput{DataSource: out}, err
}

// DeleteDataSource makes a data source DELETING. A worker removes what is indexed
// of it, unless its dataDeletionPolicy is RETAIN.
func (s *Service) DeleteDataSource(ctx context.Context, in *api.DeleteDataSourceInput) (*api.DeleteDataSourceOutput, error) {
	if _, err := s.base(ctx, in.KnowledgeBaseId); err != nil {
		return nil, err
	}
	c := call.From(ctx)
	ds, err := s.registry.DeleteSource(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId), schema.Deref(in.DataSourceId))
	if err != nil {
		return nil, err
	}
	return &api.DeleteDataSourceOutput{KnowledgeBaseId: &ds.Base, DataSourceId: &ds.ID, Status: api.DataSourceStatus(ds.Status)}, nil
}

// dataSource shows a data source.
func dataSource(ds knowledge.DataSource) (*api.DataSource, error) {
	config, err := sourceConfigOf(ds)
	if err != nil {
		return nil, err
	}
	policy := api.DataDeletionPolicyDelete
	if ds.Retain {
		policy = api.DataDeletionPolicyRetain
	}
	return &api.DataSource{
		KnowledgeBaseId: &ds.Base, DataSourceId: &ds.ID, Name: &ds.Name, Description: optional(ds.Description),
		DataSourceConfiguration: config.source, VectorIngestionConfiguration: config.ingestion, DataDeletionPolicy: policy,
		Status: api.DataSourceStatus(ds.Status), FailureReasons: ds.Reasons, CreatedAt: &ds.Created, UpdatedAt: &ds.Updated,
	}, nil
}

// encodeSource writes what sourceConfigOf reads.
func encodeSource(c sourceConfig) ([]byte, error) {
	return encodeConfig("GetDataSource", "dataSource", &api.GetDataSourceOutput{
		DataSource: &api.DataSource{DataSourceConfiguration: c.source, VectorIngestionConfiguration: c.ingestion},
	})
}

// sourceConfigOf reads what CreateDataSource kept. A data source that was not
// made by the API (a folder) is described by what is known of it.
func sourceConfigOf(ds knowledge.DataSource) (sourceConfig, error) {
	if len(ds.Config) > 0 {
		in, err := decodeConfig[api.CreateDataSourceInput]("CreateDataSource", ds.Config)
		if err != nil {
			return sourceConfig{}, fmt.Errorf("configuration of the data source %s: %w", ds.ID, err)
		}
		return sourceConfig{in.DataSourceConfiguration, in.VectorIngestionConfiguration}, nil
	}
	config := sourceConfig{source: &api.DataSourceConfiguration{Type: shownType(ds.Kind)}, ingestion: ingestionOf(ds.Chunking)}
	if ds.Kind == knowledge.S3 {
		arn := "arn:aws:s3:::" + ds.Bucket
		config.source.S3Configuration = &api.S3DataSourceConfiguration{
			BucketArn: &arn, BucketOwnerAccountId: optional(ds.BucketOwner), InclusionPrefixes: ds.Prefixes,
		}
	}
	return config, nil
}

// shownType is the API's word for a kind. It has none for a folder.
func shownType(kind knowledge.SourceKind) api.DataSourceType {
	if kind == knowledge.S3 {
		return api.DataSourceTypeS3
	}
	return api.DataSourceTypeCustom
}
