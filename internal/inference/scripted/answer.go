package scripted

import (
	"math"

	"gopkg.in/yaml.v3"

	"github.com/outcrop/outcrop/internal/inference"
)

// maxDimensions bounds the vectors of a script.
const maxDimensions = 16384

// stops are the reasons that an answer may end with.
var stops = []string{ //nolint:gochecknoglobals // a constant table
	string(inference.StopEndTurn), string(inference.StopToolUse), string(inference.StopMaxTokens), string(inference.StopSequence),
	string(inference.StopContextWindow), string(inference.StopFiltered), string(inference.StopGuardrail),
	string(inference.StopMalformed), string(inference.StopMalformedTool),
}

// answer reads what a rule answers: a text, or a mapping.
func (r *reader) answer(n *yaml.Node, a *answer) {
	n = r.follow(n)
	if n.Kind == yaml.ScalarNode {
		a.blocks = []block{{text: r.text(n)}}
		return
	}
	var reasoning, content, tools, blocks []block
	known := r.settings(&a.set)
	known["text"] = func(n *yaml.Node) { content = append(content, block{text: r.text(n)}) }
	known["json"] = func(n *yaml.Node) { v := r.value(n); content = append(content, block{json: &v}) }
	known["echo"] = func(n *yaml.Node) {
		if r.boolean(n) {
			content = append(content, block{echo: true})
		}
	}
	known["citations"] = func(*yaml.Node) {}
	known["reasoning"] = func(n *yaml.Node) { reasoning = append(reasoning, block{reasoning: r.text(n)}) }
	known["tool"] = func(n *yaml.Node) { tools = append(tools, block{tool: r.toolCall(n)}) }
	known["tools"] = func(n *yaml.Node) {
		r.list(n, func(n *yaml.Node) { tools = append(tools, block{tool: r.toolCall(n)}) })
	}
	known["blocks"] = func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { blocks = append(blocks, r.block(n)) }) }
	known["stop"] = func(n *yaml.Node) { a.stop = inference.StopReason(r.oneOf(n, stops...)) }
	known["usage"] = func(n *yaml.Node) { a.usage = r.usage(n) }
	known["unchecked"] = func(n *yaml.Node) { a.unchecked = r.boolean(n) }
	known["fault"] = func(n *yaml.Node) { a.fault = r.fault(n) }
	known["embedding"] = func(n *yaml.Node) { r.embedding(n, a) }
	known["scores"] = func(n *yaml.Node) {
		a.rerank = true
		r.list(n, func(n *yaml.Node) { a.scores = append(a.scores, r.number(n, 0, 1)) })
	}
	known["tokens"] = func(n *yaml.Node) { a.count, a.tokens = true, r.integer(n, 1, 1<<30) }
	known["image"] = func(n *yaml.Node) { a.image, a.pictures = true, append(a.pictures, r.picture(n)) }
	known["images"] = func(n *yaml.Node) {
		a.image = true
		r.list(n, func(n *yaml.Node) { a.pictures = append(a.pictures, r.picture(n)) })
	}
	delete(known, "dimensions") // it is a member of embedding
	r.mapping(n, "an answer", known)
	if n.Kind != yaml.MappingNode {
		return
	}
	if len(content) > 1 {
		r.wrong(n, "an answer has one of text, json and echo; blocks is for several")
	}
	if len(blocks) > 0 && len(reasoning)+len(content)+len(tools) > 0 {
		r.wrong(n, "an answer has either blocks, or text, json, echo, reasoning and tools")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "citations" {
			continue
		}
		if len(content) == 0 || content[0].text == nil {
			r.wrong(n.Content[i], "citations belong to a text")
			continue
		}
		content[0].citations = r.citations(n.Content[i+1])
	}
	a.blocks = append(append(append(append(a.blocks, reasoning...), content...), tools...), blocks...)
	kinds := 0
	for _, is := range []bool{len(a.blocks) > 0, a.embed, a.rerank, a.count, a.image} {
		if is {
			kinds++
		}
	}
	if kinds > 1 {
		r.wrong(n, "an answer is for one kind of call: text and tools, embedding, scores, tokens, or images")
	}
	if kinds == 0 && a.fault == nil && a.stop == "" && a.usage == nil && len(n.Content) == 0 {
		r.wrong(n, "an answer says what is answered; {echo: true} is the default one")
	}
}

