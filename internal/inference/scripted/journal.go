package scripted

import (
	"encoding/json"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// maxJournal bounds the memory that the list of calls takes, in bytes of
// requests and answers.
const maxJournal = 32 << 20

// journal is the list of the last calls.
type journal struct {
	most    int
	entries []*entry
	next    int // number of the next one; it never begins anew
	bytes   int
}

func newJournal(most int) journal { return journal{most: most, next: 1} }

// entry is one call: what was asked and, when it is over, what was answered.
type entry struct {
	Call      int             `json:"call"`
	Time      time.Time       `json:"time"`
	RequestID string          `json:"requestId,omitempty"`
	Kind      string          `json:"kind"`
	Operation string          `json:"operation,omitempty"`
	Model     string          `json:"model,omitempty"`
	Principal string          `json:"principal,omitempty"`
	Turn      int             `json:"turn,omitempty"`
	Rule      *string         `json:"rule"` // null: none matched
	Nth       int             `json:"nth,omitempty"`
	Request   json.RawMessage `json:"request"`
	Answer    json.RawMessage `json:"answer,omitempty"`
	Error     *entryError     `json:"error,omitempty"`
	Done      bool            `json:"done"`
	ElapsedMS float64         `json:"elapsedMs"`

	answer  inference.Collector // of the goroutine that answers alone
	started time.Time
}

type entryError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (e *entry) size() int { return len(e.Request) + len(e.Answer) + 256 }

// add writes a call down. The backend's lock is held.
func (j *journal) add(s *scene, request []byte, now time.Time) *entry {
	e := &entry{
		Call: j.next, Time: now.UTC(), RequestID: s.caller.RequestID, Kind: s.kind, Operation: s.caller.Operation, Model: s.asked(),
		Principal: s.caller.Principal, Turn: s.turn, Nth: s.nth, Request: request, started: now,
	}
	if s.rule != nil {
		e.Rule = &s.title
	}
	j.next++
	j.entries = append(j.entries, e)
	j.bytes += e.size()
	j.trim()
	return e
}

func (j *journal) trim() {
	n := 0
	for ; n < len(j.entries)-1 && (len(j.entries)-n > j.most || j.bytes > maxJournal); n++ {
		j.bytes -= j.entries[n].size()
		j.entries[n] = nil
	}
	j.entries = j.entries[n:]
}

// finish writes down how a call ended.
func (b *Backend) finish(e *entry, err error) {
	var answer json.RawMessage
	if e.Kind == kindGenerate {
		answer = encodeAnswer(e.answer.Answer())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := e.size()
	e.Answer, e.Done = answer, true
	if err != nil {
		f := fault.As(err)
		e.Error = &entryError{f.Kind.String(), f.Message}
	}
	now := b.p.Now()
	e.ElapsedMS = float64(now.Sub(e.started).Microseconds()) / 1000
	j := &b.journal
	// It may have been dropped meanwhile.
	if len(j.entries) > 0 && e.Call >= j.entries[0].Call && e.Call <= j.entries[len(j.entries)-1].Call {
		j.bytes += e.size() - before
		j.trim()
	}
}

// page is a part of the list of calls.
type page struct {
	Calls []entry `json:"calls"`
	// Next is the cursor: after this number nothing has been read yet.
	Next int `json:"next"`
	// Dropped is how many between the cursor and the first are no longer kept.
	Dropped int `json:"dropped"`
}

// calls returns the calls after a number, the oldest first.
func (b *Backend) calls(after, limit int) page {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := page{Calls: []entry{}, Next: after}
	for _, e := range b.journal.entries {
		if e.Call <= after {
			continue
		}
		if len(p.Calls) == limit {
			break
		}
		if len(p.Calls) == 0 {
			p.Dropped = max(e.Call-after-1, 0)
		}
		p.Calls = append(p.Calls, entry{
			Call: e.Call, Time: e.Time, RequestID: e.RequestID, Kind: e.Kind, Operation: e.Operation, Model: e.Model, Principal: e.Principal,
			Turn: e.Turn, Rule: e.Rule, Nth: e.Nth, Request: e.Request, Answer: e.Answer, Error: e.Error, Done: e.Done, ElapsedMS: e.ElapsedMS,
		})
		p.Next = e.Call
	}
	return p
}

// forget empties the list of calls; the numbers go on.
func (b *Backend) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.entries, b.journal.bytes = nil, 0
}
