package nova_test

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/nova"
)

func model() native.Model {
	m := nativetest.Model("amazon.nova-lite-v1:0")
	m.MaxOutput = 10000
	m.CacheMetrics = true
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, nova.Family{}, model()) }

func TestScripts(t *testing.T) {
	t.Parallel()
	nativetest.RunScripts(t, nova.Family{}, model(), slices.Concat(nativetest.Tools(), nativetest.Thoughts(), nativetest.Citations())...)
}

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, nova.Family{}, model()) }

type object = map[string]any

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTrip(t, nova.Family{}, model(), generate, encode)
}

// generate makes a body that uses everything of the format.
func generate(r nativetest.Random) object {
	config := object{"temperature": r.Hundredths(0, 100), "topP": r.Hundredths(1, 100)}
	r.Maybe(config, "maxTokens", 1+r.IntN(9000))
	r.Maybe(config, "topK", r.IntN(129))
	r.Maybe(config, "stopSequences", r.Texts(3))
	switch r.IntN(3) {
	case 0:
		config["reasoningConfig"] = object{"type": "enabled", "maxReasoningEffort": r.Pick("low", "medium", "high")}
	case 1:
		config["reasoningConfig"] = object{"type": "disabled"}
	}
	b := object{"inferenceConfig": config}
	if r.Chance(2) {
		b["system"] = []any{object{"text": r.Text()}, object{"cachePoint": object{"type": "default", "ttl": "1h"}}, object{"text": r.Text()}}
	}
	if r.Chance(2) {
		name := r.Name()
		spec := object{"name": name, "inputSchema": object{"json": r.Schema()}}
		r.Maybe(spec, "description", r.Text())
		r.Maybe(spec, "strict", r.Chance(2))
		tools := []any{object{"toolSpec": spec}, object{"cachePoint": object{"type": "default"}}, object{"systemTool": object{"name": "nova_grounding"}}}
		config := object{"tools": tools}
		switch r.IntN(4) {
		case 0:
			config["toolChoice"] = object{"auto": object{}}
		case 1:
			config["toolChoice"] = object{"any": object{}}
		case 2:
			config["toolChoice"] = object{"tool": object{"name": name}}
		}
		b["toolConfig"] = config
	}
	var messages []any
	for i := range 1 + r.IntN(5) {
		role, content := "user", []any{}
		if i%2 == 1 {
			role = "assistant"
		}
		for range 1 + r.IntN(3) {
			content = append(content, generateBlock(r, role))
		}
		messages = append(messages, object{"role": role, "content": content})
	}
	b["messages"] = messages
	return b
}

func generateBlock(r nativetest.Random, role string) object {
	if role == "assistant" {
		switch r.IntN(4) {
		case 0:
			return object{"toolUse": object{"toolUseId": r.Name(), "name": r.Name(), "input": r.Object()}}
		case 1:
			return object{"reasoningContent": object{"reasoningText": object{"text": r.Text(), "signature": r.Name()}}}
		case 2:
			return object{"reasoningContent": object{"redactedContent": text64(r.Bytes())}}
		}
		return object{"text": r.Text()}
	}
	switch r.IntN(4) {
	case 0:
		result := object{"toolUseId": r.Name(), "content": []any{object{"text": r.Text()}, object{"json": r.Object()}, generateFile(r)}}
		r.Maybe(result, "status", r.Pick("success", "error"))
		return object{"toolResult": result}
	case 1:
		return generateFile(r)
	}
	return object{"text": r.Text()}
}

func generateFile(r nativetest.Random) object {
	source := object{"bytes": text64(r.Bytes())}
	if r.Chance(3) {
		source = object{"s3Location": object{"uri": "s3://bucket/" + r.Name(), "bucketOwner": "123456789012"}}
	}
	switch r.IntN(3) {
	case 0:
		return object{"video": object{"format": r.Pick("mp4", "mkv"), "source": source}}
	case 1:
		return object{"document": object{"format": r.Pick("pdf", "md"), "name": r.Name(), "source": source}}
	}
	return object{"image": object{"format": r.Pick("png", "webp"), "source": source}}
}

