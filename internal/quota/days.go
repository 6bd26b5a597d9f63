package quota

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/periodic"
	"github.com/outcrop/outcrop/internal/store"
)

// flushEvery is how often the tokens of the day are written: what is used in
// this time before the process is killed is forgotten.
const flushEvery = 5 * time.Second

// StoredDays implements Days in a store.
type StoredDays struct{ store store.Store }

// NewStoredDays returns Days in a store.
func NewStoredDays(s store.Store) *StoredDays { return &StoredDays{store: s} }

type spentBody struct {
	Day    int64 `json:"day"`
	Tokens int64 `json:"tokens"`
}

func spentKey(key Key) store.Key {
	return store.Key{
		Kind: kindSpent, Account: key.Account, Region: key.Region,
		ID: strings.Join([]string{string(key.Class), key.Model, key.Principal}, " "),
	}
}

// Spent implements Days. What a later day has counts too: the clock was set
// back.
func (d *StoredDays) Spent(ctx context.Context, key Key, day int64) (int64, error) {
	rec, err := d.store.Get(ctx, spentKey(key))
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var body spentBody
	if err := rec.Decode(&body); err != nil || body.Day < day {
		return 0, err
	}
	return body.Tokens, nil
}

// Add implements Days.
func (d *StoredDays) Add(ctx context.Context, key Key, day, tokens int64) (int64, error) {
	var body spentBody
	_, err := store.Put(ctx, d.store, spentKey(key), func(rec *store.Record) (err error) {
		body = spentBody{}
		if rec.Version > 0 {
			if err := rec.Decode(&body); err != nil {
				return err
			}
		}
		if body.Day < day {
			body.Tokens = 0
		}
		body.Day = day
		body.Tokens = max(0, body.Tokens+tokens)
		rec.Body, err = store.Encode(body)
		return err
	})
	if err != nil {
		return 0, err
	}
	return body.Tokens, nil
}

// Forget drops what days before one had.
func (d *StoredDays) Forget(ctx context.Context, before int64) error {
	const pageSize = 500
	for after := ""; ; {
		page, err := d.store.List(ctx, store.Query{Kind: kindSpent, Limit: pageSize, After: after})
		if err != nil {
			return err
		}
		for _, rec := range page.Records {
			var body spentBody
			if rec.Decode(&body) == nil && body.Day >= before {
				continue
			}
			if err := d.store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// Run writes the tokens of the day now and then, and once more when ctx ends.
func (l *Limiter) Run(ctx context.Context, logger *slog.Logger) {
	const trouble = "the tokens of the day could not be written"
	periodic.Run(ctx, periodic.Params{Every: flushEvery, Do: l.Flush, Logger: logger, Trouble: trouble})
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushEvery)
	defer cancel()
	if err := l.Flush(last); err != nil {
		logger.Error(trouble, slog.String("cause", err.Error()))
	}
}

// Flush writes the tokens of the day that were used since the last time, and
// learns what other processes used.
func (l *Limiter) Flush(ctx context.Context) error {
	if l.p.Days == nil {
		return nil
	}
	type change struct {
		key         Key
		day, tokens int64
	}
	for i := range l.shards {
		s := &l.shards[i]
		var changes []change
		s.mu.Lock()
		for key, b := range s.buckets {
			if n := b.unwritten(); n != 0 {
				changes = append(changes, change{key, b.day, n})
			}
		}
		s.mu.Unlock()
		for _, c := range changes {
			sum, err := l.p.Days.Add(ctx, c.key, c.day, c.tokens)
			if err != nil {
				return err
			}
			s.mu.Lock()
			if b, ok := s.buckets[c.key]; ok && b.day == c.day {
				b.spent += sum - (b.stored + c.tokens) // by others
				b.stored = sum
			}
			s.mu.Unlock()
		}
	}
	return nil
}
