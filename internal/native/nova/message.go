package nova

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/body"
)

// The parts of a request whose JSON has to stay as it is: what the schema of
// the whole body says has been checked before.
type (
	request struct {
		System     []block     `json:"system"`
		Messages   []message   `json:"messages"`
		ToolConfig *toolConfig `json:"toolConfig"`
	}
	message struct {
		Role    string  `json:"role"`
		Content []block `json:"content"`
	}
	// block has one of the members, in a request as in an answer.
	block struct {
		Text       *string     `json:"text,omitempty"`
		Image      *file       `json:"image,omitempty"`
		Video      *file       `json:"video,omitempty"`
		Audio      *file       `json:"audio,omitempty"`
		Document   *file       `json:"document,omitempty"`
		ToolUse    *toolUse    `json:"toolUse,omitempty"`
		ToolResult *toolResult `json:"toolResult,omitempty"`
		Reasoning  *thought    `json:"reasoningContent,omitempty"`
		Citations  *cited      `json:"citationsContent,omitempty"`
		CachePoint *cachePoint `json:"cachePoint,omitempty"`
		// JSON is a member in the results of tools alone.
		JSON json.RawMessage `json:"json,omitempty"`
	}
	file struct {
		Format string `json:"format,omitempty"`
		Name   string `json:"name,omitempty"` // of documents
		Source source `json:"source"`
	}
	source struct {
		Bytes *string     `json:"bytes,omitempty"` // base64
		Text  *string     `json:"text,omitempty"`  // of documents
		S3    *s3Location `json:"s3Location,omitempty"`
	}
	s3Location struct {
		URI   string `json:"uri"`
		Owner string `json:"bucketOwner,omitempty"`
	}
	toolUse struct {
		ID    string          `json:"toolUseId"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
		Type  string          `json:"type,omitempty"`
	}
	toolResult struct {
		ID      string  `json:"toolUseId"`
		Content []block `json:"content"`
		Status  string  `json:"status,omitempty"`
		Type    string  `json:"type,omitempty"`
	}
	thought struct {
		Text     *thoughtText `json:"reasoningText,omitempty"`
		Redacted *string      `json:"redactedContent,omitempty"` // base64
	}
	thoughtText struct {
		Text      string `json:"text"`
		Signature string `json:"signature,omitempty"`
	}
	cachePoint struct {
		Type string `json:"type"`
		TTL  string `json:"ttl,omitempty"`
	}
	toolConfig struct {
		Tools  []tool  `json:"tools"`
		Choice *choice `json:"toolChoice"`
	}
	tool struct {
		Spec *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			InputSchema struct {
				JSON json.RawMessage `json:"json"`
			} `json:"inputSchema"`
			Strict *bool `json:"strict"`
		} `json:"toolSpec"`
		System *struct {
			Name string `json:"name"`
		} `json:"systemTool"`
		CachePoint *cachePoint `json:"cachePoint"`
	}
	choice struct {
		Auto *struct{} `json:"auto"`
		Any  *struct{} `json:"any"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool"`
	}
)

// part reads a block. At is where it stands.
func (b *block) part(at string) (inference.Part, error) {
	n := 0
	for _, there := range []bool{
		b.Text != nil, b.Image != nil, b.Video != nil, b.Audio != nil, b.Document != nil, b.ToolUse != nil, b.ToolResult != nil,
		b.Reasoning != nil, b.CachePoint != nil, b.JSON != nil,
	} {
		if there {
			n++
		}
	}
	switch {
	case n == 0:
		return nil, body.Malformed(at + ": required key [text] not found")
	case n > 1:
		return nil, body.Malformed(at + ": expected one content block, found " + strconv.Itoa(n))
	case b.Text != nil:
		return inference.Text{Text: *b.Text}, nil
	case b.Image != nil:
		data, url, owner, err := b.Image.Source.read(at + "/image")
		return inference.Image{Format: b.Image.Format, Bytes: data, URL: url, Owner: owner}, err
	case b.Video != nil:
		data, url, owner, err := b.Video.Source.read(at + "/video")
		return inference.Video{Format: b.Video.Format, Bytes: data, URL: url, Owner: owner}, err
	case b.Audio != nil:
		data, url, owner, err := b.Audio.Source.read(at + "/audio")
		return inference.Audio{Format: b.Audio.Format, Bytes: data, URL: url, Owner: owner}, err
	case b.Document != nil:
		d := inference.Document{Format: b.Document.Format, Name: b.Document.Name}
		if text := b.Document.Source.Text; text != nil && b.Document.Source.Bytes == nil && b.Document.Source.S3 == nil {
			d.Text = *text
			return d, nil
		}
		var err error
		d.Bytes, d.URL, d.Owner, err = b.Document.Source.read(at + "/document")
		return d, err
	case b.ToolUse != nil:
		return inference.ToolUse{ID: b.ToolUse.ID, Name: b.ToolUse.Name, Input: b.ToolUse.Input, Kind: b.ToolUse.Type}, nil
	case b.ToolResult != nil:
		return b.ToolResult.part(at + "/toolResult")
	case b.Reasoning != nil:
		return b.Reasoning.part(at + "/reasoningContent")
	case b.CachePoint != nil:
		return inference.CachePoint{TTL: b.CachePoint.TTL}, nil
	}
	return inference.JSON{Value: b.JSON}, nil
}

