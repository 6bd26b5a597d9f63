package console

import (
	"context"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// The kinds of the console's records. They are of no region, which a query of the
// store would take for any.
const (
	kindEnded store.Kind = "console-ended-session"
	kindLink  store.Kind = "console-link"
	region               = "aws-global"
)

// asked is how long it may take until this server notices that another one on the
// same data has ended a session.
const asked = time.Second

// mostAsked bounds how many sessions are remembered as not ended.
const mostAsked = 4096

// ended knows the sessions that were signed out of before their time. It is safe
// for concurrent use.
type ended struct {
	store   store.Store
	account string
	now     func() time.Time

	mu   sync.Mutex
	over map[string]time.Time // by session: until when it could have lasted
	at   map[string]time.Time // by session: when it was found to be going on
}

func newEnded(s store.Store, account string, now func() time.Time) *ended {
	return &ended{store: s, account: account, now: now, over: map[string]time.Time{}, at: map[string]time.Time{}}
}

// expiring is the body of a record that is of no use after a time.
type expiring struct {
	Expires time.Time `json:"expires"`
}

func (e *ended) key(id string) store.Key {
	return store.Key{Kind: kindEnded, Account: e.account, Region: region, ID: id}
}

// end ends a session, which could have lasted until a time. It is remembered for
// that long, also when the server is started again.
func (e *ended) end(ctx context.Context, id string, until time.Time) error {
	body, err := store.Encode(expiring{until})
	if err != nil {
		return err
	}
	now := e.now().UTC()
	_, _, err = e.store.Create(ctx, store.Record{Key: e.key(id), Body: body, Created: now, Updated: now}, store.Create{})
	if err != nil && !fault.Is(err, fault.Conflict) { // it has ended already
		return err
	}
	e.mu.Lock()
	for other, t := range e.over {
		if !now.Before(t) {
			delete(e.over, other)
		}
	}
	e.over[id] = until
	delete(e.at, id)
	e.mu.Unlock()
	return purge(ctx, e.store, kindEnded, e.account, now)
}

// has reports whether a session was ended.
func (e *ended) has(ctx context.Context, id string) (bool, error) {
	now := e.now()
	e.mu.Lock()
	_, over := e.over[id]
	at, known := e.at[id]
	e.mu.Unlock()
	switch age := now.Sub(at); {
	case over:
		return true, nil
	case known && age >= 0 && age < asked:
		return false, nil
	}
	_, err := e.store.Get(ctx, e.key(id))
	if err == nil {
		return true, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return false, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, over := e.over[id]; over { // meanwhile
		return true, nil
	}
	if len(e.at) >= mostAsked {
		clear(e.at)
	}
	e.at[id] = now
	return false, nil
}

// purge removes the records of a kind whose time is over.
func purge(ctx context.Context, s store.Store, kind store.Kind, account string, now time.Time) error {
	page, err := s.List(ctx, store.Query{Kind: kind, Account: account, Region: region})
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		var b expiring
		if err := r.Decode(&b); err == nil && now.Before(b.Expires) {
			continue
		}
		if err := s.Delete(ctx, r.Key); err != nil && !fault.Is(err, fault.NotFound) { // another server did
			return err
		}
	}
	return nil
}
