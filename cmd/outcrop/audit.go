package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/audit"
)

func (e *environment) auditCommand() *cobra.Command {
	var since, format string
	var f audit.Filter
	cmd := &cobra.Command{
		Use: "audit", Short: "Show who called what", Args: noArgs,
		Long: "Reads the audit trail of the data directory, also while a server runs.\n" +
			"--principal and --event take patterns with * and ?.",
		Example: "  outcrop audit --since 24h --event 'Create*'\n  outcrop audit --principal alice --errors --format json | jq .",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			if f.Since, err = instant(since, time.Now()); err != nil {
				return usage(err)
			}
			dir := app.AuditDir(cfg, e.getenv)
			switch format {
			case "json":
				return audit.Read(dir, f, func(_ *audit.Event, text []byte) error {
					_, err := fmt.Fprintf(e.stdout, "%s\n", text)
					return err
				})
			case "table":
				return e.auditTable(dir, f)
			}
			return usage(fmt.Errorf("--format is table or json, not %q", format))
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "from when on: a length such as 24h, a day as 2026-11-21, or a time as 2026-11-21T08:00:00Z")
	cmd.Flags().StringVar(&f.Principal, "principal", "", "only calls of this user, role, ARN or access key: alice, role/app, root, AKIA...")
	cmd.Flags().StringVar(&f.Event, "event", "", "only this operation, such as CreateAccessKey")
	cmd.Flags().BoolVar(&f.Errors, "errors", false, "only calls that failed or were refused")
	cmd.Flags().StringVar(&format, "format", "table", "table, or json: one record of CloudTrail's form a line")
	return cmd
}

func (e *environment) auditTable(dir string, f audit.Filter) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tPRINCIPAL\tSERVICE\tEVENT\tREGION\tFROM\tRESULT")
	err := audit.Read(dir, f, func(r *audit.Event, _ []byte) error {
		result := r.ErrorCode
		if result == "" {
			result = "ok"
		}
		who := r.UserIdentity.ARN
		if who == "" {
			who = r.UserIdentity.Type
			if id := r.UserIdentity.AccessKeyID; id != "" {
				who += " " + id
			}
		}
		service := strings.TrimSuffix(r.EventSource, ".amazonaws.com")
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.EventTime, visible(who), visible(service), visible(r.EventName), visible(r.Region), visible(r.SourceIPAddress), visible(result))
		return err
	})
	return errors.Join(err, w.Flush())
}

// instant reads a point in time, or a length of time before now. Nothing is the
// beginning of time.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since is a length such as 24h, a day as 2026-11-21 or a time as 2026-11-21T08:00:00Z, not %q", text)
}
