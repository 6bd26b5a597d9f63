package app

import (
	"net/http"
	"testing"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// A question whose search fails has used the embedding model all the same.
func TestAQuestionIsInTheBillWhateverBecomesOfIt(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, nil)
	const titan = "amazon.titan-embed-text-v2:0"
	c := &call.Call{
		RequestID: newRequestID(), Account: "1", Region: "us-east-1", Service: "bedrock-agent-runtime", Operation: "Retrieve",
		Principal: iam.Principal{Type: iam.Root, ARN: "arn:aws:iam::1:root"}, Start: a.p.Now(),
	}
	v := &observe.View{Call: c, Op: &schema.Operation{}}
	w := a.gov.ledger.Begin(v)
	asked(call.With(t.Context(), c), embed.Used{
		Base:        knowledge.Base{EmbeddingModel: "arn:aws:bedrock:us-east-1::foundation-model/" + titan},
		Target:      &router.Target{ModelID: titan, ServedBy: "llamacpp/embed", Backend: "llamacpp", StandIn: true},
		InputTokens: 1_000_000,
	})
	v.Status, v.Code = http.StatusInternalServerError, "InternalServerException"
	w.Answer(v, nil)
	w.End(v)
	rows, err := a.gov.ledger.Rows(t.Context(), ledger.Query{By: []ledger.Dimension{ledger.ByModel, ledger.ByServedBy, ledger.ByOutcome}})
	if err != nil || len(rows) != 1 || rows[0].Input != 1_000_000 || rows[0].Cost.String() != "0.02" {
		t.Errorf("got %+v, %v, want one row of a million tokens for $0.02", rows, err)
	}
}
