package llama

import (
	"strings"
	"sync"
	"unsafe"
)

// progressSink is where the one progress callback of a library reports to.
// Callbacks cannot be freed, so there is one, and its destination changes.
type progressSink struct {
	mu sync.Mutex
	fn func(fraction float64)
}

func (s *progressSink) set(fn func(float64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fn = fn
}

func (s *progressSink) report(fraction float64) {
	s.mu.Lock()
	fn := s.fn
	s.mu.Unlock()
	if fn != nil {
		fn(fraction)
	}
}

// Levels of ggml's messages.
const (
	logWarn  = 3
	logError = 4
	logCont  = 5 // goes on with the message before
)

// logFilter passes whole lines of warnings and errors on.
type logFilter struct {
	mu   sync.Mutex
	keep bool
	line strings.Builder
	sink func(string)
}

// longestLine bounds a message that never ends its line.
const longestLine = 4 << 10

func (f *logFilter) write(level int32, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if level != logCont {
		f.keep = level >= logWarn
	}
	if !f.keep || f.sink == nil {
		return
	}
	f.line.WriteString(text)
	if strings.HasSuffix(text, "\n") || f.line.Len() > longestLine {
		if s := strings.TrimSpace(f.line.String()); s != "" {
			f.sink(s)
		}
		f.line.Reset()
	}
}

// goString copies a NUL-terminated string out of native memory.
func goString(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
