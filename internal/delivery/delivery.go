// Package delivery brings records into buckets: many in one object, by time and
// by size, again and again until the bucket takes them, and never by holding up
// who hands them in.
//
// It does not know what a record is: how records are joined into one object and
// what that object is called are parameters, as is who puts it there. What waits
// is kept in memory, within a bound; beyond it records are refused and counted.
package delivery

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// Object is something to be put into a bucket.
type Object struct {
	Bucket, Key string
	Region      string // of the bucket, where that matters
	Owner       string // account that the bucket must belong to; empty: any
	ContentType string
	Encoding    string // "gzip", or empty
	Body        []byte
}

// Putter puts objects where they belong. It is safe for concurrent use.
type Putter interface {
	// Put replaces the object. NotFound: there is no such bucket. Denied: it is
	// somebody else's.
	Put(ctx context.Context, o Object) error
}

// Destination is where records go that may share an object.
type Destination struct {
	Bucket, Prefix  string
	Account, Region string // whose records they are
}

// Params are the parts of a Delivery. All but the last four are required.
type Params struct {
	Putter Putter
	// Name is the key of an object with records that is made at a time.
	Name func(d Destination, at time.Time) string
	// Join makes one text of records, in their order.
	Join   func(records [][]byte) []byte
	Logger *slog.Logger
	Now    func() time.Time

	Interval time.Duration // longest time that a record waits; 30 s when zero
	Size     int64         // bytes of records that are an object at once; 1 MiB when zero
	Memory   int64         // bytes that may wait; 64 MiB when zero
	Timeout  time.Duration // for one object; 30 s when zero
}

// The pauses between tries for a bucket that does not take what it is given.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Stats are what became of the records so far.
type Stats struct {
	Delivered int64 // are in a bucket
	Dropped   int64 // were refused, for too much was waiting, or lost at the end
	Failures  int64 // tries that a bucket did not take
	Waiting   int64 // bytes in memory
}

// Delivery is safe for concurrent use.
type Delivery struct {
	p    Params
	wake chan struct{}

	mu       sync.Mutex
	queues   map[Destination]*queue
	stats    Stats
	lastDrop time.Time // when a drop was last logged
}

// queue is what waits for one destination.
type queue struct {
	sending sync.Mutex // held while an object is on its way

	// The rest is guarded by the Delivery's lock.
	entries []entry
	size    int64
	oldest  time.Time
	busy    bool
	delay   time.Duration // after a failure
	retryAt time.Time
}

// entry is a record with the objects that it names.
type entry struct {
	record  []byte
	objects []Object
	size    int64
}

// New returns a Delivery. Nothing is delivered before Run, Flush or Close.
func New(p Params) *Delivery {
	if p.Interval == 0 {
		p.Interval = 30 * time.Second
	}
	if p.Size == 0 {
		p.Size = 1 << 20
	}
	if p.Memory == 0 {
		p.Memory = 64 << 20
	}
	if p.Timeout == 0 {
		p.Timeout = 30 * time.Second
	}
	return &Delivery{p: p, wake: make(chan struct{}, 1), queues: map[Destination]*queue{}}
}