// read returns the bytes of a file, or where it is.
func (s source) read(at string) (data []byte, url, owner string, err error) {
	switch {
	case s.Bytes != nil && s.S3 == nil && s.Text == nil:
		data, err = body.Bytes(at+"/source/bytes", *s.Bytes)
		return data, "", "", err
	case s.S3 != nil && s.Bytes == nil && s.Text == nil:
		if !strings.HasPrefix(s.S3.URI, "s3://") {
			return nil, "", "", body.Malformed(at + "/source/s3Location/uri: string [" + shorten(s.S3.URI) + "] does not match pattern ^s3://")
		}
		return nil, s.S3.URI, s.S3.Owner, nil
	}
	return nil, "", "", body.Malformed(at + "/source: expected exactly one of [bytes, s3Location]")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 50 {
		return string(r[:50]) + "…"
	}
	return s
}

func (r *toolResult) part(at string) (inference.Part, error) {
	out := inference.ToolResult{ID: r.ID, Failed: r.Status == "error", Status: r.Status != "", Kind: r.Type}
	for i := range r.Content {
		part, err := r.Content[i].part(at + "/content/" + strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, part)
	}
	return out, nil
}

func (t *thought) part(at string) (inference.Part, error) {
	switch {
	case t.Text != nil && t.Redacted == nil:
		return inference.Reasoning{Text: t.Text.Text, Signature: t.Text.Signature}, nil
	case t.Redacted != nil && t.Text == nil:
		data, err := body.Bytes(at+"/redactedContent", *t.Redacted)
		return inference.Reasoning{Redacted: data}, err
	}
	return nil, body.Malformed(at + ": expected exactly one of [reasoningText, redactedContent]")
}

// apply puts the tools into a request. A cache point belongs to the tool in
// front of it.
func (c *toolConfig) apply(req *inference.Request) error {
	if c == nil {
		return nil
	}
	for i, t := range c.Tools {
		at := "#/toolConfig/tools/" + strconv.Itoa(i)
		switch {
		case t.Spec != nil && t.System == nil && t.CachePoint == nil:
			req.Tools = append(req.Tools, inference.Tool{
				Name: t.Spec.Name, Description: t.Spec.Description, Schema: t.Spec.InputSchema.JSON, Strict: t.Spec.Strict,
			})
		case t.System != nil && t.Spec == nil && t.CachePoint == nil:
			req.Tools = append(req.Tools, inference.Tool{Name: t.System.Name, Kind: "system"})
		case t.CachePoint != nil && t.Spec == nil && t.System == nil && len(req.Tools) > 0:
			req.Tools[len(req.Tools)-1].Cache = &inference.CachePoint{TTL: t.CachePoint.TTL}
		default:
			return body.Malformed(at + ": expected exactly one of [toolSpec, systemTool, cachePoint]")
		}
	}
	if c.Choice == nil {
		return nil
	}
	switch {
	case c.Choice.Auto != nil && c.Choice.Any == nil && c.Choice.Tool == nil:
		req.ToolChoice.Mode = inference.ToolAuto
	case c.Choice.Any != nil && c.Choice.Auto == nil && c.Choice.Tool == nil:
		req.ToolChoice.Mode = inference.ToolAny
	case c.Choice.Tool != nil && c.Choice.Auto == nil && c.Choice.Any == nil:
		req.ToolChoice = inference.ToolChoice{Mode: inference.ToolNamed, Name: c.Choice.Tool.Name}
		for _, t := range req.Tools {
			if t.Name == req.ToolChoice.Name {
				return nil
			}
		}
		return body.Malformed("#/toolConfig/toolChoice/tool/name: " + shorten(req.ToolChoice.Name) + " is not the name of a tool")
	default:
		return body.Malformed("#/toolConfig/toolChoice: expected exactly one of [auto, any, tool]")
	}
	return nil
}

