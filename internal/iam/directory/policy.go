package directory

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/policy/managed"
	"github.com/outcrop/outcrop/internal/store"
)

// The limits of managed policies.
const (
	maxManaged  = 6144 // characters that are not white space
	maxVersions = 5
)

// Policy is a managed policy: a customer's or one of AWS's. Treat it as
// read-only.
type Policy struct {
	ID          string // ANPA…
	ARN         string
	Name        string
	Path        string
	Description string
	AWS         bool // is AWS's: in every account, and nobody changes it
	Created     time.Time
	Updated     time.Time // when the versions changed last
	Tags        map[string]string
	Default     string    // ID of the version that counts
	Versions    []Version // the newest first

	deleting bool
}

// Version is a text of a managed policy.
type Version struct {
	ID       string // "v1"
	Document string
	Created  time.Time
}

// Version returns a version; an empty ID is the default one. ok is false when
// there is none.
func (p *Policy) Version(id string) (v Version, ok bool) {
	if id == "" {
		id = p.Default
	}
	i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return Version{}, false
	}
	return p.Versions[i], true
}

// policyRecord is the body of a customer's policy.
type policyRecord struct {
	Name        string
	Path        string
	Description string `json:",omitempty"`
	Default     string
	Last        int // the number of the newest version there ever was
	Versions    []Version
	Updated     time.Time
}

// NewPolicy is what a managed policy is made of.
type NewPolicy struct {
	Name        string
	Path        string // empty: "/"
	Description string
	Document    string
	Tags        map[string]string
}

var policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// CreatePolicy adds a managed policy. EntityAlreadyExists,
// MalformedPolicyDocument, LimitExceeded, ValidationError, InvalidInput.
func (d *Directory) CreatePolicy(ctx context.Context, n NewPolicy) (Policy, error) {
	if !policyName.MatchString(n.Name) {
		return Policy{}, invalid("The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	path, err := checkPath(n.Path)
	if err != nil {
		return Policy{}, err
	}
	if err := checkManaged(n.Document); err != nil {
		return Policy{}, err
	}
	tags, err := mergeTags(nil, n.Tags)
	if err != nil {
		return Policy{}, err
	}
	id, err := d.newID("ANPA")
	if err != nil {
		return Policy{}, err
	}
	now := d.time()
	body, err := store.Encode(policyRecord{
		Name: n.Name, Path: path, Description: n.Description, Default: "v1", Last: 1, Updated: now,
		Versions: []Version{{ID: "v1", Document: n.Document, Created: now}},
	})
	if err != nil {
		return Policy{}, err
	}
	rec := store.Record{Key: d.key(kindPolicy, "", id), Tags: tags, Body: body, Created: now, Updated: now}
	rec, err = d.create(ctx, rec, n.Name, exists("A policy called %s already exists. Duplicate names are not allowed.", n.Name))
	if err != nil {
		return Policy{}, err
	}
	return d.openPolicy(rec)
}

func checkManaged(document string) error {
	if _, err := policy.Parse(policy.Managed, document); err != nil {
		return err
	}
	if size(document) > maxManaged {
		return limit("Cannot exceed quota for PolicySize: %d", maxManaged)
	}
	return nil
}

// size is the length of a document as AWS counts it: without white space.
func size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func (d *Directory) openPolicy(rec store.Record) (Policy, error) {
	var p policyRecord
	if err := rec.Decode(&p); err != nil {
		return Policy{}, err
	}
	return Policy{
		ID: rec.ID, ARN: d.arn("policy", p.Path, p.Name), Name: p.Name, Path: p.Path, Description: p.Description,
		Created: rec.Created, Updated: p.Updated, Tags: rec.Tags, Default: p.Default, Versions: p.Versions,
		deleting: rec.Status == deleting,
	}, nil
}

// awsPolicy is one of AWS's.
func awsPolicy(m managed.Policy) Policy {
	return Policy{
		ID: m.ID, ARN: m.ARN, Name: m.Name, Path: m.Path, Description: m.Description, AWS: true,
		Created: m.Created, Updated: m.Updated, Default: m.VersionID,
		Versions: []Version{{ID: m.VersionID, Document: m.Document, Created: m.Updated}},
	}
}

// policyRecord finds the record of a customer's policy by its ARN.
func (d *Directory) policyRecord(ctx context.Context, arn string) (rec store.Record, found bool, err error) {
	path, ok := strings.CutPrefix(arn, d.arn("policy", "", ""))
	if !ok || !strings.HasPrefix(path, "/") {
		return store.Record{}, false, nil
	}
	rec, found, err = d.named(ctx, kindPolicy, path[strings.LastIndexByte(path, '/')+1:])
	if err != nil || !found {
		return store.Record{}, false, err
	}
	p, err := d.openPolicy(rec)
	return rec, err == nil && p.ARN == arn, err
}

// lookup finds a managed policy, also one that is being deleted: until it has
// gone, it governs. ok is false when there is none.
func (d *Directory) lookup(ctx context.Context, arn string) (p Policy, ok bool, err error) {
	if m, ok := managed.Lookup(arn); ok {
		return awsPolicy(m), true, nil
	}
	rec, found, err := d.policyRecord(ctx, arn)
	if err != nil || !found {
		return Policy{}, false, err
	}
	p, err = d.openPolicy(rec)
	return p, err == nil, err
}

// Policy finds a managed policy, also AWS's. NoSuchEntity; InvalidInput for what
// is no ARN.
func (d *Directory) Policy(ctx context.Context, arn string) (Policy, error) {
	if err := checkARN(arn); err != nil {
		return Policy{}, err
	}
	p, ok, err := d.lookup(ctx, arn)
	if err == nil && (!ok || p.deleting) {
		return Policy{}, noPolicy(arn)
	}
	return p, err
}

var arnForm = regexp.MustCompile(`^arn:[\w-]+:iam::(\d{12}|aws):policy/[\x21-\x7E]+$`)

func checkARN(arn string) error {
	if !arnForm.MatchString(arn) {
		return invalidInput("ARN %s is not valid.", arn)
	}
	return nil
}

// Policies lists customers' policies in the order in which they were made. AWS's
// are in package policy/managed.
func (d *Directory) Policies(ctx context.Context, l List) (Page[Policy], error) {
	return list(ctx, d, d.query(kindPolicy, ""), l, func(rec store.Record) (Policy, bool, error) {
		if rec.Status == deleting {
			return Policy{}, false, nil
		}
		p, err := d.openPolicy(rec)
		return p, err == nil && strings.HasPrefix(p.Path, l.Prefix), err
	})
}

// AWSPolicies returns those of AWS, in the order of their names.
func AWSPolicies() []Policy {
	var all []Policy
	for _, m := range managed.All() {
		all = append(all, awsPolicy(m))
	}
	slices.SortFunc(all, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// changePolicy does f to a customer's policy, as change does to an entity.
func (d *Directory) changePolicy(ctx context.Context, arn string, f func(*policyRecord, *store.Record) error) error {
	if err := checkARN(arn); err != nil {
		return err
	}
	if _, ok := managed.Lookup(arn); ok {
		return fault.New(fault.Denied, "Policy is outside your own account.")
	}
	err := d.write(ctx, func(ctx context.Context) error {
		return retry(func() error {
			rec, found, err := d.policyRecord(ctx, arn)
			if err != nil {
				return err
			}
			if !found || rec.Status == deleting {
				return noPolicy(arn)
			}
			var p policyRecord
			if err := rec.Decode(&p); err != nil {
				return err
			}
			if err := f(&p, &rec); err != nil {
				return err
			}
			if rec.Body, err = store.Encode(p); err != nil {
				return err
			}
			rec.Updated = d.time()
			_, err = d.store.Update(ctx, rec)
			if fault.Is(err, fault.NotFound) {
				return noPolicy(arn)
			}
			return err
		})
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// CreateVersion adds a text to a policy, and makes it the one that counts when
// asked to. NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
func (d *Directory) CreateVersion(ctx context.Context, arn, document string, makeDefault bool) (v Version, err error) {
	if err := checkManaged(document); err != nil {
		return Version{}, err
	}
	err = d.changePolicy(ctx, arn, func(p *policyRecord, _ *store.Record) error {
		if len(p.Versions) >= maxVersions {
			return limit("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		p.Last++
		p.Updated = d.time()
		v = Version{ID: "v" + strconv.Itoa(p.Last), Document: document, Created: p.Updated}
		p.Versions = slices.Insert(p.Versions, 0, v)
		if makeDefault {
			p.Default = v.ID
		}
		return nil
	})
	return v, err
}

// NoVersion is what clients are told of a version that there is not.
func NoVersion(arn, id string) error {
	return notFound("Policy %s version %s does not exist or is not attachable.", arn, id)
}

// DeleteVersion removes a version that is not the default. NoSuchEntity,
// DeleteConflict.
func (d *Directory) DeleteVersion(ctx context.Context, arn, id string) error {
	return d.changePolicy(ctx, arn, func(p *policyRecord, _ *store.Record) error {
		i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.ID == id })
		switch {
		case i < 0:
			return NoVersion(arn, id)
		case id == p.Default:
			return inUse("Cannot delete the default version of a policy.")
		}
		p.Versions, p.Updated = slices.Delete(p.Versions, i, i+1), d.time()
		return nil
	})
}

// SetDefaultVersion makes a version the one that counts. NoSuchEntity.
func (d *Directory) SetDefaultVersion(ctx context.Context, arn, id string) error {
	return d.changePolicy(ctx, arn, func(p *policyRecord, _ *store.Record) error {
		if !slices.ContainsFunc(p.Versions, func(v Version) bool { return v.ID == id }) {
			return NoVersion(arn, id)
		}
		p.Default, p.Updated = id, d.time()
		return nil
	})
}

// DeletePolicy removes a customer's policy. NoSuchEntity; DeleteConflict as long
// as it is attached, is a boundary, or has more than one version.
func (d *Directory) DeletePolicy(ctx context.Context, arn string) error {
	check := func(ctx context.Context, id string) error {
		used, err := d.inUse(ctx, id, arn)
		if err == nil && used {
			err = inUse("Cannot delete a policy attached to entities.")
		}
		return err
	}
	var marked store.Record
	err := d.changePolicy(ctx, arn, func(p *policyRecord, rec *store.Record) error {
		if err := check(ctx, rec.ID); err != nil {
			return err
		}
		if len(p.Versions) > 1 {
			return inUse("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		rec.Status = deleting
		marked = *rec
		return nil
	})
	if err != nil {
		return err
	}
	return d.write(ctx, func(ctx context.Context) error {
		if err := check(ctx, marked.ID); err != nil {
			back, getErr := d.store.Get(ctx, marked.Key)
			if getErr == nil {
				back.Status = active
				_, getErr = d.store.Update(ctx, back)
			}
			return errors.Join(err, getErr)
		}
		return d.remove(ctx, marked.Key)
	})
}
