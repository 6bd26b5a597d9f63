package edge_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// said is the input and the output of a door with one operation, which repeats
// its body, whole or in two events.
type said struct{ text string }

// saying is the door's codec: a body is text, and so are errors.
type saying struct{}

func (saying) DecodeRequest(req *schema.Request) (any, error) { return &said{string(req.Body)}, nil }

func (saying) EncodeResponse(_ *schema.Service, _ *schema.Operation, output any, id string) (*schema.Response, error) {
	return &schema.Response{Status: http.StatusOK, Header: http.Header{"X-Id": {id}, "Content-Type": {"text/plain"}}, Body: []byte(output.(*said).text)}, nil
}

func (saying) EncodeException(_ *schema.Service, ex *schema.Exception, _ string) *schema.Response {
	return &schema.Response{Status: ex.Status, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("sorry: " + ex.Code + ": " + ex.Message)}
}

func (saying) ContentType() string { return "text/event-stream" }

func (saying) Append(to []byte, _ *schema.Operation, event any) ([]byte, string, []byte, error) {
	text := event.(*said).text
	if text == "unspeakable" {
		return nil, "", nil, errors.New("an event that cannot be written")
	}
	return append(to, "data: "+text+"\n\n"...), "word", []byte(text), nil
}

func (saying) AppendException(to []byte, _ *schema.Operation, ex *schema.Exception, id string) ([]byte, string, []byte) {
	return append(to, "data: sorry: "+ex.Message+" "+id+"\n\n"...), "sorry", []byte(ex.Message)
}

// sayingTable is the table of the door.
func sayingTable() *schema.Service {
	in := &schema.Shape{Name: "Said", Kind: schema.Structure, New: func() any { return &said{} }}
	in.Seal()
	events := &schema.Member{Name: "events", Shape: &schema.Shape{Kind: schema.Union, EventStream: true}, Field: -1}
	return &schema.Service{
		ID: "bedrock-runtime", Door: "saying", SigningName: "bedrock", Protocol: "rest-json",
		Operations: []*schema.Operation{{Name: "Say", Method: http.MethodPost, URI: "/saying/v1/say", Status: http.StatusOK, Input: in, Output: in, OutputStream: events}},
	}
}

// listener writes down what it is told.
type listener struct{ told *[]string }

func (w listener) Begin(v *observe.View) observe.Watch { w.tell("begin", v.Op.Name); return w }
func (w listener) Settled(*observe.View)               {}
func (w listener) Answer(v *observe.View, body []byte) {
	w.tell("answer", v.Labels["modelId"]+" "+string(body))
}
func (w listener) Event(v *observe.View, name string, p []byte) {
	w.tell("event", v.Labels["modelId"]+" "+name+" "+string(p))
}
func (w listener) End(v *observe.View)  { w.tell("end", v.Code) }
func (w listener) tell(what, of string) { *w.told = append(*w.told, what+" "+of) }

func sayingServer(t *testing.T, told *[]string, change func(*edge.Params)) *server {
	t.Helper()
	table := sayingTable()
	handler := schema.Handler{
		Op: table.Operations[0],
		Unary: func(_ context.Context, in any) (any, error) {
			if in.(*said).text == "fail" {
				return nil, fault.New(fault.Throttled, "too much")
			}
			return in, nil
		},
		Stream: func(ctx context.Context, in any, _ schema.RawSource, sink schema.RawSink) error {
			word := strings.TrimPrefix(in.(*said).text, "stream ")
			if word == "nothing" {
				return fault.New(fault.NotFound, "no word")
			}
			call.From(ctx).SetHeader("X-Outcrop-Served-By", "saying")
			if err := sink.Open(&said{}); err != nil {
				return err
			}
			if err := sink.Send(&said{word}); err != nil {
				return err
			}
			switch word {
			case "half":
				return fault.New(fault.Upstream, "lost the thread")
			case "damaged":
				return fault.Wrap(fault.Upstream, fault.Malformed, "nobody reads this")
			}
			return nil
		},
	}
	return serveWith(t, &runtime{}, func(p *edge.Params) {
		p.Services = append(p.Services, edge.Service{
			Schema: table, Handlers: []schema.Handler{handler}, Codec: saying{},
			Door: &edge.Door{
				Prefix: "/saying/v1/", Aliases: []string{"/also/"}, KeyHeader: "X-Say-Key", Events: saying{},
				Describe: func(in any) (map[string]string, bool) {
					text := in.(*said).text
					return map[string]string{"modelId": "a-model"}, strings.HasPrefix(text, "stream")
				},
			},
		})
		p.Observers = []observe.Observer{listener{told}}
		if change != nil {
			change(p)
		}
	})
}

