package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/policy/managed"
	"github.com/outcrop/outcrop/internal/store"
)

// maxAttached is how many managed policies an entity may have.
const maxAttached = 10

// maxInline is how long an entity's inline policies may be together, in
// characters that are not white space.
func (s Sort) maxInline() int {
	switch s {
	case SortGroup:
		return 5120
	case SortRole:
		return 10240
	default:
		return 2048
	}
}

// The entity's record says which policies it has. The record of a use, under the
// policy, is only for finding who has it: it is made before and removed after,
// and one that the entity does not know of says nothing.
type usage string

const (
	asPolicy   usage = "+policy"
	asBoundary usage = "+boundary"
)

func (r *record) has(arn string, u usage) bool {
	if u == asBoundary {
		return r.Boundary == arn
	}
	return slices.Contains(r.Attached, arn)
}

// use writes that an entity is about to have a policy.
func (d *Directory) use(ctx context.Context, r *record, arn string, u usage) error {
	id, while, err := d.attachable(ctx, arn)
	if err != nil {
		return err
	}
	return retry(func() error {
		now := d.now()
		rec := store.Record{Key: d.key(kindUse, id, r.ID+string(u)), Status: string(u), Created: now, Updated: now}
		_, _, err := d.store.Create(ctx, rec, store.Create{While: while})
		switch store.Reason(err) {
		case store.Gone:
			return notAttachable(arn)
		case store.KeyTaken:
			return d.touch(ctx, rec.Key)
		}
		return err
	})
}

// touch makes a record of a use new again: until it is old, the policy stays.
func (d *Directory) touch(ctx context.Context, key store.Key) error {
	rec, err := d.store.Get(ctx, key)
	if err == nil {
		rec.Updated = d.now()
		_, err = d.store.Update(ctx, rec)
	}
	if fault.Is(err, fault.NotFound) {
		return store.Conflict(store.Changed) // another request has just removed it
	}
	return err
}

// attachable returns the ID of a policy and what must hold while it is attached.
func (d *Directory) attachable(ctx context.Context, arn string) (string, []store.Condition, error) {
	if err := checkARN(arn); err != nil {
		return "", nil, err
	}
	if m, ok := managed.Lookup(arn); ok {
		return m.ID, nil, nil
	}
	rec, found, err := d.policyRecord(ctx, arn)
	if err != nil {
		return "", nil, err
	}
	if !found || rec.Status == deleting {
		return "", nil, notAttachable(arn)
	}
	return rec.ID, []store.Condition{{Key: rec.Key, Statuses: []string{active}}}, nil
}

// unuse removes what use wrote, unless the entity has the policy again.
func (d *Directory) unuse(ctx context.Context, r *record, arn string, u usage) error {
	p, ok, err := d.lookup(ctx, arn)
	if err != nil || !ok {
		return err
	}
	if err := d.remove(ctx, d.key(kindUse, p.ID, r.ID+string(u))); err != nil {
		return err
	}
	again, ok, err := d.byID(ctx, r.Sort, r.ID)
	if err == nil && ok && again.has(arn, u) {
		err = d.use(ctx, again, arn, u)
	}
	return err
}

// Attach gives a managed policy to an entity; one that it has stays.
// NoSuchEntity (the entity or the policy), LimitExceeded, InvalidInput.
func (d *Directory) Attach(ctx context.Context, who Who, arn string) error {
	if err := checkARN(arn); err != nil {
		return err
	}
	_, err := d.change(ctx, who, func(r *record) error {
		if slices.Contains(r.Attached, arn) {
			return errUnchanged
		}
		if len(r.Attached) >= maxAttached {
			return limit("Cannot exceed quota for PoliciesPer%s: %d", who.Sort.title(), maxAttached)
		}
		r.Attached = append(r.Attached, arn)
		return d.use(ctx, r, arn, asPolicy)
	})
	return err
}

// AttachUserPolicy is Attach for a user.
func (d *Directory) AttachUserPolicy(ctx context.Context, user, policyARN string) error {
	return d.Attach(ctx, Who{SortUser, user}, policyARN)
}