// Add hands in a record, and the objects that it names, which are put into the
// bucket before it. They are the Delivery's from here on. It never waits; false:
// too much is waiting already, and the record was dropped.
func (d *Delivery) Add(to Destination, record []byte, objects ...Object) bool {
	e := entry{record: record, objects: objects, size: int64(len(record))}
	for _, o := range objects {
		e.size += int64(len(o.Body))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stats.Waiting+e.size > d.p.Memory {
		d.drop(1)
		return false
	}
	q := d.queues[to]
	if q == nil {
		q = &queue{}
		d.queues[to] = q
	}
	if len(q.entries) == 0 {
		q.oldest = d.p.Now()
	}
	q.entries = append(q.entries, e)
	q.size += e.size
	d.stats.Waiting += e.size
	if len(q.entries) == 1 || q.size >= d.p.Size {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// dropLogged is how often drops are logged.
const dropLogged = time.Minute

// drop counts records that nobody will see. The lock is held.
func (d *Delivery) drop(n int64) {
	d.stats.Dropped += n
	if now := d.p.Now(); now.Sub(d.lastDrop) >= dropLogged {
		d.lastDrop = now
		d.p.Logger.Error("records for a bucket were dropped", slog.Int64("dropped_so_far", d.stats.Dropped), slog.Int64("bytes_waiting", d.stats.Waiting))
	}
}

// Stats returns the counts so far.
func (d *Delivery) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// lastSend is how long what is on its way may take when Run is to end.
const lastSend = 5 * time.Second

// Run delivers what is due until ctx ends, and then waits a little for what is
// on its way. What still waits then is Close's.
func (d *Delivery) Run(ctx context.Context) {
	var sends sync.WaitGroup
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for {
		timer := time.NewTimer(d.startDue(sending, &sends))
		select {
		case <-ctx.Done():
			timer.Stop()
			patience := time.AfterFunc(lastSend, cancel)
			sends.Wait()
			patience.Stop()
			return
		case <-d.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// startDue starts to send what is due, and says how long nothing else will be.
func (d *Delivery) startDue(ctx context.Context, sends *sync.WaitGroup) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.p.Now()
	next := time.Hour
	for to, q := range d.queues {
		if q.busy || len(q.entries) == 0 {
			continue
		}
		due := q.oldest.Add(d.p.Interval)
		if q.size >= d.p.Size {
			due = now
		}
		if due.Before(q.retryAt) {
			due = q.retryAt
		}
		if wait := due.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		q.busy = true
		sends.Go(func() {
			_ = d.send(ctx, to, q) // logged there, and tried again
			d.mu.Lock()
			q.busy = false
			d.mu.Unlock()
			select {
			case d.wake <- struct{}{}:
			default:
			}
		})
	}
	return next
}

// send puts one object's worth of entries into the bucket.
func (d *Delivery) send(ctx context.Context, to Destination, q *queue) error {
	q.sending.Lock()
	defer q.sending.Unlock()
	d.mu.Lock()
	n, size := 0, int64(0)
	for n < len(q.entries) && (n == 0 || size+q.entries[n].size <= d.p.Size) {
		size += q.entries[n].size
		n++
	}
	entries := q.entries[:n:n]
	d.mu.Unlock()
	if n == 0 {
		return nil
	}
	err := d.put(ctx, to, entries)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.stats.Failures++
		if q.delay == 0 {
			d.p.Logger.Warn("a bucket does not take its records; they are kept and tried again",
				slog.String("bucket", to.Bucket), slog.String("cause", err.Error()))
		}
		q.delay = min(max(2*q.delay, firstRetry), lastRetry)
		q.retryAt = d.p.Now().Add(q.delay)
		return err
	}
	if q.delay != 0 {
		d.p.Logger.Info("a bucket takes its records again", slog.String("bucket", to.Bucket))
	}
	q.delay, q.retryAt = 0, time.Time{}
	clear(q.entries[:n]) // so that what is behind the slice does not keep them
	q.entries = q.entries[n:]
	q.size -= size
	q.oldest = d.p.Now()
	d.stats.Waiting -= size
	d.stats.Delivered += int64(n)
	if len(q.entries) == 0 {
		q.entries = nil
	}
	return nil
}

func (d *Delivery) put(ctx context.Context, to Destination, entries []entry) error {
	records := make([][]byte, 0, len(entries))
	for _, e := range entries {
		for _, o := range e.objects {
			if err := d.one(ctx, o); err != nil {
				return err
			}
		}
		records = append(records, e.record)
	}
	return d.one(ctx, Object{
		Bucket: to.Bucket, Key: d.p.Name(to, d.p.Now()), Region: to.Region,
		ContentType: "application/json", Encoding: "gzip", Body: Gzip(d.p.Join(records)),
	})
}

func (d *Delivery) one(ctx context.Context, o Object) error {
	ctx, cancel := context.WithTimeout(ctx, d.p.Timeout)
	defer cancel()
	if err := d.p.Putter.Put(ctx, o); err != nil {
		return fmt.Errorf("put %s into the bucket %s: %w", o.Key, o.Bucket, err)
	}
	return nil
}

// Gzip compresses text.
func Gzip(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // into memory: cannot fail
	_ = w.Close()
	return b.Bytes()
}

// Lines joins records that are JSON, one a line.
func Lines(records [][]byte) []byte {
	return append(bytes.Join(records, []byte("\n")), '\n')
}

// Flush delivers everything that waits now, whether or not it is due.
func (d *Delivery) Flush(ctx context.Context) error {
	d.mu.Lock()
	queues := maps.Clone(d.queues)
	d.mu.Unlock()
	var errs []error
	for to, q := range queues {
		for d.waits(q) {
			if err := d.send(ctx, to, q); err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

func (d *Delivery) waits(q *queue) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(q.entries) > 0
}

// Close delivers what waits, once each, until ctx ends. What a bucket does not
// take then is lost, counted and logged. Nothing may be added any more.
func (d *Delivery) Close(ctx context.Context) error {
	err := d.Flush(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	for to, q := range d.queues {
		if n := len(q.entries); n > 0 {
			d.stats.Dropped += int64(n)
			d.stats.Waiting -= q.size
			d.p.Logger.Error("records for a bucket are lost, for the server stops", slog.String("bucket", to.Bucket), slog.Int("records", n))
			q.entries, q.size = nil, 0
		}
	}
	return err
}
