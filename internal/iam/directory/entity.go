package directory

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/store"
)

// Sort tells users, groups and roles apart. It is the word that ARNs and
// messages have for them.
type Sort string

// The sorts.
const (
	SortUser  Sort = "user"
	SortGroup Sort = "group"
	SortRole  Sort = "role"
)

func (s Sort) kind() store.Kind { return store.Kind("iam-" + string(s)) }

// prefix is how the sort's IDs begin.
func (s Sort) prefix() string {
	switch s {
	case SortGroup:
		return "AGPA"
	case SortRole:
		return "AROA"
	default:
		return "AIDA"
	}
}

// title is the sort as a sentence begins with it.
func (s Sort) title() string { return strings.ToUpper(string(s[:1])) + string(s[1:]) }

// sortOf tells by an ID what it is of.
func sortOf(id string) (Sort, bool) {
	for _, s := range [...]Sort{SortUser, SortGroup, SortRole} {
		if strings.HasPrefix(id, s.prefix()) {
			return s, true
		}
	}
	return "", false
}

// Who names an entity.
type Who struct {
	Sort Sort
	Name string
}

// Inline is a policy that belongs to one entity.
type Inline struct {
	Name     string
	Document string // as it was written
}

// Entity is what users, groups and roles have in common. Treat it as read-only.
type Entity struct {
	Sort     Sort              `json:"-"`
	ID       string            `json:"-"` // AIDA…, AGPA…, AROA…: never given again
	ARN      string            `json:"-"` // with the path
	Name     string            // unique without regard to case
	Path     string            // "/" or "/a/b/"
	Created  time.Time         `json:"-"`
	Tags     map[string]string `json:"-"`          // not of groups
	Attached []string          `json:",omitempty"` // ARNs of managed policies, in the order of attachment
	Inline   []Inline          `json:",omitempty"` // in the order of their making
	Boundary string            `json:",omitempty"` // ARN of the permissions boundary; empty: none
}

// User is a person or a program with credentials of its own.
type User struct {
	Entity

	Groups []string `json:",omitempty"` // IDs, in the order of joining; some may be gone
}

// Group is a set of users that share policies.
type Group struct{ Entity }

// Role is a set of permissions that others take on for a while.
type Role struct {
	Entity

	Description string        `json:",omitempty"`
	TrustPolicy string        // who may take it on, as it was written
	MaxSession  time.Duration // the longest session

	trusted map[string]string // IDs, by ARN, of those whom TrustPolicy names
}

// Trust reads the trust policy. The account's users and roles that it names are
// those who were there when it was written. Errors as policy.Parse.
func (r Role) Trust() (*policy.Document, error) {
	d, err := policy.ParseTrust(r.TrustPolicy, r.trusted)
	if err != nil {
		return nil, fmt.Errorf("trust policy of %s: %w", r.ARN, err)
	}
	return d, nil
}

// record is an entity as it is kept. Its JSON is that of Entity and of what the
// sort adds.
type record struct {
	Entity

	Groups      []string          `json:",omitempty"`
	Description string            `json:",omitempty"`
	TrustPolicy string            `json:",omitempty"`
	Trusted     map[string]string `json:",omitempty"` // IDs by ARN
	MaxSession  time.Duration     `json:",omitempty"`

	rec store.Record
}

func (r *record) user() User { return User{Entity: r.Entity, Groups: r.Groups} }

func (r *record) group() Group { return Group{Entity: r.Entity} }

func (r *record) role() Role {
	return Role{Entity: r.Entity, Description: r.Description, TrustPolicy: r.TrustPolicy, MaxSession: r.MaxSession, trusted: r.Trusted}
}

func (d *Directory) arn(resource, path, name string) string {
	return "arn:aws:iam::" + d.account + ":" + resource + path + name
}

func (d *Directory) open(rec store.Record) (*record, error) {
	r := &record{rec: rec}
	if err := rec.Decode(r); err != nil {
		return nil, err
	}
	r.Sort = Sort(strings.TrimPrefix(string(rec.Kind), "iam-"))
	r.ID, r.Created, r.Tags = rec.ID, rec.Created, rec.Tags
	r.ARN = d.arn(string(r.Sort), r.Path, r.Name)
	return r, nil
}

// entity finds an entity by its name.
func (d *Directory) entity(ctx context.Context, who Who) (*record, error) {
	rec, found, err := d.named(ctx, who.Sort.kind(), who.Name)
	if err != nil {
		return nil, err
	}
	if !found || rec.Status == deleting {
		return nil, noEntity(who.Sort, who.Name)
	}
	return d.open(rec)
}

// byID finds an entity by its ID; ok is false when there is none.
func (d *Directory) byID(ctx context.Context, s Sort, id string) (r *record, ok bool, err error) {
	r, ok, err = d.evenDeleting(ctx, s, id)
	if ok && r.rec.Status == deleting {
		return nil, false, nil
	}
	return r, ok, err
}

// evenDeleting is byID for what is being deleted, too: until it has gone, its
// policies govern.
func (d *Directory) evenDeleting(ctx context.Context, s Sort, id string) (r *record, ok bool, err error) {
	rec, err := d.store.Get(ctx, d.key(s.kind(), "", id))
	if fault.Is(err, fault.NotFound) {
		return nil, false, nil
	}
	if err == nil {
		r, err = d.open(rec)
	}
	return r, err == nil, err
}

