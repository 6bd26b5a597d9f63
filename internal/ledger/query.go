package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/price"
)

// Dimension is what records are told apart by.
type Dimension string

// The dimensions. Tags are TagDimension.
const (
	ByHour      Dimension = "hour"  // 2006-01-02T15:04:05Z
	ByDay       Dimension = "day"   // 2006-01-02
	ByMonth     Dimension = "month" // 2006-01
	ByModel     Dimension = "model" // base model ID, or else the identifier that was asked for
	ByPrincipal Dimension = "principal"
	ByName      Dimension = "name" // Record.Name
	ByOperation Dimension = "operation"
	ByService   Dimension = "service"
	ByRegion    Dimension = "region"
	ByAccount   Dimension = "account"
	ByServedBy  Dimension = "served-by"
	ByResource  Dimension = "resource"
	ByOutcome   Dimension = "outcome"
	ByAsked     Dimension = "asked"      // the identifier that was asked for
	ByKey       Dimension = "key"        // access key
	ByKind      Dimension = "kind"       // of items: input-tokens, output-tokens, …
	ByUsageType Dimension = "usage-type" // of items: USE1-amazon.nova-lite-v1:0-input-tokens
)

const tagPrefix = "tag:"

// TagDimension is the value of a tag: the cost tag of the principal, or else
// what the request said. It is empty where there is none.
func TagDimension(key string) Dimension { return Dimension(tagPrefix + key) }

const model = "iif(base_model <> '', base_model, model)"

// expression is a dimension in SQL.
func (d Dimension) expression() (text string, args []any, err error) {
	if key, ok := strings.CutPrefix(string(d), tagPrefix); ok {
		const of = "(SELECT value FROM json_each(%s) WHERE key = ?)"
		return "coalesce(" + fmt.Sprintf(of, "tags") + ", " + fmt.Sprintf(of, "metadata") + ", '')", []any{key, key}, nil
	}
	text, ok := map[Dimension]string{
		ByHour:      "strftime('%Y-%m-%dT%H:00:00Z', time / 1000000, 'unixepoch')",
		ByDay:       "strftime('%Y-%m-%d', time / 1000000, 'unixepoch')",
		ByMonth:     "strftime('%Y-%m', time / 1000000, 'unixepoch')",
		ByModel:     model,
		ByPrincipal: "principal", ByName: "name", ByOperation: "operation", ByService: "service", ByRegion: "region", ByAccount: "account",
		ByServedBy: "served_by", ByResource: "resource", ByOutcome: "outcome", ByAsked: "model", ByKey: "access_key", ByKind: "kind",
		ByUsageType: regionCode() + " || '-' || " + model + " || '-' || kind",
	}[d]
	if !ok {
		return "", nil, fault.New(fault.Invalid, "There is no dimension %q.", string(d))
	}
	return text, nil, nil
}

// Match is how a Condition compares.
type Match int

// The ways to compare.
const (
	Equals Match = iota
	StartsWith
	EndsWith
	Contains
	Like   // a pattern with * and ?
	Absent // empty
)

// Condition selects records. The zero value selects all; of And, Or, Not and
// Dimension one is set.
type Condition struct {
	And, Or []Condition
	Not     *Condition

	Dimension Dimension
	Match     Match
	Fold      bool     // letters are the same in either case
	Values    []string // any of these
}

// where writes the condition in SQL.
func (c *Condition) where() (text string, args []any, err error) {
	switch {
	case c.And != nil:
		return join(c.And, " AND ")
	case c.Or != nil:
		return join(c.Or, " OR ")
	case c.Not != nil:
		text, args, err = c.Not.where()
		return "NOT " + text, args, err
	case c.Dimension == "":
		return "1", nil, nil
	}
	of, bound, err := c.Dimension.expression()
	if err != nil {
		return "", nil, err
	}
	if c.Match == Absent {
		return "(" + of + " = '')", bound, nil
	}
	parts := make([]string, 0, len(c.Values))
	for _, value := range c.Values {
		left := of
		if c.Fold {
			left, value = "lower("+of+")", strings.ToLower(value)
		}
		switch c.Match {
		case StartsWith:
			value = literal.Replace(value) + "*"
		case EndsWith:
			value = "*" + literal.Replace(value)
		case Contains:
			value = "*" + literal.Replace(value) + "*"
		case Like:
			value = strings.ReplaceAll(value, "[", "[[]")
		case Equals, Absent:
			parts = append(parts, left+" = ?")
			args = append(append(args, bound...), value)
			continue
		}
		parts = append(parts, left+" GLOB ?")
		args = append(append(args, bound...), value)
	}
	if len(parts) == 0 {
		return "0", nil, nil
	}
	return "(" + strings.Join(parts, " OR ") + ")", args, nil
}

// literal writes text that GLOB reads as it stands.
var literal = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]") //nolint:gochecknoglobals // a constant table

func join(list []Condition, with string) (text string, args []any, err error) {
	parts := make([]string, len(list))
	for i := range list {
		part, more, err := list[i].where()
		if err != nil {
			return "", nil, err
		}
		parts[i] = part
		args = append(args, more...)
	}
	if len(parts) == 0 {
		return "1", nil, nil
	}
	return "(" + strings.Join(parts, with) + ")", args, nil
}

