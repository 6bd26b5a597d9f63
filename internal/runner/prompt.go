package runner

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/chat"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/runner/llama"
	"github.com/outcrop/outcrop/internal/runner/protocol"
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
	return p
}

// tokens makes the input tokens of a request. A native prompt in the model's
// own syntax is taken as it is; anything else is rendered with its template.
//
// A prompt that cannot fit is refused as early as that is certain, and what is
// certain takes time and memory in proportion to the limit, not to the prompt.
// The number of tokens is exact up to twice the limit; CountTokens may be asked
// how much too long a prompt is.
func (p *prompter) tokens(ctx context.Context, req *protocol.Generate) ([]llama.Token, error) {
	if req.TooLong(p.syntax, p.limit, p.most) {
		return nil, protocol.ErrTooLong()
	}
	pieces, err := p.pieces(ctx, req)
	if err != nil {
		return nil, err
	}
	var tokens []llama.Token
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
		return nil, protocol.ErrTooLong()
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
