package invocationlog

import (
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
)

// record is one record in the form that AWS documents for model invocation logs.
type record struct {
	SchemaType      string          `json:"schemaType"`
	SchemaVersion   string          `json:"schemaVersion"`
	Timestamp       string          `json:"timestamp"`
	AccountID       string          `json:"accountId"`
	Identity        identity        `json:"identity"`
	Region          string          `json:"region"`
	RequestID       string          `json:"requestId"`
	Operation       string          `json:"operation"`
	ModelID         string          `json:"modelId"`
	ErrorCode       string          `json:"errorCode,omitempty"`
	Input           input           `json:"input"`
	Output          output          `json:"output"`
	InferenceRegion string          `json:"inferenceRegion"`
	RequestMetadata json.RawMessage `json:"requestMetadata,omitempty"`
}

type identity struct {
	ARN string `json:"arn"`
}

type input struct {
	ContentType string          `json:"inputContentType,omitempty"`
	Body        json.RawMessage `json:"inputBodyJson,omitempty"`
	BodyPath    string          `json:"inputBodyS3Path,omitempty"`
	Tokens      *int            `json:"inputTokenCount,omitempty"`
	CacheRead   *int            `json:"cacheReadInputTokenCount,omitempty"`
	CacheWrite  *int            `json:"cacheWriteInputTokenCount,omitempty"`
}

type output struct {
	ContentType string          `json:"outputContentType,omitempty"`
	Body        json.RawMessage `json:"outputBodyJson,omitempty"`
	BodyPath    string          `json:"outputBodyS3Path,omitempty"`
	Tokens      *int            `json:"outputTokenCount,omitempty"`
}

const (
	schemaType    = "ModelInvocationLog"
	schemaVersion = "1.0"
	// folder holds an account's records.
	folder = "BedrockModelInvocationLogs"
	// maxInline is the size of the largest body that is in the record itself, in
	// bytes.
	maxInline = 100 << 10
)

// base is where the objects of an hour are.
func base(prefix, account, region string, at time.Time) string {
	return path.Join(prefix, "AWSLogs", account, folder, region, at.UTC().Format("2006/01/02/15"))
}

// Name is the delivery.Params.Name of records. unique makes 16 hexadecimal digits.
func Name(unique func() string) func(delivery.Destination, time.Time) string {
	return func(d delivery.Destination, at time.Time) string {
		at = at.UTC()
		stamp := at.Format("20060102T150405") + fmt.Sprintf("%03dZ", at.Nanosecond()/int(time.Millisecond))
		return path.Join(base(d.Prefix, d.Account, d.Region, at), stamp+"_"+unique()+".json.gz")
	}
}

// invocation is what the watch knows of an invocation when it is over.
type invocation struct {
	setting Setting // of its account and region
	bucket  bool    // whether there is one

	record
	at       time.Time
	input    []byte // as it was sent; nil: not collected
	output   []byte // JSON; nil: none
	metadata string // request metadata of a header
	held     int64  // of the budget
}

// text is the record as JSON, with the content that is wanted. Bodies that are
// too large are handed to apart, which says where they are.
func (i *invocation) text(want Content, apart func(name string, body []byte) (string, error)) ([]byte, error) {
	r := i.record
	in, vectors := shape(i.input, want), false
	out := shape(i.output, want)
	switch i.Operation {
	case "InvokeModel":
		vectors = isEmbedding(i.output)
	case embeddings:
		vectors = true
	}
	if !want.Text {
		in = nil
	}
	if vectors && !want.Embedding || !vectors && !want.Text {
		out = nil
	}
	var err error
	if r.Input.Body, r.Input.BodyPath, err = settle(in, i.RequestID+"_input.json.gz", apart); err != nil {
		return nil, err
	}
	if r.Output.Body, r.Output.BodyPath, err = settle(out, i.RequestID+"_output.json.gz", apart); err != nil {
		return nil, err
	}
	r.RequestMetadata = i.requestMetadata()
	return encode(&r)
}

// settle leaves a body in the record or has it put apart.
func settle(body []byte, name string, apart func(string, []byte) (string, error)) (json.RawMessage, string, error) {
	if len(body) <= maxInline {
		return body, "", nil
	}
	where, err := apart(name, body)
	return nil, where, err
}