// newBlocks are the members of a content block.
func newBlocks() body.Properties {
	source := body.ObjectOf(body.Properties{
		"bytes": body.StringOf(),
		"s3Location": body.ObjectOf(body.Properties{
			"uri": {Type: body.TypeString, MinLength: 1, MaxLength: 1024}, "bucketOwner": body.StringOf(),
		}, "uri"),
	})
	documents := body.ObjectOf(body.Properties{"bytes": source.Properties["bytes"], "s3Location": source.Properties["s3Location"], "text": body.StringOf()})
	file := func(source *body.Schema, formats ...string) *body.Schema {
		return body.ObjectOf(body.Properties{"format": body.StringOf(formats...), "source": source}, "format", "source")
	}
	document := file(documents, "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")
	document.Properties["name"] = &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: 200}
	document.Required = []string{"format", "name", "source"}
	p := body.Properties{
		"text":     body.StringOf(),
		"image":    file(source, "png", "jpeg", "gif", "webp"),
		"video":    file(source, "mkv", "mov", "mp4", "webm", "three_gp", "flv", "mpeg", "mpg", "wmv"),
		"document": document,
	}
	result := body.Properties{"json": {Type: body.TypeAny}}
	maps.Copy(result, p)
	p["audio"] = file(source, "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm")
	p["cachePoint"] = newCachePointSchema()
	p["toolUse"] = body.ObjectOf(body.Properties{
		"toolUseId": newIDSchema(), "name": newNameSchema(), "input": body.OpenObject(), "type": body.StringOf(),
	}, "toolUseId", "name", "input")
	p["toolResult"] = body.ObjectOf(body.Properties{
		"toolUseId": newIDSchema(), "content": body.ListOf(body.ObjectOf(result)), "status": body.StringOf("success", "error"), "type": body.StringOf(),
	}, "toolUseId", "content")
	p["reasoningContent"] = body.ObjectOf(body.Properties{
		"reasoningText":   body.ObjectOf(body.Properties{"text": body.StringOf(), "signature": body.StringOf()}, "text"),
		"redactedContent": body.StringOf(),
	})
	return p
}

func newIDSchema() *body.Schema {
	return &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: 64}
}

func newNameSchema() *body.Schema {
	return &body.Schema{Type: body.TypeString, MinLength: 1, MaxLength: 64}
}

func newCachePointSchema() *body.Schema {
	return body.ObjectOf(body.Properties{"type": body.StringOf("default"), "ttl": body.StringOf("5m", "1h")}, "type")
}

// newToolSchema has the inside of a tool's schema closed at the top: the
// service refuses definitions there.
func newToolSchema() *body.Schema {
	schema := body.ObjectOf(body.Properties{
		"type": body.StringOf("object"), "properties": body.OpenObject(), "required": body.ListOf(body.StringOf()),
	}, "type")
	spec := body.ObjectOf(body.Properties{
		"name":        newNameSchema(),
		"description": {Type: body.TypeString, MinLength: 1},
		"inputSchema": body.ObjectOf(body.Properties{"json": schema}, "json"),
		"strict":      body.BooleanOf(),
	}, "name", "inputSchema")
	tools := body.ListOf(body.ObjectOf(body.Properties{
		"toolSpec": spec, "cachePoint": newCachePointSchema(), "systemTool": body.ObjectOf(body.Properties{"name": newNameSchema()}, "name"),
	}))
	tools.MinItems = 1
	empty := body.ObjectOf(nil)
	return body.ObjectOf(body.Properties{
		"tools":      tools,
		"toolChoice": body.ObjectOf(body.Properties{"auto": empty, "any": empty, "tool": body.ObjectOf(body.Properties{"name": newNameSchema()}, "name")}),
	}, "tools")
}
