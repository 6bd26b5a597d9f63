package sigv4

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/outcrop/outcrop/internal/iam"
)

// Chain is the state from which the parts of a body are verified when each part
// is signed together with the signature of the one before it. It prints as a
// placeholder.
type Chain struct {
	seed            string
	time            time.Time
	region, service string
	secret          iam.Secret
}

// Seed returns the signature of the request itself, in hex: the predecessor of
// the first part.
func (c *Chain) Seed() string { return c.seed }

// Time returns when the request was signed.
func (c *Chain) Time() time.Time { return c.time }

// Scope returns the credential scope of a part that was signed at t. The parts
// of an event stream carry their own dates, which may pass midnight.
func (c *Chain) Scope(t time.Time) string {
	return scope(t.UTC().Format(dateFormat), c.region, c.service)
}

// SigningKey returns the key of a part that was signed at t. It is derived
// anew: keep it for the day.
func (c *Chain) SigningKey(t time.Time) [32]byte {
	return signingKey(c.secret, t.UTC().Format(dateFormat), c.region, c.service)
}

// Format keeps the secret out of every fmt verb.
func (c *Chain) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[signature chain]") }

// LogValue keeps the secret out of logs.
func (c *Chain) LogValue() slog.Value { return slog.StringValue("[signature chain]") }
