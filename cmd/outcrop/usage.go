package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/price"
)

// usageFlags are the flags of outcrop usage.
type usageFlags struct {
	since, until, by, format, model, principal string
}

func (e *environment) usageCommand() *cobra.Command {
	var f usageFlags
	cmd := &cobra.Command{
		Use: "usage", Short: "Show who used which model how much, and what it cost", Args: noArgs,
		Long: "It reads the records in the data directory, beside a running server or without one. A call that was answered is counted, " +
			"also when the server has been killed since. Days and hours are UTC.",
		Example: "  outcrop usage --since 30d --by day,model\n" +
			"  outcrop usage --by principal,tag:team --format csv\n" +
			"  outcrop usage --since 2026-03-01 --until 2026-04-01 --model 'anthropic.*'",
		RunE: func(cmd *cobra.Command, _ []string) error { return e.usage(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "7d", "from when on: so long ago, such as 12h or 7d, or a day or time, such as 2026-03-01 or 2026-03-01T12:00:00Z")
	flags.StringVar(&f.until, "until", "", "up to when, as --since and not included (default now)")
	flags.StringVar(&f.by, "by", "model", "what to tell apart, separated by commas: hour, day, month, model, principal, operation, region, account, served-by, resource, outcome, tag:KEY; empty for all together")
	flags.StringVar(&f.format, "format", "table", "table, csv or json")
	flags.StringVar(&f.model, "model", "", "only models with this ID, or a pattern with * and ?")
	flags.StringVar(&f.principal, "principal", "", "only principals with this ARN or name (user/alice), or a pattern with * and ?")
	return cmd
}

func (e *environment) usage(cmd *cobra.Command, f usageFlags) error {
	if !slices.Contains([]string{"table", "csv", "json"}, f.format) {
		return usage(fmt.Errorf("--format %q is not one of table, csv, json", f.format))
	}
	q, err := f.query(time.Now().UTC())
	if err != nil {
		return usage(err)
	}
	cfg, err := e.load()
	if err != nil {
		return err
	}
	// What is damaged is told on the way; the rest is shown.
	bill, err := app.Usage(cmd.Context(), cfg, e.getenv, slog.New(slog.NewTextHandler(e.stderr, nil)))
	if err != nil {
		return err
	}
	rows, err := bill.Rows(cmd.Context(), q)
	if err := errors.Join(err, bill.Close()); err != nil {
		return err
	}
	switch f.format {
	case "csv":
		return e.usageCSV(q.By, rows)
	case "json":
		return e.usageJSON(q.By, rows)
	}
	return e.usageTable(q.By, rows)
}

func (f usageFlags) query(now time.Time) (q ledger.Query, err error) {
	if q.From, err = moment(f.since, now); err != nil {
		return q, fmt.Errorf("--since: %w", err)
	}
	if f.until != "" {
		if q.To, err = moment(f.until, now); err != nil {
			return q, fmt.Errorf("--until: %w", err)
		}
		if !q.To.After(q.From) {
			return q, errors.New("--until is not after --since")
		}
	}
	known := []ledger.Dimension{
		ledger.ByHour, ledger.ByDay, ledger.ByMonth, ledger.ByModel, ledger.ByPrincipal, ledger.ByOperation, ledger.ByRegion,
		ledger.ByAccount, ledger.ByServedBy, ledger.ByResource, ledger.ByOutcome,
	}
	for name := range strings.SplitSeq(f.by, ",") {
		key, isTag := strings.CutPrefix(name, "tag:")
		d := ledger.Dimension(name)
		switch {
		case f.by == "":
			continue
		case isTag && key != "":
			d = ledger.TagDimension(key)
		case !slices.Contains(known, d):
			return q, fmt.Errorf("--by %q is none of hour, day, month, model, principal, operation, region, account, served-by, resource, outcome and tag:KEY", name)
		}
		q.By = append(q.By, d)
	}
	like := func(pattern string, of ...ledger.Dimension) {
		var either []ledger.Condition
		for _, d := range of {
			either = append(either, ledger.Condition{Dimension: d, Match: ledger.Like, Values: []string{pattern}})
		}
		q.Where.And = append(q.Where.And, ledger.Condition{Or: either})
	}
	if f.model != "" {
		like(f.model, ledger.ByModel, ledger.ByServedBy)
	}
	if f.principal != "" {
		like(f.principal, ledger.ByPrincipal, ledger.ByName)
	}
	return q, nil
}

// moment reads a time, or how long it is ago.
func moment(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-03-01 nor a duration such as 12h or 7d", text)
}

// total is the sum of all rows.
func total(rows []ledger.Row) (sum ledger.Row) {
	for _, r := range rows {
		sum.Calls += r.Calls
		sum.Failed += r.Failed
		sum.Unpriced += r.Unpriced
		sum.Input += r.Input
		sum.Output += r.Output
		sum.CacheRead += r.CacheRead
		sum.CacheWrite += r.CacheWrite
		sum.Queries += r.Queries
		sum.Cost = sum.Cost.Join(r.Cost)
	}
	return sum
}

func (e *environment) usageTable(by []ledger.Dimension, rows []ledger.Row) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, d := range by {
		fmt.Fprintf(w, "%s\t", strings.ToUpper(cell(string(d))))
	}
	fmt.Fprintln(w, "CALLS\tFAILED\tINPUT\tOUTPUT\tCACHE READ\tCACHE WRITE\tUSD")
	line := func(keys []string, r ledger.Row) {
		for _, key := range keys {
			if key == "" {
				key = "-"
			}
			fmt.Fprintf(w, "%s\t", tail(key))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Calls, r.Failed, r.Input, r.Output, r.CacheRead, r.CacheWrite, dollars(r.Cost))
	}
	for _, r := range rows {
		line(r.Keys, r)
	}
	sum := total(rows)
	if len(by) > 0 && len(rows) > 1 {
		keys := make([]string, len(by))
		keys[0] = "TOTAL"
		line(keys, sum)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if sum.Unpriced > 0 {
		fmt.Fprintf(e.stderr, "Calls of models without a known price, counted at no cost: %d. Set their prices in the configuration.\n", sum.Unpriced)
	}
	return nil
}

// dollars writes a sum to the micro-dollar.
func dollars(s price.Sum) string {
	micro := s.Rounded()
	return fmt.Sprintf("%d.%06d", micro/1e6, micro%1e6)
}

func (e *environment) usageCSV(by []ledger.Dimension, rows []ledger.Row) error {
	names := make([]string, len(by))
	for i, d := range by {
		names[i] = string(d)
	}
	for _, r := range rows {
		for i, key := range r.Keys {
			r.Keys[i] = cell(key) // the output may be a terminal
		}
	}
	return ledger.WriteCSV(e.stdout, names, rows)
}

func (e *environment) usageJSON(by []ledger.Dimension, rows []ledger.Row) error {
	type row struct {
		Group      map[string]string `json:"group"`
		Calls      int64             `json:"calls"`
		Failed     int64             `json:"failed"`
		Unpriced   int64             `json:"unpriced"`
		Input      int64             `json:"inputTokens"`
		Output     int64             `json:"outputTokens"`
		CacheRead  int64             `json:"cacheReadTokens"`
		CacheWrite int64             `json:"cacheWriteTokens"`
		Queries    int64             `json:"queries"`
		Micro      int64             `json:"costMicroUSD"`
		Cost       string            `json:"costUSD"` // exact
	}
	list := make([]row, len(rows))
	for i, r := range rows {
		group := make(map[string]string, len(by))
		for k, d := range by {
			group[string(d)] = r.Keys[k]
		}
		list[i] = row{group, r.Calls, r.Failed, r.Unpriced, r.Input, r.Output, r.CacheRead, r.CacheWrite, r.Queries, r.Cost.Rounded(), r.Cost.String()}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	_, err = e.stdout.Write(escaped(append(text, '\n')))
	return err
}
