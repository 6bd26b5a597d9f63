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
