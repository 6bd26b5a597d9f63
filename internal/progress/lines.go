package progress

import (
	"fmt"
	"io"
	"sync"
)

// Lines is a Sink for logs and pipes: one line at the start, one for every
// quarter of a large piece of work, one at the end.
type Lines struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLines returns a Sink that writes plain lines to w. Write errors are
// ignored: that nobody reads the progress is no reason to stop the work.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Begin implements Sink.
func (l *Lines) Begin(title string, total int64) Bar {
	b := &lineBar{out: l, title: title, total: total}
	if total > 0 {
		l.Note(fmt.Sprintf("%s: %s", title, Bytes(total)))
	} else {
		l.Note(title)
	}
	return b
}

// Note implements Sink.
func (l *Lines) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.w, text)
}

// largeWork is the size in bytes from which people want to see it move.
const largeWork = 20_000_000

type lineBar struct {
	out     *Lines
	title   string
	total   int64
	done    int64
	quarter int64
}

func (b *lineBar) Total(bytes int64) { b.total = bytes }

func (b *lineBar) Set(done int64) {
	b.done = done
	if b.total <= 0 {
		return
	}
	quarter := done * 4 / b.total
	if quarter > b.quarter && quarter < 4 && b.total >= largeWork {
		b.out.Note(fmt.Sprintf("%s: %d%% (%s of %s)", b.title, quarter*25, Bytes(done), Bytes(b.total)))
	}
	b.quarter = quarter
}

func (b *lineBar) End(err error) {
	if err != nil {
		b.out.Note(b.title + ": stopped")
		return
	}
	b.out.Note(b.title + ": done")
}

// Bytes writes a size for people, in powers of 1000 as download sizes are
// usually given: 98.4 MB.
func Bytes(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, suffix := float64(n)/unit, 0
	for value >= unit && suffix < 4 {
		value /= unit
		suffix++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTP"[suffix])
}
