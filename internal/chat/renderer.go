package chat

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

const (
	maxTemplate  = 1 << 20          // bytes; the longest known one has 30,000
	maxTime      = 10 * time.Second // for one rendering; real ones take milliseconds
	maxCallDepth = 4000             // JavaScript frames; deeply nested templates take tens
	maxMachines  = 4
	maxKnown     = 64 // templates whose abilities are remembered
)

// glue is the little script between the engine and @huggingface/jinja.
//
//go:embed glue.js
var glue string

// Renderer renders chat templates. It is safe for concurrent use; up to four
// renderings run at the same time, each in a JavaScript engine of its own that
// keeps the templates it has parsed.
type Renderer struct {
	script, glue *goja.Program
	running      chan struct{} // holds one member for each rendering

	mu    sync.Mutex
	idle  []*machine // the one used last is last, and taken first: it has the templates parsed
	known map[string]abilities
}

// abilities are what a template was found to do with a conversation.
type abilities struct {
	system bool // it writes a system message down
	typed  bool // it wants content as a list of typed parts
	tools  bool // it needs the variable tools, if only an empty list
	// calls is found out when tools are used first.
	calls callAbilities
	asked bool // calls are known
}

// machine is one JavaScript engine with the script loaded.
type machine struct {
	vm     *goja.Runtime
	render goja.Callable
	now    func() time.Time
}

// NewRenderer loads the CommonJS build of @huggingface/jinja (dist/index.cjs).
// It fails when the script cannot be run or is not that library.
func NewRenderer(script []byte) (*Renderer, error) {
	wrapped := "(function (module, exports) {" + string(script) + "\n})"
	library, err := goja.Compile("jinja.cjs", wrapped, false)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the chat template script cannot be read")
	}
	hook, err := goja.Compile("glue.js", glue, true)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the chat template glue cannot be read")
	}
	r := &Renderer{
		script:  library,
		glue:    hook,
		running: make(chan struct{}, min(maxMachines, runtime.GOMAXPROCS(0))),
		known:   make(map[string]abilities),
	}
	first, err := r.newMachine()
	if err != nil {
		return nil, err
	}
	v, err := first.render(goja.Undefined(), first.vm.ToValue("{{ probe }}"), first.vm.ToValue(`{"probe":"ok"}`))
	if err != nil || v.String() != "ok" {
		return nil, fault.Wrap(fault.Internal, err, "the chat template script is not @huggingface/jinja")
	}
	r.idle = append(r.idle, first)
	return r, nil
}

func (r *Renderer) newMachine() (*machine, error) {
	m := &machine{vm: goja.New()}
	m.vm.SetMaxCallStackSize(maxCallDepth)
	err := func() error {
		v, err := m.vm.RunProgram(r.script)
		if err != nil {
			return err
		}
		load, ok := goja.AssertFunction(v)
		if !ok {
			return errors.New("not a module")
		}
		module := m.vm.NewObject()
		if err := module.Set("exports", m.vm.NewObject()); err != nil {
			return err
		}
		if _, err := load(goja.Undefined(), module, module.Get("exports")); err != nil {
			return err
		}
		v, err = m.vm.RunProgram(r.glue)
		if err != nil {
			return err
		}
		bind, ok := goja.AssertFunction(v)
		if !ok {
			return errors.New("the glue is not a function")
		}
		clock := func(format string) string { return strftime(m.now(), format) }
		v, err = bind(goja.Undefined(), module.Get("exports"), m.vm.ToValue(clock))
		if err != nil {
			return err
		}
		if m.render, ok = goja.AssertFunction(v); !ok {
			return errors.New("the glue returned no function")
		}
		return nil
	}()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the chat template script cannot be run")
	}
	return m, nil
}

