package bedrockagentruntime_test

import (
	"errors"
	"strings"
	"testing"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const claude = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0"

func input(text string) *api.RetrieveAndGenerateInput {
	base, model := "BASE000001", claude
	return &api.RetrieveAndGenerateInput{
		Input: &api.RetrieveAndGenerateInputValue{Text: &text},
		RetrieveAndGenerateConfiguration: &api.RetrieveAndGenerateConfiguration{
			Type:                       api.RetrieveAndGenerateTypeKnowledgeBase,
			KnowledgeBaseConfiguration: &api.KnowledgeBaseRetrieveAndGenerateConfiguration{KnowledgeBaseId: &base, ModelArn: &model},
		},
	}
}

func TestUsageIsRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "small")
	ctx, c := newCall(t.Context(), "us-east-1")
	if _, err := f.service.RetrieveAndGenerate(ctx, input("How many days do refunds take?")); err != nil {
		t.Fatal(err)
	}
	one := c.Usage()
	if one.Model != claude || one.ServedBy != "mem/chat" || one.Backend != "mem" || one.InputTokens == 0 || one.OutputTokens != 7 {
		t.Errorf("got %+v, want what mem/chat used for %s", one, claude)
	}
	// Two questions in one are two generations, and both are used.
	ctx, c = newCall(t.Context(), "us-east-1")
	in := input("How many days do refunds take, and what does express shipping cost?")
	in.RetrieveAndGenerateConfiguration.KnowledgeBaseConfiguration.OrchestrationConfiguration = &api.OrchestrationConfiguration{
		QueryTransformationConfiguration: &api.QueryTransformationConfiguration{Type: api.QueryTransformationTypeQueryDecomposition},
	}
	if _, err := f.service.RetrieveAndGenerate(ctx, in); err != nil {
		t.Fatal(err)
	}
	if two := c.Usage(); two.OutputTokens != 14 || two.InputTokens <= one.InputTokens {
		t.Errorf("got %+v, want the tokens of two answers", two)
	}
}

func TestUsageOfRetrieveIsRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "small")
	ctx, c := newCall(t.Context(), "us-east-1")
	base, text := "BASE000001", "refunds"
	if _, err := f.service.Retrieve(ctx, &api.RetrieveInput{KnowledgeBaseId: &base, RetrievalQuery: &api.KnowledgeBaseQuery{Text: &text}}); err != nil {
		t.Fatal(err)
	}
	if u := c.Usage(); u.Model != titan || u.ServedBy != "mem/vectors" || u.Backend != "mem" || u.OutputTokens != 0 {
		t.Errorf("got %+v, want mem/vectors for %s", u, titan)
	}
}

// A client that hangs up stops the generation, and what was made until then is
// on its record.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "small")
	ctx, c := newCall(t.Context(), "us-east-1")
	gone := errors.New("broken pipe")
	rec := &recorder{op: api.Schema().Operation("RetrieveAndGenerateStream"), call: c, fail: gone}
	in := api.RetrieveAndGenerateStreamInput(*input("How many days do refunds take?"))
	err := f.service.RetrieveAndGenerateStream(ctx, &in, schema.Sink[api.RetrieveAndGenerateStreamOutput, api.RetrieveAndGenerateStreamResponseOutput](rec))
	if !errors.Is(err, gone) || rec.sent != 2 {
		t.Errorf("got %v after %d events, want the sink's error and no event after it", err, rec.sent)
	}
	if u := c.Usage(); u.OutputTokens != 2 || u.InputTokens == 0 {
		t.Errorf("got %+v, want the 2 tokens that were made", u)
	}
}

// What was said in one call is known to the next in its session.
func TestSessionOverCalls(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "echo")
	ctx, _ := newCall(t.Context(), "us-east-1")
	ask := func(text string) *api.RetrieveAndGenerateInput {
		in, template := input(text), "Use $search_results$"
		in.RetrieveAndGenerateConfiguration.KnowledgeBaseConfiguration.GenerationConfiguration = &api.GenerationConfiguration{
			PromptTemplate: &api.PromptTemplate{TextPromptTemplate: &template},
		}
		return in
	}
	first, err := f.service.RetrieveAndGenerate(ctx, ask("How many days do refunds take?"))
	if err != nil {
		t.Fatal(err)
	}
	in := ask("And why?")
	in.SessionId = first.SessionId
	second, err := f.service.RetrieveAndGenerate(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if *second.SessionId != *first.SessionId || !strings.Contains(*second.Output.Text, "[user] How many days do refunds take? [assistant]") {
		t.Errorf("got session %s and the prompt %s", *second.SessionId, *second.Output.Text)
	}
}

// A small document of many deep fields does not become a large text, as every
// line would have the path to its field.
func TestRerankDeepDocument(t *testing.T) {
	t.Parallel()
	f := newFixture(t, "small")
	ctx, c := newCall(t.Context(), "us-east-1")
	const depth = 400
	document := strings.Repeat(`{"a b c d":`, depth) + "[7" + strings.Repeat(",7", 20_000) + "]" + strings.Repeat("}", depth)
	query, model := "seven", "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
	_, err := f.service.Rerank(ctx, &api.RerankInput{
		Queries: []api.RerankQuery{{Type: api.RerankQueryContentTypeText, TextQuery: &api.RerankTextDocument{Text: &query}}},
		Sources: []api.RerankSource{{Type: api.RerankSourceTypeInline, InlineDocumentSource: &api.RerankDocument{
			Type: api.RerankDocumentTypeJson, JsonDocument: schema.DocumentValue(document),
		}}},
		RerankingConfiguration: &api.RerankingConfiguration{
			Type: api.RerankingConfigurationTypeBedrockRerankingModel,
			BedrockRerankingConfiguration: &api.BedrockRerankingConfiguration{
				ModelConfiguration: &api.BedrockRerankingModelConfiguration{ModelArn: &model},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Usage().InputTokens; got == 0 || got > 200_000 {
		t.Errorf("the model read %d tokens, want what is in 128,000 bytes", got)
	}
}
