package invocationlog_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/outcrop/outcrop/internal/invocationlog"
)

// However exchanges end and whatever is dropped, nothing stays in memory, and
// every one has left a record or is counted.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *invocationlog.Params) { p.Memory, p.Queue = 64<<10, 8 })
	f.put(t, all())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.log.Run(ctx); close(done) }()
	const callers, calls = 8, 200
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range calls {
				body := `{"text":"` + strings.Repeat("x", (c*calls+i)%20_000) + `"}`
				switch i % 4 {
				case 0:
					f.exchange(view("Converse", body), body)
				case 1:
					f.exchange(view("ConverseStream", body), "", event{"messageStart", `{"role":"assistant"}`}, event{"contentBlockDelta", `{"contentBlockIndex":0,"delta":` + body + `}`})
				case 2:
					v := view("InvokeModel", body)
					v.Code, v.Status = "ThrottlingException", 429
					f.exchange(v, body)
				case 3:
					v := view("ConverseStream", body) // the client left before anything came
					v.Code = "Canceled"
					if w := f.log.Begin(v); w != nil {
						w.End(v)
					}
				}
			}
		})
	}
	all.Wait()
	cancel()
	<-done
	f.flush(t)
	s := f.log.Stats()
	if s.Held != 0 || s.Delivery.Waiting != 0 {
		t.Errorf("got %d and %d bytes that stay in memory", s.Held, s.Delivery.Waiting)
	}
	if got := s.Records + s.Dropped; got != callers*calls {
		t.Errorf("got %d written and %d dropped, want %d together", s.Records, s.Dropped, callers*calls)
	}
}

// Whatever a client sends and a model answers, a record is JSON.
func FuzzRecord(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"messages":[{"content":[{"image":{"source":{"bytes":"AAAA"}}}]}],"requestMetadata":{"a":"b"}}`, `{"contentBlockIndex":0,"delta":{"text":"a"},"p":"x"}`},
		{`{"type":"image","source":[1,{"data":{}}],"requestMetadata":7}`, `{"delta":{"toolUse":{"input":"{"}}}`},
		{`[{"audio":null,"video":"x","images":[["a"]]}]`, `{"bytes":"eyJhIjoxfQ=="}`},
		{`{`, `null`},
	} {
		f.Add(seed[0], seed[1])
	}
	fx := newFixture(f, nil)
	setting := all()
	setting.Image, setting.Video, setting.Audio = false, false, false
	fx.put(f, setting)
	f.Fuzz(func(t *testing.T, body, payload string) {
		for _, operation := range []string{"ConverseStream", "InvokeModelWithResponseStream"} {
			fx.exchange(view(operation, body), "",
				event{"messageStart", `{"role":"assistant"}`}, event{"contentBlockStart", payload}, event{"contentBlockDelta", payload},
				event{"chunk", payload}, event{"messageStop", payload}, event{"metadata", payload})
		}
		fx.exchange(view("InvokeModel", body), payload)
		text := fx.lines(t)
		if n := strings.Count(text, "\n"); n != 3 {
			t.Fatalf("got %d records, want 3", n)
		}
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("got %q, want JSON", line)
			}
		}
	})
}
