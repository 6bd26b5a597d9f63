package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"time"

	"github.com/outcrop/outcrop/internal/bucket/put"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/invocationlog"
	"github.com/outcrop/outcrop/internal/logfile"
)

// invocationsName begins the names of the files with invocations.
const invocationsName = "model-invocations"

// lastDelivery is how long a server that stops tries to bring what waits into
// buckets.
const lastDelivery = 5 * time.Second

// openInvocationLog opens the log of what models were asked.
func (a *App) openInvocationLog() error {
	cfg := a.p.Config.InvocationLogs
	writer, err := a.bucketWriter(context.Background())
	if err != nil {
		return err
	}
	a.gov.logging = invocationlog.NewSettings(invocationlog.SettingsParams{Store: a.state, Putter: writer, Logger: a.p.Logger, Now: a.p.Now})
	p := invocationlog.Params{
		Settings: a.gov.logging,
		Delivery: delivery.New(delivery.Params{
			Putter: writer, Name: invocationlog.Name(newSuffix), Join: delivery.Lines,
			Logger: a.p.Logger, Now: a.p.Now, Interval: cfg.Interval, Memory: int64(cfg.Memory),
		}),
		Logger: a.p.Logger, Now: a.p.Now, Memory: int64(cfg.Memory), Keep: cfg.Keep,
	}
	if cfg.Directory != "" {
		if p.Directory, err = filepath.Abs(cfg.Directory); err != nil {
			return err
		}
		p.Files, err = logfile.Open(logfile.Params{Dir: p.Directory, Name: invocationsName, Size: int64(cfg.FileSize), Keep: cfg.Keep, Now: a.p.Now})
		if err != nil {
			return err
		}
	}
	l := invocationlog.New(p)
	a.gov.invocations = l
	a.gov.observers = append(a.gov.observers, l)
	a.gov.run = append(a.gov.run, l.Run)
	a.gov.close = append(a.gov.close, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lastDelivery)
		defer cancel()
		return l.Close(ctx)
	})
	return nil
}

// bucketWriter writes into buckets where the configuration says that they are,
// as bucketSources reads from them.
func (a *App) bucketWriter(ctx context.Context) (*put.Writer, error) {
	p, err := a.bucketParams(ctx)
	if err != nil {
		return nil, err
	}
	return put.New(put.Params{Endpoint: p.Endpoint, PathStyle: p.PathStyle, Region: p.Region, Client: p.Client, Credentials: p.Credentials}), nil
}

// newSuffix tells objects apart that were made in the same moment.
func newSuffix() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
