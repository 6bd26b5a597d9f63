package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Terminal is a Sink with a moving bar: size, speed and the time that is left.
type Terminal struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTerminal returns a Sink that draws bars on w, which must understand a
// terminal's control codes.
func NewTerminal(w io.Writer) *Terminal { return &Terminal{w: w} }

// Begin implements Sink.
func (t *Terminal) Begin(title string, total int64) Bar {
	if total <= 0 {
		total = -1
	}
	return &terminalBar{out: t, title: title, bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(lockedWriter{t}),
		progressbar.OptionSetDescription(title),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
	)}
}

// Note implements Sink.
func (t *Terminal) Note(text string) {
	_, _ = fmt.Fprintf(lockedWriter{t}, "\r\x1b[K%s\n", text)
}

type terminalBar struct {
	out   *Terminal
	title string
	bar   *progressbar.ProgressBar
}

// The bar's own errors are write errors of the terminal; nobody is left who
// could be told about them.

func (b *terminalBar) Total(bytes int64) { b.bar.ChangeMax64(bytes) }
func (b *terminalBar) Set(done int64)    { _ = b.bar.Set64(done) }

func (b *terminalBar) End(err error) {
	if err == nil {
		_ = b.bar.Finish()
	} else {
		_ = b.bar.Exit()
	}
	_, _ = fmt.Fprintln(lockedWriter{b.out})
}

type lockedWriter struct{ t *Terminal }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.t.mu.Lock()
	defer l.t.mu.Unlock()
	return l.t.w.Write(p)
}
