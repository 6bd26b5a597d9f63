package chatcompletions

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Links reports whether a request, which is JSON, has a part that names an address
// instead of holding its media.
func Links(body []byte) bool {
	found := errors.New("found")
	part := func(key string, value []byte) error {
		if !strings.HasSuffix(key, "_url") {
			return nil
		}
		link := func(value []byte) error {
			if isString(value) && !strings.HasPrefix(str(value), "data:") {
				return found
			}
			return nil
		}
		if isObject(value) {
			return members(value, func(_ string, value []byte) error { return link(value) })
		}
		return link(value)
	}
	message := func(key string, value []byte) error {
		if key != "content" || !isList(value) {
			return nil
		}
		return elements(value, func(_ int, value []byte) error { return members(value, part) })
	}
	return members(body, func(key string, value []byte) error {
		if key != "messages" || !isList(value) {
			return nil
		}
		return elements(value, func(_ int, value []byte) error { return members(value, message) })
	}) != nil
}

// Rewrite returns a request's body for a server: as it is, but with the server's
// name of the model, and streamed or not. A stream is asked for its usage; asked
// reports whether the caller did so, too. body is copied once and not changed.
// Faults: Invalid.
func Rewrite(body []byte, model string, stream, usage bool) (out []byte, asked bool, err error) {
	if !json.Valid(body) {
		return nil, false, fault.New(fault.Invalid, "We could not parse the JSON body of your request.")
	}
	body = bytes.TrimSpace(body)
	if !isObject(body) {
		return nil, false, fault.New(fault.Invalid, "Invalid body: expected an object, but got %s instead.", kind(body))
	}
	w := writer{b: make([]byte, 0, len(body)+len(model)+96)}
	w.raw(`{"model":`)
	w.str(model)
	var options []byte
	_ = members(body, func(key string, value []byte) error {
		switch key {
		case "model", "stream":
		case "stream_options":
			options = value
		default:
			w.member(key, value)
		}
		return nil
	})
	if stream {
		w.raw(`,"stream":true`)
		var rest writer
		_ = members(options, func(key string, value []byte) error {
			if key == "include_usage" {
				asked = value[0] == 't'
			} else {
				rest.comma()
				rest.member(key, value)
			}
			return nil
		})
		if usage || asked {
			w.raw(`,"stream_options":{"include_usage":true`)
			if len(rest.b) > 0 {
				w.raw(",")
				w.b = append(w.b, rest.b...)
			}
			w.raw("}")
		}
	}
	w.raw("}")
	return w.b, asked, nil
}

// EncodeCompletion writes the request of a native prompt, for a server that goes
// on with it as it is. limit is the number of tokens where the request has none:
// servers' own is 16.
func EncodeCompletion(req *inference.Request, o EncodeOptions, limit int) ([]byte, error) {
	if err := check(req); err != nil {
		return nil, err
	}
	e := requestEncoder{req: req, f: o.Flavor}
	e.f.MaxCompletionTokens = false
	e.w.b = make([]byte, 0, 256+len(req.Prompt.Text)+len(req.Prompt.Text)/16)
	e.w.raw("{")
	e.key("model")
	e.w.str(o.Model)
	e.key("prompt")
	e.w.str(req.Prompt.Text)
	if req.MaxTokens == 0 {
		e.key("max_tokens")
		e.w.int(int64(limit))
	}
	e.numbers()
	if o.Stream {
		e.key("stream")
		e.w.raw("true")
		if o.Flavor.IncludeUsage {
			e.key("stream_options")
			e.w.raw(`{"include_usage":true}`)
		}
	}
	e.extra()
	e.w.raw("}")
	return e.w.b, nil
}

// EncodeMessages writes the members of a request that make its prompt, for a
// server that counts its tokens: model, messages and tools.
func EncodeMessages(req *inference.Request, o EncodeOptions) ([]byte, error) {
	e := requestEncoder{req: req, f: o.Flavor}
	e.w.b = make([]byte, 0, size(req))
	e.w.raw("{")
	e.key("model")
	e.w.str(o.Model)
	e.key("messages")
	if err := e.messages(); err != nil {
		return nil, err
	}
	if err := e.tools(); err != nil {
		return nil, err
	}
	e.prefill()
	e.w.raw("}")
	return e.w.b, nil
}

// Ending reports whether the server has said why the answer ends: what follows
// is the usage at most.
func (d *Decoder) Ending() bool { return d.reason != "" }

// Feed gives a whole answer to a decoder and ends it.
func Feed(d *Decoder, body []byte) error {
	d.done = true
	if err := d.Chunk(body); err != nil {
		return err
	}
	return d.End()
}
