package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// Response is an answer under way. It is used by one goroutine at a time.
type Response struct {
	Status int
	Header http.Header
	// Body is the answer's body as it comes, with the client's times; its errors
	// are faults. Closing it closes the Response.
	Body io.ReadCloser

	c      *Client
	parent context.Context // the caller's
	ctx    context.Context // of the exchange
	cancel context.CancelCauseFunc
	unhook func() bool // from the client's end
	timer  *time.Timer
	over   time.Time // when Total is; zero when there is none

	body  io.ReadCloser
	began bool // a byte of the body was read
	ended bool // the body was read to its end
	done  bool // nothing of the body is missing to the caller
	shut  bool
}

// errSlow is the cause of an exchange that took too long.
var errSlow = errors.New("the server did not answer in time")

// errClosed is the cause of an exchange that the end of the client cut.
var errClosed = errors.New("the client was closed")

// watch starts the times. first is the first of them.
func (r *Response) watch(first time.Duration) {
	r.ctx, r.cancel = context.WithCancelCause(r.parent)
	r.unhook = context.AfterFunc(r.c.ctx, func() { r.cancel(errClosed) })
	if r.c.p.Total > 0 {
		r.over = time.Now().Add(r.c.p.Total)
		first = min(first, r.c.p.Total)
	}
	if first > 0 || r.c.p.Idle > 0 {
		if first == 0 {
			first = 1 << 62 // Idle holds from the first byte on
		}
		r.timer = time.AfterFunc(first, func() { r.cancel(errSlow) })
	}
}

// wait sets the time for the answer to go on; 0 is no bound but Total, for while
// nobody reads the server is not waited for.
func (r *Response) wait(next time.Duration) {
	if r.timer == nil {
		return
	}
	if next == 0 {
		next = 1 << 62
	}
	if !r.over.IsZero() {
		next = min(next, max(time.Until(r.over), 1))
	}
	r.timer.Reset(next)
}

// Read implements io.Reader for Body.
func (r *Response) Read(p []byte) (int, error) {
	if r.began && r.c.p.Idle > 0 {
		r.wait(r.c.p.Idle)
	}
	n, err := r.body.Read(p)
	if n > 0 && (!r.began || r.c.p.Idle > 0) {
		r.wait(0)
		r.began = true
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		r.ended = true
		return n, io.EOF
	}
	return n, r.failed(err, false)
}

// Close ends the exchange. A connection whose answer is over is kept.
func (r *Response) Close() error {
	r.end()
	return nil
}

func (r *Response) end() {
	if r.shut {
		return
	}
	r.shut = true
	if r.done && !r.ended {
		// The last bytes of a body come right after the last event of the answer.
		// Nobody waits for them but the connection.
		if r.timer != nil {
			r.timer.Stop()
		}
		r.timer = time.AfterFunc(drainTime, func() { r.cancel(errSlow) })
		go func() {
			_, _ = io.CopyN(io.Discard, r.body, drainLimit)
			r.release()
		}()
		return
	}
	r.release()
}

func (r *Response) release() {
	if r.timer != nil {
		r.timer.Stop()
	}
	r.unhook()
	if r.body != nil {
		r.body.Close()
	}
	r.cancel(nil)
	r.c.leave()
}

// failed turns an error of the transport into a fault. before says that nothing
// of the answer had come.
func (r *Response) failed(err error, before bool) error {
	if r.parent.Err() != nil {
		return r.parent.Err()
	}
	name := r.c.p.Name
	switch cause := context.Cause(r.ctx); {
	case errors.Is(cause, errClosed), r.c.ctx.Err() != nil:
		return r.c.stopping()
	case errors.Is(cause, errSlow):
		return fault.Wrap(fault.Timeout, err, "The backend %s did not answer in time.", name)
	}
	return r.c.broken(err, before)
}

// JSON reads a whole body, which has to be JSON by its content type. What it
// returns is the caller's. Faults: Upstream, Timeout; ctx's error.
func (r *Response) JSON() ([]byte, error) {
	if !r.Is("application/json") {
		return nil, r.wrongType()
	}
	return r.whole(bodyLimit)
}

