package chatcompletions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// documented are the members of a request that OpenAI's format has and the hub
// has no place for.
var documented = []string{
	"audio", "frequency_penalty", "logit_bias", "logprobs", "metadata", "modalities", "prediction", "presence_penalty",
	"prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "top_logprobs", "user", "verbosity", "web_search_options",
}

// DecodeRequest reads a request. Members that the hub has no place for are in
// Extra of the dialect "openai-chat". Faults: Invalid, in OpenAI's words, and
// Unsupported for what cannot be done here, such as several answers.
func DecodeRequest(body []byte) (*Call, error) {
	if !json.Valid(body) {
		return nil, fault.New(fault.Invalid, "We could not parse the JSON body of your request.")
	}
	body = bytes.TrimSpace(body)
	if !isObject(body) {
		return nil, fault.New(fault.Invalid, "Invalid body: expected an object, but got %s instead.", kind(body))
	}
	d := requestDecoder{req: &inference.Request{Dialect: Dialect}}
	d.call.Request = d.req
	if err := members(body, d.member); err != nil {
		return nil, err
	}
	if d.messages == nil {
		return nil, fault.New(fault.Invalid, "Missing required parameter: 'messages'.")
	}
	if err := elements(d.messages, d.message); err != nil {
		return nil, err
	}
	d.paired(len(d.req.Messages), "")
	if len(d.req.Messages) == 0 && len(d.req.System) == 0 {
		return nil, fault.New(fault.Invalid, "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	if d.req.ToolChoice.Mode != "" && d.req.ToolChoice.Mode != inference.ToolNone && len(d.req.Tools) == 0 {
		return nil, fault.New(fault.Invalid, "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
	}
	slices.Sort(d.call.Unknown)
	d.call.Unknown = slices.Compact(d.call.Unknown)
	return &d.call, nil
}

type requestDecoder struct {
	call     Call
	req      *inference.Request
	messages []byte
	tools    bool     // the message before the one under way was a tool's
	waiting  []string // IDs of the calls before it that have no answer yet
	caller   string   // the message that has them
	talk     bool     // a message was not a system's
	newer    bool     // max_completion_tokens was there
}

func wrongType(name, want string, value []byte) error {
	return fault.New(fault.Invalid, "Invalid type for '%s': expected %s, but got %s instead.", name, want, kind(value))
}

func wrongValue(name, format string, args ...any) error {
	return fault.New(fault.Invalid, "Invalid value for '%s': "+format, append([]any{name}, args...)...)
}

func (d *requestDecoder) member(name string, value []byte) error {
	req := d.req
	var err error
	switch name {
	case "messages":
		if !isList(value) {
			return wrongType(name, "an array of objects", value)
		}
		d.messages = value
	case "model":
		d.call.Model, err = text(name, value)
	case "stream":
		d.call.Stream, err = boolean(name, value)
	case "stream_options":
		if !isObject(value) {
			return wrongType(name, "an object", value)
		}
		return members(value, func(key string, value []byte) error {
			var err error
			if key == "include_usage" {
				d.call.IncludeUsage, err = boolean("stream_options.include_usage", value)
			}
			return err
		})
	case "max_tokens", "max_completion_tokens":
		n, err := integer(name, value, 1, math.MaxInt32)
		if err != nil {
			return err
		}
		if name == "max_completion_tokens" || !d.newer {
			req.MaxTokens = int(n)
		}
		d.newer = d.newer || name == "max_completion_tokens"
	case "temperature":
		req.Temperature, err = decimal(name, value)
	case "top_p":
		req.TopP, err = decimal(name, value)
	case "top_k":
		// Servers take -1 for "all".
		n, err := integer(name, value, -1, math.MaxInt32)
		if err == nil && n >= 0 {
			req.TopK = new(int(n))
		}
		return err
	case "seed":
		n, err := integer(name, value, math.MinInt64, math.MaxInt64)
		if err == nil {
			req.Seed = new(uint32(n)) // the same seed stays the same
		}
		return err
	case "n":
		n, err := integer(name, value, 1, 128)
		if err == nil && n > 1 {
			err = fault.New(fault.Unsupported, "Invalid 'n': only one choice is supported, but got %d.", n)
		}
		return err
	case "stop":
		return d.stop(value)
	case "tools":
		if !isList(value) {
			return wrongType(name, "an array of objects", value)
		}
		return elements(value, d.tool)
	case "tool_choice":
		return d.toolChoice(value)
	case "parallel_tool_calls":
		v, err := boolean(name, value)
		req.Parallel = &v
		return err
	case "functions", "function_call":
		return fault.New(fault.Unsupported, "Unsupported parameter: '%s' is not supported. Use 'tools' and 'tool_choice' instead.", name)
	case "response_format":
		return d.responseFormat(value)
	case "reasoning_effort":
		effort, err := text(name, value)
		if err != nil {
			return err
		}
		if effort == "none" {
			req.Reasoning = &inference.ReasoningConfig{Mode: inference.ReasoningOff}
		} else {
			req.Reasoning = &inference.ReasoningConfig{Effort: effort}
		}
	default:
		if name == "user" {
			if d.call.User, err = text(name, value); err != nil {
				return err
			}
		}
		if _, known := slices.BinarySearch(documented, name); !known {
			d.call.Unknown = append(d.call.Unknown, name)
		}
		if req.Extra == nil {
			req.Extra = make(map[string]json.RawMessage)
		}
		req.Extra[name] = clone(value)
	}
	return err
}

func text(name string, value []byte) (string, error) {
	if !isString(value) {
		return "", wrongType(name, "a string", value)
	}
	return str(value), nil
}

func boolean(name string, value []byte) (bool, error) {
	if value[0] != 't' && value[0] != 'f' {
		return false, wrongType(name, "a boolean", value)
	}
	return value[0] == 't', nil
}

func number(value []byte) bool { return value[0] == '-' || value[0] >= '0' && value[0] <= '9' }

func integer(name string, value []byte, low, high int64) (int64, error) {
	n, ok := int64(0), false
	if number(value) {
		n, ok = whole(value)
	}
	if !ok {
		return 0, wrongType(name, "an integer", value)
	}
	if n < low || n > high {
		return 0, fault.New(fault.Invalid, "Invalid '%s': expected an integer between %d and %d, but got %d instead.", name, low, high, n)
	}
	return n, nil
}

func decimal(name string, value []byte) (*float64, error) {
	if !number(value) {
		return nil, wrongType(name, "a decimal", value)
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		return nil, wrongValue(name, "the number is out of range.")
	}
	return &f, nil
}

func (d *requestDecoder) stop(value []byte) error {
	switch {
	case isString(value):
		d.req.StopSequences = []string{str(value)}
		return nil
	case isList(value):
		return elements(value, func(n int, value []byte) error {
			s, err := text("stop["+strconv.Itoa(n)+"]", value)
			d.req.StopSequences = append(d.req.StopSequences, s)
			return err
		})
	}
	return wrongType("stop", "one of a string or array of strings", value)
}

func (d *requestDecoder) tool(n int, value []byte) error {
	at := "tools[" + strconv.Itoa(n) + "]"
	if !isObject(value) {
		return wrongType(at, "an object", value)
	}
	var typ string
	var function []byte
	w := writer{b: []byte("{")}
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "type":
			typ = str(value)
		case "function":
			function = value
		}
		if key != "type" {
			w.member(key, value)
		}
		return nil
	})
	w.raw("}")
	if typ == "" && function == nil {
		return fault.New(fault.Invalid, "Missing required parameter: '%s.type'.", at)
	}
	if typ != "function" && typ != "" {
		tool := inference.Tool{Kind: typ, Config: w.b}
		_ = members(value, func(key string, value []byte) error {
			if key == "name" {
				tool.Name = str(value)
			}
			return nil
		})
		d.req.Tools = append(d.req.Tools, tool)
		return nil
	}
	if function == nil || !isObject(function) {
		return fault.New(fault.Invalid, "Missing required parameter: '%s.function'.", at)
	}
	at += ".function"
	var tool inference.Tool
	err := members(function, func(key string, value []byte) error {
		var err error
		switch key {
		case "name":
			tool.Name, err = text(at+".name", value)
		case "description":
			tool.Description, err = text(at+".description", value)
		case "parameters":
			if !isObject(value) {
				return wrongType(at+".parameters", "an object", value)
			}
			tool.Schema = clone(value)
		case "strict":
			v, err := boolean(at+".strict", value)
			tool.Strict = &v
			return err
		default:
			d.call.Unknown = append(d.call.Unknown, "tools[].function."+key)
		}
		return err
	})
	if err == nil && tool.Name == "" {
		err = fault.New(fault.Invalid, "Missing required parameter: '%s.name'.", at)
	}
	d.req.Tools = append(d.req.Tools, tool)
	return err
}

