package coherechat

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/body"
)

// newPassage reads a document: any members, of which those that _excludes names
// are not for the model. It is also in Extra, as it was written.
func newPassage(i int, raw document) inference.SearchResult {
	out := inference.SearchResult{Source: "doc_" + strconv.Itoa(i), Citations: new(true)}
	members := body.Members(raw)
	var excluded []string
	for _, m := range members {
		if m.Key == "_excludes" {
			_ = json.Unmarshal(m.Value, &excluded) // a list of names, or nothing
		}
	}
	for _, m := range members {
		text := plain(m.Value)
		switch {
		case m.Key == "id":
			out.Source = text
		case m.Key == "_excludes" || slices.Contains(excluded, m.Key):
		case m.Key == "title":
			out.Title = text
		case m.Key == "snippet" || m.Key == "text":
			out.Content = append(out.Content, text)
		default:
			out.Content = append(out.Content, m.Key+": "+text)
		}
	}
	return out
}

// plain is the text of a value.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// schemaTypes are the words of JSON Schema for Python's.
var schemaTypes = map[string]string{ //nolint:gochecknoglobals // a constant in all but name
	"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object",
}

// newSchema writes parameter definitions as a JSON Schema, in the same order.
func newSchema(definitions json.RawMessage) (json.RawMessage, error) {
	var properties bytes.Buffer
	var required []string
	for i, m := range body.Members(definitions) {
		var d struct {
			Description *string `json:"description"`
			Type        string  `json:"type"`
			Required    bool    `json:"required"`
		}
		if err := body.Into(m.Value, &d); err != nil {
			return nil, err
		}
		property := struct {
			Type        json.RawMessage `json:"type,omitempty"`
			Items       json.RawMessage `json:"items,omitempty"`
			Description *string         `json:"description,omitempty"`
		}{Description: d.Description}
		property.Type, property.Items = newType(d.Type)
		key, err := body.Marshal(m.Key)
		if err != nil {
			return nil, err
		}
		value, err := body.Marshal(property)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			properties.WriteByte(',')
		}
		properties.Write(key)
		properties.WriteByte(':')
		properties.Write(value)
		if d.Required {
			required = append(required, m.Key)
		}
	}
	return body.Marshal(struct {
		Type       string          `json:"type"`
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required,omitempty"`
	}{"object", json.RawMessage("{" + properties.String() + "}"), required})
}

// newType reads the name of a type: "str", "List[int]". What is none of
// Python's may be anything.
func newType(name string) (kind, items json.RawMessage) {
	name = strings.TrimSpace(name)
	head, inner, generic := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	word, ok := schemaTypes[strings.ToLower(head)]
	if !ok {
		word = strings.ToLower(head)
		if !slices.Contains([]string{"string", "integer", "number", "boolean", "array", "object"}, word) {
			return nil, nil
		}
	}
	kind = json.RawMessage(strconv.Quote(word))
	if element, ok := schemaTypes[strings.ToLower(inner)]; generic && ok && word == "array" {
		items = json.RawMessage(`{"type":` + strconv.Quote(element) + `}`)
	}
	return kind, items
}
