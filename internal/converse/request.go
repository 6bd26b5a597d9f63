package converse

import (
	"encoding/json"
	"strconv"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Request translates a conversation to the hub. additionalModelRequestFields
// become Extra in Dialect. Faults: Invalid for what is no conversation,
// Unsupported for what the hub has no place for.
func Request(in *api.ConverseInput) (*inference.Request, error) {
	req := &inference.Request{}
	var err error
	for i := range in.System {
		p, err := systemPart(i, &in.System[i])
		if err != nil {
			return nil, err
		}
		req.System = append(req.System, p)
	}
	for i := range in.Messages {
		m := inference.Message{}
		if m.Role, err = role(in.Messages[i].Role); err != nil {
			return nil, err
		}
		if m.Parts, err = parts(i, in.Messages[i].Content); err != nil {
			return nil, err
		}
		req.Messages = append(req.Messages, m)
	}
	if in.ToolConfig != nil {
		readTools(in.ToolConfig, req)
	}
	if err := readOutput(in.OutputConfig, req); err != nil {
		return nil, err
	}
	if c := in.InferenceConfig; c != nil {
		req.MaxTokens = int(schema.Deref(c.MaxTokens))
		req.Temperature, req.TopP = widen(c.Temperature), widen(c.TopP)
		req.StopSequences = c.StopSequences
	}
	if req.Extra, err = object("additionalModelRequestFields", in.AdditionalModelRequestFields); err != nil {
		return nil, err
	}
	if req.Extra != nil {
		req.Dialect = Dialect
	}
	return req, nil
}

// Input translates a request of the hub to a conversation, without the model's
// ID. Extra is passed on in Dialect alone. Unsupported is what Converse cannot
// say: TopK, Seed and a reasoning budget, for example, are members of the model
// families, which whoever knows the model puts into Extra first.
func Input(req *inference.Request) (*api.ConverseInput, error) {
	in := &api.ConverseInput{}
	for _, p := range req.System {
		b, err := systemBlock(p)
		if err != nil {
			return nil, err
		}
		in.System = append(in.System, b)
	}
	for _, m := range req.Messages {
		content, err := blocks(m.Parts)
		if err != nil {
			return nil, err
		}
		in.Messages = append(in.Messages, api.Message{Role: api.ConversationRole(m.Role), Content: content})
	}
	if err := writeTools(req, in); err != nil {
		return nil, err
	}
	if err := writeOutput(req, in); err != nil {
		return nil, err
	}
	if req.MaxTokens > 0 || req.Temperature != nil || req.TopP != nil || req.StopSequences != nil {
		c := &api.InferenceConfiguration{Temperature: narrow(req.Temperature), TopP: narrow(req.TopP), StopSequences: req.StopSequences}
		if req.MaxTokens > 0 {
			c.MaxTokens = number(req.MaxTokens)
		}
		in.InferenceConfig = c
	}
	switch {
	case req.TopK != nil:
		return nil, unsupported("topK")
	case req.Seed != nil:
		return nil, unsupported("A seed")
	case req.Parallel != nil:
		return nil, unsupported("A choice about parallel tool calls")
	}
	if req.Dialect == Dialect && req.Extra != nil {
		fields, err := json.Marshal(req.Extra)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "The additionalModelRequestFields field must be a JSON object.")
		}
		in.AdditionalModelRequestFields = fields
	}
	return in, nil
}

func systemPart(i int, b *api.SystemContentBlock) (inference.Part, error) {
	switch {
	case b.Text != nil:
		return inference.Text{Text: *b.Text}, nil
	case b.CachePoint != nil:
		return inference.CachePoint{TTL: string(b.CachePoint.Ttl)}, nil
	case b.GuardContent != nil:
		if p := guarded(b.GuardContent); p != nil {
			return p, nil
		}
	}
	return nil, fault.New(fault.Invalid, "The SystemContentBlock object at system.%d has no field that is known. Update the content block and try again.", i)
}

func systemBlock(p inference.Part) (api.SystemContentBlock, error) {
	var b api.SystemContentBlock
	switch p := p.(type) {
	case inference.Text:
		b.Text = &p.Text
	case inference.CachePoint:
		b.CachePoint = cachePoint(p)
	case inference.Guarded:
		b.GuardContent = guardText(p)
	case inference.Image:
		if !p.Guarded {
			return b, unsupported("An image in the system prompt")
		}
		b.GuardContent = guardImage(p)
	default:
		return b, unsupported("A part of the system prompt that is no text")
	}
	return b, nil
}

