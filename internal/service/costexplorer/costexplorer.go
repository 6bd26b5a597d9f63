// Package costexplorer serves what Cost Explorer tells of the bill: costs and
// tokens by time, dimension and tag, and the values that there are.
//
// It keeps nothing; package ledger does, and answers its queries. An account
// sees its own calls. Everything that concerns other AWS services, forecasts and
// commitments is answered by the generated Unimplemented.
package costexplorer

import (
	"context"
	"time"

	api "github.com/outcrop/outcrop/internal/api/ce"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Bill answers queries; *ledger.Ledger does.
type Bill interface {
	Rows(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
	TagKeys(ctx context.Context, q ledger.Query) ([]string, error)
}

// Service implements the operations of Cost Explorer that Outcrop has. It is
// safe for concurrent use.
type Service struct {
	api.Unimplemented
	bill Bill
	now  func() time.Time
}

var _ api.Service = (*Service)(nil)

// New returns the service over a bill.
func New(b Bill, now func() time.Time) *Service { return &Service{bill: b, now: now} }

// invalid is the service's complaint about a request. The service model has no
// exception of that name, but this is what AWS answers.
func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// unavailable is how the service says that it cannot read its data.
func unavailable(err error) error {
	if fault.Is(err, fault.Unavailable) {
		return fault.Wrap(fault.Unavailable, err, "The requested data is unavailable. Try your request again.").WithCode("DataUnavailableException")
	}
	return err
}

// period reads the bounds of a request: days, or hours where those are asked
// for.
func period(p *api.DateInterval, hourly bool) (from, to time.Time, err error) {
	if p == nil {
		return from, to, invalid("TimePeriod is missing.")
	}
	if from, err = bound("Start", schema.Deref(p.Start), hourly); err != nil {
		return from, to, err
	}
	if to, err = bound("End", schema.Deref(p.End), hourly); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, invalid("Start date (and hour) should be before end date (and hour)")
	}
	if to.Sub(from) > longest {
		return from, to, invalid("The time period is longer than ten years.")
	}
	if hourly && to.Sub(from) > longestHourly {
		return from, to, invalid("The time period of an hourly granularity is longer than a year.")
	}
	return from, to, nil
}

// longest bounds how many results one request can ask for.
const (
	longest       = 10 * 366 * 24 * time.Hour
	longestHourly = 366 * 24 * time.Hour
)

const hourLayout = "2006-01-02T15:04:05Z"

func bound(name, text string, hourly bool) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	if !hourly {
		return time.Time{}, invalid("%s time %s is invalid. Valid format is: yyyy-MM-dd.", name, text)
	}
	t, err := time.Parse(hourLayout, text)
	if err != nil {
		return time.Time{}, invalid("%s time %s is invalid. Valid format is: yyyy-MM-dd'T'HH:mm:ss'Z'.", name, text)
	}
	return t.Truncate(time.Hour), nil
}

// query begins a query of the caller's own bill.
func query(ctx context.Context, from, to time.Time, filter *api.Expression) (ledger.Query, error) {
	q := ledger.Query{From: from, To: to, Items: true}
	q.Where.And = []ledger.Condition{{Dimension: ledger.ByAccount, Values: []string{call.From(ctx).Account}}}
	if filter != nil {
		left := mostConditions
		c, err := condition(filter, &left)
		if err != nil {
			return q, err
		}
		q.Where.And = append(q.Where.And, c)
	}
	return q, nil
}
