package bedrockagentruntime

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// content is the text of a chunk.
func content(hit knowledge.Hit) *api.RetrievalResultContent {
	return &api.RetrievalResultContent{Text: &hit.Text, Type: api.RetrievalResultContentTypeText}
}

// location says where a chunk's document is. The API knows no folders: a file of
// one is a custom document with its URI.
func location(hit knowledge.Hit) *api.RetrievalResultLocation {
	if strings.HasPrefix(hit.Document, "s3://") {
		return &api.RetrievalResultLocation{
			Type: api.RetrievalResultLocationTypeS3, S3Location: &api.RetrievalResultS3Location{Uri: &hit.Document},
		}
	}
	return &api.RetrievalResultLocation{
		Type:                   api.RetrievalResultLocationTypeCustom,
		CustomDocumentLocation: &api.RetrievalResultCustomDocumentLocation{Id: &hit.Document},
	}
}

// metadata are the attributes of a chunk; nil when there are none.
func metadata(hit knowledge.Hit) map[string]schema.DocumentValue {
	if len(hit.Metadata) == 0 {
		return nil
	}
	out := make(map[string]schema.DocumentValue, len(hit.Metadata))
	for key, value := range hit.Metadata {
		out[key] = documentValue(value)
	}
	return out
}

// documentValue writes a value as the real service does: numbers are doubles
// and show it.
func documentValue(v knowledge.Value) schema.DocumentValue {
	if f, ok := v.Any().(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return schema.DocumentValue(strconv.FormatFloat(f, 'f', 1, 64))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return schema.DocumentValue("null") // no JSON has NaN; it cannot have come in
	}
	return text
}
