package openai

import (
	"bytes"
	"context"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// Speaks implements inference.Invoker: bodies of the format that the server
// speaks anyway.
func (b *Backend) Speaks(_, format string) bool { return format == chatcompletions.Dialect }

// Invoke implements inference.Invoker: the body goes to the server as it is, with
// the server's name of the model, and the answer comes back as it is. The usage
// is asked for in every stream; the chunk of it is kept from a caller who has not.
func (b *Backend) Invoke(ctx context.Context, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	start := b.p.Now()
	f, err := b.flavor(ctx)
	if err != nil {
		return nil, err
	}
	body, asked, err := chatcompletions.Rewrite(req.Body, b.name(req.Model), req.Stream, f.chat.IncludeUsage)
	if err != nil {
		return nil, err
	}
	if !f.chat.Links && chatcompletions.Links(body) {
		return nil, fault.New(fault.Unsupported, "The model that serves this request does not fetch media: put them into the request.")
	}
	r, err := b.post(ctx, "/chat/completions", body)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	i := invocation{b: b, ctx: ctx, emit: emit, result: &inference.NativeResult{Model: req.Model}, asked: asked}
	i.decoder = chatcompletions.NewDecoder(i.event)
	if req.Stream {
		err = i.stream(r)
	} else {
		err = i.whole(r)
	}
	if err != nil {
		return nil, b.failed(err)
	}
	if !i.decoder.HasUsage() {
		i.result.Usage = inference.Usage{InputTokens: (len(body) + 3) / 4, OutputTokens: i.decoder.Deltas()}
	}
	i.result.Elapsed = b.p.Now().Sub(start)
	return i.result, nil
}

// invocation is one native request under way. A decoder reads along for what has
// to be known about the answer.
type invocation struct {
	b       *Backend
	ctx     context.Context
	emit    func([]byte, bool) error
	decoder *chatcompletions.Decoder
	result  *inference.NativeResult
	asked   bool
	held    []byte // a chunk that may be the last one
	holds   bool
}

func (i *invocation) event(ev inference.Event) error {
	switch ev := ev.(type) {
	case inference.Started:
		if ev.Model != "" {
			i.result.Model = ev.Model
		}
	case inference.Finished:
		i.result.Usage, i.result.Reason = ev.Usage, ev.Reason
	}
	return nil
}

func (i *invocation) whole(r *remote.Response) error {
	data, err := r.JSON()
	if err != nil {
		return err
	}
	if err := chatcompletions.Feed(i.decoder, data); err != nil {
		return err
	}
	return i.emit(data, true)
}

// stream passes chunks on as they come, but for those from the one that says why
// the answer ends: one of them is the last.
func (i *invocation) stream(r *remote.Response) error {
	err := r.Events(func(_ string, data []byte) error {
		if err := i.ctx.Err(); err != nil {
			return err
		}
		if err := i.decoder.Chunk(data); err != nil {
			return err
		}
		if string(data) == "[DONE]" {
			return remote.Stop
		}
		if !i.asked && bytes.Contains(data, []byte(`"choices":[]`)) {
			return nil
		}
		if i.holds {
			if err := i.emit(i.held, false); err != nil {
				return err
			}
			i.holds = false
		}
		if !i.decoder.Ending() {
			return i.emit(data, false)
		}
		i.held, i.holds = append(i.held[:0], data...), true
		return nil
	})
	if err != nil {
		return err
	}
	if err := i.decoder.End(); err != nil {
		return err
	}
	if !i.holds { // a server that says nothing about the end has no last chunk
		i.held = []byte(`{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	}
	return i.emit(i.held, true)
}
