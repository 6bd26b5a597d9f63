package scripted

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Generate implements inference.Backend.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	leave, err := b.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s := &scene{b: b, caller: b.p.Caller(ctx), kind: kindGenerate, model: req.Model, req: req}
	e := b.begin(s, func() []byte { return encodeRequest(req) })
	g := &generation{b: b, ctx: ctx, req: req, scene: s, start: start}
	g.emit = func(ev inference.Event) error {
		e.answer.Add(ev)
		return emit(ev)
	}
	err = g.run()
	b.finish(e, err)
	return err
}

// generation is one answer under way.
type generation struct {
	b     *Backend
	ctx   context.Context // of one call, which ends before the value
	req   *inference.Request
	scene *scene
	emit  func(inference.Event) error
	start time.Time

	set    settings
	fail   *fail
	usage  usage
	input  int
	made   int // tokens
	think  int // of them reasoning
	pieces int // that were emitted
	cut    inference.StopReason
	stop   string // the sequence that ended it
}

// run plays the answer.
func (g *generation) run() error {
	s := g.scene
	var err error
	if s.known, err = s.script.model(s.model, s.caller.Model, s.caller.ModelID); err != nil {
		return err
	}
	if g.input, err = g.check(); err != nil {
		return err
	}
	a := answer{set: s.script.set}
	if s.rule != nil {
		a = s.rule.answer
	}
	g.set, g.fail = a.set, a.fault
	if a.usage != nil {
		g.usage = *a.usage
	}
	if g.set.start > 0 {
		if err := g.b.p.Wait(g.ctx, g.set.start); err != nil {
			return err
		}
	}
	if g.fail != nil && g.fail.after == 0 {
		return g.fail.err(g.ctx, s)
	}
	blocks, err := g.blocks(&a)
	if err != nil {
		return err
	}
	if g.usage.input != nil {
		g.input = *g.usage.input
	}
	if err := g.event(inference.Started{Model: s.model, InputTokens: g.input}); err != nil {
		return err
	}
	reason := cmp.Or(a.stop, natural(blocks))
	for i, b := range blocks {
		if err := g.block(b, i > 0 && blocks[i-1].kind() == b.kind(), i < len(blocks)-1); err != nil {
			return err
		}
		if g.cut != "" {
			reason = g.cut
			break
		}
	}
	if g.fail != nil {
		return g.fail.err(g.ctx, s)
	}
	return g.event(g.finished(reason))
}

func (g *generation) finished(reason inference.StopReason) inference.Finished {
	f := inference.Finished{
		Reason: reason, StopSequence: g.stop, Elapsed: g.b.p.Now().Sub(g.start),
		Usage: inference.Usage{InputTokens: g.input, OutputTokens: g.made, ReasoningTokens: g.think},
	}
	for _, n := range []struct {
		from *int
		to   *int
	}{
		{g.usage.output, &f.Usage.OutputTokens}, {g.usage.cacheRead, &f.Usage.CacheReadTokens},
		{g.usage.cacheWrite, &f.Usage.CacheWriteTokens}, {g.usage.reasoning, &f.Usage.ReasoningTokens},
	} {
		if n.from != nil {
			*n.to = *n.from
		}
	}
	return f
}

// check refuses what no model takes, and counts the input.
func (g *generation) check() (int, error) {
	r := g.req
	n, err := countRequest(r)
	if err != nil {
		return 0, err
	}
	if k := g.scene.known.kind; k != "" && k != "text" {
		return 0, fault.New(fault.Unsupported, "The model that serves this request is of the kind %s and makes no text.", k)
	}
	if r.MaxTokens < 0 || outside(r.Temperature, 0, 1e9) || outside(r.TopP, 0, 1) || r.TopK != nil && *r.TopK < 0 {
		return 0, fault.New(fault.Invalid, "A parameter is out of range.")
	}
	if n >= cmp.Or(g.scene.known.window, defaultWindow) {
		return 0, fault.Wrap(fault.Invalid, inference.ErrContextWindow, "Input is too long for requested model.")
	}
	return n, nil
}