func (r *reader) block(n *yaml.Node) block {
	var b block
	n = r.follow(n)
	if n.Kind == yaml.ScalarNode {
		b.text = r.text(n)
		return b
	}
	given := 0
	r.mapping(n, "a block", fields{
		"text":      func(n *yaml.Node) { b.text = r.text(n); given++ },
		"citations": func(n *yaml.Node) { b.citations = r.citations(n) },
		"json":      func(n *yaml.Node) { v := r.value(n); b.json = &v; given++ },
		"echo":      func(n *yaml.Node) { b.echo = r.boolean(n); given++ },
		"reasoning": func(n *yaml.Node) { b.reasoning = r.text(n); given++ },
		"signature": func(n *yaml.Node) { b.signature = r.text(n) },
		"redacted":  func(n *yaml.Node) { b.redacted = r.text(n); given++ },
		"tool":      func(n *yaml.Node) { b.tool = r.toolCall(n); given++ },
	})
	if given != 1 && n.Kind == yaml.MappingNode {
		r.wrong(n, "a block is one of text, json, echo, reasoning, redacted and tool")
	}
	if b.citations != nil && b.text == nil || b.signature != nil && b.reasoning == nil {
		r.wrong(n, "citations belong to a text, a signature to reasoning")
	}
	return b
}

func (r *reader) toolCall(n *yaml.Node) *toolCall {
	t := &toolCall{}
	n = r.follow(n)
	if n.Kind == yaml.ScalarNode {
		t.name = r.text(n)
		return t
	}
	r.mapping(n, "a tool call", fields{
		"name": func(n *yaml.Node) { t.name = r.text(n) },
		"id":   func(n *yaml.Node) { t.id = r.text(n) },
		"input": func(n *yaml.Node) {
			v := r.value(n)
			if !v.object && v.text == nil {
				r.wrong(n, "the input of a tool is a mapping; raw is for what is none")
			}
			t.input = &v
		},
		"raw": func(n *yaml.Node) { t.raw = r.text(n) },
	})
	if t.name == nil {
		r.wrong(n, "a tool call needs the name of the tool")
		t.name = &text{}
	}
	if t.input != nil && t.raw != nil {
		r.wrong(n, "a tool call has either input or raw")
	}
	return t
}

func (r *reader) citations(n *yaml.Node) []citation {
	var out []citation
	r.list(n, func(n *yaml.Node) {
		var c citation
		location := inference.Location{Unit: inference.LocationChars}
		given := false
		number := func(to *int) func(n *yaml.Node) {
			return func(n *yaml.Node) { *to, given = r.integer(n, 0, 1<<30), true }
		}
		r.mapping(n, "a citation", fields{
			"title":  func(n *yaml.Node) { c.title = r.text(n) },
			"source": func(n *yaml.Node) { c.source = r.text(n) },
			"quotes": func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { c.quotes = append(c.quotes, r.text(n)) }) },
			"unit": func(n *yaml.Node) {
				location.Unit = inference.LocationUnit(r.oneOf(n, string(inference.LocationChars), string(inference.LocationPages),
					string(inference.LocationChunks), string(inference.LocationSearch), string(inference.LocationWeb)))
				given = true
			},
			"document": number(&location.Document),
			"start":    number(&location.Start),
			"end":      number(&location.End),
			"url":      func(n *yaml.Node) { location.URL, given = r.str(n), true },
			"domain":   func(n *yaml.Node) { location.Domain, given = r.str(n), true },
		})
		if given {
			c.location = &location
		}
		out = append(out, c)
	})
	return out
}

func (r *reader) usage(n *yaml.Node) *usage {
	u := &usage{}
	count := func(to **int) func(n *yaml.Node) {
		return func(n *yaml.Node) { v := r.integer(n, 0, math.MaxInt32); *to = &v }
	}
	r.mapping(n, "usage", fields{
		"input": count(&u.input), "output": count(&u.output), "reasoning": count(&u.reasoning),
		"cacheRead": count(&u.cacheRead), "cacheWrite": count(&u.cacheWrite),
	})
	return u
}

// embedding reads literal numbers, or a mapping with the size.
func (r *reader) embedding(n *yaml.Node, a *answer) {
	a.embed = true
	n = r.follow(n)
	if n.Kind == yaml.SequenceNode {
		r.list(n, func(n *yaml.Node) {
			a.vector = append(a.vector, float32(r.number(n, -math.MaxFloat32, math.MaxFloat32)))
		})
		if len(a.vector) == 0 || len(a.vector) > maxDimensions {
			r.wrong(n, "a vector has from 1 to %d numbers", maxDimensions)
		}
		return
	}
	r.mapping(n, "embedding", fields{
		"dimensions": func(n *yaml.Node) { a.dimensions = r.integer(n, 1, maxDimensions) },
	})
}

// kind is the kind of call that an answer is for; "" for any.
func (a *answer) kind() string {
	switch {
	case a.embed:
		return kindEmbed
	case a.rerank:
		return kindRerank
	case a.count:
		return kindCount
	case a.image:
		return kindImage
	case len(a.blocks) > 0 || a.fault == nil:
		return kindGenerate
	}
	return ""
}
