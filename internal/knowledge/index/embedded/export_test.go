package embedded

import (
	"context"
	"fmt"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// Exec runs a statement on the database of an index, past the index.
func Exec(ctx context.Context, index knowledge.Index, statement string) error {
	_, err := index.(*Index).db.Writer().ExecContext(ctx, statement)
	return err
}

// LimitPages keeps the database of an index from growing by more than some
// pages, as a full disk would. A negative number lifts the limit.
func LimitPages(ctx context.Context, index knowledge.Index, more int64) error {
	db := index.(*Index).db.Writer()
	limit := int64(1 << 30)
	if more >= 0 {
		var now int64
		if err := db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&now); err != nil {
			return err
		}
		limit = now + more
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", limit))
	return err
}

// Slots are how many slots memory has, and how many of them are dead.
func Slots(index knowledge.Index) (all, dead int) {
	x := index.(*Index)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.memory.slots(), x.memory.dead
}

// Terms are how many terms an index knows.
func Terms(index knowledge.Index) int {
	x := index.(*Index)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.memory.dictionary.Len()
}
