package grammar

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Schema adds the rules of a JSON Schema and returns the name of the one for
// its values.
func (b *Builder) Schema(schema []byte) (string, error) {
	root, err := parse(schema)
	if err != nil {
		return "", err
	}
	c := &compiler{b: b, root: root, refs: map[string]string{}}
	rule, err := c.schema(root, "")
	if err == nil {
		err = b.err
	}
	return rule, err
}

type compiler struct {
	b     *Builder
	root  *node
	refs  map[string]string // rules of what is referred to
	depth int
}

// asserting are keywords that a value has to fit and that no grammar says.
var asserting = []string{
	"not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "patternProperties", "propertyNames",
	"unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "multipleOf", "minProperties", "maxProperties",
	"additionalItems", "$dynamicRef", "$recursiveRef",
}

// describing are keywords that a schema may have beside $ref, enum and the like
// without asking for more.
var describing = []string{
	"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id", "$defs",
	"definitions", "$anchor", "format", "contentEncoding", "contentMediaType", "contentSchema", "strict", "nullable", "discriminator",
}

func (c *compiler) schema(n *node, path string) (string, error) {
	if c.depth++; c.depth > mostDepth || !c.b.spend(len(path)+len(asserting)*(1+len(n.members))) {
		return "", errTooLarge
	}
	defer func() { c.depth-- }()
	switch {
	case n.is("true"):
		return c.b.shared("value"), nil
	case n.kind != '{':
		return "", fmt.Errorf("the schema at #%s is not an object", path)
	}
	for _, key := range asserting {
		if v := n.get(key); v != nil && v.raw != "{}" {
			return "", &Unsupported{Keyword: key, Path: path}
		}
	}
	if n.get("uniqueItems").is("true") {
		return "", &Unsupported{Keyword: "uniqueItems", Path: path}
	}
	switch {
	case n.get("$ref") != nil:
		return c.ref(n, path)
	case n.get("allOf") != nil:
		merged, err := c.allOf(n, path)
		if err != nil {
			return "", err
		}
		return c.schema(merged, path)
	case n.get("anyOf") != nil && n.get("oneOf") != nil:
		return "", &Unsupported{Keyword: "oneOf", Path: path, Why: "beside anyOf"}
	case n.get("anyOf") != nil:
		return c.alternatives(n, "anyOf", path)
	case n.get("oneOf") != nil:
		if !c.exclusive(n.get("oneOf").items) {
			return "", &Unsupported{Keyword: "oneOf", Path: path, Why: "its alternatives are not told apart by a type, or by a required property with a const; use anyOf"}
		}
		return c.alternatives(n, "oneOf", path)
	case n.get("const") != nil:
		return c.values(n, "const", []*node{n.get("const")}, path)
	case n.get("enum") != nil:
		return c.values(n, "enum", n.get("enum").items, path)
	}
	return c.typed(n, path)
}

// beside refuses keywords beside one that stands alone.
func beside(n *node, keyword, path string, also ...string) error {
	for _, m := range n.members {
		if m.key != keyword && !slices.Contains(describing, m.key) && !slices.Contains(also, m.key) && isKeyword(m.key) {
			return &Unsupported{Keyword: m.key, Path: path, Why: "beside " + keyword}
		}
	}
	return nil
}

// isKeyword reports whether a member asks for something; unknown ones do not.
func isKeyword(key string) bool {
	switch key {
	case "type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "pattern",
		"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const", "anyOf", "oneOf", "allOf", "$ref":
		return true
	}
	return false
}

func (c *compiler) ref(n *node, path string) (string, error) {
	if err := beside(n, "$ref", path); err != nil {
		return "", err
	}
	target, ok := n.get("$ref").text()
	if !ok {
		return "", &Unsupported{Keyword: "$ref", Path: path}
	}
	if rule, ok := c.refs[target]; ok {
		return rule, nil
	}
	at, pointer := c.find(target)
	if at == nil {
		return "", &Unsupported{Keyword: "$ref", Path: path, Why: strconv.Quote(target) + " is not in the schema"}
	}
	name := c.b.reserve("ref")
	c.refs[target] = name
	rule, err := c.schema(at, pointer)
	if err != nil {
		return "", err
	}
	c.b.define(name, rule)
	return name, nil
}

