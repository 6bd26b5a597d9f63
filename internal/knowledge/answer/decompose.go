package answer

import (
	"context"
	"strings"

	"github.com/outcrop/outcrop/internal/knowledge/retrieve/passage"
)

const (
	// mostParts is into how many questions one is split at most.
	mostParts = 4
	// mostQuery is the length of a search query that a model wrote, in bytes.
	mostQuery = 500
	// queryTokens is what a model may write to say what to search for.
	queryTokens = 200
)

// queryTag begins a search query.
const queryTag = "<query>"

const queryInstructions = `Write one search query that finds what is needed to answer the last question of the user. ` +
	`It must be understood without the conversation. Answer with the query between <query> and </query> and nothing else.`

// orchestrate has the model write the search query, by the caller's template.
// It is empty when the model wrote nothing that can be one. sure reports that it
// may take the place of the question: the model is no small one and has kept to
// the tags. What others write may be anything, an apology for instance.
func (a *Answerer) orchestrate(ctx context.Context, req Request, turns []Turn) (written string, sure bool, err error) {
	template := req.Orchestration.Template
	for {
		prompt := render(template, map[string]string{
			history: transcript(turns), outputFormat: queryInstructions, query: req.Question, currentTime: clock(a.p.Now()),
		})
		if !strings.Contains(template, query) {
			prompt += "\n\n" + req.Question
		}
		hub, err := brief(req, prompt)
		if err != nil {
			return "", false, err
		}
		if len(turns) > 0 && req.Model.Info.ContextWindow > 0 {
			used, err := req.Model.used(ctx, hub)
			if err != nil {
				return "", false, err
			}
			if used > req.Model.room(hub) {
				turns = turns[(len(turns)+1)/2:]
				continue
			}
		}
		text, err := ask(ctx, req.Model, hub)
		if err != nil {
			return "", false, err
		}
		return searchQuery(text), classOf(req.Model.Info) != tiny && strings.Contains(text, queryTag), nil
	}
}

// transcript writes a conversation as one text.
func transcript(turns []Turn) string {
	var b strings.Builder
	for _, t := range turns {
		b.WriteString("User: " + t.Question + "\nAssistant: " + t.Answer + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// searchQuery finds the query in what a model wrote: in its tags, or as the only
// line there is.
func searchQuery(text string) string {
	if _, after, ok := strings.Cut(text, queryTag); ok {
		text, _, _ = strings.Cut(after, "</query>")
	}
	text = strings.Trim(strings.TrimSpace(text), "\"“”`")
	if len(text) > mostQuery || strings.ContainsAny(text, "\n<>") || len(passage.Terms(text)) == 0 {
		return ""
	}
	return text
}

const partsPrompt = `Split the question into the separate questions that it asks. Each must be understood alone. ` +
	`Write one question on each line and nothing else. When it asks one thing only, repeat it.

Question: `

// decompose splits a question into those that it consists of. Small models are
// not asked: what they write is worse than what rules find.
func (a *Answerer) decompose(ctx context.Context, req Request) ([]string, error) {
	if classOf(req.Model.Info) == tiny {
		return splitQuestion(req.Question), nil
	}
	hub, err := brief(req, partsPrompt+req.Question)
	if err != nil {
		return nil, err
	}
	text, err := ask(ctx, req.Model, hub)
	if err != nil {
		return nil, err
	}
	if parts := subQuestions(req.Question, text); len(parts) > 0 {
		return parts, nil
	}
	return splitQuestion(req.Question), nil
}

// subQuestions reads the lines that a model split a question into. Nil when they
// are not about the question, or are too many.
func subQuestions(question, text string) []string {
	asked := passage.Terms(question)
	weights := passage.NewWeights(nil)
	var parts, all []string
	for line := range strings.Lines(text) {
		line = withoutMarker(strings.TrimSpace(line))
		if line == "" {
			continue
		}
		terms := passage.Terms(line)
		// A part may take words from the rest of the question, hardly others.
		if len(line) > mostQuery || len(terms) == 0 || weights.Overlap(terms, asked) < 0.6 {
			return nil
		}
		parts = append(parts, line)
		all = append(all, terms...)
	}
	if len(parts) > mostParts || weights.Overlap(asked, all) < 0.7 {
		return nil
	}
	return parts
}

// withoutMarker takes the marker of a list's item from a line, and asterisks
// around it.
func withoutMarker(line string) string {
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	if rest := line[digits:]; 0 < digits && digits < 3 && (strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")) {
		line = rest[1:]
	} else {
		line = strings.TrimLeft(line, "-•")
	}
	return strings.Trim(line, "* ")
}

// splitQuestion splits a question by its punctuation, and where "and" is
// followed by another question.
func splitQuestion(question string) []string {
	var parts []string
	for _, s := range passage.Sentences(question) {
		sentence := question[s.Start:s.End]
		for {
			before, after, ok := cutAnd(sentence)
			if !ok {
				break
			}
			parts = append(parts, strings.TrimRight(before, " ,;")+"?")
			sentence = after
		}
		parts = append(parts, sentence)
	}
	kept := parts[:0]
	for _, p := range parts {
		switch n := len(kept); {
		case len(passage.Terms(p)) > 0:
			kept = append(kept, p)
		case n > 0:
			kept[n-1] += " " + p // "Where is it?" needs the question before
		}
	}
	if len(kept) == 0 || len(kept) > mostParts {
		return []string{question}
	}
	return kept
}

// cutAnd finds an "and" or a semicolon with a question word behind it.
func cutAnd(sentence string) (before, after string, ok bool) {
	lower := strings.ToLower(sentence)
	if len(lower) != len(sentence) {
		return "", "", false // letters that change their length with their case
	}
	for i := range len(lower) {
		rest := lower[i:]
		var skip int
		switch {
		case strings.HasPrefix(rest, " and "):
			skip = len(" and ")
		case strings.HasPrefix(rest, "; "):
			skip = len("; ")
		default:
			continue
		}
		word, _, _ := strings.Cut(rest[skip:], " ")
		if _, asks := questionWords[word]; asks && len(passage.Terms(sentence[:i])) > 0 {
			return sentence[:i], sentence[i+skip:], true
		}
	}
	return "", "", false
}

var questionWords = map[string]struct{}{
	"what": {}, "when": {}, "where": {}, "who": {}, "whom": {}, "whose": {}, "which": {}, "why": {}, "how": {}, "is": {}, "are": {}, "was": {},
	"were": {}, "do": {}, "does": {}, "did": {}, "can": {}, "could": {}, "may": {}, "must": {}, "should": {}, "will": {}, "has": {}, "have": {},
}
