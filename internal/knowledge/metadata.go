package knowledge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Metadata are the attributes of a document by key.
type Metadata map[string]Value

// Value is a string, a float64, a bool or a []string. Its JSON is that value's.
type Value struct{ v any }

// String returns a string as a Value.
func String(s string) Value { return Value{s} }

// Number returns a number as a Value.
func Number(f float64) Value { return Value{f} }

// Bool returns a boolean as a Value.
func Bool(b bool) Value { return Value{b} }

// List returns a list of strings as a Value.
func List(list []string) Value { return Value{slices.Clone(list)} }

// Any returns the string, float64, bool or []string; nil for the zero Value.
// It must not be changed.
func (v Value) Any() any { return v.v }

// Equal reports whether both are of one type and the same.
func (v Value) Equal(w Value) bool {
	if list, ok := v.v.([]string); ok {
		other, ok := w.v.([]string)
		return ok && slices.Equal(list, other)
	}
	if _, ok := w.v.([]string); ok {
		return false
	}
	return v.v == w.v
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.v) }

// UnmarshalJSON implements json.Unmarshaler. It refuses null, objects and lists
// of anything but strings.
func (v *Value) UnmarshalJSON(text []byte) error {
	var decoded any
	if err := json.Unmarshal(text, &decoded); err != nil {
		return err
	}
	switch decoded := decoded.(type) {
	case string, float64, bool:
		v.v = decoded
		return nil
	case []any:
		list := make([]string, len(decoded))
		for i, member := range decoded {
			s, ok := member.(string)
			if !ok {
				return fmt.Errorf("member %d of the list is not a string", i+1)
			}
			list[i] = s
		}
		v.v = list
		return nil
	default:
		return fmt.Errorf("%s is not a string, number, boolean or list of strings", kindOf(decoded))
	}
}

func kindOf(v any) string {
	if v == nil {
		return "null"
	}
	return "an object"
}

// Keys of the metadata that the service itself adds to results. Filters may
// use them.
const (
	KeySourceURI    = "x-amz-bedrock-kb-source-uri"
	KeyChunkID      = "x-amz-bedrock-kb-chunk-id"
	KeyDataSourceID = "x-amz-bedrock-kb-data-source-id"
	KeyPageNumber   = "x-amz-bedrock-kb-document-page-number" // from 0
	KeyModality     = "x-amz-bedrock-kb-source-file-modality"
	KeyMIME         = "x-amz-bedrock-kb-source-file-mime-type"
)

// Reserved reports whether a key belongs to the service.
func Reserved(key string) bool { return strings.HasPrefix(key, "x-amz-bedrock-kb-") }
