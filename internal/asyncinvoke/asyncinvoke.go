// Package asyncinvoke keeps asynchronous invocations of models and does their
// work: an invocation is a record of the store with a durable job, which any
// server on the same data does, once more after a kill, and whose results are
// objects in a bucket.
//
// It knows no API type, no model and no bucket: what an invocation computes is a
// Run, and who writes objects a delivery.Putter. Package service/bedrockruntime
// starts and shows invocations; package app makes the parts.
package asyncinvoke

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/store"
)

// Status is where an invocation is, in AWS's words.
type Status string

// The states.
const (
	InProgress Status = "InProgress"
	Completed  Status = "Completed"
	Failed     Status = "Failed"
)

// Invocation is an asynchronous invocation.
type Invocation struct {
	ID       string `json:"id"`
	ARN      string `json:"arn"`
	Account  string `json:"account"`
	Region   string `json:"region"`
	Model    string `json:"model"`    // as the client named it
	ModelARN string `json:"modelArn"` // of what answers
	// Input is the model's own JSON. It is forgotten when the invocation is over.
	Input     json.RawMessage `json:"input,omitempty"`
	URI       string          `json:"uri"` // s3://bucket/prefix, where the results go
	Owner     string          `json:"owner,omitempty"`
	Token     string          `json:"token,omitempty"` // the client's
	Principal iam.Principal   `json:"principal"`
	// Source is where it was started from, which policies may ask about.
	Source call.Source       `json:"source,omitzero"`
	Tags   map[string]string `json:"-"`

	Status    Status    `json:"-"`
	Failure   string    `json:"failure,omitempty"`
	Submitted time.Time `json:"-"`
	Modified  time.Time `json:"-"`
	Ended     time.Time `json:"ended,omitzero"`
}

// File is a result, by its name in the folder of the invocation.
type File struct {
	Name        string
	ContentType string
	Body        []byte
}

// Try is one try to compute an invocation, which a server that is killed may
// leave behind.
type Try struct {
	Folder    string // where its files will be: s3://bucket/prefix/id
	RequestID string // another one for each try
	// Record is the invocation's line in the bill, and Number says which version of
	// it this try writes: an invocation is paid for once, however often it is tried.
	Record string
	Number int // from 1
}

// Run computes an invocation. Faults that may pass (Throttled, Unavailable,
// NotReady) are tried again; any other one is the failure of the invocation.
type Run func(ctx context.Context, inv *Invocation, try Try) ([]File, error)

// Params are the parts of an Invoker; Store, Putter and Run are required.
type Params struct {
	Store  store.Store
	Putter delivery.Putter
	Run    Run
	// May decides, before each try, whether who started an invocation may still do
	// so; nil: they may. Faults are as Run's.
	May func(ctx context.Context, inv *Invocation) error
	// Owner is the account that all buckets belong to; empty: who writes into one
	// is told whose it is.
	Owner     string
	Partition func(region string) string // nil: "aws"
	NewID     func() string              // 12 lower-case letters and digits
	Now       func() time.Time           // time.Now when nil

	Jobs  int           // at a time; 0: 2
	Lease time.Duration // how long a killed server's work waits; 0: 10 s
	Poll  time.Duration // how often others' work is looked for; 0: 1 s
	Pause time.Duration // before something is tried again, doubled each time; 0: 2 s
	Tries int           // 0: 6
}

// Invoker keeps invocations and, while Run runs, does their work. It is safe for
// concurrent use.
type Invoker struct {
	p    Params
	wake chan struct{}
}

const (
	kind = store.Kind("async-invoke")
	work = "async-invoke"
)

// New returns an Invoker.
func New(p Params) *Invoker {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	p.Jobs, p.Tries = cmp.Or(p.Jobs, 2), cmp.Or(p.Tries, 6)
	p.Lease, p.Poll, p.Pause = cmp.Or(p.Lease, 10*time.Second), cmp.Or(p.Poll, time.Second), cmp.Or(p.Pause, 2*time.Second)
	return &Invoker{p: p, wake: make(chan struct{}, 1)}
}

// key names the record of an invocation, and its job.
type key struct{ Account, Region, ID string }

func (k key) record() store.Key {
	return store.Key{Kind: kind, Account: k.Account, Region: k.Region, ID: k.ID}
}

