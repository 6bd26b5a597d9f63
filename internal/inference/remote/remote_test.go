package remote_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/remote"
	"github.com/outcrop/outcrop/internal/outbound"
)

const key = "sk-verysecretkey12345"

func client(t *testing.T, url string, change ...func(*remote.Params)) *remote.Client {
	t.Helper()
	p := remote.Params{
		Name: "gpu1", URL: url, Header: http.Header{"Authorization": {"Bearer " + key}}, Dialer: outbound.New(outbound.Params{}),
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
	for _, f := range change {
		f(&p)
	}
	c, err := remote.New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestRequestsAreWhatWasAsked(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, `{"ok":true}`)
	})
	c := client(t, url+"/openai/v1/?api-version=2026-01-01", func(p *remote.Params) {
		p.Sign = func(r *http.Request, body []byte) error {
			r.Header.Set("X-Signed", fmt.Sprint(len(body), r.URL.EscapedPath()))
			return nil
		}
	})
	r, err := c.Do(t.Context(), "POST", "/model/a%2Fb:0/x?limit=1", http.Header{"X-One": {"1"}}, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	answer, err := r.JSON()
	if err != nil || string(answer) != `{"ok":true}` {
		t.Errorf("got %q, %v", answer, err)
	}
	if got.URL.EscapedPath() != "/openai/v1/model/a%2Fb:0/x" || got.URL.RawQuery != "api-version=2026-01-01&limit=1" || string(body) != `{"a":1}` {
		t.Errorf("got %s with %q", got.URL, body)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + key, "X-One": "1", "Content-Type": "application/json", "User-Agent": "outcrop",
		"X-Signed": "7/openai/v1/model/a%2Fb:0/x", "Accept-Encoding": "identity", "Idempotency-Key": "",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	if _, sent := got.Header["Idempotency-Key"]; sent {
		t.Error("Idempotency-Key was sent")
	}
}

func TestBadURLsAreRefusedWithoutRepeatingThem(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "gpu1", "ftp://x", "http://user:" + key + "@x/", "http://%zz" + key} {
		_, err := remote.New(remote.Params{URL: url, Dialer: outbound.New(outbound.Params{})})
		if err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v", url, err)
		}
	}
	if _, err := remote.New(remote.Params{URL: "http://x", Dialer: outbound.New(outbound.Params{}), CA: []byte("no")}); err == nil {
		t.Error("authorities that are none: got no error")
	}
}

