package provisioned

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/periodic"
	"github.com/outcrop/outcrop/internal/resource"
	"github.com/outcrop/outcrop/internal/store"
)

// refresh is how often the store is asked what other processes changed.
const refresh = time.Second

// Params are the parts of a Registry; Now, NewID, Partition and Logger may be
// nil.
type Params struct {
	Store store.Store
	// Places is how many requests a local model computes at the same time. All
	// but one of them can be reserved.
	Places int
	// PlacesPerUnit is how many of them a model unit is.
	PlacesPerUnit int
	// Queue is how many requests on demand wait for a place where some are
	// reserved.
	Queue     int
	Now       func() time.Time
	NewID     func() string // 12 characters
	Partition func(region string) string
	Logger    *slog.Logger
}

// Registry makes, finds and drops provisioned throughput, and keeps its places
// free. Bind and then Refresh before it is used. It is safe for concurrent use.
type Registry struct {
	lanes
	p      Params
	models Models

	making sync.Mutex // one Create or Refresh at a time
	known  atomic.Pointer[map[string]Throughput]
}

// NewRegistry returns a registry in which nothing is reserved yet.
func NewRegistry(p Params) *Registry {
	if p.Now == nil {
		p.Now = time.Now
	}
	clock := p.Now
	p.Now = func() time.Time { return clock().UTC().Truncate(time.Millisecond) }
	if p.NewID == nil {
		p.NewID = resource.NewID
	}
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Registry{p: p, lanes: lanes{places: p.Places, queue: p.Queue, models: make(map[string]*lane)}}
	r.known.Store(&map[string]Throughput{})
	return r
}

// Bind says how models are found. The router, which finds them, needs the
// registry first; so this comes once, before anything is served.
func (r *Registry) Bind(models Models) { r.models = models }

// named is the key of a name among the known ones, beside the ARNs.
func named(account, region, name string) string { return account + "/" + region + "/" + name }

// Provisioned implements router.Provisioned. NotReady: its places are not
// reserved yet.
func (r *Registry) Provisioned(identifier, region, account string) (arn, model string, found bool, err error) {
	known := *r.known.Load()
	t, ok := known[identifier]
	if !ok {
		t, ok = known[named(account, region, identifier)]
	}
	switch {
	case !ok || t.Account != account || t.Region != region || t.Status == Failed:
		return "", "", false, nil
	case t.Status == Creating:
		return "", "", false, fault.New(fault.NotReady, "Model is not ready for inference. Wait and try your request again.")
	}
	return t.ARN, t.ModelID, true, nil
}

// New is what Create is asked for.
type New struct {
	Account, Region string
	Name            string
	Model           string // ID or ARN
	Units           int
	Commitment      Commitment
	Tags            map[string]string
	Token           store.Token
}

// Create reserves places. NotFound: no such model. Invalid: it cannot be
// reserved. QuotaExceeded: there are not so many places left. Conflict: the name
// is taken, or the token was used for something else.
func (r *Registry) Create(ctx context.Context, n New) (Throughput, error) {
	if err := resource.CheckTags(n.Tags); err != nil {
		return Throughput{}, err
	}
	m, err := r.models(ctx, n.Model, n.Region, n.Account)
	if err != nil {
		return Throughput{}, err
	}
	r.making.Lock()
	made, created, err := r.create(ctx, n, m)
	r.making.Unlock()
	if err != nil || !created {
		return made, err
	}
	return made, r.Refresh(ctx)
}

func (r *Registry) create(ctx context.Context, n New, m Model) (Throughput, bool, error) {
	all, err := r.all(ctx)
	if err != nil {
		return Throughput{}, false, err
	}
	left := r.p.Places - 1
	for _, t := range all {
		if other, err := r.models(ctx, t.ModelID, t.Region, t.Account); err == nil && other.ServedBy == m.ServedBy && t.Status != Failed {
			left -= t.Units * r.p.PlacesPerUnit
		}
	}
	now := r.p.Now()
	id := r.p.NewID()
	t := Throughput{
		Account: n.Account, Region: n.Region, ID: id, Name: n.Name, ModelID: m.ID, ModelARN: m.ARN, Units: n.Units,
		ARN:        "arn:" + r.p.Partition(n.Region) + ":bedrock:" + n.Region + ":" + n.Account + ":provisioned-model/" + id,
		Commitment: n.Commitment, Expires: n.Commitment.until(now), Status: Creating, Tags: n.Tags, Created: now, Updated: now,
	}
	rec, err := t.record()
	if err != nil {
		return Throughput{}, false, err
	}
	rec, created, err := r.p.Store.Create(ctx, rec, store.Create{Token: n.Token})
	switch store.Reason(err) {
	case store.NameTaken:
		return Throughput{}, false, nameTaken(err, n.Name)
	case store.TokenUsed:
		return Throughput{}, false, fault.Wrap(fault.Conflict, err, "The clientRequestToken was used for another request. Use a new one and try your request again.")
	}
	if err != nil {
		return Throughput{}, false, err
	}
	// Not before: a token that was used is answered also when there is no room
	// any more.
	if created && n.Units > left/r.p.PlacesPerUnit {
		if err := r.p.Store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
			return Throughput{}, false, err
		}
		return Throughput{}, false, noPlaces(n.Units, max(0, left/r.p.PlacesPerUnit))
	}
	t, err = throughputOf(rec)
	return t, created, err
}

func noPlaces(units, left int) error {
	return fault.New(fault.QuotaExceeded, "You asked for %d model units, and the engine of this model has %d that are not reserved yet.", units, left)
}

