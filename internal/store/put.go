package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/outcrop/outcrop/internal/fault"
)

// Encode makes the body of a record.
func Encode(v any) (json.RawMessage, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a resource: %w", err)
	}
	return body, nil
}

// Decode reads the body of a record.
func (r Record) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("decode the %s %s: %w", r.Kind, r.ID, err)
	}
	return nil
}

// Put writes a record whether it is there or not. change gets what is there, or
// a record with the key alone and Version 0, and makes of it what is written; it
// is called again when somebody else was faster. Its error ends Put, with what
// was there. Faults are those of change and of the store, but no Conflict with
// another change.
func Put(ctx context.Context, s Store, key Key, change func(r *Record) error) (Record, error) {
	for {
		r, err := s.Get(ctx, key)
		switch {
		case fault.Is(err, fault.NotFound):
			r = Record{Key: key}
		case err != nil:
			return Record{}, err
		}
		if err := change(&r); err != nil {
			return r, err
		}
		var made Record
		if r.Version == 0 {
			made, _, err = s.Create(ctx, r, Create{})
		} else {
			made, err = s.Update(ctx, r)
		}
		if err == nil {
			return made, nil
		}
		if reason := Reason(err); reason != KeyTaken && reason != Changed && !fault.Is(err, fault.NotFound) {
			return Record{}, err
		}
		if ctx.Err() != nil {
			return Record{}, ctx.Err()
		}
	}
}
