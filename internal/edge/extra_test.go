package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/edge"
)

// deadlines notes until when an answer may be written.
type deadlines struct {
	*httptest.ResponseRecorder

	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// What one exchange of a connection had to be written by does not end a later one
// that takes as long as it likes, such as a stream of events for operators.
func TestExtraHandlersHaveNoDeadline(t *testing.T) {
	t.Parallel()
	e := newHandler(t, &runtime{}, io.Discard, func(p *edge.Params) {
		p.Extra = map[string]http.Handler{"GET /outcrop/live": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/outcrop/live", nil))
	if w.Code != http.StatusOK || len(w.set) != 1 || !w.set[0].IsZero() {
		t.Errorf("got %d with the deadlines %v, want the one before taken away", w.Code, w.set)
	}
}

// They read their bodies before they know who sends them. Nobody holds a connection by
// sending slowly, and what has come in time is answered however long that takes.
func TestExtraHandlersDoNotWaitForBodies(t *testing.T) {
	t.Parallel()
	const patience = 50 * time.Millisecond
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.BodyTimeout = patience
		p.Extra = map[string]http.Handler{"POST /outcrop/x": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, "it did not come", http.StatusRequestTimeout)
				return
			}
			select {
			case <-r.Context().Done():
			case <-time.After(3 * patience):
			}
			if r.Context().Err() != nil {
				w.WriteHeader(http.StatusTeapot)
			}
		})}
	})
	head := "POST /outcrop/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for name, tc := range map[string]struct{ request, want string }{
		"slow":        {head + "Content-Length: 10\r\n\r\n{", "408 Request Timeout"},
		"slow chunks": {head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "408 Request Timeout"},
		"whole":       {head + "Content-Length: 2\r\n\r\n{}", "200 OK"},
		"none":        {head + "Content-Length: 0\r\n\r\n", "200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, body := raw(t, s, tc.request, false); status != tc.want {
				t.Errorf("got %s %s, want %s", status, body, tc.want)
			}
		})
	}
}
