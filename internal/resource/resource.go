// Package resource keeps resources that calls name by their ARN, such as
// application inference profiles and prompt routers: made once, tagged, deleted,
// and looked up by every call.
//
// What there is, is in the store; every server keeps a copy that is a second old
// at most. What a resource means is its body, which only its own package knows.
package resource

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/periodic"
	"github.com/outcrop/outcrop/internal/store"
)

const (
	// maxTags is how many tags a resource may have.
	maxTags = 50
	// refresh is how often the store is asked what other processes changed.
	refresh = time.Second
)

// Resource is one of them. Body is what its package makes of it; it is kept as
// JSON and not changed.
type Resource[Body any] struct {
	Account string
	Region  string
	ID      string // 12 lower-case letters and digits
	ARN     string
	Name    string
	Body    Body
	Tags    map[string]string
	Created time.Time
	Updated time.Time

	version int64
}

// Params are the parts of a Registry; Now, NewID, Partition and Logger may be
// nil.
type Params struct {
	Store store.Store
	// Kind is what stands in ARNs: "application-inference-profile".
	Kind string
	// Noun is what messages call it: "inference profile".
	Noun string
	// Limit is how many an account may have in a region.
	Limit     int
	Now       func() time.Time
	NewID     func() string // 12 characters
	Partition func(region string) string
	Logger    *slog.Logger
}

// Registry makes, finds and drops resources of one kind. It is safe for
// concurrent use.
type Registry[Body any] struct {
	p     Params
	known atomic.Pointer[map[string]Resource[Body]] // by ARN
}

// kept is the body of a record.
type kept[Body any] struct {
	ARN  string `json:"arn"`
	Body Body   `json:"body"`
}

// NewRegistry returns a registry that knows nothing yet: see Refresh.
func NewRegistry[Body any](p Params) *Registry[Body] {
	if p.Now == nil {
		p.Now = time.Now
	}
	clock := p.Now
	p.Now = func() time.Time { return clock().UTC().Truncate(time.Millisecond) }
	if p.NewID == nil {
		p.NewID = NewID
	}
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Registry[Body]{p: p}
	r.known.Store(&map[string]Resource[Body]{})
	return r
}

func (r *Registry[Body]) key(account, region, id string) store.Key {
	return store.Key{Kind: store.Kind(r.p.Kind), Account: account, Region: region, ID: id}
}

func (r *Registry[Body]) record(one *Resource[Body]) (store.Record, error) {
	text, err := store.Encode(kept[Body]{one.ARN, one.Body})
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{
		Key: r.key(one.Account, one.Region, one.ID), Name: one.Name, Version: one.version, Tags: one.Tags, Body: text,
		Created: one.Created, Updated: one.Updated,
	}, nil
}

func resourceOf[Body any](rec store.Record) (Resource[Body], error) {
	var b kept[Body]
	if err := rec.Decode(&b); err != nil {
		return Resource[Body]{}, err
	}
	return Resource[Body]{
		Account: rec.Account, Region: rec.Region, ID: rec.ID, ARN: b.ARN, Name: rec.Name, Body: b.Body, Tags: rec.Tags,
		Created: rec.Created, Updated: rec.Updated, version: rec.Version,
	}, nil
}

// Known returns the resource of an ARN, if it is the account's in the region. It
// asks no store.
func (r *Registry[Body]) Known(arn, region, account string) (Resource[Body], bool) {
	one, ok := (*r.known.Load())[arn]
	if !ok || one.Account != account || one.Region != region {
		return Resource[Body]{}, false
	}
	return one, true
}

// Tags returns the tags of the resource of an ARN; nil for anything else. It
// asks no store.
func (r *Registry[Body]) Tags(arn string) map[string]string { return (*r.known.Load())[arn].Tags }

// New is what Create is asked for.
type New[Body any] struct {
	Account, Region string
	Name            string
	Body            Body
	Tags            map[string]string
	Token           store.Token
}

// Create makes a resource. Conflict: the name is taken, or the token was used
// for something else. QuotaExceeded: the account has too many. Invalid: too many
// tags.
func (r *Registry[Body]) Create(ctx context.Context, n New[Body]) (Resource[Body], error) {
	var none Resource[Body]
	if err := CheckTags(n.Tags); err != nil {
		return none, err
	}
	all, err := r.List(ctx, n.Account, n.Region)
	if err != nil {
		return none, err
	}
	now, id := r.p.Now(), r.p.NewID()
	one := Resource[Body]{
		Account: n.Account, Region: n.Region, ID: id, Name: n.Name, Body: n.Body, Tags: n.Tags, Created: now, Updated: now,
		ARN: "arn:" + r.p.Partition(n.Region) + ":bedrock:" + n.Region + ":" + n.Account + ":" + r.p.Kind + "/" + id,
	}
	rec, err := r.record(&one)
	if err != nil {
		return none, err
	}
	rec, created, err := r.p.Store.Create(ctx, rec, store.Create{Token: n.Token})
	switch store.Reason(err) {
	case store.NameTaken:
		return none, fault.Wrap(fault.Conflict, err, "The %s %s exists already. Choose another name and try your request again.", r.p.Noun, n.Name)
	case store.TokenUsed:
		return none, fault.Wrap(fault.Conflict, err, "The clientRequestToken was used for another request. Use a new one and try your request again.")
	}
	if err != nil {
		return none, err
	}
	// Not before: a token that was used is answered also when there is no room
	// any more.
	if created && len(all) >= r.p.Limit {
		if err := r.p.Store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
			return none, err
		}
		return none, fault.New(fault.QuotaExceeded, "The account has %d %ss in the region, which is the limit.", r.p.Limit, r.p.Noun)
	}
	if one, err = resourceOf[Body](rec); err != nil {
		return none, err
	}
	return one, r.Refresh(ctx)
}

