package operator

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
)

const (
	// batchEvery is the time between two batches of a stream.
	batchEvery = 200 * time.Millisecond
	// heartbeatEvery is how often a stream with nothing to say shows that it is
	// there.
	heartbeatEvery = 15 * time.Second
	// mostWaiting is how many requests wait for the next batch; older ones are
	// dropped, and counted.
	mostWaiting = 500
	// mostStrangersWaiting is how many of them may be of callers whom nobody
	// recognized.
	mostStrangersWaiting = 100
	// mostFeeds is how many streams there may be at the same time.
	mostFeeds = 32
	// mostOfOne is how many of them one principal may have: more than the tabs of a
	// person, and not all.
	mostOfOne = 8
	// writeTimeout is how long a client may take for a batch.
	writeTimeout = 10 * time.Second
	// longestStream is how long a stream lasts. Who wants more asks again, and
	// whether they still may is decided again: keys end, and so do sessions.
	longestStream = 5 * time.Minute
)

// LiveBatch is the data of an event "requests" of GET /outcrop/requests/live.
type LiveBatch struct {
	Requests []RequestSummary `json:"requests"` // that have ended since the last batch, in the order in which they ended
	Dropped  int              `json:"dropped"`  // how many more there were
	Running  int              `json:"running"`  // how many are under way
}

// feed is one stream.
type feed struct {
	filter filter
	of     string // ARN of who reads it

	mu      sync.Mutex
	waiting []*RequestSummary // nobody changes them any more
	// strangers are those of the waiting ones in which nobody was recognized.
	strangers int
	dropped   int
}

// offer adds a request that is over. It waits for nothing.
func (f *feed) offer(q *RequestSummary) {
	if !f.filter.matches(q) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == mostWaiting || q.stranger() && f.strangers == mostStrangersWaiting {
		f.drop()
	}
	if q.stranger() {
		f.strangers++
	}
	f.waiting = append(f.waiting, q)
}

// drop drops the oldest stranger, or the oldest of all where there is none. The lock is held.
func (f *feed) drop() {
	at := 0
	if f.strangers > 0 {
		at = slices.IndexFunc(f.waiting, (*RequestSummary).stranger)
		f.strangers--
	}
	f.waiting = slices.Delete(f.waiting, at, at+1)
	f.dropped++
}

// take is the next batch; false: there is nothing to say.
func (f *feed) take() (LiveBatch, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := LiveBatch{Requests: make([]RequestSummary, 0, len(f.waiting)), Dropped: f.dropped}
	for _, q := range f.waiting {
		b.Requests = append(b.Requests, *q)
	}
	clear(f.waiting)
	f.waiting, f.strangers, f.dropped = f.waiting[:0], 0, 0
	return b, len(b.Requests) > 0 || b.Dropped > 0
}

// open begins a stream for a principal.
func (r *Ring) open(f filter, of string) (*feed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := 0
	for other := range r.live {
		if other.of == of {
			own++
		}
	}
	if own >= mostOfOne {
		return nil, fault.New(fault.Throttled, "You have %d live streams already. Close one and try again.", own)
	}
	if len(r.live) >= mostFeeds {
		return nil, fault.New(fault.Throttled, "There are %d live streams already. Close one and try again.", mostFeeds)
	}
	to := &feed{filter: f, of: of}
	r.live[to] = struct{}{}
	return to, nil
}

func (r *Ring) close(f *feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, f)
}

func (r *Ring) underWay() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

// liveFilters are the parameters of GET /outcrop/requests/live.
func liveFilters() []string {
	return []string{"model", "operation", "principal", "status", "code", "minLatencyMs", "region", "servedBy", "caller"}
}

// live answers GET /outcrop/requests/live with server-sent events, until the
// client goes, the server ends, or it is time to ask again.
func (a *API) live(q *request) (any, error) {
	f, err := q.query.filter()
	if err != nil {
		return nil, err
	}
	feed, err := a.p.Ring.open(f, q.call.Principal.ARN)
	if err != nil {
		return nil, err
	}
	defer a.p.Ring.close(feed)
	ctx, stop := context.WithTimeout(q.Context(), longestStream)
	defer stop()
	defer context.AfterFunc(a.over, stop)()

	h := q.w.Header()
	h["x-amzn-RequestId"] = []string{q.id}
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that gathers an answer would never pass it on
	q.w.WriteHeader(http.StatusOK)
	s := &eventStream{w: q.w, control: http.NewResponseController(q.w)}
	if s.write("retry: 2000\n\n") != nil {
		return written{}, nil
	}
	batch, heartbeat := time.NewTicker(batchEvery), time.NewTicker(heartbeatEvery)
	defer batch.Stop()
	defer heartbeat.Stop()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return written{}, nil
		case <-heartbeat.C:
			if s.write(": alive\n\n") != nil {
				return written{}, nil
			}
		case <-batch.C:
			made, ok := feed.take()
			if !ok {
				continue
			}
			made.Running = a.p.Ring.underWay()
			text, err := json.Marshal(made)
			if err != nil {
				return written{}, nil // nothing can be said any more
			}
			if s.write("id: "+strconv.Itoa(n)+"\nevent: requests\ndata: "+string(text)+"\n\n") != nil {
				return written{}, nil
			}
			n++
		}
	}
}

// eventStream writes the pieces of a stream. A client that does not take one in
// time is gone.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *eventStream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // test writers have none
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
