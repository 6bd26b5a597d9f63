package authz

import (
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/directory"
)

// The users, groups and roles that operations of IAM and STS name. What exists
// has the ARN of the directory, with its path and as its name is spelled there;
// anything else has the one that it would have at the top.

func (q *question) users(action string, values []string, to []target) []target {
	return q.entities(directory.SortUser, action, values, to)
}

func (q *question) groups(action string, values []string, to []target) []target {
	return q.entities(directory.SortGroup, action, values, to)
}

func (q *question) roles(action string, values []string, to []target) []target {
	return q.entities(directory.SortRole, action, values, to)
}

func (q *question) entities(sort directory.Sort, action string, values []string, to []target) []target {
	for _, value := range values {
		to = append(to, target{action: action, resource: q.entityARN(sort, value)})
	}
	return to
}

func (q *question) entityARN(sort directory.Sort, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	if e, ok := q.entity(sort, name); ok {
		return e.ARN
	}
	return q.iamARN(string(sort) + "/" + name)
}

// entity looks a name up. A store that cannot be read is as a name that is not
// there: the service will say so itself.
func (q *question) entity(sort directory.Sort, name string) (directory.Entity, bool) {
	if q.a.p.Directory == nil {
		return directory.Entity{}, false
	}
	switch sort {
	case directory.SortUser:
		u, err := q.a.p.Directory.User(q.ctx, name)
		return u.Entity, err == nil
	case directory.SortGroup:
		g, err := q.a.p.Directory.Group(q.ctx, name)
		return g.Entity, err == nil
	case directory.SortRole:
		r, err := q.a.p.Directory.Role(q.ctx, name)
		return r.Entity, err == nil
	}
	return directory.Entity{}, false
}

// self is the caller: a user with the ARN that they have in the directory.
func (q *question) self(action string, _ []string, to []target) []target {
	p := &q.call.Principal
	if p.Type == iam.User {
		return append(to, target{action: action, resource: q.entityARN(directory.SortUser, p.Name)})
	}
	return append(to, target{action: action, resource: p.ARN})
}

// owners are the users of access keys. A key that nobody has is as one of all.
func (q *question) owners(action string, values []string, to []target) []target {
	for _, id := range values {
		arn := q.iamARN("user/*")
		if q.a.p.KeyOwner != nil {
			if user, ok := q.a.p.KeyOwner(q.ctx, id); ok {
				arn = q.entityARN(directory.SortUser, user)
			}
		}
		to = append(to, target{action: action, resource: arn})
	}
	return to
}

// renamed is what a user or group will be. Who gives something another name
// needs the permission for both.
func (q *question) renamed(r *resource, action string, to []target) (_ []target, ok bool) {
	sort := directory.Sort(r.parts[0].text)
	newName, named := r.renames.newName.first(q.input)
	newPath, moved := r.renames.newPath.first(q.input)
	if !named && !moved {
		return to, false
	}
	name, _ := r.renames.name.first(q.input)
	path := "/"
	if e, ok := q.entity(sort, name); ok {
		name, path = e.Name, e.Path
	}
	if named {
		name = newName
	}
	if moved {
		path = newPath
	}
	return append(to, target{action: action, resource: q.iamARN(string(sort) + path + name)}), true
}

// bedrockService is who roles are passed to.
const bedrockService = "bedrock.amazonaws.com"

// passed are roles that the caller hands to the service.
func (q *question) passed(action string, values []string, to []target) []target {
	for _, value := range values {
		to = append(to, target{action: action, resource: value, passedTo: bedrockService})
	}
	return to
}
