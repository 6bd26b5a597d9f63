package bedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Speaks implements inference.Invoker: a model takes the bodies of its own
// family.
func (b *Backend) Speaks(model, format string) bool {
	return format != "" && b.p.Format(b.model(model)) == format
}

// Invoke implements inference.Invoker.
func (b *Backend) Invoke(ctx context.Context, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	start := b.p.Now()
	result := &inference.NativeResult{Model: b.model(req.Model)}
	send := func(chunk []byte, last bool) error {
		if err := b.goesOn(ctx); err != nil {
			return err
		}
		if last {
			result.Elapsed = max(b.p.Now().Sub(start), 0)
		}
		return emit(chunk, last)
	}
	if req.Stream {
		return result, b.invokeStream(ctx, req, result, send)
	}
	r, err := b.do(ctx, req.Model, "invoke", "application/json", req.Body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	body, err := r.JSON()
	if err != nil {
		return nil, err
	}
	result.Usage = usage(r.Header)
	return result, send(body, true)
}

// usage is what the headers of a whole answer say.
func usage(h http.Header) inference.Usage {
	count := func(name string) int {
		n, err := strconv.Atoi(h.Get(name))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return inference.Usage{
		InputTokens:      count("X-Amzn-Bedrock-Input-Token-Count"),
		OutputTokens:     count("X-Amzn-Bedrock-Output-Token-Count"),
		CacheReadTokens:  count("X-Amzn-Bedrock-Cache-Read-Input-Token-Count"),
		CacheWriteTokens: count("X-Amzn-Bedrock-Cache-Write-Input-Token-Count"),
	}
}

// invokeStream hands each chunk on as it comes. The one with the metrics is the
// last; they are taken out of it, as they count another call than the caller's.
func (b *Backend) invokeStream(ctx context.Context, req *inference.NativeRequest, result *inference.NativeResult, emit func([]byte, bool) error) error {
	r, err := b.do(ctx, req.Model, "invoke-with-response-stream", frames, req.Body)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	ended := false
	err = b.frames(r, func(kind string, payload []byte) error {
		if kind != "chunk" || ended {
			return nil
		}
		var part struct {
			Bytes []byte `json:"bytes"`
		}
		if err := json.Unmarshal(payload, &part); err != nil {
			return fault.Wrap(fault.Upstream, err, "The backend %s sent a chunk that cannot be read.", b.p.Name)
		}
		chunk, counted, ok := withoutMetrics(part.Bytes)
		if ok {
			ended, result.Usage = true, counted
		}
		return emit(chunk, ok)
	})
	if err == nil && !ended {
		return fault.New(fault.Upstream, "The backend %s ended its stream before its answer was over.", b.p.Name)
	}
	return err
}

var metricsKey = []byte(`"amazon-bedrock-invocationMetrics"`)

// withoutMetrics takes Bedrock's metrics out of a chunk. ok is false for a chunk
// that has none, which is returned as it is.
func withoutMetrics(chunk []byte) (rest []byte, used inference.Usage, ok bool) {
	at := bytes.Index(chunk, metricsKey)
	if at < 0 {
		return chunk, used, false
	}
	var metrics struct {
		Found *struct {
			Input      int `json:"inputTokenCount"`
			Output     int `json:"outputTokenCount"`
			CacheRead  int `json:"cacheReadInputTokenCount"`
			CacheWrite int `json:"cacheWriteInputTokenCount"`
		} `json:"amazon-bedrock-invocationMetrics"`
	}
	if json.Unmarshal(chunk, &metrics) != nil || metrics.Found == nil {
		return chunk, used, false // the model wrote the words
	}
	used = inference.Usage{
		InputTokens: metrics.Found.Input, OutputTokens: metrics.Found.Output,
		CacheReadTokens: metrics.Found.CacheRead, CacheWriteTokens: metrics.Found.CacheWrite,
	}
	// The service puts the member behind the family's own, so the last place of
	// the key is the one that counts.
	at = bytes.LastIndex(chunk, metricsKey)
	end := bytes.IndexByte(chunk[at:], '}')
	if end < 0 {
		return chunk, used, true
	}
	before := bytes.TrimRight(chunk[:at], " \t\r\n")
	after := bytes.TrimLeft(chunk[at+end+1:], " \t\r\n")
	if trimmed, comma := bytes.CutSuffix(before, []byte(",")); comma {
		before = trimmed
	} else {
		after = bytes.TrimPrefix(after, []byte(","))
	}
	return append(bytes.Clone(before), after...), used, true
}

// ask invokes a model with a body of its family and reads its answer.
func (b *Backend) ask(ctx context.Context, model string, body, out any) (http.Header, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a body of the model cannot be written")
	}
	r, err := b.do(ctx, model, "invoke", "application/json", data)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	answer, err := r.JSON()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fault.Wrap(fault.Upstream, err, "The backend %s sent an answer that cannot be read.", b.p.Name)
	}
	return r.Header, nil
}
