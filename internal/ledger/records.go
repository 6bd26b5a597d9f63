package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/price"
)

// Cost is what a use costs by the price list. known is false when no price is
// known; then it is 0.
func (l *Ledger) Cost(u call.Usage) (cost price.Cost, known bool) {
	r := l.priced(u)
	return r.Cost, r.Priced
}

// Totals tells what an account used in the hours that begin from one time on and
// before another one, grouped by what became of the calls: Row.Keys is the outcome
// alone. It reads sums that are kept, and may lack the calls of the last second.
func (l *Ledger) Totals(ctx context.Context, account string, from, to time.Time) ([]Row, error) {
	return l.db.rows(ctx, "SELECT outcome, sum(calls), iif(outcome IN ('ok', ''), 0, sum(calls)), sum(unpriced), sum(input), sum(output), sum(cache_read), sum(cache_write),"+
		" sum(queries), 0, sum(micro), sum(pico) FROM total WHERE account = ? AND hour >= ? AND hour < ? GROUP BY outcome HAVING sum(calls) > 0 ORDER BY outcome",
		[]any{account, hour(from), hour(to.Add(time.Hour - time.Microsecond))}, 1)
}

// Find selects records of requests.
type Find struct {
	Account  string
	From, To time.Time // To is not included; zero: without a bound
	Where    Condition
	// ID finds one record.
	ID string
	// Outcome is a pattern of outcomes; Failed selects all but OK.
	Outcome string
	Failed  bool
	// StatusFrom and StatusTo bound the HTTP status, both included; 0: no bound.
	StatusFrom, StatusTo int
	AtLeast              time.Duration // of the latency
	// Before and BeforeID are the time and ID of the last record of the page before.
	Before   time.Time
	BeforeID string
	Limit    int // required
}

// Records lists records of requests, the newest first. The work that servers do of
// their own accord, and what else was used for a request, is not among them. It
// may lack what was recorded in the last second.
func (l *Ledger) Records(ctx context.Context, f Find) ([]Record, error) {
	where, args, err := f.Where.where()
	if err != nil {
		return nil, err
	}
	// Work beside a request has an outcome and no status.
	text := []string{where, "account = ?", "(status > 0 OR outcome <> 'ok')"}
	args = append(args, f.Account)
	add := func(condition string, values ...any) {
		text = append(text, condition)
		args = append(args, values...)
	}
	if f.ID != "" {
		add("id = ?", f.ID)
	}
	if !f.From.IsZero() {
		add("time >= ?", f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		add("time < ?", f.To.UnixMicro())
	}
	if f.Outcome != "" {
		add("outcome GLOB ?", strings.ReplaceAll(f.Outcome, "[", "[[]"))
	}
	if f.Failed {
		add("outcome <> 'ok' AND outcome <> ''")
	}
	if f.StatusFrom > 0 {
		add("status >= ?", f.StatusFrom)
	}
	if f.StatusTo > 0 {
		add("status <= ?", f.StatusTo)
	}
	if f.AtLeast > 0 {
		add("latency >= ?", f.AtLeast.Microseconds())
	}
	if !f.Before.IsZero() {
		add("time <= ? AND (time < ? OR id < ?)", f.Before.UnixMicro(), f.Before.UnixMicro(), f.BeforeID)
	}
	args = append(args, f.Limit)
	return l.db.records(ctx, "WHERE "+strings.Join(text, " AND ")+" ORDER BY time DESC, id DESC LIMIT ?", args)
}

// records reads whole rows.
func (d *database) records(ctx context.Context, where string, args []any) (list []Record, err error) {
	err = d.db.Read(ctx, func(tx *sql.Tx) error {
		found, err := tx.QueryContext(ctx, "SELECT id, version, time, account, region, service, operation, principal, name, access_key, model, base_model, resource, "+ //nolint:gosec // where is of this package's own words
			"served_by, backend, stand_in, input, output, cache_read, cache_write, queries, cost_input, cost_output, cost_read, cost_write, cost_query, priced, "+
			"latency, first_token, status, outcome, tags, metadata FROM usage "+where, args...)
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }()
		for found.Next() {
			var r Record
			var at, latency, first int64
			var tags, metadata string
			if err := found.Scan(&r.ID, &r.Version, &at, &r.Account, &r.Region, &r.Service, &r.Operation, &r.Principal, &r.Name, &r.AccessKeyID, &r.Model, &r.ModelID,
				&r.Resource, &r.ServedBy, &r.Backend, &r.StandIn, &r.Input, &r.Output, &r.CacheRead, &r.CacheWrite, &r.Queries,
				(*int64)(&r.Cost.Input), (*int64)(&r.Cost.Output), (*int64)(&r.Cost.CacheRead), (*int64)(&r.Cost.CacheWrite), (*int64)(&r.Cost.Query), &r.Priced,
				&latency, &first, &r.Status, &r.Outcome, &tags, &metadata); err != nil {
				return err
			}
			r.Time, r.Latency, r.FirstToken = time.UnixMicro(at).UTC(), time.Duration(latency)*time.Microsecond, time.Duration(first)*time.Microsecond
			for _, m := range []struct {
				text string
				to   *map[string]string
			}{{tags, &r.Tags}, {metadata, &r.Metadata}} {
				if m.text == "{}" {
					continue
				}
				if err := json.Unmarshal([]byte(m.text), m.to); err != nil {
					return fault.Wrap(fault.Internal, err, "a record of the bill is damaged")
				}
			}
			list = append(list, r)
		}
		return found.Err()
	})
	return list, err
}
