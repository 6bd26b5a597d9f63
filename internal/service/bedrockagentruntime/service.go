// Package bedrockagentruntime is the logic of the bedrock-agent-runtime service,
// as far as it is about knowledge bases: Retrieve, RetrieveAndGenerate whole and
// streamed, and Rerank.
//
// It translates between AWS's types and packages knowledge/retrieve and
// knowledge/answer, and says no to what cannot be done here: what a request
// contains and cannot be honoured is refused, never dropped. Package edge calls
// it, with the call in the context. Operations that are not built (agents,
// flows, sessions of agents) answer through Unimplemented.
package bedrockagentruntime

import (
	"context"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// Router is what the service needs of package router.
type Router interface {
	inference.Backend
	inference.TokenCounter
	inference.Describer
	serving.Resolver
}

// Params are the parts and settings of a Service; Now, NewID and ModelTimeout
// may be zero.
type Params struct {
	Router    Router
	Retriever *retrieve.Retriever
	Ranker    *retrieve.Ranker
	Answerer  *answer.Answerer
	Families  serving.Families
	// Partition is the partition of a region; nil: every region is in "aws".
	Partition func(region string) string

	Now   func() time.Time                       // time.Now when nil
	NewID func(prefix string, length int) string // random base62 when nil
	// ModelTimeout bounds the time of one generation; 15 minutes when 0.
	ModelTimeout time.Duration
}

// Service implements the bedrock-agent-runtime operations. It is safe for
// concurrent use.
type Service struct {
	api.Unimplemented

	p Params
}

var _ api.Service = (*Service)(nil)

// New returns a service.
func New(p Params) *Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = serving.NewID
	}
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	if p.ModelTimeout <= 0 {
		p.ModelTimeout = 15 * time.Minute
	}
	return &Service{p: p}
}

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// unsupported is what AWS can do and Outcrop cannot.
func unsupported(text string) error { return fault.New(fault.Unsupported, "%s", text) }

// checkGuardrail refuses every guardrail: there are none yet.
func checkGuardrail(g *api.GuardrailConfiguration) error {
	if g != nil {
		return serving.NoGuardrail()
	}
	return nil
}

// checkUser refuses to filter by who asks: documents here have no access lists,
// and to answer as if they had would show them to everybody.
func checkUser(u *api.UserContext) error {
	if u != nil {
		return unsupported("The documents of this knowledge base have no access control lists. Remove userContext and try your request again.")
	}
	return nil
}

// checkSession refuses a key for a session: it would be kept without, and nobody
// would know.
func checkSession(c *api.RetrieveAndGenerateSessionConfiguration) error {
	if c != nil && c.KmsKeyArn != nil {
		return unsupported("Outcrop does not encrypt sessions with keys of AWS KMS. Remove sessionConfiguration and try your request again.")
	}
	return nil
}

// question checks the text of a query.
func question(text *string) (string, error) {
	if text == nil || strings.TrimSpace(*text) == "" {
		return "", invalid("Text input is required.")
	}
	return *text, nil
}

// baseID reads the ID or ARN of a knowledge base. There is one ARN for each: what
// policies say about that one must not be gone around by another.
func (s *Service) baseID(ctx context.Context, identifier string) (string, error) {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier, nil
	}
	c := call.From(ctx)
	parts := strings.SplitN(identifier, ":", 6) // arn:aws:bedrock:region:account:knowledge-base/ID
	id, ok := strings.CutPrefix(parts[len(parts)-1], "knowledge-base/")
	switch {
	case len(parts) < 6 || !ok || parts[2] != "bedrock" || parts[1] != s.p.Partition(c.Region):
		return "", invalid("The provided ARN is invalid: %s", identifier)
	case parts[3] != c.Region:
		return "", invalid("The provided ARN is invalid for the service region")
	case parts[4] != c.Account:
		return "", fault.New(fault.NotFound, "Knowledge Base with id %s does not exist", id)
	}
	return id, nil
}
