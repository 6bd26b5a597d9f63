package llamacpp

import "context"

// UnloadIdle does what the sweeping goroutine does now and then.
func (b *Backend) UnloadIdle() { b.unloadIdle() }

// PID is the process of a model's child, 0 when there is none.
func (b *Backend) PID(model string) int {
	w, err := b.worker(model)
	if err != nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil {
		return 0
	}
	return w.child.cmd.Process.Pid
}

// NoteDeath takes note of a model's child that has ended, as its watcher does
// some time.
func (b *Backend) NoteDeath(model string) {
	w, err := b.worker(model)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child != nil && !w.child.alive() {
		w.died()
	}
}

// Hold finds a model's worker as a request does and returns what the request
// does next.
func (b *Backend) Hold(model string) (acquire func(context.Context) error) {
	w, err := b.worker(model)
	return func(ctx context.Context) error {
		if err != nil {
			return err
		}
		_, err := w.acquire(ctx)
		return err
	}
}

// ErrForgotten is for requests that hold a worker of a model that was not there.
var ErrForgotten = errForgotten

// Environment is what a child gets by default.
