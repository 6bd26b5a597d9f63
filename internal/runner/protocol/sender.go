package protocol

import (
	"errors"
	"io"
	"sync"
)

// maxUnsent bounds what waits for a peer that does not read. Both sides read
// all the time, so reaching it means that the peer is stuck.
const maxUnsent = 1 << 30

var (
	errClosed = errors.New("the sender is closed")
	errUnread = errors.New("the peer does not read its frames")
)

// Sender writes frames in a goroutine of its own, so that nobody who sends
// ever waits for the pipe: what comes while a write is under way leaves
// together in the next one. It is safe for concurrent use.
type Sender struct {
	w io.Writer

	mu      sync.Mutex
	pending []byte
	err     error
	wake    chan struct{} // holds one member while there is something to do
	done    chan struct{} // closed when run has returned
}

// NewSender starts a Sender on w.
func NewSender(w io.Writer) *Sender {
	s := &Sender{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *Sender) run() {
	defer close(s.done)
	var spare []byte
	for range s.wake {
		s.mu.Lock()
		batch, stop := s.pending, s.err
		s.pending = spare[:0]
		s.mu.Unlock()
		if len(batch) > 0 {
			if _, err := s.w.Write(batch); err != nil {
				s.fail(err)
				return
			}
		}
		if stop != nil {
			return
		}
		if spare = batch; cap(spare) > MaxPayload/64 {
			spare = nil // do not keep the memory of one large request
		}
	}
}

func (s *Sender) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Add lets appendTo write whole frames behind those that wait. It reports an
// error once frames cannot be sent any more.
func (s *Sender) Add(appendTo func(dst []byte) []byte) error {
	s.mu.Lock()
	if s.err == nil {
		if s.pending = appendTo(s.pending); len(s.pending) > maxUnsent {
			s.err = errUnread
		}
	}
	err := s.err
	s.mu.Unlock()
	s.nudge()
	return err
}

// AddJSON sends a frame whose payload is v as JSON.
func (s *Sender) AddJSON(kind Kind, id uint32, v any) error {
	frame, err := AppendJSON(nil, kind, id, v)
	if err != nil {
		return err
	}
	return s.Add(func(dst []byte) []byte { return append(dst, frame...) })
}

// Close sends what still waits and returns when it has been written, or when
// writing has failed.
func (s *Sender) Close() {
	s.fail(errClosed)
	s.nudge()
	<-s.done
}

func (s *Sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
