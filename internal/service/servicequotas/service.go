// Package servicequotas is the logic of the Service Quotas service, as far as it
// is about Amazon Bedrock: which quotas an account has, what holds of them, and
// requests for more.
//
// It translates between AWS's types and package quota, which keeps the values and
// decides about requests. There is no organization and no support desk, so
// templates answer the error for accounts without one, and what is not built
// answers through Unimplemented. Package edge calls it, with the call in the
// context.
package servicequotas

import (
	"context"
	"encoding/base64"
	"strings"

	api "github.com/outcrop/outcrop/internal/api/servicequotas"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// The one service whose quotas there are.
const (
	serviceCode = "bedrock"
	serviceName = "Amazon Bedrock"
)

// Quotas is what the service needs of package quota; *quota.Registry has it.
type Quotas interface {
	List(account, region string) []quota.Applied
	Find(account, region, code string) (quota.Applied, error)
	Ask(ctx context.Context, account, region, code string, desired int64, requester string) (quota.Request, error)
	Requests(ctx context.Context, account, region string) ([]quota.Request, error)
	Tags(ctx context.Context, account, region, code string) (map[string]string, error)
	SetTags(ctx context.Context, account, region, code string, tags map[string]string) error
}

// Params are the parts of a service; Partition may be nil.
type Params struct {
	Quotas Quotas
	// Partition of a region; "aws" when nil.
	Partition func(region string) string
}

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	api.Unimplemented

	p Params
}

var _ api.Service = (*Service)(nil)

// New returns a service.
func New(p Params) *Service {
	if p.Partition == nil {
		p.Partition = func(string) string { return "aws" }
	}
	return &Service{p: p}
}

// modeled gives faults the names that this service has for them.
func modeled(err error) error {
	if err == nil {
		return nil
	}
	f := fault.As(err)
	if f.Code != "" {
		return err
	}
	name := map[fault.Kind]string{
		fault.NotFound: "NoSuchResourceException", fault.Invalid: "IllegalArgumentException",
		fault.Conflict: "ResourceAlreadyExistsException", fault.Internal: "ServiceException", fault.Unavailable: "ServiceException",
	}[f.Kind]
	if name == "" {
		return err
	}
	return fault.Wrap(f.Kind, err, "%s", f.Message).WithCode(name)
}

func invalid(format string, args ...any) error {
	return modeled(fault.New(fault.Invalid, format, args...))
}

// checkService refuses services whose quotas are not here.
func checkService(code *string) error {
	if schema.Deref(code) == serviceCode {
		return nil
	}
	return modeled(fault.New(fault.NotFound, "The request failed because the specified service does not exist."))
}

// checkContext refuses quotas of a single resource: there are none.
func checkContext(ctx context.Context, id *string) error {
	if id == nil || *id == call.From(ctx).Account {
		return nil
	}
	return modeled(fault.New(fault.NotFound, "The request failed because applied value for the specified context Id do not exist."))
}

// ListServices lists the services that have quotas.
func (s *Service) ListServices(_ context.Context, in *api.ListServicesInput) (*api.ListServicesOutput, error) {
	if in.NextToken != nil {
		return nil, badToken() // one page has all of them
	}
	return &api.ListServicesOutput{Services: []api.ServiceInfo{{ServiceCode: new(serviceCode), ServiceName: new(serviceName)}}}, nil
}

const (
	defaultPage = 100
	maxPage     = 100
)

// page cuts a list that is sorted by key, with the position in the token.
func page[T any](list []T, key func(T) string, token *string, limit *int32) (part []T, next *string, err error) {
	n := defaultPage
	if limit != nil {
		n = min(max(int(*limit), 1), maxPage)
	}
	from := 0
	if token != nil {
		text, err := base64.RawURLEncoding.DecodeString(*token)
		last, ok := strings.CutPrefix(string(text), "1:")
		if err != nil || !ok {
			return nil, nil, badToken()
		}
		for from < len(list) && key(list[from]) != last {
			from++
		}
		if from == len(list) {
			return nil, nil, badToken()
		}
		from++
	}
	part = list[from:]
	if len(part) > n {
		part = part[:n]
		text := base64.RawURLEncoding.EncodeToString([]byte("1:" + key(part[n-1])))
		next = &text
	}
	return part, next, nil
}

func badToken() error {
	return fault.New(fault.Invalid, "The provided pagination token is invalid. Start again without one.").WithCode("InvalidPaginationTokenException")
}
