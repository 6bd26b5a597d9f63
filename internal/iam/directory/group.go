package directory

import (
	"context"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// maxGroups is how many groups a user may be in.
const maxGroups = 10

// CreateGroup adds a group; an empty path is "/". EntityAlreadyExists,
// ValidationError.
func (d *Directory) CreateGroup(ctx context.Context, name, path string) (Group, error) {
	r, err := d.createEntity(ctx, SortGroup, &record{Entity: Entity{Name: name, Path: path}})
	if err != nil {
		return Group{}, err
	}
	return r.group(), nil
}

// Group finds a group by name, without regard to case. NoSuchEntity.
func (d *Directory) Group(ctx context.Context, name string) (Group, error) {
	r, err := d.entity(ctx, Who{SortGroup, name})
	if err != nil {
		return Group{}, err
	}
	return r.group(), nil
}

// Groups lists groups in the order in which they were made.
func (d *Directory) Groups(ctx context.Context, l List) (Page[Group], error) {
	return entities(ctx, d, SortGroup, l, (*record).group)
}

// UpdateGroup gives a group another name or path; empty ones stay. NoSuchEntity,
// EntityAlreadyExists, ValidationError.
func (d *Directory) UpdateGroup(ctx context.Context, name, newName, newPath string) error {
	_, err := d.rename(ctx, Who{SortGroup, name}, newName, newPath)
	return err
}

// DeleteGroup removes a group. NoSuchEntity; DeleteConflict as long as there are
// users or policies.
func (d *Directory) DeleteGroup(ctx context.Context, name string) error {
	return d.deleteEntity(ctx, Who{SortGroup, name}, func(ctx context.Context, r *record) error {
		members, err := d.members(ctx, r.ID, List{Limit: 1})
		if err == nil && len(members.Items) > 0 {
			err = inUse("Cannot delete entity, must remove users from group first.")
		}
		return err
	})
}

// The user's record says which groups count. The record of a member, under the
// group, is only for finding the group's users: it is made before and removed
// after, and one that the user does not know of says nothing.

// AddUser puts a user into a group; one who is in it stays. NoSuchEntity,
// LimitExceeded.
func (d *Directory) AddUser(ctx context.Context, group, user string) error {
	g, err := d.entity(ctx, Who{SortGroup, group})
	if err != nil {
		return err
	}
	_, err = d.change(ctx, Who{SortUser, user}, func(r *record) error {
		if slices.Contains(r.Groups, g.ID) {
			return errUnchanged
		}
		present, err := d.present(ctx, r.Groups)
		if err != nil {
			return err
		}
		if len(present) >= maxGroups {
			return limit("Cannot exceed quota for GroupsPerUser: %d", maxGroups)
		}
		present = append(present, g.ID)
		r.Groups = present
		return d.join(ctx, g, r)
	})
	return err
}

// RemoveUser takes a user out of a group; one who is not in it is no error.
// NoSuchEntity.
func (d *Directory) RemoveUser(ctx context.Context, group, user string) error {
	g, err := d.entity(ctx, Who{SortGroup, group})
	if err != nil {
		return err
	}
	u, err := d.change(ctx, Who{SortUser, user}, func(r *record) error {
		i := slices.Index(r.Groups, g.ID)
		if i < 0 {
			return errUnchanged
		}
		r.Groups = slices.Delete(r.Groups, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.remove(ctx, d.key(kindMember, g.ID, u.ID)); err != nil {
		return err
	}
	// Another request may have put the user back between the two.
	again, ok, err := d.byID(ctx, SortUser, u.ID)
	if err == nil && ok && slices.Contains(again.Groups, g.ID) {
		err = d.join(ctx, g, again)
	}
	return err
}

// join writes the record of a member, if it is not there.
func (d *Directory) join(ctx context.Context, g, u *record) error {
	now := d.time()
	rec := store.Record{Key: d.key(kindMember, g.ID, u.ID), Status: active, Created: now, Updated: now}
	_, _, err := d.store.Create(ctx, rec, store.Create{While: []store.Condition{{Key: g.rec.Key, Statuses: []string{active}}}})
	switch store.Reason(err) {
	case store.Gone:
		return noEntity(SortGroup, g.Name)
	case store.KeyTaken:
		return nil
	}
	return err
}

// Members lists the users of a group in the order of their joining.
// NoSuchEntity.
func (d *Directory) Members(ctx context.Context, group string, l List) (Page[User], error) {
	g, err := d.entity(ctx, Who{SortGroup, group})
	if err != nil {
		return Page[User]{}, err
	}
	return d.members(ctx, g.ID, l)
}

func (d *Directory) members(ctx context.Context, groupID string, l List) (Page[User], error) {
	return list(ctx, d, d.query(kindMember, groupID), l, func(rec store.Record) (User, bool, error) {
		r, ok, err := d.byID(ctx, SortUser, rec.ID)
		if err != nil || !ok || !slices.Contains(r.Groups, groupID) {
			return User{}, false, err
		}
		return r.user(), true, nil
	})
}

// GroupsOf returns the groups that a user is in. NoSuchEntity.
func (d *Directory) GroupsOf(ctx context.Context, user string) ([]Group, error) {
	u, err := d.entity(ctx, Who{SortUser, user})
	if err != nil {
		return nil, err
	}
	records, err := d.groupRecords(ctx, u.Groups)
	groups := make([]Group, 0, len(records))
	for _, g := range records {
		groups = append(groups, g.group())
	}
	return groups, err
}

// groupRecords are those of the groups that are there.
func (d *Directory) groupRecords(ctx context.Context, ids []string) ([]*record, error) {
	var groups []*record
	for _, id := range ids {
		g, ok, err := d.byID(ctx, SortGroup, id)
		if err != nil {
			return nil, err
		}
		if ok {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

// present are the IDs of the groups that are there. A group that is being
// deleted may come back, and is kept.
func (d *Directory) present(ctx context.Context, ids []string) ([]string, error) {
	var there []string
	for _, id := range ids {
		_, err := d.store.Get(ctx, d.key(SortGroup.kind(), "", id))
		if err == nil {
			there = append(there, id)
		} else if !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return there, nil
}
