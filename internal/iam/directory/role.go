package directory

import (
	"context"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
)

// The shortest, usual and longest life of a role's sessions.
const (
	minSession     = time.Hour
	defaultSession = time.Hour
	maxSession     = 12 * time.Hour
)

// maxTrust is the longest trust policy, in characters that are not white space.
const maxTrust = 2048

// NewRole is what a role is made of.
type NewRole struct {
	Name        string
	Path        string // empty: "/"
	Description string
	TrustPolicy string
	MaxSession  time.Duration // 0: an hour
	Tags        map[string]string
	Boundary    string // ARN of a managed policy; empty: none
}

// CreateRole adds a role. EntityAlreadyExists, MalformedPolicyDocument,
// LimitExceeded (the trust policy's size), ValidationError, InvalidInput,
// NoSuchEntity (boundary).
func (d *Directory) CreateRole(ctx context.Context, n NewRole) (Role, error) {
	if n.MaxSession == 0 {
		n.MaxSession = defaultSession
	}
	if err := checkSession(n.MaxSession); err != nil {
		return Role{}, err
	}
	trusted, err := d.checkTrust(ctx, n.TrustPolicy)
	if err != nil {
		return Role{}, err
	}
	r, err := d.createEntity(ctx, SortRole, &record{
		Entity:      Entity{Name: n.Name, Path: n.Path, Tags: n.Tags, Boundary: n.Boundary},
		Description: n.Description, TrustPolicy: n.TrustPolicy, Trusted: trusted, MaxSession: n.MaxSession,
	})
	if err != nil {
		return Role{}, err
	}
	return r.role(), nil
}

// checkTrust returns the IDs, by ARN, of the account's users and roles that a
// trust policy names. They must be there, as at AWS.
func (d *Directory) checkTrust(ctx context.Context, document string) (trusted map[string]string, err error) {
	parsed, err := policy.Parse(policy.Trust, document)
	if err != nil {
		return nil, err
	}
	if size(document) > maxTrust {
		return nil, limit("Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	return d.Named(ctx, parsed)
}

// Named returns the IDs, by ARN, of the account's users and roles that a document
// names as principals. They must be there, as at AWS: MalformedPolicyDocument.
func (d *Directory) Named(ctx context.Context, document *policy.Document) (ids map[string]string, err error) {
	for _, arn := range document.Named() {
		text, ours := strings.CutPrefix(arn, d.arn("", "", ""))
		if !ours {
			continue
		}
		sort, path, _ := strings.Cut(text, "/")
		r, err := d.entity(ctx, Who{Sort(sort), path[strings.LastIndex(path, "/")+1:]})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if err != nil || r.ARN != arn {
			return nil, fault.New(fault.Invalid, `Invalid principal in policy: "AWS":"%s"`, arn).WithCode("MalformedPolicyDocument")
		}
		if ids == nil {
			ids = map[string]string{}
		}
		ids[arn] = r.ID
	}
	return ids, nil
}

func checkSession(d time.Duration) error {
	if d < minSession || d > maxSession {
		return invalid("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between %d and %d",
			int(d.Seconds()), int(minSession.Seconds()), int(maxSession.Seconds()))
	}
	return nil
}

// Role finds a role by name, without regard to case. NoSuchEntity.
func (d *Directory) Role(ctx context.Context, name string) (Role, error) {
	r, err := d.entity(ctx, Who{SortRole, name})
	if err != nil {
		return Role{}, err
	}
	return r.role(), nil
}

// Roles lists roles in the order in which they were made.
func (d *Directory) Roles(ctx context.Context, l List) (Page[Role], error) {
	return entities(ctx, d, SortRole, l, (*record).role)
}

// RoleChange says what becomes another of a role; nil and 0 stay as they are.
type RoleChange struct {
	Description *string
	MaxSession  time.Duration
	TrustPolicy string
}

// UpdateRole changes a role. NoSuchEntity, MalformedPolicyDocument,
// LimitExceeded, ValidationError.
func (d *Directory) UpdateRole(ctx context.Context, name string, c RoleChange) (Role, error) {
	if c.MaxSession != 0 {
		if err := checkSession(c.MaxSession); err != nil {
			return Role{}, err
		}
	}
	var trusted map[string]string
	if c.TrustPolicy != "" {
		var err error
		if trusted, err = d.checkTrust(ctx, c.TrustPolicy); err != nil {
			return Role{}, err
		}
	}
	r, err := d.change(ctx, Who{SortRole, name}, func(r *record) error {
		if c.Description != nil {
			r.Description = *c.Description
		}
		if c.MaxSession != 0 {
			r.MaxSession = c.MaxSession
		}
		if c.TrustPolicy != "" {
			r.TrustPolicy, r.Trusted = c.TrustPolicy, trusted
		}
		return nil
	})
	if err != nil {
		return Role{}, err
	}
	return r.role(), nil
}

// DeleteRole removes a role. NoSuchEntity; DeleteConflict as long as there are
// policies. Sessions of the role end with it.
func (d *Directory) DeleteRole(ctx context.Context, name string) error {
	return d.deleteEntity(ctx, Who{SortRole, name}, nil)
}
