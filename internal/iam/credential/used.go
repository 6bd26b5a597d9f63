package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// useInterval is how often the use of a key is noted at most.
const useInterval = time.Minute

// LastUsed says when an access key was used last, to the minute. Time is zero
// for one that never was.
type LastUsed struct {
	User    string    `json:"-"`
	Time    time.Time `json:"time"`
	Service string    `json:"service"` // signing name: "bedrock"
	Region  string    `json:"region"`
}

// Used notes that a key signed a request, once that is proved. It writes
// nothing: Run does.
func (s *Store) Used(accessKeyID, service, region string) {
	e := s.keys.get(accessKeyID)
	if e == nil {
		return // root, a session, or displaced since
	}
	now := s.now()
	last := e.used.Load()
	if last != nil {
		if age := now.Sub(last.Time); age >= 0 && age < useInterval {
			return
		}
	}
	u := &LastUsed{User: e.credential.Principal.Name, Time: now.UTC().Truncate(time.Second), Service: service, Region: region}
	if !e.used.CompareAndSwap(last, u) {
		return // another request did
	}
	s.useMu.Lock()
	s.uses[accessKeyID] = *u
	s.useMu.Unlock()
}

// LastUsed tells when an access key was used last, whoever's it is. NotFound:
// there is no such key.
func (s *Store) LastUsed(ctx context.Context, id string) (LastUsed, error) {
	missing := noSuch("The Access Key with id %s cannot be found", id)
	if !isAccessKeyID.MatchString(id) {
		return LastUsed{}, missing
	}
	r, err := s.p.Store.Get(ctx, s.key(kindAccessKey, id))
	if fault.Is(err, fault.NotFound) {
		return LastUsed{}, missing
	}
	if err != nil {
		return LastUsed{}, err
	}
	b, err := bodyOf(r)
	if err != nil {
		return LastUsed{}, err
	}
	if b.Status == Deleted {
		return LastUsed{}, missing
	}
	s.useMu.Lock()
	u, pending := s.uses[id]
	s.useMu.Unlock()
	if !pending {
		r, err := s.p.Store.Get(ctx, s.key(kindUse, id))
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return LastUsed{}, err
		default:
			if err := json.Unmarshal(r.Body, &u); err != nil {
				return LastUsed{}, fmt.Errorf("the last use of %s: %w", id, err)
			}
		}
	}
	u.User = b.User
	return u, nil
}

// Run writes the times of use in the background until ctx ends, and once more
// then.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(useInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
			_ = s.Flush(last) // what is lost is a time
			cancel()
			return
		case <-tick.C:
			_ = s.Flush(ctx) // it is tried again with the next use
		}
	}
}

// Flush writes the times of use that are not written yet.
func (s *Store) Flush(ctx context.Context) error {
	s.useMu.Lock()
	uses := maps.Clone(s.uses)
	s.useMu.Unlock()
	var errs []error
	for id, u := range uses {
		if err := s.writeUse(ctx, id, u); err != nil {
			errs = append(errs, err)
		}
		s.useMu.Lock()
		if s.uses[id] == u {
			delete(s.uses, id)
		}
		s.useMu.Unlock()
	}
	return errors.Join(errs...)
}

// forgetUse removes what is known of the use of a key that is no more.
func (s *Store) forgetUse(ctx context.Context, id string) error {
	s.useMu.Lock()
	delete(s.uses, id)
	s.useMu.Unlock()
	err := s.p.Store.Delete(ctx, s.key(kindUse, id))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (s *Store) writeUse(ctx context.Context, id string, u LastUsed) error {
	data, err := json.Marshal(u)
	if err != nil {
		return err
	}
	key := s.key(kindUse, id)
	r, err := s.p.Store.Get(ctx, key)
	if fault.Is(err, fault.NotFound) {
		_, _, err = s.p.Store.Create(ctx, store.Record{Key: key, Body: data, Created: u.Time, Updated: u.Time}, store.Create{})
		return err
	}
	if err != nil {
		return err
	}
	if !r.Updated.Before(u.Time) {
		return nil // another server saw a later one
	}
	r.Body, r.Updated = data, u.Time
	_, err = s.p.Store.Update(ctx, r)
	return err
}
