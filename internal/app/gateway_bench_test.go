package app

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
)

const (
	gatewayChunk = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}` + "\n\n"
	gatewayUsage = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}` + "\n\ndata: [DONE]\n\n"
	gatewayWhole = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes, yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}`
)

// serveModel is a model server that answers at once and costs next to nothing:
// what is measured is what is in front of it.
func serveModel(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	chunk := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }
	pieces := make([][]byte, 0, 8)
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	pieces = append(pieces, []byte(head+chunk(fmt.Sprintf(gatewayChunk, `{"role":"assistant","content":""}`, "null")+fmt.Sprintf(gatewayChunk, `{"content":"yes"}`, "null"))))
	for range 4 {
		pieces = append(pieces, []byte(chunk(fmt.Sprintf(gatewayChunk, `{"content":", yes"}`, "null"))))
	}
	pieces = append(pieces, []byte(chunk(fmt.Sprintf(gatewayChunk, `{}`, `"stop"`)+gatewayUsage)+"0\r\n\r\n"))
	whole := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(gatewayWhole), gatewayWhole)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					body, err := readPlain(in)
					if err != nil {
						return
					}
					out := [][]byte{whole}
					if bytes.Contains(body, []byte(`"stream":true`)) {
						out = pieces
					}
					for _, piece := range out {
						if _, err := c.Write(piece); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// readPlain reads a message with a known length and returns its body, which is
// valid until the next read.
func readPlain(in *bufio.Reader) ([]byte, error) {
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, d := range bytes.TrimSpace(value) {
				length = length*10 + int(d-'0')
			}
		}
	}
	body, err := in.Peek(length)
	if err == nil {
		_, err = in.Discard(length)
	}
	return body, err
}

// readChunked reads an answer in chunks to its end.
func readChunked(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if string(line) == "0\r\n" {
			_, err := in.ReadSlice('\n')
			return err
		}
	}
}

// BenchmarkGateway is the whole way through over loopback connections that stay
// open, with signatures, 50 policies, quotas and metering: what a client of a
// server behind this one waits for, less what that server does. The allocations
// are this server's alone.
func BenchmarkGateway(b *testing.B) {
	upstream := serveModel(b)
	a, signer := governedServer(b, func(cfg *config.Config) {
		cfg.Backends = map[string]config.Backend{"up": {Type: config.BackendOpenAI, URL: "http://" + upstream + "/v1", Flavor: "openai", Key: "unused"}}
		cfg.Routes = []config.Route{{Match: governedModel, Model: "up/m"}}
	})
	a.serve()
	for _, kind := range []struct {
		name, path string
		read       func(in *bufio.Reader) error
	}{
		{"whole", converse, func(in *bufio.Reader) error { _, err := readPlain(in); return err }},
		{"stream", converse + "-stream", readChunked},
	} {
		b.Run(kind.name, func(b *testing.B) {
			var request bytes.Buffer
			if err := signedFor(b, signer, a.Addr().String(), kind.path).Write(&request); err != nil {
				b.Fatal(err)
			}
			c, err := net.Dial("tcp", a.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			in := bufio.NewReaderSize(c, 16<<10)
			ask := func() {
				if _, err := c.Write(request.Bytes()); err != nil {
					b.Fatal(err)
				}
				if status, err := in.Peek(len("HTTP/1.1 200")); err != nil || string(status) != "HTTP/1.1 200" {
					rest, _ := in.Peek(in.Buffered())
					b.Fatalf("got %q, %v", rest, err)
				}
				if err := kind.read(in); err != nil {
					b.Fatal(err)
				}
			}
			ask()
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
