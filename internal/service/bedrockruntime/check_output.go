package bedrockruntime

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/wire/schema"
)

// unsupportedKeywords are the members of a JSON Schema that Bedrock's structured
// output does not know, by the type that they limit; "" for those of any type.
var unsupportedKeywords = map[string][]string{
	"number":  {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"},
	"integer": {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"},
	"string":  {"maxLength", "minLength"},
	"array":   {"contains", "maxContains", "maxItems", "minContains", "uniqueItems"},
	"object":  {"maxProperties", "minProperties", "patternProperties", "propertyNames"},
	"":        {"dependentRequired", "dependentSchemas", "else", "if", "not", "then"},
}

// maxSchemaDepth bounds how deep a schema may be.
const maxSchemaDepth = 64

// checkOutput checks the schema that an answer shall fit: a subset of JSON
// Schema, so that every answer can be held to it.
func (c *conversation) checkOutput() error {
	format := c.OutputConfig.TextFormat
	if format == nil || format.Structure == nil || format.Structure.JsonSchema == nil {
		return nil // the translation says what is missing
	}
	var doc any // nil when it is no JSON, which the translation says
	_ = json.Unmarshal([]byte(schema.Deref(format.Structure.JsonSchema.Schema)), &doc)
	return outputSchema("output_config.format.schema").check(doc, 0)
}

// outputSchema is where a schema is that what a model writes is held to.
type outputSchema string

func (at outputSchema) refuse(format string, args ...any) error {
	return modelError(string(at)+": "+format, args...)
}

func (at outputSchema) check(node any, depth int) error {
	if depth > maxSchemaDepth {
		return at.refuse("The schema is nested too deeply")
	}
	if list, ok := node.([]any); ok {
		for _, member := range list {
			if err := at.check(member, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	members, ok := node.(map[string]any)
	if !ok {
		return nil
	}
	if err := at.checkKeywords(members); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		var err error
		switch key {
		case "properties", "$defs", "definitions":
			below, _ := members[key].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(below)) {
				if err = at.check(below[name], depth+1); err != nil {
					break
				}
			}
		case "items", "prefixItems", "anyOf", "allOf", "oneOf":
			err = at.check(members[key], depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (at outputSchema) checkKeywords(members map[string]any) error {
	kinds := []string{}
	switch t := members["type"].(type) {
	case string:
		kinds = append(kinds, t)
	case []any:
		for _, k := range t {
			if name, ok := k.(string); ok {
				kinds = append(kinds, name)
			}
		}
	}
	for _, kind := range kinds {
		if found := among(members, unsupportedKeywords[kind]); len(found) > 0 && kind != "" {
			return at.refuse("For '%s' type, %s not supported", kind, properties(found))
		}
	}
	if found := among(members, unsupportedKeywords[""]); len(found) > 0 {
		return at.refuse("Properties %s are not supported", strings.Join(found, ", "))
	}
	if least, ok := members["minItems"].(float64); ok && least > 1 {
		return at.refuse("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
	}
	if ref, ok := members["$ref"].(string); ok && !strings.HasPrefix(ref, "#") {
		return at.refuse("References to other documents are not supported")
	}
	if additional, ok := members["additionalProperties"].(bool); slices.Contains(kinds, "object") && (!ok || additional) {
		return at.refuse("For 'object' type, 'additionalProperties' must be explicitly set to false")
	}
	return nil
}

// properties says what is not supported: one, or several.
func properties(found []string) string {
	if len(found) == 1 {
		return "property '" + found[0] + "' is"
	}
	return "properties " + strings.Join(found, ", ") + " are"
}

func among(members map[string]any, keywords []string) []string {
	var found []string
	for _, k := range keywords {
		if _, ok := members[k]; ok {
			found = append(found, k)
		}
	}
	return found
}
