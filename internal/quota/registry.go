package quota

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/periodic"
	"github.com/outcrop/outcrop/internal/store"
)

const (
	kindValue   store.Kind = "quota-value"   // what was set for an account
	kindRequest store.Kind = "quota-request" // an increase that was asked for
	kindTags    store.Kind = "quota-tags"
	kindSpent   store.Kind = "quota-spent" // tokens of a day

	// refresh is how often the store is asked what other processes changed.
	refresh = time.Second
)

// RegistryParams are the parts of a Registry; Now, NewID and Logger may be nil.
type RegistryParams struct {
	Store  store.Store
	Values *Values
	// Models are those that have quotas in a region.
	Models    func(region string) []*catalog.Model
	Increases Increases
	Now       func() time.Time
	NewID     func() string
	Logger    *slog.Logger
}

// Increases says who approves a request for more.
type Increases struct {
	// Automatic approves at once what is within bounds; the rest waits for the
	// administrator.
	Automatic bool
	// Factor is how many times the default a value may become by itself, UpTo
	// how large; 0 does not bound.
	Factor float64
	UpTo   int64
}

// Registry keeps in the store which values were set for accounts and who asked
// for more. It is safe for concurrent use, also beside other processes.
type Registry struct{ p RegistryParams }

// NewRegistry returns a registry. Load or Run makes what was set hold.
func NewRegistry(p RegistryParams) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	clock := p.Now
	p.Now = func() time.Time { return clock().UTC().Truncate(time.Millisecond) }
	if p.NewID == nil {
		p.NewID = newRequestID
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	return &Registry{p: p}
}

// Load makes hold what was set, by this process or another one.
func (r *Registry) Load(ctx context.Context) error {
	page, err := r.p.Store.List(ctx, store.Query{Kind: kindValue})
	if err != nil {
		return err
	}
	set := make(map[setting]int64, len(page.Records))
	for _, rec := range page.Records {
		var body valueBody
		if err := rec.Decode(&body); err != nil {
			return err
		}
		set[setting{rec.Account, rec.Region, ID{body.Model, body.Class, body.Metric}}] = body.Value
	}
	r.p.Values.replace(set)
	return nil
}

// Run keeps up with what other processes set, until ctx ends.
func (r *Registry) Run(ctx context.Context) {
	periodic.Run(ctx, periodic.Params{Every: refresh, Do: r.Load, Logger: r.p.Logger, Trouble: "quotas cannot be read; the last known values hold"})
}

type valueBody struct {
	Model  string `json:"model"`
	Class  Class  `json:"class"`
	Metric Metric `json:"metric"`
	Value  int64  `json:"value"`
}

// List returns the quotas of an account in a region, by code.
func (r *Registry) List(account, region string) []Applied {
	return r.p.Values.Quotas(account, region, r.p.Models(region))
}

// Find returns a quota by its code. NotFound.
func (r *Registry) Find(account, region, code string) (Applied, error) {
	for _, q := range r.List(account, region) {
		if q.Code == code {
			return q, nil
		}
	}
	return Applied{}, fault.New(fault.NotFound, "The request failed because the specified service quota does not exist.")
}

// FindByName returns the quota of a model, by its ID or that of a profile, for a
// metric. NotFound.
func (r *Registry) FindByName(account, region, model string, metric Metric) (Applied, error) {
	switch metric {
	case Requests, Tokens, TokensPerDay, Concurrency:
	default:
		return Applied{}, fault.New(fault.NotFound, "There is no quota of %s. Quotas are of %s, %s, %s and %s.", metric, Requests, Tokens, TokensPerDay, Concurrency)
	}
	for _, m := range r.p.Models(region) {
		id := ID{Model: m.ID, Class: OnDemand, Metric: metric}
		for _, profile := range m.Profiles {
			if profile == model {
				id.Class = ClassOf(profile)
			}
		}
		if id.Class == OnDemand && m.ID != model {
			continue
		}
		for _, q := range r.List(account, region) {
			if q.ID == id {
				return q, nil
			}
		}
		return Applied{}, fault.New(fault.NotFound, "Model %s has no quota %s of its own. Set it for %s.", model, metric, m.ID)
	}
	return Applied{}, fault.New(fault.NotFound, "There is no model %s in %s.", model, region)
}

// Set makes a value hold for an account in a region: in this process at once, in
// others within two seconds. NotFound: no such quota. Invalid: it is negative.
func (r *Registry) Set(ctx context.Context, account, region, code string, value int64) error {
	q, err := r.Find(account, region, code)
	if err != nil {
		return err
	}
	if value < 0 || value > Unlimited {
		return fault.New(fault.Invalid, "The value of a quota is between 0 and %d.", Unlimited)
	}
	body, err := store.Encode(valueBody{q.Model, q.Class, q.Metric, value})
	if err != nil {
		return err
	}
	if err := r.put(ctx, store.Record{Key: store.Key{Kind: kindValue, Account: account, Region: region, ID: code}, Body: body}); err != nil {
		return err
	}
	return r.Load(ctx)
}

// Reset makes the default hold again.
func (r *Registry) Reset(ctx context.Context, account, region, code string) error {
	if _, err := r.Find(account, region, code); err != nil {
		return err
	}
	err := r.p.Store.Delete(ctx, store.Key{Kind: kindValue, Account: account, Region: region, ID: code})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return r.Load(ctx)
}

// put writes a record over the one that is there, if there is one.
func (r *Registry) put(ctx context.Context, rec store.Record) error {
	_, err := store.Put(ctx, r.p.Store, rec.Key, func(known *store.Record) error {
		rec.Created, rec.Updated, rec.Version = known.Created, r.p.Now(), known.Version
		if rec.Version == 0 {
			rec.Created = rec.Updated
		}
		*known = rec
		return nil
	})
	return err
}

// Tags returns the tags of a quota.
func (r *Registry) Tags(ctx context.Context, account, region, code string) (map[string]string, error) {
	if _, err := r.Find(account, region, code); err != nil {
		return nil, err
	}
	rec, err := r.p.Store.Get(ctx, store.Key{Kind: kindTags, Account: account, Region: region, ID: code})
	if fault.Is(err, fault.NotFound) {
		return map[string]string{}, nil
	}
	return rec.Tags, err
}

// SetTags replaces the tags of a quota.
func (r *Registry) SetTags(ctx context.Context, account, region, code string, tags map[string]string) error {
	return r.put(ctx, store.Record{
		Key: store.Key{Kind: kindTags, Account: account, Region: region, ID: code}, Tags: tags, Body: json.RawMessage("{}"),
	})
}

// ParseIncreases reads how far increases are approved by themselves: "" for all
// of them, "10x" for ten times the default, "5000" for a value.
func ParseIncreases(upTo string) (factor float64, value int64, err error) {
	text := strings.TrimSpace(upTo)
	if text == "" {
		return 0, 0, nil
	}
	if number, ok := strings.CutSuffix(text, "x"); ok {
		factor, err = strconv.ParseFloat(number, 64)
		if err != nil || !(factor >= 1) || factor > 1e9 {
			return 0, 0, fault.New(fault.Invalid, "%q is not a factor: write 1x or more", upTo)
		}
		return factor, 0, nil
	}
	value, err = strconv.ParseInt(text, 10, 64)
	if err != nil || value < 1 {
		return 0, 0, fault.New(fault.Invalid, "%q is neither a factor such as 10x nor a whole number", upTo)
	}
	return 0, value, nil
}
