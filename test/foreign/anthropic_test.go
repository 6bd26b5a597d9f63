package foreign_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/anthropic"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/outbound"
)

// speakMessages makes an adapter for the other API of the server, Anthropic's.
func (s server) speakMessages(t *testing.T) *anthropic.Backend {
	t.Helper()
	c, err := remote.New(remote.Params{Name: "llama", URL: "http://llama", Socket: s.socket, Dialer: outbound.New(outbound.Params{Offline: true})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := anthropic.New(anthropic.Params{Client: c, Name: "llama", URL: "http://llama"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestLlamaServerSpeaksMessages asks llama-server in Anthropic's format.
func TestLlamaServerSpeaksMessages(t *testing.T) {
	t.Parallel()
	s := start(t, "smollm2", "--jinja", "--ctx-size", "2048", "--parallel", "2")
	b := s.speakMessages(t)
	for _, c := range []struct {
		name string
		f    func(*testing.T, *anthropic.Backend)
	}{
		{"chat", func(t *testing.T, b *anthropic.Backend) {
			req := ask("Tell me a story about the sea.", 12)
			req.System = []inference.Part{inference.Text{Text: "You tell short stories."}}
			a := collect(t, b, req)
			if a.Text == "" || a.Reason != inference.StopMaxTokens || a.Usage.OutputTokens != 12 || input(a.Usage) < 10 {
				t.Errorf("got %+v, want 12 tokens of text", a)
			}
			req.StopSequences = []string{" "}
			// The server calls it the end of the turn.
			if got := collect(t, b, req); strings.Contains(got.Text, " ") || got.Usage.OutputTokens >= 12 {
				t.Errorf("stopped at a space: got %+v", got)
			}
		}},
		{"tokens are counted as usage tells them", func(t *testing.T, b *anthropic.Backend) {
			req := ask("Count these words.", 3)
			n, err := b.CountTokens(t.Context(), req)
			if got := input(collect(t, b, req).Usage); err != nil || n != got {
				t.Errorf("got %d, %v, usage tells %d", n, err, got)
			}
		}},
		{"a native body as it is", func(t *testing.T, b *anthropic.Backend) {
			body := []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"temperature":0,"messages":[{"role":"user","content":"Tell me a story about the sea."}]}`)
			for _, stream := range []bool{false, true} {
				lasts := 0
				result, err := b.Invoke(t.Context(), &inference.NativeRequest{Model: "smollm2", Format: messages.Dialect, Body: body, Stream: stream},
					func(chunk []byte, last bool) error {
						if last {
							lasts++
						}
						if !json.Valid(chunk) {
							t.Errorf("got the chunk %s, want JSON", chunk)
						}
						return nil
					})
				if err != nil || lasts != 1 || result.Usage.OutputTokens != 5 || result.Reason == "" {
					t.Errorf("got %+v, %v and %d last chunks with stream %v, want 5 tokens", result, err, lasts, stream)
				}
			}
		}},
		{"it is there, and described", func(t *testing.T, b *anthropic.Backend) {
			if err := b.Probe(t.Context()); err != nil {
				t.Error(err)
			}
			if info, err := b.Describe(t.Context(), "smollm2"); err != nil || info.Family != "smollm2" {
				t.Errorf("got %+v, %v", info, err)
			}
		}},
		{"what does not fit", func(t *testing.T, b *anthropic.Backend) {
			_, err := inference.Collect(t.Context(), b, ask(strings.Repeat("word ", 5000), 5))
			if !fault.Is(err, fault.Invalid) || !errors.Is(err, inference.ErrContextWindow) {
				t.Errorf("got %v, want an overflow of the context", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, b) })
	}
}
