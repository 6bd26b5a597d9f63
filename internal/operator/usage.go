package operator

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/ledger"
)

// Usage is what was used, in groups.
type Usage struct {
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"` // not included
	GroupBy []string   `json:"groupBy"`
	Rows    []UsageRow `json:"rows"` // in the order of their keys
	Totals  Sums       `json:"totals"`
	Next    string     `json:"nextToken"` // empty: there is no more
}

// UsageRow is one group.
type UsageRow struct {
	Keys []string `json:"keys"` // a value for each of groupBy; a tag that a request does not have is empty
	Sums
}

// usageParameters are those of GET /outcrop/usage.
func usageParameters() []string {
	return []string{"from", "to", "groupBy", "model", "principal", "operation", "region", "servedBy", "code", tagPrefix, "format", "limit", "nextToken"}
}

// dimensions are what can be told apart, as outcrop usage has them.
func dimensions() []ledger.Dimension {
	return []ledger.Dimension{
		ledger.ByDay, ledger.ByHour, ledger.ByMonth, ledger.ByModel, ledger.ByPrincipal, ledger.ByName, ledger.ByOperation, ledger.ByRegion, ledger.ByServedBy, ledger.ByOutcome,
	}
}

// mostGroups is how many things can be told apart at once.
const mostGroups = 2

// usageSpan is how far back GET /outcrop/usage looks where nobody says.
const usageSpan = 7 * 24 * time.Hour

// usageToken is where a page begins.
type usageToken struct {
	Offset int       `json:"o"`
	To     time.Time `json:"to"` // of the first page, when nobody has said
}

// usage answers GET /outcrop/usage.
func (a *API) usage(q *request) (any, error) {
	find, groups, err := q.query.usage(q.call.Account)
	if err != nil {
		return nil, err
	}
	limit, err := q.query.number("limit", 1000, 1, 10_000)
	if err != nil {
		return nil, err
	}
	format, err := q.query.one("format", "json", "csv")
	if err != nil {
		return nil, err
	}
	var t usageToken
	if _, err := q.query.token(&t); err != nil {
		return nil, err
	}
	if t.Offset < 0 {
		return nil, fault.New(fault.Invalid, "The parameter nextToken is not one that this server has given.")
	}
	if find.To.IsZero() {
		if find.To = t.To; find.To.IsZero() {
			find.To = a.p.Now().UTC().Truncate(time.Second).Add(time.Second)
		}
	}
	if find.From.IsZero() {
		find.From = find.To.Add(-usageSpan)
	}
	rows, err := a.p.Ledger.Rows(q.Context(), find)
	if err != nil {
		return nil, err
	}
	if format == "csv" {
		usageCSV(q, groups, rows)
		return written{}, nil
	}
	out := &Usage{From: find.From, To: find.To, GroupBy: groups, Rows: []UsageRow{}, Totals: sums(rows...)}
	if len(groups) > 0 {
		from := min(t.Offset, len(rows)) // whatever the client says
		to := from + min(limit, len(rows)-from)
		for _, r := range rows[from:to] {
			out.Rows = append(out.Rows, UsageRow{Keys: r.Keys, Sums: sums(r)})
		}
		if to < len(rows) {
			out.Next = newToken(usageToken{to, find.To})
		}
	}
	return out, nil
}

// usage reads what is asked for.
func (v values) usage(account string) (q ledger.Query, groups []string, err error) {
	if q.From, q.To, err = v.span(); err != nil {
		return q, nil, err
	}
	groups = []string{}
	if text := v.Get("groupBy"); text != "" {
		groups = strings.Split(text, ",")
	}
	if len(groups) > mostGroups {
		return q, nil, fault.New(fault.Invalid, "The parameter groupBy has at most %d names.", mostGroups)
	}
	for i, name := range groups {
		key, isTag := strings.CutPrefix(name, tagPrefix)
		d := ledger.Dimension(name)
		switch {
		case slices.Contains(groups[:i], name):
			return q, nil, fault.New(fault.Invalid, "The parameter groupBy has %s twice.", name)
		case isTag && key != "" && len(key) <= 256:
			d = ledger.TagDimension(key)
		case !slices.Contains(dimensions(), d):
			return q, nil, fault.New(fault.Invalid, "The parameter groupBy has %.100q, which is none of %s and tag:KEY.", name, strings.Join(dimensionNames(), ", "))
		}
		q.By = append(q.By, d)
	}
	q.Where.And = []ledger.Condition{{Dimension: ledger.ByAccount, Values: []string{account}}}
	for _, f := range []struct {
		name string
		of   []ledger.Dimension
	}{
		{"model", []ledger.Dimension{ledger.ByModel, ledger.ByAsked, ledger.ByServedBy}}, {"principal", []ledger.Dimension{ledger.ByPrincipal, ledger.ByName}},
		{"operation", []ledger.Dimension{ledger.ByOperation}}, {"region", []ledger.Dimension{ledger.ByRegion}},
		{"servedBy", []ledger.Dimension{ledger.ByServedBy}}, {"code", []ledger.Dimension{ledger.ByOutcome}},
	} {
		pattern, err := v.pattern(f.name)
		if err != nil {
			return q, nil, err
		}
		if pattern != "" {
			q.Where.And = append(q.Where.And, either(pattern, f.of...))
		}
	}
	for name := range v.Values {
		if key, ok := strings.CutPrefix(name, tagPrefix); ok {
			if key == "" || len(key) > 256 {
				return q, nil, fault.New(fault.Invalid, "A tag's parameter is tag:KEY, with a key of at most 256 bytes.")
			}
			q.Where.And = append(q.Where.And, either(v.Get(name), ledger.TagDimension(key)))
		}
	}
	return q, groups, nil
}

func dimensionNames() []string {
	var names []string
	for _, d := range dimensions() {
		names = append(names, string(d))
	}
	return names
}

// usageCSV writes all rows.
func usageCSV(q *request, groups []string, rows []ledger.Row) {
	h := q.w.Header()
	h["x-amzn-RequestId"] = []string{q.id}
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="usage.csv"`)
	h.Set("Cache-Control", "no-store")
	q.w.WriteHeader(http.StatusOK)
	_ = ledger.WriteCSV(q.w, groups, rows) // a client that is gone reads nothing
}
