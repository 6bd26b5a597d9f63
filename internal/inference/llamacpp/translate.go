package llamacpp

import (
	"encoding/json"
	"math"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// translate brings a request into the child's form, copying what it needs.
// Request.Extra is not read: no vendor's member means anything to the engine.
func translate(req *inference.Request) (*protocol.Generate, error) {
	g := &protocol.Generate{
		MaxTokens: req.MaxTokens, Temperature: req.Temperature,
		TopP: req.TopP, TopK: req.TopK, Seed: req.Seed,
		Prompt: req.Prompt,
		Tools:  req.Tools, ToolChoice: req.ToolChoice, Parallel: req.Parallel,
		Output: req.Output, Reasoning: req.Reasoning,
	}
	var err error
	if g.System, err = protocol.Pack(req.System); err != nil {
		return nil, err
	}
	for _, m := range req.Messages {
		parts, err := protocol.Pack(m.Parts)
		if err != nil {
			return nil, err
		}
		g.Messages = append(g.Messages, protocol.Message{Role: m.Role, Parts: parts})
	}
	for _, tool := range req.Tools {
		if tool.Kind != "" {
			return nil, fault.New(fault.Unsupported, "The model that serves this request does not know the tool type %s.", tool.Kind)
		}
		if notJSON(tool.Schema) || notJSON(tool.Config) {
			return nil, fault.New(fault.Invalid, "The JSON schema of the tool %s is not JSON.", tool.Name)
		}
	}
	if req.Output != nil && notJSON(req.Output.Schema) {
		return nil, fault.New(fault.Invalid, "The JSON schema of the output is not JSON.")
	}
	for _, s := range req.StopSequences {
		if s != "" {
			g.Stop = append(g.Stop, s)
		}
	}
	switch {
	case req.MaxTokens < 0:
		return nil, fault.New(fault.Invalid, "The maximum number of tokens must not be negative.")
	case outside(req.Temperature, 0, math.MaxFloat32):
		return nil, fault.New(fault.Invalid, "The temperature must not be negative.")
	case outside(req.TopP, 0, 1):
		return nil, fault.New(fault.Invalid, "topP must be between 0 and 1.")
	case req.TopK != nil && *req.TopK < 0:
		return nil, fault.New(fault.Invalid, "topK must not be negative.")
	}
	return g, nil
}

func notJSON(raw json.RawMessage) bool { return len(raw) > 0 && !json.Valid(raw) }

func outside(x *float64, low, high float64) bool {
	return x != nil && !(*x >= low && *x <= high) // NaN is outside
}
