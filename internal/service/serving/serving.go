// Package serving is what the services that run models have in common: finding
// the model that answers and saying who it is, asking the gate whether it may be
// used, measuring a generation and ending one that takes too long, and the
// request fields that only one family of models understands.
//
// It knows no API type and translates nothing.
package serving

import (
	"context"
	"crypto/rand"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/router"
)

// Resolver finds the model that answers; *router.Router and *Models do.
type Resolver interface {
	Resolve(ctx context.Context, identifier, region, account string, want catalog.Kind) (*router.Target, error)
}

// Resolve finds the model that answers and says so: in the response header, in
// the usage record. Faults as router.Router.Resolve.
func Resolve(ctx context.Context, r Resolver, modelID string, want catalog.Kind) (*router.Target, error) {
	c := call.From(ctx)
	t, err := r.Resolve(ctx, modelID, c.Region, c.Account, want)
	if err != nil {
		return nil, err
	}
	Served(ctx, modelID, t)
	return t, nil
}

// Served says that a target answers for a model.
func Served(ctx context.Context, modelID string, t *router.Target) {
	c := call.From(ctx)
	c.RecordUsage(func(u *call.Usage) {
		u.Model, u.ModelID, u.Resource, u.ServedBy, u.Backend, u.StandIn = modelID, t.ModelID, t.ARN, t.ServedBy, t.Backend, t.StandIn
	})
	SayServedBy(c, t.ServedBy)
}

// SayServedBy sets the response header that names the models that answered.
func SayServedBy(c *call.Call, names string) { c.SetHeader(servedByHeader, names) }

const servedByHeader = "X-Outcrop-Served-By"

// NewID returns prefix followed by random base62 characters up to a length.
func NewID(prefix string, length int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	id := []byte(prefix)
	for random := make([]byte, length); len(id) < length; {
		rand.Read(random) // never fails
		for _, c := range random {
			// 248 is the largest multiple of 62 in a byte: no character is favoured.
			if c < 248 && len(id) < length {
				id = append(id, alphabet[c%62])
			}
		}
	}
	return string(id)
}
