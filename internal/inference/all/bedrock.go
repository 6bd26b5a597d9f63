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
	account, err := accountOf(p, b)
	if err != nil {
		return nil, err
	}
	in := func(region string) (*remote.Client, error) {
		there := b
		there.URL = cmp.Or(b.URL, bedrock.Endpoint(region))
		c, _, err := client(p, name, there, "Authorization", "Bearer ", func(r *remote.Params) {
			if b.Key == "" {
				r.Sign = account.Sign
			}
		})
		return c, err
	}
	models, err := catalog.New()
	if err != nil {
		return nil, err
	}
	c, err := in(account.Region)
	if err != nil {
		return nil, err
	}
	params := bedrock.Params{Client: c, Name: name, Models: b.Models, Format: formats(models), Now: p.Now}
	if account.Of != nil && b.URL == "" {
		params.Region, params.Other = account.Of, in
	}
	return bedrock.New(params), nil
}

// accountOf is whom a backend asks as, and where; without AWS's keys where it has
// an API key.
func accountOf(p Params, b config.Backend) (*bedrock.Account, error) {
	region, of := b.Region, (func(context.Context) string)(nil)
	if region == config.CallersRegion {
		// Of work that nobody's call is about the server's own is the region.
		region, of = p.Config.Region, p.Region
	}
	if b.Key != "" {
		region = cmp.Or(region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"))
		if b.URL == "" && region == "" {
			return nil, errors.New("region: no AWS region is set, neither here nor in AWS_REGION")
		}
		return &bedrock.Account{Region: region, Of: of}, nil
	}
	account, err := bedrock.FindAccount(context.Background(), b.Profile, region, p.Dialer)
	if err != nil {
		return nil, err
	}
	account.Now, account.Of = p.Now, of
	return account, nil
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
		account, err := accountOf(p, b)
		if err != nil {
			return nil, fmt.Errorf("backends.%s: %w", name, err)
		}
		a.Sign = account.Sign
		if b.Key != "" {
			key, err := b.Key.Value(p.Getenv)
			if err != nil {
				return nil, fmt.Errorf("backends.%s: key: %w", name, err)
			}
			a.Sign = func(r *http.Request, _ []byte) error {
				r.Header.Set("Authorization", "Bearer "+key)
				return nil
			}
		}
		a.Endpoint = func(ctx context.Context, service string) string {
			return cmp.Or(b.URL, bedrock.EndpointOf(service, account.RegionOf(ctx)))
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}
