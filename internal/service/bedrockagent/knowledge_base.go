package bedrockagent

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// baseConfig is what the API shows of a base and nobody else needs: the Config
// of a knowledge.Base.
type baseConfig struct {
	base    *api.KnowledgeBaseConfiguration
	storage *api.StorageConfiguration
}

// CreateKnowledgeBase adds a base. It is ACTIVE at once: its index is made with
// the first document. The role is kept and not used, as there is nobody to
// assume it from.
func (s *Service) CreateKnowledgeBase(ctx context.Context, in *api.CreateKnowledgeBaseInput) (*api.CreateKnowledgeBaseOutput, error) {
	c := call.From(ctx)
	b := knowledge.Base{
		Account: c.Account, Region: c.Region, Name: schema.Deref(in.Name), Description: schema.Deref(in.Description),
		RoleARN: schema.Deref(in.RoleArn), Tags: in.Tags,
	}
	if err := checkStorage(in.StorageConfiguration); err != nil {
		return nil, err
	}
	if err := setModel(&b, in.KnowledgeBaseConfiguration); err != nil {
		return nil, err
	}
	if err := s.checkModel(ctx, b); err != nil {
		return nil, err
	}
	var err error
	if b.Config, err = encodeBase(baseConfig{in.KnowledgeBaseConfiguration, in.StorageConfiguration}); err != nil {
		return nil, err
	}
	if b, _, err = s.registry.CreateBase(ctx, b, token(in.ClientToken)); err != nil {
		return nil, err
	}
	out, err := s.knowledgeBase(b)
	return &api.CreateKnowledgeBaseOutput{KnowledgeBase: out}, err
}

// token makes a request repeatable. AWS ignores a request whose token it has
// seen, whatever else is in it, and answers with what the first one made.
func token(clientToken *string) store.Token { return store.Token{Value: schema.Deref(clientToken)} }

// checkStorage refuses the stores that there are no adapters for.
func checkStorage(storage *api.StorageConfiguration) error {
	if storage == nil || storage.Type == api.KnowledgeBaseStorageTypeS3Vectors {
		return nil
	}
	return unsupported("The knowledge base storage configuration provided is invalid... Outcrop does not support the storage type %s. Use S3_VECTORS or leave storageConfiguration out: both mean the index that is embedded in Outcrop.", storage.Type)
}

// setModel reads which embedding model a base uses.
func setModel(b *knowledge.Base, config *api.KnowledgeBaseConfiguration) error {
	if config == nil {
		return invalid("The knowledge base configuration is required.")
	}
	if config.Type != api.KnowledgeBaseTypeVector {
		return unsupported("Outcrop does not support knowledge bases of the type %s. Use VECTOR.", config.Type)
	}
	vector := config.VectorKnowledgeBaseConfiguration
	if vector == nil {
		return invalid("The knowledge base configuration provided is invalid. A knowledge base of the type VECTOR needs a vectorKnowledgeBaseConfiguration.")
	}
	b.EmbeddingModel = schema.Deref(vector.EmbeddingModelArn)
	var details api.BedrockEmbeddingModelConfiguration
	if c := vector.EmbeddingModelConfiguration; c != nil && c.BedrockEmbeddingModelConfiguration != nil {
		details = *c.BedrockEmbeddingModelConfiguration
	}
	switch {
	case len(details.Audio) > 0 || len(details.Video) > 0:
		return unsupported("Outcrop does not support knowledge bases of audio or video. Leave audio and video out of bedrockEmbeddingModelConfiguration.")
	case len(details.ModelConfiguration) > 0 && string(details.ModelConfiguration) != "null":
		return unsupported("Outcrop does not support modelConfiguration of an embedding model. Leave it out of bedrockEmbeddingModelConfiguration.")
	}
	b.Dimensions = int(schema.Deref(details.Dimensions))
	b.Binary = details.EmbeddingDataType == api.EmbeddingDataTypeBinary
	return nil
}

