package knowledge

import "context"

// Spec is what an index is built for. It never changes: vectors of another
// model would be compared with these without any sense.
type Spec struct {
	Model      string `json:"model"`            // who made the vectors: "llamacpp/all-minilm-l6-v2"
	Digest     string `json:"digest,omitempty"` // of its weights, where known
	Dimensions int    `json:"dimensions"`
	Binary     bool   `json:"binary,omitempty"`
}

// Indexes are the indexes of a server, by the ID of their base. They are safe
// for concurrent use.
type Indexes interface {
	// Open returns the index of a base, and makes it when there is none. The
	// same base is opened once: callers share it and do not close it.
	// Conflict: it was made for another Spec; the text names both models.
	Open(ctx context.Context, base string, spec Spec) (Index, error)
	// Existing returns an index whatever its Spec. NotFound.
	Existing(ctx context.Context, base string) (Index, error)
	// Drop removes an index with all that it holds. Nothing happens when there
	// is none. Searches in progress end or fail.
	Drop(ctx context.Context, base string) error
	Close() error
}

// Index holds the documents and chunks of one base. It is safe for concurrent
// use; writes are serialized. A write that has returned survives a crash, one
// that failed has changed nothing.
type Index interface {
	Spec() Spec

	// Put sets a document and replaces its chunks, in one transaction. A nil
	// content keeps the chunks that there are (a status alone changes); an
	// empty one removes them. The outcome is recorded under the job, once for
	// each document and job: the last one counts.
	// Invalid: a vector is not of the index's size.
	Put(ctx context.Context, job string, doc Document, content *Content, outcome Outcome) error
	// PutMetadata sets a document and replaces the document's metadata of all
	// its chunks; the chunks' own stay.
	PutMetadata(ctx context.Context, job string, doc Document, metadata Metadata, outcome Outcome) error
	// Remove removes documents with their chunks, in one transaction for each
	// call, and records the outcome for those that there were. No document is
	// no error.
	Remove(ctx context.Context, job, source string, ids []string, outcome Outcome) error
	// RemoveSource removes all documents of a source.
	RemoveSource(ctx context.Context, source string) error

	// Document returns one. NotFound.
	Document(ctx context.Context, source, id string) (Document, error)
	// Documents lists those of a source by ID, from the one after after. A
	// limit of 0 is none.
	Documents(ctx context.Context, source, after string, limit int) ([]Document, error)

	// Outcomes counts what was recorded under a job.
	Outcomes(ctx context.Context, job string) (map[Outcome]int64, error)
	// Forget drops what was recorded under a job, when its statistics are kept
	// elsewhere.
	Forget(ctx context.Context, job string) error

	// Search returns the best chunks, the best first. Chunks with one parent
	// are one hit, with the parent's text and the best child's score.
	// Invalid: the vector is not of the index's size.
	Search(ctx context.Context, q Query) ([]Hit, error)
	// Size tells how much there is.
	Size(ctx context.Context) (Size, error)
}

// Mode is how a search compares.
type Mode string

// The modes.
const (
	SemanticSearch Mode = "SEMANTIC" // vectors
	TextSearch     Mode = "TEXT"     // words; BM25
	HybridSearch   Mode = "HYBRID"   // both, fused by reciprocal rank
)

// Query is one search.
type Query struct {
	Mode   Mode
	Vector []float32 // of unit length; not for TextSearch
	Text   string    // not for SemanticSearch
	Filter *Filter
	Limit  int // at least 1
	Offset int // hits to pass over, for pages
	// Exact compares with every vector as it is stored, without codes. For
	// measuring recall.
	Exact bool
}

// Hit is a chunk that was found.
type Hit struct {
	Chunk    string // ID
	Document string // ID
	Source   string // ID of the data source
	Text     string
	Page     int // from 0; -1 unknown
	// Metadata has the service's own keys too.
	Metadata Metadata
	// Score is between 0 and 1: the cosine (0 where negative), or for
	// TextSearch and HybridSearch the share of the best score possible.
	Score float64
}

// Size is how much an index holds.
type Size struct {
	Documents int64
	Chunks    int64
	Bytes     int64 // on disk
	Memory    int64 // of planes and postings, bytes
}
