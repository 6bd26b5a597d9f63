package serving

import (
	"bytes"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Families are the model families by the catalog's native format.
type Families struct {
	Text       map[string]native.Family
	Embeddings map[string]native.Embedding
	Rerankings map[string]native.Reranking
	Images     map[string]native.Imaging
}

// Family returns the translation of a text model's own JSON. Unsupported when
// there is none.
func (f Families) Family(t *router.Target) (native.Family, error) {
	family, ok := f.Text[t.Entry.NativeFormat]
	if !ok {
		return nil, NoFormat(t)
	}
	return family, nil
}

// NoFormat is the answer to a native body of a model whose format nobody here
// speaks.
func NoFormat(t *router.Target) error {
	switch t.Entry.NativeFormat {
	case "luma-ray-async", "nova-reel-async":
		return fault.New(fault.Invalid, "Model %s is not supported by this operation. Use StartAsyncInvoke instead.", t.ModelID)
	case "nova-sonic-bidi":
		return fault.New(fault.Invalid, "Model %s is not supported by this operation. Use InvokeModelWithBidirectionalStream instead.", t.ModelID)
	case ResponsesFormat:
		return responsesOnly(t)
	case "":
		return fault.New(fault.Unsupported, "Model %s has no native format. Call it with Converse, or give its route a model ID to be like.", t.ModelID)
	}
	return fault.New(fault.Unsupported, "Outcrop does not speak the native format of model %s yet (%s).", t.ModelID, t.Entry.NativeFormat)
}

// NativeModel is what a family may know about a target.
func NativeModel(t *router.Target, newID func(prefix string, length int) string) native.Model {
	return native.Model{
		ID:           t.Entry.ID,
		MaxOutput:    t.Entry.MaxOutput,
		Dimensions:   t.Entry.Dimensions,
		CacheMetrics: t.Entry.Supports.PromptCaching,
		NewID:        newID,
	}
}

// Extra hands additionalModelRequestFields to the family of a model, and with
// them the parameters that are set already: some models refuse a combination.
// What the family refuses comes back as Bedrock says it of a model.
func (f Families) Extra(t *router.Target, m native.Model, extra schema.DocumentValue, req *inference.Request) error {
	fields := bytes.TrimSpace(extra)
	empty := len(fields) == 0 || string(fields) == "null"
	if empty {
		fields = []byte("{}")
	}
	if fields[0] != '{' {
		return fault.New(fault.Invalid, "The additionalModelRequestFields field must be a JSON object.")
	}
	family, err := f.Family(t)
	if err != nil {
		if empty {
			return nil
		}
		return err
	}
	if err := family.Extra(m, fields, req); err != nil {
		f := fault.As(err)
		if f.Kind != fault.Invalid && f.Kind != fault.Unsupported {
			return err
		}
		return fault.Wrap(f.Kind, err, "The model returned the following errors: %s", f.Message)
	}
	return nil
}
