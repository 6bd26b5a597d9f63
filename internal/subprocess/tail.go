package subprocess

import (
	"strings"
	"sync"
)

// tailSize is how much of a child's output is kept.
const tailSize = 4 << 10

// Tail keeps the end of what a child printed, and how it ended. Its zero value
// is ready.
type Tail struct {
	mu   sync.Mutex
	buf  []byte
	exit string
}

// Write implements io.Writer and never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// End notes how the process ended.
func (t *Tail) End(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exit = state
}

// String tells how the child ended and its last lines, for the log.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.buf), ""))
	if text == "" {
		return t.exit
	}
	return t.exit + "; its last output was: " + text
}
