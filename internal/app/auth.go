package app

import (
	"time"

	"github.com/outcrop/outcrop/internal/apikey"
	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/iam/credential"
	"github.com/outcrop/outcrop/internal/sigv4"
)

func newAuthenticator(cfg *config.Config, keys *credential.Store, hasRegion func(string) bool, now func() time.Time) *authn.Authenticator {
	signatures := sigv4.New(sigv4.Params{Keys: keys, Used: keys.Used, Now: now, Services: signingNames(), Region: hasRegion})
	return authn.New(authn.Params{
		Signatures: signatures,
		APIKeys:    apikey.New(apikey.Params{Keys: keys, Signatures: signatures, Now: now}),
		Now:        now,
		Region:     cfg.Region,
	})
}