func (d *requestDecoder) toolChoice(value []byte) error {
	if isString(value) {
		mode, ok := map[string]inference.ToolMode{
			"none": inference.ToolNone, "auto": inference.ToolAuto, "required": inference.ToolAny, "any": inference.ToolAny, // Mistral's word
		}[str(value)]
		if !ok {
			return wrongValue("tool_choice", "supported values are: 'none', 'auto', and 'required'.")
		}
		d.req.ToolChoice.Mode = mode
		return nil
	}
	if !isObject(value) {
		return wrongType("tool_choice", "one of a string or an object", value)
	}
	var typ, name string
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "type":
			typ = str(value)
		case "function":
			return members(value, func(key string, value []byte) error {
				if key == "name" {
					name = str(value)
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case typ != "function" && typ != "":
		return fault.New(fault.Unsupported, "Invalid value for 'tool_choice.type': '%s' is not supported.", printable(typ))
	case name == "":
		return fault.New(fault.Invalid, "Missing required parameter: 'tool_choice.function.name'.")
	}
	d.req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: name}
	return nil
}

func (d *requestDecoder) responseFormat(value []byte) error {
	if !isObject(value) {
		return wrongType("response_format", "an object", value)
	}
	var typ string
	var schema []byte
	_ = members(value, func(key string, value []byte) error {
		switch key {
		case "type":
			typ = str(value)
		case "json_schema":
			schema = value
		}
		return nil
	})
	switch typ {
	case "text":
		return nil
	case "json_object":
		d.req.Output = &inference.OutputFormat{}
		return nil
	case "json_schema":
	default:
		return wrongValue("response_format.type", "supported values are: 'json_object', 'json_schema', and 'text'.")
	}
	if schema == nil || !isObject(schema) {
		return fault.New(fault.Invalid, "Missing required parameter: 'response_format.json_schema'.")
	}
	out := &inference.OutputFormat{}
	err := members(schema, func(key string, value []byte) error {
		at, err := "response_format.json_schema."+key, error(nil)
		switch key {
		case "name":
			out.Name, err = text(at, value)
		case "description":
			out.Description, err = text(at, value)
		case "schema":
			if !isObject(value) {
				return wrongType(at, "an object", value)
			}
			out.Schema = clone(value)
		case "strict":
			v, err := boolean(at, value)
			out.Strict = &v
			return err
		}
		return err
	})
	if err == nil && out.Schema == nil {
		err = fault.New(fault.Invalid, "Missing required parameter: 'response_format.json_schema.schema'.")
	}
	d.req.Output = out
	return err
}

// message reads one message into the hub's turns: system texts in front are
// System, and what tools answered is the user's turn.
func (d *requestDecoder) message(n int, value []byte) error {
	at := "messages[" + strconv.Itoa(n) + "]"
	if !isObject(value) {
		return wrongType(at, "an object", value)
	}
	m := message{at: at}
	if err := members(value, m.member); err != nil {
		return err
	}
	for _, name := range m.unknown {
		d.call.Unknown = append(d.call.Unknown, "messages[]."+name)
	}
	if m.role == "tool" {
		d.paired(n, m.toolCallID)
	} else {
		d.paired(n, "")
	}
	switch m.role {
	case "":
		return fault.New(fault.Invalid, "Missing required parameter: '%s.role'.", at)
	case "system", "developer":
		parts, err := m.parts(true)
		if err != nil {
			return err
		}
		if d.talk {
			d.add(inference.RoleSystem, parts)
		} else {
			d.req.System = append(d.req.System, parts...)
		}
		d.tools = false
		return nil
	case "user":
		parts, err := m.parts(false)
		if err != nil {
			return err
		}
		if d.tools { // what tools answered and what the user says are one turn
			last := &d.req.Messages[len(d.req.Messages)-1]
			last.Parts = append(last.Parts, parts...)
		} else {
			d.add(inference.RoleUser, parts)
		}
		d.tools = false
		return nil
	case "assistant":
		parts, err := m.assistant()
		if err != nil {
			return err
		}
		d.add(inference.RoleAssistant, parts)
		d.tools = false
		for _, p := range parts {
			if call, ok := p.(inference.ToolUse); ok {
				d.waiting, d.caller = append(d.waiting, call.ID), at
			}
		}
		return nil
	case "tool":
		if m.toolCallID == "" {
			return fault.New(fault.Invalid, "Missing required parameter: '%s.tool_call_id'.", at)
		}
		parts, err := m.parts(false)
		if err != nil {
			return err
		}
		result := inference.ToolResult{ID: m.toolCallID, Content: parts}
		if d.tools {
			last := &d.req.Messages[len(d.req.Messages)-1]
			last.Parts = append(last.Parts, result)
		} else {
			d.add(inference.RoleUser, []inference.Part{result})
		}
		d.tools = true
		return nil
	case "function":
		return fault.New(fault.Unsupported, "Unsupported value: '%s.role' does not support 'function'. Use 'tool' instead.", at)
	}
	return wrongValue(at+".role", "supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'.")
}

// paired notes a message that does not fit the calls before it: an answer of a
// tool, by the ID of its call, that nobody called, or anything else where
// answers are missing.
func (d *requestDecoder) paired(n int, id string) {
	var u *Unpaired
	switch i := slices.Index(d.waiting, id); {
	case id != "" && i < 0:
		u = &Unpaired{"messages[" + strconv.Itoa(n) + "].role", "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."} //nolint:misspell // OpenAI's spelling
	case id != "":
		d.waiting = slices.Delete(d.waiting, i, i+1)
	case len(d.waiting) > 0:
		u = &Unpaired{d.caller, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
			"The following tool_call_ids did not have response messages: " + printable(strings.Join(d.waiting, ", "))}
		d.waiting = nil
	}
	if d.call.Unpaired == nil {
		d.call.Unpaired = u
	}
}

func (d *requestDecoder) add(role inference.Role, parts []inference.Part) {
	d.talk = true
	d.req.Messages = append(d.req.Messages, inference.Message{Role: role, Parts: parts})
}

// message is the members of one message.
type message struct {
	at                    string
	role, toolCallID      string
	reasoning, refusal    string
	content, calls, audio []byte
	unknown               []string
}

func (m *message) member(key string, value []byte) error {
	var err error
	switch key {
	case "role":
		m.role, err = text(m.at+".role", value)
	case "content":
		m.content = value
	case "tool_call_id":
		m.toolCallID, err = text(m.at+".tool_call_id", value)
	case "tool_calls":
		if !isList(value) {
			return wrongType(m.at+".tool_calls", "an array of objects", value)
		}
		m.calls = value
	case "reasoning_content", "reasoning":
		if s := str(value); s != "" {
			m.reasoning = s
		}
	case "refusal":
		m.refusal = str(value)
	case "audio":
		m.audio = value
	case "function_call":
		return fault.New(fault.Unsupported, "Unsupported parameter: '%s.function_call' is not supported. Use 'tool_calls' instead.", m.at)
	default:
		m.unknown = append(m.unknown, key)
	}
	return err
}

// parts reads the content. An empty text is none.
func (m *message) parts(textOnly bool) ([]inference.Part, error) {
	at := m.at + ".content"
	if m.content == nil {
		if m.role == "assistant" {
			return nil, nil
		}
		return nil, fault.New(fault.Invalid, "Invalid value for '%s': expected a string, got null.", at)
	}
	switch {
	case isString(m.content):
		if s := str(m.content); s != "" {
			return []inference.Part{inference.Text{Text: s}}, nil
		}
		return nil, nil
	case isObject(m.content): // Writer's form of a single text
		p, err := part(at, m.content, textOnly)
		return []inference.Part{p}, err
	case !isList(m.content):
		return nil, wrongType(at, "one of a string or array of objects", m.content)
	}
	var parts []inference.Part
	err := elements(m.content, func(n int, value []byte) error {
		at := at + "[" + strconv.Itoa(n) + "]"
		if isString(value) {
			parts = append(parts, inference.Text{Text: str(value)})
			return nil
		}
		if !isObject(value) {
			return wrongType(at, "an object", value)
		}
		p, err := part(at, value, textOnly)
		if t, ok := p.(inference.Text); !ok || t.Text != "" {
			parts = append(parts, p)
		}
		return err
	})
	return parts, err
}

func (m *message) assistant() ([]inference.Part, error) {
	if m.audio != nil {
		return nil, fault.New(fault.Unsupported, "Unsupported parameter: '%s.audio' is not supported.", m.at)
	}
	if m.content == nil && m.calls == nil && m.refusal == "" && m.reasoning == "" {
		return nil, fault.New(fault.Invalid, "Invalid value for '%s.content': expected a string, got null.", m.at)
	}
	var parts []inference.Part
	if m.reasoning != "" {
		parts = append(parts, inference.Reasoning{Text: m.reasoning})
	}
	content, err := m.parts(false)
	if err != nil {
		return nil, err
	}
	parts = append(parts, content...)
	if m.refusal != "" {
		parts = append(parts, inference.Text{Text: m.refusal})
	}
	if m.calls == nil {
		return parts, nil
	}
	err = elements(m.calls, func(n int, value []byte) error {
		call, err := m.call(n, value)
		parts = append(parts, call)
		return err
	})
	return parts, err
}

func (m *message) call(n int, value []byte) (inference.ToolUse, error) {
	at := m.at + ".tool_calls[" + strconv.Itoa(n) + "]"
	var call inference.ToolUse
	if !isObject(value) {
		return call, wrongType(at, "an object", value)
	}
	err := members(value, func(key string, value []byte) error {
		var err error
		switch key {
		case "id":
			call.ID, err = text(at+".id", value)
		case "type":
			if typ := str(value); typ != "function" {
				return fault.New(fault.Unsupported, "Invalid value for '%s.type': '%s' is not supported.", at, printable(typ))
			}
		case "function":
			return members(value, func(key string, value []byte) error {
				switch key {
				case "name":
					call.Name, err = text(at+".function.name", value)
				case "arguments":
					call.Input, err = arguments(at, value)
				}
				return err
			})
		}
		return err
	})
	if err != nil {
		return call, err
	}
	if call.ID == "" {
		return call, fault.New(fault.Invalid, "Missing required parameter: '%s.id'.", at)
	}
	if call.Name == "" {
		return call, fault.New(fault.Invalid, "Missing required parameter: '%s.function.name'.", at)
	}
	if call.Input == nil {
		call.Input = json.RawMessage("{}")
	}
	return call, nil
}

// arguments are JSON in a string; some clients write the object itself.
func arguments(at string, value []byte) (json.RawMessage, error) {
	if isObject(value) {
		return clone(value), nil
	}
	s, err := text(at+".function.arguments", value)
	if err != nil || s == "" {
		return nil, err
	}
	return json.RawMessage(s), nil
}

// part reads one part of a content.
func part(at string, value []byte, textOnly bool) (inference.Part, error) {
	var typ string
	var content []byte
	values := map[string][]byte{}
	_ = members(value, func(key string, value []byte) error {
		if key == "type" {
			typ = str(value)
		} else {
			values[key] = value
		}
		return nil
	})
	if typ == "" && values["text"] != nil {
		typ = "text"
	}
	content = values[typ]
	if textOnly && typ != "text" {
		return nil, wrongValue(at+".type", "supported values are: 'text'.")
	}
	switch typ {
	case "":
		return nil, fault.New(fault.Invalid, "Missing required parameter: '%s.type'.", at)
	case "text", "refusal", "image_url", "input_audio", "audio_url", "video_url", "file":
	default:
		return nil, wrongValue(at+".type", "'%s' is not supported. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'.", printable(typ))
	}
	if content == nil {
		return nil, fault.New(fault.Invalid, "Missing required parameter: '%s.%s'.", at, typ)
	}
	at += "." + typ
	switch typ {
	case "text", "refusal":
		s, err := text(at, content)
		return inference.Text{Text: s}, err
	case "input_audio":
		return audio(at, content)
	case "file":
		return file(at, content)
	}
	return linked(at, typ, content)
}

// linked reads image_url, audio_url and video_url: an object with a url, or as
// some servers allow the url itself.
func linked(at, typ string, content []byte) (inference.Part, error) {
	link, detail := content, ""
	if isObject(content) {
		link = nil
		_ = members(content, func(key string, value []byte) error {
			switch key {
			case "url":
				link = value
			case "detail":
				detail = str(value)
			}
			return nil
		})
		at += ".url"
	}
	if link == nil || !isString(link) {
		return nil, fault.New(fault.Invalid, "Missing required parameter: '%s'.", at)
	}
	media, data, isData, err := dataURL(link)
	if err != nil {
		return nil, wrongValue(at, "expected a base64-encoded data URL with a media type (e.g. 'data:image/jpeg;base64,…'), but got a value without one.")
	}
	url := ""
	if !isData {
		url = str(link)
		if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "s3://") {
			return nil, wrongValue(at, "expected a URL that starts with 'https://' or a base64-encoded data URL.")
		}
	}
	class, format, _ := strings.Cut(media, "/")
	want, _, _ := strings.Cut(typ, "_")
	if isData && class != want {
		return nil, wrongValue(at, "expected a media type of %s/*, but got '%s'.", want, printable(media))
	}
	format = subtype(format)
	switch typ {
	case "audio_url":
		return inference.Audio{Format: format, Bytes: data, URL: url}, nil
	case "video_url":
		return inference.Video{Format: format, Bytes: data, URL: url}, nil
	}
	return inference.Image{Format: format, Bytes: data, URL: url, Detail: detail}, nil
}

