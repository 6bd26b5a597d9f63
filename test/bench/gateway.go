package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Targets of the way through to a server of another project. All figures of a
// run have the same upstream, which answers at once, and the same generator.
const (
	addedTarget     = 150  // µs that a Converse takes above the upstream itself, median
	addedTailTarget = 1500 // µs, 99th percentile
	firstTarget     = 150  // µs to the first token of a stream above the upstream's
	openStreams     = 1000
	openTarget      = 150 // MiB that so many open streams add
	liteLLMTarget   = 10  // times the throughput
	portkeyTarget   = 3
)

const (
	// gatewayModel leads to the upstream by the configuration of the server.
	gatewayModel = "meta.llama3-8b-instruct-v1:0"
	holdModel    = "meta.llama3-70b-instruct-v1:0"
	offered      = 400 // requests a second while latency is measured
	measureFor   = 4 * time.Second
	saturated    = 64 // connections while throughput is measured
)

const gatewayConfig = `
backends:
  up: {type: openai, url: "http://%s/v1", flavor: openai, key: unused}
routes:
  - {match: "` + gatewayModel + `", model: up/instant}
  - {match: "` + holdModel + `", model: up/hold}
`

const (
	gatewayBody = `{"messages":[{"role":"user","content":[{"text":"Say yes."}]}],"inferenceConfig":{"maxTokens":16}}`
	chatBody    = `{"model":"instant","messages":[{"role":"user","content":"Say yes."}],"max_tokens":16}`
	chatStream  = `{"model":"instant","messages":[{"role":"user","content":"Say yes."}],"max_tokens":16,"stream":true,"stream_options":{"include_usage":true}}`
)

// measureGateway measures the server in front of another one, and the peers that
// do the same.
func measureGateway(ctx context.Context, o options, folder string, r *report) (err error) {
	up, err := startUpstream(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.stop()) }()
	data := filepath.Join(folder, "gateway")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "outcrop.yaml"), fmt.Appendf(nil, gatewayConfig, up.address), 0o600); err != nil {
		return err
	}
	s, err := start(o, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.wait(ctx, "/health/live", 10*time.Millisecond, readyTimeout); err != nil {
		return err
	}
	// What any hop costs on this machine: a program that copies bytes, and Go's own
	// reverse proxy, which reads and writes HTTP and does nothing else.
	hop, err := startSelf(ctx, relayCommand, up.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hop.stop()) }()
	reverse, err := startSelf(ctx, proxyCommand, up.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reverse.stop()) }()
	direct := target{address: up.address, request: plainRequest(up.address, "/v1/chat/completions", chatBody, "")}
	relayed := target{address: hop.address, request: direct.request}
	proxied := target{address: reverse.address, request: direct.request}
	through := target{address: s.address, request: s.signed(gatewayModel, "converse", gatewayBody)}
	for _, t := range []target{direct, relayed, proxied, through} { // connections and caches are warm
		if _, err := t.load(ctx, 8, 0, time.Second); err != nil {
			return err
		}
	}
	for _, connections := range []int{1, 8, 64} {
		// They take turns, so that whatever else the machine does slows down both.
		var own, base, bare, proxy []float64
		for range 4 {
			for _, m := range []struct {
				target
				name  string
				times *[]float64
			}{{direct, "the upstream", &base}, {relayed, "the relay", &bare}, {proxied, "the reverse proxy", &proxy}, {through, "the server", &own}} {
				l, err := m.load(ctx, connections, offered, measureFor/4)
				if err != nil {
					return fmt.Errorf("%s: %w", m.name, err)
				}
				*m.times = append(*m.times, l.times...)
			}
		}
		for _, hop := range []struct {
			name  string
			times []float64
		}{{"a relay of bytes", bare}, {"Go's reverse proxy", proxy}} {
			name := fmt.Sprintf("%s above the upstream, %d connections, ", hop.name, connections)
			r.inform(name+"median", median(hop.times)-median(base), "µs")
			r.inform(name+"99th percentile", quantile(hop.times, 0.99)-quantile(base, 0.99), "µs")
		}
		name := fmt.Sprintf("Converse above the upstream, %d connections, ", connections)
		r.demand(name+"median", median(own)-median(base), "µs", below, addedTarget)
		r.demand(name+"99th percentile", quantile(own, 0.99)-quantile(base, 0.99), "µs", below, addedTailTarget)
	}
	if err := measureFirst(ctx, s, up, r); err != nil {
		return err
	}
	if err := measureOpen(ctx, s, r); err != nil {
		return err
	}
	whole, err := through.load(ctx, saturated, 0, measureFor)
	if err != nil {
		return err
	}
	bare, err := direct.load(ctx, saturated, 0, measureFor)
	if err != nil {
		return err
	}
	r.inform("the upstream itself", bare.rate(), "requests/s")
	r.inform("Converse through the server", whole.rate(), "requests/s")
	return measureGateways(ctx, o, up, whole.rate(), r)
}

