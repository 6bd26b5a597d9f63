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
