package operator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
)

// RequestSummary is one request to a service.
type RequestSummary struct {
	ID           string    `json:"id"`
	Time         time.Time `json:"time"`
	State        string    `json:"state"` // "running", "done", or "interrupted" where a server ended before it knew what became of it
	Service      string    `json:"service"`
	Operation    string    `json:"operation"`
	Region       string    `json:"region"`
	Principal    string    `json:"principal"` // ARN
	AccessKeyID  string    `json:"accessKeyId"`
	SourceIP     string    `json:"sourceIp"`  // empty: not known any more
	UserAgent    string    `json:"userAgent"` // empty: not known any more
	Model        string    `json:"model"`     // the identifier that was asked for; empty for operations without a model
	ModelID      string    `json:"modelId"`   // base model ID
	ServedBy     string    `json:"servedBy"`
	Backend      string    `json:"backend"`
	StandIn      bool      `json:"standIn"`
	Status       int       `json:"status"`  // HTTP; 0: not known yet
	Code         string    `json:"code"`    // of the error; empty on success
	Message      string    `json:"message"` // that the client was told of the error; empty: not known any more
	LatencyMs    float64   `json:"latencyMs"`
	FirstTokenMs float64   `json:"firstTokenMs"` // 0: there was none
	Tokens       Tokens    `json:"tokens"`
	CostUSD      string    `json:"costUsd"`
	Priced       bool      `json:"priced"` // a price was known, or nothing was used
}

// The states of a request.
const (
	stateRunning     = "running"
	stateDone        = "done"
	stateInterrupted = "interrupted"
)

// Callers: those who were recognized, and everybody else.
const (
	callerKnown   = "known"
	callerUnknown = "unknown"
)

// Requests is a page of requests.
type Requests struct {
	Requests []RequestSummary `json:"requests"`
	// Next is the parameter nextToken for the next page; empty: there is none.
	Next string `json:"nextToken"`
	// Since says that calls without a model are only known since then: the last ones
	// are kept in memory. Of those in which nobody was recognized there are fewer.
	Since time.Time `json:"othersSince"`
}

// RequestDetail is everything that is known of a request.
type RequestDetail struct {
	RequestSummary

	Resource string            `json:"resource"` // ARN of what it worked on
	Steps    []Step            `json:"steps"`    // its way, in order
	Costs    Costs             `json:"costs"`
	Tags     map[string]string `json:"tags"`     // cost tags
	Metadata map[string]string `json:"metadata"` // what the request said about itself
	// Remembered: the whole way is known. Of older requests there is what the bill has.
	Remembered    bool           `json:"remembered"`
	InvocationLog *InvocationLog `json:"invocationLog"` // null: what models are asked is not logged
}

// Step is something that happened to a request.
type Step struct {
	// Name is "received", "authenticated", "decided", "admitted", "tried",
	// "answered" (a backend has begun to), "firstToken", "settled" (what it used is
	// in the bill) or "done".
	Name   string    `json:"name"`
	Time   time.Time `json:"time"`
	Ms     float64   `json:"ms"`     // since the request was received
	Detail string    `json:"detail"` // often empty
}

// Costs are decimal numbers of dollars.
type Costs struct {
	Input      string `json:"input"`
	Output     string `json:"output"`
	CacheRead  string `json:"cacheRead"`
	CacheWrite string `json:"cacheWrite"`
	Query      string `json:"query"`
}

// InvocationLog is where the log of what models were asked is.
type InvocationLog struct {
	Bucket    string `json:"bucket"` // empty: none
	Prefix    string `json:"prefix"` // of the objects of that hour
	Directory string `json:"directory"`
}

// requestFilters are the parameters of GET /outcrop/requests.
func requestFilters() []string {
	return []string{"from", "to", "model", "operation", "principal", "status", "code", "minLatencyMs", "region", "servedBy", "state", "caller", "limit", "nextToken"}
}

// filter selects requests.
type filter struct {
	from, to             time.Time
	model, operation     string // patterns
	principal, servedBy  string // the same
	code                 string // the same
	region, state        string
	caller               string // callerKnown, callerUnknown or empty
	statusFrom, statusTo int
	least                time.Duration
	before               time.Time // of the page before; zero: this is the first
	beforeID             string
	limit                int
	failed               bool
}