// Each status is the fault that clients and the router act on.
func TestStatuses(t *testing.T) {
	t.Parallel()
	type want struct {
		kind    fault.Kind
		message string
	}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   want
		chain  error
	}{
		"invalid":       {400, nil, `{"error":{"message":"temperature must be\n below 2","type":"invalid_request_error","param":"temperature"}}`, want{fault.Invalid, "temperature must be below 2"}, nil},
		"fastapi":       {422, nil, `{"detail":[{"loc":["body","messages",0],"msg":"Field required"}]}`, want{fault.Invalid, "messages: Field required"}, nil},
		"no words":      {400, nil, ``, want{fault.Invalid, "The backend gpu1 refused the request."}, nil},
		"context":       {400, nil, `{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}`, want{fault.Invalid, "This model's maximum context length is 8192 tokens."}, inference.ErrContextWindow},
		"llama context": {400, nil, `{"error":{"code":400,"message":"request (900 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error"}}`, want{fault.Invalid, "request (900 tokens) exceeds the available context size (512 tokens), try increasing it"}, inference.ErrContextWindow},
		"anthropic":     {400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 200001 tokens > 200000 maximum"}}`, want{fault.Invalid, "prompt is too long: 200001 tokens > 200000 maximum"}, inference.ErrContextWindow},
		"key":           {401, nil, `{"error":{"message":"Incorrect API key provided: sk-very*******2345."}}`, want{fault.Upstream, "The backend gpu1 refused its key."}, nil},
		"forbidden":     {403, nil, `<html>no</html>`, want{fault.Upstream, "The backend gpu1 refused its key."}, nil},
		"model":         {404, nil, `{"object":"error","message":"The model x does not exist.","type":"NotFoundError","code":404}`, want{fault.NotFound, "The backend gpu1 does not have the model. The model x does not exist."}, nil},
		"path":          {404, nil, `{"detail":"Not Found"}`, want{fault.Upstream, "The backend gpu1 has no such path. Not Found"}, nil},
		"timeout":       {504, nil, `<html><body>gateway</body></html>`, want{fault.Timeout, "The backend gpu1 did not answer in time."}, nil},
		"throttled":     {429, http.Header{"Retry-After": {"3"}}, `{"error":"slow down"}`, want{fault.Throttled, "The backend gpu1 has too many requests. slow down"}, inference.RetryAfter{Wait: 3 * time.Second}},
		"throttled ms":  {429, http.Header{"Retry-After-Ms": {"250"}}, ``, want{fault.Throttled, "The backend gpu1 has too many requests."}, inference.RetryAfter{Wait: 250 * time.Millisecond}},
		"throttled at":  {429, http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:04:10 GMT"}}, ``, want{fault.Throttled, "The backend gpu1 has too many requests."}, inference.RetryAfter{Wait: 5 * time.Second}},
		"broken":        {500, nil, `{"error":{"message":"CUDA out of memory"}}`, want{fault.Upstream, "The backend gpu1 answered with status 500. CUDA out of memory"}, nil},
		"html":          {500, nil, `<!DOCTYPE html><p>secret stack</p>`, want{fault.Upstream, "The backend gpu1 answered with status 500."}, nil},
		"gateway":       {502, nil, ``, want{fault.Unavailable, "The backend gpu1 is not available."}, nil},
		"overloaded":    {529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, want{fault.Unavailable, "The backend gpu1 is not available. Overloaded"}, nil},
		"redirect":      {302, http.Header{"Location": {"https://login.example/?token=" + key}}, ``, want{fault.Upstream, "The backend gpu1 answered with a redirect, which is not followed."}, nil},
		"teapot":        {418, nil, `{"message":"short and stout"}`, want{fault.Upstream, "The backend gpu1 answered with status 418. short and stout"}, nil},
		"secrets":       {400, nil, `{"error":{"message":"bad header Authorization: Bearer ` + key + ` and sk-proj-abcdefgh1234 and eyJhbGciOi.eyJzdWIi.x"}}`, want{fault.Invalid, "bad header Authorization: (hidden) and (hidden) and (hidden)"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), test.header)
				if strings.HasPrefix(test.body, "{") {
					w.Header().Set("Content-Type", "application/json")
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			_, err := client(t, url).Do(t.Context(), "POST", "/x", nil, []byte("{}"))
			f := fault.As(err)
			if f.Kind != test.want.kind || f.Message != test.want.message {
				t.Errorf("got %v %q, want %v %q", f.Kind, f.Message, test.want.kind, test.want.message)
			}
			if test.chain != nil && !errors.Is(err, test.chain) {
				t.Errorf("got %v, want %v in its chain", err, test.chain)
			}
			if test.chain == nil && errors.Is(err, inference.ErrContextWindow) {
				t.Errorf("got %v, which is not about the context", err)
			}
			if remote.StatusOf(err) != test.status {
				t.Errorf("got status %d, want %d", remote.StatusOf(err), test.status)
			}
			if strings.Contains(err.Error(), key) {
				t.Errorf("got %v, with the key", err)
			}
			if f.Kind == fault.Upstream && (f.Fields["originalStatusCode"] != test.status || f.Fields["resourceName"] != "gpu1") {
				t.Errorf("got fields %v", f.Fields)
			}
		})
	}
}

// events reads the events of a raw body.
func events(t *testing.T, c *remote.Client) ([]string, error) {
	t.Helper()
	r, err := c.Do(t.Context(), "POST", "/x", nil, []byte("{}"))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var got []string
	err = r.Events(func(event string, data []byte) error {
		got = append(got, event+"|"+string(data))
		if string(data) == "[DONE]" {
			return remote.Stop
		}
		return nil
	})
	return got, err
}

func sse(t *testing.T, body string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, body)
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100_000)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"plain":            {"data: a\n\ndata:b\n\n", []string{"|a", "|b"}},
		"names and lines":  {"event: x\ndata: a\ndata:\ndata: b\nid: 7\nretry: 9\n\ndata: c\n\n", []string{"x|a\n\nb", "|c"}},
		"carriage returns": {"\ufeffdata: a\r\n\r\n: comment\r\n\r\nevent: y\r\ndata: b\r\n\r\n", []string{"|a", "y|b"}},
		"no last line":     {"data: a\n\ndata: b", []string{"|a", "|b"}},
		"nothing":          {"", nil},
		"no data":          {"event: ping\n\ndata\n\ndata: a\n\n", []string{"|a"}},
		"over":             {"data: a\n\ndata: [DONE]\n\ndata: b\n\n", []string{"|a", "|[DONE]"}},
		"long":             {"data: " + long + "\n\ndata: a\n\n", []string{"|" + long, "|a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := events(t, client(t, sse(t, test.body)))
			if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %.200q, %v, want %.200q", got, err, test.want)
			}
		})
	}
}

