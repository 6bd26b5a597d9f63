package runner

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/chat"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// tooLong is the service's own text for a prompt that does not fit.
const tooLong = "Input is too long for requested model."

// prompter turns requests into tokens. It is safe for concurrent use.
type prompter struct {
	vocab    *llama.Vocab
	renderer *chat.Renderer
	guard    *chat.Guard
	template string
	bos, eos string
	syntax   inference.Syntax
	limit    int // tokens that one sequence may have; 0: not checked
	defaults llama.Sampling
}

func newPrompter(m *llama.Model, r *chat.Renderer, limit int) *prompter {
	v := m.Vocab()
	p := &prompter{
		vocab: v, renderer: r, limit: limit,
		guard:    chat.NewGuard(v.Special()),
		template: m.ChatTemplate(), syntax: protocol.DetectSyntax(m.ChatTemplate()),
		bos: v.Text(v.BOS()), eos: v.Text(v.EOS()),
		defaults: defaultSampling(m),
	}
	return p
}

// tokens makes the input tokens of a request. A native prompt in the model's
// own syntax is taken as it is; anything else is rendered with its template.
func (p *prompter) tokens(ctx context.Context, req *protocol.Generate) ([]llama.Token, error) {
	pieces, err := p.pieces(ctx, req)
	if err != nil {
		return nil, err
	}
	var tokens []llama.Token
	for _, piece := range pieces {
		if piece == "" {
			continue
		}
		if tokens, err = p.vocab.Tokenize(tokens, piece, llama.NoFrame, llama.ParseSpecial); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, tooLong)
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

func (p *prompter) pieces(ctx context.Context, req *protocol.Generate) ([]string, error) {
	if req.Prompt != nil && req.Prompt.Syntax == p.syntax {
		return []string{strings.ToValidUTF8(req.Prompt.Text, "\uFFFD")}, nil
	}
	in := chat.Input{
		Template: p.template, BOS: p.bos, EOS: p.eos,
		AddGenerationPrompt: true,
		Guard:               p.guard,
	}
	for _, text := range req.System {
		in.System = append(in.System, inference.Text{Text: text})
	}
	for _, m := range req.Messages {
		msg := inference.Message{Role: m.Role}
		for _, text := range m.Parts {
			msg.Parts = append(msg.Parts, inference.Text{Text: text})
		}
		in.Messages = append(in.Messages, msg)
	}
	text, err := p.renderer.Render(ctx, in)
	if err != nil {
		return nil, err
	}
	return chat.Split(text), nil
}

// sequence prepares the answer to a request.
func (p *prompter) sequence(ctx context.Context, req *protocol.Generate) (*sequence, error) {
	tokens, err := p.tokens(ctx, req)
	if err != nil {
		return nil, err
	}
	if len(tokens) >= p.limit {
		return nil, fault.New(fault.Invalid, tooLong)
	}
	return &sequence{
		tokens: tokens, prompt: len(tokens),
		max:      req.MaxTokens,
		fresh:    req.Seed != nil,
		sampling: p.sampling(req),
		text:     textFilter{stops: req.Stop},
	}, nil
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
func embeddingTokens(v *llama.Vocab, text string, most int) ([]llama.Token, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	tokens, err := v.Tokenize(nil, text, llama.AddFrame, llama.ParseSpecial)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, tooLong)
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
	cut := tokens[:most]
	if n := len(frame); n > 1 && frame[n-1] == tokens[len(tokens)-1] {
		cut[most-1] = frame[n-1]
	}
	return cut, nil
}
