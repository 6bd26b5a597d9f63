package bedrockagentruntime

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Rerank puts documents into the order of their relevance for a query. All
// results fit into one response, so there never is a next token.
func (s *Service) Rerank(ctx context.Context, in *api.RerankInput) (*api.RerankOutput, error) {
	if in.NextToken != nil {
		return nil, invalid("The provided nextToken is invalid. Leave it out: the response has all results.")
	}
	if len(in.Queries) != 1 || in.Queries[0].TextQuery == nil {
		return nil, invalid("Exactly one text query is required.")
	}
	query, err := question(in.Queries[0].TextQuery.Text)
	if err != nil {
		return nil, err
	}
	config := in.RerankingConfiguration
	if config == nil || config.BedrockRerankingConfiguration == nil || config.BedrockRerankingConfiguration.ModelConfiguration == nil {
		return nil, invalid("The field bedrockRerankingConfiguration with a modelConfiguration is required.")
	}
	model := config.BedrockRerankingConfiguration.ModelConfiguration
	if err := checkRerankFields(model.AdditionalModelRequestFields); err != nil {
		return nil, err
	}
	documents := make([]string, len(in.Sources))
	for i, source := range in.Sources {
		if documents[i], err = rerankText(source.InlineDocumentSource); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s at sources.%d", fault.As(err).Message, i)
		}
	}
	if len(documents) == 0 {
		return nil, invalid("At least one source is required.")
	}
	c := call.From(ctx)
	start := s.p.Now()
	timed, cancel := serving.WithTimeout(ctx, s.p.ModelTimeout)
	defer cancel()
	identifier := schema.Deref(model.ModelArn)
	rank := retrieve.Rank{Model: identifier, Region: c.Region, Account: c.Account, Query: query, Documents: documents}
	ranking, err := s.p.Ranker.Rank(timed, rank)
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	serving.Served(ctx, identifier, ranking.Target)
	c.RecordUsage(func(u *call.Usage) {
		u.InputTokens, u.Elapsed = ranking.InputTokens, s.p.Now().Sub(start)
		u.Queries = rank.Queries()
	})
	order := make([]int, len(documents))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ranking.Scores[b], ranking.Scores[a]) })
	if n := config.BedrockRerankingConfiguration.NumberOfResults; n != nil {
		order = order[:min(len(order), int(*n))]
	}
	out := &api.RerankOutput{Results: make([]api.RerankResult, len(order))}
	for i, source := range order {
		out.Results[i] = api.RerankResult{Index: new(int32(source)), RelevanceScore: new(float32(ranking.Scores[source]))}
	}
	return out, nil
}

// rerankText is what a ranker reads of a document. Faults end without a full
// stop.
func rerankText(d *api.RerankDocument) (string, error) {
	switch {
	case d == nil:
		return "", invalid("The field inlineDocumentSource is required")
	case d.Type == api.RerankDocumentTypeText && d.TextDocument != nil && d.JsonDocument == nil:
		return schema.Deref(d.TextDocument.Text), nil
	case d.Type == api.RerankDocumentTypeJson && d.JsonDocument != nil && d.TextDocument == nil:
		return jsonText(d.JsonDocument)
	case d.Type == api.RerankDocumentTypeText:
		return "", invalid("A document of type TEXT needs the field textDocument and no other")
	case d.Type == api.RerankDocumentTypeJson:
		return "", invalid("A document of type JSON needs the field jsonDocument and no other")
	}
	return "", invalid("The document type %s is not supported", d.Type)
}

// mostText is how much of a JSON document is written out, in bytes; a ranker reads
// no more. Every line has the whole path to its field: a small document with many
// deep fields would become gigabytes.
const mostText = 128_000

// jsonText writes a JSON document as lines of its fields, nested ones with the
// path to them.
func jsonText(document schema.DocumentValue) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", fault.Wrap(fault.Invalid, err, "The document of type JSON cannot be read")
	}
	var b strings.Builder
	writeFields(&b, "", v)
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func writeFields(b *strings.Builder, path string, v any) {
	if b.Len()+len(path) > mostText {
		return
	}
	line := func(text string) {
		if path != "" {
			b.WriteString(path + ": ")
		}
		b.WriteString(text + "\n")
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			sub := key
			if path != "" {
				sub = path + "." + key
			}
			writeFields(b, sub, v[key])
		}
	case []any:
		for _, member := range v {
			writeFields(b, path, member)
		}
	case string:
		line(v)
	case json.Number:
		line(v.String())
	case bool:
		if v {
			line("true")
		} else {
			line("false")
		}
	}
}

// checkRerankFields refuses fields for a reranker: what answers for one takes
// none.
func checkRerankFields(fields map[string]schema.DocumentValue) error {
	if len(fields) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(fields))
	for i, key := range keys {
		keys[i] = "#: extraneous key [" + key + "] is not permitted"
	}
	return invalid("The model returned the following errors: Malformed input request: %s, please reformat your input and try again.", strings.Join(keys, ", "))
}

// object writes a map of documents as one.
func object(fields map[string]schema.DocumentValue) (schema.DocumentValue, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The additionalModelRequestFields field must be a JSON object.")
	}
	return text, nil
}
