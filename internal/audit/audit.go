// Package audit is the trail of who called what and what became of it, in the
// form of AWS CloudTrail's records: for every call that manages something, also
// for those that were refused, and for calls that use models, knowledge bases and
// objects when that is asked for.
//
// It never holds what is secret: no passwords, keys and session tokens, no
// prompts, answers and documents. Those who want prompts have package
// invocationlog. It is an observe.Observer and refuses nothing; what cannot be
// written is counted and in the server's log.
package audit

import (
	"encoding/json"
	"log/slog"
	"path"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/logfile"
	"github.com/outcrop/outcrop/internal/observe"
)

// Params are the parts of a Trail. One of Files and Delivery may be nil.
type Params struct {
	Files *logfile.File
	// Delivery brings events into Bucket, below Prefix.
	Delivery       *delivery.Delivery
	Bucket, Prefix string
	Data           []Data // which calls are recorded beside those that manage something
	Region         string // of calls that name none
	Logger         *slog.Logger
	NewID          func() string // UUIDs
}

// Trail is safe for concurrent use.
type Trail struct {
	p    Params
	data map[Data]bool

	strangers                strangers
	written, failed, leftOut atomic.Int64
}

// New returns a Trail.
func New(p Params) *Trail {
	t := &Trail{p: p, data: map[Data]bool{"": true}}
	for _, d := range p.Data {
		t.data[d] = true
	}
	return t
}

var _ observe.Observer = (*Trail)(nil)

// Stats are what became of the events so far.
type Stats struct {
	Written int64 // are in a file, or on their way into the bucket
	Failed  int64 // could not be written
	LeftOut int64 // were of callers whom nobody knows, and too many
	// Delivery is what became of those for the bucket.
	Delivery delivery.Stats
}

// Stats returns the counts so far.
func (t *Trail) Stats() Stats {
	s := Stats{Written: t.written.Load(), Failed: t.failed.Load(), LeftOut: t.leftOut.Load()}
	if t.p.Delivery != nil {
		s.Delivery = t.p.Delivery.Stats()
	}
	return s
}

// Begin implements observe.Observer.
func (t *Trail) Begin(v *observe.View) observe.Watch {
	if v.Op == nil {
		return &watch{trail: t} // what it is shows later
	}
	k := kindOf(v)
	if !t.data[k.data] {
		return nil
	}
	return &watch{trail: t, kind: k}
}

// watch follows one exchange.
type watch struct {
	trail *Trail
	kind  kind
	done  bool
}

// Settled implements observe.Watch.
func (w *watch) Settled(*observe.View) {}

// Answer implements observe.Watch: the event is written before the caller learns
// what became of the call.
func (w *watch) Answer(v *observe.View, _ []byte) {
	if v.Op != nil {
		w.write(v)
	}
}

// Event implements observe.Watch.
func (w *watch) Event(*observe.View, string, []byte) {}

// End implements observe.Watch.
func (w *watch) End(v *observe.View) {
	if v.Op == nil {
		if v.Call.Operation == "" {
			return // nothing that the service knows
		}
		if w.kind = kindOf(v); !w.trail.data[w.kind.data] {
			return
		}
	}
	w.write(v)
}

func (w *watch) write(v *observe.View) {
	if w.done {
		return
	}
	w.done = true
	if v.Call.Principal.ARN == "" && !w.trail.strangers.admit(v.Call.Start) {
		w.trail.leftOut.Add(1)
		return
	}
	w.trail.write(w.trail.event(v, w.kind))
}

func (t *Trail) write(e *Event) {
	line, err := json.Marshal(e)
	if err == nil && t.p.Files != nil {
		err = t.p.Files.Write(line)
	}
	if err != nil {
		t.failed.Add(1)
		t.p.Logger.Error("an event of the audit trail cannot be written", slog.String("event", e.EventName), slog.String("request_id", e.RequestID), slog.String("cause", err.Error()))
	}
	if t.p.Delivery != nil && line != nil {
		// One that is refused is counted and logged there.
		t.p.Delivery.Add(delivery.Destination{Bucket: t.p.Bucket, Prefix: t.p.Prefix, Account: e.RecipientAccountID, Region: e.Region}, line)
	}
	if err == nil {
		t.written.Add(1)
	}
}

// Name is the delivery.Params.Name of events: CloudTrail's. unique makes 16
// letters or digits.
func Name(unique func() string) func(delivery.Destination, time.Time) string {
	return func(d delivery.Destination, at time.Time) string {
		at = at.UTC()
		return path.Join(d.Prefix, "AWSLogs", d.Account, "CloudTrail", d.Region, at.Format("2006/01/02"),
			d.Account+"_CloudTrail_"+d.Region+"_"+at.Format("20060102T1504Z")+"_"+unique()+".json.gz")
	}
}

// Join is the delivery.Params.Join of events.
func Join(events [][]byte) []byte {
	text := []byte(`{"Records":[`)
	for i, e := range events {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, e...)
	}
	return append(text, "]}"...)
}