// measureFirst measures the time to the first token.
func measureFirst(ctx context.Context, s *server, up *upstream, r *report) error {
	direct := target{address: up.address, request: plainRequest(up.address, "/v1/chat/completions", chatStream, ""), first: true}
	through := target{address: s.address, request: s.signed(gatewayModel, "converse-stream", gatewayBody), first: true}
	var own, base []float64
	for range 4 {
		a, err := direct.load(ctx, 8, offered/2, measureFor/4)
		if err != nil {
			return fmt.Errorf("streams of the upstream: %w", err)
		}
		b, err := through.load(ctx, 8, offered/2, measureFor/4)
		if err != nil {
			return fmt.Errorf("streams: %w", err)
		}
		base, own = append(base, a.times...), append(own, b.times...)
	}
	r.demand("first token of a stream above the upstream's, median", median(own)-median(base), "µs", below, firstTarget)
	return nil
}

// measureOpen opens many streams, which have had their first token and wait for
// the next.
func measureOpen(ctx context.Context, s *server, r *report) error {
	before, err := s.residentMiB(ctx)
	if err != nil {
		return err
	}
	request := s.signed(holdModel, "converse-stream", gatewayBody)
	connections := make([]net.Conn, 0, openStreams)
	defer func() {
		for _, c := range connections {
			_ = c.Close()
		}
	}()
	for range openStreams {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return err
		}
		connections = append(connections, c)
		if _, err := c.Write(request); err != nil {
			return err
		}
		//nolint:bodyclose // the stream stays open: that is what is measured
		if _, _, err := readFirst(bufio.NewReaderSize(c, 2048)); err != nil {
			return fmt.Errorf("stream %d: %w", len(connections), err)
		}
	}
	after, err := s.residentMiB(ctx)
	if err != nil {
		return err
	}
	r.demand(fmt.Sprintf("memory of %d open streams", openStreams), after-before, "MiB", below, openTarget)
	return nil
}

// target is where requests go: always the same bytes, on connections that stay.
type target struct {
	address string
	request []byte
	first   bool // the time is that of the first token
}

// loaded is what came of a load.
type loaded struct {
	times   []float64 // µs
	elapsed time.Duration
}

func (l loaded) rate() float64 { return float64(len(l.times)) / l.elapsed.Seconds() }

// load sends requests on so many connections: so many a second by the clock, or
// as fast as answers come where rate is 0.
func (t target) load(ctx context.Context, connections, rate int, length time.Duration) (loaded, error) {
	var mu sync.Mutex
	var all []float64
	var failed error
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range connections {
		wg.Go(func() {
			var every time.Duration
			next := begin
			if rate > 0 {
				every = time.Second * time.Duration(connections) / time.Duration(rate)
				next = begin.Add(every * time.Duration(i) / time.Duration(connections))
			}
			times, err := t.one(ctx, next, every, begin.Add(length))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed == nil && len(all) == 0 {
		failed = errors.New("no request was made")
	}
	return loaded{all, time.Since(begin)}, failed
}

// one sends requests on one connection.
func (t target) one(ctx context.Context, next time.Time, every time.Duration, until time.Time) ([]float64, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 16<<10)
	var times []float64
	for ctx.Err() == nil && next.Before(until) {
		time.Sleep(time.Until(next))
		sent := time.Now()
		if _, err := c.Write(t.request); err != nil {
			return nil, err
		}
		first, resp, err := readFirst(in) //nolint:bodyclose // it is read to its end, and the connection is ours
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return nil, err
		}
		took := time.Since(sent)
		if t.first {
			took = first.Sub(sent)
		}
		times = append(times, float64(took)/float64(time.Microsecond))
		if every > 0 {
			next = next.Add(every)
		} else {
			next = time.Now()
		}
	}
	return times, ctx.Err()
}

// readFirst reads the head of an answer and the first piece of its body. What
// has come by then is the first token: servers begin their streams with it, or
// send what comes before in the same piece.
func readFirst(in *bufio.Reader) (time.Time, *http.Response, error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return time.Time{}, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // for the message
		return time.Time{}, nil, fmt.Errorf("%s: %s", resp.Status, text)
	}
	if !strings.Contains(resp.Header.Get("Content-Type"), "stream") {
		return time.Now(), resp, nil
	}
	// The token is "yes": what comes before it are openings.
	piece, seen := make([]byte, 4096), ""
	for !strings.Contains(seen, "yes") {
		n, err := resp.Body.Read(piece)
		seen += string(piece[:n])
		if err != nil && !strings.Contains(seen, "yes") {
			return time.Time{}, nil, fmt.Errorf("no token in %q: %w", seen, err)
		}
	}
	return time.Now(), resp, nil
}