func nameTaken(cause error, name string) error {
	return fault.Wrap(fault.Conflict, cause, "A Provisioned Throughput with the name %s exists already. Choose another name and try your request again.", name)
}

// Find returns the one that an ARN, an ID or a name names. NotFound.
func (r *Registry) Find(ctx context.Context, account, region, identifier string) (Throughput, error) {
	all, err := r.List(ctx, account, region)
	if err != nil {
		return Throughput{}, err
	}
	for _, t := range all {
		if identifier == t.ARN || identifier == t.ID || identifier == t.Name {
			return t, nil
		}
	}
	return Throughput{}, fault.New(fault.NotFound, "The provisioned model %s does not exist.", identifier)
}

// List returns those of an account in a region in the order of their creation.
func (r *Registry) List(ctx context.Context, account, region string) ([]Throughput, error) {
	page, err := r.p.Store.List(ctx, store.Query{Kind: kind, Account: account, Region: region})
	if err != nil {
		return nil, err
	}
	list := make([]Throughput, len(page.Records))
	for i, rec := range page.Records {
		if list[i], err = throughputOf(rec); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *Registry) all(ctx context.Context) ([]Throughput, error) { return r.List(ctx, "", "") }

// Rename gives it another name. NotFound. Conflict: the name is taken.
func (r *Registry) Rename(ctx context.Context, account, region, identifier, name string) error {
	err := r.change(ctx, account, region, identifier, func(t *Throughput) error {
		t.Name, t.Updated = name, r.p.Now()
		return nil
	})
	if store.Reason(err) == store.NameTaken {
		return nameTaken(err, name)
	}
	if err != nil {
		return err
	}
	return r.Refresh(ctx)
}

// Tag sets tags and removes others. NotFound. Invalid: too many.
func (r *Registry) Tag(ctx context.Context, account, region, identifier string, set map[string]string, remove []string) error {
	return r.change(ctx, account, region, identifier, func(t *Throughput) error {
		tags, err := resource.Retag(t.Tags, set, remove)
		if err != nil {
			return err
		}
		t.Tags = tags
		return nil
	})
}

// change changes a record, and again when somebody else did meanwhile.
func (r *Registry) change(ctx context.Context, account, region, identifier string, f func(*Throughput) error) error {
	for {
		t, err := r.Find(ctx, account, region, identifier)
		if err != nil {
			return err
		}
		if err := f(&t); err != nil {
			return err
		}
		rec, err := t.record()
		if err != nil {
			return err
		}
		if _, err = r.p.Store.Update(ctx, rec); store.Reason(err) != store.Changed || ctx.Err() != nil {
			return err
		}
	}
}

// Delete gives the places back. NotFound. Conflict: the commitment has not ended.
func (r *Registry) Delete(ctx context.Context, account, region, identifier string) error {
	t, err := r.Find(ctx, account, region, identifier)
	if err != nil {
		return err
	}
	if t.Status != Failed && r.p.Now().Before(t.Expires) {
		return fault.New(fault.Conflict, "You can't delete the Provisioned Throughput %s before its commitment term ends at %s.", t.ARN, t.Expires.UTC().Format(time.RFC3339))
	}
	err = r.p.Store.Delete(ctx, store.Key{Kind: kind, Account: account, Region: region, ID: t.ID})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return r.Refresh(ctx)
}

// Refresh reserves what is in the store, by this process or another one, and
// says so there. Those for whom there is no room have Failed.
func (r *Registry) Refresh(ctx context.Context) error {
	r.making.Lock()
	defer r.making.Unlock()
	all, err := r.all(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b Throughput) int { return strings.Compare(rank(a), rank(b)) })
	reserved := make(map[string]map[string]int)
	left := make(map[string]int)
	known := make(map[string]Throughput, 2*len(all))
	for _, t := range all {
		places := t.Units * r.p.PlacesPerUnit
		m, err := r.models(ctx, t.ModelID, t.Region, t.Account)
		if _, ok := left[m.ServedBy]; !ok {
			left[m.ServedBy] = r.p.Places - 1
		}
		was := t
		switch {
		case err != nil:
			t.Status, t.Failure = Failed, fault.As(err).Message
		case places > left[m.ServedBy]:
			t.Status, t.Failure = Failed, "The engine of this model has not so many places."
		default:
			t.Status, t.Failure = InService, ""
			left[m.ServedBy] -= places
			if reserved[m.ServedBy] == nil {
				reserved[m.ServedBy] = make(map[string]int)
			}
			reserved[m.ServedBy][t.ARN] = places
		}
		known[t.ARN], known[named(t.Account, t.Region, t.Name)] = t, t
		if t.Status == was.Status && t.Failure == was.Failure {
			continue
		}
		rec, err := t.record()
		if err != nil {
			return err
		}
		// Whoever changed or dropped it meanwhile makes the next Refresh.
		if _, err := r.p.Store.Update(ctx, rec); err != nil && store.Reason(err) == "" && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	r.set(reserved)
	r.known.Store(&known)
	return nil
}

// rank puts those first that have their places already, then the older ones.
func rank(t Throughput) string {
	first := "1"
	if t.Status == InService || t.Status == Updating {
		first = "0"
	}
	return first + t.Created.UTC().Format("2006-01-02T15:04:05.000000000")
}

// Run keeps up with what other processes change, until ctx ends.
func (r *Registry) Run(ctx context.Context) {
	periodic.Run(ctx, periodic.Params{
		Every: refresh, Do: r.Refresh, Logger: r.p.Logger, Trouble: "provisioned throughput cannot be read; what was reserved stays",
	})
}