func TestEventsHaveLimits(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, body := range map[string]string{
		"a line":      "data: " + strings.Repeat("x", 10*mib) + "\n\n",
		"an event":    strings.Repeat("data: "+strings.Repeat("x", mib)+"\n", 6) + "\n",
		"no line end": strings.Repeat("x", 10*mib),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := events(t, client(t, sse(t, body)))
			if !fault.Is(err, fault.Upstream) || !strings.Contains(err.Error(), "more than 4 MiB") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWrongContentTypes(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"text/html", "application/json", "", "x; =", "text/event-streams"} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{value}
			fmt.Fprint(w, "<html>")
		})
		if _, err := events(t, client(t, url)); !fault.Is(err, fault.Upstream) || !strings.Contains(err.Error(), "content type") {
			t.Errorf("%q: got %v", value, err)
		}
	}
	r, err := client(t, sse(t, "")).Do(t.Context(), "GET", "/x", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.JSON(); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v", err)
	}
}

// raw serves one connection after another with f.
func raw(t *testing.T, f func(c net.Conn, r *http.Request)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				f(conn, r)
			})
		}
	})
	return "http://" + l.Addr().String()
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		sent string
		kind fault.Kind
	}{
		"closed at once":    {"", fault.Unavailable},
		"no HTTP":           {"SSH-2.0-OpenSSH_9.9\r\n", fault.Upstream},
		"huge header":       {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), fault.Upstream},
		"in the middle":     {head + "9\r\ndata: a\n\n\r\n", fault.Upstream},
		"in a frame":        {head + "90\r\ndata: a", fault.Upstream},
		"bad chunk":         {head + "9\r\ndata: a\n\n\r\nzz\r\n", fault.Upstream},
		"less than it said": {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\ndata: a\n\n", fault.Upstream},
		"in the headers":    {"HTTP/1.1 200 OK\r\nContent-Ty", fault.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(c net.Conn, _ *http.Request) { fmt.Fprint(c, test.sent) })
			if _, err := events(t, client(t, url)); !fault.Is(err, test.kind) {
				t.Errorf("got %v, want %v", err, test.kind)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := events(t, client(t, "http://"+l.Addr().String())); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody listens: got %v", err)
	}
	offline := client(t, "http://models.example/v1", func(p *remote.Params) { p.Dialer = outbound.New(outbound.Params{Offline: true}) })
	if _, err := events(t, offline); !fault.Is(err, fault.Unsupported) {
		t.Errorf("offline: got %v", err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	if _, err := events(t, client(t, server.URL)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown certificate: got %v", err)
	}
}

// What hangs ends with Timeout, wherever it hangs.
func TestTimes(t *testing.T) {
	t.Parallel()
	const short, head = 20 * time.Millisecond, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	for name, test := range map[string]struct {
		sent  string
		times func(*remote.Params)
	}{
		"before the headers": {"", func(p *remote.Params) { p.FirstByte = short }},
		"before the body":    {head, func(p *remote.Params) { p.FirstByte = short }},
		"in the body":        {head + "data: a\n\n", func(p *remote.Params) { p.Idle = short }},
		"altogether":         {head + "data: a\n\n", func(p *remote.Params) { p.Idle, p.FirstByte, p.Total = time.Hour, time.Hour, short }},
		"total alone":        {head + "data: a\n\n", func(p *remote.Params) { p.Total = short }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(c net.Conn, _ *http.Request) {
				fmt.Fprint(c, test.sent)
				_, _ = c.Read(make([]byte, 1)) // until the client has gone
			})
			if _, err := events(t, client(t, url, test.times)); !fault.Is(err, fault.Timeout) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the client's own time-out", err)
			}
		})
	}
}

// pipe is a server at the other end of connections that are in memory.
type pipe func(c net.Conn)

func (p pipe) DialContext(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go p(there)
	return here, nil
}
func (pipe) Running() bool { return true }
func (pipe) Close() error  { return nil }

