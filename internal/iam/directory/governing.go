package directory

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/policy/managed"
)

// Governing is what has a say about what a principal may do, and is remembered
// with others' requests: it is read, never changed.
type Governing struct {
	// Set has Identity, Boundary and Session filled.
	Set policy.Set
	// Tags are those of the user or role, with those of the session over them.
	Tags map[string]string
}

// entry is what is remembered of a principal, and how long it is true.
type entry struct {
	governing  Governing
	generation uint64
	epoch      int64
	settled    bool // nothing that was announced could still land when it was read
	read       time.Time
}

// loadTimeout bounds the reading of one principal's policies.
const loadTimeout = 10 * time.Second

// The types of managed policies, as AWS names them.
const (
	typeAWS      = "aws-managed"
	typeCustomer = "user-managed"
)

// Governing returns the policies of a principal: what this process changed
// counts at once, what others changed within two seconds. It is meant for every
// request: what is remembered is read without a lock.
//
// The account's root may do everything. A principal that is not there any more,
// or whose role was made anew, gets iam.ErrUnknownKey. A policy that cannot be
// read is an error, never a policy less.
func (d *Directory) Governing(ctx context.Context, p iam.Principal) (Governing, error) {
	id, _, _ := strings.Cut(p.UserID, ":")
	switch {
	case p.Type == iam.Root:
		if !restricted(p.Session) {
			return d.root, nil
		}
	case p.Type == iam.User && strings.HasPrefix(id, SortUser.prefix()):
	case p.Type == iam.AssumedRole && strings.HasPrefix(id, SortRole.prefix()):
	default:
		return Governing{}, iam.ErrUnknownKey()
	}
	key := id
	if restricted(p.Session) {
		if p.AccessKeyID == "" {
			e, err := d.load(ctx, id, p)
			if err != nil {
				return Governing{}, err
			}
			return e.governing, nil
		}
		key = p.AccessKeyID
	}
	return d.remembered(ctx, key, id, p)
}

// restricted tells sessions that have something of their own to say.
func restricted(s *iam.Session) bool {
	return s != nil && (len(s.Policies) > 0 || len(s.PolicyARNs) > 0 || len(s.Tags) > 0)
}

func (d *Directory) remembered(ctx context.Context, key, id string, p iam.Principal) (Governing, error) {
	now, err := d.current(ctx)
	if err != nil {
		return Governing{}, err
	}
	e := d.principals.get(key)
	if e != nil && e.generation == d.generation.Load() {
		if e.settled && e.epoch == now.version {
			return e.governing, nil
		}
		age := d.now().Sub(e.read)
		if age >= 0 && age < fresh {
			return e.governing, nil
		}
		if age >= 0 && age < stale {
			d.loads.DoChan(key, func() (any, error) { return d.reload(ctx, key, id, p) })
			return e.governing, nil
		}
	}
	// Who waits for a reading that somebody else began must not get what was
	// true before a change that was answered already.
	for {
		before := d.generation.Load()
		got := d.loads.DoChan(key, func() (any, error) { return d.reload(ctx, key, id, p) })
		select {
		case <-ctx.Done():
			return Governing{}, ctx.Err()
		case result := <-got:
			if result.Err != nil {
				return Governing{}, result.Err
			}
			if e := result.Val.(*entry); e.generation >= before {
				return e.governing, nil
			}
		}
	}
}

// reload reads a principal's policies anew and remembers them. Several requests
// may wait for it, so that one that goes away does not end it.
func (d *Directory) reload(ctx context.Context, key, id string, p iam.Principal) (*entry, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	e, err := d.load(ctx, id, p)
	if err != nil {
		return nil, err
	}
	d.principals.put(key, e)
	return e, nil
}

