// Package iam answers the IAM API: users, groups, roles, their policies and
// credentials, and simulations of what they may do.
//
// It translates between AWS's types and the directory, the credentials and the
// policy engine, whose rules and texts are theirs. It does not decide whether
// the caller may do what they ask: package authz did before.
package iam

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/iam/directory"
	"github.com/outcrop/outcrop/internal/policy"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Credentials keeps the keys of users; see package credential.
type Credentials interface {
	CreateAccessKey(ctx context.Context, user string) (credential.AccessKey, iam.Secret, error)
	AccessKeys(ctx context.Context, user string) ([]credential.AccessKey, error)
	SetAccessKeyStatus(ctx context.Context, user, id string, active bool) error
	DeleteAccessKey(ctx context.Context, user, id string) error
	LastUsed(ctx context.Context, id string) (credential.LastUsed, error)
	CreateServiceCredential(ctx context.Context, user, service string, age time.Duration) (credential.ServiceCredential, iam.Secret, error)
	ServiceCredentials(ctx context.Context, user, service string) ([]credential.ServiceCredential, error)
	ResetServiceCredential(ctx context.Context, user, id string) (credential.ServiceCredential, iam.Secret, error)
	SetServiceCredentialStatus(ctx context.Context, user, id string, active bool) error
	DeleteServiceCredential(ctx context.Context, user, id string) error
}

// Params are the parts that a Service needs.
type Params struct {
	Directory   *directory.Directory
	Credentials Credentials
	// Organization returns the service control policies that are in force, for
	// simulations; nil: there are none.
	Organization func() [][]policy.Attached
}

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	api.Unimplemented

	dir          *directory.Directory
	keys         Credentials
	organization func() [][]policy.Attached
}

var _ api.Service = (*Service)(nil)

// New returns the service.
func New(p Params) *Service {
	if p.Organization == nil {
		p.Organization = func() [][]policy.Attached { return nil }
	}
	return &Service{dir: p.Directory, keys: p.Credentials, organization: p.Organization}
}

// caller is the user that a request without a name is about.
func caller(ctx context.Context) (string, error) {
	if p := call.From(ctx).Principal; p.Type == iam.User && p.Name != "" {
		return p.Name, nil
	}
	return "", invalid("Must specify userName when calling with non-User credentials")
}

// userOr is the user that a request names, or else the caller.
func userOr(ctx context.Context, name *string) (string, error) {
	if schema.Deref(name) != "" {
		return *name, nil
	}
	return caller(ctx)
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("ValidationError")
}

func invalidInput(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithCode("InvalidInput")
}

func user(name *string) directory.Who {
	return directory.Who{Sort: directory.SortUser, Name: schema.Deref(name)}
}

func group(name *string) directory.Who {
	return directory.Who{Sort: directory.SortGroup, Name: schema.Deref(name)}
}

func role(name *string) directory.Who {
	return directory.Who{Sort: directory.SortRole, Name: schema.Deref(name)}
}

// ptr is a member that is there.
func ptr[T any](v T) *T { return &v }

// optional is a member that is there unless it is the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// escape writes a policy document as answers carry it: percent-encoded by RFC
// 3986.
func escape(document string) *string {
	return ptr(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

const (
	defaultItems = 100
	maxItems     = 1000
)

func itemsOf(n *int32) int {
	if n == nil {
		return defaultItems
	}
	return min(max(int(*n), 1), maxItems)
}

// listOf is the part of a list of the directory that a request asks for.
func listOf(prefix, marker *string, n *int32) directory.List {
	return directory.List{Prefix: schema.Deref(prefix), After: schema.Deref(marker), Limit: itemsOf(n)}
}

// more are the members that say whether a list goes on.
func more(next string) (truncated *bool, marker *string) { return ptr(next != ""), optional(next) }

// part cuts out of a short list what a request asks for. A marker is the place
// and the name of the next item, so that a list that changes meanwhile goes on
// where it was.
func part[T any](items []T, name func(T) string, marker *string, n *int32) (page []T, truncated *bool, next *string, err error) {
	from := 0
	if text := schema.Deref(marker); text != "" {
		plain, err := base64.RawURLEncoding.DecodeString(text)
		place, wanted, ok := strings.Cut(string(plain), ":")
		at, numErr := strconv.Atoi(place)
		if err != nil || !ok || numErr != nil || at < 0 {
			return nil, nil, nil, invalid("Invalid Marker")
		}
		if from = min(at, len(items)); from == len(items) || name(items[from]) != wanted { // a name may be there twice
			if i := slices.IndexFunc(items, func(item T) bool { return name(item) == wanted }); i >= 0 {
				from = i
			}
		}
	}
	to := min(from+itemsOf(n), len(items))
	if to < len(items) {
		next = ptr(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to) + ":" + name(items[to]))))
	}
	return items[from:to], ptr(next != nil), next, nil
}

// each translates a list. It is never nil, so that an empty list is sent as one.
func each[A, B any](items []A, f func(A) B) []B {
	out := make([]B, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}

func same(s string) string { return s }
