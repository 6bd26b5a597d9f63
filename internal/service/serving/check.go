package serving

import (
	"strconv"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/router"
)

// CheckStreaming refuses a stream of a model that has none.
func CheckStreaming(t *router.Target) error {
	// Pegasus writes texts about films, and its kind is that of what it reads.
	if text := t.Entry.Kind() == catalog.Text || t.Entry.NativeFormat == "twelvelabs-pegasus"; !t.Entry.Streaming || !text {
		return fault.New(fault.Invalid, "The model is unsupported for streaming.")
	}
	return nil
}

// CheckConversation refuses a conversation with a model that Bedrock has behind
// the Responses API alone. The sentence is Outcrop's.
func CheckConversation(t *router.Target) error {
	if t.Entry.NativeFormat == ResponsesFormat && t.Entry.Provider != catalog.OwnProvider {
		return responsesOnly(t)
	}
	return nil
}

func responsesOnly(t *router.Target) error {
	return fault.New(fault.Invalid, "Model %s is not supported by this operation. Use the Responses API of the OpenAI-compatible endpoint instead.", t.ModelID)
}

// ResponsesFormat is the catalog's native format of such models.
const ResponsesFormat = "openai-responses"

// NoGuardrail is the answer to every guardrail: there are none yet.
func NoGuardrail() error {
	return fault.New(fault.Invalid, "The guardrail identifier or version provided in the request does not exist.")
}

// Widen keeps the decimal number that was written: 0.7 stays 0.7.
func Widen(f *float32) *float64 {
	if f == nil {
		return nil
	}
	d, err := strconv.ParseFloat(strconv.FormatFloat(float64(*f), 'g', -1, 32), 64)
	if err != nil {
		d = float64(*f)
	}
	return &d
}