// Render writes a conversation as a prompt. Faults: Invalid with the
// template's own words when it refuses the conversation, Upstream when it is
// broken, needs something that is not there or does not come to an end,
// Unsupported for parts that are not text. When ctx ends, its error comes back
// and the template is interrupted.
//
// With Input.Guard the text may hold Breaks: tokenize what Split makes of it.
// The template writes the BOS token or not, as its model's authors chose; do
// not add a second one.
func (r *Renderer) Render(ctx context.Context, in Input) (string, error) {
	if in.Template == "" {
		in.Template = ChatML
	}
	if len(in.Template) > maxTemplate {
		return "", fault.New(fault.Upstream, "The chat template of the model is longer than %d bytes.", maxTemplate)
	}
	if in.Now == nil {
		in.Now = time.Now
	}
	m, err := r.acquire(ctx)
	if err != nil {
		return "", err
	}
	s := &rendering{m: m, in: &in}
	defer func() { r.release(s) }()

	can, err := r.abilities(ctx, s)
	if err != nil {
		return "", err
	}
	if usesTools(&in) {
		if can, err = r.callAbilities(ctx, s, can); err != nil {
			return "", err
		}
	}
	turns, prefill, err := conversation(&in, can)
	if err != nil {
		return "", err
	}
	if can.calls.native && len(in.Tools) > 0 {
		list, err := functions(in.Tools, in.Guard)
		if err != nil {
			return "", fault.New(fault.Invalid, "The input schema of a tool is not JSON.")
		}
		in.Extra = with(in.Extra, "tools", list)
	}
	text, err := s.run(ctx, can, turns, in.AddGenerationPrompt)
	if err != nil {
		return "", err
	}
	return text + prefill, nil
}

// RenderCached is Render for an input with a cache point. kept is how many bytes
// of the text do not depend on what comes behind the last one: a second
// rendering, with all of that changed, shows it, for templates trim, move and
// repeat what they are given. kept is 0 without a cache point.
func (r *Renderer) RenderCached(ctx context.Context, in Input) (text string, kept int, err error) {
	if in.Now == nil {
		now := time.Now()
		in.Now = func() time.Time { return now }
	}
	if text, err = r.Render(ctx, in); err != nil {
		return "", 0, err
	}
	changed, ok := changedBehindCache(in)
	if !ok {
		return text, 0, nil
	}
	other, err := r.Render(ctx, changed)
	if err != nil {
		if ctx.Err() != nil {
			return "", 0, err
		}
		return text, 0, nil // the template does not take the change, so nothing is known
	}
	for kept < min(len(text), len(other)) && text[kept] == other[kept] {
		kept++
	}
	return text, kept, nil
}

// Prepare reads a template ahead, so that the first request does not wait for
// it: the longest ones take half a second. What is wrong with the template is
// for Render to say; only ctx's error comes back.
func (r *Renderer) Prepare(ctx context.Context, template string) error {
	_, err := r.Render(ctx, Input{Template: template, AddGenerationPrompt: true})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

func (r *Renderer) acquire(ctx context.Context) (*machine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case r.running <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		m := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return m, nil
	}
	r.mu.Unlock()
	m, err := r.newMachine()
	if err != nil {
		<-r.running
	}
	return m, err
}

// release puts the machine back. One that was interrupted is dropped: nobody
// can say what state the script was left in.
func (r *Renderer) release(s *rendering) {
	if !s.spoiled {
		s.m.now = nil
		r.mu.Lock()
		r.idle = append(r.idle, s.m)
		r.mu.Unlock()
	}
	<-r.running
}

