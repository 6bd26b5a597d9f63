package knowledge

import "time"

// Document is what is known of one document of a data source.
type Document struct {
	Source string // ID of the data source
	// ID is what the document is known by within its source: "s3://bucket/key",
	// "file:///path", or the caller's own ID for a custom document.
	ID string
	// ETag and MetadataETag tell whether content and metadata file are still
	// the ones that were indexed. They are opaque. MetadataETag is empty when
	// there is no metadata file.
	ETag         string
	MetadataETag string
	Modality     string // "TEXT"
	MIME         string // "application/pdf"
	Size         int64  // bytes
	Status       DocumentStatus
	Reason       string // why Status is a failure, or what was left out
	Chunks       int
	Updated      time.Time
}

// DocumentStatus is where a document is, in Bedrock's words.
type DocumentStatus string

// The states of a document.
const (
	Indexed                  DocumentStatus = "INDEXED"
	PartiallyIndexed         DocumentStatus = "PARTIALLY_INDEXED"
	Pending                  DocumentStatus = "PENDING"
	Failed                   DocumentStatus = "FAILED"
	MetadataPartiallyIndexed DocumentStatus = "METADATA_PARTIALLY_INDEXED"
	MetadataUpdateFailed     DocumentStatus = "METADATA_UPDATE_FAILED"
	Ignored                  DocumentStatus = "IGNORED"
	NotFound                 DocumentStatus = "NOT_FOUND"
	Starting                 DocumentStatus = "STARTING"
	InProgress               DocumentStatus = "IN_PROGRESS"
	Deleting                 DocumentStatus = "DELETING"
	DeleteInProgress         DocumentStatus = "DELETE_IN_PROGRESS"
)

// Chunk is a passage of a document, with what it is found by.
type Chunk struct {
	ID   string // UUID
	Text string // what a search returns, unless Parent
	// Parent is the position in Content.Parents of the passage that a search
	// returns in this one's place; -1: none.
	Parent int
	Page   int // of the document, from 0; -1: unknown
	// Metadata is of this chunk alone (a row of a CSV file), over the
	// document's.
	Metadata Metadata
	// Vector is of unit length and of the index's size.
	Vector []float32
}

// Content is what is indexed of a document.
type Content struct {
	Metadata Metadata // of the whole document, from its metadata file or the request
	Chunks   []Chunk
	Parents  []string // passages that several chunks are parts of
}

// Outcome is what a job did with a document, for its statistics.
type Outcome string

// The outcomes. OutcomeNone is not counted.
const (
	OutcomeNone             Outcome = ""
	OutcomeNew              Outcome = "new"
	OutcomeModified         Outcome = "modified"
	OutcomeMetadataModified Outcome = "metadata-modified"
	OutcomeDeleted          Outcome = "deleted"
	OutcomeFailed           Outcome = "failed"
	OutcomeSkipped          Outcome = "skipped"
)
