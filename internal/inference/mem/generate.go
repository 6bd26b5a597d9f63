package mem

import (
	"context"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Generate implements inference.Backend.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	m, err := b.enter(ctx, req.Model)
	if err != nil {
		return err
	}
	defer b.running.Done()
	if err := check(req); err != nil {
		return err
	}
	if m.Dimensions > 0 {
		return fault.New(fault.Unsupported, "The model that serves this request makes embeddings, not text.")
	}
	input := count(req)
	if m.ContextWindow > 0 && input >= m.ContextWindow {
		return fault.New(fault.Invalid, "Input is too long for requested model.")
	}
	script, err := b.p.Answer(req)
	if err != nil {
		return err
	}
	g := generation{b: b, ctx: ctx, req: req, script: script, emit: emit, model: m, input: input, start: start}
	return g.run()
}

// generation is one answer under way.
type generation struct {
	b      *Backend
	ctx    context.Context // of one call, which ends before the value
	req    *inference.Request
	script Answer
	emit   func(inference.Event) error
	model  inference.ModelInfo
	input  int
	start  time.Time

	made int // tokens
	held string
}

func (g *generation) run() error {
	if err := g.step(0); err != nil {
		return err
	}
	if err := g.emit(inference.Started{Model: g.model.Name, InputTokens: g.input}); err != nil {
		return err
	}
	if g.script.Reasoning != "" {
		g.made++
		if err := g.emit(inference.ReasoningDelta{Text: g.script.Reasoning, OutputTokens: g.made}); err != nil {
			return err
		}
	}
	for i, token := range g.script.Tokens {
		if err := g.step(i + 1); err != nil {
			return err
		}
		over, err := g.token(token)
		if over || err != nil {
			return err
		}
	}
	if err := g.step(len(g.script.Tokens) + 1); err != nil {
		return err
	}
	reason := g.script.Reason
	switch {
	case reason != "":
	case len(g.script.Calls) > 0:
		reason = inference.StopToolUse
	default:
		reason = inference.StopEndTurn
	}
	if err := g.calls(); err != nil {
		return err
	}
	return g.end(g.held, reason, "")
}

// calls sends the calls of tools, each a token.
func (g *generation) calls() error {
	if len(g.script.Calls) == 0 {
		return nil
	}
	if err := g.delta(g.held); err != nil {
		return err
	}
	g.held = ""
	for _, c := range g.script.Calls {
		g.made++
		if err := g.emit(inference.ToolStart{ID: c.ID, Name: c.Name, Kind: c.Kind}); err != nil {
			return err
		}
		if len(c.Input) == 0 {
			continue
		}
		if err := g.emit(inference.ToolDelta{JSON: string(c.Input), OutputTokens: g.made}); err != nil {
			return err
		}
	}
	return nil
}

// step waits as the script wants and looks whether anybody still listens.
func (g *generation) step(n int) error {
	if g.script.Before != nil {
		if err := g.script.Before(g.ctx, n); err != nil {
			return err
		}
	}
	if err := g.ctx.Err(); err != nil {
		return err
	}
	if g.b.ctx.Err() != nil {
		return stopping()
	}
	return nil
}

// token adds one token's text and reports whether the answer is over.
func (g *generation) token(text string) (bool, error) {
	g.made++
	g.held += text
	for _, stop := range g.req.StopSequences {
		if before, _, ok := strings.Cut(g.held, stop); ok && stop != "" {
			return true, g.end(before, inference.StopSequence, stop)
		}
	}
	switch {
	case g.req.MaxTokens > 0 && g.made >= g.req.MaxTokens:
		return true, g.end(g.held, inference.StopMaxTokens, "")
	case g.model.ContextWindow > 0 && g.input+g.made >= g.model.ContextWindow:
		return true, g.end(g.held, inference.StopContextWindow, "")
	}
	keep := 0
	for _, stop := range g.req.StopSequences {
		for n := min(len(stop)-1, len(g.held)); n > keep; n-- {
			if strings.HasSuffix(g.held, stop[:n]) {
				keep = n
			}
		}
	}
	sure := g.held[:len(g.held)-keep]
	g.held = g.held[len(g.held)-keep:]
	return false, g.delta(sure)
}

func (g *generation) delta(text string) error {
	if text == "" {
		return nil
	}
	return g.emit(inference.TextDelta{Text: text, OutputTokens: g.made})
}

func (g *generation) end(text string, reason inference.StopReason, stop string) error {
	if err := g.delta(text); err != nil {
		return err
	}
	return g.emit(inference.Finished{
		Reason: reason, StopSequence: stop,
		Usage:   inference.Usage{InputTokens: g.input, OutputTokens: g.made},
		Elapsed: g.b.p.Now().Sub(g.start),
	})
}
