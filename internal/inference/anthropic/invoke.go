package anthropic

import (
	"context"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/messages"
)

// Speaks implements inference.Invoker.
func (b *Backend) Speaks(_, format string) bool { return format == messages.Dialect }

// Invoke implements inference.Invoker: the body goes to the server as it is, but
// for what Bedrock has elsewhere than Anthropic, and so does the answer. Events
// that Bedrock's streams do not have are left out.
func (b *Backend) Invoke(ctx context.Context, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	start := b.p.Now()
	if !b.Speaks(req.Model, req.Format) {
		return nil, fault.New(fault.Unsupported, "The backend %s does not take bodies of the format %s.", b.p.Name, req.Format)
	}
	forward, err := messages.Forward(req.Body, b.model(req.Model), req.Stream)
	if err != nil {
		return nil, err
	}
	response, err := b.ask(ctx, "/messages", forward.Betas, forward.Body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Close() }()
	var meter messages.Meter
	if req.Stream {
		err = b.pass(ctx, response, &meter, emit)
	} else {
		var body []byte
		if body, err = response.JSON(); err == nil {
			err = meter.Answer(body)
		}
		if err == nil {
			err = emit(body, true)
		}
	}
	result := meter.Result()
	result.Elapsed = max(b.p.Now().Sub(start), 0)
	return &result, err
}

// pass hands the events of a stream on.
func (b *Backend) pass(ctx context.Context, response *remote.Response, meter *messages.Meter, emit func(chunk []byte, last bool) error) error {
	over := false
	err := response.Events(func(event string, data []byte) error {
		if err := b.goesOn(ctx); err != nil {
			return err
		}
		if err := b.failure(event, data); err != nil {
			return err
		}
		name, err := meter.Chunk(data)
		switch {
		case err != nil:
			return err
		case name == "ping":
			return nil
		case name == "message_stop":
			over = true
		}
		if err := emit(data, over); err != nil {
			return err
		}
		if over {
			return remote.Stop
		}
		return nil
	})
	if err == nil && !over {
		err = fault.New(fault.Upstream, "The backend %s ended its answer before it was complete.", b.p.Name)
	}
	return err
}
