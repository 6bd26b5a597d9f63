// Package appprofile is application inference profiles: names of an account's
// own for a model or a system-defined profile, so that calls by them are billed,
// tagged and allowed apart.
//
// What there is, is in the store; every server keeps a copy that is a second old
// at most, since each call asks. It routes nothing: the router goes on with what
// a profile was made from.
package appprofile

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
	// maxTags is how many tags a profile may have.
	maxTags = 50
	// maxProfiles is how many an account may have in a region, as in AWS.
	maxProfiles = 1000
	// refresh is how often the store is asked what other processes changed.
	refresh = time.Second
)

// Profile is an application inference profile.
type Profile struct {
	Account     string
	Region      string
	ID          string // 12 lower-case letters and digits
	ARN         string
	Name        string
	Description string // empty when none was given
	// Source is the identifier of what it leads to, a model or a system-defined
	// profile, and Models the ARNs of its models.
	Source  string
	Models  []string
	Tags    map[string]string
	Created time.Time
	Updated time.Time

	version int64
}

const kind store.Kind = "application-inference-profile"

type body struct {
	ARN         string   `json:"arn"`
	Description string   `json:"description,omitempty"`
	Source      string   `json:"source"`
	Models      []string `json:"models"`
}

func (p *Profile) record() (store.Record, error) {
	text, err := store.Encode(body{p.ARN, p.Description, p.Source, p.Models})
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{
		Key:  store.Key{Kind: kind, Account: p.Account, Region: p.Region, ID: p.ID},
		Name: p.Name, Version: p.version, Tags: p.Tags, Body: text, Created: p.Created, Updated: p.Updated,
	}, nil
}

func profileOf(rec store.Record) (Profile, error) {
	var b body
	if err := rec.Decode(&b); err != nil {
		return Profile{}, err
	}
	return Profile{
		Account: rec.Account, Region: rec.Region, ID: rec.ID, Name: rec.Name, Tags: rec.Tags, ARN: b.ARN, Description: b.Description,
		Source: b.Source, Models: b.Models, Created: rec.Created, Updated: rec.Updated, version: rec.Version,
	}, nil
}

// Params are the parts of a Registry; all but Store may be nil.
type Params struct {
	Store     store.Store
	Now       func() time.Time
	NewID     func() string // 12 characters
	Partition func(region string) string
	Logger    *slog.Logger
}

// Registry makes, finds and drops profiles. It is safe for concurrent use.
type Registry struct {
	p     Params
	known atomic.Pointer[map[string]Profile] // by ARN
}

// NewRegistry returns a registry that knows nothing yet: see Refresh.
func NewRegistry(p Params) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	clock := p.Now
	p.Now = func() time.Time { return clock().UTC().Truncate(time.Millisecond) }
	if p.NewID == nil {
		p.NewID = newID
	}
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Registry{p: p}
	r.known.Store(&map[string]Profile{})
	return r
}

// Lead returns what the profile of an ARN leads to: the identifier that it was
// made from, and the ARNs of the models. It asks no store. An ARN of another
// account or region is of nobody.
func (r *Registry) Lead(arn, region, account string) (source string, models []string, ok bool) {
	p, ok := (*r.known.Load())[arn]
	if !ok || p.Account != account || p.Region != region {
		return "", nil, false
	}
	return p.Source, p.Models, true
}

// Tags returns the tags of the profile of an ARN; nil for anything else. It asks
// no store.
func (r *Registry) Tags(arn string) map[string]string { return (*r.known.Load())[arn].Tags }

// New is what Create is asked for.
type New struct {
	Account, Region string
	Name            string
	Description     string
	Source          string   // identifier of a model or a system-defined profile
	Models          []string // ARNs of its models
	Tags            map[string]string
	Token           store.Token
}

