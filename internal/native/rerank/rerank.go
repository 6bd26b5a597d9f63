// Package rerank is the native format of the rerank models of Cohere and Amazon:
// a query and documents in, an order with scores out.
//
// It translates and validates; it calls nobody, and it scores nothing.
package rerank

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/body"
)

// Family implements native.Reranking. Its zero value is ready.
type Family struct{}

var _ native.Reranking = Family{}

// The documented limits.
const (
	maxDocuments   = 1000
	tokensDocument = 4096 // that are read of each unless a body says otherwise
)

// Decode implements native.Reranking.
func (Family) Decode(m native.Model, data []byte) (*native.RerankRequest, error) {
	o, err := body.Decode(schema(m), data)
	if err != nil {
		return nil, err
	}
	var in struct {
		Documents []json.RawMessage `json:"documents"`
	}
	if err := body.Into(data, &in); err != nil {
		return nil, err
	}
	req := &native.RerankRequest{Query: o.String("query"), Top: o.Int("top_n", 0), MaxTokens: o.Int("max_tokens_per_doc", 0)}
	if req.MaxTokens > 0 && req.MaxTokens < tokensDocument {
		return nil, fault.New(fault.Unsupported, "max_tokens_per_doc: a limit of %d is not supported by the model that serves this model ID.", req.MaxTokens)
	}
	for _, raw := range in.Documents {
		req.Documents = append(req.Documents, text(raw))
	}
	return req, nil
}

// text is what a ranker reads of a document: a text, or the members of an object
// as lines. An object of a text alone is that text.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	members := body.Members(raw)
	lines := make([]string, 0, len(members))
	for _, m := range members {
		value := string(m.Value)
		if json.Unmarshal(m.Value, &s) == nil {
			value = s
		}
		if len(members) == 1 && m.Key == "text" {
			return value
		}
		lines = append(lines, m.Key+": "+value)
	}
	return strings.Join(lines, "\n")
}

// schema differs in what Cohere's model has and Amazon's has not.
func schema(m native.Model) *body.Schema {
	document := &body.Schema{OneOf: []*body.Schema{body.StringOf(), body.OpenObject()}}
	if strings.HasPrefix(m.ID, "amazon.") {
		document = body.StringOf()
	}
	documents := body.ListOf(document)
	documents.MinItems, documents.MaxItems = 1, maxDocuments
	s := body.ObjectOf(body.Properties{
		"query":     {Type: body.TypeString, MinLength: 1},
		"documents": documents,
		"top_n":     {Type: body.TypeInteger, Min: new(1.0)},
	}, "query", "documents")
	if !strings.HasPrefix(m.ID, "amazon.") {
		s.Properties["api_version"] = &body.Schema{Type: body.TypeInteger, Enum: []string{"2"}}
		s.Properties["max_tokens_per_doc"] = &body.Schema{Type: body.TypeInteger, Min: new(1.0)}
		s.Required = append(s.Required, "api_version")
	}
	return s
}

type answer struct {
	Results []result `json:"results"`
}

type result struct {
	Index int     `json:"index"`
	Score float64 `json:"relevance_score"`
}

// Encode implements native.Reranking: the best document first, those with the
// same score in the order of the request.
func (Family) Encode(_ native.Model, req *native.RerankRequest, scores []float64) ([]byte, error) {
	if len(scores) != len(req.Documents) {
		return nil, fault.New(fault.Internal, "%d scores for %d documents", len(scores), len(req.Documents))
	}
	out := answer{Results: make([]result, len(scores))}
	for i, score := range scores {
		out.Results[i] = result{i, score}
	}
	slices.SortStableFunc(out.Results, func(a, b result) int { return cmp.Compare(b.Score, a.Score) })
	if req.Top > 0 && req.Top < len(out.Results) {
		out.Results = out.Results[:req.Top]
	}
	return body.Marshal(out)
}
