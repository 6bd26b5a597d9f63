package bedrockruntime

import (
	"bytes"
	"context"
	"encoding/json"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// handsOn reports whether the backends of a model take its native bodies as they
// are. Nothing of a body is read then: what is wrong with it, the model's own
// back end says.
func (s *Service) handsOn(t *router.Target) bool {
	return t.Entry.NativeFormat != "" && s.router.Speaks(t.Name(), t.Entry.NativeFormat)
}

// invokeVerbatim answers a native body with the body that the backend answers.
func (s *Service) invokeVerbatim(ctx context.Context, t *router.Target, body []byte) ([]byte, error) {
	var out []byte
	r := s.newRun(t)
	_, err := r.Invoke(ctx, s.router, &inference.NativeRequest{Format: t.Entry.NativeFormat, Body: body}, func(answer []byte, _ bool) error {
		out = answer // it may be long: it is not copied
		return nil
	})
	if err != nil {
		return nil, err
	}
	c := call.From(ctx)
	if t.Entry.Kind() == catalog.Text {
		setCounts(c, s.nativeModel(t), r.Usage, r)
		return out, nil
	}
	if r.Usage.InputTokens > 0 {
		setCount(c, headerInput, r.Usage.InputTokens)
	}
	setCount(c, headerLatency, int(r.Elapsed().Milliseconds()))
	return out, nil
}

// streamVerbatim answers a native body with the chunks that the backend answers,
// each as soon as it comes. The last one waits until it is known what the answer
// used, which goes into it.
func (s *Service) streamVerbatim(ctx context.Context, t *router.Target, in *api.InvokeModelWithResponseStreamInput, sink schema.EventSink[api.InvokeModelWithResponseStreamOutput, api.ResponseStream]) error {
	r := s.newRun(t)
	opened := false
	var held []byte // the last chunk
	send := func(chunk []byte) error {
		if !opened {
			opened = true
			contentType := jsonType
			if err := sink.Open(&api.InvokeModelWithResponseStreamOutput{
				ContentType:              &contentType,
				PerformanceConfigLatency: in.PerformanceConfigLatency, ServiceTier: in.ServiceTier,
			}); err != nil {
				return err
			}
		}
		return sink.Send(&api.ResponseStream{Chunk: &api.PayloadPart{Bytes: chunk}})
	}
	_, err := r.Invoke(ctx, s.router, &inference.NativeRequest{Format: t.Entry.NativeFormat, Body: in.Body, Stream: true}, func(chunk []byte, last bool) error {
		if last {
			held = bytes.Clone(chunk)
			return nil
		}
		return send(chunk)
	})
	if err != nil {
		return err
	}
	if held == nil {
		return fault.New(fault.Upstream, "The model's stream ended before its answer did.")
	}
	held, err = withMetrics(held, metricsOf(r).Invocation(s.nativeModel(t)))
	if err != nil {
		return err
	}
	return send(held)
}

// withMetrics puts the metrics of an invocation into a chunk, behind the
// family's own members.
func withMetrics(chunk []byte, metrics any) ([]byte, error) {
	member, err := json.Marshal(metrics)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the metrics of an invocation cannot be written")
	}
	body, ok := bytes.CutSuffix(bytes.TrimSpace(chunk), []byte("}"))
	if !ok {
		return nil, fault.New(fault.Upstream, "The last chunk of the model's answer is no JSON object.")
	}
	body = bytes.TrimSpace(body)
	out := make([]byte, 0, len(body)+len(member)+64)
	out = append(out, body...)
	if len(body) > 1 {
		out = append(out, ',')
	}
	out = append(out, `"amazon-bedrock-invocationMetrics":`...)
	out = append(out, member...)
	return append(out, '}'), nil
}
