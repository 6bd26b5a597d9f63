package answer

import (
	"context"
	"encoding/json"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Sessions are records of the store. They live for a day from their first
// question, and what is said in them does not prolong that.
const (
	sessionKind = store.Kind("rag-session")
	sessionLife = 24 * time.Hour
	// mostTurns is how much of a conversation is kept.
	mostTurns = 20
	// mostPurged bounds the work that a new session does for old ones.
	mostPurged = 50
	// mostRetries is how often a turn is put into a session that other requests
	// change at the same time. Of those that try, one succeeds.
	mostRetries = 200
)

// Turn is a question with its answer.
type Turn struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// session is a conversation. Base is empty for one about documents that came
// with the questions.
type session struct {
	id  string
	key store.Key
	rec store.Record // Version 0: not stored yet

	Base  string `json:"base,omitempty"`
	Turns []Turn `json:"turns"`
}

func errSession(id string) error {
	return fault.New(fault.Invalid, "Session with Id %s is not valid. Please check and try again.", id)
}

// session finds the session of a request or makes one, which is stored when the
// answer begins.
func (a *Answerer) session(ctx context.Context, req Request) (*session, error) {
	key := store.Key{Kind: sessionKind, Account: req.Account, Region: req.Region, ID: req.Session}
	if req.Session == "" {
		key.ID = a.p.NewID()
		return &session{id: key.ID, key: key, Base: req.Base}, nil
	}
	s := &session{id: key.ID, key: key}
	if err := a.load(ctx, s); err != nil {
		return nil, err
	}
	if s.Base != req.Base {
		return nil, errSession(req.Session)
	}
	return s, nil
}

func (a *Answerer) load(ctx context.Context, s *session) error {
	rec, err := a.p.Store.Get(ctx, s.key)
	if fault.Is(err, fault.NotFound) || err == nil && a.expired(rec) {
		return errSession(s.id)
	}
	if err != nil {
		return err
	}
	s.rec, s.Turns = rec, nil
	if err := json.Unmarshal(rec.Body, s); err != nil {
		return fault.Wrap(fault.Internal, err, "the record of session %s cannot be read", s.id)
	}
	return nil
}

func (a *Answerer) expired(rec store.Record) bool {
	return !a.p.Now().Before(rec.Created.Add(sessionLife))
}

// begin stores a new session, and removes some that have expired.
func (a *Answerer) begin(ctx context.Context, s *session) error {
	if s.rec.Version > 0 {
		return nil
	}
	if err := a.purge(ctx); err != nil {
		return err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "session %s cannot be written", s.id)
	}
	now := a.p.Now()
	s.rec, _, err = a.p.Store.Create(ctx, store.Record{Key: s.key, Body: body, Created: now, Updated: now}, store.Create{})
	return err
}

// purge removes expired sessions of all accounts, the oldest first.
func (a *Answerer) purge(ctx context.Context) error {
	page, err := a.p.Store.List(ctx, store.Query{Kind: sessionKind, Limit: mostPurged})
	if err != nil {
		return err
	}
	for _, rec := range page.Records {
		if !a.expired(rec) {
			return nil
		}
		if err := a.p.Store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// keep puts a turn into the session. Two requests in one session may end at the
// same time: both turns are kept, in the order in which they ended.
func (a *Answerer) keep(ctx context.Context, s *session, t Turn) error {
	for try := 0; ; try++ {
		s.Turns = append(s.Turns, t)
		if n := len(s.Turns); n > mostTurns {
			s.Turns = s.Turns[n-mostTurns:]
		}
		body, err := json.Marshal(s)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "session %s cannot be written", s.id)
		}
		rec := s.rec
		rec.Body, rec.Updated = body, a.p.Now()
		made, err := a.p.Store.Update(ctx, rec)
		switch {
		case err == nil:
			s.rec = made
			return nil
		case fault.Is(err, fault.NotFound):
			return nil // it expired while the answer was written: the answer stands
		case store.Reason(err) != store.Changed || try == mostRetries:
			return err
		}
		if err := a.load(ctx, s); err != nil {
			return nil //nolint:nilerr // as above
		}
	}
}