// subtype is the hub's word for a media type's second half.
func subtype(s string) string {
	switch s {
	case "jpg", "pjpeg":
		return "jpeg"
	case "mpeg":
		return "mp3"
	case "x-wav", "wave":
		return "wav"
	case "quicktime":
		return "mov"
	}
	return s
}

// dataURL splits a JSON string that is a data URL, decoding straight from it.
func dataURL(value []byte) (media string, data []byte, ok bool, err error) {
	plain, direct := inner(value)
	if !direct {
		plain = []byte(str(value))
	}
	rest, ok := bytes.CutPrefix(plain, []byte("data:"))
	if !ok {
		return "", nil, false, nil
	}
	head, encoded, found := bytes.Cut(rest, []byte(","))
	head, base := bytes.CutSuffix(head, []byte(";base64"))
	media, _, _ = strings.Cut(strings.ToLower(string(head)), ";")
	if !found || !base || !strings.Contains(media, "/") {
		return "", nil, true, base64.CorruptInputError(0)
	}
	data, err = fromBase64(encoded)
	return media, data, true, err
}

func fromBase64(encoded []byte) ([]byte, error) {
	encoded = bytes.TrimRight(encoded, "=")
	data := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, err := base64.RawStdEncoding.Decode(data, encoded)
	return data[:n], err
}

