package scripted

import (
	"bytes"
	"encoding/json"
	"math"

	"gopkg.in/yaml.v3"
)

// value is a JSON value of a rule file, with its templates. Objects keep the
// order in which they were written.
type value struct {
	raw    json.RawMessage // a scalar without a template
	text   *text           // a string with one
	keys   []string        // of an object
	items  []value         // of an array, or the values of an object
	object bool
}

// value reads a JSON value from a node.
func (r *reader) value(n *yaml.Node) value {
	n = r.follow(n)
	switch n.Kind {
	case yaml.MappingNode:
		v := value{object: true}
		r.pairs(n, func(key, item *yaml.Node) {
			v.keys = append(v.keys, key.Value)
			v.items = append(v.items, r.value(item))
		})
		return v
	case yaml.SequenceNode:
		v := value{items: make([]value, 0, len(n.Content))}
		for _, item := range n.Content {
			v.items = append(v.items, r.value(item))
		}
		return v
	case yaml.ScalarNode:
		return r.scalar(n)
	case yaml.DocumentNode, yaml.AliasNode:
	}
	r.wrong(n, "this is no value")
	return value{raw: json.RawMessage("null")}
}

func (r *reader) scalar(n *yaml.Node) value {
	var v any
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		if err := n.Decode(&v); err != nil {
			r.wrong(n, "%q is no number", n.Value)
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			r.wrong(n, "%s is no number of JSON", n.Value)
			v = nil
		}
	default: // a date is text, too
		t := r.text(n)
		if !t.literal() {
			return value{text: t}
		}
		v = t.render(nil)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		r.wrong(n, "this is no value of JSON")
		raw = json.RawMessage("null")
	}
	return value{raw: raw}
}

// render fills the templates in. A string that is nothing but one reference to a
// JSON value becomes that value.
func (v *value) render(s *scene) json.RawMessage {
	var b bytes.Buffer
	v.write(&b, s)
	return b.Bytes()
}

func (v *value) write(b *bytes.Buffer, s *scene) {
	switch {
	case v.raw != nil:
		b.Write(v.raw)
	case v.text != nil:
		if found, ok := v.text.json(s); ok {
			b.Write(found)
			return
		}
		b.Write(quote(v.text.render(s)))
	case v.object:
		b.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quote(key))
			b.WriteByte(':')
			v.items[i].write(b, s)
		}
		b.WriteByte('}')
	default:
		b.WriteByte('[')
		for i := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			v.items[i].write(b, s)
		}
		b.WriteByte(']')
	}
}

// quote is the JSON form of a string, without HTML's escapes.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return json.RawMessage(`""`) // strings can always be encoded
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