func plainRequest(host, path, body, headers string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", path, host, headers, len(body), body)
}

// signed is a request to an operation of bedrock-runtime. Its signature holds
// for minutes, so every connection can send it again.
func (s *server) signed(model, operation, body string) []byte {
	path := "/model/" + strings.ReplaceAll(model, ":", "%3A") + "/" + operation
	req, err := http.NewRequest(http.MethodPost, "http://"+s.address+path, http.NoBody)
	if err != nil {
		panic(err) // the address is one
	}
	req.Header.Set("Content-Type", "application/json")
	sign(req, bedrock, path, body, time.Now())
	return plainRequest(s.address, path, body, "X-Amz-Date: "+req.Header.Get("X-Amz-Date")+"\r\nAuthorization: "+req.Header.Get("Authorization")+"\r\n")
}

// upstream is the model server behind everybody: this program again, so that it
// shares no process with what is measured.
type upstream struct {
	address string
	cmd     *exec.Cmd
	in      io.Closer
}

const (
	upstreamCommand = "upstream"
	relayCommand    = "relay"
	proxyCommand    = "proxy"
)

func startUpstream(ctx context.Context) (*upstream, error) { return startSelf(ctx, upstreamCommand) }

// startSelf starts this program as something that is measured or measured
// against.
func startSelf(ctx context.Context, args ...string) (*upstream, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill())
	}
	return &upstream{strings.TrimSpace(address), cmd, in}, nil
}

func (u *upstream) stop() error {
	_ = u.in.Close() // its sign to end
	return u.cmd.Wait()
}

const (
	chatAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"instant","choices":[{"index":0,"message":{"role":"assistant","content":"yes, yes, yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}`
	chunkHead  = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"instant","choices":[{"index":0,"delta":`
	chunkTail  = `,"finish_reason":null}]}` + "\n\n"
	chatUsage  = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"instant","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
		`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"instant","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}` + "\n\ndata: [DONE]\n\n"
)

// runUpstream serves until its input ends.
func runUpstream() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		text := string(body)
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"instant","object":"model"}]}`)
			return
		}
		if !strings.Contains(strings.ReplaceAll(text, " ", ""), `"stream":true`) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, chatAnswer)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		flusher, _ := w.(http.Flusher)
		_, _ = io.WriteString(w, chunkHead+`{"role":"assistant","content":""}`+chunkTail+chunkHead+`{"content":"yes"}`+chunkTail)
		flusher.Flush()
		if strings.Contains(text, `"hold"`) {
			<-r.Context().Done()
			return
		}
		for range 4 {
			_, _ = io.WriteString(w, chunkHead+`{"content":", yes"}`+chunkTail)
			flusher.Flush()
		}
		_, _ = io.WriteString(w, chatUsage)
	})
	if _, err := fmt.Println(l.Addr()); err != nil {
		return err
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return srv.Close()
}

// runRelay copies what comes on each connection to one of its own to an address,
// and back, until its input ends.
func runRelay(address string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if _, err := fmt.Println(l.Addr()); err != nil {
		return err
	}
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(onlyWriter{to}, onlyReader{from}) // ends when either side does
		to.Close()
		from.Close()
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			u, err := net.Dial("tcp", address)
			if err != nil {
				c.Close()
				continue
			}
			go pass(u, c)
			go pass(c, u)
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// runProxy is Go's reverse proxy in front of an address, until its input ends.
func runProxy(address string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Println(l.Addr()); err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 100}
	srv := &http.Server{Handler: proxy}
	go func() { _ = srv.Serve(l) }()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return srv.Close()
}

// They keep io.Copy from leaving the copying to the kernel, as no gateway can.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)
