package runner

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// request is one that the server still waits for.
type request struct {
	cancel   context.CancelFunc // of its preparation
	canceled atomic.Bool        // read by the computing loop
}

// mostPreparing is how many requests are rendered and tokenized at a time. Both
// take memory, and cores that the answers under way need.
const mostPreparing = 2

// mostCounting is how many requests have their texts counted at a time. They
// have a place of their own: megabytes of documents must not hold up a question.
const mostCounting = 1

// start prepares a request in a goroutine of its own, because a long prompt
// takes a while to render and to tokenize, and hands it to the loop.
func (s *session) start(ctx context.Context, f protocol.Frame) {
	received := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	req := &request{cancel: cancel}
	s.mu.Lock()
	s.requests[f.ID] = req
	s.mu.Unlock()
	go func() {
		defer cancel()
		select {
		case <-s.ready:
		case <-ctx.Done():
			return
		}
		turns := s.preparing
		if f.Kind == protocol.KindCountTexts {
			turns = s.counting
		}
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return // both were true
		}
		if err := s.prepare(ctx, req, f, received); err != nil {
			s.forget(f.ID)
			if !req.canceled.Load() {
				s.out.failed(f.ID, err)
			}
		}
	}()
}

func (s *session) prepare(ctx context.Context, req *request, f protocol.Frame, received time.Time) error {
	m := s.model
	switch f.Kind {
	case protocol.KindEmbed:
		return m.embed(ctx, s, req, f)
	case protocol.KindCount:
		return m.count(ctx, s, f)
	case protocol.KindCountTexts:
		return m.countTexts(ctx, s, f)
	}
	if m.scheduler == nil {
		return errNoText
	}
	var g protocol.Generate
	if err := f.Decode(&g); err != nil {
		return err
	}
	q, err := m.prompter.sequence(ctx, &g)
	if err != nil {
		return err
	}
	q.id, q.received, q.canceled = f.ID, received, &req.canceled
	m.scheduler.submit(q)
	return nil
}

var (
	errNoText = fault.New(fault.Unsupported, "The model that serves this request makes embeddings, not text.")
	errNoVec  = fault.New(fault.Unsupported, "The model that serves this request makes text, not embeddings.")
)

func (m *loaded) embed(ctx context.Context, s *session, req *request, f protocol.Frame) error {
	if m.embedder == nil {
		return errNoVec
	}
	var e protocol.Embed
	if err := f.Decode(&e); err != nil {
		return err
	}
	j := &embedding{id: f.ID, canceled: &req.canceled}
	for _, text := range e.Texts {
		tokens, err := embeddingTokens(ctx, m.prompter.vocab, text, m.textLimit)
		if err != nil {
			return err
		}
		j.texts = append(j.texts, tokens)
	}
	if len(j.texts) == 0 {
		s.forget(f.ID)
		s.out.vectors(f.ID, protocol.Vectors{})
		return nil
	}
	j.vectors = make([][]float32, len(j.texts))
	m.embedder.submit(j)
	return nil
}

func (m *loaded) count(ctx context.Context, s *session, f protocol.Frame) error {
	var g protocol.Generate
	if err := f.Decode(&g); err != nil {
		return err
	}
	var tokens []llama.Token
	var err error
	if m.scheduler == nil {
		return errNoText
	}
	if tokens, err = m.prompter.tokens(ctx, &g); err != nil {
		return err
	}
	s.forget(f.ID)
	s.out.json(protocol.KindCounted, f.ID, protocol.Counted{InputTokens: len(tokens)})
	return nil
}

func (m *loaded) countTexts(ctx context.Context, s *session, f protocol.Frame) error {
	c, err := f.CountTexts()
	if err != nil {
		return err
	}
	n, err := m.prompter.counts(ctx, c.Texts)
	if err != nil {
		return err
	}
	s.forget(f.ID)
	s.out.json(protocol.KindTextsCounted, f.ID, protocol.TextsCounted{Tokens: n})
	return nil
}

// cancel tells a request's preparation and the loop to drop it.
func (s *session) cancel(id uint32) {
	s.mu.Lock()
	req := s.requests[id]
	delete(s.requests, id)
	s.mu.Unlock()
	if req == nil {
		return // it has been answered meanwhile
	}
	req.canceled.Store(true)
	req.cancel()
	s.nudge()
}

// nudge makes an idle loop look at its requests.
func (s *session) nudge() {
	select {
	case <-s.ready:
	default:
		return
	}
	if m := s.model; m.scheduler != nil {
		m.scheduler.nudge()
	} else {
		m.embedder.nudge()
	}
}

func (s *session) forget(id uint32) {
	s.mu.Lock()
	delete(s.requests, id)
	s.mu.Unlock()
}
