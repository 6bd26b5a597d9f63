package edge

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

// readBody reads the whole body once, within a size limit and the time that a
// client has for it.
func (x *exchange) readBody(limit int64) error {
	if x.body != nil {
		return nil
	}
	if x.r.ContentLength > limit {
		if x.r.ContentLength > 4*limit {
			x.broken() // too much to be thrown away
			return x.errTooLong()
		}
		return x.tooLong()
	}
	var body bytes.Buffer
	if x.r.ContentLength > 0 {
		body.Grow(int(x.r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(io.LimitReader(x.r.Body, limit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.broken()
		return fault.Wrap(fault.Timeout, err, "The request body was not read within the timeout period.").WithCode("RequestTimeoutException")
	case err != nil:
		x.broken()
		return fault.Wrap(fault.Invalid, err, "The request body did not arrive whole.").WithCode("SerializationException")
	case int64(body.Len()) > limit:
		return x.tooLong()
	}
	x.bodyArrived()
	x.body = body.Bytes()
	return nil
}

// bodyArrived ends the time that a client has for its body.
func (x *exchange) bodyArrived() {
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{}) // test writers have none, and need none
}

// broken marks a request whose body cannot be read to its end. The connection
// is of no more use after the answer, and net/http takes the request for
// canceled although the client may well be waiting.
func (x *exchange) broken() {
	x.bodyBroken = true
	x.w.Header().Set("Connection", "close")
}

// tooLong refuses a body. What the client still sends is thrown away, within
// bounds: a client that finds the connection closed while it writes would never
// read the answer.
func (x *exchange) tooLong() error {
	if _, err := io.CopyN(io.Discard, x.r.Body, 2*x.edge.p.MaxBody); !errors.Is(err, io.EOF) {
		x.broken()
	}
	return x.errTooLong()
}

// errTooLong is what Bedrock says of a body above its limit where a model is
// called; elsewhere that would be about a model that nobody has named.
func (x *exchange) errTooLong() error {
	if x.call.Service != "" && x.call.Service != modelService {
		return fault.New(fault.Invalid, "The request body is too large. It may have at most %d bytes.", x.edge.p.MaxBody)
	}
	return fault.New(fault.Invalid, "Input is too long for requested model.")
}

// modelService is the service whose operations name a model.
const modelService = "bedrock-runtime"

// timedBody ends the time that a client has for its body when it has come.
type timedBody struct {
	io.ReadCloser

	control *http.ResponseController
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{}) // test writers have none, and need none
	}
	return n, err
}
