package embedding

import (
	"context"
	_ "embed"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// corpusVersion is raised whenever the corpus or the way to a basis changes,
// so that a kept basis of before is not taken for one of now.
const corpusVersion = 1

// corpusTxt has a subject on each line: a word for it and eight things of it.
//
//go:embed corpus.txt
var corpusTxt string

// corpus returns the texts whose vectors span a basis: every subject in every
// form. They are short, so that embedding them all takes seconds, and differ in
// subject and in form, as the texts do that people embed.
func corpus() []string {
	forms := []string{
		"What is the difference between {0} and {1}?",
		"How do I fix a problem with {2}?",
		"{3} depends on {4}, as a study of {s} found last year.",
		"The committee decided that {5} must be replaced before the winter.",
		"An introduction to {s}: {6}, {7} and {0}.",
		"Although {1} looked cheap at first, {2} cost far more.",
		"please send me the documents about {3}",
		"{s}, {4}",
		"She had never thought much about {5} until {6} failed.",
		"Measurements of {7} were repeated at several temperatures and agree within five percent.",
	}
	var texts []string
	for line := range strings.Lines(corpusTxt) {
		subject, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		pairs := []string{"{s}", subject}
		for i, thing := range strings.Split(rest, ",") {
			pairs = append(pairs, "{"+string(rune('0'+i))+"}", strings.TrimSpace(thing))
		}
		r := strings.NewReplacer(pairs...)
		for _, form := range forms {
			texts = append(texts, r.Replace(form))
		}
	}
	return texts
}

// embedCorpus returns the corpus's vectors as a model makes them.
func embedCorpus(ctx context.Context, source inference.Embedder, model string, dims int) ([][]float32, error) {
	const batch = 64
	texts := corpus()
	vectors := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		n := min(batch, len(texts))
		e, err := source.Embed(ctx, &inference.EmbedRequest{Model: model, Texts: texts[:n]})
		if err != nil {
			return nil, err
		}
		for _, v := range e.Vectors {
			if len(v) != dims {
				return nil, fault.New(fault.Upstream, "Model %s made vectors of %d and of %d dimensions.", model, dims, len(v))
			}
		}
		vectors = append(vectors, e.Vectors...)
		texts = texts[n:]
	}
	return vectors, nil
}
