package bedrockruntime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
)

// scripted returns a backend of the models that the tests' router leads to,
// which answers as a script wants it.
func scripted(t *testing.T, name string) inference.Backend {
	t.Helper()
	var answer func(*inference.Request) (mem.Answer, error)
	switch name {
	case "greeting":
		answer = mem.Say("Hello there, you.")
	case "echo":
		answer = func(req *inference.Request) (mem.Answer, error) {
			return mem.Answer{Tokens: []string{rendered(req)}}, nil
		}
	case "stopped":
		answer = mem.Say("one two three four")
	case "silent":
		answer = mem.Say("")
	case "busy":
		answer = mem.Fail(fault.New(fault.Unavailable, "Too many connections, please wait before trying again."))
	case "broken":
		answer = func(*inference.Request) (mem.Answer, error) {
			return mem.Answer{Tokens: []string{"one", " two", " three"}, Before: func(_ context.Context, step int) error {
				if step == 3 {
					return fault.New(fault.Upstream, "The model stopped working.")
				}
				return nil
			}}, nil
		}
	case "stuck":
		answer = func(*inference.Request) (mem.Answer, error) {
			return mem.Answer{Before: func(ctx context.Context, _ int) error {
				<-ctx.Done()
				return ctx.Err()
			}}, nil
		}
	case "tools":
		return replay{
			inference.Started{Model: "chat", InputTokens: 40},
			inference.TextDelta{Text: "Let me look."},
			inference.ToolStart{ID: "tooluse_1", Name: "weather"},
			inference.ToolDelta{JSON: `{"city":`}, inference.ToolDelta{JSON: `"Rome"}`},
			inference.ToolStart{ID: "tooluse_2", Name: "clock"},
			inference.Finished{Reason: inference.StopToolUse, Usage: inference.Usage{InputTokens: 40, OutputTokens: 12}},
		}
	case "everything":
		return replay{
			inference.Started{Model: "chat"},
			inference.ReasoningDelta{Text: "Hm."}, inference.ReasoningDelta{Signature: "c2ln"},
			inference.ReasoningDelta{Redacted: []byte("secret")},
			inference.CitationDelta{Citation: inference.Citation{
				Title: "Report", Quotes: []string{"It rained."},
				Location: &inference.Location{Unit: inference.LocationPages, Document: 1, Start: 2, End: 3},
			}},
			inference.TextDelta{Text: "It rained."}, inference.BlockEnd{}, inference.TextDelta{Text: " Much."},
			inference.ToolStart{ID: "srvtoolu_1", Name: "nova_code_interpreter", Kind: "server_tool_use"}, inference.ToolDelta{JSON: `{"code":"1"}`},
			inference.ToolOutput{Result: inference.ToolResult{
				ID: "srvtoolu_1", Kind: "nova_code_interpreter_result", Status: true,
				Content: []inference.Part{inference.JSON{Value: []byte(`{"stdOut":"1"}`)}},
			}},
			inference.ImageBlock{Image: inference.Image{Format: "png", Bytes: []byte("png")}},
			inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{
				InputTokens: 5, OutputTokens: 6, CacheReadTokens: 100, CacheWriteTokens: 30, CacheWrite1h: 20,
			}},
		}
	default:
		t.Fatalf("no script %q", name)
	}
	return newBackend(answer)
}

// speaker is a backend that takes the bodies of one format as they are and
// answers with chunks.
type speaker struct {
	replay

	format string
	chunks []string
	fail   error
	asked  *inference.NativeRequest
	sent   []byte // last
}

func (s *speaker) Speaks(_, format string) bool { return format == s.format }

func (s *speaker) Invoke(_ context.Context, req *inference.NativeRequest, emit func([]byte, bool) error) (*inference.NativeResult, error) {
	s.asked = req
	for i, chunk := range s.chunks {
		s.sent = []byte(chunk)
		if err := emit(s.sent, i == len(s.chunks)-1 && s.fail == nil); err != nil {
			return nil, err
		}
	}
	return &inference.NativeResult{Model: "chat", Usage: inference.Usage{InputTokens: 7, OutputTokens: 9, CacheReadTokens: 3}}, s.fail
}

// replay is a backend that answers every request with the same events.
type replay []inference.Event

func (r replay) Generate(_ context.Context, _ *inference.Request, emit func(inference.Event) error) error {
	for _, ev := range r {
		if err := emit(ev); err != nil {
			return err
		}
	}
	return nil
}

func (replay) Close() error { return nil }

func newBackend(answer func(*inference.Request) (mem.Answer, error)) *mem.Backend {
	epoch := time.Unix(0, 0)
	return mem.New(mem.Params{
		Models: []inference.ModelInfo{
			{Name: "chat", ContextWindow: 4096}, {Name: "own", ContextWindow: 4096},
			{Name: "vectors", Dimensions: 4, ContextWindow: 512},
		},
		Answer: answer,
		Now:    func() time.Time { epoch = epoch.Add(time.Millisecond); return epoch },
	})
}

// rendered writes a request down, so that a test sees what arrived.
func rendered(req *inference.Request) string {
	var b strings.Builder
	write := func(who string, parts []inference.Part) {
		for _, p := range parts {
			switch p := p.(type) {
			case inference.Text:
				fmt.Fprintf(&b, "[%s] %s ", who, p.Text)
			case inference.Guarded:
				fmt.Fprintf(&b, "[%s] %s ", who, p.Text)
			case inference.CachePoint:
				fmt.Fprintf(&b, "[%s] (cache %s) ", who, p.TTL)
			default:
				fmt.Fprintf(&b, "[%s] (%T) ", who, p)
			}
		}
	}
	write("system", req.System)
	for _, m := range req.Messages {
		write(string(m.Role), m.Parts)
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
		// In lower case, so that the answer does not contain them.
		fmt.Fprintf(&b, "stop=%q ", strings.ToLower(strings.Join(req.StopSequences, ",")))
	}
	return strings.TrimSpace(b.String())
}
