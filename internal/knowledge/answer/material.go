package answer

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

// material is what an answer is made from.
type material struct {
	hits      []knowledge.Hit // the best first
	embedding knowledge.Embedding
	// questions are what was searched for: the question itself, with the one
	// before where it goes on from that, or its parts.
	questions []retrieve.Question
	parts     []string // what the question asks for, one after the other
	given     bool     // the documents came with the question
}

// wanted are the words of all that is asked and searched for.
func (m *material) wanted() []string {
	var terms []string
	for _, part := range m.parts {
		terms = append(terms, passage.Terms(part)...)
	}
	for _, q := range m.questions {
		terms = append(terms, passage.Terms(q.Text)...)
	}
	return terms
}

// defaultResults is how many passages are searched for when the caller does not
// say.
const defaultResults = 5

// material finds the passages of a question.
func (a *Answerer) material(ctx context.Context, req Request, s *session) (*material, error) {
	if req.Base == "" {
		return a.external(ctx, req)
	}
	searcher, err := a.p.Retriever.Open(ctx, req.Account, req.Region, req.Base)
	if err != nil {
		return nil, err
	}
	m := &material{embedding: searcher.Embedding}
	if m.parts, m.questions, err = a.questions(ctx, req, s.Turns); err != nil {
		return nil, err
	}
	search := req.Search
	search.Questions, search.Token = m.questions, ""
	if search.Limit == 0 {
		search.Limit = defaultResults
	}
	found, err := searcher.Search(ctx, search)
	if err != nil {
		return nil, err
	}
	m.hits = found.Hits
	return m, nil
}

// questions are what to search for, and the parts of the question to answer.
func (a *Answerer) questions(ctx context.Context, req Request, turns []Turn) (parts []string, questions []retrieve.Question, err error) {
	asked := req.Question
	if req.Orchestration.Template != "" {
		rewritten, sure, err := a.orchestrate(ctx, req, turns)
		switch {
		case err != nil:
			return nil, nil, err
		case sure && rewritten != "":
			questions = []retrieve.Question{{Text: rewritten}}
		case rewritten != "":
			questions = append(inContext(asked, turns), retrieve.Question{Text: rewritten, Weight: weightComplete})
		}
	}
	if questions == nil {
		questions = inContext(asked, turns)
	}
	parts = []string{asked}
	if req.Decompose {
		split, err := a.decompose(ctx, req)
		if err != nil {
			return nil, nil, err
		}
		if len(split) > 1 {
			parts = split
			for _, part := range split {
				questions = append(questions, retrieve.Question{Text: part})
			}
		}
	}
	return parts, questions, nil
}

// How much the question before counts when the question seems complete, and
// when it seems to go on from it.
const (
	weightComplete = 0.35
	weightFollowUp = 1.5
)

// inContext adds to a question of a conversation the question before, because
// "And for jackets?" finds nothing alone. A small model that is asked to rewrite
// it makes more mistakes than two searches.
func inContext(question string, turns []Turn) []retrieve.Question {
	questions := []retrieve.Question{{Text: question}}
	if len(turns) == 0 {
		return questions
	}
	weight := weightComplete
	if isFollowUp(question) {
		weight = weightFollowUp
	}
	return append(questions, retrieve.Question{Text: turns[len(turns)-1].Question + " " + question, Weight: weight})
}

// aside reports whether a question is only searched for beside the one that was
// asked. What suits it alone does not answer that: after any question that has
// an answer, every other one would seem to have one too.
func aside(q retrieve.Question) bool { return q.Weight > 0 && q.Weight < 1 }

// isFollowUp guesses whether a question needs the one before to be understood:
// it begins as going on, points at something, or says hardly anything.
func isFollowUp(question string) bool {
	lower := strings.ToLower(strings.TrimSpace(question))
	for _, start := range []string{"and ", "but ", "or ", "also ", "what about", "how about", "what if", "why", "und ", "et ", "y ", "e "} {
		if strings.HasPrefix(lower, start) {
			return true
		}
	}
	words := strings.FieldsFunc(lower, func(r rune) bool { return !('a' <= r && r <= 'z' || r == '\'' || r >= utf8.RuneSelf) })
	for _, word := range words {
		if _, ok := pointers[word]; ok {
			return true
		}
	}
	return len(passage.Terms(question)) < 2
}

var pointers = map[string]struct{}{
	"it": {}, "its": {}, "it's": {}, "that": {}, "this": {}, "these": {}, "those": {}, "they": {}, "them": {}, "their": {},
	"he": {}, "she": {}, "him": {}, "her": {}, "his": {}, "one": {}, "ones": {}, "same": {}, "there": {}, "then": {}, "else": {},
}

// brief is a request that is not the question, and whose answer is a few words.
func brief(req Request, prompt string) (*inference.Request, error) {
	hub := &inference.Request{Messages: []inference.Message{user(prompt)}, MaxTokens: queryTokens}
	return hub, apply(req.Model, req.Orchestration, hub)
}

func ask(ctx context.Context, m Model, hub *inference.Request) (string, error) {
	answer, err := inference.Collect(ctx, m.Backend, hub)
	if err != nil {
		return "", err
	}
	return spoken(answer.Text), nil
}

func user(text string) inference.Message {
	return inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}}
}

func assistant(text string) inference.Message {
	return inference.Message{Role: inference.RoleAssistant, Parts: []inference.Part{inference.Text{Text: text}}}
}

// conversation is the turns of a session as messages.
func conversation(turns []Turn) []inference.Message {
	messages := make([]inference.Message, 0, 2*len(turns)+1)
	for _, t := range turns {
		if t.Answer != "" {
			messages = append(messages, user(t.Question), assistant(t.Answer))
		}
	}
	return messages
}
