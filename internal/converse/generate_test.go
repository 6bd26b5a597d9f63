package converse_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// maker draws conversations and answers. The same seed gives the same ones.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](m maker, of ...T) T { return of[m.IntN(len(of))] }

func (m maker) coin() bool { return m.IntN(2) == 0 }

func (m maker) text() string {
	return pick(m, "Hello", "größer", "a\nb", `{"a":1}`, "<|im_end|>", "日本語", " ", "\u0000x")
}

// maybe is a text, or nil.
func (m maker) maybe() *string {
	if m.coin() {
		return nil
	}
	return new(m.text())
}

func (m maker) bytes() []byte {
	b := make([]byte, 1+m.IntN(8))
	for i := range b {
		b[i] = byte(m.IntN(256))
	}
	return b
}

func (m maker) count() int { return 1 + m.IntN(3) }

func list[T any](m maker, of func() T) []T {
	out := make([]T, m.count())
	for i := range out {
		out[i] = of()
	}
	return out
}

func (m maker) json() schema.DocumentValue {
	return schema.DocumentValue(pick(m, `{}`, `{"city":"Rome"}`, `{"a":[1,2.50,null],"b":{"c":"\u00e9"}}`))
}

func (m maker) s3() *api.S3Location {
	return &api.S3Location{Uri: new("s3://bucket/" + base64.RawURLEncoding.EncodeToString(m.bytes())), BucketOwner: pick(m, nil, new("000000000000"))}
}

func (m maker) cache() *api.CachePointBlock {
	return &api.CachePointBlock{Type: api.CachePointTypeDefault, Ttl: pick(m, "", api.CacheTTL5m, api.CacheTTL1h)}
}

func (m maker) guard() *api.GuardrailConverseContentBlock {
	if m.coin() {
		return &api.GuardrailConverseContentBlock{Image: &api.GuardrailConverseImageBlock{
			Format: api.GuardrailConverseImageFormatPng, Source: &api.GuardrailConverseImageSource{Bytes: m.bytes()},
		}}
	}
	t := &api.GuardrailConverseTextBlock{Text: new(m.text())}
	if m.coin() {
		t.Qualifiers = []api.GuardrailConverseContentQualifier{"query", "guard_content"}
	}
	return &api.GuardrailConverseContentBlock{Text: t}
}

func (m maker) image() *api.ImageBlock {
	return &api.ImageBlock{
		Format: pick(m, api.ImageFormatPng, api.ImageFormatWebp),
		Source: pick(m, &api.ImageSource{Bytes: m.bytes()}, &api.ImageSource{S3Location: m.s3()}),
	}
}

func (m maker) video() *api.VideoBlock {
	return &api.VideoBlock{
		Format: pick(m, api.VideoFormatMp4, api.VideoFormatThreeGp),
		Source: pick(m, &api.VideoSource{Bytes: m.bytes()}, &api.VideoSource{S3Location: m.s3()}),
	}
}

func (m maker) document() *api.DocumentBlock {
	return &api.DocumentBlock{
		Format: pick(m, "", api.DocumentFormatPdf, api.DocumentFormatMd), Name: new("Report [1]"), Context: m.maybe(),
		Citations: pick(m, nil, &api.CitationsConfig{Enabled: new(true)}),
		Source: pick(m, &api.DocumentSource{Bytes: m.bytes()}, &api.DocumentSource{S3Location: m.s3()}, &api.DocumentSource{Text: new(m.text())},
			&api.DocumentSource{Content: list(m, func() api.DocumentContentBlock { return api.DocumentContentBlock{Text: new(m.text())} })}),
	}
}

func (m maker) searchResult() *api.SearchResultBlock {
	return &api.SearchResultBlock{
		Source: new(m.text()), Title: new(m.text()), Citations: pick(m, nil, &api.CitationsConfig{Enabled: new(m.coin())}),
		Content: list(m, func() api.SearchResultContentBlock { return api.SearchResultContentBlock{Text: new(m.text())} }),
	}
}

