package app

import (
	"context"
	"net/http"

	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/forward"
	"github.com/outcrop/outcrop/internal/inference/all"
	"github.com/outcrop/outcrop/internal/observe"
)

// forwards says which operations are handed on to Amazon Bedrock; nil when none
// is.
func (a *App) forwards() (func(v *observe.View) edge.Forward, error) {
	cfg := a.p.Config
	dialer := Dialer(cfg)
	accounts, err := all.Forwards(all.Params{Config: cfg, Now: a.p.Now, Getenv: a.p.Getenv, Dialer: dialer, Region: callRegion})
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	f, err := forward.New(forward.Params{Accounts: accounts, Dialer: dialer, FirstByte: cfg.Timeouts.Model})
	if err != nil {
		return nil, err
	}
	a.gov.close = append(a.gov.close, f.Close)
	return func(v *observe.View) edge.Forward {
		to := f.Match(v.Call.Service, v.Call.Operation, v.Call.Resource)
		if to == nil {
			return nil
		}
		service := v.Call.Service
		return func(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
			return f.Do(ctx, to, service, r, body)
		}
	}, nil
}