// requestsToken is where a page ends.
type requestsToken struct {
	Time int64  `json:"t"` // microseconds since 1970
	ID   string `json:"id"`
}

func (v values) filter() (f filter, err error) {
	if f.from, f.to, err = v.span(); err != nil {
		return f, err
	}
	for _, p := range []struct {
		name string
		to   *string
	}{{"model", &f.model}, {"operation", &f.operation}, {"principal", &f.principal}, {"servedBy", &f.servedBy}, {"code", &f.code}} {
		if *p.to, err = v.pattern(p.name); err != nil {
			return f, err
		}
	}
	f.region = v.Get("region")
	if f.state, err = v.one("state", stateRunning, stateDone, stateInterrupted); err != nil {
		return f, err
	}
	if f.caller, err = v.one("caller", callerKnown, callerUnknown); err != nil {
		return f, err
	}
	if err := f.status(v.Get("status")); err != nil {
		return f, err
	}
	least, err := v.number("minLatencyMs", 0, 0, 24*60*60*1000)
	if err != nil {
		return f, err
	}
	f.least = time.Duration(least) * time.Millisecond
	if f.limit, err = v.number("limit", 50, 1, 500); err != nil {
		return f, err
	}
	var t requestsToken
	if ok, err := v.token(&t); err != nil || !ok {
		return f, err
	}
	f.before, f.beforeID = time.UnixMicro(t.Time).UTC(), t.ID
	return f, nil
}

// status reads 404, 4xx, ok or error.
func (f *filter) status(text string) error {
	switch n, err := strconv.Atoi(text); {
	case text == "":
	case text == "ok":
		f.statusTo = 399
	case text == "error":
		f.failed = true
	case err == nil && n >= 100 && n <= 599:
		f.statusFrom, f.statusTo = n, n
	case len(text) == 3 && text[1:] == "xx" && text[0] >= '1' && text[0] <= '5':
		f.statusFrom = int(text[0]-'0') * 100
		f.statusTo = f.statusFrom + 99
	default:
		return fault.New(fault.Invalid, "The parameter status is an HTTP status such as 404, a class such as 4xx, ok or error, not %.100q.", text)
	}
	return nil
}

// pattern reads a pattern with * and ?.
func (v values) pattern(name string) (string, error) {
	text := v.Get(name)
	if len(text) > 2048 {
		return "", fault.New(fault.Invalid, "The parameter %s is longer than 2048 bytes.", name)
	}
	return text, nil
}

