package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/chat"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
	"github.com/outcrop/outcrop/internal/runner/toolcall"
)

// sliceBytes is how much text is tokenized between two looks at whether anybody
// still waits for it. A tokenizer takes some 200 bytes of memory for each byte.
const sliceBytes = 64 << 10

// tokenizer is what a prompter needs of a vocabulary.
type tokenizer interface {
	Tokenize(dst []llama.Token, text string, frame llama.Frame, parse llama.Parse) ([]llama.Token, error)
	BOS() llama.Token
	AddsBOS() bool
}

// prompter turns requests into tokens. It is safe for concurrent use.
type prompter struct {
	vocab    tokenizer
	renderer *chat.Renderer
	guard    *chat.Guard
	template string
	bos, eos string
	syntax   inference.Syntax
	limit    int // tokens that one sequence may have
	most     int // bytes of text that so many tokens can stand for
	defaults llama.Sampling
	format   toolcall.Format
	shown    map[llama.Token]string // control tokens that the format's parser has to see
}

func newPrompter(m *llama.Model, r *chat.Renderer, limit int) *prompter {
	v := m.Vocab()
	p := &prompter{
		vocab: v, renderer: r, limit: limit, most: limit * v.Longest(),
		guard:    chat.NewGuard(v.Special()),
		template: m.ChatTemplate(), syntax: protocol.DetectSyntax(m.ChatTemplate()),
		bos: v.Text(v.BOS()), eos: v.Text(v.EOS()),
		defaults: defaultSampling(m),
	}
	p.format = toolcall.Detect(p.template, v.Special())
	p.shown = shown(v, p.format.Markers())
	v.Show(slices.Collect(maps.Keys(p.shown))...)
	return p
}

// shown finds the control tokens of the texts that mark calls and reasoning.
func shown(v *llama.Vocab, marks []string) map[llama.Token]string {
	found := map[llama.Token]string{}
	for _, mark := range marks {
		tokens, err := v.Tokenize(nil, mark, llama.NoFrame, llama.ParseSpecial)
		if err == nil && len(tokens) == 1 && len(v.Piece(nil, tokens[0])) == 0 {
			found[tokens[0]] = mark
		}
	}
	return found
}

// tokens makes the input tokens of a request. A native prompt in the model's
// own syntax is taken as it is; anything else is rendered with its template.
//
// A prompt that cannot fit is refused as early as that is certain, and what is
// certain takes time and memory in proportion to the limit, not to the prompt.
// The number of tokens is exact up to twice the limit; CountTokens may be asked
// how much too long a prompt is.
func (p *prompter) tokens(ctx context.Context, req *protocol.Generate) ([]llama.Token, error) {
	tokens, _, err := p.tokenize(ctx, req)
	return tokens, err
}

// tokenize returns the pieces of text as well.
func (p *prompter) tokenize(ctx context.Context, req *protocol.Generate) ([]llama.Token, []string, error) {
	if req.TooLong(p.syntax, p.limit, p.most) {
		return nil, nil, protocol.ErrTooLong()
	}
	pieces, err := p.pieces(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := p.tokensOf(ctx, pieces)
	return tokens, pieces, err
}

func (p *prompter) tokensOf(ctx context.Context, pieces []string) ([]llama.Token, error) {
	var tokens []llama.Token
	var err error
	for _, piece := range pieces {
		if piece == "" {
			continue
		}
		if err := p.probe(ctx, piece, 2*p.limit-len(tokens)); err != nil {
			return nil, err
		}
		if tokens, err = p.vocab.Tokenize(tokens, piece, llama.NoFrame, llama.ParseSpecial); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, protocol.TooLong)
		}
		if len(tokens) > 2*p.limit {
			return nil, protocol.ErrTooLong()
		}
	}
	if bos := p.vocab.BOS(); p.vocab.AddsBOS() && (len(tokens) == 0 || tokens[0] != bos) {
		tokens = append([]llama.Token{bos}, tokens...)
	}
	if len(tokens) == 0 {
		return nil, fault.New(fault.Invalid, "The prompt is empty.")
	}
	return tokens, nil
}

// probe refuses a long text that makes more than so many tokens, by tokenizing
// it in slices. Where it is cut a token more or two may come out, which does
// not matter for a text of twice the limit; that it fits has to be seen from
// the whole.
func (p *prompter) probe(ctx context.Context, text string, room int) error {
	if len(text) <= sliceBytes {
		return ctx.Err()
	}
	var buf []llama.Token
	for text != "" {
		if err := ctx.Err(); err != nil {
			return err
		}
		slice := prefix(text, sliceBytes)
		text = text[len(slice):]
		var err error
		if buf, err = p.vocab.Tokenize(buf[:0], slice, llama.NoFrame, llama.ParseSpecial); err != nil {
			return fault.Wrap(fault.Invalid, err, protocol.TooLong)
		}
		if room -= len(buf); room < 0 {
			return protocol.ErrTooLong()
		}
	}
	return ctx.Err()
}

