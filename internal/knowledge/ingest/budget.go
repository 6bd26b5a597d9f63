package ingest

import (
	"context"
	"sync"
)

// budget bounds the memory of documents in the pipeline. One goroutine takes.
type budget struct {
	most int64

	mu      sync.Mutex
	used    int64
	changed chan struct{} // has a value when something was given back
}

func newBudget(most int64) *budget {
	return &budget{most: most, changed: make(chan struct{}, 1)}
}

// take waits until n fits. What is more than all of it waits until nothing is
// taken.
func (b *budget) take(ctx context.Context, n int64) error {
	for {
		b.mu.Lock()
		fits := b.used == 0 || b.used+n <= b.most
		if fits {
			b.used += n
		}
		b.mu.Unlock()
		if fits {
			return nil
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// give returns n.
func (b *budget) give(n int64) { b.change(n, 0) }

// change makes what was taken larger or smaller, without waiting.
func (b *budget) change(from, to int64) {
	b.mu.Lock()
	b.used += to - from
	b.mu.Unlock()
	poke(b.changed)
}