// Detach takes a managed policy from an entity. NoSuchEntity, also when the
// entity does not have it.
func (d *Directory) Detach(ctx context.Context, who Who, arn string) error {
	if err := checkARN(arn); err != nil {
		return err
	}
	r, err := d.change(ctx, who, func(r *record) error {
		i := slices.Index(r.Attached, arn)
		if i < 0 {
			return noPolicy(arn)
		}
		r.Attached = slices.Delete(r.Attached, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return d.unuse(ctx, r, arn, asPolicy)
}

// SetBoundary bounds the permissions of a user or role by a managed policy.
// NoSuchEntity, InvalidInput.
func (d *Directory) SetBoundary(ctx context.Context, who Who, arn string) error {
	return d.bound(ctx, who, arn)
}

// DeleteBoundary takes a boundary away. NoSuchEntity, also when there is none.
func (d *Directory) DeleteBoundary(ctx context.Context, who Who) error {
	return d.bound(ctx, who, "")
}

func (d *Directory) bound(ctx context.Context, who Who, arn string) error {
	var old string
	r, err := d.change(ctx, who, func(r *record) error {
		old = r.Boundary
		if arn == "" && old == "" {
			return notFound("The %s with name %s does not have a permissions boundary.", who.Sort, r.Name)
		}
		r.Boundary = arn
		if arn == "" || arn == old {
			return nil
		}
		return d.use(ctx, r, arn, asBoundary)
	})
	if err != nil || old == "" || old == arn {
		return err
	}
	return d.unuse(ctx, r, old, asBoundary)
}

// PutInline writes an inline policy of an entity, over one of the same name.
// NoSuchEntity, MalformedPolicyDocument, LimitExceeded, ValidationError.
func (d *Directory) PutInline(ctx context.Context, who Who, name, document string) error {
	if !policyName.MatchString(name) {
		return invalid("The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	if _, err := policy.Parse(policy.Identity, document); err != nil {
		return err
	}
	_, err := d.change(ctx, who, func(r *record) error {
		i := slices.IndexFunc(r.Inline, func(p Inline) bool { return p.Name == name })
		if i < 0 {
			r.Inline = append(r.Inline, Inline{Name: name})
			i = len(r.Inline) - 1
		}
		r.Inline[i].Document = document
		total := 0
		for _, p := range r.Inline {
			total += size(p.Document)
		}
		if most := who.Sort.maxInline(); total > most {
			return limit("Maximum policy size of %d bytes exceeded for %s %s", most, who.Sort, r.Name)
		}
		return nil
	})
	return err
}

// InlineOf returns the inline policies of an entity, in the order of their
// making. NoSuchEntity.
func (d *Directory) InlineOf(ctx context.Context, who Who) ([]Inline, error) {
	r, err := d.entity(ctx, who)
	if err != nil {
		return nil, err
	}
	return r.Inline, nil
}

// InlinePolicy returns one inline policy of an entity. NoSuchEntity.
func (d *Directory) InlinePolicy(ctx context.Context, who Who, name string) (Inline, error) {
	all, err := d.InlineOf(ctx, who)
	if err != nil {
		return Inline{}, err
	}
	i := slices.IndexFunc(all, func(p Inline) bool { return p.Name == name })
	if i < 0 {
		return Inline{}, noInline(who.Sort, name)
	}
	return all[i], nil
}

func noInline(s Sort, name string) error {
	return notFound("The %s policy with name %s cannot be found.", s, name)
}

// DeleteInline removes an inline policy. NoSuchEntity.
func (d *Directory) DeleteInline(ctx context.Context, who Who, name string) error {
	_, err := d.change(ctx, who, func(r *record) error {
		i := slices.IndexFunc(r.Inline, func(p Inline) bool { return p.Name == name })
		if i < 0 {
			return noInline(who.Sort, name)
		}
		r.Inline = slices.Delete(r.Inline, i, i+1)
		return nil
	})
	return err
}

// AttachedTo returns the ARNs of an entity's managed policies. NoSuchEntity.
func (d *Directory) AttachedTo(ctx context.Context, who Who) ([]string, error) {
	r, err := d.entity(ctx, who)
	if err != nil {
		return nil, err
	}
	return r.Attached, nil
}

// Use is an entity that has a managed policy.
type Use struct {
	Entity

	Boundary bool // has it as its permissions boundary
}

// Uses lists who has a managed policy, in the order in which they got it.
// NoSuchEntity.
func (d *Directory) Uses(ctx context.Context, arn string, l List) (Page[Use], error) {
	p, err := d.Policy(ctx, arn)
	if err != nil {
		return Page[Use]{}, err
	}
	return d.uses(ctx, p.ID, arn, l)
}

// inUse reports whether an entity has a policy or is about to: an attachment
// whose entity is not written yet must not find another policy of the same name.
func (d *Directory) inUse(ctx context.Context, id, arn string) (bool, error) {
	page, err := d.store.List(ctx, d.query(kindUse, id))
	if err != nil {
		return false, err
	}
	for _, rec := range page.Records {
		if d.now().Sub(rec.Updated) < abandoned {
			return true, nil
		}
	}
	used, err := d.uses(ctx, id, arn, List{Limit: 1})
	return len(used.Items) > 0, err
}

func (d *Directory) uses(ctx context.Context, id, arn string, l List) (Page[Use], error) {
	return list(ctx, d, d.query(kindUse, id), l, func(rec store.Record) (Use, bool, error) {
		entityID, _, _ := strings.Cut(rec.ID, "+")
		s, ok := sortOf(entityID)
		if !ok {
			return Use{}, false, nil
		}
		r, ok, err := d.byID(ctx, s, entityID)
		u := usage(rec.Status)
		if err != nil || !ok || !r.has(arn, u) {
			return Use{}, false, err
		}
		return Use{Entity: r.Entity, Boundary: u == asBoundary}, strings.HasPrefix(r.Path, l.Prefix), nil
	})
}

// Counts says how often a managed policy is used.
type Counts struct{ Attached, Boundaries int }

// Counts counts the uses of a managed policy, by its ID. An attachment that a
// server died in is counted, too.
func (d *Directory) Counts(ctx context.Context, policyID string) (Counts, error) {
	var c Counts
	page, err := d.store.List(ctx, d.query(kindUse, policyID))
	for _, rec := range page.Records {
		if usage(rec.Status) == asBoundary {
			c.Boundaries++
		} else {
			c.Attached++
		}
	}
	return c, err
}
