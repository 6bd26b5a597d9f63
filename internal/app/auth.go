package app

import (
	"time"

	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/observe"
	"github.com/outcrop/outcrop/internal/sigv4"
)

func newAuthenticator(cfg *config.Config, keys *credential.Store, hasRegion func(string) bool, now func() time.Time) *authn.Authenticator {
	signatures := sigv4.New(sigv4.Params{Keys: keys, Used: keys.Used, Now: now, Services: []string{"bedrock", "ce", "servicequotas", "sts", "monitoring"}, Region: hasRegion})
	return authn.New(authn.Params{
		Signatures: signatures,
		APIKeys:    apikey.New(apikey.Params{Keys: keys, Signatures: signatures, Now: now}),
		Now:        now,
		Region:     cfg.Region,
	})
}

// decide is the authorization step of the path: today root and every user with
// a key may do everything. The resource is what the URI names, as far as it is
// an ARN; the policy engine will want the resolved one.
func decide(v *observe.View) error {
	c := v.Call
	d := iam.Decide(c.Principal, iam.Action(c.Service, c.Operation), v.Labels["modelId"])
	if d.Allowed {
		return nil
	}
	return fault.New(fault.Denied, "%s", d.Reason)
}

// allow is the authorization step of a server without authentication.
func allow(*observe.View) error { return nil }