// whole reads the body up to a limit.
func (r *Response) whole(limit int64) ([]byte, error) {
	var b bytes.Buffer
	if n := r.Header.Get("Content-Length"); n != "" && len(n) < 8 {
		size := 0
		for _, d := range n {
			size = size*10 + int(d-'0')
		}
		b.Grow(max(0, min(size, int(limit))) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fault.New(fault.Upstream, "The backend %s answered with more than %d MiB.", r.c.p.Name, limit>>20)
	}
	r.done = true
	return b.Bytes(), nil
}

// Is reports whether the body is of a media type, parameters apart; any type
// with the suffix +json is application/json.
func (r *Response) Is(mediaType string) bool {
	value := r.Header.Get("Content-Type")
	if value == mediaType {
		return true
	}
	got, _, err := mime.ParseMediaType(value)
	if err != nil {
		return false
	}
	return got == mediaType || mediaType == "application/json" && strings.HasSuffix(got, "+json")
}

func (r *Response) wrongType() error {
	value := r.c.clean(r.Header.Get("Content-Type"))
	if value == "" {
		value = "none"
	}
	return fault.New(fault.Upstream, "The backend %s answered with an unexpected content type: %s.", r.c.p.Name, value).
		WithField("originalStatusCode", r.Status).WithField("resourceName", r.c.p.Name)
}

// Stop is what the function of Events returns when the answer is over, whether
// or not the server closes the body.
var Stop = errors.New("the answer is over") //nolint:errname,staticcheck // not an error: as fs.SkipDir

// Events reads server-sent events and calls f for each with its name, "" when it
// has none, and its data, which f must not keep. It ends with the body, with f's
// error, or with nil when f returns Stop. Comments and events without data are
// passed over.
//
// Faults: Upstream for a body that is no event stream, a line or an event of more
// than 4 MiB, a body of more than 1 GiB and one that ends in the middle, Timeout;
// ctx's error.
func (r *Response) Events(f func(event string, data []byte) error) error {
	if !r.Is("text/event-stream") {
		return r.wrongType()
	}
	lines := readers.Get().(*bufio.Reader)
	lines.Reset(r)
	defer func() {
		lines.Reset(nil)
		readers.Put(lines)
	}()
	e := events{r: r, lines: lines, f: f}
	err := e.run()
	if errors.Is(err, Stop) {
		r.done, err = true, nil
	}
	return err
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, buffer) }}

// events is one body under way.
type events struct {
	r     *Response
	lines *bufio.Reader
	f     func(string, []byte) error
	long  []byte // a line that is longer than the buffer
	name  string
	data  []byte
	has   bool // data, which may be empty
	size  int  // bytes of all lines so far
}

func (e *events) run() error {
	for first := true; ; first = false {
		line, err := e.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if e.size += len(line) + 1; e.size > e.r.c.streamLimit {
			return fault.New(fault.Upstream, "The backend %s answered with more than %d MiB.", e.r.c.p.Name, e.r.c.streamLimit>>20)
		}
		if first {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) > 0 {
			if err := e.field(line); err != nil {
				return err
			}
		} else if err := e.dispatch(); err != nil {
			return err
		}
		if err != nil { // the end; servers leave out the empty line after the last event
			return e.dispatch()
		}
	}
}

// line reads a line without its end. It is valid until the next one.
func (e *events) line() ([]byte, error) {
	line, err := e.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		e.long = append(e.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = e.lines.ReadSlice('\n')
			if len(e.long)+len(line) > lineLimit {
				return nil, e.tooLong()
			}
			e.long = append(e.long, line...)
		}
		line = e.long
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), err
}

func (e *events) tooLong() error {
	return fault.New(fault.Upstream, "The backend %s answered with an event of more than %d MiB.", e.r.c.p.Name, lineLimit>>20)
}

func (e *events) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if len(e.data)+len(value) > lineLimit {
			return e.tooLong()
		}
		if e.has {
			e.data = append(e.data, '\n')
		}
		e.data, e.has = append(e.data, value...), true
	case "event":
		if e.name != string(value) {
			e.name = string(value)
		}
	}
	return nil
}

func (e *events) dispatch() error {
	has, name, data := e.has && len(e.data) > 0, e.name, e.data
	e.has, e.name, e.data = false, "", e.data[:0]
	if !has {
		return nil
	}
	if e.r.ctx.Err() != nil || e.r.c.ctx.Err() != nil { // what is in the buffers is not for anybody
		return e.r.failed(context.Canceled, false)
	}
	return e.f(name, data)
}