// Start makes an invocation. The members that it sets are ID, ARN, Status and the
// times. A second Start with an equal token answers with the first one's
// invocation. Conflict: the token was used for something else. Invalid: URI. Denied:
// the bucket is not that owner's.
func (v *Invoker) Start(ctx context.Context, inv Invocation) (Invocation, error) {
	where, err := parseURI(inv.URI)
	if err != nil {
		return inv, err
	}
	if inv.Owner != "" && v.p.Owner != "" && inv.Owner != v.p.Owner {
		return inv, fault.New(fault.Denied, "The bucket %s does not belong to the account %s.", where.bucket, inv.Owner)
	}
	token, err := inv.token()
	if err != nil {
		return inv, err
	}
	k := key{inv.Account, inv.Region, v.p.NewID()}
	now := v.p.Now().UTC().Truncate(time.Millisecond)
	inv.ID, inv.Status, inv.Submitted, inv.Modified = k.ID, InProgress, now, now
	inv.ARN = "arn:" + v.p.Partition(inv.Region) + ":bedrock:" + inv.Region + ":" + inv.Account + ":async-invoke/" + k.ID
	body, err := json.Marshal(inv)
	if err != nil {
		return inv, fault.Wrap(fault.Internal, err, "the invocation cannot be written")
	}
	payload, err := json.Marshal(k)
	if err != nil {
		return inv, fault.Wrap(fault.Internal, err, "the job cannot be written")
	}
	made, _, err := v.p.Store.Create(ctx, store.Record{
		Key: k.record(), Status: string(InProgress), Tags: inv.Tags, Body: body, Created: now, Updated: now,
	}, store.Create{Token: token, Enqueue: &store.Job{ID: work + "/" + inv.Account + "/" + inv.Region + "/" + k.ID, Kind: work, Payload: payload}})
	if store.Reason(err) == store.TokenUsed {
		return inv, fault.Wrap(fault.Conflict, err, "The clientRequestToken was used for another request. Use a new one and try your request again.")
	}
	if err != nil {
		return inv, err
	}
	v.poke()
	return read(made)
}

// token makes a Start repeatable by the digest of what it asks for.
func (inv *Invocation) token() (store.Token, error) {
	if inv.Token == "" {
		return store.Token{}, nil
	}
	text, err := json.Marshal([]any{inv.Model, inv.Input, inv.URI, inv.Owner, inv.Tags})
	if err != nil {
		return store.Token{}, fault.Wrap(fault.Internal, err, "digest of a request")
	}
	sum := sha256.Sum256(text)
	return store.Token{Value: inv.Token, Request: hex.EncodeToString(sum[:])}, nil
}

func (v *Invoker) poke() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Get finds an invocation by its ARN. NotFound.
func (v *Invoker) Get(ctx context.Context, account, region, arn string) (Invocation, error) {
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	r, err := v.p.Store.Get(ctx, key{account, region, id}.record())
	if err != nil {
		return Invocation{}, err
	}
	inv, err := read(r)
	if err == nil && inv.ARN != arn {
		return Invocation{}, fault.New(fault.NotFound, "there is no invocation %s", arn)
	}
	return inv, err
}

// List returns the invocations of an account in a region, the oldest first.
func (v *Invoker) List(ctx context.Context, account, region string) ([]Invocation, error) {
	page, err := v.p.Store.List(ctx, store.Query{Kind: kind, Account: account, Region: region})
	if err != nil {
		return nil, err
	}
	all := make([]Invocation, 0, len(page.Records))
	for _, r := range page.Records {
		inv, err := read(r)
		if err != nil {
			return nil, err
		}
		all = append(all, inv)
	}
	slices.SortStableFunc(all, func(a, b Invocation) int {
		return cmp.Or(a.Submitted.Compare(b.Submitted), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

func read(r store.Record) (Invocation, error) {
	var inv Invocation
	if err := json.Unmarshal(r.Body, &inv); err != nil {
		return inv, fault.Wrap(fault.Internal, err, "the record of invocation %s cannot be read", r.ID)
	}
	inv.Status, inv.Tags, inv.Submitted, inv.Modified = Status(r.Status), r.Tags, r.Created, r.Updated
	return inv, nil
}

// place is where results go.
type place struct{ bucket, prefix string }

// parseURI takes s3://bucket/prefix apart.
func parseURI(uri string) (place, error) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	bucket, prefix, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return place{}, fault.New(fault.Invalid, "The S3 URI of the output must have the form s3://bucket/prefix.")
	}
	return place{bucket, strings.Trim(prefix, "/")}, nil
}

// folder is the key of the folder of an invocation.
func (p place) folder(id string) string {
	if p.prefix == "" {
		return id
	}
	return p.prefix + "/" + id
}