// like reports whether one of the texts matches a pattern whose * takes everything.
func like(pattern string, texts ...string) bool {
	if pattern == "" {
		return true
	}
	escaped := strings.NewReplacer("/", "\x00", `\`, `\\`, "[", `\[`).Replace(pattern)
	return slices.ContainsFunc(texts, func(text string) bool {
		ok, _ := path.Match(escaped, strings.ReplaceAll(text, "/", "\x00")) // every such pattern is one
		return ok && text != ""
	})
}

// token reads nextToken.
func (v values) token(into any) (bool, error) {
	text := v.Get("nextToken")
	if text == "" {
		return false, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return false, fault.New(fault.Invalid, "The parameter nextToken is not one that this server has given.")
	}
	return true, nil
}

func newToken(of any) string {
	raw, err := json.Marshal(of)
	if err != nil {
		panic(err) // tokens are plain structs
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// matches applies the filter to what is in memory.
func (f *filter) matches(q *RequestSummary) bool {
	switch {
	case !f.from.IsZero() && q.Time.Before(f.from), !f.to.IsZero() && !q.Time.Before(f.to):
	case !f.before.IsZero() && newer(f.before, f.beforeID, q.Time, q.ID) >= 0:
	case f.region != "" && f.region != q.Region, f.state != "" && f.state != q.State:
	case f.caller == callerKnown && q.stranger(), f.caller == callerUnknown && !q.stranger():
	case f.failed && (q.Code == "" && q.Status < 400), f.statusFrom > 0 && q.Status < f.statusFrom, f.statusTo > 0 && (q.Status > f.statusTo || q.Status == 0):
	case f.least > 0 && q.LatencyMs < milliseconds(f.least):
	case !like(f.model, q.Model, q.ModelID), !like(f.operation, q.Operation), !like(f.servedBy, q.ServedBy), !like(f.code, q.Code):
	case !like(f.principal, q.Principal, principalName(q.Principal), q.AccessKeyID):
	default:
		return true
	}
	return false
}

// principalName is what the bill calls a principal: user/alice, role/app, root.
func principalName(arn string) string {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 {
		return ""
	}
	kind, name, _ := strings.Cut(fields[5], "/")
	switch kind {
	case "assumed-role":
		name, _, _ = strings.Cut(name, "/")
		return "role/" + name
	case "user":
		return "user/" + name[strings.LastIndexByte(name, '/')+1:]
	}
	return kind
}

// find is the filter in the bill's words.
func (f *filter) find(account string) ledger.Find {
	q := ledger.Find{
		Account: account, From: f.from, To: f.to, Outcome: f.code, Failed: f.failed, StatusFrom: f.statusFrom, StatusTo: f.statusTo, AtLeast: f.least,
		Before: f.before, BeforeID: f.beforeID, Limit: f.limit + 1,
	}
	if f.statusTo > 0 && f.statusFrom == 0 {
		q.StatusFrom = 1
	}
	add := func(pattern string, of ...ledger.Dimension) {
		if pattern != "" {
			q.Where.And = append(q.Where.And, either(pattern, of...))
		}
	}
	add(f.model, ledger.ByModel, ledger.ByAsked)
	add(f.operation, ledger.ByOperation)
	add(f.servedBy, ledger.ByServedBy)
	add(f.principal, ledger.ByPrincipal, ledger.ByName, ledger.ByKey)
	if f.region != "" {
		q.Where.And = append(q.Where.And, ledger.Condition{Dimension: ledger.ByRegion, Values: []string{f.region}})
	}
	switch f.state {
	case stateInterrupted:
		q.Where.And = append(q.Where.And, ledger.Condition{Dimension: ledger.ByOutcome, Values: []string{ledger.Interrupted}})
	case stateDone:
		q.Where.And = append(q.Where.And, ledger.Condition{Not: &ledger.Condition{Dimension: ledger.ByOutcome, Values: []string{ledger.Interrupted, ""}}})
	}
	return q
}

// either selects what matches a pattern in one of several dimensions.
func either(pattern string, of ...ledger.Dimension) ledger.Condition {
	c := ledger.Condition{Or: []ledger.Condition{}}
	for _, d := range of {
		c.Or = append(c.Or, ledger.Condition{Dimension: d, Match: ledger.Like, Values: []string{pattern}})
	}
	return c
}

// requests answers GET /outcrop/requests: what is in memory and what is in the
// bill, each request once.
func (a *API) requests(q *request) (any, error) {
	f, err := q.query.filter()
	if err != nil {
		return nil, err
	}
	remembered, since := a.p.Ring.all()
	out := &Requests{Requests: []RequestSummary{}, Since: since}
	seen := map[string]bool{}
	for i := range remembered {
		seen[remembered[i].ID] = true
		if f.matches(&remembered[i]) {
			out.Requests = append(out.Requests, remembered[i])
		}
	}
	if f.state != stateRunning && f.caller != callerUnknown { // nobody is billed for those
		find := f.find(q.call.Account)
		find.Limit += len(seen) // as many as may be the same
		records, err := a.p.Ledger.Records(q.Context(), find)
		if err != nil {
			return nil, err
		}
		for i := range records {
			if !seen[records[i].ID] {
				out.Requests = append(out.Requests, recorded(&records[i]))
			}
		}
	}
	slices.SortFunc(out.Requests, func(x, y RequestSummary) int { return newer(x.Time, x.ID, y.Time, y.ID) })
	if len(out.Requests) > f.limit {
		out.Requests = out.Requests[:f.limit]
		last := &out.Requests[f.limit-1]
		out.Next = newToken(requestsToken{last.Time.UnixMicro(), last.ID})
	}
	return out, nil
}

// recorded is a request as the bill has it.
func recorded(r *ledger.Record) RequestSummary {
	q := RequestSummary{
		ID: r.ID, Time: r.Time, State: stateDone, Service: r.Service, Operation: r.Operation, Region: r.Region, Principal: r.Principal, AccessKeyID: r.AccessKeyID,
		Model: r.Model, ModelID: r.ModelID, ServedBy: r.ServedBy, Backend: r.Backend, StandIn: r.StandIn, Status: r.Status,
		LatencyMs: milliseconds(r.Latency), FirstTokenMs: milliseconds(r.FirstToken),
		Tokens:  Tokens{Input: r.Input, Output: r.Output, CacheRead: r.CacheRead, CacheWrite: r.CacheWrite},
		CostUSD: r.Cost.Total().String(), Priced: r.Priced,
	}
	switch r.Outcome {
	case ledger.OK:
	case "":
		q.State = stateRunning
	case ledger.Interrupted:
		q.State = stateInterrupted
	default:
		q.Code = r.Outcome
	}
	return q
}

// request answers GET /outcrop/requests/{id}.
func (a *API) request(q *request) (any, error) {
	id := q.PathValue("id")
	records, err := a.p.Ledger.Records(q.Context(), ledger.Find{Account: q.call.Account, ID: id, Limit: 1})
	if err != nil {
		return nil, err
	}
	out := &RequestDetail{Steps: []Step{}, Tags: map[string]string{}, Metadata: map[string]string{}}
	found, x, steps, ok := a.p.Ring.find(id)
	switch {
	case ok:
		out.RequestSummary, out.Remembered = found, true
		out.way(x, steps)
	case len(records) == 1:
		r := &records[0]
		out.RequestSummary, out.Resource, out.Costs = recorded(r), r.Resource, costs(r.Cost)
		out.billed(r)
	default:
		return nil, fault.New(fault.NotFound, "There is no request %.100s. Of calls without a model only the last %d are remembered.", id, a.p.Ring.p.Size)
	}
	if len(records) == 1 {
		r := &records[0]
		maps.Copy(out.Tags, r.Tags)
		maps.Copy(out.Metadata, r.Metadata)
	}
	if out.Model != "" {
		out.InvocationLog = a.invocationLog(q.call.Account, &out.RequestSummary)
	}
	return out, nil
}

func costs(c price.Cost) Costs {
	return Costs{Input: c.Input.String(), Output: c.Output.String(), CacheRead: c.CacheRead.String(), CacheWrite: c.CacheWrite.String(), Query: c.Query.String()}
}

func (d *RequestDetail) step(name string, at time.Time, detail string) {
	d.Steps = append(d.Steps, Step{Name: name, Time: at.UTC(), Ms: milliseconds(at.Sub(d.Time)), Detail: detail})
}

// way tells the way of a request that is remembered. x is nil while it runs.
func (d *RequestDetail) way(x *exchange, steps []call.Step) {
	d.step("received", d.Time, d.SourceIP)
	for _, s := range steps {
		d.step(s.Name, s.At, s.Detail)
	}
	if d.FirstTokenMs > 0 {
		d.step("firstToken", d.Time.Add(time.Duration(d.FirstTokenMs*float64(time.Millisecond))), "")
	}
	if x != nil {
		d.Resource, d.Costs = x.resource, costs(x.cost)
		if !x.settled.IsZero() {
			d.step("settled", x.settled, "")
		}
		detail := d.Code
		if x.events > 0 {
			detail = strings.TrimSpace(detail + " " + strconv.Itoa(x.events) + " events")
		}
		d.step("done", d.Time.Add(time.Duration(d.LatencyMs*float64(time.Millisecond))), detail)
	}
	slices.SortStableFunc(d.Steps, func(a, b Step) int { return a.Time.Compare(b.Time) })
}

// billed tells what the bill knows of the way.
func (d *RequestDetail) billed(r *ledger.Record) {
	d.step("received", r.Time, "")
	if r.ServedBy != "" {
		d.Steps = append(d.Steps, Step{Name: call.Answered, Time: r.Time, Detail: r.ServedBy})
	}
	if r.FirstToken > 0 {
		d.step("firstToken", r.Time.Add(r.FirstToken), "")
	}
	if d.State != stateRunning {
		d.step("done", r.Time.Add(r.Latency), d.Code)
	}
}

// invocationLog is where the log of a request would be.
func (a *API) invocationLog(account string, r *RequestSummary) *InvocationLog {
	setting, ok := a.p.Logging.Lookup(account, r.Region)
	if !ok && a.p.InvocationFiles == "" {
		return nil
	}
	l := &InvocationLog{Directory: a.p.InvocationFiles}
	if ok {
		l.Bucket = setting.Bucket
		l.Prefix = path.Join(setting.Prefix, "AWSLogs", account, "BedrockModelInvocationLogs", r.Region, r.Time.UTC().Format("2006/01/02/15")) + "/"
	}
	return l
}
