package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
)

// notes are what observers were told, in order.
type notes struct {
	mu    sync.Mutex
	lines []string
	ended chan struct{}
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// observer notes what it is told, under a name.
type observer struct {
	*notes

	name string
}

func (o observer) Begin(v *observe.View) observe.Watch {
	o.add("%sbegin %s", o.name, v.Op.Name)
	return o
}

func (o observer) Settled(v *observe.View) {
	o.add("%ssettled %d", o.name, v.Call.Usage().OutputTokens)
}

func (o observer) Answer(v *observe.View, body []byte) {
	o.add("%sanswer %d %s %t", o.name, v.Status, v.Code, len(body) > 0)
}

func (o observer) Event(_ *observe.View, name string, _ []byte) { o.add("%sevent %s", o.name, name) }

func (o observer) End(v *observe.View) {
	o.add("%send %d %s input=%t output=%t", o.name, v.Status, v.Code, v.Input != nil, v.Output != nil)
	if o.ended != nil {
		close(o.ended)
	}
}

// blind is an observer that does not watch.
type blind struct{}

func (blind) Begin(*observe.View) observe.Watch { return nil }

func settle(ctx context.Context, tokens int) {
	call.From(ctx).Settle(func(u *call.Usage) { u.OutputTokens = tokens })
}

// TestObserversAreToldInOrder: what an observer hears of an exchange, and when.
func TestObserversAreToldInOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		runtime *runtime
		path    string
		body    string
		deny    bool
		want    []string
		panics  int64
	}{
		"an answer": {
			runtime: &runtime{converse: func(ctx context.Context, _ *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				settle(ctx, 3)
				return answer("x"), nil
			}},
			want: []string{"begin Converse", "settled 3", "answer 200  true", "end 200  input=true output=true"},
		},
		"a failure": {
			runtime: &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				return nil, fault.New(fault.Throttled, "Too many requests")
			}},
			want: []string{"begin Converse", "answer 429 ThrottlingException true", "end 429 ThrottlingException input=true output=false"},
		},
		"a denial": {
			runtime: &runtime{}, deny: true,
			want: []string{"begin Converse", "answer 403 AccessDeniedException true", "end 403 AccessDeniedException input=true output=false"},
		},
		"a bad body": {
			runtime: &runtime{}, body: `{`,
			want: []string{"begin Converse", "answer 400 SerializationException true", "end 400 SerializationException input=false output=false"},
		},
		"a bug": {
			runtime: &runtime{converse: func(ctx context.Context, _ *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				settle(ctx, 1)
				panic("a bug")
			}},
			want:   []string{"begin Converse", "settled 1", "answer 500 InternalServerException true", "end 500 InternalServerException input=true output=false"},
			panics: 1,
		},
		"what is settled at the end": {
			runtime: &runtime{converse: func(ctx context.Context, _ *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
				call.From(ctx).OnEnd(func() { settle(ctx, 9) })
				return answer("x"), nil
			}},
			want: []string{"begin Converse", "answer 200  true", "settled 9", "end 200  input=true output=true"},
		},
		"a stream": {
			runtime: &runtime{stream: func(ctx context.Context, out sink) error {
				if err := out.Open(&bedrockruntime.ConverseStreamOutput{}); err != nil {
					return err
				}
				if err := out.Send(delta("x")); err != nil {
					return err
				}
				settle(ctx, 2)
				return out.Send(delta("y"))
			}},
			path: streamPath,
			want: []string{"begin ConverseStream", "event contentBlockDelta", "settled 2", "event contentBlockDelta", "end 200  input=true output=false"},
		},
		"a stream that breaks": {
			runtime: &runtime{stream: func(_ context.Context, out sink) error {
				if err := out.Open(&bedrockruntime.ConverseStreamOutput{}); err != nil {
					return err
				}
				return fault.New(fault.Upstream, "the engine is gone")
			}},
			path: streamPath,
			want: []string{"begin ConverseStream", "event modelStreamErrorException", "end 200 ModelStreamErrorException input=true output=false"},
		},
		"a stream that never begins": {
			runtime: &runtime{stream: func(context.Context, sink) error { return fault.New(fault.Invalid, "no") }},
			path:    streamPath,
			want:    []string{"begin ConverseStream", "answer 400 ValidationException true", "end 400 ValidationException input=true output=false"},
		},
		"no operation": {runtime: &runtime{}, path: "/nothing/here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &notes{ended: make(chan struct{})}
			var panics atomic.Int64
			s := serveWith(t, tc.runtime, func(p *edge.Params) {
				p.Observers = []observe.Observer{blind{}, observer{notes: told}}
				p.Panicked = func() { panics.Add(1) }
				if tc.deny {
					p.Authorize = func(v *observe.View) error {
						if v.Op.Name != "Converse" || v.Labels["modelId"] == "" || v.Input.(*bedrockruntime.ConverseInput).Messages == nil {
							t.Errorf("the authorization sees %v %v %v", v.Op, v.Labels, v.Input)
						}
						return fault.New(fault.Denied, "no")
					}
				}
			})
			path, body := conversePath, hello
			if tc.path != "" {
				path = tc.path
			}
			if tc.body != "" {
				body = tc.body
			}
			s.post(t, path, body)
			if tc.want != nil {
				<-told.ended // the client has its answer before it is over
			}
			told.mu.Lock()
			defer told.mu.Unlock()
			if diff := cmp.Diff(tc.want, told.lines); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if got := panics.Load(); got != tc.panics {
				t.Errorf("got %d panics, want %d", got, tc.panics)
			}
		})
	}
}

