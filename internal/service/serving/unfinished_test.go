package serving_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/serving"
)

// Who hangs up pays for what was begun, also where a server tells at the end alone
// what it took.
func TestUnfinishedAnswersAreBilled(t *testing.T) {
	t.Parallel()
	words, gone := strings.Repeat("x", 40), errors.New("the client is gone")
	for name, tt := range map[string]struct {
		events []inference.Event
		want   inference.Usage
	}{
		"told nothing":    {[]inference.Event{inference.Started{}, inference.TextDelta{Text: words}}, inference.Usage{InputTokens: 26, OutputTokens: 11}},
		"only the input":  {[]inference.Event{inference.Started{InputTokens: 7}, inference.ReasoningDelta{Text: words}}, inference.Usage{InputTokens: 7, OutputTokens: 11}},
		"all":             {[]inference.Event{inference.Started{InputTokens: 7}, inference.TextDelta{Text: words, OutputTokens: 3}}, inference.Usage{InputTokens: 7, OutputTokens: 3}},
		"began, no words": {[]inference.Event{inference.Started{}}, inference.Usage{InputTokens: 26}},
		"never began":     {nil, inference.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := serving.NewRun(caller(tt.events), &router.Target{Entry: &catalog.Model{}}, serving.Limits{Now: time.Now, Timeout: time.Minute})
			c := &call.Call{}
			left := len(tt.events)
			err := run.Generate(call.With(t.Context(), c), &inference.Request{
				System: text(strings.Repeat("s", 40)), Messages: []inference.Message{{Parts: text(strings.Repeat("m", 60))}},
			}, func(ev inference.Event) error {
				if left--; left <= 0 {
					return gone
				}
				return nil
			})
			if tt.events != nil && !errors.Is(err, gone) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, run.Usage); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if u := c.Usage(); u.InputTokens != tt.want.InputTokens || u.OutputTokens != tt.want.OutputTokens {
				t.Errorf("in the call: got %+v", u)
			}
		})
	}
}

// A server that counts nothing at all is not for free.
func TestAnswersThatNobodyCounted(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("w", 40)
	for name, tt := range map[string]struct {
		events        []inference.Event
		input, output int
	}{
		"nothing":        {[]inference.Event{inference.Started{}, inference.TextDelta{Text: words}, inference.Finished{}}, 16, 11},
		"at the start":   {[]inference.Event{inference.Started{InputTokens: 7}, inference.TextDelta{Text: words}, inference.Finished{}}, 7, 11},
		"only the input": {[]inference.Event{inference.Started{}, inference.TextDelta{Text: words}, inference.Finished{Usage: inference.Usage{InputTokens: 5}}}, 5, 0},
		"no answer":      {[]inference.Event{inference.Started{}, inference.Finished{}}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gate{}
			m, ctx, c := begin(t, &fake{generate: func(emit func(inference.Event) error) error {
				for _, ev := range tt.events {
					if err := emit(ev); err != nil {
						return err
					}
				}
				return nil
			}}, g)
			resolve(ctx, t, m, "a")
			answer, err := inference.Collect(ctx, m, &inference.Request{Model: "mem/a", Messages: []inference.Message{{Parts: text(strings.Repeat("m", 60))}}})
			if err != nil || answer.Usage.InputTokens != tt.input || answer.Usage.OutputTokens != tt.output {
				t.Errorf("told %+v, %v, want %d and %d", answer, err, tt.input, tt.output)
			}
			c.End()
			if n := len(g.reserved); n == 0 || g.reserved[n-1] != [2]int{tt.input, tt.output} {
				t.Errorf("settled %v, want %d and %d", g.reserved, tt.input, tt.output)
			}
		})
	}
}