// abilities finds out, once for each template, whether a system message and
// plain string content come out at the other end.
func (r *Renderer) abilities(ctx context.Context, s *rendering) (abilities, error) {
	r.mu.Lock()
	can, ok := r.known[s.in.Template]
	r.mu.Unlock()
	if ok {
		return can, nil
	}
	can, err := s.probe(ctx)
	if err != nil {
		return abilities{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxKnown {
		clear(r.known)
	}
	r.known[s.in.Template] = can
	return can, nil
}

// callAbilities finds out, once for each template, what it does with tools.
func (r *Renderer) callAbilities(ctx context.Context, s *rendering, can abilities) (abilities, error) {
	if can.asked {
		return can, nil
	}
	calls, err := s.probeCalls(ctx, can)
	if err != nil {
		return abilities{}, err
	}
	can.calls, can.asked = calls, true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[s.in.Template] = can
	return can, nil
}

func usesTools(in *Input) bool {
	if len(in.Tools) > 0 {
		return true
	}
	for _, m := range in.Messages {
		for _, p := range m.Parts {
			switch p.(type) {
			case inference.ToolUse, inference.ToolResult:
				return true
			}
		}
	}
	return false
}

func with(vars map[string]any, key string, value any) map[string]any {
	vars = maps.Clone(vars)
	if vars == nil {
		vars = map[string]any{}
	}
	vars[key] = value
	return vars
}

// rendering is the use of a machine for one call of Render.
type rendering struct {
	m       *machine
	in      *Input
	spoiled bool
}

// probe renders made-up conversations. A template that fails on all of them
// is taken to be able to do everything, so that the real conversation shows
// what is wrong with it.
func (s *rendering) probe(ctx context.Context) (abilities, error) {
	const system, user = "outcropSystemProbe", "outcropUserProbe"
	for _, can := range []abilities{{}, {typed: true}, {tools: true}} {
		content := func(text string) any {
			if can.typed {
				return []typedText{{"text", text}}
			}
			return text
		}
		both := []turn{{Role: "system", Content: content(system)}, {Role: "user", Content: content(user)}}
		text, err := s.run(ctx, can, both, true)
		if ctx.Err() != nil || s.spoiled {
			return abilities{}, err
		}
		if err == nil && strings.Contains(text, system) && strings.Contains(text, user) {
			can.system = true
			return can, nil
		}
		text, err = s.run(ctx, can, both[1:], true)
		if ctx.Err() != nil || s.spoiled {
			return abilities{}, err
		}
		if err == nil && strings.Contains(text, user) {
			return can, nil
		}
	}
	return abilities{system: true}, nil
}

// probeCalls renders made-up calls in the ways that templates take them. One
// that writes no tool down, or loses calls or results in all of them, knows no
// tools.
func (s *rendering) probeCalls(ctx context.Context, can abilities) (callAbilities, error) {
	const tool, member, value, answer, words = "outcropToolProbe", "outcropMemberProbe", "outcropValueProbe", "outcropResultProbe", "outcropTextProbe"
	plain := *s.in
	defer func() { s.in.Extra = plain.Extra }()
	var known callAbilities
	known.short = strings.Contains(s.in.Template, "tool_call") && strings.Contains(s.in.Template, "length 9")
	tools := []inference.Tool{{Name: tool, Description: "d", Schema: []byte(`{"type": "object", "properties": {"` + member + `": {"type": "string"}}}`)}}
	list, err := functions(tools, nil)
	if err != nil {
		return known, err
	}
	s.in.Extra = with(plain.Extra, "tools", list)
	rendered := func(can abilities, messages ...inference.Message) (string, error) {
		turns, _, err := conversation(&Input{Messages: messages}, can)
		if err != nil {
			return "", err
		}
		return s.run(ctx, can, turns, true)
	}
	ask := inference.Message{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "u"}}}
	text, err := rendered(can, ask)
	if ctx.Err() != nil || s.spoiled {
		return known, err
	}
	if err != nil || !strings.Contains(text, tool) {
		return known, nil
	}
	call := func(n int) []inference.Message {
		uses, results := inference.Message{Role: inference.RoleAssistant}, inference.Message{Role: inference.RoleUser}
		for i := range n {
			id := fmt.Sprintf("call%05d", i)
			uses.Parts = append(uses.Parts, inference.ToolUse{ID: id, Name: tool, Input: []byte(`{"` + member + `": "` + value + `"}`)})
			results.Parts = append(results.Parts, inference.ToolResult{ID: id, Content: []inference.Part{inference.Text{Text: answer}}})
		}
		return []inference.Message{ask, uses, results}
	}
	known.native = true
	for _, way := range []callAbilities{{}, {null: true}, {text: true}, {text: true, null: true}} {
		can.calls = callAbilities{native: true, text: way.text, null: way.null, short: known.short}
		text, err := rendered(can, call(1)...)
		if ctx.Err() != nil || s.spoiled {
			return known, err
		}
		// The tool's own description holds its name and its member.
		if err != nil || strings.Count(text, value) != 1 || strings.Count(text, answer) != 1 || strings.Count(text, tool) < 2 {
			continue
		}
		known = can.calls
		text, err = rendered(can, call(2)...)
		if ctx.Err() != nil || s.spoiled {
			return known, err
		}
		known.single = err != nil || strings.Count(text, value) != 2
		can.calls = known

		messages := call(1)
		messages[1].Parts = append([]inference.Part{inference.Text{Text: words}}, messages[1].Parts...)
		text, err = rendered(can, messages...)
		if ctx.Err() != nil || s.spoiled {
			return known, err
		}
		known.alone = err != nil || strings.Count(text, value) != 1 || !strings.Contains(text, words)
		can.calls = known

		messages = call(1)
		messages[2].Parts = append(messages[2].Parts, inference.Text{Text: words})
		text, err = rendered(can, messages...)
		if ctx.Err() != nil || s.spoiled {
			return known, err
		}
		known.last = err != nil || !strings.Contains(text, words)
		return known, nil
	}
	return callAbilities{}, nil
}