// find follows a pointer within the schema.
func (c *compiler) find(target string) (n *node, pointer string) {
	pointer, ok := strings.CutPrefix(target, "#")
	if !ok || pointer != "" && pointer[0] != '/' {
		return nil, ""
	}
	n = c.root
	if pointer == "" {
		return n, pointer
	}
	for part := range strings.SplitSeq(pointer[1:], "/") {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if !c.b.spend(1 + len(n.members)) {
			return nil, ""
		}
		switch n.kind {
		case '{':
			n = n.get(part)
		case '[':
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil, ""
			}
			n = n.items[i]
		default:
			return nil, ""
		}
		if n == nil {
			return nil, ""
		}
	}
	return n, pointer
}

// resolved follows references, a few times.
func (c *compiler) resolved(n *node) *node {
	for range 8 {
		target, ok := n.get("$ref").text()
		if !ok {
			break
		}
		at, _ := c.find(target)
		if at == nil {
			break
		}
		n = at
	}
	return n
}

// allOf merges all schemas into one.
func (c *compiler) allOf(n *node, path string) (*node, error) {
	merged := n.without("allOf")
	for _, part := range n.get("allOf").items {
		part = c.resolved(part)
		if part.kind != '{' {
			return nil, &Unsupported{Keyword: "allOf", Path: path}
		}
		if part.get("allOf") != nil {
			if c.depth++; c.depth > mostDepth {
				return nil, errTooLarge
			}
			inner, err := c.allOf(part, path)
			c.depth--
			if err != nil {
				return nil, err
			}
			part = inner
		}
		var err error
		if merged, err = c.merge(merged, part, "allOf", path); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

// merge is a schema that asks for what both ask for.
func (c *compiler) merge(a, b *node, keyword, path string) (*node, error) {
	if !c.b.spend(len(a.members) + len(b.members)*(1+len(a.raw)) + len(b.raw)) { // each member that is set writes the whole
		return nil, errTooLarge
	}
	refused := func(why string) error { return &Unsupported{Keyword: keyword, Path: path, Why: why} }
	closed := func(n *node) bool {
		return n.get("additionalProperties") != nil && !n.get("additionalProperties").is("true")
	}
	if (closed(a) && b.get("properties") != nil || closed(b) && a.get("properties") != nil) && a.get("properties") != nil {
		if ap := b.get("properties"); ap == nil || a.get("properties").raw != ap.raw {
			return nil, refused("additionalProperties is in one of its parts")
		}
	}
	out := a
	for _, m := range b.members {
		have := out.get(m.key)
		switch {
		case have == nil:
			out = out.with(m.key, m.value)
		case have.raw == m.value.raw || slices.Contains(describing, m.key):
		case m.key == "properties":
			if !c.b.spend(len(have.members) * len(m.value.members)) {
				return nil, errTooLarge
			}
			props := &node{kind: '{', members: slices.Clone(have.members)}
			for _, p := range m.value.members {
				props.set(p)
			}
			out = out.with(m.key, props.rewritten())
		case m.key == "required":
			out = out.with(m.key, list(append(slices.Clone(have.items), m.value.items...)...))
		case m.key == "type":
			var both []*node
			if !c.b.spend(len(have.items) * len(m.value.items)) {
				return nil, errTooLarge
			}
			for _, t := range types(have) {
				for _, u := range types(m.value) {
					if t == u || t == "integer" && u == "number" || t == "number" && u == "integer" {
						if t == "number" {
							t = u
						}
						both = append(both, word(t))
						break
					}
				}
			}
			if len(both) == 0 {
				return nil, refused("no type is left")
			}
			out = out.with(m.key, list(both...))
		case isLowerBound(m.key) || isUpperBound(m.key):
			x, okX := have.number()
			y, okY := m.value.number()
			if !okX || !okY {
				return nil, refused(m.key + " is not a number")
			}
			if isLowerBound(m.key) && y > x || isUpperBound(m.key) && y < x {
				out = out.with(m.key, m.value)
			}
		case isKeyword(m.key):
			return nil, refused(m.key + " is in several of its parts")
		}
	}
	return out, nil
}

func isLowerBound(key string) bool {
	return key == "minimum" || key == "exclusiveMinimum" || key == "minLength" || key == "minItems"
}

func isUpperBound(key string) bool {
	return key == "maximum" || key == "exclusiveMaximum" || key == "maxLength" || key == "maxItems"
}

func (c *compiler) alternatives(n *node, keyword, path string) (string, error) {
	base := n.without(append([]string{keyword}, describing...)...)
	var rules []string
	for i, alternative := range n.get(keyword).items {
		at := fmt.Sprintf("%s/%s/%d", path, keyword, i)
		if alternative.is("false") {
			continue
		}
		if len(base.members) > 0 {
			alternative = c.resolved(alternative)
			if alternative.kind != '{' {
				return "", &Unsupported{Keyword: keyword, Path: path}
			}
			var err error
			if alternative, err = c.merge(base, alternative, keyword, path); err != nil {
				return "", err
			}
		}
		rule, err := c.schema(alternative, at)
		if err != nil {
			return "", err
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return "", &Unsupported{Keyword: keyword, Path: path, Why: "it has no alternative"}
	}
	return c.b.Add("any", strings.Join(rules, " | ")), nil
}

// exclusive reports whether a value can fit at most one of several schemas: they
// have different types, or are objects with a required property of different
// values.
func (c *compiler) exclusive(items []*node) bool {
	resolved := make([]*node, len(items))
	for i, item := range items {
		resolved[i] = c.resolved(item)
		for _, other := range resolved[:i] {
			if !c.apart(resolved[i], other) {
				return false
			}
		}
	}
	return true
}

// apart reports whether no value fits both; false when that takes too long to
// find out, which schemas that refer to themselves can make it.
func (c *compiler) apart(a, b *node) bool {
	if c.depth++; c.depth > mostDepth || !c.b.spend(8+len(a.members)+len(b.members)) {
		c.depth--
		return false
	}
	defer func() { c.depth-- }()
	ta, tb := types(a.get("type")), types(b.get("type"))
	if !c.b.spend(len(ta) * len(tb)) {
		return false
	}
	if va, vb := constants(a), constants(b); va != nil && vb != nil {
		if !c.b.spend(len(va) * len(vb)) {
			return false
		}
		return !slices.ContainsFunc(va, func(v string) bool { return slices.Contains(vb, v) })
	}
	if len(ta) > 0 && len(tb) > 0 && !slices.ContainsFunc(ta, func(t string) bool {
		return slices.Contains(tb, t) || t == "integer" && slices.Contains(tb, "number") || t == "number" && slices.Contains(tb, "integer")
	}) {
		return true
	}
	pa, pb := a.get("properties"), b.get("properties")
	if pa == nil || pb == nil {
		return false
	}
	for _, p := range pa.members {
		if !c.b.spend(len(pb.members)) {
			return false
		}
		other := pb.get(p.key)
		if other == nil || !c.requires(a, p.key) || !c.requires(b, p.key) {
			continue
		}
		if c.apart(c.resolved(p.value), c.resolved(other)) {
			return true
		}
	}
	return false
}

func constants(n *node) []string {
	var out []string
	if v := n.get("const"); v != nil {
		out = append(out, v.raw)
	} else if v := n.get("enum"); v != nil {
		for _, item := range v.items {
			out = append(out, item.raw)
		}
	}
	return out
}

func (c *compiler) requires(n *node, key string) bool {
	req, raw := n.get("required"), quote(key)
	return req != nil && c.b.spend(len(req.items)) && slices.ContainsFunc(req.items, func(v *node) bool { return v.is(raw) })
}

func types(n *node) []string {
	if n == nil {
		return nil
	}
	if t, ok := n.text(); ok {
		return []string{t}
	}
	var out []string
	for _, item := range n.items {
		if t, ok := item.text(); ok {
			out = append(out, t)
		}
	}
	return out
}

func (c *compiler) values(n *node, keyword string, values []*node, path string) (string, error) {
	if err := beside(n, keyword, path, "type"); err != nil {
		return "", err
	}
	allowed := types(n.get("type"))
	if !c.b.spend(len(allowed) * len(values)) {
		return "", errTooLarge
	}
	var rules []string
	for _, v := range values {
		kind := v.kindOf()
		if len(allowed) == 0 || slices.Contains(allowed, kind) || kind == "integer" && slices.Contains(allowed, "number") {
			rules = append(rules, Literal(v.raw))
		}
	}
	if len(rules) == 0 {
		return "", &Unsupported{Keyword: keyword, Path: path, Why: "it has no value of the type"}
	}
	return c.b.Add("enum", strings.Join(rules, " | ")), nil
}

// typed compiles a schema by its type; one without is of the type that its
// keywords are about.
func (c *compiler) typed(n *node, path string) (string, error) {
	kinds := types(n.get("type"))
	if len(kinds) == 0 && n.get("type") != nil {
		return "", &Unsupported{Keyword: "type", Path: path}
	}
	if len(kinds) == 0 {
		for _, k := range []struct{ kind, keywords string }{
			{"object", "properties required additionalProperties"},
			{"array", "items prefixItems minItems maxItems"},
			{"string", "minLength maxLength pattern"},
			{"number", "minimum maximum exclusiveMinimum exclusiveMaximum"},
		} {
			for key := range strings.FieldsSeq(k.keywords) {
				if n.get(key) != nil {
					return c.kind(n, k.kind, path)
				}
			}
		}
		return c.b.shared("value"), nil
	}
	var rules []string
	for _, kind := range kinds {
		rule, err := c.kind(n, kind, path)
		if err != nil {
			return "", err
		}
		rules = append(rules, rule)
	}
	if len(rules) == 1 {
		return rules[0], nil
	}
	return c.b.Add("any", strings.Join(rules, " | ")), nil
}

func (c *compiler) kind(n *node, kind, path string) (string, error) {
	switch kind {
	case "null":
		return c.b.Add("null", `"null"`), nil
	case "boolean":
		return c.b.Add("boolean", `"true" | "false"`), nil
	case "string":
		return c.string(n, path)
	case "integer":
		return c.integer(n, path)
	case "number":
		return c.number(n, path)
	case "array":
		return c.array(n, path)
	case "object":
		return c.object(n, path)
	}
	return "", &Unsupported{Keyword: "type", Path: path, Why: "there is no type " + strconv.Quote(kind)}
}

// bounds reads a pair of keywords that count something. most is -1 when there is
// no upper one.
func bounds(n *node, lower, upper, path string) (least, most int, err error) {
	most = -1
	if v := n.get(lower); v != nil {
		x, ok := v.number()
		if !ok || x < 0 || x > mostRepeat {
			return 0, 0, &Unsupported{Keyword: lower, Path: path, Why: fmt.Sprintf("it is not a number from 0 to %d", mostRepeat)}
		}
		least = int(math.Ceil(x))
	}
	if v := n.get(upper); v != nil {
		x, ok := v.number()
		if !ok || x < float64(least) || x > mostRepeat {
			return 0, 0, &Unsupported{Keyword: upper, Path: path, Why: fmt.Sprintf("it is not a number from %d to %d", least, mostRepeat)}
		}
		most = int(math.Floor(x))
	}
	return least, most, nil
}

// times is a rule repeated.
func (b *Builder) times(rule string, least, most int) string {
	if b.repeats += max(least, most); b.repeats > mostRepeats {
		b.err = errTooLarge
	}
	switch {
	case most < 0 && least == 0:
		return rule + "*"
	case most < 0:
		return fmt.Sprintf("%s{%d,}", rule, least)
	case most == 0:
		return `""`
	}
	return fmt.Sprintf("%s{%d,%d}", rule, least, most)
}

// formats are what is known of a string's format; other ones only describe.
var formats = map[string]string{
	"date":      `[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | "1" [0-9] | "2" [0-8])`,
	"time":      `([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])`,
	"uuid":      `[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}`,
	"ipv4":      `("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9]) ("." ("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9])){3}`,
	"date-time": "",
}

func (c *compiler) string(n *node, path string) (string, error) {
	least, most, err := bounds(n, "minLength", "maxLength", path)
	if err != nil {
		return "", err
	}
	format, _ := n.get("format").text()
	body, known := formats[format]
	bounded := n.get("minLength") != nil || n.get("maxLength") != nil
	pattern := n.get("pattern")
	switch {
	case pattern != nil && (known || bounded):
		return "", &Unsupported{Keyword: "pattern", Path: path, Why: "beside format, minLength or maxLength"}
	case pattern != nil:
		text, _ := pattern.text()
		if body, err = c.pattern(text, path); err != nil {
			return "", err
		}
	case known && bounded:
		return "", &Unsupported{Keyword: "format", Path: path, Why: "beside minLength or maxLength"}
	case format == "date-time":
		body = formats["date"] + ` "T" ` + formats["time"]
	case known:
	case !bounded:
		return c.b.shared("string"), nil
	default:
		body = c.b.times(c.b.shared("char"), least, most)
	}
	return c.b.Add("string", `"\"" `+body+` "\""`), nil
}

func (c *compiler) array(n *node, path string) (string, error) {
	least, most, err := bounds(n, "minItems", "maxItems", path)
	if err != nil {
		return "", err
	}
	items := n.get("items")
	if items != nil && items.kind == '[' {
		return "", &Unsupported{Keyword: "items", Path: path, Why: "it is a list; use prefixItems"}
	}
	if prefix := n.get("prefixItems"); prefix != nil {
		return c.tuple(n, prefix.items, least, most, path)
	}
	if most == 0 || items.is("false") {
		if least > 0 {
			return "", &Unsupported{Keyword: "minItems", Path: path, Why: "no item is allowed"}
		}
		return c.b.Add("array", `"[]"`), nil
	}
	item := c.b.shared("value")
	if items != nil {
		if item, err = c.schema(items, path+"/items"); err != nil {
			return "", err
		}
	}
	return c.b.Add("array", c.items(nil, item, least, most)), nil
}

// items is a list of fixed ones, and then of as many others as bounds say.
func (c *compiler) items(fixed []string, other string, least, most int) string {
	comma := c.b.shared("comma")
	body := strings.Join(fixed, " "+comma+" ")
	least = max(least-len(fixed), 0)
	if most >= 0 {
		most = max(most-len(fixed), 0)
	}
	if other == "" || most == 0 {
		return `"[" ` + body + ` "]"`
	}
	next := c.b.Add("next", comma+" "+other)
	if len(fixed) > 0 {
		return `"[" ` + body + " " + c.b.times(next, least, most) + ` "]"`
	}
	some := other + " " + c.b.times(next, max(least-1, 0), max(most-1, min(most, -1)))
	if least == 0 {
		some = "(" + some + ")?"
	}
	return `"[" ` + some + ` "]"`
}

func (c *compiler) tuple(n *node, prefix []*node, least, most int, path string) (string, error) {
	if most >= 0 && most < len(prefix) {
		prefix = prefix[:max(most, least)]
	}
	var fixed []string
	for i, item := range prefix {
		rule, err := c.schema(item, fmt.Sprintf("%s/prefixItems/%d", path, i))
		if err != nil {
			return "", err
		}
		fixed = append(fixed, rule)
	}
	other := ""
	if items := n.get("items"); items != nil && !items.is("false") {
		var err error
		if other, err = c.schema(items, path+"/items"); err != nil {
			return "", err
		}
	} else if least > len(prefix) {
		if items.is("false") {
			return "", &Unsupported{Keyword: "minItems", Path: path, Why: "no further item is allowed"}
		}
		other = c.b.shared("value")
	}
	return c.b.Add("array", c.items(fixed, other, least, most)), nil
}

func (c *compiler) object(n *node, path string) (string, error) {
	type property struct {
		rule     string
		required bool
	}
	var properties []property
	more := n.get("additionalProperties")
	add := func(key, rule string, required bool) {
		pair := c.b.Add("pair", Literal(quote(key))+" "+c.b.shared("colon")+" "+rule)
		properties = append(properties, property{pair, required})
	}
	known := map[string]bool{}
	if props := n.get("properties"); props != nil {
		for _, p := range props.members {
			if known[p.key] {
				continue
			}
			known[p.key] = true
			if p.value.is("false") {
				continue
			}
			rule, err := c.schema(p.value, path+"/properties/"+p.key)
			if err != nil {
				return "", err
			}
			add(p.key, rule, c.requires(n, p.key))
		}
	}
	other := func() (string, error) {
		if more == nil || more.is("false") {
			return c.b.shared("value"), nil
		}
		return c.schema(more, path+"/additionalProperties")
	}
	if req := n.get("required"); req != nil {
		for _, r := range req.items {
			key, ok := r.text()
			if !ok || known[key] {
				continue
			}
			if more.is("false") {
				return "", &Unsupported{Keyword: "required", Path: path, Why: strconv.Quote(key) + " is not allowed"}
			}
			known[key] = true
			rule, err := other()
			if err != nil {
				return "", err
			}
			add(key, rule, true)
		}
	}
	if len(properties) == 0 {
		if more.is("false") || n.get("properties") != nil && more == nil {
			return c.b.Add("object", `"{}"`), nil
		}
		rule, err := other()
		if err != nil {
			return "", err
		}
		pair := c.b.Add("pair", c.b.shared("string")+" "+c.b.shared("colon")+" "+rule)
		next := c.b.Add("next", c.b.shared("comma")+" "+pair)
		return c.b.Add("object", `"{" (`+pair+" "+next+`*)? "}"`), nil
	}
	// From the last to the first: what can follow when nothing has been written
	// yet, and when something has.
	first, later := `""`, `""`
	comma := c.b.shared("comma")
	for _, p := range slices.Backward(properties) {
		head, tail := p.rule+" "+later, comma+" "+p.rule+" "+later
		if !p.required {
			head, tail = head+" | "+first, tail+" | "+later
		}
		first, later = c.b.Add("first", head), c.b.Add("later", tail)
	}
	return c.b.Add("object", `"{" `+first+` "}"`), nil
}