func (m maker) location() *api.CitationLocation {
	a, b, c := new(int32(m.IntN(5))), new(int32(m.IntN(5))), new(int32(m.IntN(5)))
	return pick(m, nil,
		&api.CitationLocation{DocumentChar: &api.DocumentCharLocation{DocumentIndex: a, Start: b, End: c}},
		&api.CitationLocation{DocumentPage: &api.DocumentPageLocation{DocumentIndex: a, Start: b, End: c}},
		&api.CitationLocation{DocumentChunk: &api.DocumentChunkLocation{DocumentIndex: a, Start: b, End: c}},
		&api.CitationLocation{SearchResultLocation: &api.SearchResultLocation{SearchResultIndex: a, Start: b, End: c}},
		&api.CitationLocation{Web: &api.WebLocation{Url: new("https://example.com/"), Domain: m.maybe()}},
	)
}

func (m maker) cited() *api.CitationsContentBlock {
	return &api.CitationsContentBlock{
		Content: []api.CitationGeneratedContent{{Text: new(m.text())}},
		Citations: list(m, func() api.Citation {
			return api.Citation{
				Title: m.maybe(), Source: m.maybe(), Location: m.location(),
				SourceContent: list(m, func() api.CitationSourceContent { return api.CitationSourceContent{Text: new(m.text())} }),
			}
		}),
	}
}

func (m maker) reasoning() *api.ReasoningContentBlock {
	if m.IntN(3) == 0 {
		return &api.ReasoningContentBlock{RedactedContent: m.bytes()}
	}
	return &api.ReasoningContentBlock{ReasoningText: &api.ReasoningTextBlock{Text: new(m.text()), Signature: m.maybe()}}
}

func (m maker) toolUse() *api.ToolUseBlock {
	return &api.ToolUseBlock{
		ToolUseId: new(fmt.Sprintf("tooluse_%d", m.IntN(1000))), Name: new("weather"), Input: m.json(), Type: pick(m, "", api.ToolUseTypeServerToolUse),
	}
}

// toolResult is the result of a tool; a streamed one is of text and JSON.
func (m maker) toolResult(streamed bool) *api.ToolResultBlock {
	kinds := 6
	if streamed {
		kinds = 2
	}
	return &api.ToolResultBlock{
		ToolUseId: new(fmt.Sprintf("tooluse_%d", m.IntN(1000))), Type: m.maybe(),
		Status: pick(m, "", api.ToolResultStatusSuccess, api.ToolResultStatusError),
		Content: list(m, func() api.ToolResultContentBlock {
			switch m.IntN(kinds) {
			case 0:
				return api.ToolResultContentBlock{Text: new(m.text())}
			case 1:
				return api.ToolResultContentBlock{Json: m.json()}
			case 2:
				return api.ToolResultContentBlock{Image: m.image()}
			case 3:
				return api.ToolResultContentBlock{Document: m.document()}
			case 4:
				return api.ToolResultContentBlock{Video: m.video()}
			}
			return api.ToolResultContentBlock{SearchResult: m.searchResult()}
		}),
	}
}

func (m maker) block() api.ContentBlock {
	switch m.IntN(12) {
	case 0:
		return api.ContentBlock{Image: m.image()}
	case 1:
		return api.ContentBlock{Document: m.document()}
	case 2:
		return api.ContentBlock{Video: m.video()}
	case 3:
		return api.ContentBlock{Audio: &api.AudioBlock{
			Format: api.AudioFormatMp3, Source: pick(m, &api.AudioSource{Bytes: m.bytes()}, &api.AudioSource{S3Location: m.s3()}),
		}}
	case 4:
		return api.ContentBlock{ToolUse: m.toolUse()}
	case 5:
		return api.ContentBlock{ToolResult: m.toolResult(false)}
	case 6:
		return api.ContentBlock{GuardContent: m.guard()}
	case 7:
		return api.ContentBlock{CachePoint: m.cache()}
	case 8:
		return api.ContentBlock{ReasoningContent: m.reasoning()}
	case 9:
		return api.ContentBlock{CitationsContent: m.cited()}
	case 10:
		return api.ContentBlock{SearchResult: m.searchResult()}
	}
	return api.ContentBlock{Text: new(m.text())}
}

