package bedrockruntime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// fake is a backend that says what it was told to. Its tokenizer counts words.
type fake struct {
	deltas []string
	end    inference.Finished
	err    error // instead of Finished; before Started when there are no deltas
	echo   bool  // the request itself is the answer
	block  bool  // never ends by itself
}

func scripted(t *testing.T, name string) *fake {
	t.Helper()
	switch name {
	case "greeting":
		return &fake{deltas: []string{"Hello", " there,", " you."}, end: inference.Finished{Reason: inference.StopEndTurn}}
	case "echo":
		return &fake{echo: true, end: inference.Finished{Reason: inference.StopEndTurn}}
	case "stopped":
		return &fake{deltas: []string{"one", " two"}, end: inference.Finished{Reason: inference.StopSequence, StopSequence: "three"}}
	case "cut off":
		return &fake{deltas: []string{"one"}, end: inference.Finished{Reason: inference.StopMaxTokens}}
	case "silent":
		return &fake{end: inference.Finished{Reason: inference.StopEndTurn}}
	case "busy":
		return &fake{err: fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")}
	case "broken":
		return &fake{deltas: []string{"one", " two"}, err: fault.New(fault.Upstream, "The model stopped working.")}
	}
	t.Fatalf("no script %q", name)
	return nil
}

// words renders a request in a plain way, so that a test sees what arrived.
func words(req *inference.Request) string {
	var b strings.Builder
	write := func(who string, parts []inference.Part) {
		for _, p := range parts {
			fmt.Fprintf(&b, "[%s] %s ", who, p.(inference.Text).Text)
		}
	}
	write("system", req.System)
	for _, m := range req.Messages {
		write(string(m.Role), m.Parts)
	}
	if req.Prompt != nil {
		fmt.Fprintf(&b, "(%s prompt of %d) ", req.Prompt.Syntax, len(req.Prompt.Text))
	}
	if req.MaxTokens > 0 {
		fmt.Fprintf(&b, "max=%d ", req.MaxTokens)
	}
	if req.Temperature != nil {
		fmt.Fprintf(&b, "temperature=%v ", *req.Temperature)
	}
	if req.TopP != nil {
		fmt.Fprintf(&b, "top_p=%v ", *req.TopP)
	}
	if req.TopK != nil {
		fmt.Fprintf(&b, "top_k=%v ", *req.TopK)
	}
	if len(req.StopSequences) > 0 {
		fmt.Fprintf(&b, "stop=%q ", req.StopSequences)
	}
	return strings.TrimSpace(b.String())
}

func (f *fake) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	deltas := f.deltas
	if f.echo {
		deltas = []string{words(req)}
	}
	if f.err != nil && len(deltas) == 0 {
		return f.err
	}
	if f.block {
		<-ctx.Done()
		return ctx.Err()
	}
	in, _ := f.CountTokens(ctx, req)
	if err := emit(inference.Started{Model: req.Model, InputTokens: in}); err != nil {
		return err
	}
	for i, d := range deltas {
		if err := emit(inference.TextDelta{Text: d, OutputTokens: i + 1}); err != nil {
			return err
		}
	}
	if f.err != nil {
		return f.err
	}
	end := f.end
	end.Usage = inference.Usage{InputTokens: in, OutputTokens: len(deltas) + 1}
	end.Elapsed = 5 * time.Millisecond
	return emit(end)
}

func (f *fake) CountTokens(_ context.Context, req *inference.Request) (int, error) {
	return len(strings.Fields(words(&inference.Request{System: req.System, Messages: req.Messages, Prompt: req.Prompt}))), nil
}

// Embed makes vectors of four dimensions out of the text's length.
func (f *fake) Embed(_ context.Context, req *inference.EmbedRequest) (*inference.Embeddings, error) {
	if f.err != nil {
		return nil, f.err
	}
	e := &inference.Embeddings{Model: req.Model}
	for _, text := range req.Texts {
		n := float32(len(text)%7) + 1
		e.Vectors = append(e.Vectors, []float32{n, 0, -2 * n, 2 * n})
		e.InputTokens = append(e.InputTokens, len(strings.Fields(text)))
	}
	return e, nil
}

func (f *fake) Describe(_ context.Context, model string) (*inference.ModelInfo, error) {
	return &inference.ModelInfo{Name: model, Dimensions: 4}, nil
}

func (f *fake) Close() error { return nil }
