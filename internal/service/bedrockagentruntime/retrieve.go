package bedrockagentruntime

import (
	"context"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// defaultResults is how many results there are when the client does not say.
const defaultResults = 5

// pageBytes is how much text one response has at most. The number of results is
// no page: it is how many there are in all, and clients that follow tokens by
// themselves, as the AWS CLI does, would else read the whole base.
const pageBytes = 4 << 20

// Retrieve finds the chunks of a knowledge base that suit a query.
func (s *Service) Retrieve(ctx context.Context, in *api.RetrieveInput) (*api.RetrieveOutput, error) {
	if err := checkUser(in.UserContext); err != nil {
		return nil, err
	}
	if err := checkGuardrail(in.GuardrailConfiguration); err != nil {
		return nil, err
	}
	text, err := queryText(in.RetrievalQuery)
	if err != nil {
		return nil, err
	}
	search, err := hubSearch(in.RetrievalConfiguration)
	if err != nil {
		return nil, err
	}
	search.Questions = []retrieve.Question{{Text: text}}
	search.Token = schema.Deref(in.NextToken)
	id, err := s.baseID(ctx, schema.Deref(in.KnowledgeBaseId))
	if err != nil {
		return nil, err
	}
	c := call.From(ctx)
	searcher, err := s.p.Retriever.Open(ctx, c.Account, c.Region, id)
	if err != nil {
		return nil, err
	}
	start := s.p.Now()
	found, err := searcher.Search(ctx, search)
	if err != nil {
		return nil, err
	}
	model := searcher.Embedding.Spec().Model
	backend, _, _ := strings.Cut(model, "/")
	c.RecordUsage(func(u *call.Usage) {
		u.Model, u.ServedBy, u.Backend, u.Elapsed = searcher.Base.EmbeddingModel, model, backend, s.p.Now().Sub(start)
	})
	names := model
	if found.RankedBy != "" && found.RankedBy != model {
		names += ", " + found.RankedBy
	}
	serving.SayServedBy(c, names)
	out := &api.RetrieveOutput{RetrievalResults: make([]api.KnowledgeBaseRetrievalResult, len(found.Hits))}
	for i, hit := range found.Hits {
		out.RetrievalResults[i] = api.KnowledgeBaseRetrievalResult{
			Content: content(hit), Location: location(hit), Metadata: metadata(hit), Score: &hit.Score,
		}
	}
	if found.Next != "" {
		out.NextToken = &found.Next
	}
	return out, nil
}

func queryText(q *api.KnowledgeBaseQuery) (string, error) {
	if q == nil {
		return "", invalid("Text input is required.")
	}
	if q.Image != nil || q.Type == api.KnowledgeBaseQueryTypeImage {
		return "", unsupported("The embedding model of this knowledge base does not read images. Use a text query.")
	}
	return question(q.Text)
}

// hubSearch translates the configuration of a search. Faults are Invalid, or
// Unsupported for what is not built.
func hubSearch(config *api.KnowledgeBaseRetrievalConfiguration) (retrieve.Search, error) {
	search := retrieve.Search{Limit: defaultResults, Bytes: pageBytes}
	if config == nil {
		return search, nil
	}
	if config.ManagedSearchConfiguration != nil {
		return search, invalid("Incompatible configuration: managedSearchConfiguration is only supported for managed knowledge bases. Use vectorSearchConfiguration instead.")
	}
	v := config.VectorSearchConfiguration
	if v == nil {
		return search, nil
	}
	if v.ImplicitFilterConfiguration != nil {
		return search, unsupported("Outcrop does not write filters by a model yet. Remove implicitFilterConfiguration and pass a filter of your own.")
	}
	if v.NumberOfResults != nil {
		search.Limit = int(*v.NumberOfResults)
	}
	switch v.OverrideSearchType {
	case "":
	case api.SearchTypeHybrid:
		search.Mode = knowledge.HybridSearch
	case api.SearchTypeSemantic:
		search.Mode = knowledge.SemanticSearch
	default:
		return search, invalid("The search type %s is not supported.", v.OverrideSearchType)
	}
	var err error
	if search.Filter, err = hubFilter(v.Filter, 1); err != nil {
		return search, err
	}
	search.Rerank, err = hubRerank(v.RerankingConfiguration)
	return search, err
}

// hubRerank translates how results are reranked; nil is not.
func hubRerank(config *api.VectorSearchRerankingConfiguration) (*retrieve.Rerank, error) {
	if config == nil {
		return nil, nil //nolint:nilnil // no reranking is nil everywhere
	}
	b := config.BedrockRerankingConfiguration
	if b == nil || b.ModelConfiguration == nil {
		return nil, invalid("The field bedrockRerankingConfiguration is required for the reranking type %s.", config.Type)
	}
	if err := checkRerankFields(b.ModelConfiguration.AdditionalModelRequestFields); err != nil {
		return nil, err
	}
	pick, err := picked(b.MetadataConfiguration)
	if err != nil {
		return nil, err
	}
	return &retrieve.Rerank{
		Model: schema.Deref(b.ModelConfiguration.ModelArn), Limit: int(schema.Deref(b.NumberOfRerankedResults)), Metadata: pick,
	}, nil
}

// picked tells which attributes a reranker reads; nil for none.
func picked(config *api.MetadataConfigurationForReranking) (func(key string) bool, error) {
	if config == nil {
		return nil, nil //nolint:nilnil // no attributes is nil everywhere
	}
	selective := config.SelectiveModeConfiguration
	if config.SelectionMode == api.RerankingMetadataSelectionModeAll {
		if selective != nil {
			return nil, invalid("The field selectiveModeConfiguration is only allowed for the selection mode SELECTIVE.")
		}
		return func(key string) bool { return !knowledge.Reserved(key) }, nil
	}
	if selective == nil || (selective.FieldsToInclude == nil) == (selective.FieldsToExclude == nil) {
		return nil, invalid("The selection mode SELECTIVE needs one of the fields fieldsToInclude and fieldsToExclude in selectiveModeConfiguration.")
	}
	named := func(fields []api.FieldForReranking, key string) bool {
		return slices.ContainsFunc(fields, func(f api.FieldForReranking) bool { return schema.Deref(f.FieldName) == key })
	}
	if selective.FieldsToInclude != nil {
		return func(key string) bool { return named(selective.FieldsToInclude, key) }, nil
	}
	return func(key string) bool { return !knowledge.Reserved(key) && !named(selective.FieldsToExclude, key) }, nil
}
