package openaidoor

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/service/serving"
)

func (s *Service) decodeChat(in *door.Input) error {
	if err := readable(in.Body); err != nil {
		return err
	}
	c, err := chatcompletions.DecodeRequest(in.Body)
	if err != nil {
		return err
	}
	if c.Model == "" {
		return invalid("model", "you must provide a model parameter")
	}
	in.SetModel(s.canonical(c.Model), c.Stream)
	in.Request = c
	return nil
}

// prepare finds the model of a chat and checks what is asked of it.
func (s *Service) prepare(ctx context.Context, in *door.Input, c *chatcompletions.Call) (*router.Target, error) {
	if err := door.CheckGuardrail(in); err != nil {
		return nil, err
	}
	if len(c.Unknown) > 0 {
		return nil, invalid(c.Unknown[0], "Unrecognized request argument supplied: %s", c.Unknown[0])
	}
	if err := refused(c.Request); err != nil {
		return nil, err
	}
	if u := c.Unpaired; u != nil {
		return nil, invalid(u.Param, "%s", u.Message)
	}
	if err := checkImages(c.Request); err != nil {
		return nil, err
	}
	t, err := s.resolve(ctx, s.chosen(ctx, in.Model(), c.Request), catalog.Text)
	if err != nil {
		return nil, err
	}
	if serving.CheckConversation(t) != nil {
		return nil, invalid("", "The model '%s' does not support the '/v1/chat/completions' API", c.Model)
	}
	if err := s.checkPenalties(t, c.Request); err != nil {
		return nil, err
	}
	if c.Stream {
		return t, serving.CheckStreaming(t)
	}
	return t, nil
}

// chat answers POST /chat/completions whole.
func (s *Service) chat(ctx context.Context, in *door.Input) (*door.Output, error) {
	c, _ := in.Request.(*chatcompletions.Call)
	t, err := s.prepare(ctx, in, c)
	if err != nil {
		return nil, err
	}
	answer, err := inference.Collect(ctx, s.newRun(t), c.Request)
	if err != nil {
		return nil, err
	}
	body, err := chatcompletions.EncodeAnswer(answer, s.meta(c))
	if err != nil {
		return nil, err
	}
	return &door.Output{Body: body}, nil
}

// chatStream answers POST /chat/completions in chunks.
func (s *Service) chatStream(ctx context.Context, in *door.Input, sink door.Sink) error {
	c, _ := in.Request.(*chatcompletions.Call)
	t, err := s.prepare(ctx, in, c)
	if err != nil {
		return err
	}
	out := chatcompletions.NewStream(s.meta(c), func(chunk []byte) error {
		return sink.Send(door.Event{Data: chunk})
	})
	opened := false
	err = s.newRun(t).Generate(ctx, c.Request, func(ev inference.Event) error {
		if !opened {
			opened = true
			if err := sink.Open(nil); err != nil {
				return err
			}
		}
		return out.Event(ev)
	})
	if err != nil {
		return err
	}
	return sink.Send(door.Event{Data: []byte("[DONE]")})
}

// meta is what the answer says of itself. The model has the name that the client
// used.
func (s *Service) meta(c *chatcompletions.Call) chatcompletions.Meta {
	return chatcompletions.Meta{
		ID: s.p.NewID("chatcmpl-", len("chatcmpl-")+29), Model: c.Model, Created: s.p.Now().Unix(), IncludeUsage: c.IncludeUsage,
	}
}

// unanswerable are members that ask for what the hub does not carry, each with
// the values of JSON that ask for nothing.
var unanswerable = []struct {
	member string
	idle   []string
	text   string
}{
	{"n", []string{"1"}, "Only one choice is made: n must be 1."},
	{"logprobs", []string{"false"}, "Log probabilities are not available: leave logprobs out."},
	{"top_logprobs", []string{"0"}, "Log probabilities are not available: leave top_logprobs out."},
	{"audio", nil, "Models do not answer with audio here: leave audio out."},
	{"modalities", []string{`["text"]`}, "Models answer with text here: modalities must be [\"text\"]."},
	{"web_search_options", nil, "There is no web search here: leave web_search_options out."},
	{"prediction", nil, "Predicted outputs are not available: leave prediction out."},
	{"functions", []string{"[]"}, "The functions parameter is not supported. Use tools instead."},
	{"function_call", nil, "The function_call parameter is not supported. Use tool_choice instead."},
}

// refused answers what would change the answer and cannot be had.
func refused(req *inference.Request) error {
	for _, u := range unanswerable {
		if asks(req.Extra[u.member], u.idle...) {
			return door.WithError(fault.New(fault.Unsupported, "%s", u.text), "", "unsupported_parameter", u.member)
		}
	}
	return nil
}

// asks reports whether a member is there and says more than nothing.
func asks(value json.RawMessage, idle ...string) bool {
	text := compact(value)
	return text != "" && text != "null" && !slices.Contains(idle, text)
}

// checkPenalties refuses the parameters of sampling that only some servers know,
// where the model's does not.
func (s *Service) checkPenalties(t *router.Target, req *inference.Request) error {
	if i, ok := s.p.Router.(inference.Invoker); ok && i.Speaks(t.Name(), chatcompletions.Dialect) {
		return nil
	}
	for _, name := range []string{"presence_penalty", "frequency_penalty", "logit_bias"} {
		if asks(req.Extra[name], "0", "0.0", "{}") {
			f := fault.New(fault.Unsupported, "The model %s does not support the parameter %s.", t.ModelID, name)
			return door.WithError(f, "", "unsupported_parameter", name)
		}
	}
	return nil
}
