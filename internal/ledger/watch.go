package ledger

import (
	"net/http"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/price"
)

var _ observe.Observer = (*Ledger)(nil)

// Begin implements observe.Observer.
func (l *Ledger) Begin(*observe.View) observe.Watch {
	l.calls.Add(1)
	return &watch{ledger: l}
}

// watch writes the record of one call: for a stream when what it used is final
// and when it is over, for a whole answer before that is sent. Nothing is
// written twice that has not changed.
type watch struct {
	ledger *Ledger
	// What was written last.
	version int
	usage   call.Usage
	status  int
	outcome string
	cost    price.Amount
}

// Settled implements observe.Watch. A whole answer is written by Answer: until
// then its client knows of no tokens.
func (w *watch) Settled(v *observe.View) {
	if v.Op == nil || v.Op.OutputStream != nil {
		w.write(v, 0, "")
	}
}

// Answer implements observe.Watch.
func (w *watch) Answer(v *observe.View, _ []byte) { w.write(v, v.Status, outcome(v)) }

// Event implements observe.Watch.
func (w *watch) Event(*observe.View, string, []byte) {}

// End implements observe.Watch.
func (w *watch) End(v *observe.View) {
	w.write(v, v.Status, outcome(v))
	w.ledger.calls.Add(-1)
}

func outcome(v *observe.View) string {
	switch {
	case v.Code != "":
		return v.Code
	case v.Status >= http.StatusBadRequest:
		return http.StatusText(v.Status)
	}
	return OK
}

// modelLabel is the label of the path of operations that use a model.
const modelLabel = "modelId"

func (w *watch) write(v *observe.View, status int, outcome string) {
	c := v.Call
	usage := c.Usage()
	if usage.Model == "" {
		usage.Model = v.Labels[modelLabel]
	}
	// Who is not known is refused, and pays for nothing.
	if usage.Model == "" || c.Principal.Type == "" {
		return
	}
	if w.version > 0 && usage == w.usage && status == w.status && outcome == w.outcome {
		return
	}
	l := w.ledger
	r := &Record{
		ID: c.RequestID, Version: w.version + 1, Time: c.Start, Account: c.Account, Region: c.Region,
		Service: c.Service, Operation: c.Operation,
		Principal: c.Principal.ARN, Name: Name(c.Principal), AccessKeyID: c.Principal.AccessKeyID,
		Model: usage.Model, ModelID: usage.ModelID, Resource: usage.Resource, ServedBy: usage.ServedBy, Backend: usage.Backend, StandIn: usage.StandIn,
		Input: int64(usage.InputTokens), Output: int64(usage.OutputTokens),
		CacheRead: int64(usage.CacheRead), CacheWrite: int64(usage.CacheWrite), Queries: int64(usage.Queries),
		Latency: l.p.Now().Sub(c.Start), FirstToken: usage.FirstToken, Status: status, Outcome: outcome,
	}
	r.Cost, r.Priced = l.p.Prices.Of(price.Use{
		Model: usage.Model, ModelID: usage.ModelID, Resource: usage.Resource, ServedBy: usage.ServedBy,
		Input: usage.InputTokens, Output: usage.OutputTokens, CacheRead: usage.CacheRead, CacheWrite: usage.CacheWrite, Queries: usage.Queries,
	})
	if l.p.Tags != nil {
		r.Tags = l.p.Tags(c.Principal)
	} else if c.Principal.Session != nil {
		r.Tags = c.Principal.Session.Tags
	}
	if l.p.Metadata != nil && v.Input != nil {
		r.Metadata = l.p.Metadata(v.Input)
	}
	total := r.Cost.Total()
	l.record(r, total-w.cost)
	w.version, w.usage, w.status, w.outcome, w.cost = r.Version, usage, status, outcome, total
}

// Name says who calls in the words of budgets and reports.
func Name(p iam.Principal) string {
	switch p.Type {
	case iam.Root:
		return "root"
	case iam.User:
		return "user/" + p.Name
	case iam.AssumedRole:
		return "role/" + p.Name
	case iam.Anonymous:
	}
	return "anonymous"
}
