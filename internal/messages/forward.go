package messages

import (
	"github.com/outcrop/outcrop/internal/inference"
)

// Forwarded is a body of Bedrock's on its way to a server of Anthropic's API.
type Forwarded struct {
	Body  []byte
	Betas []string // for the header anthropic-beta
}

// Forward makes a native body of Bedrock's one of Anthropic's own API: the model
// and the stream, which Bedrock has in the path, are put in, and what Anthropic
// has in headers is taken out. Everything else stays as the caller wrote it.
// Faults are Invalid.
func Forward(body []byte, model string, stream bool) (*Forwarded, error) {
	o, err := top(body)
	if err != nil {
		return nil, err
	}
	f := new(Forwarded)
	w := writer{b: make([]byte, 0, len(body)+len(model)+len(`{"model":"","stream":true,`))}
	w.text("model", model)
	if stream {
		w.boolean("stream", true)
	}
	for _, m := range o {
		switch m.key {
		case "anthropic_version", "model", "stream":
		case "anthropic_beta":
			f.Betas, _ = texts(m.value)
		default:
			w.raw(m.key, m.value)
		}
	}
	f.Body = w.object()
	return f, nil
}

// Links reports whether a request has a block whose media are named by an address
// instead of being in it, or in the results of its tools.
func Links(body []byte) bool {
	o, err := top(body)
	if err != nil {
		return false
	}
	var linked func(blocks value) bool
	linked = func(blocks value) bool {
		items, _ := blocks.array()
		for _, item := range items {
			block, _ := item.object()
			for _, m := range block {
				switch m.key {
				case "content":
					if linked(m.value) {
						return true
					}
				case "source":
					source, _ := m.value.object()
					for _, s := range source {
						if s.key == "url" || s.key == "content" && linked(s.value) {
							return true
						}
					}
				}
			}
		}
		return false
	}
	for _, m := range o {
		if m.key == "system" && linked(m.value) || m.key == "messages" && linked(m.value) {
			return true // a message has its blocks where a block has them
		}
	}
	return false
}

// Meter reads of an answer that is passed on as it is what has to be known about
// it. Its zero value is ready.
type Meter struct {
	d     Decoder
	model string
}

// Chunk reads the data of one event of a stream, and returns its name. An event
// of type error is its fault.
func (m *Meter) Chunk(data []byte) (name string, err error) {
	v, ok := parse(data)
	o, isObject := v.object()
	if !ok || !isObject {
		return "", errForm("an event that is no object")
	}
	name = o.text("type")
	switch name {
	case "error":
		return name, errorEvent(o)
	case "message_start":
		v, _ := o.get("message")
		message, _ := v.object()
		m.model = message.text("model")
		m.d.usage(message)
	case "message_delta":
		v, _ := o.get("delta")
		reason, _ := v.object()
		m.d.delta(o, reason)
	}
	return name, nil
}

// Answer reads a whole answer.
func (m *Meter) Answer(body []byte) error {
	v, ok := parse(body)
	o, isObject := v.object()
	if !ok || !isObject {
		return errForm("an answer that is no object")
	}
	if o.text("type") == "error" {
		return errorEvent(o)
	}
	m.model = o.text("model")
	m.d.delta(o, o)
	return nil
}

// Result is what is known so far.
func (m *Meter) Result() inference.NativeResult {
	return inference.NativeResult{Model: m.model, Usage: m.d.finished.Usage, Reason: m.d.finished.Reason}
}

// Over reports whether the answer has come to its end: nothing belongs to it that
// comes later.
func (d *Decoder) Over() bool { return d.stopped }