// prefix is the beginning of valid UTF-8 text, of at most n bytes, that ends
// with a whole character and, if there is any in its second half, before white
// space.
func prefix(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for back := range utf8.UTFMax {
		if utf8.RuneStart(text[n-back]) {
			n -= back
			break
		}
	}
	if space := strings.LastIndexAny(text[:n], " \n\t"); space > n/2 {
		n = space
	}
	return text[:n]
}

// counts returns the number of tokens of each text as it is, a long one's slice
// by slice.
func (p *prompter) counts(ctx context.Context, texts []string) ([]int, error) {
	counts := make([]int, len(texts))
	var buf []llama.Token
	for i, text := range texts {
		for text = strings.ToValidUTF8(text, "\uFFFD"); text != ""; {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			slice := prefix(text, sliceBytes)
			text = text[len(slice):]
			var err error
			if buf, err = p.vocab.Tokenize(buf[:0], slice, llama.NoFrame, llama.PlainText); err != nil {
				return nil, fault.Wrap(fault.Upstream, err, "The model's tokenizer failed.")
			}
			counts[i] += len(buf)
		}
	}
	return counts, nil
}

func (p *prompter) pieces(ctx context.Context, req *protocol.Generate) ([]string, error) {
	if p.native(req) {
		return []string{strings.ToValidUTF8(req.Prompt.Text, "\uFFFD")}, nil
	}
	text, err := p.renderer.Render(ctx, p.input(req))
	if err != nil {
		return nil, err
	}
	return chat.Split(text), nil
}

// cachePoint is how many of the prompt's tokens stand before its last cache
// point, whatever follows: where a token spans it, those before. It is 0 without
// one, and where so few are not looked for in a cache.
func (p *prompter) cachePoint(ctx context.Context, req *protocol.Generate, tokens []llama.Token) (int, error) {
	if p.native(req) || !req.HasCachePoint() {
		return 0, nil
	}
	text, kept, err := p.renderer.RenderCached(ctx, p.input(req))
	if err != nil || kept == 0 {
		return 0, err
	}
	for kept > 0 && !utf8.RuneStart(text[kept-1]) {
		kept-- // a character that both texts begin with alike
	}
	before, err := p.tokensOf(ctx, chat.Split(text[:kept]))
	if err != nil {
		return 0, err
	}
	if n := commonPrefix(before, tokens[:len(tokens)-1]); n >= worthKeeping {
		return n, nil
	}
	return 0, nil
}

// native reports whether the request's own prompt is taken as it is.
func (p *prompter) native(req *protocol.Generate) bool {
	return req.Prompt != nil && req.Prompt.Syntax == p.syntax
}

// input is a request as the renderer takes it.
func (p *prompter) input(req *protocol.Generate) chat.Input {
	in := chat.Input{
		Template: p.template, BOS: p.bos, EOS: p.eos,
		System:              protocol.Unpack(req.System),
		AddGenerationPrompt: true,
		Extra:               thinking(req.Reasoning),
		Guard:               p.guard,
	}
	for _, m := range req.Messages {
		in.Messages = append(in.Messages, inference.Message{Role: m.Role, Parts: protocol.Unpack(m.Parts)})
	}
	if req.ToolChoice.Mode != inference.ToolNone {
		in.Tools = req.Tools
	}
	return in
}

// thinking are the variables by which templates let a model think or not.
func thinking(r *inference.ReasoningConfig) map[string]any {
	if r == nil {
		return nil
	}
	vars := map[string]any{}
	switch r.Mode {
	case inference.ReasoningOff:
		vars["enable_thinking"], vars["thinking"] = false, false
	case inference.ReasoningOn, inference.ReasoningAdaptive:
		vars["enable_thinking"], vars["thinking"] = true, true
	}
	switch r.Effort {
	case "":
	case "minimal":
		vars["reasoning_effort"] = "low"
	case "xhigh", "max":
		vars["reasoning_effort"] = "high"
	default:
		vars["reasoning_effort"] = r.Effort
	}
	return vars
}

// sequence prepares the answer to a request.
func (p *prompter) sequence(ctx context.Context, req *protocol.Generate) (*sequence, error) {
	tokens, pieces, err := p.tokenize(ctx, req)
	if err != nil {
		return nil, err
	}
	if len(tokens) >= p.limit {
		return nil, protocol.ErrTooLong()
	}
	shape, err := p.form(req, pieces)
	if err != nil {
		return nil, err
	}
	cached, err := p.cachePoint(ctx, req, tokens)
	if err != nil {
		return nil, err
	}
	budget, enough, err := p.budget(req)
	if err != nil {
		return nil, err
	}
	return &sequence{
		budget: budget, enough: enough,
		form:   shape,
		cached: cached, keep: req.Keep(),
		tokens: tokens, prompt: len(tokens),
		max:      req.MaxTokens,
		fresh:    req.Seed != nil,
		sampling: p.sampling(req),
		text:     p.answer(req, pieces),
	}, nil
}

// efforts are the budgets of efforts, in tokens, where the template itself knows
// none. Higher ones are not bounded.
var efforts = map[string]int{"minimal": 1024, "low": 2048, "medium": 8192}