// Create makes a profile. Conflict: the name is taken, or the token was used for
// something else. QuotaExceeded: the account has too many. Invalid: too many
// tags.
func (r *Registry) Create(ctx context.Context, n New) (Profile, error) {
	if len(n.Tags) > maxTags {
		return Profile{}, tooManyTags()
	}
	all, err := r.List(ctx, n.Account, n.Region)
	if err != nil {
		return Profile{}, err
	}
	now, id := r.p.Now(), r.p.NewID()
	p := Profile{
		Account: n.Account, Region: n.Region, ID: id, Name: n.Name, Description: n.Description, Source: n.Source, Models: n.Models,
		ARN:  "arn:" + r.p.Partition(n.Region) + ":bedrock:" + n.Region + ":" + n.Account + ":application-inference-profile/" + id,
		Tags: n.Tags, Created: now, Updated: now,
	}
	rec, err := p.record()
	if err != nil {
		return Profile{}, err
	}
	rec, created, err := r.p.Store.Create(ctx, rec, store.Create{Token: n.Token})
	switch store.Reason(err) {
	case store.NameTaken:
		return Profile{}, fault.Wrap(fault.Conflict, err, "An inference profile with the name %s exists already. Choose another name and try your request again.", n.Name)
	case store.TokenUsed:
		return Profile{}, fault.Wrap(fault.Conflict, err, "The clientRequestToken was used for another request. Use a new one and try your request again.")
	}
	if err != nil {
		return Profile{}, err
	}
	// Not before: a token that was used is answered also when there is no room
	// any more.
	if created && len(all) >= maxProfiles {
		if err := r.p.Store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
			return Profile{}, err
		}
		return Profile{}, fault.New(fault.QuotaExceeded, "The account has %d inference profiles, which is the limit.", maxProfiles)
	}
	if p, err = profileOf(rec); err != nil {
		return Profile{}, err
	}
	return p, r.Refresh(ctx)
}

func tooManyTags() error {
	return fault.New(fault.Invalid, "The number of tags exceeds the limit of %d tags for a resource.", maxTags).WithCode("TooManyTagsException")
}

// Find returns the profile of an ARN or an ID. NotFound.
func (r *Registry) Find(ctx context.Context, account, region, identifier string) (Profile, error) {
	id := identifier
	if strings.HasPrefix(identifier, "arn:") {
		id = identifier[strings.LastIndexByte(identifier, '/')+1:]
	}
	rec, err := r.p.Store.Get(ctx, store.Key{Kind: kind, Account: account, Region: region, ID: id})
	if fault.Is(err, fault.NotFound) {
		return Profile{}, notFound(identifier)
	}
	if err != nil {
		return Profile{}, err
	}
	p, err := profileOf(rec)
	if err == nil && identifier != p.ID && identifier != p.ARN {
		return Profile{}, notFound(identifier)
	}
	return p, err
}

func notFound(identifier string) error {
	return fault.New(fault.NotFound, "The inference profile %s does not exist.", identifier)
}

// List returns those of an account in a region in the order of their creation.
func (r *Registry) List(ctx context.Context, account, region string) ([]Profile, error) {
	page, err := r.p.Store.List(ctx, store.Query{Kind: kind, Account: account, Region: region})
	if err != nil {
		return nil, err
	}
	list := make([]Profile, len(page.Records))
	for i, rec := range page.Records {
		if list[i], err = profileOf(rec); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Tag sets tags and removes others. NotFound. Invalid: too many.
func (r *Registry) Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error {
	for {
		p, err := r.Find(ctx, account, region, identifier)
		if err != nil {
			return err
		}
		tags := maps.Clone(p.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, set)
		for _, key := range remove {
			delete(tags, key)
		}
		if len(tags) > maxTags {
			return tooManyTags()
		}
		p.Tags, p.Updated = tags, r.p.Now()
		rec, err := p.record()
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

// Delete drops a profile. Calls by its ARN are refused from then on, in other
// servers on the same data a second later. NotFound.
func (r *Registry) Delete(ctx context.Context, account, region, identifier string) error {
	p, err := r.Find(ctx, account, region, identifier)
	if err != nil {
		return err
	}
	err = r.p.Store.Delete(ctx, store.Key{Kind: kind, Account: account, Region: region, ID: p.ID})
	if fault.Is(err, fault.NotFound) {
		return notFound(identifier)
	}
	if err != nil {
		return err
	}
	return r.Refresh(ctx)
}

// Refresh reads what is in the store, by this process or another one.
func (r *Registry) Refresh(ctx context.Context) error {
	all, err := r.List(ctx, "", "")
	if err != nil {
		return err
	}
	known := make(map[string]Profile, len(all))
	for _, p := range all {
		known[p.ARN] = p
	}
	r.known.Store(&known)
	return nil
}

// Run keeps up with what other processes change, until ctx ends.
func (r *Registry) Run(ctx context.Context) {
	periodic.Run(ctx, periodic.Params{
		Every: refresh, Do: r.Refresh, Logger: r.p.Logger, Trouble: "application inference profiles cannot be read; those that were known stay",
	})
}

// newID makes an ID as AWS does: 12 lower-case letters and digits.
func newID() string {
	const alphabet = "0123456789abcdefghijklmnopqrstuv" // 32: no byte is favoured
	random := make([]byte, 12)
	rand.Read(random) // never fails
	for i, b := range random {
		random[i] = alphabet[b%32]
	}
	return string(random)
}