func (m maker) tools() *api.ToolConfiguration {
	c := &api.ToolConfiguration{ToolChoice: pick(m, nil,
		&api.ToolChoice{Auto: &api.AutoToolChoice{}}, &api.ToolChoice{Any: &api.AnyToolChoice{}}, &api.ToolChoice{Tool: &api.SpecificToolChoice{Name: new("t0")}})}
	for i := range m.count() {
		name := fmt.Sprintf("t%d", i)
		if i > 0 && m.IntN(3) == 0 {
			c.Tools = append(c.Tools, api.Tool{SystemTool: &api.SystemTool{Name: &name}})
		} else {
			c.Tools = append(c.Tools, api.Tool{ToolSpec: &api.ToolSpecification{
				Name: &name, Description: m.maybe(), Strict: pick(m, nil, new(m.coin())), InputSchema: &api.ToolInputSchema{Json: m.json()},
			}})
		}
		if m.IntN(3) == 0 {
			c.Tools = append(c.Tools, api.Tool{CachePoint: m.cache()})
		}
	}
	return c
}

// conversation draws what Converse can say of a conversation.
func (m maker) conversation() *api.ConverseInput {
	in := &api.ConverseInput{}
	for range m.IntN(3) {
		in.System = append(in.System, pick(m,
			api.SystemContentBlock{Text: new(m.text())}, api.SystemContentBlock{CachePoint: m.cache()}, api.SystemContentBlock{GuardContent: m.guard()}))
	}
	for range m.count() {
		in.Messages = append(in.Messages, api.Message{
			Role:    pick(m, api.ConversationRoleUser, api.ConversationRoleAssistant, api.ConversationRoleSystem),
			Content: list(m, m.block),
		})
	}
	if m.coin() {
		in.ToolConfig = m.tools()
	}
	if m.coin() {
		in.InferenceConfig = &api.InferenceConfiguration{
			MaxTokens: new(int32(1 + m.IntN(1<<20))), Temperature: pick(m, nil, new(m.Float32())), TopP: pick(m, nil, new(m.Float32())),
			StopSequences: pick(m, nil, []string{m.text()}),
		}
	}
	if m.coin() {
		in.AdditionalModelRequestFields = schema.DocumentValue(`{"b":{"c":"\u00e9"},"top_k":2.50}`)
	}
	if m.coin() {
		in.OutputConfig = &api.OutputConfig{Effort: new("high")}
		if m.coin() {
			in.OutputConfig.TextFormat = &api.OutputFormat{Type: api.OutputFormatTypeJsonSchema, Structure: &api.OutputFormatStructure{
				JsonSchema: &api.JsonSchemaDefinition{Name: m.maybe(), Description: m.maybe(), Schema: new("{ \"type\" : \"object\" }")},
			}}
		}
	}
	return in
}

