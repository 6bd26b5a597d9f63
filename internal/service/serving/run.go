package serving

import (
	"context"
	"errors"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
)

// Limits are the settings of a run.
type Limits struct {
	Now func() time.Time
	// Timeout bounds the time of one answer.
	Timeout time.Duration
	// NewID makes IDs of calls where a server's cannot be used; random when nil.
	NewID func(prefix string, length int) string
	// AnthropicIDs: clients may send back IDs of calls with the letters that
	// Anthropic's API takes, which are fewer than Bedrock's.
	AnthropicIDs bool
}

func (l *Limits) newID(prefix string, length int) string {
	if l.NewID == nil {
		return NewID(prefix, length)
	}
	return l.NewID(prefix, length)
}

// marks are what IDs of calls may have beside letters and digits.
func (l *Limits) marks() string {
	if l.AnthropicIDs {
		return "_-"
	}
	return "_-.:"
}

// Run is the generation of one call: a Backend around the router that measures,
// keeps the usage record and ends an answer that takes too long. A call whose
// answer takes several generations uses it for all of them, one after the other:
// what they used adds up.
type Run struct {
	backend inference.Backend
	target  *router.Target
	limits  Limits
	start   time.Time // of the operation

	// FirstByte is the time from the start of the operation to the first piece of
	// the answer, be it text, reasoning or a tool; 0 until then.
	FirstByte time.Duration
	Usage     inference.Usage

	spent time.Duration // by generations that are over
}

// NewRun begins the run of a call.
func NewRun(b inference.Backend, t *router.Target, l Limits) *Run {
	return &Run{backend: b, target: t, limits: l, start: l.Now()}
}

// errModelTimeout is the cause of a context that ended because the answer took
// too long, to tell it from a caller's own deadline.
var errModelTimeout = errors.New("the model's time is up")

// WithTimeout bounds the time of a model; see TimedOut.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, errModelTimeout)
}

// TimedOut turns the error of what took longer than WithTimeout allows into the
// service's own; any other error stays.
func TimedOut(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errModelTimeout) {
		return fault.Wrap(fault.Timeout, err, "Model has timed out in processing the request. Try your request again.")
	}
	return err
}

// Generate implements inference.Backend. What was made is recorded whatever
// happens: a client that hangs up has used what was computed for it.
func (r *Run) Generate(ctx context.Context, req *inference.Request, emit func(inference.Event) error) error {
	g := r.begin(ctx)
	defer g.end()
	timed, cancel := WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	sub := *req
	sub.Model = r.target.Name()
	calls := toolCalls{req: req, limits: &r.limits}
	begun, said := false, 0
	err := r.backend.Generate(timed, &sub, func(event inference.Event) error {
		said += written(event)
		switch ev := event.(type) {
		case inference.Started:
			begun = true
			r.Usage.InputTokens = g.before.InputTokens + ev.InputTokens
		case inference.Finished:
			ev.Reason = calls.reason(ev.Reason)
			event = ev
			g.settle(ev.Usage, ev.Elapsed) // before the client is told
		default:
			if n := made(ev); n > 0 {
				r.Usage.OutputTokens = g.before.OutputTokens + n
			}
			r.piece()
			switch ev := ev.(type) {
			case inference.ToolStart:
				event = calls.start(ev)
			case inference.ToolDelta:
				calls.piece(ev)
			case inference.ToolOutput:
				event = calls.output(ev)
			}
		}
		return emit(event)
	})
	if err != nil && begun && !g.settled {
		r.Usage = sum(g.before, unfinished(req, minus(r.Usage, g.before), said))
	}
	return TimedOut(timed, err)
}

// unfinished is what an answer has used that was begun and not finished: what the
// backend has told, and an estimate for what many tell at the end alone. Who hangs
// up before that would have it for free.
func unfinished(req *inference.Request, told inference.Usage, said int) inference.Usage {
	if told.InputTokens == 0 {
		told.InputTokens = inputTokens(req)
	}
	if told.OutputTokens == 0 && said > 0 {
		told.OutputTokens = estimate(said)
	}
	return told
}