// A door's operations take the way of any other, and only the words are its own.
func TestDoor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, body string
		status     int
		kind, want string
		told       []string
	}{
		"whole": {"/saying/v1/say", "hello", 200, "text/plain", "hello", []string{"begin Say", "answer a-model hello", "end "}},
		"alias": {"/also/say", "hello", 200, "text/plain", "hello", []string{"begin Say", "answer a-model hello", "end "}},
		"failure": {
			"/saying/v1/say", "fail", 429, "text/plain", "sorry: ThrottlingException: too much",
			[]string{"begin Say", "answer a-model sorry: ThrottlingException: too much", "end ThrottlingException"},
		},
		"stream": {"/saying/v1/say", "stream word", 200, "text/event-stream", "data: word\n\n", []string{"begin Say", "event a-model word word", "end "}},
		"stream that never began": {
			"/saying/v1/say", "stream nothing", 404, "text/plain", "sorry: ResourceNotFoundException: no word",
			[]string{"begin Say", "answer a-model sorry: ResourceNotFoundException: no word", "end ResourceNotFoundException"},
		},
		"stream that broke": {
			"/saying/v1/say", "stream half", 200, "text/event-stream", "data: half\n\ndata: sorry: lost the thread " + requestID + "\n\n",
			[]string{"begin Say", "event a-model word half", "event a-model sorry lost the thread", "end ModelErrorException"},
		},
		"event that cannot be written": {
			"/saying/v1/say", "stream unspeakable", 200, "text/event-stream", "data: sorry: The system encountered an unexpected error during processing. Try your request again. " + requestID + "\n\n",
			[]string{"begin Say", "event a-model sorry The system encountered an unexpected error during processing. Try your request again.", "end InternalServerException"},
		},
		"no operation": {"/saying/v1/sing", "x", 404, "text/plain", "sorry: UnknownOperationException: no operation for POST /saying/v1/sing", nil},
		"beside it":    {"/saying/v2/say", "x", 404, "application/json", `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			s := sayingServer(t, &told, nil)
			response, body := s.post(t, tc.path, tc.body)
			s.Close() // the exchange is over
			if response.StatusCode != tc.status || body != tc.want || response.Header.Get("Content-Type") != tc.kind {
				t.Errorf("got %d %s %q, want %d %s %q", response.StatusCode, response.Header.Get("Content-Type"), body, tc.status, tc.kind, tc.want)
			}
			if d := cmp.Diff(tc.told, told); d != "" {
				t.Errorf("told (-want +got):\n%s", d)
			}
			if id := response.Header.Get("X-Amzn-Requestid"); id != requestID {
				t.Errorf("request id: got %q", id)
			}
		})
	}
}

// What is refused before it is known what it is gets the door's words, too.
func TestDoorRefusals(t *testing.T) {
	t.Parallel()
	var told []string
	full := sayingServer(t, &told, func(p *edge.Params) {
		p.Enter = func(int64) (func(), error) { return nil, fault.New(fault.Unavailable, "full") }
	})
	for path, want := range map[string]string{
		"/saying/v1/say": "sorry: ServiceUnavailableException: full", "/also/say": "sorry: ServiceUnavailableException: full",
		"/saying/v1/sing": "sorry: ServiceUnavailableException: full",
	} {
		if response, body := full.post(t, path, "x"); response.StatusCode != http.StatusServiceUnavailable || body != want {
			t.Errorf("full: %s: got %d %q, want %q", path, response.StatusCode, body, want)
		}
	}
	long := sayingServer(t, new([]string), func(p *edge.Params) { p.MaxBody = 3 })
	if response, body := long.post(t, "/saying/v1/say", "four"); response.StatusCode != http.StatusBadRequest || body != "sorry: ValidationException: Input is too long for requested model." {
		t.Errorf("too long: got %d %q", response.StatusCode, body)
	}
	denied := sayingServer(t, new([]string), func(p *edge.Params) {
		p.Authorize = func(v *observe.View) error {
			if v.Input == nil || !v.Stream {
				t.Errorf("authorization was asked with the input %v, stream %t", v.Input, v.Stream)
			}
			return fault.New(fault.Denied, "not you")
		}
	})
	if response, body := denied.post(t, "/saying/v1/say", "stream x"); response.StatusCode != http.StatusForbidden || body != "sorry: AccessDeniedException: not you" {
		t.Errorf("denied: got %d %q", response.StatusCode, body)
	}
}

// keyed is an authenticator that writes down what the Authorization header is.
type keyed struct {
	*authn.Off

	seen *[]string
}

func (k keyed) Claim(r *http.Request) (authn.Claim, error) {
	*k.seen = append(*k.seen, r.Header.Get("Authorization"))
	return k.Off.Claim(r)
}

// The vendor's own header for a key is as good as Authorization, which wins.
func TestDoorKeyHeader(t *testing.T) {
	t.Parallel()
	var seen []string
	s := sayingServer(t, new([]string), func(p *edge.Params) { p.Authenticator = keyed{authn.NewOff("000000000000", "us-east-1"), &seen} })
	for _, header := range []map[string]string{
		{"X-Say-Key": "one"}, {"Authorization": "Bearer two"}, {"X-Say-Key": "one", "Authorization": "Bearer two"}, {},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/saying/v1/say", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range header {
			r.Header.Set(name, value)
		}
		response, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if d := cmp.Diff([]string{"Bearer one", "Bearer two", "Bearer two", ""}, seen); d != "" {
		t.Errorf("Authorization (-want +got):\n%s", d)
	}
}

// A path below a door is never taken for that of a bucket.
func TestDoorAndBuckets(t *testing.T) {
	t.Parallel()
	s := sayingServer(t, new([]string), func(p *edge.Params) {
		p.Unclaimed = "s3"
		p.Passed = map[string]edge.Passed{"s3": func(w http.ResponseWriter, _ *http.Request, _ *call.Call, result *edge.Result) {
			result.Status = http.StatusTeapot
			w.WriteHeader(http.StatusTeapot)
		}}
		p.Observers = nil
	})
	for path, want := range map[string]int{"/saying/v1/sing": 404, "/saying/v1/say": 200, "/saying/v2/say": http.StatusTeapot} {
		if response, _ := s.post(t, path, "x"); response.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, want)
		}
	}
}
