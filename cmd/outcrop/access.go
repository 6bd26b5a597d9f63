package main

import (
	"context"
	"fmt"
	"path"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	modelaccess "github.com/outcrop/outcrop/internal/access"
	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/store"
)

func (e *environment) accessCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "access", Short: "List, approve and deny requests for access to models", Args: noArgs,
		Long: "Decides on what accounts asked for with CreateFoundationModelAgreement, where the configuration says\n" +
			"access: request or access: approval. A running server takes part within two seconds.",
	}
	cmd.AddCommand(e.accessListCommand(), e.accessApproveCommand(), e.accessDenyCommand())
	return cmd
}

// withAccess opens the agreements of the data directory for f.
func (e *environment) withAccess(ctx context.Context, f func(*config.Config, *modelaccess.Registry) error) error {
	return e.withState(ctx, func(cfg *config.Config, s store.Store) error {
		registry, err := app.Access(cfg, s)
		if err != nil {
			return err
		}
		return f(cfg, registry)
	})
}

func (e *environment) accessListCommand() *cobra.Command {
	var pending bool
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List what was asked for and what was decided", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withAccess(cmd.Context(), func(cfg *config.Config, r *modelaccess.Registry) error {
				var statuses []modelaccess.Status
				if pending {
					statuses = []modelaccess.Status{modelaccess.Pending}
				}
				list, err := r.List(cmd.Context(), cfg.Account, statuses...)
				if err != nil {
					return err
				}
				if r.Mode() == modelaccess.Auto {
					fmt.Fprintln(e.stderr, "access is auto: every model that is served can be used, whatever is listed here")
				}
				w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "MODEL\tREGION\tSTATUS\tREQUESTED\tBY\tDECIDED")
				for _, a := range list {
					decided := "-"
					if !a.Decided.IsZero() {
						decided = a.Decided.UTC().Format(time.RFC3339)
					}
					by := a.By
					if by == "" {
						by = "-"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Model, a.Region, a.Status, a.Requested.UTC().Format(time.RFC3339), by, decided)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&pending, "pending", false, "only what waits for a decision")
	return cmd
}

func (e *environment) accessApproveCommand() *cobra.Command {
	var region string
	cmd := &cobra.Command{
		Use: "approve MODEL", Short: "Give access to a model, or to every requested one that matches a pattern", Args: oneArg,
		Long: "Approves the requests for a model, or for all models that match a pattern such as 'anthropic.*'.\n" +
			"A model ID is also approved after a denial and, with --region, without a request.",
		RunE: func(cmd *cobra.Command, args []string) error {
			statuses := []modelaccess.Status{modelaccess.Pending}
			if !hasMeta(args[0]) { // a pattern takes back no denial
				statuses = append(statuses, modelaccess.Denied)
			}
			return e.decideAccess(cmd.Context(), args[0], region, statuses, func(r *modelaccess.Registry, account, region, model string) (modelaccess.Agreement, error) {
				return r.Grant(cmd.Context(), account, region, model)
			})
		},
	}
	cmd.Flags().StringVar(&region, "region", "", "only in this region")
	return cmd
}

func (e *environment) accessDenyCommand() *cobra.Command {
	var region, reason string
	cmd := &cobra.Command{
		Use: "deny MODEL", Short: "Refuse access to a model, or take it away", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.decideAccess(cmd.Context(), args[0], region, []modelaccess.Status{modelaccess.Pending, modelaccess.Granted}, func(r *modelaccess.Registry, account, region, model string) (modelaccess.Agreement, error) {
				return r.Deny(cmd.Context(), account, region, model, reason)
			})
		},
	}
	cmd.Flags().StringVar(&region, "region", "", "only in this region")
	cmd.Flags().StringVar(&reason, "reason", "", "what the one who asked is told")
	return cmd
}

// decideAccess decides on every agreement in one of the states that matches, or
// on a model in a region that nobody has asked for.
func (e *environment) decideAccess(ctx context.Context, pattern, region string, statuses []modelaccess.Status,
	decide func(r *modelaccess.Registry, account, region, model string) (modelaccess.Agreement, error),
) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return usage(fmt.Errorf("%q is not a pattern", pattern))
	}
	return e.withAccess(ctx, func(cfg *config.Config, r *modelaccess.Registry) error {
		list, err := r.List(ctx, cfg.Account, statuses...)
		if err != nil {
			return err
		}
		var targets []modelaccess.Agreement
		for _, a := range list {
			if ok, _ := path.Match(pattern, a.Model); ok && (region == "" || a.Region == region) {
				targets = append(targets, a)
			}
		}
		if len(targets) == 0 {
			if hasMeta(pattern) {
				return fmt.Errorf("nobody has asked for %s; to decide without a request, name one model ID and a --region", pattern)
			}
			if region == "" {
				return fmt.Errorf("nobody has asked for %s; to decide without a request, name a --region", pattern)
			}
			if err := app.KnownModel(cfg, region, pattern); err != nil {
				return err
			}
			targets = []modelaccess.Agreement{{Region: region, Model: pattern}}
		}
		for _, target := range targets {
			a, err := decide(r, cfg.Account, target.Region, target.Model)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "%s in %s: %s\n", a.Model, a.Region, a.Status)
		}
		return nil
	})
}

// hasMeta reports whether a pattern is more than a name.
func hasMeta(pattern string) bool {
	for _, c := range pattern {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			return true
		}
	}
	return false
}