func (d *Directory) load(ctx context.Context, id string, p iam.Principal) (*entry, error) {
	generation := d.generation.Load()
	now, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	read := d.now()
	e := &entry{generation: generation, epoch: now.version, settled: read.After(now.until), read: read}
	switch p.Type {
	case iam.Root:
		e.governing = d.root
	case iam.AssumedRole:
		err = d.loadEntity(ctx, SortRole, id, &e.governing)
	default:
		err = d.loadEntity(ctx, SortUser, id, &e.governing)
	}
	if err == nil && restricted(p.Session) {
		err = d.addSession(ctx, p.Session, &e.governing)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// GoverningEntity returns the policies of a user with those of the groups, of a
// group or of a role, as they are now: for simulations. NoSuchEntity.
func (d *Directory) GoverningEntity(ctx context.Context, who Who) (Governing, Entity, error) {
	r, err := d.entity(ctx, who)
	if err != nil {
		return Governing{}, Entity{}, err
	}
	var g Governing
	err = d.loadEntity(ctx, who.Sort, r.ID, &g)
	return g, r.Entity, err
}

func (d *Directory) loadEntity(ctx context.Context, s Sort, id string, g *Governing) error {
	r, ok, err := d.byID(ctx, s, id)
	if err != nil {
		return err
	}
	if !ok {
		return iam.ErrUnknownKey()
	}
	g.Tags = r.Tags
	g.Set.Identity = []policy.Attached{}
	if g.Set.Identity, err = d.addPolicies(ctx, g.Set.Identity, r); err != nil {
		return err
	}
	for _, groupID := range r.Groups {
		group, ok, err := d.evenDeleting(ctx, SortGroup, groupID)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if g.Set.Identity, err = d.addPolicies(ctx, g.Set.Identity, group); err != nil {
			return err
		}
	}
	if r.Boundary != "" {
		g.Set.Boundary = []policy.Attached{} // a boundary that is gone allows nothing
		g.Set.Boundary, err = d.addManaged(ctx, g.Set.Boundary, r.Boundary, r.ARN)
	}
	return err
}

// addPolicies appends the inline and the managed policies of an entity.
func (d *Directory) addPolicies(ctx context.Context, to []policy.Attached, r *record) ([]policy.Attached, error) {
	for _, p := range r.Inline {
		doc, err := d.compile(p.Document)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the policy %s of %s cannot be read", p.Name, r.ARN)
		}
		to = append(to, policy.Attached{Document: doc, ID: p.Name, Type: string(r.Sort), Owner: r.ARN})
	}
	for _, arn := range r.Attached {
		var err error
		if to, err = d.addManaged(ctx, to, arn, r.ARN); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// addManaged appends a managed policy; one that is gone adds nothing.
func (d *Directory) addManaged(ctx context.Context, to []policy.Attached, arn, owner string) ([]policy.Attached, error) {
	p, ok, err := d.lookup(ctx, arn)
	if err != nil || !ok {
		return to, err
	}
	v, ok := p.Version("")
	if !ok {
		return nil, fault.New(fault.Internal, "the policy %s has no default version", arn)
	}
	doc, err := d.compile(v.Document)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the policy %s cannot be read", arn)
	}
	kind := typeCustomer
	if _, ok := managed.Lookup(arn); ok {
		kind = typeAWS
	}
	return append(to, policy.Attached{Document: doc, ID: arn, Type: kind, Owner: owner}), nil
}

// addSession adds what a session says of itself. Its policies bound the others
// only if there are any.
func (d *Directory) addSession(ctx context.Context, s *iam.Session, g *Governing) error {
	if len(s.Tags) > 0 {
		tags := make(map[string]string, len(g.Tags)+len(s.Tags))
		maps.Copy(tags, g.Tags)
		for key, value := range s.Tags {
			maps.DeleteFunc(tags, func(have, _ string) bool { return strings.EqualFold(have, key) })
			tags[key] = value
		}
		g.Tags = tags
	}
	if len(s.Policies) == 0 && len(s.PolicyARNs) == 0 {
		return nil
	}
	g.Set.Session = []policy.Attached{}
	for _, text := range s.Policies {
		doc, err := d.compile(text)
		if err != nil {
			return err
		}
		g.Set.Session = append(g.Set.Session, policy.Attached{Document: doc, ID: s.Name, Type: "session"})
	}
	for _, arn := range s.PolicyARNs {
		var err error
		if g.Set.Session, err = d.addManaged(ctx, g.Set.Session, arn, ""); err != nil {
			return err
		}
	}
	return nil
}

// compile reads a document, once for all who have the same text.
func (d *Directory) compile(text string) (*policy.Document, error) {
	if doc := d.documents.get(text); doc != nil {
		return doc, nil
	}
	doc, err := policy.Parse(policy.Identity, text)
	if err != nil {
		return nil, err
	}
	d.documents.put(text, doc)
	return doc, nil
}

// allowAll is what governs the root of the account.
func allowAll() Governing {
	doc, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		panic(err) // a constant
	}
	return Governing{Set: policy.Set{Identity: []policy.Attached{{Document: doc, ID: "root", Type: "root"}}}}
}
