package knowledge

import "context"

// Embedding is an embedding model as a base uses it. It is safe for concurrent
// use.
type Embedding interface {
	Spec() Spec
	// Window is how many tokens of a text the model reads; 0: unknown.
	Window() int
	// Embed returns one vector of unit length and of the Spec's size for each
	// text, in order. It batches by itself: callers give what they have.
	// Faults as inference.Embedder.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// CountTokens counts the tokens of texts, without what the model adds at
	// their ends.
	CountTokens(ctx context.Context, texts []string) ([]int, error)
}

// Embeddings finds the embedding model of a base.
type Embeddings interface {
	// Open resolves base.EmbeddingModel. Faults as router.Router.Resolve.
	Open(ctx context.Context, base Base) (Embedding, error)
}
