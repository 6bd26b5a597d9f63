package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/budget"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/store"
)

func (e *environment) budgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "budget", Short: "Set, list and remove budgets", Args: noArgs,
		Long: "A budget says how many dollars a user, a role, everybody with a tag, or the whole account may spend in a day or a month (UTC). " +
			"A running server notices a change within two seconds.",
		Example: "  outcrop budget set alice --for user/alice --limit 50\n" +
			"  outcrop budget set research --for tag/team=research --period day --limit 20 --warn 90 --warn-only\n" +
			"  outcrop budget list",
	}
	cmd.AddCommand(e.budgetSetCommand(), e.budgetListCommand(), e.budgetRemoveCommand())
	return cmd
}

func (e *environment) budgetSetCommand() *cobra.Command {
	b := budget.Budget{Warn: 80}
	var dollars, period string
	var warnOnly bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Set a budget, or replace the one of this name", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := microDollars(dollars)
			if err != nil {
				return usage(err)
			}
			b.Name, b.Period, b.Stop, b.Limit = args[0], ledger.Period(period), !warnOnly, limit
			return e.withState(cmd.Context(), func(cfg *config.Config, s store.Store) error {
				b.Account = cfg.Account
				if err := budget.Set(cmd.Context(), s, b); err != nil {
					return err
				}
				then := "beyond it answers carry a warning"
				if b.Stop {
					then = "beyond it calls are refused"
				}
				_, err := fmt.Fprintf(e.stdout, "%s: %s USD a %s for %s; %s\n", b.Name, budget.Dollars(b.Limit), b.Period, cell(b.Scope), then)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.Scope, "for", ledger.Everybody, "whom it is for: all, root, user/NAME, role/NAME, or tag/KEY=VALUE for principals with that tag")
	flags.StringVar(&dollars, "limit", "", "dollars, such as 50 or 0.25")
	flags.StringVar(&period, "period", string(ledger.Month), "day or month")
	flags.IntVar(&b.Warn, "warn", b.Warn, "percent of the limit from which on answers carry a warning; 0 is never")
	flags.BoolVar(&warnOnly, "warn-only", false, "refuse nothing when the limit is spent")
	return cmd
}

// microDollars reads a limit. One that is smaller than can be counted is a
// mistake, and not a budget of nothing.
func microDollars(text string) (int64, error) {
	if text == "" {
		return 0, errors.New("a budget has a limit in dollars: give it with --limit")
	}
	dollars, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(dollars) || math.Abs(dollars) > 1e12 {
		return 0, fmt.Errorf("%q is not a number of dollars, such as 50 or 0.25", text)
	}
	micro := int64(math.Round(dollars * 1e6))
	if micro == 0 && dollars != 0 {
		return 0, fmt.Errorf("%s dollars are less than can be counted: the least is 0.000001", text)
	}
	return micro, nil
}

func (e *environment) budgetListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the budgets, and how far they are spent", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withState(cmd.Context(), func(cfg *config.Config, s store.Store) error {
				ctx := cmd.Context()
				list, err := budget.List(ctx, s, cfg.Account)
				if err != nil {
					return err
				}
				bill, err := app.Usage(ctx, cfg, e.getenv, nil)
				if err != nil {
					return err
				}
				return errors.Join(e.printBudgets(ctx, bill, list), bill.Close())
			})
		},
	}
}

func (e *environment) printBudgets(ctx context.Context, bill *ledger.Ledger, list []budget.Budget) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tFOR\tPERIOD\tSPENT USD\tLIMIT USD\tWARN\tTHEN")
	for _, b := range list {
		meter, err := bill.Meter(ctx, b.Account, b.Scope, b.Period)
		if err != nil {
			return err
		}
		spent := meter.Spent(time.Now()).Rounded()
		bill.Release(meter)
		then := "warn"
		if b.Stop {
			then = "refuse"
		}
		warn := "never"
		if b.Warn > 0 {
			warn = fmt.Sprintf("%d%%", b.Warn)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Name, cell(b.Scope), b.Period, budget.Dollars(spent), budget.Dollars(b.Limit), warn, then)
	}
	return w.Flush()
}

func (e *environment) budgetRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Aliases: []string{"remove"}, Short: "Remove a budget", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withState(cmd.Context(), func(cfg *config.Config, s store.Store) error {
				if err := budget.Remove(cmd.Context(), s, cfg.Account, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintln(e.stdout, "removed", args[0])
				return err
			})
		},
	}
}
