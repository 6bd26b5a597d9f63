package invocationlog

import (
	"net/http"
	"time"

	"github.com/outcrop/outcrop/internal/observe"
)

// operations are those that are logged, each with what collects its answer when
// it is a stream.
var operations = map[string]func() answer{
	"InvokeModel":                   nil,
	"Converse":                      nil,
	"InvokeModelWithResponseStream": func() answer { return &chunks{} },
	"ConverseStream":                func() answer { return &message{} },
	// Of the doors, whole or in a stream as the request says.
	"ChatCompletions": func() answer { return &lines{} },
	"CreateResponse":  func() answer { return &lines{} },
	"Messages":        func() answer { return &lines{} },
	embeddings:        nil,
}

// embeddings is the operation that answers with vectors alone.
const embeddings = "Embeddings"

// service is the one whose operations they are.
const service = "bedrock-runtime"

// metadataHeader is where InvokeModel has the metadata that Converse has in its
// body.
const metadataHeader = "X-Amzn-Bedrock-Request-Metadata"

// Begin implements observe.Observer.
func (l *Log) Begin(v *observe.View) observe.Watch {
	if v.Op == nil || v.Service.ID != service {
		return nil
	}
	collect, ok := operations[v.Op.Name]
	if !ok || l.p.Files == nil && !l.p.Settings.Any() {
		return nil
	}
	w := &watch{log: l, is: &invocation{}}
	if collect != nil {
		w.events = collect()
	}
	return w
}

// watch follows one invocation.
type watch struct {
	log     *Log
	is      *invocation
	decided bool
	wanted  bool
	bodies  bool // still collected
	events  answer
}

// wants tells whether the invocation is logged: when it is known who calls from
// which account and region. What nobody is known to have sent is not.
func (w *watch) wants(v *observe.View) bool {
	if w.decided {
		return w.wanted
	}
	w.decided = true
	if v.Call.Principal.ARN == "" {
		return false
	}
	w.is.setting, w.is.bucket = w.log.p.Settings.Lookup(v.Call.Account, v.Call.Region)
	w.wanted = w.is.bucket || w.log.p.Files != nil
	w.bodies = w.wanted && (w.log.p.Files != nil || w.is.setting.Text || w.is.setting.Embedding)
	return w.wanted
}

// Settled implements observe.Watch.
func (w *watch) Settled(*observe.View) {}

// Answer implements observe.Watch.
func (w *watch) Answer(v *observe.View, body []byte) {
	if !w.wants(v) || !w.bodies || v.Code != "" {
		return
	}
	var ok bool
	if w.is.output, ok = w.log.clone(body, &w.is.held); !ok {
		w.leaveBodies()
	}
}

// Event implements observe.Watch.
func (w *watch) Event(v *observe.View, name string, payload []byte) {
	if !w.wants(v) || !w.bodies || w.events == nil {
		return
	}
	grown := int64(w.events.event(name, payload))
	if !w.log.take(grown) {
		w.leaveBodies()
		return
	}
	w.is.held += grown
}

// leaveBodies gives up what was collected, for there is no memory for it.
func (w *watch) leaveBodies() {
	w.log.leftBodies.Add(1)
	w.log.held.Add(-w.is.held)
	w.is.held, w.is.output, w.events, w.bodies = 0, nil, nil, false
}

// End implements observe.Watch.
func (w *watch) End(v *observe.View) {
	if !w.wants(v) {
		return
	}
	i := w.is
	if w.bodies {
		if w.events != nil {
			// A door's operation may have answered whole.
			if body := w.events.body(); body != nil {
				i.output = body
			}
			w.events = nil
		}
		var ok bool
		if i.input, ok = w.log.clone(v.Body, &i.held); !ok {
			w.leaveBodies()
		}
	}
	i.at, i.metadata = v.Call.Start, v.Header.Get(metadataHeader)
	i.record = w.record(v)
	w.log.enqueue(i)
}

// record is what is known without the bodies.
func (w *watch) record(v *observe.View) record {
	c, u := v.Call, v.Call.Usage()
	r := record{
		SchemaType: schemaType, SchemaVersion: schemaVersion, Timestamp: c.Start.UTC().Format(time.RFC3339),
		AccountID: c.Account, Identity: identity{ARN: c.Principal.ARN}, Region: c.Region, RequestID: c.RequestID,
		Operation: v.Op.Name, ModelID: v.Labels["modelId"], ErrorCode: v.Code, InferenceRegion: c.Region,
		Input: input{ContentType: contentType(v.Header)},
	}
	if v.Code == "" || u.OutputTokens > 0 {
		r.Output.ContentType = "application/json"
		r.Input.Tokens = &u.InputTokens
		r.Input.CacheRead, r.Input.CacheWrite = &u.CacheRead, &u.CacheWrite
		if u.OutputTokens > 0 {
			r.Output.Tokens = &u.OutputTokens // vectors have none
		}
	}
	return r
}

func contentType(h http.Header) string {
	if t := h.Get("Content-Type"); t != "" {
		return t
	}
	return "application/json"
}
