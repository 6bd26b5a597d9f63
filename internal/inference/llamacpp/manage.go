package llamacpp

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
)

// Phase is how far a model is.
type Phase string

// The phases.
const (
	Unloaded  Phase = "unloaded"
	Loading   Phase = "loading"
	Loaded    Phase = "loaded"
	Unloading Phase = "unloading" // waits for the requests that use it
	Broken    Phase = "failed"    // the last try to load it failed
)

// Status is what the backend knows of a model that somebody asked for.
type Status struct {
	Name    string
	Phase   Phase
	Bytes   int64 // of memory, while it is loaded
	Context int   // tokens of one request, while it is loaded
	Users   int   // requests that use it
	Loaded  time.Time
	Used    time.Time // when the last request left
	Why     string    // it failed
}

// Statuses tells of every model that was asked for and is not forgotten, by name.
func (b *Backend) Statuses() []Status {
	var list []Status
	for _, w := range b.all() {
		list = append(list, w.status())
	}
	slices.SortFunc(list, func(x, y Status) int { return strings.Compare(x.Name, y.Name) })
	return list
}

func (w *worker) status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{Name: w.name, Phase: Unloaded, Users: w.users, Used: w.used}
	switch {
	case w.child != nil && w.child.alive():
		s.Phase, s.Bytes, s.Context, s.Loaded = Loaded, w.child.info.Bytes, w.child.info.Context, w.started
		if w.draining != nil {
			s.Phase = Unloading
		}
	case w.loading != nil:
		s.Phase = Loading
	case w.lastErr != nil:
		s.Phase, s.Why = Broken, fault.As(w.lastErr).Message
	}
	return s
}

// Load loads a model that is not loaded, and returns when it is. Faults as a
// request's.
func (b *Backend) Load(ctx context.Context, name string) error {
	w, _, err := b.acquire(ctx, name)
	if err != nil {
		return err
	}
	w.release()
	return nil
}

// Unload ends a model's process once nobody uses it. Requests that come meanwhile
// wait, and load it anew. When ctx ends before the last one has left, the model
// stays: fault.Unavailable. A model that is not loaded is unloaded.
func (b *Backend) Unload(ctx context.Context, name string) error {
	b.mu.Lock()
	w := b.workers[name]
	b.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.drain(ctx)
}

// drain waits until nobody uses the child, and ends it.
func (w *worker) drain(ctx context.Context) error {
	w.mu.Lock()
	if w.draining != nil {
		draining := w.draining
		w.mu.Unlock()
		select {
		case <-draining: // somebody else's
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c := w.child
	if c == nil {
		w.mu.Unlock()
		return nil
	}
	w.draining, w.empty = make(chan struct{}), make(chan struct{})
	empty := w.empty
	if w.users == 0 {
		close(w.empty)
		w.empty = nil
	}
	w.mu.Unlock()
	left := true
	select {
	case <-empty:
	case <-c.done: // it has ended by itself
	case <-ctx.Done():
		left = false
	}
	w.mu.Lock()
	users := w.users
	if left && w.child == c {
		w.child = nil
	}
	w.empty = nil
	close(w.draining)
	w.draining = nil
	w.mu.Unlock()
	if !left {
		return fault.New(fault.Unavailable, "The model %s stays loaded: it is used by %d requests that did not end in time.", w.name, users)
	}
	c.end(w.b.p.StopTimeout)
	w.b.p.Logger.Info("model unloaded", "model", w.name, "reason", "asked")
	return nil
}

// Need is how much memory a model file will take when it is loaded: its weights
// and the cache that it gets here.
func (b *Backend) Need(path string) (int64, error) {
	file, err := gguf.Inspect(path)
	if err != nil {
		return 0, err
	}
	_, cache := cacheSize(file, b.p.sized(file))
	return file.Size + cache, nil
}

// Estimate is Need for a file of which only the size is known.
func (b *Backend) Estimate(size int64) int64 {
	return size + max(cmp.Or(b.p.CacheBytes, usualCache), b.p.MemoryLimit/usualCacheShare)
}

// MemoryLimit is how much memory all models together may take; 0: no limit.
func (b *Backend) MemoryLimit() int64 { return b.p.MemoryLimit }