// answer draws an answer.
func (m maker) answer() *api.ConverseOutput {
	content := list(m, func() api.ContentBlock {
		switch m.IntN(6) {
		case 0:
			return api.ContentBlock{ReasoningContent: m.reasoning()}
		case 1:
			return api.ContentBlock{ToolUse: m.toolUse()}
		case 2:
			return api.ContentBlock{ToolResult: m.toolResult(true)}
		case 3:
			return api.ContentBlock{CitationsContent: m.cited()}
		case 4:
			return api.ContentBlock{Image: m.image()}
		}
		return api.ContentBlock{Text: new(m.text())}
	})
	out := &api.ConverseOutput{
		Output:     &api.ConverseOutputValue{Message: &api.Message{Role: api.ConversationRoleAssistant, Content: content}},
		StopReason: pick(m, api.StopReasonEndTurn, api.StopReasonToolUse, api.StopReasonMaxTokens, api.StopReasonMalformedToolUse),
		Metrics:    &api.ConverseMetrics{LatencyMs: new(int64(m.IntN(10000)))},
	}
	in, made, read, short, long := m.IntN(1000), m.IntN(1000), m.IntN(2)*m.IntN(1000), m.IntN(2)*m.IntN(1000), m.IntN(2)*m.IntN(1000)
	u := &api.TokenUsage{InputTokens: new(int32(in)), OutputTokens: new(int32(made)), TotalTokens: new(int32(in + made + read + short + long))}
	if read+short+long > 0 {
		u.CacheReadInputTokens, u.CacheWriteInputTokens = new(int32(read)), new(int32(short+long))
	}
	if long > 0 {
		u.CacheDetails = append(u.CacheDetails, api.CacheDetail{Ttl: api.CacheTTL1h, InputTokens: new(int32(long))})
	}
	if short > 0 {
		u.CacheDetails = append(u.CacheDetails, api.CacheDetail{Ttl: api.CacheTTL5m, InputTokens: new(int32(short))})
	}
	out.Usage = u
	if m.coin() {
		out.AdditionalModelResponseFields = schema.DocumentValue(`{"stop_sequence":"END"}`)
	}
	return out
}

// replayed is an answer as a backend gives it: text, reasoning and input in
// pieces.
func (m maker) replayed(a *inference.Answer) []inference.Event {
	events := []inference.Event{inference.Started{Model: a.Model}}
	add := func(ev inference.Event) { events = append(events, ev) }
	for _, p := range a.Content() {
		switch p := p.(type) {
		case inference.Text:
			m.cut(p.Text, func(s string) { add(inference.TextDelta{Text: s}) })
			add(inference.BlockEnd{})
		case inference.Cited:
			for _, c := range p.Citations {
				add(inference.CitationDelta{Citation: c})
			}
			for _, text := range p.Text {
				m.cut(text, func(s string) { add(inference.TextDelta{Text: s}) })
			}
			add(inference.BlockEnd{})
		case inference.Reasoning:
			switch {
			case p.Redacted != nil:
				add(inference.ReasoningDelta{Redacted: p.Redacted})
			default:
				m.cut(p.Text, func(s string) { add(inference.ReasoningDelta{Text: s}) })
				if p.Signature != "" {
					add(inference.ReasoningDelta{Signature: p.Signature})
				}
				add(inference.BlockEnd{})
			}
		case inference.ToolUse:
			add(inference.ToolStart{ID: p.ID, Name: p.Name, Kind: p.Kind})
			if string(p.Input) != "{}" {
				m.cut(string(p.Input), func(s string) { add(inference.ToolDelta{JSON: s}) })
			}
		case inference.ToolResult:
			add(inference.ToolOutput{Result: p})
		case inference.Image:
			add(inference.ImageBlock{Image: p})
		}
	}
	add(inference.Finished{Reason: a.Reason, StopSequence: a.StopSequence, Usage: a.Usage, Elapsed: a.Elapsed, Extra: a.Extra})
	return events
}

// cut gives a text in pieces of whole characters.
func (m maker) cut(text string, add func(string)) {
	runes := []rune(text)
	for len(runes) > 0 {
		n := 1 + m.IntN(len(runes))
		add(string(runes[:n]))
		runes = runes[n:]
	}
}

