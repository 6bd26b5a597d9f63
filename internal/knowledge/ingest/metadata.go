package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// metadataSuffix is what the name of a metadata file adds to its document's.
const metadataSuffix = ".metadata.json"

// maxMetadataSize is the size of a metadata file above which it is refused, in
// bytes.
const maxMetadataSize = 10 << 10

// attributes are what a metadata file says of its document.
type attributes struct {
	values knowledge.Metadata
	embed  []string                // keys whose values are embedded with the text, sorted
	record *document.RecordOptions // of a CSV file whose rows are passages
	// left are the attributes that could not be taken, with why.
	left []string
}

// shapes reports whether the attributes change what is embedded of a document,
// so that a change of them takes more than writing them down.
func (a *attributes) shapes() bool { return len(a.embed) > 0 || a.record != nil }

// metadataFile is the JSON of a metadata file.
type metadataFile struct {
	Attributes map[string]json.RawMessage `json:"metadataAttributes"`
	Structure  *struct {
		Type   string `json:"type"`
		Record *struct {
			Content []struct {
				Name string `json:"fieldName"`
			} `json:"contentFields"`
			Fields *struct {
				Include []fieldName `json:"fieldsToInclude"`
				Exclude []fieldName `json:"fieldsToExclude"`
			} `json:"metadataFieldsSpecification"`
		} `json:"recordBasedStructureMetadata"`
	} `json:"documentStructureConfiguration"`
}

type fieldName struct {
	Name string `json:"fieldName"`
}

// parseMetadata reads a metadata file. Invalid: it is no metadata file, so that
// nothing of it can be trusted. Single attributes that are wrong are left out
// and named.
func parseMetadata(text []byte) (*attributes, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var file metadataFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The metadata file is not JSON of the expected form.")
	}
	if file.Attributes == nil && file.Structure == nil {
		return nil, fault.New(fault.Invalid, "The metadata file has no metadataAttributes.")
	}
	a := &attributes{values: make(knowledge.Metadata, len(file.Attributes))}
	for key, raw := range file.Attributes {
		value, embed, err := parseAttribute(raw)
		switch {
		case key == "":
			a.left = append(a.left, "a key is empty")
		case knowledge.Reserved(key):
			a.left = append(a.left, fmt.Sprintf("the key %s is reserved", shortened(key)))
		case err != nil:
			a.left = append(a.left, fmt.Sprintf("the value of %s %s", shortened(key), err.Error()))
		default:
			a.values[key] = value
			if embed {
				a.embed = append(a.embed, key)
			}
		}
	}
	slices.Sort(a.embed)
	slices.Sort(a.left)
	return a, a.setStructure(&file)
}

// setStructure takes over how the rows of a CSV file are read.
func (a *attributes) setStructure(file *metadataFile) error {
	structure := file.Structure
	if structure == nil {
		return nil
	}
	record := structure.Record
	if structure.Type != "RECORD_BASED_STRUCTURE_METADATA" || record == nil {
		return fault.New(fault.Invalid, "The documentStructureConfiguration of the metadata file is not of type RECORD_BASED_STRUCTURE_METADATA.")
	}
	if len(record.Content) != 1 || record.Content[0].Name == "" {
		return fault.New(fault.Invalid, "The documentStructureConfiguration of the metadata file does not name exactly one content field.")
	}
	a.record = &document.RecordOptions{Content: record.Content[0].Name}
	if record.Fields != nil {
		for _, f := range record.Fields.Include {
			a.record.Include = append(a.record.Include, f.Name)
		}
		for _, f := range record.Fields.Exclude {
			a.record.Exclude = append(a.record.Exclude, f.Name)
		}
	}
	return nil
}

// typedValue is the long form of an attribute's value.
type typedValue struct {
	Type   string   `json:"type"`
	String *string  `json:"stringValue"`
	Number *float64 `json:"numberValue"`
	Bool   *bool    `json:"booleanValue"`
	List   []string `json:"stringListValue"`
}

// parseAttribute reads an attribute in its short form, a plain value, or in its
// long form, an object that tells its type and whether it is embedded. The text
// of the error goes on from "the value".
func parseAttribute(raw json.RawMessage) (v knowledge.Value, embed bool, err error) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		if err := json.Unmarshal(raw, &v); err != nil {
			return v, false, fmt.Errorf("is not a string, a number, a boolean or a list of strings")
		}
		return v, false, nil
	}
	var long struct {
		Value   *typedValue `json:"value"`
		Include bool        `json:"includeForEmbedding"`
	}
	if err := json.Unmarshal(raw, &long); err != nil || long.Value == nil {
		return v, false, fmt.Errorf("is an object without a valid value")
	}
	v, ok := long.Value.value()
	if !ok {
		return v, false, fmt.Errorf("is not of the type that it names")
	}
	return v, long.Include, nil
}

func (t *typedValue) value() (knowledge.Value, bool) {
	switch {
	case t.Type == "STRING" && t.String != nil:
		return knowledge.String(*t.String), true
	case t.Type == "NUMBER" && t.Number != nil:
		return knowledge.Number(*t.Number), true
	case t.Type == "BOOLEAN" && t.Bool != nil:
		return knowledge.Bool(*t.Bool), true
	case t.Type == "STRING_LIST" && t.List != nil:
		return knowledge.List(t.List), true
	}
	return knowledge.Value{}, false
}

// shortened makes a key fit into a sentence.
func shortened(key string) string {
	const most = 100
	if runes := []rune(key); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return key
}

// preface is what is embedded in front of every passage of a document: a line
// "key: value" for each of the keys, in their order, then an empty line. It is
// no part of the passage that a search returns.
func preface(values knowledge.Metadata, keys []string) string {
	var b strings.Builder
	for _, key := range keys {
		value, ok := values[key]
		if !ok {
			continue
		}
		switch v := value.Any().(type) {
		case []string:
			fmt.Fprintf(&b, "%s: %s\n", key, strings.Join(v, ", "))
		default:
			fmt.Fprintf(&b, "%s: %v\n", key, v)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	b.WriteByte('\n')
	return b.String()
}
