package scripted

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep a made value is: deeper down, members that need not
// be there are left out.
const (
	maxDepth  = 5
	lastDepth = 24
	maxMade   = 10_000  // values in one
	maxText   = 4 << 20 // bytes of all texts in one
	maxWrites = 1 << 20 // steps to make texts of patterns
)

// sample makes a value that fits a schema: the same one each time. Of what the
// schema says it knows the common words; a schema that no value fits gets one
// that does not either.
func sample(schema json.RawMessage) json.RawMessage {
	root, ok := decode(schema)
	if !ok {
		return json.RawMessage("{}")
	}
	g := &sampler{root: root}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(g.value(root, "", 0)); err != nil {
		return json.RawMessage("{}")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// decode reads JSON and keeps its numbers as they are written.
func decode(text json.RawMessage) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	return v, true
}

type sampler struct {
	root any
	made int
	size int // bytes of the texts so far
	// writes counts the steps of patterns, which can repeat nothing very often.
	writes int
}

// resolve follows $ref within the schema.
func (g *sampler) resolve(schema any) map[string]any {
	for range 32 {
		m, _ := schema.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		path, ok := strings.CutPrefix(ref, "#")
		if !ok {
			return nil
		}
		schema = g.root
		for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
			if name == "" {
				continue
			}
			name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
			next, _ := schema.(map[string]any)
			schema = next[name]
		}
	}
	return nil
}

// value makes a value. name is that of the member, which texts say.
func (g *sampler) value(schema any, name string, depth int) any {
	if g.made++; depth > lastDepth || g.made > maxMade {
		return nil
	}
	m := g.resolve(schema)
	for _, key := range []string{"const", "default"} {
		if v, ok := m[key]; ok {
			return v
		}
	}
	for _, key := range []string{"enum", "examples"} {
		if list, ok := m[key].([]any); ok && len(list) > 0 {
			return list[0]
		}
	}
	if all, ok := m["allOf"].([]any); ok {
		m = g.merge(m, all)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if list, ok := m[key].([]any); ok && len(list) > 0 {
			return g.value(g.merge(without(m, key), []any{g.choose(list, depth)}), name, depth+1)
		}
	}
	switch g.kind(m) {
	case "object":
		return g.object(m, depth)
	case "array":
		return g.array(m, name, depth)
	case "string":
		return g.text(m, name)
	case "integer":
		return number(m, true)
	case "number":
		return number(m, false)
	case "boolean":
		return true
	}
	return nil
}

// choose takes the first way, but deep down the first that ends.
func (g *sampler) choose(list []any, depth int) any {
	if depth > maxDepth {
		for _, one := range list {
			switch g.kind(g.resolve(one)) {
			case "object", "array":
			default:
				return one
			}
		}
	}
	return list[0]
}

func without(m map[string]any, key string) map[string]any {
	out := make(map[string]any, len(m))
	maps.Copy(out, m)
	delete(out, key)
	return out
}

// merge joins schemas that all have to fit: the members of later ones win, but
// properties and what is required add up.
func (g *sampler) merge(m map[string]any, all []any) map[string]any {
	out := without(m, "allOf")
	for _, one := range all {
		for k, v := range g.resolve(one) {
			switch have := out[k].(type) {
			case map[string]any:
				if more, ok := v.(map[string]any); ok && k == "properties" {
					joined := without(have, "")
					maps.Copy(joined, more)
					v = joined
				}
			case []any:
				if more, ok := v.([]any); ok && k == "required" {
					v = append(append([]any(nil), have...), more...)
				}
			}
			out[k] = v
		}
	}
	return out
}

func (g *sampler) kind(m map[string]any) string {
	switch t := m["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if s, ok := one.(string); ok && s != "null" {
				return s
			}
		}
		return "null"
	}
	switch {
	case m["properties"] != nil || m["required"] != nil || m["additionalProperties"] != nil:
		return "object"
	case m["items"] != nil || m["prefixItems"] != nil:
		return "array"
	case m["minimum"] != nil || m["maximum"] != nil:
		return "number"
	}
	return "string"
}

func (g *sampler) object(m map[string]any, depth int) any {
	out := make(map[string]any)
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	for _, one := range required {
		if name, ok := one.(string); ok {
			p, known := properties[name]
			if !known {
				p = m["additionalProperties"]
			}
			out[name] = g.value(p, name, depth+1)
		}
	}
	if depth < maxDepth {
		for name, p := range properties {
			if _, ok := out[name]; !ok {
				out[name] = g.value(p, name, depth+1)
			}
		}
	}
	for i := 0; len(out) < integer(m["minProperties"], 0) && g.made <= maxMade; i++ {
		name := "name" + strconv.Itoa(i)
		out[name] = g.value(m["additionalProperties"], name, depth+1)
	}
	return out
}

func (g *sampler) array(m map[string]any, name string, depth int) any {
	out := []any{}
	if first, ok := m["prefixItems"].([]any); ok {
		for _, one := range first {
			out = append(out, g.value(one, name, depth+1))
		}
	}
	n := integer(m["minItems"], 0)
	if n == 0 && m["items"] != nil && depth < maxDepth && integer(m["maxItems"], 1) > 0 {
		n = 1
	}
	for i := len(out); i < min(n, 1000); i++ {
		v := g.value(m["items"], name, depth+1)
		if unique, _ := m["uniqueItems"].(bool); unique && i > 0 {
			v = g.another(m["items"], v, i)
		}
		out = append(out, v)
	}
	return out
}

