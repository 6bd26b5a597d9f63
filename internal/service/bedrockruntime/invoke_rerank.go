package bedrockruntime

import (
	"context"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// invokeRerank answers the body of a rerank model with what answers the agent
// runtime's Rerank too. There are no headers with token counts: the real service
// bills queries.
func (s *Service) invokeRerank(ctx context.Context, t *router.Target, body []byte) ([]byte, error) {
	family, ok := s.families.Rerankings[t.Entry.NativeFormat]
	if !ok {
		return nil, serving.NoFormat(t)
	}
	m := s.nativeModel(t)
	req, err := family.Decode(m, body)
	if err != nil {
		return nil, err
	}
	models, ok := s.router.(retrieve.Models)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The backend of model %s does not rerank.", t.ModelID)
	}
	start := s.params.Now()
	timed, cancel := serving.WithTimeout(ctx, s.params.ModelTimeout)
	defer cancel()
	rank := retrieve.Rank{Query: req.Query, Documents: req.Documents}
	ranking, err := retrieve.NewRanker(models).Score(timed, t, rank)
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	c := call.From(ctx)
	c.RecordUsage(func(u *call.Usage) {
		u.InputTokens, u.Elapsed, u.Queries = ranking.InputTokens, s.params.Now().Sub(start), rank.Queries()
	})
	setCount(c, headerLatency, int(s.params.Now().Sub(start).Milliseconds()))
	return family.Encode(m, req, ranking.Scores)
}
