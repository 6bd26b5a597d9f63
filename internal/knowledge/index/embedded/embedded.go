// Package embedded is the index that comes with Outcrop: one SQLite database
// for each knowledge base, and in memory what finds chunks fast.
//
// The database is the truth. Vector, text, document and outcome of a document
// are written in one transaction; memory is made of what was committed, and never
// of anything else. What is in memory are the codes of the vectors (package
// vector), the postings of the words (package fulltext) and the metadata; the
// vectors themselves, the texts and the names are read from the database for
// the few best. docs/design/064-embedded-index.md has the reasons and the figures.
//
// It knows no embedding model: package ingest brings vectors, package retrieve
// asks with them. Several processes may use one folder at once.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/sqlite"
)

// Params are the optional parts of Indexes.
type Params struct {
	// Durability is what a write that has returned survives; the zero value is
	// everything.
	Durability sqlite.Durability
	// Logger is told of indexes that cannot be opened, where and why, which
	// clients are not; nil is silent.
	Logger *slog.Logger
	// ManyTerms is how many terms an index has to know for it to matter that no
	// text has most of them any more; 100,000 when it is zero.
	ManyTerms int
}

// Indexes are the indexes below a folder. They implement knowledge.Indexes.
type Indexes struct {
	dir    string
	params Params

	mu     sync.Mutex
	closed bool
	opened map[string]*opening
}

// opening is an index that is open, or about to be.
type opening struct {
	done  chan struct{} // closed when index and err are there
	stop  func()        // ends it before
	index *Index
	err   error
}

func newOpening(stop func()) *opening { return &opening{done: make(chan struct{}), stop: stop} }

var _ knowledge.Indexes = (*Indexes)(nil)

// errDropped is what waiting for an index that is dropped ends with.
var errDropped = errors.New("the index was dropped")

// fileName is the database of an index, in a folder named after its base.
const fileName = "index.db"

// trash is the prefix of folders that are being removed.
const trash = ".removed-"

// Open returns the indexes below a folder, which is made when the first index
// is. Close must be called.
func Open(dir string, p Params) (*Indexes, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("the indexes' folder: %w", err)
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	x := &Indexes{dir: dir, params: p, opened: map[string]*opening{}}
	// A process that died while it dropped an index has left the rest here.
	// Not with a pattern: the folder's own name may hold signs of one.
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.Unavailable, err, "The folder %s cannot be read.", dir)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), trash) {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		if err := os.RemoveAll(path); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "The folder %s cannot be removed.", path)
		}
	}
	return x, nil
}

// Open implements knowledge.Indexes.
func (x *Indexes) Open(ctx context.Context, base string, spec knowledge.Spec) (knowledge.Index, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	index, err := x.open(ctx, base, &spec)
	if err != nil {
		return nil, err
	}
	if made := index.Spec(); made != spec {
		return nil, fault.New(fault.Conflict, "The knowledge base was built with the embedding model %s and cannot be used with %s. Create another knowledge base for that model.",
			describe(made, spec), describe(spec, made))
	}
	return index, nil
}

// Existing implements knowledge.Indexes.
func (x *Indexes) Existing(ctx context.Context, base string) (knowledge.Index, error) {
	index, err := x.open(ctx, base, nil)
	if err != nil {
		return nil, err
	}
	return index, nil
}

func checkSpec(spec knowledge.Spec) error {
	const most = 1 << 14
	switch {
	case spec.Model == "":
		return fault.New(fault.Invalid, "The index needs the name of its embedding model.")
	case spec.Dimensions < 1 || spec.Dimensions > most:
		return fault.New(fault.Invalid, "Vectors of %d dimensions cannot be indexed; 1 to %d can.", spec.Dimensions, most)
	}
	return nil
}

// describe names a spec by what tells it from another.
func describe(s, other knowledge.Spec) string {
	text := fmt.Sprintf("%s (%d dimensions", s.Model, s.Dimensions)
	if s.Binary != other.Binary {
		text += map[bool]string{true: ", binary", false: ", float"}[s.Binary]
	}
	if s.Model == other.Model && s.Digest != other.Digest {
		digest := strings.TrimPrefix(s.Digest, "sha256:")
		text += ", weights " + digest[:min(12, len(digest))]
	}
	return text + ")"
}

