// Package answer answers questions from documents: it finds passages (package
// retrieve) or reads the documents that came with the question, has a model
// write an answer from them, and names the passages that each part of it rests
// on. Conversations go on in sessions.
//
// Large models are asked for Bedrock's answer format, which names its sources,
// and it is parsed while it arrives. Small models cannot keep to it: they get a
// prompt of the few sentences that matter, and the sources of what they say are
// found by comparing it with the passages.
//
// It knows no AWS type and no backend. The service gives it the model that
// answers, wrapped so that its use is recorded.
package answer

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/store"
)

// Refusal is what is answered when the documents say nothing about a question.
const Refusal = "Sorry, I am unable to assist you with this request."

// Params are the parts of an Answerer. Now and NewID may be nil.
type Params struct {
	Retriever *retrieve.Retriever
	Store     store.Store // of the sessions
	// For documents that come with a question. EmbeddingModel is the ID or ARN
	// of the model that their passages are compared with.
	Embeddings     knowledge.Embeddings
	EmbeddingModel string
	Sources        knowledge.Sources
	Parser         document.Parser
	Splitter       chunk.Splitter

	Now   func() time.Time
	NewID func() string // of a session: a UUID
}

// Answerer answers questions. It is safe for concurrent use.
type Answerer struct{ p Params }

// New returns an Answerer.
func New(p Params) *Answerer {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = newUUID
	}
	return &Answerer{p: p}
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Model is the model that writes an answer.
type Model struct {
	// Backend generates, and may be used several times for one answer. It fills
	// in Request.Model itself.
	Backend inference.Backend
	// Count counts the input tokens of a request as Backend would. Invalid: there
	// are so many more than fit that they were not counted.
	Count func(ctx context.Context, req *inference.Request) (int, error)
	Info  inference.ModelInfo
	// Limit is the most output tokens of the model that was asked for; 0:
	// unknown.
	Limit int
}

// leastAnswer is how many tokens of the context are kept for an answer.
const leastAnswer = 256

// room is how many tokens of the context a request may take.
func (m *Model) room(req *inference.Request) int {
	window := m.Info.ContextWindow
	return window - min(req.MaxTokens, leastAnswer, window/4)
}

// used is how much of the context a request takes, twice the context when it is
// too long to be counted.
func (m *Model) used(ctx context.Context, req *inference.Request) (int, error) {
	n, err := m.Count(ctx, req)
	if fault.Is(err, fault.Invalid) {
		return 2 * m.Info.ContextWindow, nil
	}
	return n, err
}

// Writing says how a model writes.
type Writing struct {
	Template      string // empty: the default prompt
	MaxTokens     int    // 0: a default
	Temperature   *float64
	TopP          *float64
	StopSequences []string
	// Extra puts the caller's further fields into a request; nil: there are
	// none.
	Extra func(*inference.Request) error
}

// Request is a question.
type Request struct {
	Account, Region string
	Question        string
	Session         string // to go on in; empty: a new one
	Model           Model
	Generation      Writing

	// Base is the ID of the base to search. Search.Questions and Token are not
	// used.
	Base   string
	Search retrieve.Search
	// Orchestration is how the model is asked what to search for, where it is
	// asked: with a Template, or when Decompose wants the question split up.
	Orchestration Writing
	Decompose     bool

	// Documents are read in place of a base, when there is no Base.
	Documents []Document
}

// Span is a part of an answer: the positions of its first and last character
// (Unicode code point), from 0.
type Span struct{ Start, End int }

// Citation says what a part of an answer rests on. Text is exactly what Span
// names. A refusal has neither; then Span is nil.
type Citation struct {
	Text       string
	Span       *Span
	References []knowledge.Hit // the best first; may be empty
}

// Sink takes an answer as it is made. When a method fails, Answer stops and
// returns that error.
type Sink interface {
	// Open is called once, before the others, with the ID of the session.
	Open(session string) error
	// Text is a piece of the answer, never empty.
	Text(text string) error
	// Cite follows the text of its part.
	Cite(c Citation) error
}

// Answer answers a question.
//
// Faults: Invalid for a template without its placeholders, a session that there
// is not, a document that cannot be read; NotFound for the base; those of the
// models. After Open they mean that the answer is incomplete.
func (a *Answerer) Answer(ctx context.Context, req Request, sink Sink) error {
	if err := req.check(); err != nil {
		return err
	}
	s, err := a.session(ctx, req)
	if err != nil {
		return err
	}
	m, err := a.material(ctx, req, s)
	if err != nil {
		return err
	}
	out := &output{sink: sink, open: func() error {
		if err := a.begin(ctx, s); err != nil {
			return err
		}
		return sink.Open(s.id)
	}}
	if err := a.write(ctx, req, s, m, out); err != nil {
		return err
	}
	// Who has the whole answer may hang up; the next question needs this one.
	return a.keep(context.WithoutCancel(ctx), s, Turn{Question: req.Question, Answer: out.text.String()})
}

// write has the model answer from the material.
func (a *Answerer) write(ctx context.Context, req Request, s *session, m *material, out *output) error {
	if len(m.hits) == 0 {
		return out.refuse()
	}
	w := &writer{
		req: req, class: classOf(req.Model.Info), turns: s.Turns, now: a.p.Now(),
		material: m, sources: newSources(m.embedding, m.hits, m.wanted()), out: out,
	}
	w.texts = w.sources.texts
	return w.write(ctx)
}
