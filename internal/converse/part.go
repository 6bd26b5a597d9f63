package converse

import (
	"encoding/json"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// parts translates the blocks of message i.
func parts(i int, content []api.ContentBlock) ([]inference.Part, error) {
	list := make([]inference.Part, 0, len(content))
	for j := range content {
		p, err := part(i, j, &content[j])
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// part translates block j of message i.
func part(i, j int, b *api.ContentBlock) (inference.Part, error) {
	switch {
	case b.Text != nil:
		return inference.Text{Text: *b.Text}, nil
	case b.Image != nil:
		return image(b.Image)
	case b.Document != nil:
		return readDocument(b.Document), nil
	case b.Video != nil:
		return video(b.Video), nil
	case b.Audio != nil:
		return audio(b.Audio)
	case b.ToolUse != nil:
		use := inference.ToolUse{
			ID: schema.Deref(b.ToolUse.ToolUseId), Name: schema.Deref(b.ToolUse.Name),
			Input: json.RawMessage(b.ToolUse.Input), Kind: string(b.ToolUse.Type),
		}
		if len(use.Input) == 0 {
			use.Input = json.RawMessage("{}")
		}
		return use, nil
	case b.ToolResult != nil:
		return toolResult(b.ToolResult)
	case b.GuardContent != nil && (b.GuardContent.Text != nil || b.GuardContent.Image != nil):
		return guarded(b.GuardContent), nil
	case b.CachePoint != nil:
		return inference.CachePoint{TTL: string(b.CachePoint.Ttl)}, nil
	case b.ReasoningContent != nil:
		return reasoning(b.ReasoningContent), nil
	case b.CitationsContent != nil:
		return cited(b.CitationsContent), nil
	case b.SearchResult != nil:
		return searchResult(b.SearchResult), nil
	case b.ToolAddition != nil:
		return nil, fault.New(fault.Unsupported, "toolAddition content blocks are not supported. List the tools in toolConfig.")
	case b.ToolRemoval != nil:
		return nil, fault.New(fault.Unsupported, "toolRemoval content blocks are not supported. List the tools in toolConfig.")
	}
	return nil, fault.New(fault.Invalid, "The ContentBlock object at messages.%d.content.%d has no field that is known. Update the content block and try again.", i, j)
}

// blocks translates parts back.
func blocks(list []inference.Part) ([]api.ContentBlock, error) {
	content := make([]api.ContentBlock, 0, len(list))
	for _, p := range list {
		b, err := block(p)
		if err != nil {
			return nil, err
		}
		content = append(content, b)
	}
	return content, nil
}

func block(p inference.Part) (api.ContentBlock, error) {
	var b api.ContentBlock
	var err error
	switch p := p.(type) {
	case inference.Text:
		b.Text = &p.Text
	case inference.Guarded:
		b.GuardContent = guardText(p)
	case inference.Image:
		if p.Guarded {
			b.GuardContent = guardImage(p)
			break
		}
		b.Image, err = imageBlock(p)
	case inference.Document:
		b.Document, err = documentBlock(p)
	case inference.Video:
		b.Video, err = videoBlock(p)
	case inference.Audio:
		b.Audio, err = audioBlock(p)
	case inference.ToolUse:
		b.ToolUse, err = toolUseBlock(p)
	case inference.ToolResult:
		b.ToolResult, err = toolResultBlock(p)
	case inference.JSON:
		return b, unsupported("JSON outside of a tool's result")
	case inference.Reasoning:
		b.ReasoningContent = reasoningBlock(p)
	case inference.CachePoint:
		b.CachePoint = cachePoint(p)
	case inference.Cited:
		b.CitationsContent = citedBlock(p)
	case inference.SearchResult:
		b.SearchResult = searchResultBlock(p)
	default:
		return b, unsupported("A part of an unknown kind")
	}
	return b, err
}

func cachePoint(p inference.CachePoint) *api.CachePointBlock {
	return &api.CachePointBlock{Type: api.CachePointTypeDefault, Ttl: api.CacheTTL(p.TTL)}
}

// guarded is nil for a block without a member that is known.
func guarded(b *api.GuardrailConverseContentBlock) inference.Part {
	switch {
	case b.Text != nil:
		g := inference.Guarded{Text: schema.Deref(b.Text.Text)}
		for _, q := range b.Text.Qualifiers {
			g.Qualifiers = append(g.Qualifiers, string(q))
		}
		return g
	case b.Image != nil:
		m := inference.Image{Format: string(b.Image.Format), Guarded: true}
		if b.Image.Source != nil {
			m.Bytes = b.Image.Source.Bytes
		}
		return m
	}
	return nil
}

func guardText(p inference.Guarded) *api.GuardrailConverseContentBlock {
	t := &api.GuardrailConverseTextBlock{Text: &p.Text}
	for _, q := range p.Qualifiers {
		t.Qualifiers = append(t.Qualifiers, api.GuardrailConverseContentQualifier(q))
	}
	return &api.GuardrailConverseContentBlock{Text: t}
}

func guardImage(p inference.Image) *api.GuardrailConverseContentBlock {
	return &api.GuardrailConverseContentBlock{Image: &api.GuardrailConverseImageBlock{
		Format: api.GuardrailConverseImageFormat(p.Format), Source: &api.GuardrailConverseImageSource{Bytes: p.Bytes},
	}}
}

// place reads where a file is.
func place(l *api.S3Location) (url, owner string) {
	if l == nil {
		return "", ""
	}
	return schema.Deref(l.Uri), schema.Deref(l.BucketOwner)
}

// location writes where a file is; nil when its bytes are there, or it is not
// said. Bedrock fetches files from buckets alone.
func location(what string, data []byte, url, owner string) (*api.S3Location, error) {
	var l *api.S3Location
	switch {
	case data != nil || url == "":
	case !strings.HasPrefix(url, "s3:"):
		return nil, unsupported(what + " that is named by its address")
	default:
		l = &api.S3Location{Uri: &url, BucketOwner: str(owner)}
	}
	return l, nil
}

func image(b *api.ImageBlock) (inference.Part, error) {
	if b.Error != nil {
		return nil, fault.New(fault.Upstream, "The model could not make an image: %s", schema.Deref(b.Error.Message))
	}
	m := inference.Image{Format: string(b.Format)}
	if b.Source != nil {
		m.Bytes = b.Source.Bytes
		m.URL, m.Owner = place(b.Source.S3Location)
	}
	return m, nil
}

func imageBlock(p inference.Image) (*api.ImageBlock, error) {
	source, err := imageSource(p)
	return &api.ImageBlock{Format: api.ImageFormat(p.Format), Source: source}, err
}

func imageSource(p inference.Image) (*api.ImageSource, error) {
	l, err := location("An image", p.Bytes, p.URL, p.Owner)
	return &api.ImageSource{Bytes: p.Bytes, S3Location: l}, err
}

func readDocument(b *api.DocumentBlock) inference.Document {
	d := inference.Document{Format: string(b.Format), Name: schema.Deref(b.Name), Context: schema.Deref(b.Context)}
	d.Citations = b.Citations != nil && schema.Deref(b.Citations.Enabled)
	if s := b.Source; s != nil {
		d.Bytes, d.Text = s.Bytes, schema.Deref(s.Text)
		d.URL, d.Owner = place(s.S3Location)
		for _, c := range s.Content {
			d.Content = append(d.Content, schema.Deref(c.Text))
		}
	}
	return d
}

func documentBlock(p inference.Document) (*api.DocumentBlock, error) {
	b := &api.DocumentBlock{Format: api.DocumentFormat(p.Format), Name: &p.Name, Context: str(p.Context), Source: &api.DocumentSource{}}
	if p.Citations {
		b.Citations = &api.CitationsConfig{Enabled: new(true)}
	}
	switch {
	case p.Bytes != nil:
		b.Source.Bytes = p.Bytes
	case p.Content != nil:
		for _, text := range p.Content {
			b.Source.Content = append(b.Source.Content, api.DocumentContentBlock{Text: &text})
		}
	case p.URL != "":
		var err error
		b.Source.S3Location, err = location("A document", nil, p.URL, p.Owner)
		return b, err
	default:
		b.Source.Text = &p.Text
	}
	return b, nil
}

func video(b *api.VideoBlock) inference.Video {
	v := inference.Video{Format: string(b.Format)}
	if b.Source != nil {
		v.Bytes = b.Source.Bytes
		v.URL, v.Owner = place(b.Source.S3Location)
	}
	return v
}

func videoBlock(p inference.Video) (*api.VideoBlock, error) {
	l, err := location("A video", p.Bytes, p.URL, p.Owner)
	return &api.VideoBlock{Format: api.VideoFormat(p.Format), Source: &api.VideoSource{Bytes: p.Bytes, S3Location: l}}, err
}

func audio(b *api.AudioBlock) (inference.Part, error) {
	if b.Error != nil {
		return nil, fault.New(fault.Upstream, "The model could not make a recording: %s", schema.Deref(b.Error.Message))
	}
	a := inference.Audio{Format: string(b.Format)}
	if b.Source != nil {
		a.Bytes = b.Source.Bytes
		a.URL, a.Owner = place(b.Source.S3Location)
	}
	return a, nil
}

func audioBlock(p inference.Audio) (*api.AudioBlock, error) {
	l, err := location("A recording", p.Bytes, p.URL, p.Owner)
	return &api.AudioBlock{Format: api.AudioFormat(p.Format), Source: &api.AudioSource{Bytes: p.Bytes, S3Location: l}}, err
}

func toolUseBlock(p inference.ToolUse) (*api.ToolUseBlock, error) {
	input, err := document(p.Input)
	if err != nil {
		return nil, err
	}
	return &api.ToolUseBlock{ToolUseId: &p.ID, Name: &p.Name, Input: input, Type: api.ToolUseType(p.Kind)}, nil
}

func toolResult(b *api.ToolResultBlock) (inference.Part, error) {
	r := inference.ToolResult{
		ID: schema.Deref(b.ToolUseId), Kind: schema.Deref(b.Type),
		Status: b.Status != "", Failed: b.Status == api.ToolResultStatusError,
	}
	for _, c := range b.Content {
		switch {
		case c.Text != nil:
			r.Content = append(r.Content, inference.Text{Text: *c.Text})
		case c.Json != nil:
			r.Content = append(r.Content, inference.JSON{Value: json.RawMessage(c.Json)})
		case c.Image != nil:
			p, err := image(c.Image)
			if err != nil {
				return nil, err
			}
			r.Content = append(r.Content, p)
		case c.Document != nil:
			r.Content = append(r.Content, readDocument(c.Document))
		case c.Video != nil:
			r.Content = append(r.Content, video(c.Video))
		case c.SearchResult != nil:
			r.Content = append(r.Content, searchResult(c.SearchResult))
		default:
			return nil, fault.New(fault.Invalid, "A ToolResultContentBlock object has no field that is known. Update the content block and try again.")
		}
	}
	return r, nil
}

func toolResultBlock(p inference.ToolResult) (*api.ToolResultBlock, error) {
	b := &api.ToolResultBlock{ToolUseId: &p.ID, Type: str(p.Kind), Status: status(p), Content: make([]api.ToolResultContentBlock, 0, len(p.Content))}
	for _, c := range p.Content {
		var content api.ToolResultContentBlock
		var err error
		switch c := c.(type) {
		case inference.Text:
			content.Text = &c.Text
		case inference.Guarded:
			content.Text = &c.Text
		case inference.JSON:
			content.Json, err = document(c.Value)
		case inference.Image:
			content.Image, err = imageBlock(c)
		case inference.Document:
			content.Document, err = documentBlock(c)
		case inference.Video:
			content.Video, err = videoBlock(c)
		case inference.SearchResult:
			content.SearchResult = searchResultBlock(c)
		case inference.CachePoint:
			continue // it only saves work
		default:
			return nil, unsupported("A part of this kind in a tool's result")
		}
		if err != nil {
			return nil, err
		}
		b.Content = append(b.Content, content)
	}
	return b, nil
}

func status(p inference.ToolResult) api.ToolResultStatus {
	switch {
	case p.Failed:
		return api.ToolResultStatusError
	case p.Status:
		return api.ToolResultStatusSuccess
	}
	return ""
}

func reasoning(b *api.ReasoningContentBlock) inference.Reasoning {
	r := inference.Reasoning{Redacted: b.RedactedContent}
	if t := b.ReasoningText; t != nil && r.Redacted == nil {
		r.Text, r.Signature = schema.Deref(t.Text), schema.Deref(t.Signature)
	}
	return r
}

func reasoningBlock(p inference.Reasoning) *api.ReasoningContentBlock {
	if p.Redacted != nil {
		return &api.ReasoningContentBlock{RedactedContent: p.Redacted}
	}
	return &api.ReasoningContentBlock{ReasoningText: &api.ReasoningTextBlock{Text: &p.Text, Signature: str(p.Signature)}}
}

func searchResult(b *api.SearchResultBlock) inference.SearchResult {
	r := inference.SearchResult{Source: schema.Deref(b.Source), Title: schema.Deref(b.Title)}
	for _, c := range b.Content {
		r.Content = append(r.Content, schema.Deref(c.Text))
	}
	if b.Citations != nil {
		r.Citations = new(schema.Deref(b.Citations.Enabled))
	}
	return r
}

func searchResultBlock(p inference.SearchResult) *api.SearchResultBlock {
	b := &api.SearchResultBlock{Source: &p.Source, Title: &p.Title, Content: make([]api.SearchResultContentBlock, 0, len(p.Content))}
	for _, text := range p.Content {
		b.Content = append(b.Content, api.SearchResultContentBlock{Text: &text})
	}
	if p.Citations != nil {
		b.Citations = &api.CitationsConfig{Enabled: p.Citations}
	}
	return b
}
