// Package openai is the backend for servers that speak OpenAI's API: vLLM,
// llama-server, Ollama, SGLang, LM Studio, NIM and others, OpenAI itself, and
// Azure and Gemini by their doors of that shape.
//
// The format is package chatcompletions', the connections are package remote's.
// What one kind of server does differently is a line in a table, not a branch.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// Params are what a Backend needs.
type Params struct {
	// Client asks the server; the Backend closes it.
	Client *remote.Client
	// URL is the server's, by which vendors' own are known.
	URL string
	// Flavor is what the server is: vllm, llama-server, ollama, …; found out by
	// asking when empty.
	Flavor string
	// Models are other names for the server's models.
	Models map[string]string
	// Completion says that native prompts are sent as they are, to /completions.
	Completion bool
	// Links lets the server fetch media from the addresses that callers name, also
	// where it is not a vendor's own.
	Links bool
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Backend is a server that speaks OpenAI's API. It is an inference.Backend,
// Embedder, Reranker, TokenCounter, Describer, ImageMaker, Invoker and Prober;
// what its server does not offer is Unsupported.
type Backend struct {
	p     Params
	known atomic.Pointer[flavor] // nil before it is found out
}

// New returns a Backend. It asks the server nothing.
func New(p Params) (*Backend, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	b := &Backend{p: p}
	if p.Flavor != "" {
		f, ok := flavors[p.Flavor]
		if !ok {
			names := slices.Sorted(maps.Keys(flavors))
			return nil, fmt.Errorf("flavor: %q is not one of %s", p.Flavor, strings.Join(names[1:], ", "))
		}
		b.known.Store(b.own(f))
	} else if f, ok := byHost(p.URL); ok {
		b.known.Store(b.own(f))
	}
	return b, nil
}

// own is a flavor as the operator wants this server to be asked.
func (b *Backend) own(f flavor) *flavor {
	f.chat.Links = f.chat.Links || b.p.Links
	return &f
}

// Close ends the requests under way, and the server where it is looked after
// here.
func (b *Backend) Close() error { return b.p.Client.Close() }

// name is the server's name for a model.
func (b *Backend) name(model string) string {
	if own, ok := b.p.Models[model]; ok {
		return own
	}
	return model
}

// Generate implements inference.Backend. Long answers are streamed also where
// they are wanted whole, see inference.Request.Within.
func (b *Backend) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	start := b.p.Now()
	f, err := b.flavor(ctx)
	if err != nil {
		return err
	}
	whole, wait := req.Within(b.p.Client.FirstByte())
	path, body, err := b.request(req, f, !whole)
	if err != nil {
		return err
	}
	a := answer{wait: wait, b: b, ctx: ctx, emit: emit, start: start, model: req.Model, size: len(body)}
	if f.echoes {
		a.echo = prefill(req)
	}
	return a.run(path, body)
}

// limit is the number of tokens of a completion that nobody has limited.
const limit = 2048

func (b *Backend) request(req *inference.Request, f *flavor, stream bool) (path string, body []byte, err error) {
	o := chatcompletions.EncodeOptions{Model: b.name(req.Model), Stream: stream, Flavor: f.chat}
	if b.p.Completion && req.Prompt != nil {
		body, err = chatcompletions.EncodeCompletion(req, o, limit)
		return "/completions", body, err
	}
	body, err = chatcompletions.EncodeRequest(req, o)
	return "/chat/completions", body, err
}

// prefill is the text that the model goes on from.
func prefill(req *inference.Request) string {
	if n := len(req.Messages); n > 0 && req.Messages[n-1].Role == inference.RoleAssistant {
		var texts []string
		for _, p := range req.Messages[n-1].Parts {
			if t, ok := p.(inference.Text); ok {
				texts = append(texts, t.Text)
			}
		}
		return strings.Join(texts, "\n")
	}
	return ""
}

// answer is one answer under way.
type answer struct {
	b        *Backend
	ctx      context.Context
	emit     func(inference.Event) error
	start    time.Time
	model    string
	size     int           // bytes of the request
	wait     time.Duration // for the first byte
	decoder  *chatcompletions.Decoder
	said     int // bytes of the answer
	streamed bool
	echo     string // what the server may say first, and what of it has come
	echoed   string
}

func (a *answer) run(path string, body []byte) error {
	r, err := a.b.p.Client.DoWithin(a.ctx, a.wait, http.MethodPost, path, nil, body)
	if err != nil {
		return a.b.failed(err)
	}
	defer r.Close()
	a.decoder = chatcompletions.NewDecoder(a.event)
	if r.Is("application/json") { // a server that does not stream, or its error
		whole, err := r.JSON()
		if err != nil {
			return err
		}
		return a.b.failed(chatcompletions.Feed(a.decoder, whole))
	}
	a.streamed = true
	err = r.Events(func(_ string, data []byte) error {
		if err := a.decoder.Chunk(data); err != nil {
			return err
		}
		if string(data) == "[DONE]" {
			return remote.Stop
		}
		return nil
	})
	if err == nil {
		err = a.decoder.End()
	}
	return a.b.failed(err)
}

