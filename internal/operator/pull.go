package operator

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/progress"
)

const (
	// mostPulls is how many run at the same time, and keepPulls how many that are
	// over are remembered.
	mostPulls = 3
	keepPulls = 50
	// rateWindow is the time that the speed of a download is taken over.
	rateWindow = 5 * time.Second
)

// Pull is a download of a model. What has arrived of one that failed or was
// cancelled is kept: the same source, pulled again, goes on from there.
type Pull struct {
	ID         string       `json:"id"`
	Source     string       `json:"source"`
	Name       string       `json:"name"`  // of the model; empty while it is not known
	State      string       `json:"state"` // "running", "done", "failed" or "cancelled"
	Bytes      int64        `json:"bytes"` // that have arrived
	TotalBytes int64        `json:"totalBytes"`
	Rate       int64        `json:"bytesPerSecond"`
	Step       string       `json:"step"` // what is being done, in words
	Note       string       `json:"note"` // the last thing that was worth telling
	StartedAt  time.Time    `json:"startedAt"`
	EndedAt    *time.Time   `json:"endedAt"`
	Error      *ErrorAnswer `json:"error"` // null: none
}

const stateFailed, stateCancelled = "failed", "cancelled"

// Pulling is a download that reports how far it is. It is a progress.Sink.
type Pulling struct {
	now    func() time.Time
	cancel context.CancelFunc
	source string

	mu      sync.Mutex
	pull    Pull
	before  int64 // bytes of the pieces that are over
	samples []sample
}

type sample struct {
	at    time.Time
	bytes int64
}

var _ progress.Sink = (*Pulling)(nil)

// Begin implements progress.Sink.
func (p *Pulling) Begin(title string, total int64) progress.Bar {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pull.Step, p.samples = title, nil
	b := &pullBar{p: p}
	b.grow(total)
	return b
}

// Note implements progress.Sink.
func (p *Pulling) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pull.Note = text
}

// pullBar is one piece of a download.
type pullBar struct {
	p           *Pulling
	total, done int64
}

// grow sets the size of the piece. The lock is held.
func (b *pullBar) grow(total int64) {
	b.p.pull.TotalBytes += max(0, total) - b.total
	b.total = max(0, total)
}

// Total implements progress.Bar.
func (b *pullBar) Total(bytes int64) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.grow(bytes)
}

// Set implements progress.Bar.
func (b *pullBar) Set(done int64) {
	p := b.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if done < b.done {
		p.samples = nil // it begins again
	}
	b.done = done
	p.pull.Bytes = p.before + done
	now := p.now()
	if n := len(p.samples); n > 0 && now.Sub(p.samples[n-1].at) < rateWindow/20 {
		return
	}
	p.samples = append(p.samples, sample{now, p.pull.Bytes})
	for len(p.samples) > 2 && now.Sub(p.samples[0].at) > rateWindow {
		p.samples = p.samples[1:]
	}
}

// End implements progress.Bar.
func (b *pullBar) End(err error) {
	p := b.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		b.done = max(b.done, b.total)
		b.grow(b.done)
	}
	p.before += b.done
	p.pull.Bytes, p.samples = p.before, nil
}

// state is how far it is.
func (p *Pulling) state() Pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.pull
	if n := len(p.samples); n > 1 && out.State == stateRunning {
		first, last := p.samples[0], p.samples[n-1]
		if took := p.now().Sub(first.at); took > 0 {
			out.Rate = int64(float64(last.bytes-first.bytes) / took.Seconds())
		}
	}
	return out
}

// pulls are the downloads of a server.
type pulls struct {
	a     *API
	group sync.WaitGroup

	mu  sync.Mutex
	all []*Pulling // in the order in which they were asked for
}

func newPulls(a *API) *pulls { return &pulls{a: a} }

// wait waits for those that End has stopped.
func (ps *pulls) wait() { ps.group.Wait() }

// list tells of all, the newest first.
func (ps *pulls) list() []Pull {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	out := []Pull{}
	for _, p := range slices.Backward(ps.all) {
		out = append(out, p.state())
	}
	return out
}

// running finds the pull that is getting a model; empty: none is.
func (ps *pulls) running(name string) string {
	for _, p := range ps.list() {
		if p.State == stateRunning && p.Name == name {
			return p.ID
		}
	}
	return ""
}

