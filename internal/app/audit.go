package app

import (
	"context"
	"path/filepath"

	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/logfile"
)

// AuditDir is the folder of the audit trail's files.
func AuditDir(cfg *config.Config, getenv func(string) string) string {
	return filepath.Join(cfg.DataDir(getenv), "audit")
}

// openAudit opens the audit trail, where it is on.
func (a *App) openAudit() error {
	cfg := a.p.Config.Audit
	if cfg.Files == config.Off && cfg.Bucket == "" {
		return nil
	}
	p := audit.Params{Bucket: cfg.Bucket, Prefix: cfg.Prefix, Region: a.p.Config.Region, Logger: a.p.Logger, NewID: newRequestID}
	for _, d := range cfg.DataEvents {
		p.Data = append(p.Data, audit.Data(d)) // the same words
	}
	if cfg.Files == config.On {
		var err error
		p.Files, err = logfile.Open(logfile.Params{
			Dir: AuditDir(a.p.Config, a.p.Getenv), Name: audit.FileName, Size: int64(cfg.FileSize), Keep: cfg.Keep, Now: a.p.Now,
		})
		if err != nil {
			return err
		}
		a.gov.close = append(a.gov.close, p.Files.Close)
	}
	if cfg.Bucket != "" {
		writer, err := a.bucketWriter(context.Background())
		if err != nil {
			return err
		}
		p.Delivery = delivery.New(delivery.Params{
			Putter: writer, Name: audit.Name(newSuffix), Join: audit.Join, Logger: a.p.Logger, Now: a.p.Now, Interval: cfg.Interval,
		})
		a.gov.run = append(a.gov.run, p.Delivery.Run)
		a.gov.close = append(a.gov.close, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), lastDelivery)
			defer cancel()
			return p.Delivery.Close(ctx)
		})
	}
	a.gov.audit = audit.New(p)
	a.gov.observers = append(a.gov.observers, a.gov.audit)
	return nil
}
