package directory

import (
	"context"
	"errors"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// The servers of one store tell each other of changes through one record, the
// epoch. Who is about to change something says so first, and until when it will
// have happened. So nobody who dies in between leaves the others with what was
// true before, and a server that nothing happens to reads one record a second,
// however many principals it knows.
const (
	// announced is how long after an announcement changes may still land, and
	// so how long what is read meanwhile is read again.
	announced = 8 * time.Second
	// writeTimeout is how long a change may take. What was announced longer than
	// announced-writeTimeout-1s ago is announced again.
	writeTimeout = 5 * time.Second
	// fresh is the age up to which nothing is asked, stale the one from which an
	// answer is waited for. Between them it is asked in the background.
	fresh = time.Second
	stale = 2 * time.Second
)

// epoch is what is known of the record.
type epoch struct {
	version int64
	until   time.Time // changes may land up to here
	read    time.Time // when this was looked up
}

type epochBody struct {
	Until time.Time `json:"until"`
}

func (d *Directory) readEpoch(ctx context.Context) (*epoch, store.Record, error) {
	now := d.now()
	rec, err := d.store.Get(ctx, d.key(kindEpoch, "", "epoch"))
	if fault.Is(err, fault.NotFound) {
		e := &epoch{read: now}
		d.epoch.Store(e)
		return e, rec, nil
	}
	if err != nil {
		return nil, rec, err
	}
	var body epochBody
	if err := rec.Decode(&body); err != nil {
		return nil, rec, err
	}
	e := &epoch{version: rec.Version, until: body.Until, read: now}
	d.epoch.Store(e)
	return e, rec, nil
}

// current returns the epoch as it is known, at most two seconds old.
func (d *Directory) current(ctx context.Context) (*epoch, error) {
	e := d.epoch.Load()
	if e == nil {
		e, _, err := d.readEpoch(ctx)
		return e, err
	}
	age := d.now().Sub(e.read)
	if age >= 0 && age < fresh {
		return e, nil
	}
	if age < 0 || age >= stale {
		e, _, err := d.readEpoch(ctx)
		return e, err
	}
	if d.watching.CompareAndSwap(false, true) {
		go func() {
			defer d.watching.Store(false)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stale)
			defer cancel()
			_, _, _ = d.readEpoch(ctx) // a failure is met again by who must wait
		}()
	}
	return e, nil
}

// announce tells the other servers that something is about to change.
func (d *Directory) announce(ctx context.Context) error {
	return retry(func() error {
		e, rec, err := d.readEpoch(ctx)
		if err != nil {
			return err
		}
		now := d.now()
		if e.until.Sub(now) > writeTimeout+time.Second && e.until.Sub(now) <= announced {
			return nil
		}
		body, err := store.Encode(epochBody{Until: now.Add(announced)})
		if err != nil {
			return err
		}
		rec.Body, rec.Updated = body, now
		if e.version > 0 {
			_, err = d.store.Update(ctx, rec)
			return err
		}
		rec.Key, rec.Created = d.key(kindEpoch, "", "epoch"), now
		_, _, err = d.store.Create(ctx, rec, store.Create{})
		if store.Reason(err) == store.KeyTaken {
			return store.Conflict(store.Changed) // look again
		}
		return err
	})
}

// write does what changes records, so that every server learns of it: this one
// at once, others within two seconds.
//
// One at a time: the store does not write more at once, and changes of one
// record would only have each other try again.
func (d *Directory) write(ctx context.Context, f func(context.Context) error) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := d.announce(ctx); err != nil {
		return err
	}
	defer d.generation.Add(1)
	bounded, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := f(bounded)
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, err, "The request processing has failed because of an unknown error, exception or failure.").WithCode("ServiceFailure")
	}
	return err
}
