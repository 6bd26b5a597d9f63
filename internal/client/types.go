package client

import (
	"encoding/json"
	"slices"
	"time"
)

// The types below are the members of Bedrock's shapes that the command shows or
// sends, by their names in the API.

// KnowledgeBase is a base, or its summary.
type KnowledgeBase struct {
	ID             string          `json:"knowledgeBaseId"`
	Name           string          `json:"name"`
	ARN            string          `json:"knowledgeBaseArn,omitempty"`
	Description    string          `json:"description,omitempty"`
	Status         string          `json:"status"`
	Configuration  *Configuration  `json:"knowledgeBaseConfiguration,omitempty"`
	Storage        json.RawMessage `json:"storageConfiguration,omitempty"`
	CreatedAt      time.Time       `json:"createdAt,omitzero"`
	UpdatedAt      time.Time       `json:"updatedAt"`
	FailureReasons []string        `json:"failureReasons,omitempty"`
}

// Configuration says how a base embeds.
type Configuration struct {
	Type   string               `json:"type"`
	Vector *VectorConfiguration `json:"vectorKnowledgeBaseConfiguration,omitempty"`
}

// VectorConfiguration names the embedding model.
type VectorConfiguration struct {
	EmbeddingModelARN string                       `json:"embeddingModelArn"`
	EmbeddingModel    *EmbeddingModelConfiguration `json:"embeddingModelConfiguration,omitempty"`
}

// EmbeddingModelConfiguration tunes it.
type EmbeddingModelConfiguration struct {
	Bedrock *BedrockEmbeddingModel `json:"bedrockEmbeddingModelConfiguration,omitempty"`
}

// BedrockEmbeddingModel says what vectors it makes.
type BedrockEmbeddingModel struct {
	Dimensions int    `json:"dimensions,omitempty"`
	DataType   string `json:"embeddingDataType,omitempty"`
}

// CreateKnowledgeBaseInput is what a base is made of.
type CreateKnowledgeBaseInput struct {
	Name          string        `json:"name"`
	Description   string        `json:"description,omitempty"`
	RoleARN       string        `json:"roleArn"`
	Configuration Configuration `json:"knowledgeBaseConfiguration"`
}

// DataSource is where documents come from, or its summary.
type DataSource struct {
	ID             string               `json:"dataSourceId"`
	Name           string               `json:"name"`
	Description    string               `json:"description,omitempty"`
	Status         string               `json:"status"`
	Configuration  *SourceConfiguration `json:"dataSourceConfiguration,omitempty"`
	Ingestion      *Ingestion           `json:"vectorIngestionConfiguration,omitempty"`
	DeletionPolicy string               `json:"dataDeletionPolicy,omitempty"`
	UpdatedAt      time.Time            `json:"updatedAt"`
	FailureReasons []string             `json:"failureReasons,omitempty"`
}

// SourceConfiguration says which kind of source it is.
type SourceConfiguration struct {
	Type string           `json:"type"` // "S3", "CUSTOM"
	S3   *S3Configuration `json:"s3Configuration,omitempty"`
}

// S3Configuration names a bucket.
type S3Configuration struct {
	BucketARN string   `json:"bucketArn"`
	Prefixes  []string `json:"inclusionPrefixes,omitempty"`
}

// Ingestion says how documents are cut.
type Ingestion struct {
	Chunking *Chunking `json:"chunkingConfiguration,omitempty"`
}

// Chunking is a strategy with its sizes in tokens.
type Chunking struct {
	Strategy     string                `json:"chunkingStrategy"`
	Fixed        *FixedSizeChunking    `json:"fixedSizeChunkingConfiguration,omitempty"`
	Hierarchical *HierarchicalChunking `json:"hierarchicalChunkingConfiguration,omitempty"`
	Semantic     *SemanticChunking     `json:"semanticChunkingConfiguration,omitempty"`
}

// FixedSizeChunking is for FIXED_SIZE.
type FixedSizeChunking struct {
	MaxTokens         int `json:"maxTokens"`
	OverlapPercentage int `json:"overlapPercentage"`
}

// HierarchicalChunking is for HIERARCHICAL: parents, then children.
type HierarchicalChunking struct {
	Levels        []ChunkingLevel `json:"levelConfigurations"`
	OverlapTokens int             `json:"overlapTokens"`
}

// ChunkingLevel is one of the two levels.
type ChunkingLevel struct {
	MaxTokens int `json:"maxTokens"`
}

// SemanticChunking is for SEMANTIC.
type SemanticChunking struct {
	MaxTokens            int `json:"maxTokens"`
	BufferSize           int `json:"bufferSize"`
	BreakpointPercentile int `json:"breakpointPercentileThreshold"`
}

// CreateDataSourceInput is what a data source is made of.
type CreateDataSourceInput struct {
	Name          string              `json:"name"`
	Description   string              `json:"description,omitempty"`
	Configuration SourceConfiguration `json:"dataSourceConfiguration"`
	Ingestion     *Ingestion          `json:"vectorIngestionConfiguration,omitempty"`
}

// The states in which a job has ended.
const (
	JobComplete = "COMPLETE"
	JobFailed   = "FAILED"
	JobStopped  = "STOPPED"
)

// Job is one sync of a data source, or its summary.
type Job struct {
	ID             string     `json:"ingestionJobId"`
	Source         string     `json:"dataSourceId"`
	Status         string     `json:"status"`
	Statistics     Statistics `json:"statistics"`
	FailureReasons []string   `json:"failureReasons,omitempty"`
	StartedAt      time.Time  `json:"startedAt"`
	UpdatedAt      time.Time  `json:"updatedAt"`
}