func audio(at string, content []byte) (inference.Part, error) {
	a := inference.Audio{}
	var encoded []byte
	_ = members(content, func(key string, value []byte) error {
		switch key {
		case "format":
			a.Format = str(value)
		case "data":
			encoded = value
		}
		return nil
	})
	if encoded == nil || a.Format == "" {
		return nil, fault.New(fault.Invalid, "Missing required parameter: '%s.data' or '%s.format'.", at, at)
	}
	plain, ok := inner(encoded)
	if !ok {
		plain = []byte(str(encoded))
	}
	data, err := fromBase64(plain)
	if err != nil {
		return nil, wrongValue(at+".data", "expected base64.")
	}
	a.Bytes = data
	return a, nil
}

// documents are the hub's words for the media types of files.
var documents = map[string]string{
	"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
	"application/msword": "doc", "application/vnd.ms-excel": "xls",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       "xlsx",
}

func file(at string, content []byte) (inference.Part, error) {
	var doc inference.Document
	var link []byte
	_ = members(content, func(key string, value []byte) error {
		switch key {
		case "filename":
			doc.Name = str(value)
		case "file_data":
			link = value
		}
		return nil
	})
	if link == nil {
		return nil, fault.New(fault.Unsupported, "Missing required parameter: '%s.file_data'. Uploaded files are not supported.", at)
	}
	media, data, isData, err := dataURL(link)
	if err != nil || !isData {
		return nil, wrongValue(at+".file_data", "expected a base64-encoded data URL with a media type (e.g. 'data:application/pdf;base64,…').")
	}
	if doc.Format = documents[media]; doc.Format == "" {
		if dot := strings.LastIndexByte(doc.Name, '.'); dot >= 0 {
			doc.Format = strings.ToLower(doc.Name[dot+1:])
		}
	}
	if doc.Format == "" {
		return nil, wrongValue(at+".file_data", "the media type '%s' is not supported.", printable(media))
	}
	doc.Bytes = data
	return doc, nil
}

// printable cuts what a caller wrote for a message.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
