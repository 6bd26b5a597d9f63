// Package ledger writes the bill: one record of every call that names a model,
// exactly once, whatever becomes of the client, the stream or the server.
//
// A record is a line in the journal before its client learns the end of an
// answer, and a row of the database a moment later, where a later version of it
// replaces an earlier one. What a server that was killed has left in its journal
// is put into the database by the next one, or by whoever reads the bill. No
// request waits for the database.
//
// It prices records with a list that it is given and decides nothing: package
// budget does, by what a Meter tells.
package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/price"
)

// Params are the parts and settings of a Ledger. Dir is required, and Prices
// where records are written.
type Params struct {
	Dir    string // the folder of the database and the journals
	Prices *price.Book
	Logger *slog.Logger // nil: says nothing
	Now    func() time.Time
	// Tags tells the cost tags of a principal; nil: those of its session.
	Tags func(p iam.Principal) map[string]string
	// ResourceTags tells the cost tags of the ARN that is billed; nil: none has
	// any. Those of the principal go before.
	ResourceTags func(arn string) map[string]string
	// Metadata tells what an operation's input says about its call; nil: nothing.
	Metadata func(input any) map[string]string
	// Keep is how long records are kept; 0: for ever.
	Keep time.Duration
	// Every is the time between two writes to the database; 0: a second.
	Every time.Duration
	// Memory is how many records are kept in memory while the journal cannot be
	// written; 0: 50000.
	Memory int
}

const (
	defaultEvery  = time.Second
	defaultMemory = 50_000
	// rotateSize is the size above which a file of the journal that was put into
	// the database is replaced by a new one, bytes.
	rotateSize = 1 << 20
	// rotateAge is how old such a file becomes, whatever its size. Whoever reads
	// the journal would put records into the database again that were deleted
	// from it for their age.
	rotateAge = time.Hour
	// complainEvery is how often the log says that something cannot be written.
	complainEvery = time.Minute
	// adoptEvery is how often a server looks for journals of killed ones.
	adoptEvery = 30 * time.Second
	pruneEvery = 6 * time.Hour
)

// tries is how often a name for the journal is chosen: somebody who looks for
// journals of killed servers may have the lock of a new one for a moment.
const tries = 3

const (
	databaseName = "usage.db"
	journalName  = "usage"
)

// Ledger is the bill of a data directory. It is safe for concurrent use; several
// servers may have one on the same directory.
type Ledger struct {
	p       Params
	db      *database
	journal *journal // nil: of a reader
	meters  meters
	dir     string // of the journals

	lines sync.Pool    // of *[]byte
	calls atomic.Int64 // in flight

	flushing sync.Mutex // held by a flush
	stored   place      // how far the own journal is in the database; guarded by flushing
	rotated  time.Time  // when its newest file was begun; guarded by flushing

	// Guarded by journal.mu.
	unwritten []Record // that the journal could not take
	lost      int64

	complaints complaints
}

// Open opens the bill of a data directory to write to it, and puts what killed
// servers left in their journals into the database.
func Open(ctx context.Context, p Params) (*Ledger, error) {
	l, err := Read(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := l.adopt(ctx, false); err != nil {
		return nil, errors.Join(err, l.db.close())
	}
	for range tries {
		var name [8]byte
		_, _ = rand.Read(name[:]) // never fails
		if l.journal, err = openJournal(l.dir, hex.EncodeToString(name[:])); err == nil {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.db.close())
	}
	l.stored, l.rotated = place{segment: l.journal.segment}, p.Now()
	return l, nil
}

// Read opens the bill of a data directory to read it, beside the servers that
// write it.
func Read(ctx context.Context, p Params) (*Ledger, error) {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Every <= 0 {
		p.Every = defaultEvery
	}
	if p.Memory <= 0 {
		p.Memory = defaultMemory
	}
	db, err := openDatabase(ctx, filepath.Join(p.Dir, databaseName))
	if err != nil {
		return nil, err
	}
	l := &Ledger{p: p, db: db, dir: filepath.Join(p.Dir, journalName), meters: meters{by: map[scopeKey][]*Meter{}}}
	l.lines.New = func() any { return new([]byte) }
	return l, nil
}

// Run puts the journal into the database until ctx ends, and keeps house.
func (l *Ledger) Run(ctx context.Context) {
	flush, adopt, prune := time.NewTicker(l.p.Every), time.NewTicker(adoptEvery), time.NewTicker(pruneEvery)
	defer flush.Stop()
	defer adopt.Stop()
	defer prune.Stop()
	l.prune(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			_ = l.Flush(ctx) // it has said so, and the next one is soon
		case <-adopt.C:
			if err := l.adopt(ctx, false); err != nil && ctx.Err() == nil {
				l.complaints.say(l, "journals of other servers cannot be put into the usage database", err)
			}
		case <-prune.C:
			l.prune(ctx)
		}
	}
}

func (l *Ledger) prune(ctx context.Context) {
	err := l.db.pruneSpend(ctx, l.p.Now().Add(-keepSpend))
	if err == nil && l.p.Keep > 0 {
		_, err = l.db.prune(ctx, l.p.Now().Add(-l.p.Keep))
	}
	if err != nil && ctx.Err() == nil {
		l.complaints.say(l, "old usage records cannot be deleted", err)
	}
}