// assembled adds the events of a stream up as SDKs do.
func assembled(events []*api.ConverseStreamOutputEvent) *api.ConverseOutput {
	out := &api.ConverseOutput{Output: &api.ConverseOutputValue{Message: &api.Message{}}}
	blocks := make(map[int32]*api.ContentBlock)
	input := make(map[int32]string)
	at := func(i *int32) *api.ContentBlock {
		b, ok := blocks[*i]
		if !ok {
			b = &api.ContentBlock{}
			blocks[*i] = b
		}
		return b
	}
	for _, ev := range events {
		switch {
		case ev.MessageStart != nil:
			out.Output.Message.Role = ev.MessageStart.Role
		case ev.ContentBlockStart != nil:
			b := at(ev.ContentBlockStart.ContentBlockIndex)
			switch s := ev.ContentBlockStart.Start; {
			case s.ToolUse != nil:
				b.ToolUse = &api.ToolUseBlock{ToolUseId: s.ToolUse.ToolUseId, Name: s.ToolUse.Name, Type: s.ToolUse.Type}
			case s.ToolResult != nil:
				b.ToolResult = &api.ToolResultBlock{ToolUseId: s.ToolResult.ToolUseId, Status: s.ToolResult.Status, Type: s.ToolResult.Type}
			case s.Image != nil:
				b.Image = &api.ImageBlock{Format: s.Image.Format}
			}
		case ev.ContentBlockDelta != nil:
			assemble(at(ev.ContentBlockDelta.ContentBlockIndex), input, ev.ContentBlockDelta)
		case ev.ContentBlockStop != nil:
			i := *ev.ContentBlockStop.ContentBlockIndex
			b := at(&i)
			if b.ToolUse != nil {
				b.ToolUse.Input = schema.DocumentValue(input[i])
			}
			if int(i) != len(out.Output.Message.Content) {
				panic("blocks end out of order")
			}
			out.Output.Message.Content = append(out.Output.Message.Content, *b)
		case ev.MessageStop != nil:
			out.StopReason, out.AdditionalModelResponseFields = ev.MessageStop.StopReason, ev.MessageStop.AdditionalModelResponseFields
		case ev.Metadata != nil:
			out.Usage, out.Metrics = ev.Metadata.Usage, &api.ConverseMetrics{LatencyMs: ev.Metadata.Metrics.LatencyMs}
		}
	}
	return out
}

func assemble(b *api.ContentBlock, input map[int32]string, ev *api.ContentBlockDeltaEvent) {
	join := func(to **string, s *string) {
		if s == nil {
			return
		}
		if *to == nil {
			*to = new("")
		}
		**to += *s
	}
	switch d := ev.Delta; {
	case d.Text != nil:
		if b.CitationsContent != nil {
			if len(b.CitationsContent.Content) == 0 {
				b.CitationsContent.Content = make([]api.CitationGeneratedContent, 1)
			}
			join(&b.CitationsContent.Content[0].Text, d.Text)
			return
		}
		join(&b.Text, d.Text)
	case d.Citation != nil:
		if b.CitationsContent == nil {
			b.CitationsContent = &api.CitationsContentBlock{}
		}
		c := api.Citation{Title: d.Citation.Title, Source: d.Citation.Source, Location: d.Citation.Location}
		for _, s := range d.Citation.SourceContent {
			c.SourceContent = append(c.SourceContent, api.CitationSourceContent(s))
		}
		b.CitationsContent.Citations = append(b.CitationsContent.Citations, c)
	case d.ReasoningContent != nil:
		if b.ReasoningContent == nil {
			b.ReasoningContent = &api.ReasoningContentBlock{}
		}
		r := b.ReasoningContent
		if d.ReasoningContent.RedactedContent != nil {
			r.RedactedContent = d.ReasoningContent.RedactedContent
			return
		}
		if r.ReasoningText == nil {
			r.ReasoningText = &api.ReasoningTextBlock{}
		}
		join(&r.ReasoningText.Text, d.ReasoningContent.Text)
		join(&r.ReasoningText.Signature, d.ReasoningContent.Signature)
	case d.ToolUse != nil:
		input[*ev.ContentBlockIndex] += *d.ToolUse.Input
	case d.ToolResult != nil:
		for _, r := range d.ToolResult {
			b.ToolResult.Content = append(b.ToolResult.Content, api.ToolResultContentBlock{Text: r.Text, Json: r.Json})
		}
	case d.Image != nil:
		b.Image.Source = d.Image.Source
	}
}

func millis(d time.Duration) *int64 { return new(d.Milliseconds()) }

func fields(a *inference.Answer) schema.DocumentValue {
	if a.Extra == nil {
		return nil
	}
	doc, err := json.Marshal(a.Extra)
	if err != nil {
		panic(err)
	}
	return doc
}