// open returns the index of a base. Without a spec there has to be one.
func (x *Indexes) open(ctx context.Context, base string, spec *knowledge.Spec) (*Index, error) {
	path, err := x.path(base)
	if err != nil {
		return nil, err
	}
	for {
		x.mu.Lock()
		if x.closed {
			x.mu.Unlock()
			return nil, errClosed()
		}
		o, found := x.opened[base]
		if !found {
			// It goes on when the caller has gone away: of a large index it may
			// take longer than any client waits, and would never be done.
			opening, stop := context.WithCancel(context.WithoutCancel(ctx))
			o = newOpening(stop)
			x.opened[base] = o
			go x.begin(opening, o, base, path, spec)
		}
		x.mu.Unlock()
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case errors.Is(o.err, errDropped), isContext(o.err):
			continue // it was dropped, or all are being closed
		case found && spec != nil && fault.Is(o.err, fault.NotFound):
			continue // who began would not have made one
		}
		return o.index, o.err
	}
}

// begin opens an index for all who wait for it.
func (x *Indexes) begin(ctx context.Context, o *opening, base, path string, spec *knowledge.Spec) {
	defer close(o.done)
	defer o.stop()
	defer func() {
		if p := recover(); p != nil { // costs those who wait and not the server
			o.index, o.err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if o.err != nil {
			x.mu.Lock()
			delete(x.opened, base)
			x.mu.Unlock()
		}
	}()
	o.index, o.err = x.load(ctx, base, path, spec)
}

func (x *Indexes) load(ctx context.Context, base, path string, spec *knowledge.Spec) (*Index, error) {
	if spec == nil {
		switch _, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fault.New(fault.NotFound, "There is no index of the knowledge base %s.", base)
		case err != nil:
			return nil, fault.Wrap(fault.Unavailable, err, "The index of the knowledge base %s cannot be read.", base)
		}
	}
	index, err := openIndex(ctx, path, spec, x.params)
	if err != nil && !isContext(err) && !fault.Is(err, fault.NotFound) {
		x.params.Logger.ErrorContext(ctx, "the index of a knowledge base cannot be opened",
			slog.String("base", base), slog.String("path", path), slog.String("cause", err.Error()))
	}
	return index, err
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// path is where the index of a base is. Names that could lead elsewhere are
// none of a base.
func (x *Indexes) path(base string) (string, error) {
	named := base != ""
	for _, r := range base {
		named = named && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '_')
	}
	if !named {
		return "", fault.New(fault.NotFound, "There is no index of the knowledge base %q.", base)
	}
	return filepath.Join(x.dir, base, fileName), nil
}

// Drop implements knowledge.Indexes.
func (x *Indexes) Drop(ctx context.Context, base string) error {
	path, err := x.path(base)
	if err != nil {
		return nil // what cannot be there need not be dropped
	}
	// Who asks for the index meanwhile waits, and finds none.
	drop := newOpening(func() {})
	drop.err = errDropped
	index, err := x.take(ctx, base, drop)
	if err != nil {
		return err
	}
	defer func() {
		x.mu.Lock()
		delete(x.opened, base)
		x.mu.Unlock()
		close(drop.done)
	}()
	if index != nil {
		if err := index.close(); err != nil {
			return err
		}
	}
	return x.remove(base, filepath.Dir(path))
}

// take puts drop in the place of an index, which it returns if it was open.
func (x *Indexes) take(ctx context.Context, base string, drop *opening) (*Index, error) {
	for {
		x.mu.Lock()
		o, found := x.opened[base]
		if x.closed {
			x.mu.Unlock()
			return nil, errClosed()
		}
		if !found {
			x.opened[base] = drop
			x.mu.Unlock()
			return nil, nil //nolint:nilnil // it was not open, and now it cannot be
		}
		x.mu.Unlock()
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		x.mu.Lock()
		if x.opened[base] == o && !x.closed {
			x.opened[base] = drop
			x.mu.Unlock()
			return o.index, nil
		}
		x.mu.Unlock()
	}
}

// remove removes the folder of an index that nobody has open. The folder gets
// another name at once, so that nobody finds half an index should the process
// end before all its files are removed.
func (x *Indexes) remove(base, folder string) error {
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	away, err := os.MkdirTemp(x.dir, trash)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The index of the knowledge base %s cannot be removed.", base)
	}
	err = os.Rename(folder, filepath.Join(away, base))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(away)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "The index of the knowledge base %s cannot be removed.", base)
	}
	return nil
}

// Close implements knowledge.Indexes. It waits for what is in progress, but not
// until an index is open.
func (x *Indexes) Close() error {
	x.mu.Lock()
	x.closed = true
	opened := x.opened
	x.opened = map[string]*opening{}
	x.mu.Unlock()
	var errs []error
	for _, o := range opened {
		o.stop()
		<-o.done
		if o.index != nil {
			errs = append(errs, o.index.close())
		}
	}
	return errors.Join(errs...)
}

func errClosed() error {
	return fault.New(fault.Unavailable, "The server is shutting down. Try your request again.")
}
