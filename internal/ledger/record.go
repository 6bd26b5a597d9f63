package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/wire/jsontext"
)

// Record is what one call used, and what it cost. Of each call there is one, and
// a later version of it replaces an earlier one.
type Record struct {
	ID      string // request ID
	Version int    // counts what was written of the call, from 1
	Time    time.Time
	Account string
	Region  string

	Service, Operation string // "bedrock-runtime", "Converse"
	Principal          string // ARN
	// Name is who it was in the words of budgets and reports: "user/alice",
	// "role/app", "root".
	Name        string
	AccessKeyID string

	Model    string // the identifier that was asked for
	ModelID  string // base model ID; empty for the operator's own
	Resource string // ARN of the model or profile that is billed
	ServedBy string // the model that answered; empty: none
	Backend  string
	StandIn  bool // a model of Bedrock's was answered for by another one

	Input, Output         int64 // tokens; Input is beside those of the cache
	CacheRead, CacheWrite int64
	Queries               int64

	Cost   price.Cost
	Priced bool // a price was known; otherwise Cost is 0

	Latency    time.Duration // until the answer was over, or about to be sent whole
	FirstToken time.Duration // 0: there was none
	Status     int           // HTTP; 0: not known yet
	// Outcome is OK, the exception's code, "Canceled" when the client went away,
	// or Interrupted.
	Outcome string

	Tags     map[string]string // cost tags: the principal's, over those of what is billed
	Metadata map[string]string // of the request, as the client wrote it
}

// The outcomes that are no exceptions.
const (
	OK = "ok"
	// Interrupted: what was used is known, but the server ended before it knew
	// what became of the answer.
	Interrupted = "interrupted"
)

