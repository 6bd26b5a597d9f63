package openaidoor

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/store"
)

// Responses are records of the store for as long as OpenAI keeps them, unless
// the request says otherwise. Only who made one can read it, go on from it or
// delete it: to everybody else it is not there.
const (
	responseKind = store.Kind("openai-response")
	responseLife = 30 * 24 * time.Hour
	// mostPurged bounds the work that a new response does for old ones.
	mostPurged = 16
	// mostPast bounds how many responses one goes on from.
	mostPast = 1000
	// mostPastSize bounds the bytes of them: small requests would otherwise ask for
	// all that was ever said at once.
	mostPastSize = 64 << 20
)

// kept is the body of the record.
type kept struct {
	Owner    string            `json:"owner"` // ARN of the principal
	Previous string            `json:"previous,omitempty"`
	Input    []json.RawMessage `json:"input"`
	Response json.RawMessage   `json:"response"`
}

func responseKey(ctx context.Context, id string) store.Key {
	c := call.From(ctx)
	return store.Key{Kind: responseKind, Account: c.Account, Region: c.Region, ID: id}
}

// store keeps a response, unless its request says not to.
func (p *response) store(ctx context.Context, object *responseObject) error {
	if !p.keep {
		return nil
	}
	s := p.s
	k := kept{Owner: call.From(ctx).Principal.ARN, Input: p.identified(), Response: encode(object)}
	if p.r.PreviousResponseID != nil {
		k.Previous = *p.r.PreviousResponseID
	}
	now := s.p.Now()
	_, _, err := s.p.Kept.Create(ctx, store.Record{
		Key: responseKey(ctx, p.id), Status: object.Status, Body: encode(k), Created: now, Updated: now,
	}, store.Create{})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "response %s cannot be kept", p.id)
	}
	s.purge(ctx)
	return nil
}

// identified are the items of the input, each with an ID.
func (p *response) identified() []json.RawMessage {
	items := slices.Clone(p.r.items)
	for i, it := range items {
		var known struct{ ID string }
		if json.Unmarshal(it, &known) != nil || known.ID != "" || first(it) != '{' {
			continue
		}
		id := p.s.p.NewID("msg_", len("msg_")+48)
		items[i] = slices.Concat([]byte(`{"id":"`+id+`",`), bytes.TrimSpace(it)[1:])
	}
	return items
}

// purge removes responses whose time has passed, the oldest first. What it cannot
// remove now it will another time.
func (s *Service) purge(ctx context.Context) {
	page, err := s.p.Kept.List(ctx, store.Query{Kind: responseKind, Limit: mostPurged})
	if err != nil {
		return
	}
	for _, r := range page.Records {
		if s.expired(r) {
			_ = s.p.Kept.Delete(ctx, r.Key) // as above
		}
	}
}

func (s *Service) expired(r store.Record) bool { return !s.p.Now().Before(r.Created.Add(responseLife)) }

// load finds a response of the caller's; nil: there is none.
func (s *Service) load(ctx context.Context, id string) (*kept, error) {
	if s.p.Kept == nil {
		return nil, nil //nolint:nilnil // said so
	}
	r, err := s.p.Kept.Get(ctx, responseKey(ctx, id))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil //nolint:nilnil // said so
	case err != nil:
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(r.Body, &k); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the record of response %s cannot be read", id)
	}
	if s.expired(r) || k.Owner != call.From(ctx).Principal.ARN {
		return nil, nil //nolint:nilnil // said so
	}
	return &k, nil
}

// past are the items of the responses that one goes on from, the oldest first.
func (s *Service) past(ctx context.Context, previous *string) ([]json.RawMessage, error) {
	if previous == nil || *previous == "" {
		return nil, nil
	}
	var turns [][]json.RawMessage
	size := 0
	for id := *previous; id != ""; {
		k, err := s.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if k == nil || len(turns) == mostPast {
			f := fault.New(fault.Invalid, "Previous response with id '%s' not found.", id)
			return nil, door.WithError(f, "", "previous_response_not_found", "previous_response_id")
		}
		if size += len(k.Response); size > mostPastSize {
			return nil, door.WithError(fault.New(fault.Invalid, "The conversation is too long."), "", "context_length_exceeded", "previous_response_id")
		}
		var made struct{ Output []json.RawMessage }
		if err := json.Unmarshal(k.Response, &made); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the record of response %s cannot be read", id)
		}
		turns = append(turns, slices.Concat(k.Input, made.Output))
		for _, item := range k.Input {
			size += len(item)
		}
		id = k.Previous
	}
	slices.Reverse(turns)
	return slices.Concat(turns...), nil
}

// noResponse is the answer to an ID that is not one of the caller's responses.
func noResponse(id string) error {
	return door.WithError(fault.New(fault.NotFound, "Response with id '%s' not found.", id), "invalid_request_error", "", "")
}

func (s *Service) decodeID(in *door.Input) error {
	if len(in.Query["stream"]) > 0 && in.Query.Get("stream") != "false" {
		return unsupported("stream", "A response that is kept is not streamed.")
	}
	return nil
}

// getResponse answers GET /responses/{id}.
func (s *Service) getResponse(ctx context.Context, in *door.Input) (*door.Output, error) {
	k, err := s.load(ctx, in.Labels["response"])
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, noResponse(in.Labels["response"])
	}
	return &door.Output{Body: k.Response}, nil
}

// deleteResponse answers DELETE /responses/{id}.
func (s *Service) deleteResponse(ctx context.Context, in *door.Input) (*door.Output, error) {
	id := in.Labels["response"]
	k, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, noResponse(id)
	}
	if err := s.p.Kept.Delete(ctx, responseKey(ctx, id)); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return &door.Output{Body: encode(map[string]any{"id": id, "object": "response", "deleted": true})}, nil
}

// inputItemsOf answers GET /responses/{id}/input_items.
func (s *Service) inputItemsOf(ctx context.Context, in *door.Input) (*door.Output, error) {
	id := in.Labels["response"]
	k, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, noResponse(id)
	}
	items := slices.Clone(k.Input)
	if in.Query.Get("order") != "asc" {
		slices.Reverse(items)
	}
	return &door.Output{Body: encode(map[string]any{"object": "list", "data": items, "has_more": false})}, nil
}
