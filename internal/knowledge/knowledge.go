// Package knowledge is the hub of the knowledge bases: what a base, a data
// source, a document, a chunk and a filter are, and the ports that their parts
// meet at: Source (where documents come from) and Index (where chunks are kept
// and searched).
//
// It knows no AWS type and no adapter. The folders below hold what implements
// and what uses the ports: registry (the resources), ingest (the jobs), retrieve
// (the search), source/* and index/* (the adapters).
package knowledge

import (
	"encoding/json"
	"time"
)

// Base is a knowledge base.
type Base struct {
	Account string `json:"-"`
	Region  string `json:"-"`
	ID      string `json:"-"` // ten characters
	Name    string `json:"-"`

	Description string     `json:"description,omitempty"`
	RoleARN     string     `json:"roleArn,omitempty"`
	Status      BaseStatus `json:"-"`
	Reasons     []string   `json:"reasons,omitempty"` // why Status is a failure
	// EmbeddingModel is the ARN that the base was created with.
	EmbeddingModel string `json:"embeddingModel"`
	// Dimensions is the size of vectors that was asked for; 0: the model's own.
	Dimensions int `json:"dimensions,omitempty"`
	// Binary: vectors were asked for as bits (embeddingDataType BINARY).
	Binary bool `json:"binary,omitempty"`
	// Config is what the API shows of the base, in the API's own JSON
	// (knowledgeBaseConfiguration, storageConfiguration). Only the service that
	// wrote it reads it.
	Config  json.RawMessage   `json:"config,omitempty"`
	Tags    map[string]string `json:"-"`
	Created time.Time         `json:"-"`
	Updated time.Time         `json:"-"`
	Version int64             `json:"-"`
}

// BaseStatus is where a base is in its life, in Bedrock's words.
type BaseStatus string

// The states of a base.
const (
	BaseCreating           BaseStatus = "CREATING"
	BaseActive             BaseStatus = "ACTIVE"
	BaseDeleting           BaseStatus = "DELETING"
	BaseUpdating           BaseStatus = "UPDATING"
	BaseFailed             BaseStatus = "FAILED"
	BaseDeleteUnsuccessful BaseStatus = "DELETE_UNSUCCESSFUL"
)

// SourceKind says where a data source gets its documents.
type SourceKind string

// The kinds. Folder is Outcrop's own: a folder of this machine, which the API
// shows as CUSTOM.
const (
	S3     SourceKind = "S3"
	Custom SourceKind = "CUSTOM"
	Folder SourceKind = "FOLDER"
)

// DataSource is where documents of a base come from.
type DataSource struct {
	Account string `json:"-"`
	Region  string `json:"-"`
	Base    string `json:"-"` // ID of the base
	ID      string `json:"-"` // ten characters
	Name    string `json:"-"`

	Description string       `json:"description,omitempty"`
	Kind        SourceKind   `json:"kind"`
	Status      SourceStatus `json:"-"`
	Reasons     []string     `json:"reasons,omitempty"`
	Bucket      string       `json:"bucket,omitempty"`      // S3: name, without "arn:aws:s3:::"
	BucketOwner string       `json:"bucketOwner,omitempty"` // S3: account that must own it; empty: any
	Prefixes    []string     `json:"prefixes,omitempty"`    // S3: keys start with one of these; empty: all
	Path        string       `json:"path,omitempty"`        // Folder: absolute
	Watch       bool         `json:"watch,omitempty"`       // Folder: sync when something changes
	Retain      bool         `json:"retain,omitempty"`      // dataDeletionPolicy RETAIN
	Chunking    Chunking     `json:"chunking"`
	// Config is what the API shows of the source, in the API's own JSON.
	Config  json.RawMessage `json:"config,omitempty"`
	Created time.Time       `json:"-"`
	Updated time.Time       `json:"-"`
	Version int64           `json:"-"`
}

// SourceStatus is where a data source is in its life, in Bedrock's words.
type SourceStatus string

// The states of a data source.
const (
	SourceAvailable          SourceStatus = "AVAILABLE"
	SourceDeleting           SourceStatus = "DELETING"
	SourceDeleteUnsuccessful SourceStatus = "DELETE_UNSUCCESSFUL"
)

// Chunking says how documents are cut. Sizes are in tokens of the embedding
// model.
type Chunking struct {
	Strategy ChunkingStrategy `json:"strategy"`

	MaxTokens      int `json:"maxTokens,omitempty"`      // FixedSize, Semantic
	OverlapPercent int `json:"overlapPercent,omitempty"` // FixedSize, of MaxTokens

	ParentTokens  int `json:"parentTokens,omitempty"`  // Hierarchical
	ChildTokens   int `json:"childTokens,omitempty"`   // Hierarchical
	OverlapTokens int `json:"overlapTokens,omitempty"` // Hierarchical

	BufferSize           int `json:"bufferSize,omitempty"`           // Semantic: sentences around each that are compared with it
	BreakpointPercentile int `json:"breakpointPercentile,omitempty"` // Semantic
}

// ChunkingStrategy names a way to cut documents, in Bedrock's words.
type ChunkingStrategy string

// The strategies. DefaultChunking is what a data source without a configuration
// gets: about 300 tokens with sentences kept whole.
const (
	DefaultChunking ChunkingStrategy = ""
	FixedSize       ChunkingStrategy = "FIXED_SIZE"
	Hierarchical    ChunkingStrategy = "HIERARCHICAL"
	Semantic        ChunkingStrategy = "SEMANTIC"
	NoChunking      ChunkingStrategy = "NONE"
)

// Job is one sync of a data source.
type Job struct {
	Account string `json:"-"`
	Region  string `json:"-"`
	Base    string `json:"-"`
	Source  string `json:"-"`
	ID      string `json:"-"` // ten characters

	Description string     `json:"description,omitempty"`
	Status      JobStatus  `json:"-"`
	Reasons     []string   `json:"reasons,omitempty"` // failureReasons: each with the documents that it is about
	Statistics  Statistics `json:"statistics"`
	Started     time.Time  `json:"-"`
	Updated     time.Time  `json:"-"`
	Version     int64      `json:"-"`
}

// JobStatus is where a job is, in Bedrock's words.
type JobStatus string

// The states of a job.
const (
	JobStarting   JobStatus = "STARTING"
	JobInProgress JobStatus = "IN_PROGRESS"
	JobComplete   JobStatus = "COMPLETE"
	JobFailed     JobStatus = "FAILED"
	JobStopping   JobStatus = "STOPPING"
	JobStopped    JobStatus = "STOPPED"
)

// Statistics count documents, as the API names them.
type Statistics struct {
	Scanned          int64 `json:"scanned"` // new, changed and unchanged
	MetadataScanned  int64 `json:"metadataScanned"`
	New              int64 `json:"new"`
	Modified         int64 `json:"modified"`
	MetadataModified int64 `json:"metadataModified"`
	Deleted          int64 `json:"deleted"`
	Failed           int64 `json:"failed"`
	Skipped          int64 `json:"skipped"`
}