func text64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// encode writes a request as the family's body.
func encode(req *inference.Request) any {
	config := object{"temperature": *req.Temperature, "topP": *req.TopP}
	if req.MaxTokens > 0 {
		config["maxTokens"] = req.MaxTokens
	}
	if req.TopK != nil {
		config["topK"] = *req.TopK
	}
	if req.StopSequences != nil {
		config["stopSequences"] = req.StopSequences
	}
	if c := req.Reasoning; c != nil {
		o := object{"type": string(c.Mode)}
		if c.Effort != "" {
			o["maxReasoningEffort"] = c.Effort
		}
		config["reasoningConfig"] = o
	}
	b := object{"inferenceConfig": config}
	if req.System != nil {
		b["system"] = encodeParts(req.System)
	}
	var messages []any
	for _, m := range req.Messages {
		messages = append(messages, object{"role": string(m.Role), "content": encodeParts(m.Parts)})
	}
	b["messages"] = messages
	if req.Tools == nil {
		return b
	}
	var tools []any
	for _, t := range req.Tools {
		if t.Kind == "system" {
			tools = append(tools, object{"systemTool": object{"name": t.Name}})
			continue
		}
		spec := object{"name": t.Name, "inputSchema": object{"json": t.Schema}}
		if t.Description != "" {
			spec["description"] = t.Description
		}
		if t.Strict != nil {
			spec["strict"] = *t.Strict
		}
		tools = append(tools, object{"toolSpec": spec})
		if t.Cache != nil {
			tools = append(tools, object{"cachePoint": object{"type": "default"}})
		}
	}
	tool := object{"tools": tools}
	switch req.ToolChoice.Mode {
	case inference.ToolAuto, inference.ToolAny:
		tool["toolChoice"] = object{string(req.ToolChoice.Mode): object{}}
	case inference.ToolNamed:
		tool["toolChoice"] = object{"tool": object{"name": req.ToolChoice.Name}}
	}
	b["toolConfig"] = tool
	return b
}

func encodeParts(parts []inference.Part) []any {
	out := []any{}
	for _, p := range parts {
		out = append(out, encodePart(p))
	}
	return out
}

func encodePart(p inference.Part) any {
	file := func(format string, data []byte, url, owner string) object {
		if data != nil {
			return object{"format": format, "source": object{"bytes": text64(data)}}
		}
		return object{"format": format, "source": object{"s3Location": object{"uri": url, "bucketOwner": owner}}}
	}
	switch p := p.(type) {
	case inference.Text:
		return object{"text": p.Text}
	case inference.JSON:
		return object{"json": p.Value}
	case inference.CachePoint:
		return object{"cachePoint": object{"type": "default", "ttl": p.TTL}}
	case inference.Image:
		return object{"image": file(p.Format, p.Bytes, p.URL, p.Owner)}
	case inference.Video:
		return object{"video": file(p.Format, p.Bytes, p.URL, p.Owner)}
	case inference.Document:
		d := file(p.Format, p.Bytes, p.URL, p.Owner)
		d["name"] = p.Name
		return object{"document": d}
	case inference.ToolUse:
		return object{"toolUse": object{"toolUseId": p.ID, "name": p.Name, "input": p.Input}}
	case inference.Reasoning:
		if p.Redacted != nil {
			return object{"reasoningContent": object{"redactedContent": text64(p.Redacted)}}
		}
		return object{"reasoningContent": object{"reasoningText": object{"text": p.Text, "signature": p.Signature}}}
	case inference.ToolResult:
		o := object{"toolUseId": p.ID, "content": encodeParts(p.Content)}
		switch {
		case p.Failed:
			o["status"] = "error"
		case p.Status:
			o["status"] = "success"
		}
		return object{"toolResult": o}
	}
	return p
}