func readTools(c *api.ToolConfiguration, req *inference.Request) {
	for _, t := range c.Tools {
		switch {
		case t.ToolSpec != nil:
			tool := inference.Tool{
				Name: schema.Deref(t.ToolSpec.Name), Description: schema.Deref(t.ToolSpec.Description), Strict: t.ToolSpec.Strict,
			}
			if t.ToolSpec.InputSchema != nil {
				tool.Schema = json.RawMessage(t.ToolSpec.InputSchema.Json)
			}
			req.Tools = append(req.Tools, tool)
		case t.SystemTool != nil:
			req.Tools = append(req.Tools, inference.Tool{Name: schema.Deref(t.SystemTool.Name), Kind: KindSystem})
		case t.CachePoint != nil && len(req.Tools) > 0:
			req.Tools[len(req.Tools)-1].Cache = &inference.CachePoint{TTL: string(t.CachePoint.Ttl)}
		}
	}
	switch choice := c.ToolChoice; {
	case choice == nil:
	case choice.Auto != nil:
		req.ToolChoice.Mode = inference.ToolAuto
	case choice.Any != nil:
		req.ToolChoice.Mode = inference.ToolAny
	case choice.Tool != nil:
		req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: schema.Deref(choice.Tool.Name)}
	}
}

func writeTools(req *inference.Request, in *api.ConverseInput) error {
	if len(req.Tools) == 0 {
		return nil
	}
	c := &api.ToolConfiguration{}
	for _, t := range req.Tools {
		switch t.Kind {
		case "":
			input := json.RawMessage(`{"type":"object"}`)
			if len(t.Schema) > 0 {
				input = t.Schema
			}
			c.Tools = append(c.Tools, api.Tool{ToolSpec: &api.ToolSpecification{
				Name: &t.Name, Description: str(t.Description), Strict: t.Strict,
				InputSchema: &api.ToolInputSchema{Json: schema.DocumentValue(input)},
			}})
		case KindSystem:
			c.Tools = append(c.Tools, api.Tool{SystemTool: &api.SystemTool{Name: &t.Name}})
		default:
			return unsupported("The tool " + t.Kind)
		}
		if t.Cache != nil {
			c.Tools = append(c.Tools, api.Tool{CachePoint: cachePoint(*t.Cache)})
		}
	}
	switch req.ToolChoice.Mode {
	case inference.ToolDefault:
	case inference.ToolAuto:
		c.ToolChoice = &api.ToolChoice{Auto: &api.AutoToolChoice{}}
	case inference.ToolAny:
		c.ToolChoice = &api.ToolChoice{Any: &api.AnyToolChoice{}}
	case inference.ToolNamed:
		c.ToolChoice = &api.ToolChoice{Tool: &api.SpecificToolChoice{Name: &req.ToolChoice.Name}}
	case inference.ToolNone:
		// There is no such choice. Without tools nothing can be called; a
		// conversation that has calls in it must name its tools.
		if talksOfTools(req.Messages) {
			return unsupported("The tool choice none in a conversation with tool calls")
		}
		return nil
	}
	in.ToolConfig = c
	return nil
}

func talksOfTools(messages []inference.Message) bool {
	for _, m := range messages {
		for _, p := range m.Parts {
			switch p.(type) {
			case inference.ToolUse, inference.ToolResult:
				return true
			}
		}
	}
	return false
}

func readOutput(c *api.OutputConfig, req *inference.Request) error {
	if c == nil {
		return nil
	}
	if effort := schema.Deref(c.Effort); effort != "" {
		req.Reasoning = &inference.ReasoningConfig{Effort: effort}
	}
	if c.TextFormat == nil {
		return nil
	}
	s := c.TextFormat.Structure
	if s == nil || s.JsonSchema == nil || s.JsonSchema.Schema == nil {
		return fault.New(fault.Invalid, "The outputConfig.textFormat.structure.jsonSchema field must be defined.")
	}
	text := *s.JsonSchema.Schema
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return fault.New(fault.Invalid, "The format of the value at outputConfig.textFormat.structure.jsonSchema.schema is invalid. Provide a json object for the field and try again.")
	}
	req.Output = &inference.OutputFormat{
		Name: schema.Deref(s.JsonSchema.Name), Description: schema.Deref(s.JsonSchema.Description), Schema: json.RawMessage(text),
	}
	return nil
}

func writeOutput(req *inference.Request, in *api.ConverseInput) error {
	c := &api.OutputConfig{}
	if r := req.Reasoning; r != nil {
		if r.Mode != inference.ReasoningDefault || r.Budget > 0 || r.Display != "" {
			return unsupported("A reasoning mode")
		}
		c.Effort = str(r.Effort)
	}
	if o := req.Output; o != nil {
		text := `{"type":"object"}`
		if len(o.Schema) > 0 {
			text = string(o.Schema)
		}
		c.TextFormat = &api.OutputFormat{
			Type: api.OutputFormatTypeJsonSchema,
			Structure: &api.OutputFormatStructure{JsonSchema: &api.JsonSchemaDefinition{
				Name: str(o.Name), Description: str(o.Description), Schema: &text,
			}},
		}
	}
	if c.Effort != nil || c.TextFormat != nil {
		in.OutputConfig = c
	}
	return nil
}

// widen keeps the decimal number that was written: 0.7 stays 0.7.
func widen(f *float32) *float64 {
	if f == nil {
		return nil
	}
	d, err := strconv.ParseFloat(strconv.FormatFloat(float64(*f), 'g', -1, 32), 64)
	if err != nil {
		d = float64(*f)
	}
	return &d
}

func narrow(d *float64) *float32 {
	if d == nil {
		return nil
	}
	f := float32(*d)
	return &f
}
