// Package anthropicdoor is the door for Anthropic's clients: messages and the
// counting of their tokens below /anthropic/v1, as Bedrock has them.
//
// It answers with the same models as the other services, whoever made them,
// through the same gate and the hub (package inference). The format is in package
// messages; what all doors share is in package door. It knows no backend and no
// HTTP. Models of Anthropic's have the names here that Anthropic has for them,
// beside Bedrock's.
package anthropicdoor

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/messages"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/claude"
	"github.com/outcrop/outcrop/internal/promptrouter"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Prefix is below which the operations are, and KeyHeader where Anthropic's
// clients put their key.
const (
	Prefix    = "/anthropic/v1/"
	KeyHeader = "X-Api-Key"
)

// Router is what the service needs of package serving.
type Router interface {
	inference.Backend
	inference.TokenCounter
	serving.Resolver
}

// Params are the parts of a Service; NewID and Now have defaults.
type Params struct {
	Router  Router
	Catalog *catalog.Catalog
	// Own tells the names that the operator's routes have; nil: there are none.
	Own   func(id string) bool
	Now   func() time.Time                       // time.Now when nil
	NewID func(prefix string, length int) string // random base62 when nil
	// ModelTimeout bounds the time of one answer; 15 minutes when 0.
	ModelTimeout time.Duration
	// Routing finds prompt routers; its zero value finds none.
	Routing serving.PromptRouting
}

type service struct {
	p     Params
	names map[string]string // Bedrock's, by Anthropic's
}

// New returns the door. It is safe for concurrent use.
func New(p Params) *door.Service {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.NewID == nil {
		p.NewID = serving.NewID
	}
	if p.ModelTimeout <= 0 {
		p.ModelTimeout = 15 * time.Minute
	}
	s := &service{p: p, names: names(p.Catalog)}
	return door.New(door.Params{
		Schema: Schema(), Errors: errorForm{}, RequestID: "Request-Id",
		Operations: map[string]door.Operation{
			"Messages":            {Decode: s.decode, Whole: s.whole, Stream: s.stream},
			"MessagesCountTokens": {Decode: s.decodeCount, Whole: s.count},
		},
	})
}

var table = sync.OnceValue(func() *schema.Service { //nolint:gochecknoglobals // as the generated tables
	return door.Table("anthropic", Prefix, []string{"bedrock-mantle"}, []door.Row{
		{Name: "Messages", Method: http.MethodPost, Path: "/messages", Stream: true},
		{Name: "MessagesCountTokens", Method: http.MethodPost, Path: "/messages/count_tokens"},
	})
})

// Schema is the table of the operations.
func Schema() *schema.Service { return table() }

func (s *service) decode(in *door.Input) error { return s.read(in, false) }

func (s *service) decodeCount(in *door.Input) error { return s.read(in, true) }

func (s *service) read(in *door.Input, count bool) error {
	o := messages.DecodeOptions{Count: count}
	for _, header := range in.Header.Values("Anthropic-Beta") {
		for beta := range strings.SplitSeq(header, ",") {
			o.Betas = append(o.Betas, strings.TrimSpace(beta))
		}
	}
	if !utf8.Valid(in.Body) { // what cannot be read would become something else
		return fault.New(fault.Invalid, "The request body is not valid JSON: it is not valid UTF-8.")
	}
	c, err := messages.Decode(in.Body, o)
	if err != nil {
		return err
	}
	if c.Model == "" {
		return fault.New(fault.Invalid, "model: Field required")
	}
	in.SetModel(s.canonical(c.Model), c.Stream && !count)
	in.Request = c
	return nil
}

// prepare finds the model and holds the request against its rules.
func (s *service) prepare(ctx context.Context, in *door.Input) (*messages.Call, *router.Target, error) {
	c, _ := in.Request.(*messages.Call)
	if err := door.CheckGuardrail(in); err != nil {
		return nil, nil, err
	}
	id, _ := s.p.Routing.Chosen(ctx, in.Model(), func() promptrouter.Prompt { return serving.PromptOf(c.Request) })
	t, err := serving.Resolve(ctx, s.p.Router, id, catalog.Text)
	if err != nil {
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			err = fault.Wrap(fault.NotFound, err, "model: %s", c.Model)
		}
		return nil, nil, err
	}
	if err := serving.CheckConversation(t); err != nil {
		return nil, nil, err
	}
	if t.Entry.NativeFormat == messages.Dialect {
		if err := claude.Check(native.Model{ID: t.ModelID, MaxOutput: t.Entry.MaxOutput}, c.Request); err != nil {
			return nil, nil, err
		}
	}
	return c, t, nil
}

func (s *service) newRun(t *router.Target) *serving.Run {
	return serving.NewRun(s.p.Router, t, serving.Limits{Now: s.p.Now, Timeout: s.p.ModelTimeout, NewID: s.p.NewID, AnthropicIDs: true})
}

// idLength is the length of msg_bdrk_01….
const idLength = 33

// meta is what an answer says of itself. A model of Anthropic's has the name
// that they have for it, as on Bedrock; another one the client's.
func (s *service) meta(c *messages.Call, t *router.Target) messages.Meta {
	m := messages.Meta{ID: s.p.NewID("msg_bdrk_01", idLength), Model: c.Model}
	if t.Entry.NativeFormat == messages.Dialect {
		m.Model = claude.ShortName(t.ModelID)
	}
	return m
}

// whole answers POST /messages whole.
func (s *service) whole(ctx context.Context, in *door.Input) (*door.Output, error) {
	c, t, err := s.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	answer, err := inference.Collect(ctx, s.newRun(t), c.Request)
	if err != nil {
		return nil, err
	}
	body, err := messages.EncodeAnswer(answer, s.meta(c, t))
	if err != nil {
		return nil, err
	}
	return &door.Output{Body: body}, nil
}

// stream answers POST /messages in events.
func (s *service) stream(ctx context.Context, in *door.Input, sink door.Sink) error {
	c, t, err := s.prepare(ctx, in)
	if err != nil {
		return err
	}
	if err := serving.CheckStreaming(t); err != nil {
		return err
	}
	out := messages.NewStream(s.meta(c, t), func(chunk []byte) error {
		return sink.Send(door.Event{Name: messages.EventName(chunk), Data: chunk})
	})
	opened := false
	return s.newRun(t).Generate(ctx, c.Request, func(ev inference.Event) error {
		if !opened {
			opened = true
			if err := sink.Open(nil); err != nil {
				return err
			}
		}
		return out.Event(ev)
	})
}

// count answers POST /messages/count_tokens.
func (s *service) count(ctx context.Context, in *door.Input) (*door.Output, error) {
	c, t, err := s.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	c.Request.Model = t.Name()
	timed, cancel := serving.WithTimeout(ctx, s.p.ModelTimeout)
	defer cancel()
	n, err := s.p.Router.CountTokens(timed, c.Request)
	if err != nil {
		return nil, serving.TimedOut(timed, err)
	}
	return &door.Output{Body: messages.EncodeCount(n)}, nil
}