// budget is how many tokens the model may think, and the tokens that end it.
func (p *prompter) budget(req *protocol.Generate) (int, []llama.Token, error) {
	if req.Reasoning == nil || p.format.ThinkOpen == "" || p.native(req) {
		return 0, nil, nil
	}
	budget := req.Reasoning.Budget
	if budget == 0 && !strings.Contains(p.template, "reasoning_effort") {
		budget = efforts[req.Reasoning.Effort]
	}
	if budget <= 0 {
		return 0, nil, nil
	}
	end, err := p.vocab.Tokenize(nil, p.format.ThoughtEnd(), llama.NoFrame, llama.ParseSpecial)
	if err != nil {
		return 0, nil, fault.Wrap(fault.Upstream, err, "The model's tokenizer failed.")
	}
	return budget, end, nil
}

// form is the form that the answer has to have. It says what is wrong with a
// schema, so it is made before anything is computed.
func (p *prompter) form(req *protocol.Generate, pieces []string) (form, error) {
	if p.native(req) {
		return form{}, nil
	}
	return formOf(p.format, req, p.format.OpensReasoning(pieces[len(pieces)-1]))
}

// answer reads the answer to a request. Where neither tools nor reasoning can be
// in it, it is text, and a native prompt gets native text.
func (p *prompter) answer(req *protocol.Generate, pieces []string) answerText {
	a := answerText{stops: textFilter{stops: req.Stop}}
	if p.native(req) {
		return a
	}
	o := toolcall.Options{Type: memberTypes(req.Tools), InReasoning: p.format.OpensReasoning(pieces[len(pieces)-1])}
	if req.ToolChoice.Mode != inference.ToolNone {
		for _, tool := range req.Tools {
			o.Tools = append(o.Tools, tool.Name)
		}
	}
	if len(o.Tools) == 0 && p.format.ThinkOpen == "" {
		return a
	}
	a.parser, a.shown = p.format.NewParser(o), p.shown
	return a
}

// memberTypes tells the types of tools' members.
func memberTypes(tools []inference.Tool) func(tool, member string) string {
	return func(name, member string) string {
		for _, tool := range tools {
			var schema struct {
				Properties map[string]struct{ Type any }
			}
			if tool.Name != name || json.Unmarshal(tool.Schema, &schema) != nil {
				continue
			}
			kind, _ := schema.Properties[member].Type.(string)
			return kind
		}
		return ""
	}
}

// defaultSampling is the model's own advice, where its file gives any.
func defaultSampling(m *llama.Model) llama.Sampling {
	s := llama.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05}
	for key, set := range map[string]func(float64){
		"general.sampling.temp":  func(x float64) { s.Temperature = x },
		"general.sampling.top_k": func(x float64) { s.TopK = int(x) },
		"general.sampling.top_p": func(x float64) { s.TopP = x },
		"general.sampling.min_p": func(x float64) { s.MinP = x },
	} {
		if text, ok := m.Meta(key); ok {
			if x, err := strconv.ParseFloat(text, 64); err == nil && x >= 0 {
				set(x)
			}
		}
	}
	return s
}

// sampling is what the request wants, and the default for what it leaves open.
// A caller who cuts by probability gets no second cut that was not asked for.
func (p *prompter) sampling(req *protocol.Generate) llama.Sampling {
	s := p.defaults
	if req.Temperature != nil {
		s.Temperature = *req.Temperature
	}
	if req.TopP != nil {
		s.TopP, s.MinP = *req.TopP, 0
	}
	if req.TopK != nil {
		s.TopK = *req.TopK
	}
	s.Seed = randomSeed()
	if req.Seed != nil {
		s.Seed = min(*req.Seed, 1<<32-2) // the last one means "choose one" to the library
	}
	return s
}

// embeddingTokens makes the tokens of a text for an embedding model: framed as
// its vocabulary wants, and cut to most, keeping the closing token. Texts of
// control tokens become the tokens: so does the reference implementation of
// these models, and there is no instruction here that a text could forge.
//
// Of a long text only as much is read as is certain to fill those tokens.
func embeddingTokens(ctx context.Context, v tokenizer, text string, most int) ([]llama.Token, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	var tokens []llama.Token
	for size := max(sliceBytes, 16*most); ; size *= 2 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		head := prefix(text, size)
		var err error
		if tokens, err = v.Tokenize(tokens[:0], head, llama.AddFrame, llama.ParseSpecial); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, protocol.TooLong)
		}
		// What follows the cut can change tokens near it, and those are dropped.
		if len(head) == len(text) || len(tokens) >= 2*most {
			break
		}
	}
	if len(tokens) == 0 {
		return nil, fault.New(fault.Invalid, "A text to embed is empty.")
	}
	if len(tokens) <= most {
		return tokens, nil
	}
	// The closing token is one that an empty text ends with as well.
	frame, err := v.Tokenize(nil, "", llama.AddFrame, llama.PlainText)
	if err != nil {
		return nil, fmt.Errorf("frame of an empty text: %w", err)
	}
	cut := slices.Clone(tokens[:most])
	if n := len(frame); n > 1 && frame[n-1] == tokens[len(tokens)-1] {
		cut[most-1] = frame[n-1]
	}
	return cut, nil
}
