package inference_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// shout is a whole backend: it answers with the last message in capitals, one
// word at a time. A real one talks to an engine in the place of strings.ToUpper.
type shout struct {
	now func() time.Time
}

func (s *shout) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	begin := s.now()
	if req.Model != "shout-1" {
		return fault.New(fault.NotFound, "There is no model %s.", req.Model)
	}
	words, err := lastWords(req)
	if err != nil {
		return err
	}
	if err := emit(inference.Started{Model: req.Model, InputTokens: len(words)}); err != nil {
		return err
	}
	end := inference.Finished{Reason: inference.StopEndTurn, Usage: inference.Usage{InputTokens: len(words)}}
	for i, word := range words {
		if err := ctx.Err(); err != nil {
			return err // the caller went away: stop computing
		}
		if req.MaxTokens > 0 && i == req.MaxTokens {
			end.Reason = inference.StopMaxTokens
			break
		}
		end.Usage.OutputTokens++
		if err := emit(inference.TextDelta{Text: strings.ToUpper(word) + " ", OutputTokens: end.Usage.OutputTokens}); err != nil {
			return err // the caller's error, as it is
		}
	}
	end.Elapsed = s.now().Sub(begin)
	return emit(end)
}

func (s *shout) Close() error { return nil }

// CountTokens makes shout a TokenCounter as well: an optional power.
func (s *shout) CountTokens(_ context.Context, req *inference.Request) (int, error) {
	words, err := lastWords(req)
	return len(words), err
}

func lastWords(req *inference.Request) ([]string, error) {
	if len(req.Messages) == 0 {
		return nil, fault.New(fault.Invalid, "There is no message to answer.")
	}
	var words []string
	for _, part := range req.Messages[len(req.Messages)-1].Parts {
		text, ok := part.(inference.Text)
		if !ok {
			return nil, fault.New(fault.Unsupported, "This model reads text only.")
		}
		words = append(words, strings.Fields(text.Text)...)
	}
	return words, nil
}

var (
	_ inference.Backend      = (*shout)(nil)
	_ inference.TokenCounter = (*shout)(nil)
)

// A backend is two methods, and one more for each power that it has.
func ExampleBackend() {
	var backend inference.Backend = &shout{now: time.Now}
	req := &inference.Request{
		Model:     "shout-1",
		Messages:  []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "is anybody there"}}}},
		MaxTokens: 2,
	}
	answer, err := inference.Collect(context.Background(), backend, req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.TrimSpace(answer.Text), answer.Reason, answer.Usage.InputTokens, answer.Usage.OutputTokens)
	// Output: IS ANYBODY max_tokens 3 2
}