// forget takes those of a source that are over out of the list.
func (ps *pulls) forget(source string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all = slices.DeleteFunc(ps.all, func(p *Pulling) bool { return p.source == source && p.state().State != stateRunning })
}

func (ps *pulls) find(id string) (*Pulling, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.all {
		if p.state().ID == id {
			return p, nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no pull %.100s.", id)
}

// PullRequest asks for a model.
type PullRequest struct {
	Source string `json:"source"`
	Name   string `json:"name"` // local name; empty: made of the source
}

// pullModel answers POST /outcrop/local-models/pulls.
func (a *API) pullModel(q *request) (any, error) {
	var in PullRequest
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Source == "" || len(in.Source) > 2048 {
		return nil, fault.New(fault.Invalid, "The member source is needed, such as %s.", sources()[0].Example)
	}
	q.call.Resource = a.arn(q, "pull/"+shown(in.Source))
	return a.pulls.start(in)
}

// shown is a source without secrets: addresses may have a password and a query.
func shown(source string) string {
	if strings.Contains(source, "://") {
		return fetch.Redact(source)
	}
	return source
}

// start begins a pull. One of the same source that runs is answered instead.
func (ps *pulls) start(in PullRequest) (any, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	running := 0
	for _, p := range ps.all {
		if s := p.state(); s.State == stateRunning {
			running++
			if p.source == in.Source {
				return s, nil
			}
		}
	}
	if running >= mostPulls {
		return nil, fault.New(fault.Throttled, "There are %d pulls already. Wait for one of them, or cancel it.", running)
	}
	ctx, cancel := context.WithCancel(ps.a.over)
	p := &Pulling{now: ps.a.p.Now, cancel: cancel, source: in.Source, pull: Pull{
		ID: ps.a.p.NewID(), Source: shown(in.Source), Name: in.Name, State: stateRunning, Step: "asking what there is", StartedAt: ps.a.p.Now().UTC(),
	}}
	ps.all = append(ps.all, p)
	for i := 0; len(ps.all) > keepPulls && i < len(ps.all); {
		if ps.all[i].state().State == stateRunning {
			i++
			continue
		}
		ps.all = slices.Delete(ps.all, i, i+1)
	}
	ps.group.Go(func() {
		defer cancel()
		ps.run(ctx, p, in)
	})
	return p.state(), nil
}

func (ps *pulls) run(ctx context.Context, p *Pulling, in PullRequest) {
	lib := ps.a.p.Local.Library()
	name, err := in.Source, ps.a.p.Local.Fetch(ctx, in.Source, p)
	if fault.Is(err, fault.NotFound) {
		lib = lib.With(lib.Client().WithProgress(p))
		var m *library.Model
		if m, err = lib.Pull(ctx, in.Source, library.Options{Name: in.Name, Remote: true}); err == nil {
			name = m.Name
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ended := ps.a.p.Now().UTC()
	p.pull.EndedAt = &ended
	switch {
	case err == nil:
		p.pull.State, p.pull.Name, p.pull.Step = stateDone, name, ""
		ps.a.p.Logger.Info("a model was pulled", "model", name, "source", shown(in.Source))
	case ctx.Err() != nil:
		p.pull.State = stateCancelled
	default:
		f := fault.As(err)
		p.pull.State, p.pull.Error = stateFailed, &ErrorAnswer{Code: code(f), Message: f.Message, RequestID: p.pull.ID}
		ps.a.p.Logger.Warn("a model could not be pulled", "pull", p.pull.ID, "cause", err.Error())
	}
}

// Pulls are the downloads, the newest first.
type Pulls struct {
	Pulls []Pull `json:"pulls"`
}

// listPulls answers GET /outcrop/local-models/pulls.
func (a *API) listPulls(*request) (any, error) { return Pulls{Pulls: a.pulls.list()}, nil }

// getPull answers GET /outcrop/local-models/pulls/{id}.
func (a *API) getPull(q *request) (any, error) {
	p, err := a.pulls.find(q.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return p.state(), nil
}

// cancelPull answers DELETE /outcrop/local-models/pulls/{id}: one that runs ends,
// and what has arrived is kept. One that is over is forgotten, with those of the
// same source that were over before it.
func (a *API) cancelPull(q *request) (any, error) {
	p, err := a.pulls.find(q.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if p.state().State == stateRunning {
		p.cancel()
	} else {
		a.pulls.forget(p.source)
	}
	return p.state(), nil
}