// Ended reports whether a job does nothing any more.
func (j *Job) Ended() bool {
	return j.Status == JobComplete || j.Status == JobFailed || j.Status == JobStopped
}

// Statistics count documents.
type Statistics struct {
	Scanned          int64 `json:"numberOfDocumentsScanned"`
	MetadataScanned  int64 `json:"numberOfMetadataDocumentsScanned"`
	New              int64 `json:"numberOfNewDocumentsIndexed"`
	Modified         int64 `json:"numberOfModifiedDocumentsIndexed"`
	MetadataModified int64 `json:"numberOfMetadataDocumentsModified"`
	Deleted          int64 `json:"numberOfDocumentsDeleted"`
	Failed           int64 `json:"numberOfDocumentsFailed"`
	Skipped          int64 `json:"numberOfDocumentsSkipped"`
}

// Document is what is known of a document.
type Document struct {
	Source     string             `json:"dataSourceId"`
	Status     string             `json:"status"`
	Reason     string             `json:"statusReason,omitempty"`
	Identifier DocumentIdentifier `json:"identifier"`
	UpdatedAt  time.Time          `json:"updatedAt,omitzero"`
}

// Searchable reports whether passages of a document are in the index.
func (d *Document) Searchable() bool {
	return slices.Contains([]string{"INDEXED", "PARTIALLY_INDEXED", "METADATA_PARTIALLY_INDEXED", "METADATA_UPDATE_FAILED"}, d.Status)
}

// DocumentIdentifier is what a document is known by.
type DocumentIdentifier struct {
	Type string `json:"dataSourceType"`
	S3   *struct {
		URI string `json:"uri"`
	} `json:"s3,omitempty"`
	Custom *struct {
		ID string `json:"id"`
	} `json:"custom,omitempty"`
}

// String is the URI or the caller's own ID.
func (d DocumentIdentifier) String() string {
	switch {
	case d.S3 != nil:
		return d.S3.URI
	case d.Custom != nil:
		return d.Custom.ID
	}
	return ""
}

// RetrieveInput is a search.
type RetrieveInput struct {
	Query         Query     `json:"retrievalQuery"`
	Configuration Retrieval `json:"retrievalConfiguration"`
}

// Query is a question.
type Query struct {
	Text string `json:"text"`
}

// Retrieval says how to search.
type Retrieval struct {
	Vector VectorSearch `json:"vectorSearchConfiguration"`
}

// VectorSearch is a search in the index of a base.
type VectorSearch struct {
	Results int             `json:"numberOfResults,omitempty"`
	Type    string          `json:"overrideSearchType,omitempty"` // "HYBRID", "SEMANTIC"; empty: the server's choice
	Filter  json.RawMessage `json:"filter,omitempty"`
}

// Result is a passage that was found, or that an answer refers to.
type Result struct {
	Content struct {
		Text string `json:"text"`
		Type string `json:"type,omitempty"`
	} `json:"content"`
	Location Location       `json:"location"`
	Metadata map[string]any `json:"metadata,omitempty"`
	Score    float64        `json:"score,omitempty"`
}

// Location is where a passage comes from.
type Location struct {
	Type string `json:"type"`
	S3   *struct {
		URI string `json:"uri"`
	} `json:"s3Location,omitempty"`
	Custom *struct {
		ID string `json:"id"`
	} `json:"customDocumentLocation,omitempty"`
}

// String is the URI or the caller's own ID of the document.
func (l Location) String() string {
	switch {
	case l.S3 != nil:
		return l.S3.URI
	case l.Custom != nil:
		return l.Custom.ID
	}
	return ""
}

// keyPage is the metadata that tells a passage's page, from 0.
const keyPage = "x-amz-bedrock-kb-document-page-number"

// Page returns the page of a passage as people count, from 1.
func (r *Result) Page() (page int, ok bool) {
	number, ok := r.Metadata[keyPage].(float64)
	return int(number) + 1, ok
}

// AskInput is a question to be answered from a base.
type AskInput struct {
	Input         Query     `json:"input"`
	SessionID     string    `json:"sessionId,omitempty"`
	Configuration AskConfig `json:"retrieveAndGenerateConfiguration"`
}

// AskConfig says where the answer comes from.
type AskConfig struct {
	Type          string        `json:"type"` // "KNOWLEDGE_BASE"
	KnowledgeBase KnowledgeConf `json:"knowledgeBaseConfiguration"`
}

// KnowledgeConf names the base and the model that writes the answer.
type KnowledgeConf struct {
	ID        string    `json:"knowledgeBaseId"`
	ModelARN  string    `json:"modelArn"`
	Retrieval Retrieval `json:"retrievalConfiguration"`
}

// Answer is what came back.
type Answer struct {
	SessionID string     `json:"sessionId"`
	Output    Output     `json:"output"`
	Citations []Citation `json:"citations"`
}

// Output is a text, or a piece of it.
type Output struct {
	Text string `json:"text"`
}

// Citation says which passages a part of the answer refers to.
type Citation struct {
	Part struct {
		Text struct {
			Text string `json:"text"`
			// Span is of the answer; both ends belong to it.
			Span *struct {
				Start int `json:"start"`
				End   int `json:"end"`
			} `json:"span,omitempty"`
		} `json:"textResponsePart"`
	} `json:"generatedResponsePart"`
	References []Result `json:"retrievedReferences"`
}

// Sources are the documents that an answer cites, each once, in their order.
func (a *Answer) Sources() []string {
	var sources []string
	for _, citation := range a.Citations {
		for _, reference := range citation.References {
			if source := reference.Location.String(); source != "" && !slices.Contains(sources, source) {
				sources = append(sources, source)
			}
		}
	}
	return sources
}
