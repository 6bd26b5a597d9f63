// Package provisioned is provisioned throughput: places in a local model that
// are reserved, with an ARN of their own, and the lanes that keep them free.
//
// What there is, is in the store; what is reserved is in each server that answers
// for the model. It counts no tokens (package quota does, for calls on demand)
// and starts no model. Services create and list it through a Registry; the router
// finds an ARN's model through it; package serving asks it for a place before
// each request to a model.
package provisioned

import (
	"context"
	"time"

	"github.com/outcrop/outcrop/internal/store"
)

// Status is the state of provisioned throughput, in AWS's words.
type Status string

// The states. It is Creating until its places are reserved, and Failed when
// there are none.
const (
	Creating  Status = "Creating"
	InService Status = "InService"
	Updating  Status = "Updating"
	Failed    Status = "Failed"
)

// Commitment is how long it is kept at least, in AWS's words; empty is not.
type Commitment string

// The commitments.
const (
	OneMonth  Commitment = "OneMonth"
	SixMonths Commitment = "SixMonths"
)

// until is when a commitment ends.
func (c Commitment) until(from time.Time) time.Time {
	switch c {
	case OneMonth:
		return from.AddDate(0, 1, 0)
	case SixMonths:
		return from.AddDate(0, 6, 0)
	}
	return time.Time{}
}

// Throughput is reserved places in a model.
type Throughput struct {
	Account string
	Region  string
	ID      string
	ARN     string
	Name    string
	// ModelID is the base model ID, or one of the operator's own, and ModelARN
	// what was named when it was made.
	ModelID    string
	ModelARN   string
	Units      int
	Commitment Commitment
	Expires    time.Time // of the commitment; zero without
	Status     Status
	Failure    string // why it is Failed
	Tags       map[string]string
	Created    time.Time
	Updated    time.Time

	version int64
}

const kind store.Kind = "provisioned-throughput"

type body struct {
	ARN        string     `json:"arn"`
	ModelID    string     `json:"model"`
	ModelARN   string     `json:"modelArn"`
	Units      int        `json:"units"`
	Commitment Commitment `json:"commitment,omitempty"`
	Expires    time.Time  `json:"expires,omitzero"`
	Failure    string     `json:"failure,omitempty"`
}

func (t *Throughput) record() (store.Record, error) {
	text, err := store.Encode(body{t.ARN, t.ModelID, t.ModelARN, t.Units, t.Commitment, t.Expires, t.Failure})
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{
		Key:  store.Key{Kind: kind, Account: t.Account, Region: t.Region, ID: t.ID},
		Name: t.Name, Status: string(t.Status), Version: t.version, Tags: t.Tags, Body: text, Created: t.Created, Updated: t.Updated,
	}, nil
}

func throughputOf(rec store.Record) (Throughput, error) {
	var b body
	if err := rec.Decode(&b); err != nil {
		return Throughput{}, err
	}
	return Throughput{
		Account: rec.Account, Region: rec.Region, ID: rec.ID, Name: rec.Name, Status: Status(rec.Status), Tags: rec.Tags,
		ARN: b.ARN, ModelID: b.ModelID, ModelARN: b.ModelARN, Units: b.Units, Commitment: b.Commitment, Expires: b.Expires,
		Failure: b.Failure, Created: rec.Created, Updated: rec.Updated, version: rec.Version,
	}, nil
}

// Model is what provisioned throughput is made for.
type Model struct {
	ID       string // base model ID, or one of the operator's own
	ARN      string
	ServedBy string // the local model, in the router's words
}

// Models finds the model that an identifier names. Faults: NotFound, and Invalid
// for what cannot be reserved.
type Models func(ctx context.Context, identifier, region, account string) (Model, error)
