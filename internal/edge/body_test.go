package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// raw sends bytes that no HTTP client would send, closes its side when asked
// to, and returns the answer's status line and body.
func raw(t *testing.T, s *server, request string, halfClose bool) (string, string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if halfClose {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "torn", err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status, string(body)
}

func head(length string) string {
	return "POST " + conversePath + " HTTP/1.1\r\nHost: localhost\r\n" + length + "\r\n\r\n"
}

// TestHeadersAsTheServiceSpellsThem looks at the bytes, which net/http's own
// client does not show.
func TestHeadersAsTheServiceSpellsThem(t *testing.T) {
	t.Parallel()
	s := serve(t, &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		return nil, fault.New(fault.Invalid, "x")
	}})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head(fmt.Sprintf("Content-Length: %d", len(hello)))+hello); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
		lines = append(lines, line)
	}
	got := strings.Join(lines, "")
	for _, want := range []string{
		"Connection: keep-alive\r\n", "Content-Type: application/json\r\n", "x-amzn-RequestId: " + requestID + "\r\n",
		"x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant it to have %s", got, want)
		}
	}
}

func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) { p.BodyTimeout = 50 * time.Millisecond })
	for name, tc := range map[string]struct {
		request   string
		halfClose bool
		want      string
	}{
		"too slow":       {head("Content-Length: 100") + "{", false, "408 Request Timeout"},
		"cut off":        {head("Content-Length: 100") + "{", true, "400 Bad Request"},
		"bad chunk size": {head("Transfer-Encoding: chunked") + "zz\r\n", false, "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, body := raw(t, s, tc.request, tc.halfClose); status != tc.want || !strings.Contains(body, `{"message":"The request body`) {
				t.Errorf("got %s %s, want %s", status, body, tc.want)
			}
		})
	}
}

// refusing is an Authenticator whose claims do not pass the first check.
type refusing struct{ authn.Off }

type refusedClaim struct{ authn.Claim }

func (r *refusing) Claim(req *http.Request) (authn.Claim, error) {
	c, err := r.Off.Claim(req)
	return refusedClaim{c}, err
}

func (refusedClaim) Check(*schema.Service, *schema.Operation) error {
	return fault.New(fault.Denied, "unknown key")
}

// TestNoBodyIsReadForARefusedClaim sends the head only: the answer has to come
// without the body.
func TestNoBodyIsReadForARefusedClaim(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.Authenticator = &refusing{*authn.NewOff("000000000000", "us-east-1")}
	})
	if status, body := raw(t, s, head("Content-Length: 1000000")+"{", false); status != "403 Forbidden" || !strings.Contains(body, "unknown key") {
		t.Errorf("got %s %s", status, body)
	}
}

// TestRefusedClientsCannotHoldAConnection announces a body and never sends it.
func TestRefusedClientsCannotHoldAConnection(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.BodyTimeout = 50 * time.Millisecond
		p.Authenticator = &refusing{*authn.NewOff("000000000000", "us-east-1")}
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head("Content-Length: 100")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil { // until the server closes
		t.Fatal(err)
	}
}

func TestSlowBodyThatIsTooLong(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) { p.BodyTimeout = 50 * time.Millisecond })
	status, body := raw(t, s, head("Content-Length: 2000000")+"{", false)
	if status != "400 Bad Request" || !strings.Contains(body, "Input is too long for requested model.") {
		t.Errorf("got %s %s", status, body)
	}
}

func TestBodyChecksComeBeforeDecoding(t *testing.T) {
	t.Parallel()
	s := serveWith(t, &runtime{}, func(p *edge.Params) {
		p.Services[0].CheckBody = map[string]func([]byte) error{"Converse": func(body []byte) error {
			return fault.New(fault.Invalid, "checked %d bytes", len(body))
		}}
	})
	if response, body := s.post(t, conversePath, hello); response.StatusCode != http.StatusBadRequest || body != fmt.Sprintf(`{"message":"checked %d bytes"}`, len(hello)) {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}

// TestStreamsBothWays echoes each event before the next one is sent.
func TestStreamsBothWays(t *testing.T) {
	t.Parallel()
	s := serve(t, &runtime{duplex: func(in schema.EventSource[bedrockruntime.InvokeModelWithBidirectionalStreamInputEvent], out schema.EventSink[bedrockruntime.InvokeModelWithBidirectionalStreamOutput, bedrockruntime.InvokeModelWithBidirectionalStreamOutputEvent]) error {
		if err := out.Open(&bedrockruntime.InvokeModelWithBidirectionalStreamOutput{}); err != nil {
			return err
		}
		for {
			ev, err := in.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := out.Send(&bedrockruntime.InvokeModelWithBidirectionalStreamOutputEvent{
				Chunk: &bedrockruntime.BidirectionalOutputPayloadPart{Bytes: ev.Chunk.Bytes},
			}); err != nil {
				return err
			}
		}
	}})
	body, input := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	send := func(text string) {
		frame, err := eventstream.Append(nil, eventstream.EventHeaders("chunk", "application/json"), []byte(text))
		if err != nil {
			t.Error(err)
		}
		if _, err := input.Write(frame); err != nil {
			t.Error(err)
		}
	}
	go send(`{"bytes":"b25l"}`)
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	dec := eventstream.NewDecoder(bufio.NewReader(response.Body), eventstream.Limits{})
	for i, want := range []string{`"b25l"`, `"dHdv"`} {
		m, err := dec.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(m.Payload, []byte(want)) {
			t.Errorf("event %d: got %s, want %s", i, m.Payload, want)
		}
		if i == 0 {
			send(`{"bytes":"dHdv"}`)
		}
	}
	go func() {
		_, _ = input.Write([]byte("these bytes are no frame, and longer than a prelude"))
		_ = input.Close()
	}()
	m, err := dec.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Text(":exception-type"); got != "validationException" {
		t.Errorf("after bytes that are no frame: got %q", got)
	}
}

// TestAbandonedBeforeTheAnswer proves that a client that leaves is not sent an
// empty success.
func TestAbandonedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, &runtime{converse: func(ctx context.Context, _ *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}})
	go func() {
		<-started
		s.CloseClientConnections()
	}()
	status, body := raw(t, s, head(fmt.Sprintf("Content-Length: %d", len(hello)))+hello, false)
	<-ended
	if status != "torn" {
		t.Errorf("got %s %s, want no answer", status, body)
	}
}
