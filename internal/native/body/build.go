package body

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Properties are the members of an object's schema.
type Properties = map[string]*Schema

// ObjectOf is the schema of a closed object.
func ObjectOf(p Properties, required ...string) *Schema {
	return &Schema{Type: TypeObject, Properties: p, Required: required}
}

// OpenObject is the schema of an object of which nobody looks at the members.
func OpenObject() *Schema { return &Schema{Type: TypeObject, Open: true} }

// ListOf is the schema of an array.
func ListOf(items *Schema) *Schema { return &Schema{Type: TypeArray, Items: items} }

// StringOf is the schema of a string, of any or of one among some.
func StringOf(enum ...string) *Schema { return &Schema{Type: TypeString, Enum: enum} }

// BooleanOf is the schema of a boolean.
func BooleanOf() *Schema { return &Schema{Type: TypeBoolean} }

// NumberOf is the schema of a number between two others, which it may be.
func NumberOf(least, most float64) *Schema {
	return &Schema{Type: TypeNumber, Min: &least, Max: &most}
}

// IntegerOf is the schema of an integer between two others, which it may be.
func IntegerOf(least, most int) *Schema {
	low, high := float64(least), float64(most)
	return &Schema{Type: TypeInteger, Min: &low, Max: &high}
}

// Into decodes a body that passed its schema into a struct. It is for the
// members that have to stay as the caller wrote them, as json.RawMessage: tool
// schemas, whose order of properties means something to models.
func Into(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return Malformed("")
	}
	return nil
}

// Value returns what a model wrote as the input of a tool so that it can stand
// in a body: as it is when it is JSON, the empty object when it is nothing, and
// as a string otherwise.
func Value(raw json.RawMessage) json.RawMessage {
	switch {
	case len(strings.TrimSpace(string(raw))) == 0:
		return json.RawMessage("{}")
	case json.Valid(raw):
		return raw
	}
	text, err := Marshal(string(raw))
	if err != nil { // a string can always be written
		return json.RawMessage("{}")
	}
	return text
}

// Bytes decodes the base64 text of a member, with or without padding. At is
// where it stands, "#/images/0".
func Bytes(at, text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(data) == 0 {
		return nil, Malformed(at + ": the value is not valid base64")
	}
	return data, nil
}

// Base64 is the text of bytes in a body.
func Base64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
