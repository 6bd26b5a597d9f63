package mem_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/mem"
)

func TestContract(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		models := []inference.ModelInfo{
			{Name: mem.TextModel, Family: "mem", ContextWindow: 4096}, {Name: mem.EmbeddingModel, Family: "mem", ContextWindow: 512, Dimensions: 384}, {Name: "mem-rerank"},
		}
		b := mem.New(mem.Params{Models: models, Reranker: "mem-rerank", Answer: mem.Able(strings.Repeat("Once upon a time the sea was wide. ", 50))})
		t.Cleanup(func() { _ = b.Close() })
		return backendtest.Subject{
			Backend: b, Model: mem.TextModel, Embedding: mem.EmbeddingModel, Reranker: "mem-rerank", Long: "Tell me a story.",
			Tools: true, Output: true, Reasoning: true, Unreadable: []inference.Part{inference.Image{Format: "png", Bytes: []byte{1}}},
		}
	})
}

func ask(text string) *inference.Request {
	return &inference.Request{Model: mem.TextModel, Messages: []inference.Message{
		{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}},
	}}
}

func TestEchoAnswersTheLastText(t *testing.T) {
	t.Parallel()
	a, err := inference.Collect(t.Context(), mem.New(mem.Params{}), ask("hello wide world"))
	if err != nil || a.Text != "hello wide world" || a.Usage.OutputTokens != 3 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestBeforeStepsAndBreaksTheAnswer(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Upstream, "broken")
	var steps []int
	b := mem.New(mem.Params{Answer: func(*inference.Request) (mem.Answer, error) {
		return mem.Answer{Tokens: []string{"a", "b", "c"}, Before: func(_ context.Context, step int) error {
			steps = append(steps, step)
			if step == 3 {
				return broken
			}
			return nil
		}}, nil
	}})
	var events []inference.Event
	err := b.Generate(t.Context(), ask("x"), func(ev inference.Event) error {
		events = append(events, ev)
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	want := []inference.Event{
		inference.Started{Model: mem.TextModel, InputTokens: 2},
		inference.TextDelta{Text: "a", OutputTokens: 1},
		inference.TextDelta{Text: "b", OutputTokens: 2},
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestTokensJoinToTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", " a  b\n", "größer als\tje"} {
		if got := strings.Join(mem.Tokens(text), ""); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}