// checkModel checks that there is a model that makes vectors as the base asks
// for them.
func (s *Service) checkModel(ctx context.Context, b knowledge.Base) error {
	m, err := s.embeddingModel(ctx, b)
	if err != nil {
		return err
	}
	if b.Dimensions != 0 && len(m.Dimensions) > 0 && !slices.Contains(m.Dimensions, b.Dimensions) {
		return invalid("The dimensions provided for the embedding model %s are invalid: %d. It supports %s.", b.EmbeddingModel, b.Dimensions, numbers(m.Dimensions))
	}
	if b.Binary && !makesBinary(m) {
		return invalid("The embeddingDataType provided is invalid: the embedding model %s does not support BINARY. Use FLOAT32.", b.EmbeddingModel)
	}
	return nil
}

// embeddingModel finds the model of a base. AWS tells of every model that cannot
// be called as if the base's role could not.
func (s *Service) embeddingModel(ctx context.Context, b knowledge.Base) (*catalog.Model, error) {
	target, err := s.models.Resolve(ctx, b.EmbeddingModel, b.Region, b.Account, catalog.Embedding)
	if err == nil {
		return target.Entry, nil
	}
	switch f := fault.As(err); f.Kind {
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Unsupported:
		return nil, fault.Wrap(fault.Invalid, err, "Knowledge base role %s is not able to call specified bedrock embedding model %s: %s", b.RoleARN, b.EmbeddingModel, f.Message)
	default:
		return nil, err
	}
}

// numbers joins numbers with commas.
func numbers(list []int) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}

// makesBinary reports whether a model's own format has binary vectors. Of a
// model that Bedrock does not have, nothing is known that would forbid them.
func makesBinary(m *catalog.Model) bool {
	switch m.NativeFormat {
	case "", "titan-embed-v2", "cohere-embed-v3", "cohere-embed-v4":
		return true
	}
	return false
}

// GetKnowledgeBase describes a base.
func (s *Service) GetKnowledgeBase(ctx context.Context, in *api.GetKnowledgeBaseInput) (*api.GetKnowledgeBaseOutput, error) {
	b, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	out, err := s.knowledgeBase(b)
	return &api.GetKnowledgeBaseOutput{KnowledgeBase: out}, err
}

// ListKnowledgeBases lists the bases in the order of their creation.
func (s *Service) ListKnowledgeBases(ctx context.Context, in *api.ListKnowledgeBasesInput) (*api.ListKnowledgeBasesOutput, error) {
	c := call.From(ctx)
	list, next, err := s.registry.Bases(ctx, c.Account, c.Region, limit(in.MaxResults), schema.Deref(in.NextToken))
	if err != nil {
		return nil, err
	}
	out := &api.ListKnowledgeBasesOutput{KnowledgeBaseSummaries: []api.KnowledgeBaseSummary{}, NextToken: optional(next)}
	for _, b := range list {
		out.KnowledgeBaseSummaries = append(out.KnowledgeBaseSummaries, api.KnowledgeBaseSummary{
			KnowledgeBaseId: &b.ID, Name: &b.Name, Description: optional(b.Description), Status: api.KnowledgeBaseStatus(b.Status), UpdatedAt: &b.Updated,
		})
	}
	return out, nil
}

// UpdateKnowledgeBase changes name, description and role. The model and the
// storage stay what they were: vectors of one model say nothing to another.
func (s *Service) UpdateKnowledgeBase(ctx context.Context, in *api.UpdateKnowledgeBaseInput) (*api.UpdateKnowledgeBaseOutput, error) {
	b, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	if b.Status != knowledge.BaseActive {
		return nil, fault.New(fault.Conflict, "Knowledge Base with id %s is in status %s. Only an ACTIVE Knowledge Base can be updated.", b.ID, b.Status)
	}
	config, err := configOf(b)
	if err != nil {
		return nil, err
	}
	var changed knowledge.Base
	switch err := setModel(&changed, in.KnowledgeBaseConfiguration); {
	case err != nil:
		return nil, err
	case changed.EmbeddingModel != b.EmbeddingModel || changed.Dimensions != b.Dimensions || changed.Binary != b.Binary:
		return nil, invalid("The embedding model of a knowledge base, its dimensions and its data type cannot be changed. Create another knowledge base.")
	case in.StorageConfiguration != nil && !reflect.DeepEqual(in.StorageConfiguration, config.storage):
		return nil, invalid("The storage configuration of a knowledge base cannot be changed. Create another knowledge base.")
	case len(in.MetadataConfigurations) > 0:
		return nil, unsupported("Outcrop does not support metadataConfigurations. All metadata can be searched.")
	}
	config.base = in.KnowledgeBaseConfiguration
	if b.Config, err = encodeBase(config); err != nil {
		return nil, err
	}
	b.Name, b.Description, b.RoleARN = schema.Deref(in.Name), schema.Deref(in.Description), schema.Deref(in.RoleArn)
	if b, err = s.registry.UpdateBase(ctx, b); err != nil {
		return nil, err
	}
	out, err := s.knowledgeBase(b)
	return &api.UpdateKnowledgeBaseOutput{KnowledgeBase: out}, err
}

