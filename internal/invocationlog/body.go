package invocationlog

import (
	"bytes"
	"encoding/json"
)

// shape makes of a body what may be in a record: compact JSON without the kinds
// of data that are not wanted. nil: there is no body, or it is no JSON.
func shape(body []byte, want Content) []byte {
	if len(body) == 0 {
		return nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return nil
	}
	text := compact.Bytes()
	if !want.leavesOut(text) {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	want.strip(v)
	text, err := encode(v)
	if err != nil {
		return nil
	}
	return text
}

// encode is json.Marshal without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// mediaWords name media in the formats of Converse and of the model families.
var mediaWords = [...]string{"image", "inputImage", "images", "image_url", "video", "audio", "input_audio"}

// wants reports whether the data of what a word names is wanted.
func (c Content) wants(word string) bool {
	switch word {
	case "image", "inputImage", "images", "image_url":
		return c.Image
	case "video":
		return c.Video
	case "audio", "input_audio":
		return c.Audio
	}
	return true
}

// leavesOut reports whether text may have data that is not wanted: the words are
// looked for as names and as values.
func (c Content) leavesOut(text []byte) bool {
	for _, word := range mediaWords {
		if !c.wants(word) && bytes.Contains(text, []byte(`"`+word+`"`)) {
			return true
		}
	}
	return false
}

// strip takes the data of media that are not wanted out of a body, and leaves
// what is around them: the record still shows that there was an image.
func (c Content) strip(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.strip(item)
		}
	case map[string]any:
		kind, _ := v["type"].(string)
		for name, value := range v {
			switch {
			// {"type": "image", "source": {"type": "base64", "data": …}}
			case !c.wants(kind) && name == "source", !c.wants(name):
				v[name] = without(value)
			default:
				c.strip(value)
			}
		}
	}
}

// without is a value that holds data, with the data taken out.
func without(v any) any {
	switch v := v.(type) {
	case string:
		return ""
	case []any:
		for i := range v {
			v[i] = without(v[i])
		}
	case map[string]any:
		delete(v, "bytes")
		delete(v, "data")
		delete(v, "url")
		for _, inner := range v {
			if m, ok := inner.(map[string]any); ok {
				without(m)
			}
		}
	}
	return v
}

// isEmbedding reports whether the answer of a model is vectors.
func isEmbedding(body []byte) bool {
	if !bytes.Contains(body, []byte(`"embedding`)) {
		return false
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(body, &top) != nil {
		return false
	}
	return top["embedding"] != nil || top["embeddings"] != nil || top["embeddingsByType"] != nil
}

// requestMetadata is what the caller wants in the record.
func (i *invocation) requestMetadata() json.RawMessage {
	text := []byte(i.metadata)
	if len(text) == 0 {
		if len(i.input) == 0 || !bytes.Contains(i.input, []byte(`"requestMetadata"`)) {
			return nil
		}
		var body struct {
			RequestMetadata json.RawMessage `json:"requestMetadata"`
		}
		if json.Unmarshal(i.input, &body) != nil {
			return nil
		}
		text = body.RequestMetadata
	}
	var pairs map[string]string
	if json.Unmarshal(text, &pairs) != nil || len(pairs) == 0 {
		return nil
	}
	return shape(text, everything)
}