func TestObserversTakeTurns(t *testing.T) {
	t.Parallel()
	told := &notes{}
	last := &notes{ended: make(chan struct{})}
	s := serveWith(t, &runtime{converse: func(context.Context, *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		return answer("x"), nil
	}}, func(p *edge.Params) {
		p.Observers = []observe.Observer{observer{told, "1 "}, observer{told, "2 "}, observer{notes: last}}
	})
	s.post(t, conversePath, hello)
	<-last.ended
	told.mu.Lock()
	defer told.mu.Unlock()
	var order []string
	for _, line := range told.lines {
		words := strings.Fields(line)
		order = append(order, words[0]+words[1])
	}
	if want := []string{"1begin", "2begin", "1answer", "2answer", "1end", "2end"}; !slices.Equal(want, order) {
		t.Errorf("got %v, want %v", order, want)
	}
}

// TestObserversHearTheEndOfABug: a panic in what a service has put off ends the
// connection, and the exchange is over for everybody all the same.
func TestObserversHearTheEndOfABug(t *testing.T) {
	t.Parallel()
	told := &notes{ended: make(chan struct{})}
	s := serveWith(t, &runtime{converse: func(ctx context.Context, _ *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, error) {
		call.From(ctx).OnEnd(func() { panic(http.ErrAbortHandler) }) // the one that net/http does not print
		return answer("x"), nil
	}}, func(p *edge.Params) { p.Observers = []observe.Observer{observer{notes: told}} })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+conversePath, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := s.Client().Do(r); err == nil {
		_ = response.Body.Close()
	}
	<-told.ended
}

// TestObserversHearOfClientsThatLeave: an exchange that nobody waits for any more
// ends like every other.
func TestObserversHearOfClientsThatLeave(t *testing.T) {
	t.Parallel()
	told := &notes{ended: make(chan struct{})}
	s := serveWith(t, &runtime{stream: func(ctx context.Context, out sink) error {
		if err := out.Open(&bedrockruntime.ConverseStreamOutput{}); err != nil {
			return err
		}
		if err := out.Send(delta("x")); err != nil {
			return err
		}
		<-ctx.Done()
		settle(ctx, 7) // what was computed is billed
		return ctx.Err()
	}}, func(p *edge.Params) { p.Observers = []observe.Observer{observer{notes: told}} })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+streamPath, strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	<-told.ended
	want := []string{"begin ConverseStream", "event contentBlockDelta", "settled 7", "end 499 Canceled input=true output=false"}
	told.mu.Lock()
	defer told.mu.Unlock()
	if diff := cmp.Diff(want, told.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
