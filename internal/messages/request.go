package messages

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
)

// extras are the members of a request that the hub has no place for: they travel
// in Request.Extra.
func extras() []string {
	return []string{
		"anthropic_beta", "billing_policy", "cache_control", "container", "context_management", "diagnostics", "inference_geo", "mcp_servers", "metadata",
		"service_tier", "speed", "user_profile_id", "workspace_id",
	}
}

// parameters are the members that DecodeParameters takes.
func parameters() []string {
	return append(extras(),
		"anthropic_version", "max_tokens", "output_config", "output_format", "stop_sequences", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p")
}

// maxStopSequences is the documented limit.
const maxStopSequences = 8191

// DecodeOptions say what is known of a request beside its body.
type DecodeOptions struct {
	// Betas are those of the header anthropic-beta; they count like those of the
	// body.
	Betas []string
	// Count: the request only asks for its tokens and needs no max_tokens.
	Count bool
}

// DecodeRequest reads the body of a request. Faults are Invalid, in the words of
// Anthropic's API, and Unsupported for what the format has and the hub has not.
// Neither model nor anthropic_version need to be there: who asks for one says so.
func DecodeRequest(body []byte) (*Call, error) { return Decode(body, DecodeOptions{}) }

// Decode is DecodeRequest with what is known beside the body.
func Decode(body []byte, options DecodeOptions) (*Call, error) {
	b, ok := Parse(body)
	if !ok {
		return nil, errNotJSON()
	}
	return b.Decode(options)
}

// Decode is the function Decode for a body that has been looked over.
func (b Body) Decode(options DecodeOptions) (*Call, error) {
	o, ok := b.v.object()
	if !ok {
		return nil, errNoObject()
	}
	if err := closed("", o, append(parameters(), "messages", "model", "stream", "system")...); err != nil {
		return nil, err
	}
	c := &Call{Request: new(inference.Request)}
	if v, ok := o.get("model"); ok {
		if c.Model, ok = v.text(); !ok {
			return nil, invalid("model: Input should be a valid string")
		}
	}
	if v, ok := o.get("stream"); ok {
		if c.Stream, ok = v.boolean(); !ok {
			return nil, invalid("stream: Input should be a valid boolean")
		}
	}
	if _, ok := o.get("max_tokens"); !ok && !options.Count {
		return nil, invalid("max_tokens: Field required")
	}
	if err := c.parameters(o); err != nil {
		return nil, err
	}
	c.addBetas(options.Betas)
	if v, ok := o.get("system"); ok {
		parts, err := system(v)
		if err != nil {
			return nil, err
		}
		c.Request.System = parts
	}
	v, ok := o.get("messages")
	if !ok {
		return nil, invalid("messages: Field required")
	}
	var err error
	if c.Request.Messages, err = messages(v, c.midSystem()); err != nil {
		return nil, err
	}
	return c, nil
}

// DecodeParameters applies the members of a request that are not the
// conversation: what Converse takes as additional fields. Members that are not
// there change nothing.
func DecodeParameters(fields []byte, req *inference.Request) (*Call, error) {
	o, err := top(fields)
	if err != nil {
		return nil, err
	}
	if err := closed("", o, parameters()...); err != nil {
		return nil, err
	}
	c := &Call{Request: req}
	return c, c.parameters(o)
}

func top(body []byte) (object, error) {
	v, ok := parse(body)
	if !ok {
		return nil, errNotJSON()
	}
	o, ok := v.object()
	if !ok {
		return nil, errNoObject()
	}
	return o, nil
}

func errNotJSON() error { return invalid("The request body is not valid JSON.") }

func errNoObject() error { return invalid("Input should be a valid dictionary") }

// addBetas adds those of the header to those of the body.
func (c *Call) addBetas(betas []string) {
	n := len(c.Betas)
	for _, beta := range betas {
		if beta != "" && !slices.Contains(c.Betas, beta) {
			c.Betas = append(c.Betas, beta)
		}
	}
	if len(c.Betas) > n {
		var w writer
		w.texts("", c.Betas)
		c.extra("anthropic_beta", w.b[len(`{"":`):])
	}
}

// midSystem tells whether the caller asked for system messages in the middle.
func (c *Call) midSystem() bool {
	return slices.ContainsFunc(c.Betas, func(beta string) bool { return strings.HasPrefix(beta, "mid-conversation") })
}

func (c *Call) parameters(o object) error {
	if err := c.sampling(o); err != nil {
		return err
	}
	for _, key := range extras() {
		if v, ok := o.get(key); ok {
			c.extra(key, v.raw())
		}
	}
	if v, ok := o.get("anthropic_version"); ok {
		c.Version, _ = v.text()
	}
	if v, ok := o.get("anthropic_beta"); ok {
		if c.Betas, ok = texts(v); !ok {
			return invalid("anthropic_beta: Input should be a valid list of strings")
		}
	}
	if v, ok := o.get("metadata"); ok {
		m, ok := v.object()
		if !ok {
			return invalid("metadata: Input should be an object")
		}
		c.User = m.text("user_id")
	}
	if err := c.thinking(o); err != nil {
		return err
	}
	if err := c.output(o); err != nil {
		return err
	}
	return c.tools(o)
}

func (c *Call) extra(key string, raw json.RawMessage) {
	if c.Request.Extra == nil {
		c.Request.Extra = make(map[string]json.RawMessage)
	}
	c.Request.Extra[key], c.Request.Dialect = raw, Dialect
}

func (c *Call) sampling(o object) error {
	req := c.Request
	if v, ok := o.get("max_tokens"); ok {
		if req.MaxTokens, ok = v.integer(); !ok {
			return invalid("max_tokens: Input should be a valid integer")
		}
		if req.MaxTokens < 1 {
			return invalid("max_tokens: must be greater than or equal to 1")
		}
	}
	for key, to := range map[string]**float64{"temperature": &req.Temperature, "top_p": &req.TopP} {
		v, ok := o.get(key)
		if !ok {
			continue
		}
		f, ok := v.number()
		switch {
		case !ok:
			return invalid("%s: Input should be a valid number", key)
		case f < 0:
			return invalid("%s: Input should be greater than or equal to 0", key)
		case f > 1:
			return invalid("%s: Input should be less than or equal to 1", key)
		}
		*to = &f
	}
	if v, ok := o.get("top_k"); ok {
		n, ok := v.integer()
		switch {
		case !ok:
			return invalid("top_k: Input should be a valid integer")
		case n < 0:
			return invalid("top_k: Input should be greater than or equal to 0")
		}
		req.TopK = &n
	}
	if v, ok := o.get("stop_sequences"); ok {
		list, ok := texts(v)
		if !ok {
			return invalid("stop_sequences: Input should be a valid list of strings")
		}
		if len(list) > maxStopSequences {
			return invalid("stop_sequences: List should have at most %d items", maxStopSequences)
		}
		for _, s := range list {
			if strings.TrimSpace(s) == "" {
				return invalid("stop_sequences: each stop sequence must contain non-whitespace")
			}
		}
		req.StopSequences = list
	}
	return nil
}

func texts(v value) ([]string, bool) {
	items, ok := v.array()
	if !ok {
		return nil, false
	}
	var list []string
	for _, item := range items {
		s, ok := item.text()
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// minBudget is the smallest budget of thinking.
const minBudget = 1024

func (c *Call) reasoning() *inference.ReasoningConfig {
	if c.Request.Reasoning == nil {
		c.Request.Reasoning = new(inference.ReasoningConfig)
	}
	return c.Request.Reasoning
}

func (c *Call) thinking(o object) error {
	v, ok := o.get("thinking")
	if !ok {
		return nil
	}
	t, ok := v.object()
	if !ok {
		return invalid("thinking: Input should be an object")
	}
	kind := t.text("type")
	switch kind {
	case "":
		return invalid("thinking.type: Field required")
	case "enabled", "disabled", "adaptive":
	default:
		return unknownTag("thinking", kind, "'adaptive', 'disabled', 'enabled'")
	}
	if err := closed("thinking."+kind, t, "type", "budget_tokens", "display"); err != nil {
		return err
	}
	r := c.reasoning()
	r.Mode = inference.ReasoningMode(kind)
	if kind == "enabled" {
		b, ok := t.get("budget_tokens")
		if !ok {
			return invalid("thinking.enabled.budget_tokens: Field required")
		}
		if r.Budget, ok = b.integer(); !ok {
			return invalid("thinking.enabled.budget_tokens: Input should be a valid integer")
		}
		if r.Budget < minBudget {
			return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to %d", minBudget)
		}
	} else if _, ok := t.get("budget_tokens"); ok {
		return invalid("thinking.%s.budget_tokens: Extra inputs are not permitted", kind)
	}
	if d, ok := t.get("display"); ok {
		r.Display, _ = d.text()
		if r.Display != "summarized" && r.Display != "omitted" && r.Display != "updates" {
			return invalid("thinking.%s.display: Input should be 'summarized', 'omitted' or 'updates'", kind)
		}
	}
	return nil
}

func (c *Call) output(o object) error {
	if v, ok := o.get("output_format"); ok { // of an older beta
		if err := c.format("output_format", v); err != nil {
			return err
		}
	}
	v, ok := o.get("output_config")
	if !ok {
		return nil
	}
	oc, ok := v.object()
	if !ok {
		return invalid("output_config: Input should be an object")
	}
	if v, ok := oc.get("effort"); ok {
		effort, _ := v.text()
		switch effort {
		case "low", "medium", "high", "xhigh", "max":
		default:
			return invalid("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
		}
		c.reasoning().Effort = effort
	}
	if v, ok := oc.get("format"); ok {
		if err := c.format("output_config.format", v); err != nil {
			return err
		}
	}
	if rest := oc.rest("effort", "format"); rest != nil {
		c.extra("output_config", rest)
	}
	return nil
}

func (c *Call) format(path string, v value) error {
	f, ok := v.object()
	if !ok {
		return invalid("%s: Input should be an object", path)
	}
	if kind := f.text("type"); kind == "" {
		return invalid("%s.type: Field required", path)
	} else if kind != "json_schema" {
		return unknownTag(path, kind, "'json_schema'")
	}
	if err := closed(path+".json_schema", f, "type", "schema"); err != nil {
		return err
	}
	schema, ok := f.get("schema")
	if !ok {
		return invalid("%s.schema: Field required", path)
	}
	if _, ok := schema.object(); !ok {
		return invalid("%s.schema: Input should be an object", path)
	}
	c.Request.Output = &inference.OutputFormat{Schema: schema.raw()}
	return nil
}

var (
	toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	toolKind = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

func (c *Call) tools(o object) error {
	if v, ok := o.get("tools"); ok {
		items, ok := v.array()
		if !ok {
			return invalid("tools: Input should be a valid list")
		}
		tools := slices.Clip(c.Request.Tools) // of Converse, where these are additional fields
		names := make(map[string]bool, len(items))
		for _, t := range tools {
			names[t.Name] = true
		}
		for i, item := range items {
			t, err := tool(at("tools", i), item)
			if err != nil {
				return err
			}
			if names[t.Name] && t.Name != "" {
				return invalid("tools: Tool names must be unique.")
			}
			names[t.Name] = true
			tools = append(tools, t)
		}
		c.Request.Tools = tools
	}
	v, ok := o.get("tool_choice")
	if !ok {
		return nil
	}
	return c.toolChoice(v)
}

func tool(path string, v value) (inference.Tool, error) {
	var t inference.Tool
	o, ok := v.object()
	if !ok {
		return t, invalid("%s: Input should be an object", path)
	}
	if v, ok := o.get("type"); ok {
		if t.Kind, ok = v.text(); !ok || !toolKind.MatchString(t.Kind) {
			return t, invalid("%s.type: Input should be a valid string", path)
		}
	}
	if t.Kind == "custom" {
		t.Kind = ""
	}
	inner := path + "." + t.Kind
	if t.Kind == "" {
		inner = path + ".custom"
	}
	t.Name = o.text("name")
	if _, ok := o.get("name"); !ok && t.Kind != "mcp_toolset" {
		return t, invalid("%s.name: Field required", inner)
	}
	if t.Name != "" && !toolName.MatchString(t.Name) || t.Name == "" && t.Kind != "mcp_toolset" {
		return t, invalid("%s.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", inner)
	}
	var err error
	if t.Cache, err = cacheControl(inner+".cache_control", o); err != nil {
		return t, err
	}
	if t.Kind != "" {
		t.Config = o.rest("type", "name", "cache_control")
		return t, nil
	}
	if err := closed(inner, o, "type", "name", "description", "input_schema", "cache_control", "strict",
		"allowed_callers", "defer_loading", "eager_input_streaming", "input_examples"); err != nil {
		return t, err
	}
	if v, ok := o.get("description"); ok {
		if t.Description, ok = v.text(); !ok {
			return t, invalid("%s.description: Input should be a valid string", inner)
		}
	}
	if v, ok := o.get("strict"); ok {
		strict, ok := v.boolean()
		if !ok {
			return t, invalid("%s.strict: Input should be a valid boolean", inner)
		}
		t.Strict = &strict
	}
	schema, ok := o.get("input_schema")
	if !ok {
		return t, invalid("%s.input_schema: Field required", inner)
	}
	s, ok := schema.object()
	if !ok {
		return t, invalid("%s.input_schema: Input should be an object", inner)
	}
	if kind, ok := s.get("type"); !ok {
		return t, invalid("%s.input_schema.type: Field required", inner)
	} else if k, _ := kind.text(); k != "object" {
		return t, invalid("%s.input_schema.type: Input should be 'object'", inner)
	}
	t.Schema = schema.raw()
	t.Config = o.rest("type", "name", "description", "input_schema", "cache_control", "strict")
	return t, nil
}

func (c *Call) toolChoice(v value) error {
	o, ok := v.object()
	if !ok {
		return invalid("tool_choice: Input should be an object")
	}
	kind := o.text("type")
	switch kind {
	case "":
		return invalid("tool_choice.type: Field required")
	case "auto", "any", "none", "tool":
	default:
		return unknownTag("tool_choice", kind, "'any', 'auto', 'none', 'tool'")
	}
	if err := closed("tool_choice."+kind, o, "type", "name", "disable_parallel_tool_use"); err != nil {
		return err
	}
	choice := inference.ToolChoice{Mode: inference.ToolMode(kind)}
	if name, ok := o.get("name"); ok && kind != "tool" {
		return invalid("tool_choice.%s.name: Extra inputs are not permitted", kind)
	} else if !ok && kind == "tool" {
		return invalid("tool_choice.tool.name: Field required")
	} else if choice.Name, _ = name.text(); kind == "tool" && choice.Name == "" {
		return invalid("tool_choice.tool.name: Input should be a valid string")
	}
	if len(c.Request.Tools) == 0 {
		return invalid("tool_choice: tool_choice may only be specified while providing tools.")
	}
	if kind == "tool" && !slices.ContainsFunc(c.Request.Tools, func(t inference.Tool) bool { return t.Name == choice.Name }) {
		return invalid("Tool '%s' not found in provided tools", quote(choice.Name))
	}
	if v, ok := o.get("disable_parallel_tool_use"); ok {
		disabled, ok := v.boolean()
		if !ok || kind == "none" {
			return invalid("tool_choice.%s.disable_parallel_tool_use: Input should be a valid boolean", kind)
		}
		parallel := !disabled
		c.Request.Parallel = &parallel
	}
	c.Request.ToolChoice = choice
	return nil
}