// line is a record in the journal: short names, no zeros.
type line struct {
	ID         string            `json:"id"`
	Version    int               `json:"v"`
	Time       int64             `json:"t"` // microseconds since 1970
	Account    string            `json:"acc,omitempty"`
	Region     string            `json:"reg,omitempty"`
	Service    string            `json:"svc,omitempty"`
	Operation  string            `json:"op,omitempty"`
	Principal  string            `json:"arn,omitempty"`
	Name       string            `json:"who,omitempty"`
	Key        string            `json:"key,omitempty"`
	Model      string            `json:"mod,omitempty"`
	ModelID    string            `json:"base,omitempty"`
	Resource   string            `json:"res,omitempty"`
	ServedBy   string            `json:"by,omitempty"`
	Backend    string            `json:"back,omitempty"`
	StandIn    bool              `json:"si,omitempty"`
	Input      int64             `json:"in,omitempty"`
	Output     int64             `json:"out,omitempty"`
	CacheRead  int64             `json:"cr,omitempty"`
	CacheWrite int64             `json:"cw,omitempty"`
	Queries    int64             `json:"q,omitempty"`
	CostInput  int64             `json:"cin,omitempty"` // pico-dollars
	CostOutput int64             `json:"cout,omitempty"`
	CostRead   int64             `json:"ccr,omitempty"`
	CostWrite  int64             `json:"ccw,omitempty"`
	CostQuery  int64             `json:"cq,omitempty"`
	Priced     bool              `json:"pr,omitempty"`
	Latency    int64             `json:"lat,omitempty"` // microseconds
	FirstToken int64             `json:"ttft,omitempty"`
	Status     int               `json:"st,omitempty"`
	Outcome    string            `json:"end,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Metadata   map[string]string `json:"meta,omitempty"`
}

// appendLine writes the record as a line of the journal: a checksum, a space,
// JSON, a line feed. It is written by hand because every call pays for it.
func appendLine(b []byte, r *Record) []byte {
	start := len(b)
	b = append(b, "00000000 {"...)
	w := writer{b: b}
	w.text("id", r.ID)
	w.number("v", int64(r.Version))
	w.number("t", r.Time.UnixMicro())
	w.text("acc", r.Account)
	w.text("reg", r.Region)
	w.text("svc", r.Service)
	w.text("op", r.Operation)
	w.text("arn", r.Principal)
	w.text("who", r.Name)
	w.text("key", r.AccessKeyID)
	w.text("mod", r.Model)
	w.text("base", r.ModelID)
	w.text("res", r.Resource)
	w.text("by", r.ServedBy)
	w.text("back", r.Backend)
	w.flag("si", r.StandIn)
	w.number("in", r.Input)
	w.number("out", r.Output)
	w.number("cr", r.CacheRead)
	w.number("cw", r.CacheWrite)
	w.number("q", r.Queries)
	w.number("cin", int64(r.Cost.Input))
	w.number("cout", int64(r.Cost.Output))
	w.number("ccr", int64(r.Cost.CacheRead))
	w.number("ccw", int64(r.Cost.CacheWrite))
	w.number("cq", int64(r.Cost.Query))
	w.flag("pr", r.Priced)
	w.number("lat", r.Latency.Microseconds())
	w.number("ttft", r.FirstToken.Microseconds())
	w.number("st", int64(r.Status))
	w.text("end", r.Outcome)
	w.object("tags", r.Tags)
	w.object("meta", r.Metadata)
	w.b = append(w.b, '}')
	b = w.b
	sum := crc32.Checksum(b[start+checksum:], castagnoli)
	const digits = "0123456789abcdef"
	for i := range 8 {
		b[start+i] = digits[sum>>(28-4*i)&15]
	}
	return append(b, '\n')
}

// checksum is how long the checksum at the start of a line is, with the space.
const checksum = 9

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a constant table

var errDamaged = errors.New("a damaged line")

// readLine reads what appendLine wrote, without the line feed.
func readLine(b []byte) (Record, error) {
	if len(b) < checksum || b[checksum-1] != ' ' {
		return Record{}, errDamaged
	}
	sum, err := strconv.ParseUint(string(b[:checksum-1]), 16, 32)
	if err != nil || crc32.Checksum(b[checksum:], castagnoli) != uint32(sum) {
		return Record{}, errDamaged
	}
	var l line
	if err := json.Unmarshal(b[checksum:], &l); err != nil {
		return Record{}, fmt.Errorf("a line of the journal: %w", err)
	}
	if l.ID == "" || l.Version < 1 {
		return Record{}, errDamaged
	}
	return Record{
		ID: l.ID, Version: l.Version, Time: time.UnixMicro(l.Time).UTC(), Account: l.Account, Region: l.Region,
		Service: l.Service, Operation: l.Operation, Principal: l.Principal, Name: l.Name, AccessKeyID: l.Key,
		Model: l.Model, ModelID: l.ModelID, Resource: l.Resource, ServedBy: l.ServedBy, Backend: l.Backend, StandIn: l.StandIn,
		Input: l.Input, Output: l.Output, CacheRead: l.CacheRead, CacheWrite: l.CacheWrite, Queries: l.Queries,
		Cost: price.Cost{
			Input: price.Amount(l.CostInput), Output: price.Amount(l.CostOutput),
			CacheRead: price.Amount(l.CostRead), CacheWrite: price.Amount(l.CostWrite), Query: price.Amount(l.CostQuery),
		},
		Priced: l.Priced, Latency: time.Duration(l.Latency) * time.Microsecond, FirstToken: time.Duration(l.FirstToken) * time.Microsecond,
		Status: l.Status, Outcome: l.Outcome, Tags: l.Tags, Metadata: l.Metadata,
	}, nil
}

// writer writes the members of a JSON object.
type writer struct {
	b    []byte
	some bool
}

func (w *writer) name(name string) {
	if w.some {
		w.b = append(w.b, ',')
	}
	w.some = true
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) number(name string, n int64) {
	if n != 0 {
		w.name(name)
		w.b = strconv.AppendInt(w.b, n, 10)
	}
}

func (w *writer) flag(name string, on bool) {
	if on {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.name(name)
		w.b = jsontext.AppendString(w.b, s)
	}
}

func (w *writer) object(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.name(name)
	w.members(m)
}

func (w *writer) members(m map[string]string) {
	w.b = append(w.b, '{')
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(jsontext.AppendString(w.b, key), ':')
		w.b = jsontext.AppendString(w.b, m[key])
	}
	w.b = append(w.b, '}')
}
