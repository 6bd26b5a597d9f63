// Package invocationlog keeps what was asked of models and what they answered,
// for those who switched it on: in a bucket, where an account and region has
// configured one, and in files of the server, where the server's configuration
// names a folder. The records have the form of Amazon Bedrock's.
//
// It is not the bill (package ledger) and not the audit trail (package audit),
// which know no prompts. It is an observe.Observer: it refuses nothing and no
// request waits for it. What it holds in memory is bounded; beyond that bodies,
// and then whole records, are left out and counted.
package invocationlog

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/logfile"
	"github.com/outcrop/outcrop/internal/observe"
)

// Params are the parts of a Log. Delivery and Settings belong together; Files is
// nil where nothing is written to files.
type Params struct {
	Settings *Settings
	Delivery *delivery.Delivery
	Files    *logfile.File
	// Directory is that of Files: large bodies are put below it.
	Directory string
	// Keep is how long those bodies are kept after their day; 0: for ever.
	Keep   time.Duration
	Logger *slog.Logger
	Now    func() time.Time
	// Memory bounds the bodies of requests that are under way, or whose records
	// are not written yet, in bytes; 64 MiB when zero.
	Memory int64
	// Queue bounds the records that are not written yet; 4096 when zero.
	Queue int
}

// Stats are what became of the invocations so far.
type Stats struct {
	Records    int64 // written to a file, or handed to the delivery
	Dropped    int64 // left no record: the writer could not follow, or failed
	LeftBodies int64 // left a record without bodies: there was no memory for them
	Held       int64 // bytes of bodies in memory
	Delivery   delivery.Stats
}

// Log is safe for concurrent use.
type Log struct {
	p     Params
	queue chan *invocation

	held       atomic.Int64 // bytes of bodies in memory
	records    atomic.Int64
	dropped    atomic.Int64
	leftBodies atomic.Int64

	mu       sync.Mutex
	lastDrop time.Time // when one was last logged

	day string // of the last large body that was put into a file; the writer's
}

// New returns a Log. Nothing is written before Run or Close.
func New(p Params) *Log {
	if p.Memory == 0 {
		p.Memory = 64 << 20
	}
	if p.Queue == 0 {
		p.Queue = 4096
	}
	return &Log{p: p, queue: make(chan *invocation, p.Queue)}
}

var _ observe.Observer = (*Log)(nil)

// Stats returns the counts so far.
func (l *Log) Stats() Stats {
	return Stats{Records: l.records.Load(), Dropped: l.dropped.Load(), LeftBodies: l.leftBodies.Load(), Held: l.held.Load(), Delivery: l.p.Delivery.Stats()}
}

// take asks for memory for a body.
func (l *Log) take(n int64) bool {
	if l.held.Add(n) <= l.p.Memory {
		return true
	}
	l.held.Add(-n)
	return false
}

// enqueue hands an invocation to the writer, without waiting for it.
func (l *Log) enqueue(i *invocation) {
	select {
	case l.queue <- i:
	default:
		l.held.Add(-i.held)
		l.drop("the writer cannot follow")
	}
}

// dropLogged is how often drops are logged.
const dropLogged = time.Minute

func (l *Log) drop(cause string) {
	n := l.dropped.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.p.Now(); now.Sub(l.lastDrop) >= dropLogged {
		l.lastDrop = now
		l.p.Logger.Error("records of invocations were dropped", slog.String("cause", cause), slog.Int64("dropped_so_far", n))
	}
}

// Run writes records until ctx ends.
func (l *Log) Run(ctx context.Context) {
	var deliveries sync.WaitGroup
	deliveries.Go(func() { l.p.Delivery.Run(ctx) })
	defer deliveries.Wait()
	for {
		select {
		case i := <-l.queue:
			l.write(i)
		case <-ctx.Done():
			return
		}
	}
}

// Close writes and delivers what is left, until ctx ends. No exchange may be
// under way any more, and Run must have ended.
func (l *Log) Close(ctx context.Context) error {
	l.drain()
	err := l.p.Delivery.Close(ctx)
	if l.p.Files == nil {
		return err
	}
	if closeErr := l.p.Files.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (l *Log) drain() {
	for {
		select {
		case i := <-l.queue:
			l.write(i)
		default:
			return
		}
	}
}

// write brings one invocation to where it is wanted.
func (l *Log) write(i *invocation) {
	defer l.held.Add(-i.held)
	if i.bucket {
		if l.toBucket(i) {
			l.records.Add(1)
		}
	}
	if l.p.Files != nil {
		if err := l.toFile(i); err != nil {
			l.drop(err.Error())
		} else {
			l.records.Add(1)
		}
	}
}

func (l *Log) toBucket(i *invocation) bool {
	s := &i.setting
	var objects []delivery.Object
	text, err := i.text(s.Content, func(name string, body []byte) (string, error) {
		o := delivery.Object{
			Bucket: s.Bucket, Region: s.Region, Key: path.Join(base(s.Prefix, s.Account, s.Region, i.at), dataName, name),
			ContentType: "application/json", Encoding: "gzip", Body: delivery.Gzip(body),
		}
		objects = append(objects, o)
		return "s3://" + o.Bucket + "/" + o.Key, nil
	})
	if err != nil {
		l.drop(err.Error())
		return false
	}
	// One that is refused is counted there.
	return l.p.Delivery.Add(delivery.Destination{Bucket: s.Bucket, Prefix: s.Prefix, Account: s.Account, Region: s.Region}, text, objects...)
}

func (l *Log) toFile(i *invocation) error {
	text, err := i.text(everything, func(name string, body []byte) (string, error) {
		day := i.at.UTC().Format(dayFormat)
		dir := filepath.Join(l.p.Directory, dataName, day)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		if day != l.day {
			l.day = day
			if err := l.sweep(i.at); err != nil {
				return "", err
			}
		}
		file := filepath.Join(dir, name)
		return "file://" + filepath.ToSlash(file), os.WriteFile(file, delivery.Gzip(body), 0o600)
	})
	if err != nil {
		return err
	}
	return l.p.Files.Write(text)
}

// The folder of large bodies has a folder for each day.
const (
	dataName  = "data"
	dayFormat = "2006-01-02"
)

// sweep removes the large bodies of days that are too long ago.
func (l *Log) sweep(now time.Time) error {
	if l.p.Keep == 0 {
		return nil
	}
	days, err := os.ReadDir(filepath.Join(l.p.Directory, dataName))
	if err != nil {
		return err
	}
	for _, d := range days {
		day, err := time.Parse(dayFormat, d.Name())
		if err != nil || now.Sub(day.AddDate(0, 0, 1)) <= l.p.Keep {
			continue
		}
		if err := os.RemoveAll(filepath.Join(l.p.Directory, dataName, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// clone copies a body, if there is memory for it.
func (l *Log) clone(body []byte, held *int64) (_ []byte, ok bool) {
	if !l.take(int64(len(body))) {
		return nil, false
	}
	*held += int64(len(body))
	return bytes.Clone(body), true
}
