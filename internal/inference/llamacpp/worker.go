package llamacpp

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/subprocess"
)

// Times between attempts to start a child that keeps failing, by not loading or
// by dying soon afterwards: none after the first failure, then doubling.
const (
	firstBackoff = time.Second
	mostBackoff  = 30 * time.Second
	// settled is how long a child has to live for its death to count as the
	// first.
	settled = time.Minute
)

// worker is what the backend knows of one model: its child, if there is one.
type worker struct {
	b    *Backend
	name string

	mu       sync.Mutex
	child    *child
	loading  chan struct{} // closed when the attempt under way is over; nil: none is
	users    int
	used     time.Time // when the last user left
	started  time.Time // when child was
	failures int       // in a row
	retryAt  time.Time
	lastErr  error // of the last failed attempt

	draining chan struct{} // closed when the child is let go of; nil: it may be used
	empty    chan struct{} // while draining, closed when the last user leaves
}

// acquire returns the model's child, started if need be. The caller must call
// release. However many ask, one of them starts it; the others wait, and none
// of them stops it by going away. The error is errForgotten when the backend
// has another worker for the model by now, or none.
func (w *worker) acquire(ctx context.Context) (*child, error) {
	for {
		w.mu.Lock()
		if w.child != nil && !w.child.alive() {
			w.died()
		}
		if draining := w.draining; draining != nil {
			w.mu.Unlock()
			select {
			case <-draining:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if w.child != nil {
			w.users++
			c := w.child
			w.mu.Unlock()
			return c, nil
		}
		if w.loading == nil {
			if err := w.begin(); err != nil {
				w.mu.Unlock()
				return nil, err
			}
			w.loading = make(chan struct{})
		}
		loading := w.loading
		w.mu.Unlock()
		select {
		case <-loading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		w.mu.Lock()
		err := w.lastErr
		w.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// begin starts an attempt to load, unless it is too early for one. The caller
// holds mu.
func (w *worker) begin() error {
	if w.b.p.Now().Before(w.retryAt) {
		if w.lastErr != nil {
			return w.lastErr
		}
		return gone(errDied, false)
	}
	b := w.b
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return stopping()
	case b.workers[w.name] != w:
		return errForgotten // Close would not find its child
	}
	b.wg.Go(w.load)
	return nil
}

func (w *worker) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users--
	w.used = w.b.p.Now()
	if w.users == 0 && w.empty != nil {
		close(w.empty)
		w.empty = nil
	}
}

// died takes note of a child that ended by itself. The caller holds mu.
func (w *worker) died() {
	now := w.b.p.Now()
	if now.Sub(w.started) > settled {
		w.failures = 0
	}
	w.child = nil
	w.failed(now)
}

// failed sets when the next attempt may be made. The caller holds mu.
func (w *worker) failed(now time.Time) {
	w.retryAt = now
	if w.failures > 0 {
		w.retryAt = now.Add(min(firstBackoff<<min(w.failures-1, 10), mostBackoff))
	}
	w.failures++
}

// track runs f in a goroutine that Close waits for; false means that the
// backend is closed.
func (b *Backend) track(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.wg.Go(f)
	return true
}

// load makes one attempt to start the child.
func (w *worker) load() {
	c, err := w.startChild(w.b.ctx)
	log := w.b.p.Logger.With("model", w.name)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.b.p.Now()
	w.lastErr = err
	switch {
	case err == nil && w.b.ctx.Err() != nil:
		w.lastErr = stopping()
		c.end(w.b.p.StopTimeout)
	case err == nil:
		w.child, w.started, w.used = c, now, now
		w.b.track(func() { w.watch(c) })
		log.Info("model loaded", "family", c.info.Family, "context", c.info.Context, "dimensions", c.info.Dimensions, "bytes", c.info.Bytes)
	default:
		w.failed(now)
		if !fault.Is(err, fault.NotFound) {
			log.Warn("model not loaded", "error", err)
		}
	}
	close(w.loading)
	w.loading = nil
	if fault.Is(err, fault.NotFound) {
		w.b.forget(w)
	}
}

// watch logs the end of a child that was not told to end.
func (w *worker) watch(c *child) {
	<-c.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == c {
		w.b.p.Logger.Error("model process ended", "model", w.name, "error", c.why)
		w.died()
	}
}

func (w *worker) startChild(ctx context.Context) (*child, error) {
	model, err := w.b.p.Locate(ctx, w.name)
	if err != nil {
		return nil, err
	}
	file, err := gguf.Inspect(model.Path)
	if err != nil {
		return nil, unusable(w.name, err)
	}
	engine, err := w.b.p.Engine(ctx)
	if err != nil {
		return nil, err
	}
	w.b.loading.Lock()
	defer w.b.loading.Unlock()
	p := &w.b.p
	load := p.sized(file)
	load.Library, load.Jinja, load.Model = engine.Library, engine.Jinja, model.Path
	_, cache := cacheSize(file, load)
	if err := w.b.makeRoom(file.Size + cache); err != nil {
		return nil, err
	}
	c, err := start(ctx, p.Command, subprocess.Environment(p.Env), load, p.LoadTimeout)
	var f *fault.Error
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, stopping()
	case errors.As(err, &f):
		return nil, err
	}
	return nil, loadFailed(err)
}

// unusable words why a model's file cannot be loaded, without its path.
func unusable(name string, err error) error {
	if f := fault.As(err); f.Kind == fault.Invalid && !errors.Is(err, os.ErrPermission) {
		return notUsable(name, err)
	}
	return fault.Wrap(fault.Upstream, err, "The model file of %s cannot be read.", name)
}

// makeRoom unloads models that nobody uses, the one unused for longest first,
// until another one of so many bytes fits.
func (b *Backend) makeRoom(need int64) error {
	if b.p.MemoryLimit <= 0 {
		return nil
	}
	if need > b.p.MemoryLimit {
		return tooLarge()
	}
	for {
		var total int64
		var oldest *worker
		var since time.Time
		for _, w := range b.all() {
			w.mu.Lock()
			if w.child != nil {
				total += w.child.info.Bytes
				if w.users == 0 && (oldest == nil || w.used.Before(since)) {
					oldest, since = w, w.used
				}
			}
			w.mu.Unlock()
		}
		if total+need <= b.p.MemoryLimit {
			return nil
		}
		if oldest == nil {
			return memoryShort()
		}
		if oldest.unloadIfUnusedSince(since) {
			b.p.Logger.Info("model unloaded", "model", oldest.name, "reason", "memory")
		}
	}
}

// unloadIfUnusedSince ends the child if nobody uses it, nor has after t.
func (w *worker) unloadIfUnusedSince(t time.Time) bool {
	w.mu.Lock()
	c := w.child
	if c == nil || w.users > 0 || w.used.After(t) {
		w.mu.Unlock()
		return false
	}
	w.child = nil
	w.mu.Unlock()
	c.end(w.b.p.StopTimeout)
	return true
}

// unload ends the child, in use or not.
func (w *worker) unload() {
	w.mu.Lock()
	c := w.child
	w.child = nil
	w.mu.Unlock()
	if c != nil {
		c.end(w.b.p.StopTimeout)
	}
}
