package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Counter shows how many things of a number that may grow are done. It is used
// by one goroutine.
type Counter interface {
	// Set tells how many are done of how many that are known; 0 of 0 as long
	// as none is.
	Set(done, total int64)
	// End closes the counter.
	End()
}

// CounterFor returns the Counter that suits w: a bar when it is a terminal,
// lines otherwise. Things are what is counted, in the plural: "documents".
func CounterFor(w io.Writer, title, things string) Counter {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return NewCountingBar(w, title, things)
	}
	return &countingLines{w: w, title: title, things: things}
}

type countingBar struct {
	bar  *progressbar.ProgressBar
	make func() *progressbar.ProgressBar
}

// NewCountingBar returns a Counter that draws a bar on w, which must understand a
// terminal's control codes.
func NewCountingBar(w io.Writer, title, things string) Counter {
	b := &countingBar{make: func() *progressbar.ProgressBar {
		return progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(title),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(things),
			progressbar.OptionSetWidth(24),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
		)
	}}
	b.bar = b.make()
	return b
}

// The bar's own errors are write errors of the terminal; nobody is left who
// could be told about them.

func (b *countingBar) Set(done, total int64) {
	if total <= 0 {
		return
	}
	if b.bar.IsFinished() {
		if done >= total {
			return
		}
		b.bar = b.make() // a number that was reached has grown
	}
	b.bar.ChangeMax64(total)
	_ = b.bar.Set64(done)
}

func (b *countingBar) End() { _ = b.bar.Finish() }

// countingLines writes a line when the work begins and after each quarter.
type countingLines struct {
	w             io.Writer
	title, things string
	total         int64
	quarter       int64
}

// manyThings is the number from which people want to see it move.
const manyThings = 20

func (l *countingLines) Set(done, total int64) {
	if total <= 0 {
		return
	}
	if l.total == 0 {
		fmt.Fprintf(l.w, "%s: %d %s\n", l.title, total, l.things)
	}
	quarter := done * 4 / total
	if quarter > l.quarter && quarter < 4 && total >= manyThings {
		fmt.Fprintf(l.w, "%s: %d of %d %s\n", l.title, done, total, l.things)
	}
	l.total, l.quarter = total, max(quarter, l.quarter)
}

func (l *countingLines) End() {}
