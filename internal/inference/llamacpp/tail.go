package llamacpp

import (
	"strings"
	"sync"
)

// tailSize is how much of a child's standard error is kept.
const tailSize = 4 << 10

// tail keeps the end of what a child printed, and how it ended.
type tail struct {
	mu   sync.Mutex
	buf  []byte
	exit string
}

func newTail() *tail { return &tail{} }

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// end notes how the process ended.
func (t *tail) end(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exit = state
}

// String tells how the child ended and its last lines, for the log.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.buf), ""))
	if text == "" {
		return t.exit
	}
	return t.exit + "; its last output was: " + text
}
