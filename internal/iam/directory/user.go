package directory

import "context"

// NewUser is what a user is made of.
type NewUser struct {
	Name     string
	Path     string // empty: "/"
	Tags     map[string]string
	Boundary string // ARN of a managed policy; empty: none
}

// CreateUser adds a user. EntityAlreadyExists, ValidationError, InvalidInput
// (tags), NoSuchEntity (boundary).
func (d *Directory) CreateUser(ctx context.Context, n NewUser) (User, error) {
	r, err := d.createEntity(ctx, SortUser, &record{Entity: Entity{Name: n.Name, Path: n.Path, Tags: n.Tags, Boundary: n.Boundary}})
	if err != nil {
		return User{}, err
	}
	return r.user(), nil
}

// User finds a user by name, without regard to case. NoSuchEntity.
func (d *Directory) User(ctx context.Context, name string) (User, error) {
	r, err := d.entity(ctx, Who{SortUser, name})
	if err != nil {
		return User{}, err
	}
	return r.user(), nil
}

// UserByID finds a user by ID, who keeps it under any name. NoSuchEntity.
func (d *Directory) UserByID(ctx context.Context, id string) (User, error) {
	r, ok, err := d.byID(ctx, SortUser, id)
	if err != nil {
		return User{}, err
	}
	if !ok {
		return User{}, notFound("The user with id %s cannot be found.", id)
	}
	return r.user(), nil
}

// Users lists users in the order in which they were made.
func (d *Directory) Users(ctx context.Context, l List) (Page[User], error) {
	return entities(ctx, d, SortUser, l, (*record).user)
}

// Generation changes with everything that this process changes: what was read
// under another one may not be true any more.
func (d *Directory) Generation() uint64 { return d.generation.Load() }

// UpdateUser gives a user another name or path; empty ones stay. NoSuchEntity,
// EntityAlreadyExists, ValidationError.
func (d *Directory) UpdateUser(ctx context.Context, name, newName, newPath string) (User, error) {
	r, err := d.rename(ctx, Who{SortUser, name}, newName, newPath)
	if err != nil {
		return User{}, err
	}
	return r.user(), nil
}

// DeleteUser removes a user. NoSuchEntity; DeleteConflict as long as there are
// policies or groups. Credentials are not this package's: the caller looks
// after them before, and those that are left are of nobody.
func (d *Directory) DeleteUser(ctx context.Context, name string) error {
	return d.deleteEntity(ctx, Who{SortUser, name}, nil)
}