// record writes a version of a record down, and charges what it cost more than
// the version before. It is in the journal when record returns; or in memory,
// when the journal cannot be written.
func (l *Ledger) record(r *Record, more price.Amount) {
	line := l.lines.Get().(*[]byte) //nolint:forcetypeassert // New makes nothing else
	*line = appendLine((*line)[:0], r)
	j := l.journal
	j.mu.Lock()
	err := j.append(*line)
	lost := false
	if err != nil {
		if lost = len(l.unwritten) >= l.p.Memory; lost {
			l.lost++
		} else {
			l.unwritten = append(l.unwritten, *r)
		}
	}
	l.meters.charge(r, more)
	j.mu.Unlock()
	l.lines.Put(line)
	if err != nil {
		text := "the usage journal cannot be written; records are kept in memory"
		if lost {
			text = "the usage journal cannot be written and the memory for it is full; records are lost"
		}
		l.complaints.say(l, text, err)
	}
}

// Trouble tells how many records are in memory because the journal could not be
// written, and how many were lost because there was no room for them either.
func (l *Ledger) Trouble() (inMemory, lost int64) {
	if l.journal == nil {
		return 0, 0
	}
	l.journal.mu.Lock()
	defer l.journal.mu.Unlock()
	return int64(len(l.unwritten)), l.lost
}

// Flush puts everything that was recorded before into the database.
func (l *Ledger) Flush(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	meters := l.meters.all()
	if l.journal == nil {
		if err := l.adopt(ctx, true); err != nil {
			return err
		}
		return l.read(ctx, meters)
	}
	j := l.journal
	j.mu.Lock()
	end, memory := j.end(), l.unwritten
	for _, m := range meters {
		m.begin()
	}
	j.mu.Unlock()
	err := l.flush(ctx, end, memory)
	if err == nil {
		err = l.read(ctx, meters)
	}
	if err != nil && ctx.Err() == nil {
		l.complaints.say(l, "the usage database cannot be written; records stay in the journal", err)
	}
	return err
}

func (l *Ledger) flush(ctx context.Context, end place, memory []Record) error {
	j := l.journal
	for l.stored != end {
		limit := int64(-1) // to the end of a file that grows no more
		if l.stored.segment == end.segment {
			limit = end.offset
		}
		next, err := l.put(ctx, j.name, l.stored, limit)
		l.stored = next
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := l.gone(end); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		if l.stored.segment == end.segment {
			break
		}
		l.stored = place{segment: l.stored.segment + 1}
	}
	if len(memory) > 0 {
		if err := l.db.put(ctx, j.name, memory); err != nil {
			return err
		}
		j.mu.Lock()
		l.unwritten = append([]Record(nil), l.unwritten[len(memory):]...)
		j.mu.Unlock()
	}
	if err := j.remove(l.stored.segment); err != nil {
		return err
	}
	now, age := l.p.Now(), rotateAge
	if l.p.Keep > 0 {
		age = min(age, l.p.Keep/2)
	}
	if l.stored.offset >= rotateSize || l.stored.offset > 0 && now.Sub(l.rotated) >= age {
		l.rotated = now
		return j.rotate()
	}
	return nil
}

// gone goes on after a file of the own journal that somebody deleted.
func (l *Ledger) gone(end place) error {
	l.p.Logger.Error("a file of the usage journal is gone, and what was in it and not yet in the database", slog.Int("file", l.stored.segment))
	if l.stored.segment < end.segment {
		l.stored = place{segment: l.stored.segment + 1}
		return nil
	}
	l.stored = end // what comes after it goes into a new file
	return l.journal.rotate()
}

// closing is how long Rest waits for calls that are still going on.
const closing = 5 * time.Second

// Rest waits a few seconds for the calls in flight, and reports whether all are
// over.
func (l *Ledger) Rest() bool {
	for deadline := time.Now().Add(closing); l.calls.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return l.calls.Load() == 0
}

// Close puts everything into the database and closes it. What is recorded after
// that is in the journal, for the next server.
func (l *Ledger) Close() error {
	if l.journal == nil {
		return l.db.close()
	}
	quiet := l.Rest()
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	err := l.Flush(ctx)
	keep := err != nil
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // there is so much of it that the next server goes on
	}
	if quiet {
		// With calls in flight the journal stays open, and theirs.
		err = errors.Join(err, l.journal.close(keep))
	}
	return errors.Join(err, l.db.close())
}

// complaints keeps the log from filling up with what it has said.
type complaints struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (c *complaints) say(l *Ledger, text string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := l.p.Now()
	if now.Sub(c.last[text]) < complainEvery {
		return
	}
	if c.last == nil {
		c.last = map[string]time.Time{}
	}
	c.last[text] = now
	inMemory, lost := l.Trouble()
	l.p.Logger.Error(text, slog.String("cause", err.Error()), slog.Int64("in_memory", inMemory), slog.Int64("lost", lost))
}