// run renders turns with the input's template.
func (s *rendering) run(ctx context.Context, can abilities, turns []turn, open bool) (string, error) {
	vars := make(map[string]any, len(s.in.Extra)+5)
	if can.tools {
		vars["tools"] = []any{}
	}
	for name, v := range s.in.Extra {
		if text, ok := v.(string); ok { // such as reasoning_effort, which is the caller's word
			v = s.in.Guard.protect(text)
		}
		vars[name] = v
	}
	vars["messages"] = turns
	vars["add_generation_prompt"] = open
	vars["bos_token"] = s.in.BOS
	vars["eos_token"] = s.in.EOS
	data, err := json.Marshal(vars)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "a chat template variable cannot be written as JSON")
	}

	limited, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	vm := s.m.vm
	fired := make(chan struct{})
	stop := context.AfterFunc(limited, func() {
		vm.Interrupt(limited.Err())
		close(fired)
	})
	s.m.now = s.in.Now
	v, err := s.m.render(goja.Undefined(), vm.ToValue(s.in.Template), vm.ToValue(string(data)))
	if !stop() {
		<-fired // or the interrupt would hit the next rendering
		s.spoiled = true
	}
	if err != nil {
		return "", s.translate(ctx, err)
	}
	return v.String(), nil
}

// translate gives an error of the engine its kind. The engine's text stays
// private and short: it may quote the conversation.
func (s *rendering) translate(ctx context.Context, err error) error {
	if interrupted := (*goja.InterruptedError)(nil); errors.As(err, &interrupted) {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		return fault.New(fault.Upstream, "The chat template of the model did not finish within %v.", maxTime)
	}
	var thrown *goja.Exception
	if !errors.As(err, &thrown) {
		s.spoiled = true // a stack overflow, for one
		return fault.Wrap(fault.Upstream, err, "The chat template of the model cannot be rendered.")
	}
	message, raised := thrown.Value().String(), false
	if o, ok := thrown.Value().(*goja.Object); ok {
		if v := o.Get("message"); v != nil {
			message = v.String()
		}
		v := o.Get("raised")
		raised = v != nil && v.ToBoolean()
	}
	if raised {
		return fault.New(fault.Invalid, "%s", message)
	}
	if len(message) > 200 {
		message = message[:200]
	}
	return fault.Wrap(fault.Upstream, fmt.Errorf("template: %q", message), "The chat template of the model cannot be rendered.")
}
