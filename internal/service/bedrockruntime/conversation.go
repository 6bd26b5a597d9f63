package bedrockruntime

import (
	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/converse"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// conversation is what Converse, ConverseStream and CountTokens have in common.
type conversation api.ConverseInput

// streamed is the conversation of a ConverseStream call, which has the members
// of a Converse call.
func streamed(in *api.ConverseStreamInput) *conversation {
	c := &conversation{
		AdditionalModelRequestFields:      in.AdditionalModelRequestFields,
		AdditionalModelResponseFieldPaths: in.AdditionalModelResponseFieldPaths,
		InferenceConfig:                   in.InferenceConfig,
		Messages:                          in.Messages,
		ModelId:                           in.ModelId,
		OutputConfig:                      in.OutputConfig,
		PerformanceConfig:                 in.PerformanceConfig,
		PromptVariables:                   in.PromptVariables,
		RequestMetadata:                   in.RequestMetadata,
		ServiceTier:                       in.ServiceTier,
		System:                            in.System,
		ToolConfig:                        in.ToolConfig,
	}
	if g := in.GuardrailConfig; g != nil {
		c.GuardrailConfig = &api.GuardrailConfiguration{GuardrailIdentifier: g.GuardrailIdentifier, GuardrailVersion: g.GuardrailVersion, Trace: g.Trace}
	}
	return c
}

// request checks a conversation as Bedrock does, with its texts, and translates
// it to the hub. Faults are Invalid, or Unsupported for what is not built.
func (s *Service) request(t *router.Target, c *conversation, streaming bool) (*inference.Request, error) {
	if err := serving.CheckConversation(t); err != nil {
		return nil, err
	}
	f := featuresOf(t)
	if err := c.checkFields(f); err != nil {
		return nil, err
	}
	if err := c.checkTools(f, streaming); err != nil {
		return nil, err
	}
	if err := c.checkMessages(f); err != nil {
		return nil, err
	}
	if err := c.checkSystem(t, f); err != nil {
		return nil, err
	}
	if err := c.checkCaching(f); err != nil {
		return nil, err
	}
	plain := api.ConverseInput(*c)
	plain.AdditionalModelRequestFields = nil // the family's own business, below
	req, err := converse.Request(&plain)
	if err != nil {
		return nil, err
	}
	if err := c.limitTokens(t, req); err != nil {
		return nil, err
	}
	return req, s.families.Extra(t, s.nativeModel(t), c.AdditionalModelRequestFields, req)
}

// checkFields refuses what no conversation can have yet, or not with a model.
func (c *conversation) checkFields(f features) error {
	switch {
	case c.GuardrailConfig != nil:
		return serving.NoGuardrail()
	case c.PromptVariables != nil:
		return fault.New(fault.Unsupported, "Outcrop does not resolve prompts yet. Remove promptVariables and pass the messages themselves.")
	case c.OutputConfig == nil:
		return nil
	case c.OutputConfig.TextFormat != nil && !f.structured:
		return unsupportedField("outputConfig")
	case f.own:
		return nil
	}
	return c.checkOutput()
}

func unsupportedField(name string) error {
	return fault.New(fault.Invalid, "This model doesn't support the %s field. Remove %s and try again.", name, name)
}

// limitTokens fills in the model's limit where none was asked for, also where
// the answering model could make more.
func (c *conversation) limitTokens(t *router.Target, req *inference.Request) error {
	limit := t.Entry.MaxOutput
	if c.InferenceConfig == nil || c.InferenceConfig.MaxTokens == nil {
		req.MaxTokens = limit
		return nil
	}
	if limit > 0 && req.MaxTokens > limit {
		return fault.New(fault.Invalid, "The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", limit, limit)
	}
	return nil
}
