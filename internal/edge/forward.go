package edge

import (
	"context"
	"io"
	"net/http"
	"strings"
)

// Forward hands the request of an operation on to a server elsewhere and returns
// its answer. body is the request's, without framing. Its error is a fault.
type Forward func(ctx context.Context, r *http.Request, body []byte) (*http.Response, error)

// answered are the headers of a forwarded answer that go along.
func answered(name string) bool {
	switch name {
	case "Content-Type", "Content-Length":
		return true
	case "X-Amzn-Requestid":
		return false // the client's request has one of its own
	}
	return strings.HasPrefix(name, "X-Amzn-") || strings.HasPrefix(name, "X-Amz-")
}

// forward answers with what a server elsewhere answers, piece by piece as it
// comes.
func (x *exchange) forward(ask Forward) error {
	resp, err := ask(x.r.Context(), x.r, x.body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	header := http.Header{}
	for name, values := range resp.Header {
		if answered(name) {
			header[name] = values
		}
	}
	x.setHeaders(header)
	if id := resp.Header.Get("X-Amzn-Requestid"); id != "" {
		x.w.Header().Set("X-Outcrop-Forwarded-Request-Id", id)
	}
	x.status = resp.StatusCode
	if resp.StatusCode >= http.StatusBadRequest {
		x.code, _, _ = strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
		if x.code == "" {
			x.code = http.StatusText(resp.StatusCode)
		}
	}
	x.answering(nil)
	x.deadline()
	x.w.WriteHeader(resp.StatusCode)
	control := http.NewResponseController(x.w)
	piece := make([]byte, 16<<10)
	for {
		n, err := resp.Body.Read(piece)
		if n > 0 {
			x.deadline()
			if _, err := x.w.Write(piece[:n]); err != nil {
				return nil // the client is gone
			}
			_ = control.Flush() // as above
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			// What came is incomplete, and so is what the client gets: it must not be
			// taken for the whole.
			x.cause = err
			panic(http.ErrAbortHandler)
		}
	}
}