// A client that takes its time is not the server's silence.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "http://gpu1/v1", func(p *remote.Params) {
			p.Idle = time.Second
			p.Server = pipe(func(c net.Conn) {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
					for range 3 {
						time.Sleep(time.Second - 1)
						fmt.Fprint(c, "data: a\n\n")
					}
				}
			})
		})
		defer c.Close()
		r, err := c.Do(t.Context(), "GET", "/x", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		n := 0
		if err := r.Events(func(string, []byte) error { n++; time.Sleep(time.Minute); return nil }); err != nil || n != 3 {
			t.Errorf("got %d events, %v, want all 3", n, err)
		}
	})
}

func TestCancellationAndClose(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 2)
	url := raw(t, func(c net.Conn, _ *http.Request) {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n")
		_, _ = c.Read(make([]byte, 1))
		gone <- struct{}{}
	})
	read := func(ctx context.Context, c *remote.Client, f func()) error {
		r, err := c.Do(ctx, "POST", "/x", nil, []byte("{}"))
		if err != nil {
			return err
		}
		defer r.Close()
		return r.Events(func(string, []byte) error { f(); return nil })
	}
	c := client(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	if err := read(ctx, c, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	<-gone
	closed := make(chan error, 1)
	if err := read(t.Context(), c, func() { go func() { closed <- c.Close() }() }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("closed: got %v", err)
	}
	<-gone
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := read(t.Context(), c, func() {}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after Close: got %v", err)
	}
}

// An answer that is over leaves its connection to the next one, also when the
// caller stops at its last event.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: a\n\ndata: [DONE]\n\n")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := client(t, server.URL, func(p *remote.Params) { p.Requests = 1 }) // the next waits for the end of the one before
	for range 20 {
		if _, err := events(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n > 10 { // a busy machine may lose one
		t.Errorf("got %d connections for 20 requests one after another, want 1", n)
	}
}

// A server may close a connection that nobody uses just when a request comes: it
// is sent again on another one. One that ends a request that it has only just
// been given is not asked twice.
func TestConnectionsThatTheServerClosed(t *testing.T) {
	t.Parallel()
	const answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	var asked atomic.Int64
	url := raw(t, func(c net.Conn, _ *http.Request) {
		if asked.Add(1) < 4 {
			fmt.Fprint(c, answer) // and it is closed
		}
	})
	c := client(t, url)
	for i := range 3 {
		r, err := c.Do(t.Context(), "POST", "/x", nil, []byte("{}"))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if got, err := r.JSON(); err != nil || string(got) != "{}" {
			t.Errorf("got %q, %v", got, err)
		}
		r.Close()
	}
	if _, err := c.Do(t.Context(), "POST", "/x", nil, []byte("{}")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want that it closed the connection", err)
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("got %d requests, want 4", n)
	}
}

// What belongs to no answer is not taken for the next one.
func TestBytesAfterAnAnswer(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	url := raw(t, func(c net.Conn, _ *http.Request) {
		n := opened.Add(1)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n9", n)
		_, _ = io.Copy(io.Discard, c)
	})
	c := client(t, url)
	for _, want := range []string{"1", "2"} {
		r, err := c.Do(t.Context(), "POST", "/x", nil, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.JSON(); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %s", got, err, want)
		}
		r.Close()
	}
}

// What a server says while nobody asks is not taken for an answer: the word that
// the time of a connection is over, or one answer too many.
func TestBytesBetweenAnswers(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n"
	for name, stray := range map[string]string{
		"time is over": "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "another answer": head + "9", "closed": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opened atomic.Int64
			more, said := make(chan struct{}), make(chan struct{})
			url := raw(t, func(c net.Conn, _ *http.Request) {
				n := opened.Add(1)
				fmt.Fprintf(c, "%s%d", head, n)
				if n > 1 {
					return
				}
				<-more
				fmt.Fprint(c, stray)
				if stray == "" {
					c.Close()
				}
				close(said)
				_, _ = io.Copy(io.Discard, c)
			})
			c := client(t, url)
			for _, want := range []string{"1", "2"} {
				r, err := c.Do(t.Context(), "POST", "/x", nil, []byte("{}"))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := r.JSON(); err != nil || string(got) != want {
					t.Errorf("got %q, %v, want %s", got, err, want)
				}
				r.Close()
				if want == "1" {
					close(more)
					<-said
				}
			}
		})
	}
}

