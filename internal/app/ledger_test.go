package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

const titan = "amazon.titan-embed-text-v2:0"

// retrieval begins a call of an operation for the bill.
func retrieval(t *testing.T, a *App, operation string) (context.Context, *observe.View, observe.Watch) {
	t.Helper()
	c := &call.Call{
		RequestID: newRequestID(), Account: "1", Region: "us-east-1", Service: "bedrock-agent-runtime", Operation: operation,
		Principal: iam.Principal{Type: iam.Root, ARN: "arn:aws:iam::1:root"}, Start: a.p.Now(),
	}
	v := &observe.View{Call: c, Op: &schema.Operation{}}
	return call.With(t.Context(), c), v, a.gov.ledger.Begin(v)
}

func question() embed.Used {
	return embed.Used{
		Base:        knowledge.Base{EmbeddingModel: "arn:aws:bedrock:us-east-1::foundation-model/" + titan},
		Target:      &router.Target{ModelID: titan, ServedBy: "llamacpp/embed", Backend: "llamacpp", StandIn: true},
		InputTokens: 1_000_000,
	}
}

// bill is what root has to pay for, by model.
func bill(t *testing.T, a *App) (lines []string) {
	t.Helper()
	rows, err := a.gov.ledger.Rows(t.Context(), ledger.Query{By: []ledger.Dimension{ledger.ByModel, ledger.ByServedBy, ledger.ByName, ledger.ByOutcome}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s: %d, %d tokens, %d queries, $%s", strings.Join(r.Keys, " "), r.Calls, r.Input, r.Queries, r.Cost))
	}
	return lines
}

// A question whose search fails has used the embedding model all the same.
func TestAQuestionIsInTheBillWhateverBecomesOfIt(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	ctx, v, w := retrieval(t, a, "Retrieve")
	a.asked(ctx, question())
	v.Status, v.Code = http.StatusInternalServerError, "InternalServerException"
	w.Answer(v, nil)
	w.End(v)
	want := []string{titan + " llamacpp/embed root InternalServerException: 1, 1000000 tokens, 0 queries, $0.02"}
	if diff := cmp.Diff(want, bill(t, a)); diff != "" {
		t.Errorf("the bill (-want +got):\n%s", diff)
	}
}

// What finds and sorts the passages for an answer is in the bill beside the model
// that writes it.
func TestEveryModelOfAnAnswerIsInTheBill(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	const reranker = "cohere.rerank-v3-5:0"
	ctx, v, w := retrieval(t, a, "RetrieveAndGenerate")
	a.asked(ctx, question())
	a.ranked(ctx, retrieve.Rank{Model: reranker, Documents: make([]string, 101)}, &retrieve.Ranking{
		Target: &router.Target{ModelID: reranker, ServedBy: "llamacpp/embed", Backend: "llamacpp", StandIn: true}, InputTokens: 7,
	})
	v.Call.RecordUsage(func(u *call.Usage) {
		u.Model, u.ModelID, u.ServedBy, u.InputTokens = haiku, haiku, "llamacpp/chat", 1_000_000
	})
	v.Status = http.StatusOK
	w.Answer(v, nil)
	w.End(v)
	want := []string{
		titan + " llamacpp/embed root ok: 1, 1000000 tokens, 0 queries, $0.02",
		haiku + " llamacpp/chat root ok: 1, 1000000 tokens, 0 queries, $0.25",
		reranker + " llamacpp/embed root ok: 1, 7 tokens, 2 queries, $0.004",
	}
	if diff := cmp.Diff(want, bill(t, a)); diff != "" {
		t.Errorf("the bill (-want +got):\n%s", diff)
	}
}
