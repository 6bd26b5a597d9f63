package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

// read posts hello and reads what comes: the answer, nil where there is none, its
// body, and why it ended.
func (s *server) read(t *testing.T, path string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// A damage is felt: a client gets what it was sent before, and then no exception
// but bytes that it cannot read, or the end of the connection.
func TestDamage(t *testing.T) {
	t.Parallel()
	damaged := func(d fault.Damage) error { return fault.Wrap(fault.Upstream, d, "a message that nobody reads") }
	opened := func(d fault.Damage) *server {
		return serve(t, &runtime{stream: func(_ context.Context, out sink) error {
			return errors.Join(out.Open(&bedrockruntime.ConverseStreamOutput{}), out.Send(delta("one")), damaged(d))
		}})
	}
	unopened := func(d fault.Damage) *server {
		return serve(t, &runtime{
			stream: func(context.Context, sink) error { return damaged(d) },
			converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				return nil, damaged(d)
			},
		})
	}
	whole := func(body string) (n int, err error) {
		dec := eventstream.NewDecoder(strings.NewReader(body), eventstream.Limits{})
		for {
			if _, err = dec.Decode(); err != nil {
				return n, err
			}
			n++
		}
	}
	for name, tc := range map[string]struct {
		server *server
		frames int
	}{"opened": {opened(fault.Malformed), 1}, "unopened": {unopened(fault.Malformed), 0}} {
		response, body, err := tc.server.read(t, streamPath)
		if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" {
			t.Fatalf("%s: got %v, %v", name, response, err)
		}
		if n, err := whole(body); n != tc.frames || errors.Is(err, io.EOF) {
			t.Errorf("%s: got %d frames and then %v, want %d and a frame that is damaged", name, n, err, tc.frames)
		}
	}
	if response, body, err := unopened(fault.Malformed).read(t, conversePath); err != nil || response.StatusCode != http.StatusOK || json.Valid([]byte(body)) {
		t.Errorf("whole: got %v %q, %v", response, body, err)
	}
	response, body, err := opened(fault.Torn).read(t, streamPath)
	if n, _ := whole(body); response == nil || n != 1 || err == nil {
		t.Errorf("torn: got %d frames and %v, want one and an error of the connection", n, err)
	}
	for _, path := range []string{streamPath, conversePath} {
		if response, body, err := unopened(fault.Torn).read(t, path); err == nil {
			t.Errorf("torn before the answer: got %v %q", response, body)
		}
	}
}

func TestDamageOfADoor(t *testing.T) {
	t.Parallel()
	var told []string
	s := sayingServer(t, &told, nil)
	_, body := s.post(t, "/saying/v1/say", "stream damaged")
	if want := "data: damaged\n\ndata: damage\n\n"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
}