// written is how many bytes of an answer an event has.
func written(event inference.Event) int {
	switch ev := event.(type) {
	case inference.TextDelta:
		return len(ev.Text)
	case inference.ReasoningDelta:
		return len(ev.Text)
	case inference.ToolDelta:
		return len(ev.JSON)
	}
	return 0
}

// minus is what was used since before; only Generate's own counts move there.
func minus(a, before inference.Usage) inference.Usage {
	return inference.Usage{InputTokens: a.InputTokens - before.InputTokens, OutputTokens: a.OutputTokens - before.OutputTokens}
}

// Invoke is Generate for a native body that the backend reads as it is. i is the
// backend of the run. The usage is settled when Invoke returns: whoever tells the
// client of it keeps the last chunk until then.
func (r *Run) Invoke(ctx context.Context, i inference.Invoker, req *inference.NativeRequest, emit func(chunk []byte, last bool) error) (*inference.NativeResult, error) {
	g := r.begin(ctx)
	defer g.end()
	timed, cancel := WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	sub := *req
	sub.Model = r.target.Name()
	chunks := 0
	result, err := i.Invoke(timed, &sub, func(chunk []byte, last bool) error {
		chunks++
		r.piece()
		return emit(chunk, last)
	})
	if err != nil {
		r.Usage = sum(g.before, partly(result, req.Body, chunks))
		return nil, TimedOut(timed, err)
	}
	g.settle(result.Usage, result.Elapsed)
	return result, nil
}

// piece notes when the first piece of the answer came.
func (r *Run) piece() {
	if r.FirstByte == 0 {
		r.FirstByte = max(r.Elapsed(), time.Nanosecond)
	}
}

// generation is one of those of a run.
type generation struct {
	run     *Run
	call    *call.Call
	before  inference.Usage
	settled bool
}

func (r *Run) begin(ctx context.Context) *generation {
	return &generation{run: r, call: call.From(ctx), before: r.Usage}
}

func (g *generation) note(u *call.Usage) {
	r := g.run
	u.InputTokens, u.OutputTokens, u.Elapsed = r.Usage.InputTokens, r.Usage.OutputTokens, r.spent
	u.CacheRead, u.CacheWrite = r.Usage.CacheReadTokens, r.Usage.CacheWriteTokens
	if r.FirstByte > 0 && !g.call.Start.IsZero() {
		u.FirstToken = r.start.Add(r.FirstByte).Sub(g.call.Start)
	} else {
		u.FirstToken = r.FirstByte
	}
}

// settle writes down what is final.
func (g *generation) settle(u inference.Usage, elapsed time.Duration) {
	r := g.run
	r.Usage = sum(g.before, u)
	if elapsed == 0 {
		elapsed = r.Elapsed() - r.spent
	}
	r.spent += elapsed
	g.settled = true
	g.call.Settle(g.note)
}

// end records what was made of an answer that was not finished.
func (g *generation) end() {
	if g.settled {
		return
	}
	g.run.spent = g.run.Elapsed()
	g.call.RecordUsage(g.note)
}

func sum(a, b inference.Usage) inference.Usage {
	return inference.Usage{
		InputTokens: a.InputTokens + b.InputTokens, OutputTokens: a.OutputTokens + b.OutputTokens,
		CacheReadTokens: a.CacheReadTokens + b.CacheReadTokens, CacheWriteTokens: a.CacheWriteTokens + b.CacheWriteTokens,
		CacheWrite1h: a.CacheWrite1h + b.CacheWrite1h, ReasoningTokens: a.ReasoningTokens + b.ReasoningTokens,
	}
}

// Close implements inference.Backend; the router stays open.
func (r *Run) Close() error { return nil }

// Elapsed is the time since the operation began.
func (r *Run) Elapsed() time.Duration { return r.limits.Now().Sub(r.start) }