// another makes an item that differs from those before it, where it can.
func (g *sampler) another(schema, v any, i int) any {
	m := g.resolve(schema)
	if list, ok := m["enum"].([]any); ok && i < len(list) {
		return list[i]
	}
	switch v := v.(type) {
	case string:
		return v + strconv.Itoa(i)
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return json.Number(strconv.FormatFloat(f+float64(i)*step(m), 'f', -1, 64))
		}
	}
	return v
}

func step(m map[string]any) float64 {
	if f, ok := float(m["multipleOf"]); ok && f > 0 {
		return f
	}
	return 1
}

// formats are texts of the formats that JSON Schema names.
var formats = map[string]string{ //nolint:gochecknoglobals // a constant table
	"date": "2026-01-02", "date-time": "2026-01-02T03:04:05Z", "time": "03:04:05Z", "duration": "PT1S",
	"email": "user@example.com", "hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.com/", "url": "https://example.com/", "uri-reference": "/", "uuid": "00000000-0000-4000-8000-000000000000",
}

func (g *sampler) text(m map[string]any, name string) string {
	if format, ok := m["format"].(string); ok && formats[format] != "" {
		return formats[format]
	}
	low, high := integer(m["minLength"], 0), integer(m["maxLength"], math.MaxInt32)
	if pattern, ok := m["pattern"].(string); ok {
		if s, ok := g.ofPattern(pattern, low); ok {
			g.size += len(s)
			return s
		}
	}
	s := name
	if s == "" {
		s = "text"
	}
	low = min(low, 1<<20, max(maxText-g.size, 0))
	s += strings.Repeat("x", max(low-utf8.RuneCountInString(s), 0))
	g.size += len(s)
	if r := []rune(s); len(r) > high {
		s = string(r[:high])
	}
	return s
}

// ofPattern makes a text that a regular expression matches. It finds none where
// the expression is not Go's, or needs what stands around.
func (g *sampler) ofPattern(pattern string, low int) (string, bool) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return "", false
	}
	// More turns of what may be repeated make it longer.
	for more := range 64 {
		var b strings.Builder
		g.write(&b, tree.Simplify(), more)
		if s := b.String(); expression.MatchString(s) && utf8.RuneCountInString(s) >= low {
			return s, true
		}
	}
	return "", false
}

func (g *sampler) write(b *strings.Builder, re *syntax.Regexp, more int) {
	if g.writes++; b.Len() > 1<<16 || g.size+b.Len() > maxText || g.writes > maxWrites {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			b.WriteRune(printable(re.Rune))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(b, sub, more)
		}
	case syntax.OpAlternate:
		g.write(b, re.Sub[0], more)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		n := more
		if re.Op == syntax.OpPlus {
			n++
		}
		if re.Op == syntax.OpQuest {
			n = min(n, 1)
		}
		if re.Op == syntax.OpRepeat {
			n = max(n, re.Min)
		}
		for range n {
			if g.writes > maxWrites {
				break
			}
			g.write(b, re.Sub[0], more)
		}
	default: // what stands for no character
	}
}

// printable is a character of a class, best one that can be seen.
func printable(ranges []rune) rune {
	for _, best := range []rune{'a', 'A', '0'} {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= best && best <= ranges[i+1] {
				return best
			}
		}
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1] >= ' ' {
			return max(ranges[i], ' ')
		}
	}
	return ranges[0]
}

// number makes the smallest number of its bounds, or one near 1.
func number(m map[string]any, whole bool) json.Number {
	low, hasLow := float(m["minimum"])
	if x, ok := float(m["exclusiveMinimum"]); ok && (!hasLow || x >= low) {
		low, hasLow = above(x, m, whole), true
	}
	high, hasHigh := float(m["maximum"])
	if x, ok := float(m["exclusiveMaximum"]); ok && (!hasHigh || x <= high) {
		high, hasHigh = below(x, low, hasLow, whole), true
	}
	v := 1.0
	switch {
	case hasLow && v < low:
		v = low
	case hasHigh && v > high:
		v = high
	}
	if of, ok := float(m["multipleOf"]); ok && of > 0 {
		v = math.Ceil(v/of) * of
		if hasHigh && v > high {
			v = math.Floor(high/of) * of
		}
	} else if whole {
		v = math.Ceil(v)
		if hasHigh && v > high {
			v = math.Floor(high)
		}
	}
	return json.Number(strconv.FormatFloat(v, 'f', -1, 64))
}

func above(x float64, m map[string]any, whole bool) float64 {
	if whole {
		return math.Floor(x) + 1
	}
	if high, ok := float(m["maximum"]); ok {
		return x + (high-x)/2
	}
	if high, ok := float(m["exclusiveMaximum"]); ok {
		return x + (high-x)/2
	}
	return x + 1
}

func below(x, low float64, hasLow, whole bool) float64 {
	switch {
	case whole:
		return math.Ceil(x) - 1
	case hasLow:
		return low + (x-low)/2
	}
	return x - 1
}

func float(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

func integer(v any, otherwise int) int {
	f, ok := float(v)
	if !ok || f < 0 || f > math.MaxInt32 {
		return otherwise
	}
	return int(f)
}
