// Package chunk cuts the text of documents into the passages that are embedded
// and found: by a fixed size, in two levels, where the meaning changes, or not
// at all.
//
// Sizes are tokens of the embedding model, counted by the model's own tokenizer.
// The package reads no files (package document does) and embeds nothing, except
// that the semantic strategy compares sentences by their vectors.
package chunk

import (
	"context"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Model is what cutting needs of the embedding model.
type Model interface {
	CountTokens(ctx context.Context, texts []string) ([]int, error)
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Splitter cuts documents.
type Splitter interface {
	// Split returns the passages of a text without IDs and vectors, in order.
	// A text without words has none. Faults are the model's.
	Split(ctx context.Context, text *document.Text, how knowledge.Chunking, m Model) (*knowledge.Content, error)
}