// change does f to an entity, once more for each time that another change came
// first. What f finds wrong ends it; errUnchanged ends it without an error.
func (d *Directory) change(ctx context.Context, who Who, f func(*record) error) (*record, error) {
	var r *record
	err := d.write(ctx, func(ctx context.Context) error {
		return retry(func() (err error) {
			if r, err = d.entity(ctx, who); err != nil {
				return err
			}
			if err := f(r); err != nil {
				return err
			}
			r, err = d.save(ctx, r)
			if fault.Is(err, fault.NotFound) {
				return noEntity(who.Sort, who.Name)
			}
			return err
		})
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return r, err
}

func (d *Directory) save(ctx context.Context, r *record) (*record, error) {
	body, err := store.Encode(r)
	if err != nil {
		return nil, err
	}
	rec := r.rec
	rec.Name, rec.Tags, rec.Body, rec.Updated = fold(r.Name), r.Tags, body, d.time()
	if rec, err = d.store.Update(ctx, rec); err != nil {
		return nil, err
	}
	return d.open(rec)
}

var (
	entityName = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathForm   = regexp.MustCompile(`^/([\x21-\x7E]+/)?$`)
)

// The longest names, in characters.
func (s Sort) longest() int {
	if s == SortGroup {
		return 128
	}
	return 64
}

func checkName(s Sort, name string) error {
	field := string(s) + "Name"
	if len(name) > s.longest() {
		return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", name, field, s.longest())
	}
	if !entityName.MatchString(name) {
		return invalid("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", field)
	}
	return nil
}

// checkPath returns the path as it is kept.
func checkPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if len(path) > 512 || !pathForm.MatchString(path) || strings.Contains(path, "//") {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return path, nil
}

// createEntity adds an entity; its name, path and what the sort adds are set.
func (d *Directory) createEntity(ctx context.Context, s Sort, r *record) (*record, error) {
	if err := checkName(s, r.Name); err != nil {
		return nil, err
	}
	var err error
	if r.Path, err = checkPath(r.Path); err != nil {
		return nil, err
	}
	if r.Tags, err = mergeTags(nil, r.Tags); err != nil {
		return nil, err
	}
	if r.ID, err = d.newID(s.prefix()); err != nil {
		return nil, err
	}
	r.Sort = s
	boundary := r.Boundary
	if boundary != "" {
		if err := d.use(ctx, r, boundary, asBoundary); err != nil {
			return nil, err
		}
	}
	body, err := store.Encode(r)
	if err != nil {
		return nil, err
	}
	now := d.time()
	rec := store.Record{Key: d.key(s.kind(), "", r.ID), Tags: r.Tags, Body: body, Created: now, Updated: now}
	if rec, err = d.create(ctx, rec, r.Name, exists("%s with name %s already exists.", s.title(), r.Name)); err != nil {
		if boundary != "" {
			err = errors.Join(err, d.unuse(ctx, r, boundary, asBoundary))
		}
		return nil, err
	}
	return d.open(rec)
}

// rename gives an entity another name or path; empty ones stay. Its ID, and with
// it credentials, memberships and attachments, stay.
func (d *Directory) rename(ctx context.Context, who Who, name, path string) (*record, error) {
	if name != "" {
		if err := checkName(who.Sort, name); err != nil {
			return nil, err
		}
	}
	if path != "" {
		if _, err := checkPath(path); err != nil {
			return nil, err
		}
	}
	r, err := d.change(ctx, who, func(r *record) error {
		if name != "" {
			r.Name = name
		}
		if path != "" {
			r.Path = path
		}
		return nil
	})
	if store.Reason(err) == store.NameTaken {
		return nil, exists("%s with name %s already exists.", who.Sort.title(), name)
	}
	return r, err
}

// deleteEntity marks an entity, so that nothing is given to it any more, and
// removes it when check finds nothing that must go first.
func (d *Directory) deleteEntity(ctx context.Context, who Who, check func(context.Context, *record) error) error {
	return d.write(ctx, func(ctx context.Context) error {
		var marked store.Record
		var r *record
		if check == nil {
			check = func(context.Context, *record) error { return nil }
		}
		err := retry(func() (err error) {
			if r, err = d.entity(ctx, who); err != nil {
				return err
			}
			switch {
			case len(r.Groups) > 0:
				if r.Groups, err = d.present(ctx, r.Groups); err != nil {
					return err
				}
				if len(r.Groups) > 0 {
					return inUse("Cannot delete entity, must remove users from group first.")
				}
			case len(r.Attached) > 0:
				return inUse("Cannot delete entity, must detach all policies first.")
			case len(r.Inline) > 0:
				return inUse("Cannot delete entity, must delete policies first.")
			}
			// Once before as well: a group in use must not be marked for a moment.
			if err := check(ctx, r); err != nil {
				return err
			}
			rec := r.rec
			rec.Status, rec.Updated = deleting, d.now()
			marked, err = d.store.Update(ctx, rec)
			return err
		})
		if err != nil {
			return err
		}
		if err := check(ctx, r); err != nil {
			marked.Status = active
			_, back := d.store.Update(ctx, marked)
			return errors.Join(err, back)
		}
		if r.Boundary != "" {
			if err := d.unuse(ctx, r, r.Boundary, asBoundary); err != nil {
				return err
			}
		}
		return d.remove(ctx, marked.Key)
	})
}

// entities lists those of a sort, in the order in which they were made.
func entities[T any](ctx context.Context, d *Directory, s Sort, l List, view func(*record) T) (Page[T], error) {
	return list(ctx, d, d.query(s.kind(), ""), l, func(rec store.Record) (item T, ok bool, err error) {
		if rec.Status == deleting {
			return item, false, nil
		}
		r, err := d.open(rec)
		if err != nil || !strings.HasPrefix(r.Path, l.Prefix) {
			return item, false, err
		}
		return view(r), true, nil
	})
}