// Query selects and groups records.
type Query struct {
	From, To time.Time // To is not included; zero: without a bound
	Where    Condition
	By       []Dimension
	// Items counts each record once for every kind of what it used, for the
	// dimensions that only items have. Calls then counts items.
	Items bool
	Limit int // groups; 0: all
}

// Row is one group.
type Row struct {
	Keys                  []string // the values of Query.By
	Calls                 int64
	Failed                int64 // calls whose outcome is not OK
	Unpriced              int64 // calls without a known price
	Input, Output         int64 // tokens
	CacheRead, CacheWrite int64
	Queries               int64
	Quantity              int64 // of items: tokens or queries
	Cost                  price.Sum
}

// Rows answers a query, in the order of the keys. What was recorded before it is
// in the answer.
func (l *Ledger) Rows(ctx context.Context, q Query) ([]Row, error) {
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	columns, keys := make([]string, 0, len(q.By)+1), make([]string, len(q.By))
	var args []any
	for i, d := range q.By {
		text, bound, err := d.expression()
		if err != nil {
			return nil, err
		}
		keys[i] = "k" + strconv.Itoa(i)
		columns = append(columns, text+" AS "+keys[i])
		args = append(args, bound...)
	}
	where, bound, err := q.Where.where()
	if err != nil {
		return nil, err
	}
	args = append(args, bound...)
	if !q.From.IsZero() {
		where += " AND time >= ?"
		args = append(args, q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		where += " AND time < ?"
		args = append(args, q.To.UnixMicro())
	}
	table, amount, quantity := "usage", "cost", "0"
	if q.Items {
		table, amount, quantity = "item", "amount", "quantity"
	}
	sums := "count(*), sum(outcome <> 'ok'), sum(priced = 0), sum(input), sum(output), sum(cache_read), sum(cache_write), sum(queries), sum(" +
		quantity + "), sum(" + amount + " / 1000000), sum(" + amount + " % 1000000)"
	text := "SELECT " + strings.Join(append(columns, sums), ", ") + " FROM " + table + " WHERE " + where
	if len(q.By) > 0 {
		text += " GROUP BY " + strings.Join(keys, ", ") + " ORDER BY " + strings.Join(keys, ", ")
	} else {
		text += " HAVING count(*) > 0"
	}
	if q.Limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return l.db.rows(ctx, text, args, len(q.By))
}

func (d *database) rows(ctx context.Context, text string, args []any, keys int) (rows []Row, err error) {
	err = d.db.Read(ctx, func(tx *sql.Tx) error {
		found, err := tx.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }()
		for found.Next() {
			r := Row{Keys: make([]string, keys)}
			places := make([]any, 0, keys+11)
			for i := range r.Keys {
				places = append(places, &r.Keys[i])
			}
			places = append(places, &r.Calls, &r.Failed, &r.Unpriced, &r.Input, &r.Output, &r.CacheRead, &r.CacheWrite, &r.Queries, &r.Quantity,
				&r.Cost.Micro, (*int64)(&r.Cost.Pico))
			if err := found.Scan(places...); err != nil {
				return err
			}
			rows = append(rows, r)
		}
		return found.Err()
	})
	return rows, err
}

// TagKeys lists the keys of all tags of records, in order.
func (l *Ledger) TagKeys(ctx context.Context, q Query) (keys []string, err error) {
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	where, args, err := q.Where.where()
	if err != nil {
		return nil, err
	}
	table := "usage"
	if q.Items {
		table = "item"
	}
	args = append(args, q.From.UnixMicro(), q.To.UnixMicro())
	text := "WITH found AS (SELECT tags, metadata FROM " + table + " WHERE " + where + " AND time >= ? AND time < ?)" + //nolint:gosec // where is of this package's own words
		" SELECT key FROM found, json_each(found.tags) UNION SELECT key FROM found, json_each(found.metadata) ORDER BY 1"
	err = l.db.db.Read(ctx, func(tx *sql.Tx) error {
		found, err := tx.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }()
		for found.Next() {
			var key string
			if err := found.Scan(&key); err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return found.Err()
	})
	return keys, err
}

// regionCode is the short name that bills have for a region, in SQL; the region
// itself where it has none here.
func regionCode() string {
	const codes = `us-east-1 USE1 us-east-2 USE2 us-west-1 USW1 us-west-2 USW2 ca-central-1 CAN1 ca-west-1 CAN2
		eu-west-1 EUW1 eu-west-2 EUW2 eu-west-3 EUW3 eu-central-1 EUC1 eu-central-2 EUC2 eu-north-1 EUN1 eu-south-1 EUS1 eu-south-2 EUS2
		ap-northeast-1 APN1 ap-northeast-2 APN2 ap-northeast-3 APN3 ap-southeast-1 APS1 ap-southeast-2 APS2 ap-southeast-3 APS4
		ap-southeast-4 APS6 ap-south-1 APS3 ap-south-2 APS5 ap-east-1 APE1 sa-east-1 SAE1 me-south-1 MES1 me-central-1 MEC1
		af-south-1 AFS1 il-central-1 ILC1 mx-central-1 MXC1 us-gov-west-1 UGW1 us-gov-east-1 UGE1`
	var b strings.Builder
	b.WriteString("CASE region")
	words := strings.Fields(codes)
	for i := 0; i < len(words); i += 2 {
		b.WriteString(" WHEN '" + words[i] + "' THEN '" + words[i+1] + "'")
	}
	return b.String() + " ELSE region END"
}