// DeleteKnowledgeBase makes a base DELETING, with its data sources and all that
// is indexed of them. A worker does the rest.
func (s *Service) DeleteKnowledgeBase(ctx context.Context, in *api.DeleteKnowledgeBaseInput) (*api.DeleteKnowledgeBaseOutput, error) {
	c := call.From(ctx)
	b, err := s.registry.DeleteBase(ctx, c.Account, c.Region, schema.Deref(in.KnowledgeBaseId))
	if err != nil {
		return nil, err
	}
	// Its ID never comes again, so a policy that stays hurts nobody.
	if err := s.policies.Delete(ctx, b.Account, b.Region, s.arn(b), ""); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return &api.DeleteKnowledgeBaseOutput{KnowledgeBaseId: &b.ID, Status: api.KnowledgeBaseStatus(b.Status)}, nil
}

// knowledgeBase shows a base.
func (s *Service) knowledgeBase(b knowledge.Base) (*api.KnowledgeBase, error) {
	config, err := configOf(b)
	if err != nil {
		return nil, err
	}
	arn := s.arn(b)
	return &api.KnowledgeBase{
		KnowledgeBaseId: &b.ID, KnowledgeBaseArn: &arn, Name: &b.Name, Description: optional(b.Description), RoleArn: &b.RoleARN,
		KnowledgeBaseConfiguration: config.base, StorageConfiguration: config.storage,
		Status: api.KnowledgeBaseStatus(b.Status), FailureReasons: b.Reasons, CreatedAt: &b.Created, UpdatedAt: &b.Updated,
	}, nil
}

// encodeBase writes what configOf reads.
func encodeBase(c baseConfig) ([]byte, error) {
	return encodeConfig("GetKnowledgeBase", "knowledgeBase", &api.GetKnowledgeBaseOutput{
		KnowledgeBase: &api.KnowledgeBase{KnowledgeBaseConfiguration: c.base, StorageConfiguration: c.storage},
	})
}

// configOf reads what CreateKnowledgeBase kept. A base that was made otherwise
// is described by what is known of it.
func configOf(b knowledge.Base) (baseConfig, error) {
	if len(b.Config) > 0 {
		in, err := decodeConfig[api.CreateKnowledgeBaseInput]("CreateKnowledgeBase", b.Config)
		if err != nil {
			return baseConfig{}, fmt.Errorf("configuration of the knowledge base %s: %w", b.ID, err)
		}
		return baseConfig{in.KnowledgeBaseConfiguration, in.StorageConfiguration}, nil
	}
	vector := &api.VectorKnowledgeBaseConfiguration{EmbeddingModelArn: &b.EmbeddingModel}
	if b.Dimensions > 0 || b.Binary {
		dimensions := int32(b.Dimensions)
		details := &api.BedrockEmbeddingModelConfiguration{Dimensions: optional(dimensions), EmbeddingDataType: api.EmbeddingDataTypeFloat32}
		if b.Binary {
			details.EmbeddingDataType = api.EmbeddingDataTypeBinary
		}
		vector.EmbeddingModelConfiguration = &api.EmbeddingModelConfiguration{BedrockEmbeddingModelConfiguration: details}
	}
	return baseConfig{base: &api.KnowledgeBaseConfiguration{Type: api.KnowledgeBaseTypeVector, VectorKnowledgeBaseConfiguration: vector}}, nil
}

func (s *Service) arn(b knowledge.Base) string {
	return fmt.Sprintf("arn:%s:bedrock:%s:%s:knowledge-base/%s", s.catalog.Partition(b.Region), b.Region, b.Account, b.ID)
}
