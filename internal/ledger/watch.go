package ledger

import (
	"maps"
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
	if v.Op == nil || v.Stream {
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

// modelLabel is the label of the path of operations that use a model, and
// runtime the service that they belong to: the same label of bedrock's operations
// names a model that somebody asks about.
const (
	modelLabel = "modelId"
	runtime    = "bedrock-runtime"
)

func (w *watch) write(v *observe.View, status int, outcome string) {
	c := v.Call
	usage := c.Usage()
	if usage.Model == "" && c.Service == runtime {
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
	r := l.of(c, usage)
	r.ID, r.Version = c.RequestID, w.version+1
	r.Latency, r.Status, r.Outcome = l.p.Now().Sub(c.Start), status, outcome
	if l.p.Metadata != nil && v.Input != nil {
		r.Metadata = l.p.Metadata(v.Input)
	}
	total := r.Cost.Total()
	l.record(r, total-w.cost)
	w.version, w.usage, w.status, w.outcome, w.cost = r.Version, usage, status, outcome, total
}

// Beside writes a record of a model that has answered for a call beside the one
// that the call's own record is about, as the ranker of a retrieval. id is
// unique. The client has not been told yet.
func (l *Ledger) Beside(c *call.Call, id string, u call.Usage) { l.Again(c, id, 1, u) }

// Again is Beside for what may be done more than once, also by other servers: a
// record replaces those of earlier versions with the same id, and one of a
// version that is there is none. Meters count both until the next flush.
func (l *Ledger) Again(c *call.Call, id string, version int, u call.Usage) {
	r := l.of(c, u)
	r.ID, r.Version, r.Latency, r.Outcome = id, version, u.Elapsed, OK
	l.record(r, r.Cost.Total())
}

// of begins a record of a call with what a model was used for.
func (l *Ledger) of(c *call.Call, u call.Usage) *Record {
	r := l.priced(u)
	r.Time, r.Account, r.Region, r.Service, r.Operation = c.Start, c.Account, c.Region, c.Service, c.Operation
	r.Principal, r.Name, r.AccessKeyID = c.Principal.ARN, Name(c.Principal), c.Principal.AccessKeyID
	if l.p.Tags != nil {
		r.Tags = l.p.Tags(c.Principal)
	} else if c.Principal.Session != nil {
		r.Tags = c.Principal.Session.Tags
	}
	if l.p.ResourceTags != nil {
		r.Tags = over(l.p.ResourceTags(u.Resource), r.Tags)
	}
	return r
}

// over puts the tags of a principal over those of what it used: nobody leaves a
// budget by the choice of a resource.
func over(resource, principal map[string]string) map[string]string {
	if len(resource) == 0 {
		return principal
	}
	all := maps.Clone(resource)
	maps.Copy(all, principal)
	return all
}

// priced begins a record with what was used, and what that costs.
func (l *Ledger) priced(u call.Usage) *Record {
	r := &Record{
		Model: u.Model, ModelID: u.ModelID, Resource: u.Resource, ServedBy: u.ServedBy, Backend: u.Backend, StandIn: u.StandIn,
		Input: int64(u.InputTokens), Output: int64(u.OutputTokens),
		CacheRead: int64(u.CacheRead), CacheWrite: int64(u.CacheWrite), Queries: int64(u.Queries), FirstToken: u.FirstToken,
	}
	r.Cost, r.Priced = l.p.Prices.Of(price.Use{
		Model: u.Model, ModelID: u.ModelID, Resource: u.Resource, ServedBy: u.ServedBy,
		Input: u.InputTokens, Output: u.OutputTokens, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite, Queries: u.Queries,
	})
	if r.Input+r.Output+r.CacheRead+r.CacheWrite+r.Queries == 0 {
		r.Priced = true // nothing was used: no price is missing
	}
	return r
}

// Work is what the server used of its own accord, as for the documents of a
// knowledge base. It has no request.
type Work struct {
	ID                 string // unique
	Account, Region    string
	Service, Operation string // of the request that it is done for
	Usage              call.Usage
}

// Server is the name in the bill of work that nobody waited for.
const Server = "server"

// Record writes a record of work that is done.
func (l *Ledger) Record(w Work) {
	r := l.priced(w.Usage)
	r.ID, r.Version, r.Time, r.Account, r.Region = w.ID, 1, l.p.Now(), w.Account, w.Region
	r.Service, r.Operation, r.Name = w.Service, w.Operation, Server
	r.Latency, r.Outcome = w.Usage.Elapsed, OK
	l.record(r, r.Cost.Total())
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