func outside(x *float64, low, high float64) bool { return x != nil && !(*x >= low && *x <= high) }

// made is a block that is ready to be sent. One of text, reasoning, redacted and
// tool is set.
type ready struct {
	text      *string
	citations []inference.Citation
	reasoning *string
	signature string
	redacted  []byte
	tool      *inference.ToolUse
}

func (r *ready) kind() inference.BlockKind {
	switch {
	case r.text != nil:
		return inference.BlockText
	case r.tool != nil:
		return inference.BlockTool
	}
	return inference.BlockReasoning
}

// natural is the reason that an answer of these blocks ends for.
func natural(blocks []ready) inference.StopReason {
	reason := inference.StopEndTurn
	for _, b := range blocks {
		if b.tool == nil {
			continue
		}
		if !isObject(b.tool.Input) {
			return inference.StopMalformedTool
		}
		reason = inference.StopToolUse
	}
	return reason
}

func isObject(v json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(v, &object) == nil && object != nil
}

// blocks renders an answer, and sees that it is one to this request.
func (g *generation) blocks(a *answer) ([]ready, error) {
	s := g.scene
	out := make([]ready, 0, len(a.blocks)+1)
	for i := range a.blocks {
		b, err := g.render(&a.blocks[i], len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	calls := slices.ContainsFunc(out, func(b ready) bool { return b.tool != nil })
	if !a.unchecked {
		forced, ok := g.forced()
		if ok && !calls {
			use, err := g.call(forced, nil, len(out))
			if err != nil {
				return nil, err
			}
			return append(out, ready{tool: use}), nil
		}
		if err := g.checkCalls(out); err != nil {
			return nil, err
		}
	}
	if len(out) > 0 || calls {
		if g.req.Output != nil && !calls && !a.unchecked {
			return out, g.checkOutput(out)
		}
		return out, nil
	}
	if g.req.Output != nil {
		text := string(sample(g.req.Output.Schema))
		return append(out, ready{text: &text}), nil
	}
	text := s.echo()
	return append(out, ready{text: &text}), nil
}

// forced is the tool that the request wants called.
func (g *generation) forced() (inference.Tool, bool) {
	choice := g.req.ToolChoice
	for _, t := range g.req.Tools {
		if choice.Mode == inference.ToolAny || choice.Mode == inference.ToolNamed && t.Name == choice.Name {
			return t, true
		}
	}
	return inference.Tool{}, false
}

// checkCalls demands that the calls of a rule are such as a model could make.
func (g *generation) checkCalls(blocks []ready) error {
	calls := 0
	for _, b := range blocks {
		if b.tool == nil {
			continue
		}
		calls++
		at := slices.IndexFunc(g.req.Tools, func(t inference.Tool) bool { return t.Name == b.tool.Name })
		choice := g.req.ToolChoice
		switch {
		case at < 0:
			return g.mistake("calls the tool %s, which the request does not offer", b.tool.Name)
		case choice.Mode == inference.ToolNone:
			return g.mistake("calls a tool, and the request wants none called")
		case choice.Mode == inference.ToolNamed && choice.Name != b.tool.Name:
			return g.mistake("calls the tool %s, and the request wants %s", b.tool.Name, choice.Name)
		case calls > 1 && g.req.Parallel != nil && !*g.req.Parallel:
			return g.mistake("calls several tools, and the request wants one at a time")
		}
		if t := g.req.Tools[at]; t.Strict != nil && *t.Strict && isObject(b.tool.Input) && !fits(t.Schema, b.tool.Input) {
			return g.mistake("calls the strict tool %s with an input that does not fit its schema", t.Name)
		}
	}
	return nil
}

// checkOutput demands JSON of the schema that was asked for.
func (g *generation) checkOutput(blocks []ready) error {
	var text strings.Builder
	for _, b := range blocks {
		if b.text != nil {
			text.WriteString(*b.text)
		}
	}
	if !fits(g.req.Output.Schema, json.RawMessage(text.String())) {
		return g.mistake("answers what does not fit the schema of the request")
	}
	return nil
}

// mistake is a rule whose answer no model could give to the request. It shall be
// found, so it fails.
func (g *generation) mistake(format string, args ...any) error {
	return fault.New(fault.Upstream, "The rule %s of the script %s. Correct it, or say unchecked: true.", g.scene.title, fmt.Sprintf(format, args...)).
		WithField("originalStatusCode", 500).WithField("resourceName", g.scene.asked())
}

// echo is what is answered without a rule: what a tool said, or else the user.
func (s *scene) echo() string {
	if results := s.newResults(); len(results) > 0 {
		lines := make([]string, len(results))
		for i, r := range results {
			lines[i] = r.text
		}
		if text := strings.Join(lines, "\n"); text != "" {
			return text
		}
	}
	return cmp.Or(s.lastText(), "(no text)")
}

func (g *generation) render(b *block, number int) (ready, error) {
	s := g.scene
	var out ready
	var text string
	switch {
	case b.text != nil:
		text = b.text.render(s)
		out.text = &text
		for _, c := range b.citations {
			out.citations = append(out.citations, c.render(s))
		}
	case b.json != nil:
		text = string(b.json.render(s))
		out.text = &text
	case b.echo:
		text = s.echo()
		if g.req.Output != nil {
			text = string(sample(g.req.Output.Schema))
		}
		out.text = &text
	case b.reasoning != nil:
		text = b.reasoning.render(s)
		out.reasoning = &text
		out.signature = sign(text)
		if b.signature != nil {
			out.signature = b.signature.render(s)
		}
	case b.redacted != nil:
		out.redacted = []byte(b.redacted.render(s))
	default:
		name := b.tool.name.render(s)
		at := slices.IndexFunc(g.req.Tools, func(t inference.Tool) bool { return t.Name == name })
		tool := inference.Tool{Name: name}
		if at >= 0 {
			tool = g.req.Tools[at]
		}
		use, err := g.call(tool, b.tool, number)
		out.tool = use
		return out, err
	}
	return out, nil
}

func (c *citation) render(s *scene) inference.Citation {
	out := inference.Citation{Location: c.location}
	if c.title != nil {
		out.Title = c.title.render(s)
	}
	if c.source != nil {
		out.Source = c.source.render(s)
	}
	for _, q := range c.quotes {
		out.Quotes = append(out.Quotes, q.render(s))
	}
	return out
}

// sign makes the signature that a vendor would give to what its model thought.
func sign(text string) string {
	sum := sha256.Sum256([]byte("scripted\x00" + text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// call makes a call of a tool. What the rule does not say is made from the
// tool's schema.
func (g *generation) call(t inference.Tool, c *toolCall, number int) (*inference.ToolUse, error) {
	use := &inference.ToolUse{Name: t.Name, ID: g.toolID(number)}
	if c != nil && c.id != nil {
		use.ID = c.id.render(g.scene)
	}
	switch {
	case c != nil && c.raw != nil:
		use.Input = json.RawMessage(c.raw.render(g.scene))
	case c != nil && c.input != nil:
		use.Input = c.input.render(g.scene)
		if !isObject(use.Input) {
			return nil, g.mistake("calls the tool %s with an input that is no object", t.Name)
		}
	default:
		use.Input = sample(t.Schema)
		if !isObject(use.Input) {
			use.Input = json.RawMessage("{}")
		}
	}
	return use, nil
}

// toolID is the same for the same call in the same conversation, and no other
// call of it has it.
func (g *generation) toolID(number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%d\x00%d\x00%s", len(g.req.Messages), number, g.scene.nth, g.scene.conversation()))
	return "tooluse_" + hex.EncodeToString(sum[:])[:22]
}

// event emits one event, if anybody still listens.
func (g *generation) event(ev inference.Event) error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	if g.b.ctx.Err() != nil {
		return stopping()
	}
	return g.emit(ev)
}

// piece emits a delta of so many tokens after their time, or fails where the
// script says so.
func (g *generation) piece(n int, ev func(output int) inference.Event) error {
	if g.fail != nil && g.pieces >= g.fail.after {
		return g.fail.err(g.ctx, g.scene)
	}
	if d := g.set.token * time.Duration(n); d > 0 {
		if err := g.b.p.Wait(g.ctx, d); err != nil {
			return err
		}
	}
	g.made += n
	g.pieces++
	output := g.made
	if g.usage.output != nil {
		output = 0 // what is told at the end is another number
	}
	return g.event(ev(output))
}

// block emits one block, as far as the request lets it. It sets cut where that
// ends the answer.
func (g *generation) block(b ready, same, more bool) error {
	if same && b.tool == nil {
		if err := g.event(inference.BlockEnd{}); err != nil {
			return err
		}
	}
	switch {
	case b.tool != nil:
		return g.toolBlock(b.tool)
	case b.redacted != nil:
		return g.event(inference.ReasoningDelta{Redacted: b.redacted})
	case b.reasoning != nil:
		before := g.made
		err := g.run1(*b.reasoning, nil, more, func(text string) func(int) inference.Event {
			return func(n int) inference.Event { return inference.ReasoningDelta{Text: text, OutputTokens: n} }
		})
		g.think += g.made - before
		if err != nil || g.cut != "" || b.signature == "" {
			return err
		}
		return g.event(inference.ReasoningDelta{Signature: b.signature})
	}
	for _, c := range b.citations {
		if err := g.event(inference.CitationDelta{Citation: c}); err != nil {
			return err
		}
	}
	return g.run1(*b.text, g.req.StopSequences, more, func(text string) func(int) inference.Event {
		return func(n int) inference.Event { return inference.TextDelta{Text: text, OutputTokens: n} }
	})
}

// run1 emits a text in pieces up to a stop sequence or the last token that the
// request has room for. more says that blocks follow.
func (g *generation) run1(text string, stops []string, more bool, delta func(text string) func(output int) inference.Event) error {
	end, stopEnd, sequence := len(text), -1, ""
	for _, stop := range stops {
		if at := strings.Index(text, stop); stop != "" && at >= 0 && (stopEnd < 0 || at < end) {
			end, stopEnd, sequence = at, at+len(stop), stop
		}
	}
	all := tokens(text)
	room := len(all)
	if g.req.MaxTokens > 0 {
		room = min(room, g.req.MaxTokens-g.made)
	}
	// How far the tokens go that there is room for.
	reach := 0
	for _, token := range all[:room] {
		reach += len(token)
	}
	stopped := stopEnd >= 0 && stopEnd <= reach
	if !stopped {
		end = reach
	}
	at, sent := 0, 0
	for i := 0; i < room && sent < end; {
		n := 1
		at += len(all[i])
		for g.set.chunk != chunkToken && i+n < room && (g.set.chunk == chunkWhole || !beginsWithSpace(all[i+n])) {
			at += len(all[i+n])
			n++
		}
		i += n
		piece := text[sent:min(at, end)]
		sent += len(piece)
		if err := g.piece(n, delta(piece)); err != nil {
			return err
		}
	}
	switch {
	case stopped:
		g.cut, g.stop = inference.StopSequence, sequence
	case room < len(all), more && g.req.MaxTokens > 0 && g.made >= g.req.MaxTokens:
		g.cut = inference.StopMaxTokens
	}
	return nil
}

func beginsWithSpace(s string) bool { return strings.TrimLeft(s[:1], " \t\n\r") == "" }

// toolBlock emits a call of a tool, whole or not at all: half an input is none.
func (g *generation) toolBlock(use *inference.ToolUse) error {
	input := tokens(string(use.Input))
	if g.req.MaxTokens > 0 && g.made+len(input) > g.req.MaxTokens {
		g.cut = inference.StopMaxTokens
		return nil
	}
	if err := g.event(inference.ToolStart{ID: use.ID, Name: use.Name}); err != nil {
		return err
	}
	if g.set.chunk == chunkWhole {
		input = []string{string(use.Input)}
	}
	for _, token := range input {
		if err := g.piece(countText(token), func(n int) inference.Event { return inference.ToolDelta{JSON: token, OutputTokens: n} }); err != nil {
			return err
		}
	}
	return nil
}
