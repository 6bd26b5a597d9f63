package delivery_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
)

// bucket is a Putter that remembers what it was given.
type bucket struct {
	mu      sync.Mutex
	objects []delivery.Object
	failing error
}

func (b *bucket) Put(_ context.Context, o delivery.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return b.failing
	}
	b.objects = append(b.objects, o)
	return nil
}

func (b *bucket) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing = err
}

// texts are the objects as "key: text".
func (b *bucket) texts(t *testing.T) []string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, o := range b.objects {
		r, err := gzip.NewReader(bytes.NewReader(o.Body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, o.Key+": "+strings.TrimSpace(string(text)))
	}
	return list
}

var to = delivery.Destination{Bucket: "logs", Prefix: "p", Account: "000000000000", Region: "us-east-1"}

func params(b *bucket) delivery.Params {
	n := 0
	return delivery.Params{
		Putter: b, Join: delivery.Lines, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Name: func(d delivery.Destination, _ time.Time) string { n++; return fmt.Sprintf("%s/%d", d.Prefix, n) },
	}
}

// start runs a Delivery in the bubble until the test ends it.
func start(t *testing.T, d *delivery.Delivery) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRecordsShareAnObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{}
		p := params(b)
		p.Interval = 10 * time.Second
		d := delivery.New(p)
		start(t, d)
		d.Add(to, []byte("one"))
		time.Sleep(9 * time.Second) // of the bubble
		d.Add(to, []byte("two"))
		synctest.Wait()
		equal(t, b.texts(t))
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, b.texts(t), "p/1: one\ntwo")
		if got := d.Stats(); got.Delivered != 2 || got.Waiting != 0 {
			t.Errorf("got %+v, want 2 delivered and nothing waiting", got)
		}
	})
}

func TestFullObjectGoesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{}
		p := params(b)
		p.Interval, p.Size = time.Hour, 6
		d := delivery.New(p)
		start(t, d)
		for _, r := range []string{"one", "two", "three"} {
			d.Add(to, []byte(r))
		}
		synctest.Wait()
		equal(t, b.texts(t), "p/1: one\ntwo")
	})
}

func TestBucketThatIsNotThereIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{failing: errors.New("no such bucket")}
		p := params(b)
		p.Interval = time.Second
		d := delivery.New(p)
		start(t, d)
		d.Add(to, []byte("one"))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		// After 1 s, and then 1, 2, 4, 8, 16, 32, 60, 60, 60 s later.
		if got := d.Stats(); got.Failures < 9 || got.Failures > 11 || got.Waiting != 3 {
			t.Errorf("got %+v, want a try a minute and 3 bytes waiting", got)
		}
		b.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := b.texts(t); len(got) != 1 || !strings.HasSuffix(got[0], ": one") {
			t.Errorf("got %q, want the record", got)
		}
	})
}

// stuck is a Putter that never answers.
type stuck struct{}

func (stuck) Put(ctx context.Context, _ delivery.Object) error {
	<-ctx.Done()
	return ctx.Err()
}

// A bucket that says nothing does not keep a server from stopping.
func TestRunEndsAlthoughABucketIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := params(nil)
		p.Putter, p.Interval, p.Timeout = stuck{}, time.Second, time.Hour
		d := delivery.New(p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { d.Run(ctx); close(done) }()
		d.Add(to, []byte("one"))
		time.Sleep(2 * time.Second) // of the bubble: it is on its way
		cancel()
		begun := time.Now()
		<-done
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %s, want 5 s", took)
		}
		if got := d.Stats(); got.Waiting != 3 {
			t.Errorf("got %+v, want the record to wait for the end", got)
		}
	})
}

func TestObjectsComeBeforeTheRecordThatNamesThem(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	d := delivery.New(params(b))
	d.Add(to, []byte("record"), delivery.Object{Bucket: "logs", Key: "data/1", Body: delivery.Gzip([]byte("large"))})
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, b.texts(t), "data/1: large", "p/1: record")
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	b := &bucket{failing: errors.New("no such bucket")}
	p := params(b)
	p.Memory = 10
	d := delivery.New(p)
	for range 3 {
		d.Add(to, []byte("four"))
	}
	if got := d.Stats(); got.Waiting != 8 || got.Dropped != 1 {
		t.Errorf("got %+v, want 8 bytes waiting and one record dropped", got)
	}
	if err := d.Flush(t.Context()); err == nil {
		t.Error("got no error from a bucket that takes nothing")
	}
	b.fail(nil)
	if err := d.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := d.Stats(); got.Waiting != 0 || got.Delivered != 2 {
		t.Errorf("got %+v, want 2 delivered", got)
	}
}

func TestCloseDeliversWhatWaitsAndCountsWhatIsLost(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	d := delivery.New(params(b))
	d.Add(to, []byte("one"))
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, b.texts(t), "p/1: one")
	b.fail(errors.New("gone"))
	d.Add(to, []byte("two"))
	if err := d.Close(t.Context()); err == nil {
		t.Error("got no error, want the bucket's")
	}
	if got := d.Stats(); got.Dropped != 1 || got.Waiting != 0 {
		t.Errorf("got %+v, want one lost", got)
	}
}
