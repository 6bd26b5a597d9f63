package inference

import (
	"context"
	"strings"
	"time"
)

// Answer is a whole answer: what the events of one Generate add up to.
type Answer struct {
	Model        string
	Text         string
	Reason       StopReason
	StopSequence string
	Usage        Usage
	Elapsed      time.Duration // the backend's own time
}

// Collect runs Generate and adds its events up, so that the whole answer and
// the streamed one come from the same path.
func Collect(ctx context.Context, b Backend, req *Request) (*Answer, error) {
	var a Answer
	var text strings.Builder
	err := b.Generate(ctx, req, func(ev Event) error {
		switch ev := ev.(type) {
		case Started:
			a.Model = ev.Model
		case TextDelta:
			text.WriteString(ev.Text)
		case Finished:
			a.Reason, a.StopSequence = ev.Reason, ev.StopSequence
			a.Usage, a.Elapsed = ev.Usage, ev.Elapsed
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Text = text.String()
	return &a, nil
}
