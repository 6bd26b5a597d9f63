package answer

import (
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// class is what can be expected of a model.
type class uint8

const (
	// tiny models copy from a few sentences at best, and examples help them
	// more than instructions.
	tiny class = iota
	// plain models answer from whole passages, in words of their own.
	plain
	// formatted models keep to an answer format too.
	formatted
)

// Models of these sizes were seen to be able to do it, by and large.
const (
	plainParameters     = 600e6
	formattedParameters = 3e9
	// formattedWindow tells models whose size nobody publishes: those with a
	// large window are large.
	formattedWindow = 32_000
)

func classOf(m inference.ModelInfo) class {
	switch {
	case m.Parameters >= formattedParameters, m.Parameters == 0 && m.ContextWindow >= formattedWindow:
		return formatted
	case m.Parameters >= plainParameters, m.Parameters == 0:
		return plain
	}
	return tiny
}

// defaultTokens is how long an answer may become when the caller does not say:
// Bedrock's own default for models that write long answers, and less for those
// that only repeat themselves.
func (c class) defaultTokens() int {
	switch c {
	case tiny:
		return 256
	case plain:
		return 1024
	case formatted:
	}
	return 2048
}

// apply puts how to write into a request, which has its own MaxTokens already.
func apply(m Model, how Writing, req *inference.Request) error {
	if how.MaxTokens > 0 {
		if m.Limit > 0 && how.MaxTokens > m.Limit {
			return fault.New(fault.Invalid, "The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", m.Limit, m.Limit)
		}
		req.MaxTokens = how.MaxTokens
	} else if m.Limit > 0 {
		req.MaxTokens = min(req.MaxTokens, m.Limit)
	}
	req.Temperature, req.TopP = how.Temperature, how.TopP
	req.StopSequences = append(req.StopSequences, how.StopSequences...)
	if how.Extra != nil {
		if err := how.Extra(req); err != nil {
			return err
		}
	}
	if req.Temperature == nil && req.TopP == nil {
		// What documents say is not a matter of taste. A top_p among the further
		// fields counts: some models take only one of the two.
		req.Temperature = new(float64)
	}
	return nil
}
