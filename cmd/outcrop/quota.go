package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/quota"
	"github.com/outcrop/outcrop/internal/store"
)

// quotaScope is whose quotas a command is about.
type quotaScope struct{ account, region string }

func (e *environment) quotaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "quota", Short: "Show and set quotas, and decide about requests for more", Args: noArgs,
		Long: "A running server need not be restarted: what is set holds within two seconds.",
	}
	cmd.AddCommand(e.quotaListCommand(), e.quotaSetCommand(), e.quotaRequestsCommand(), e.quotaApproveCommand(), e.quotaDenyCommand())
	return cmd
}

// quotas runs f with the quotas of the data directory.
func (e *environment) quotas(ctx context.Context, s *quotaScope, f func(*quota.Registry) error) error {
	return e.withState(ctx, func(cfg *config.Config, state store.Store) error {
		if s != nil {
			s.account, s.region = cmp.Or(s.account, cfg.Account), cmp.Or(s.region, cfg.Region)
		}
		r, err := app.Quotas(ctx, cfg, state)
		if err != nil {
			return err
		}
		return f(r)
	})
}

func (s *quotaScope) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.account, "account", "", "account (default: the configured one)")
	cmd.Flags().StringVar(&s.region, "region", "", "region (default: the configured one)")
}

func (e *environment) quotaListCommand() *cobra.Command {
	var s quotaScope
	var model string
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the quotas of an account in a region", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := path.Match(model, ""); err != nil {
				return usage(fmt.Errorf("%q is not a pattern", model))
			}
			return e.quotas(cmd.Context(), &s, func(r *quota.Registry) error {
				w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "CODE\tVALUE\tDEFAULT\tMODEL\tNAME")
				for _, q := range r.List(s.account, s.region) {
					if ok, _ := path.Match(model, q.Model); ok || model == "" {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", q.Code, quotaValue(q.Value), quotaValue(q.Default), q.Model, q.Name)
					}
				}
				return w.Flush()
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&model, "model", "", "only of these models: an ID or a pattern with * and ?")
	return cmd
}

const noLimit, byDefault = "unlimited", "default"

func quotaValue(n int64) string {
	if n >= quota.Unlimited {
		return noLimit
	}
	return strconv.FormatInt(n, 10)
}

func (e *environment) quotaSetCommand() *cobra.Command {
	var s quotaScope
	cmd := &cobra.Command{
		Use:   "set CODE VALUE | set MODEL METRIC VALUE",
		Short: "Set a quota of an account in a region",
		Long: "MODEL is a model ID, or the ID of an inference profile for the quotas of its kind. METRIC is\n" +
			"requests-per-minute, tokens-per-minute, tokens-per-day or concurrency. VALUE is a number,\n" +
			"0 refuses everything, unlimited nothing, and default is what the configuration says.",
		Example: "  outcrop quota set amazon.nova-lite-v1:0 requests-per-minute 60\n  outcrop quota set L-254CACF4 default",
		Args: func(cmd *cobra.Command, args []string) error {
			return misused(cmd, cobra.RangeArgs(2, 3)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			text := args[len(args)-1]
			value := quota.Unlimited
			if text != noLimit && text != byDefault {
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil || n < 0 {
					return usage(fmt.Errorf("%q is no value of a quota: write a number, %s or %s", text, noLimit, byDefault))
				}
				value = n
			}
			return e.quotas(cmd.Context(), &s, func(r *quota.Registry) error {
				find := func() (quota.Applied, error) { return r.Find(s.account, s.region, args[0]) }
				if len(args) == 3 {
					find = func() (quota.Applied, error) {
						return r.FindByName(s.account, s.region, args[0], quota.Metric(args[1]))
					}
				}
				q, err := find()
				if err != nil {
					return err
				}
				if text == byDefault {
					err, value = r.Reset(cmd.Context(), s.account, s.region, q.Code), q.Default
				} else {
					err = r.Set(cmd.Context(), s.account, s.region, q.Code, value)
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(e.stdout, "%s is %s in %s: %s\n", q.Code, quotaValue(value), s.region, q.Name)
				return err
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func (e *environment) quotaRequestsCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "requests", Short: "List the requests for more that wait", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.quotas(cmd.Context(), nil, func(r *quota.Registry) error {
				list, err := r.Requests(cmd.Context(), "", "")
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tSTATUS\tDESIRED\tACCOUNT\tREGION\tREQUESTER\tCREATED\tQUOTA")
				for _, q := range list {
					if all || q.Status == quota.Pending || q.Status == quota.CaseOpened {
						fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", q.ID, q.Status, q.Desired, q.Account, q.Region, q.Requester,
							q.Created.UTC().Format(time.RFC3339), q.Name)
					}
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were decided too")
	return cmd
}

func (e *environment) quotaApproveCommand() *cobra.Command {
	return e.quotaDecideCommand("approve", "Make what a request asks for hold", (*quota.Registry).Approve)
}

func (e *environment) quotaDenyCommand() *cobra.Command {
	return e.quotaDecideCommand("deny", "Deny a request", (*quota.Registry).Deny)
}

func (e *environment) quotaDecideCommand(name, short string, decide func(*quota.Registry, context.Context, string) (quota.Request, error)) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short, Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.quotas(cmd.Context(), nil, func(r *quota.Registry) error {
				req, err := decide(r, cmd.Context(), args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(e.stdout, "%s: %s, %d\n", req.Status, req.Name, req.Desired)
				return err
			})
		},
	}
}