// event passes an event on with what the backend knows.
func (a *answer) event(ev inference.Event) error {
	if err := a.ctx.Err(); err != nil {
		return err // what is in the buffers is not for anybody
	}
	switch ev := ev.(type) {
	case inference.Started:
		if ev.Model == "" {
			ev.Model = a.b.name(a.model)
		}
		return a.emit(ev)
	case inference.ReasoningDelta:
		a.said += len(ev.Text)
	case inference.ToolDelta:
		a.said += len(ev.JSON)
	case inference.TextDelta:
		a.said += len(ev.Text)
		if a.echo == "" {
			return a.emit(ev)
		}
		if ev.Text = a.behindEcho(ev.Text); ev.Text == "" {
			return nil
		}
		return a.emit(ev)
	case inference.Finished:
		if !a.decoder.HasUsage() {
			// A server that counts nothing must not be for free: about four bytes
			// make a token, and a piece of a streamed answer is about one.
			ev.Usage.InputTokens, ev.Usage.OutputTokens = (a.size+3)/4, a.decoder.Deltas()
			if !a.streamed {
				ev.Usage.OutputTokens = (a.said + 3) / 4
			}
		}
		ev.Elapsed = a.b.p.Now().Sub(a.start)
		return a.emit(ev)
	}
	return a.emit(ev)
}

// behindEcho is what is new in a text: some servers say again what they go on
// from.
func (a *answer) behindEcho(text string) string {
	all := a.echoed + text
	if len(all) < len(a.echo) && strings.HasPrefix(a.echo, all) {
		a.echoed = all
		return ""
	}
	rest, _ := strings.CutPrefix(all, a.echo) // all of it when it is no echo
	a.echo, a.echoed = "", ""
	return rest
}

func (b *Backend) post(ctx context.Context, path string, body []byte) (*remote.Response, error) {
	r, err := b.p.Client.Do(ctx, http.MethodPost, path, nil, body)
	return r, b.failed(err)
}

// failed makes the fault of an error that a server wrote into its answer, and
// says of what a server cannot do that it cannot.
func (b *Backend) failed(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*chatcompletions.ServerError](err); ok {
		err = b.p.Client.Refused(statusOf(e), nil, remote.Said{Type: e.Type, Code: e.Code, Message: e.Message, Known: true})
	}
	if cannot(err) {
		return fault.Wrap(fault.Unsupported, err, "The model that serves this request cannot do this: %s", fault.As(err).Message)
	}
	return err
}

// statusOf is the status that an error in a stream would have had.
func statusOf(e *chatcompletions.ServerError) int {
	word := e.Type + " " + e.Code
	switch {
	case e.Status != 0:
		return e.Status
	case strings.Contains(word, "invalid_request"), strings.Contains(word, "context_length"), strings.Contains(word, "BadRequest"):
		return http.StatusBadRequest
	case strings.Contains(word, "rate_limit"):
		return http.StatusTooManyRequests
	case strings.Contains(word, "timeout"):
		return http.StatusGatewayTimeout
	case strings.Contains(word, "overloaded"), strings.Contains(word, "unavailable"):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// cannot reports whether a server said that its model is of another kind.
func cannot(err error) bool {
	r, ok := errors.AsType[*remote.Refusal](err)
	if !ok {
		return false
	}
	if r.Status == http.StatusNotImplemented || r.Type == "not_supported_error" {
		return true
	}
	message := fault.As(err).Message
	return r.Known && strings.Contains(message, "does not support") &&
		(strings.Contains(message, " API") || strings.Contains(message, "chat") || strings.Contains(message, "generate") || strings.Contains(message, "embed")) ||
		strings.Contains(message, "does not logits computation") // llama-server with a model that embeds
}

// ask posts a request and reads its whole answer.
func (b *Backend) ask(ctx context.Context, path string, body []byte, into any) error {
	r, err := b.post(ctx, path, body)
	if err != nil {
		return err
	}
	defer r.Close()
	return b.read(r, into)
}

func (b *Backend) get(ctx context.Context, path string, into any) error {
	r, err := b.p.Client.Do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return b.failed(err)
	}
	defer r.Close()
	return b.read(r, into)
}

func (b *Backend) read(r *remote.Response, into any) error {
	data, err := r.JSON()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.Wrap(fault.Upstream, err, "The model's server answered with what is not of its format.")
	}
	return nil
}