// A connection that the server uses for another protocol is of no more use.
func TestServersThatChangeTheProtocol(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	url := raw(t, func(c net.Conn, _ *http.Request) {
		if opened.Add(1) == 1 {
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		} else {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n2")
		}
		_, _ = io.Copy(io.Discard, c)
	})
	c := client(t, url)
	if _, err := c.Do(t.Context(), "GET", "/x", nil, nil); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want that the answer is none", err)
	}
	r, err := c.Do(t.Context(), "GET", "/x", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.JSON(); err != nil || string(got) != "2" {
		t.Errorf("got %q, %v, want 2", got, err)
	}
}

// Bodies of every size come as they were sent, the large ones by the way of
// servers that may answer before they have them.
func TestBodiesOfEverySize(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(got)
	})
	c := client(t, url)
	for _, size := range []int{0, 1, 4 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		sent := bytes.Repeat([]byte("x"), size)
		r, err := c.Do(t.Context(), "POST", "/x", nil, sent)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got, err := r.JSON(); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		r.Close()
	}
}

// A header cannot bring a second request with it.
func TestHeadersThatCannotBeSent(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, value := range []string{"a\r\nX: b", "a\nb", "a\x00"} {
		if _, err := client(t, url).Do(t.Context(), "GET", "/x", http.Header{"X-A": {value}}, nil); err == nil {
			t.Errorf("%q: got no error", value)
		}
	}
	for _, query := range []string{"a=b HTTP/1.1\r\nX: y", "a\nb", "a b", "a\x00", "a\x7f"} {
		if _, err := client(t, url).Do(t.Context(), "GET", "/x?"+query, nil, nil); err == nil {
			t.Errorf("%q: got no error", query)
		}
	}
}

// What says where a request ends and for whom it is cannot be set as a header.
func TestHeadersOfTheRequestItself(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `"%s %v %s %v"`, got, err, r.Header.Get("X-A"), r.Host != "other")
	})
	c := client(t, url, func(p *remote.Params) {
		p.Header = http.Header{"Host": {"other"}, "Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}, "Trailer": {"X-B"}, "X-A": {"a"}}
	})
	r, err := c.Do(t.Context(), "POST", "/x", nil, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.JSON(); err != nil || string(got) != `"body <nil> a true"` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestRequestsWaitForTheirPlace(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: [DONE]\n\n")
	})
	c := client(t, url, func(p *remote.Params) { p.Requests = 2 })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := events(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("got %d requests at once, want 2", most.Load())
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\n", r.Host)
	})}
	go server.Serve(l)
	defer server.Close()
	got, err := events(t, client(t, "http://model/v1", func(p *remote.Params) { p.Socket = socket }))
	if err != nil || len(got) != 1 || got[0] != "|model" {
		t.Errorf("got %q, %v", got, err)
	}
}

// No server's bytes make the reader of events fail in another way than with a
// fault, and what it reads is what the lines say.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: a\ndata: b\n\n"))
	f.Add([]byte("data:\r\n\r\n:x\ndata"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want []string
		err := remote.ReadEvents(bytes.NewReader(body), func(event string, data []byte) error {
			got = append(got, event+"|"+string(data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		name, data := "", []string(nil)
		flush := func() {
			if s := strings.Join(data, "\n"); s != "" {
				want = append(want, name+"|"+s)
			}
			name, data = "", nil
		}
		for line := range strings.SplitSeq(strings.TrimPrefix(string(body), "\ufeff"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch {
			case line == "":
				flush()
			case field == "data":
				data = append(data, value)
			case field == "event":
				name = value
			}
		}
		flush()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func FuzzErrors(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"x","code":3}}`))
	f.Add([]byte(`{"detail":[{"loc":["body",1],"msg":"x"}]}`))
	f.Add([]byte(`[{"error":{"message":"x"}}]`))
	f.Fuzz(func(_ *testing.T, body []byte) { remote.Read(body) })
}

// endless is a body that says the same for ever.
type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }

func TestEventsEnd(t *testing.T) {
	t.Parallel()
	for _, body := range []endless{"data: x\n\n", ": nothing\n", "\n"} {
		err := remote.ReadSomeEvents(body, 1<<20, func(string, []byte) error { return nil })
		if !fault.Is(err, fault.Upstream) {
			t.Errorf("%q: got %v, want a fault of the server", string(body), err)
		}
	}
}
