package edge_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/fault"
)

// A request that there is no room for is refused in the protocol it came in,
// before its body is read, and leaves nothing behind; the probes of an
// orchestrator are answered all the same.
func TestEntrance(t *testing.T) {
	t.Parallel()
	var inside atomic.Int64
	var sizes []int64
	full := false
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.Enter = func(body int64) (func(), error) {
			sizes = append(sizes, body)
			if full {
				return nil, fault.New(fault.Unavailable, "Too many connections, please wait before trying again.")
			}
			inside.Add(1)
			return func() { inside.Add(-1) }, nil
		}
	})
	s.post(t, conversePath, hello)
	full = true
	response, body := s.post(t, conversePath, hello)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(response.Header.Get("X-Amzn-Errortype"), "ServiceUnavailableException") ||
		body != `{"message":"Too many connections, please wait before trying again."}` {
		t.Errorf("got %s %v %s", response.Status, response.Header, body)
	}
	response, body = s.post(t, "/", "Action=GetCallerIdentity&Version=2011-06-15")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "<Message>Too many connections, please wait before trying again.</Message>") {
		t.Errorf("query: got %s %s", response.Status, body)
	}
	if got := inside.Load(); got != 0 {
		t.Errorf("got %d requests inside at the end", got)
	}
	if want := int64(len(hello)); len(sizes) != 3 || sizes[0] != want || sizes[1] != want {
		t.Errorf("got the sizes %v, want %d twice and that of the form", sizes, want)
	}
	alive, err := s.Client().Get(s.URL + "/health/live")
	if err != nil {
		t.Fatal(err)
	}
	alive.Body.Close()
	if alive.StatusCode != http.StatusOK || len(sizes) != 3 {
		t.Errorf("health: got %s, and %d askings", alive.Status, len(sizes))
	}
}
