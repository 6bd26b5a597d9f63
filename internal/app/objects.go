package app

import (
	"cmp"
	"context"
	"net/http"
	"path/filepath"

	"github.com/outcrop/outcrop/internal/authn"
	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/knowledge/source/s3"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// s3Service is the signing name of the buckets' service.
const s3Service = "s3"

// newBuckets makes the embedded S3 endpoint. Its process starts with the first
// request for it.
func (a *App) newBuckets() *bucket.Server {
	cfg := a.p.Config
	data := cfg.DataDir(a.p.Getenv)
	p := bucket.Params{
		Dir: filepath.Join(data, "buckets"), AttributesDir: filepath.Join(data, "object-attributes"),
		Command: a.p.Gateway, Account: cfg.Account, Domain: cfg.Objects.Domain, Logger: a.p.Logger, Now: a.p.Now,
	}
	if cfg.Auth == config.On {
		// Buckets are in every region, also in those that have no models.
		p.Signatures = sigv4.New(sigv4.Params{Keys: a.credentials, Used: a.credentials.Used, Now: a.p.Now, Services: []string{s3Service}})
		p.Keys = a.credentials
		p.Decide = a.decideObject
		return bucket.New(p)
	}
	off := authn.NewOff(cfg.Account, cfg.Region)
	p.Guard = func(r *http.Request) error {
		_, err := off.Claim(r)
		return err
	}
	return bucket.New(p)
}

// bucketSources opens data sources that are buckets, where the configuration
// says that they are. Outcrop's own are read without going through the port,
// and without anybody's key.
func (a *App) bucketSources(ctx context.Context) (*s3.Buckets, error) {
	p, err := a.bucketParams(ctx)
	if err != nil {
		return nil, err
	}
	return s3.New(p), nil
}

// bucketParams say where buckets are and who asks them.
func (a *App) bucketParams(ctx context.Context) (s3.Params, error) {
	o := a.p.Config.Objects
	if o.Endpoint == "" {
		return s3.Params{Endpoint: "http://buckets", PathStyle: true, Client: a.buckets.Client()}, nil
	}
	p := s3.Params{Region: o.Region}
	if o.Endpoint != config.AWS {
		p.Endpoint, p.PathStyle = o.Endpoint, o.PathStyle
		p.Name = o.Endpoint + " (objects.endpoint)"
	}
	keys := s3.Keys{
		AccessKeyID:     a.p.Getenv("OUTCROP_OBJECTS_ACCESS_KEY_ID"),
		SecretAccessKey: a.p.Getenv("OUTCROP_OBJECTS_SECRET_ACCESS_KEY"),
		SessionToken:    a.p.Getenv("OUTCROP_OBJECTS_SESSION_TOKEN"),
	}
	return s3.Remote(ctx, p, keys, o.Profile, Dialer(a.p.Config))
}

// passed is the list of services that speak for themselves, and which of them
// gets requests that are nobody's: without authentication, the buckets.
func (a *App) passed() (map[string]edge.Passed, string) {
	serve := func(w http.ResponseWriter, r *http.Request, c *call.Call, result *edge.Result) {
		var o bucket.Outcome
		defer func() {
			c.Principal, c.Region, c.Operation, c.Resource = o.Principal, cmp.Or(o.Region, a.p.Config.Region), o.Operation, o.Resource
			result.Status, result.Code = o.Status, o.Code
			if o.Status >= http.StatusInternalServerError {
				result.Cause = o.Cause
			}
		}()
		a.buckets.Serve(w, r.WithContext(call.With(r.Context(), c)), c.RequestID, &o)
	}
	unclaimed := ""
	if a.p.Config.Auth == config.Off {
		unclaimed = s3Service
	}
	return map[string]edge.Passed{s3Service: serve}, unclaimed
}