// Find returns the resource of an ARN or an ID. NotFound.
func (r *Registry[Body]) Find(ctx context.Context, account, region, identifier string) (Resource[Body], error) {
	id := identifier
	if strings.HasPrefix(identifier, "arn:") {
		id = identifier[strings.LastIndexByte(identifier, '/')+1:]
	}
	rec, err := r.p.Store.Get(ctx, r.key(account, region, id))
	if fault.Is(err, fault.NotFound) {
		return Resource[Body]{}, r.notFound(identifier)
	}
	if err != nil {
		return Resource[Body]{}, err
	}
	one, err := resourceOf[Body](rec)
	if err == nil && identifier != one.ID && identifier != one.ARN {
		return Resource[Body]{}, r.notFound(identifier)
	}
	return one, err
}

func (r *Registry[Body]) notFound(identifier string) error {
	return fault.New(fault.NotFound, "The %s %s does not exist.", r.p.Noun, identifier)
}

// List returns those of an account in a region in the order of their creation.
func (r *Registry[Body]) List(ctx context.Context, account, region string) ([]Resource[Body], error) {
	page, err := r.p.Store.List(ctx, store.Query{Kind: store.Kind(r.p.Kind), Account: account, Region: region})
	if err != nil {
		return nil, err
	}
	list := make([]Resource[Body], len(page.Records))
	for i, rec := range page.Records {
		if list[i], err = resourceOf[Body](rec); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Tag sets tags and removes others. NotFound. Invalid: too many.
func (r *Registry[Body]) Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error {
	for {
		one, err := r.Find(ctx, account, region, identifier)
		if err != nil {
			return err
		}
		tags, err := Retag(one.Tags, set, remove)
		if err != nil {
			return err
		}
		one.Tags, one.Updated = tags, r.p.Now()
		rec, err := r.record(&one)
		if err != nil {
			return err
		}
		switch _, err = r.p.Store.Update(ctx, rec); {
		case err == nil:
			return r.Refresh(ctx)
		case store.Reason(err) != store.Changed || ctx.Err() != nil:
			return err
		}
	}
}

// Delete drops a resource. Calls by its ARN are refused from then on, in other
// servers on the same data a second later. NotFound.
func (r *Registry[Body]) Delete(ctx context.Context, account, region, identifier string) error {
	one, err := r.Find(ctx, account, region, identifier)
	if err != nil {
		return err
	}
	err = r.p.Store.Delete(ctx, r.key(account, region, one.ID))
	if fault.Is(err, fault.NotFound) {
		return r.notFound(identifier)
	}
	if err != nil {
		return err
	}
	return r.Refresh(ctx)
}

// Refresh reads what is in the store, by this process or another one.
func (r *Registry[Body]) Refresh(ctx context.Context) error {
	all, err := r.List(ctx, "", "")
	if err != nil {
		return err
	}
	known := make(map[string]Resource[Body], len(all))
	for _, one := range all {
		known[one.ARN] = one
	}
	r.known.Store(&known)
	return nil
}

// Run keeps up with what other processes change, until ctx ends.
func (r *Registry[Body]) Run(ctx context.Context) {
	periodic.Run(ctx, periodic.Params{
		Every: refresh, Do: r.Refresh, Logger: r.p.Logger, Trouble: "resources of the kind " + r.p.Kind + " cannot be read; those that were known stay",
	})
}

// CheckTags refuses more tags than a resource may have, with AWS's exception.
func CheckTags(tags map[string]string) error {
	if len(tags) <= maxTags {
		return nil
	}
	return fault.New(fault.Invalid, "The number of tags exceeds the limit of %d tags for a resource.", maxTags).WithCode("TooManyTagsException")
}

// Retag returns tags with some set and others removed; Invalid when they are too
// many. It changes none of its arguments.
func Retag(tags, set map[string]string, remove []string) (map[string]string, error) {
	all := maps.Clone(tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, set)
	for _, key := range remove {
		delete(all, key)
	}
	return all, CheckTags(all)
}

// NewID makes an ID as AWS does: 12 lower-case letters and digits.
func NewID() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv" // 32: no byte is favoured
	random := make([]byte, 12)
	rand.Read(random) // never fails
	for i, b := range random {
		random[i] = alphabet[b%32]
	}
	return string(random)
}
