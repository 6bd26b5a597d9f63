package all

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/forward"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/bedrock"
	"github.com/outcrop/outcrop/internal/inference/remote"
)

// newBedrock makes the adapter of a configured Bedrock, which asks with an API
// key where one is given and else signs with AWS's keys.
func newBedrock(p Params, name string, b config.Backend) (inference.Backend, error) {
	var set []func(*remote.Params)
	if b.Key != "" {
		region := cmp.Or(b.Region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"))
		if b.URL == "" && region == "" {
			return nil, errors.New("region: no AWS region is set, neither here nor in AWS_REGION")
		}
		b.URL = cmp.Or(b.URL, bedrock.Endpoint(region))
	} else {
		account, err := bedrock.FindAccount(context.Background(), b.Profile, b.Region, p.Dialer)
		if err != nil {
			return nil, err
		}
		account.Now = p.Now
		b.URL = cmp.Or(b.URL, bedrock.Endpoint(account.Region))
		set = append(set, func(r *remote.Params) { r.Sign = account.Sign })
	}
	models, err := catalog.New()
	if err != nil {
		return nil, err
	}
	c, _, err := client(p, name, b, "Authorization", "Bearer ", set...)
	if err != nil {
		return nil, err
	}
	return bedrock.New(bedrock.Params{Client: c, Name: name, Models: b.Models, Format: formats(models), Now: p.Now}), nil
}

// formats tells the native format of a model ID or a profile's ID or ARN; empty
// for those of an account's own.
func formats(c *catalog.Catalog) func(model string) string {
	return func(model string) string {
		if id := catalog.Parse(model); id.Name != "" {
			model = id.Name
		}
		if m, ok := c.Lookup(model); ok {
			return m.NativeFormat
		}
		if p, ok := c.Profile(model); ok {
			return p.Model.NativeFormat
		}
		return ""
	}
}

// Forwards returns the accounts that operations are handed on to.
func Forwards(p Params) ([]forward.Account, error) {
	var accounts []forward.Account
	for _, name := range slices.Sorted(maps.Keys(p.Config.Backends)) {
		b := p.Config.Backends[name]
		if len(b.Forward) == 0 {
			continue
		}
		a := forward.Account{Name: name, Patterns: b.Forward}
		region := cmp.Or(b.Region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"))
		if b.Key != "" {
			key, err := b.Key.Value(p.Getenv)
			if err != nil {
				return nil, fmt.Errorf("backends.%s: key: %w", name, err)
			}
			a.Sign = func(r *http.Request, _ []byte) error {
				r.Header.Set("Authorization", "Bearer "+key)
				return nil
			}
		} else {
			account, err := bedrock.FindAccount(context.Background(), b.Profile, b.Region, p.Dialer)
			if err != nil {
				return nil, fmt.Errorf("backends.%s: %w", name, err)
			}
			account.Now = p.Now
			region, a.Sign = account.Region, account.Sign
		}
		if b.URL == "" && region == "" {
			return nil, fmt.Errorf("backends.%s: no AWS region is set, neither here nor in AWS_REGION", name)
		}
		a.Endpoint = func(service string) string { return cmp.Or(b.URL, bedrock.EndpointOf(service, region)) }
		accounts = append(accounts, a)
	}
	return accounts, nil
}
