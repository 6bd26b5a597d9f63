package sqlitestore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// List implements store.Store.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	after, err := decodePosition(q)
	if err != nil {
		return store.Page{}, err
	}
	limit := math.MaxInt64 - 1
	if q.Limit > 0 {
		limit = q.Limit
	}
	where, args := conditions(q)
	var rows []row
	err = s.db.Read(ctx, func(tx *sql.Tx) error {
		// One more tells whether this page is the last.
		query := "SELECT " + columns + " FROM record WHERE " + where + " AND seq > ? ORDER BY seq LIMIT ?" //nolint:gosec // where is of conditions' own words
		found, err := tx.QueryContext(ctx, query, append(args, after, limit+1)...)
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }()
		for found.Next() {
			r, err := scan(found)
			if err != nil {
				return err
			}
			rows = append(rows, r)
		}
		return found.Err()
	})
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = encodePosition(q, rows[limit-1].seq)
	}
	for _, r := range rows {
		page.Records = append(page.Records, r.Record)
	}
	return page, nil
}

// conditions are the WHERE clause of a query, its position aside.
func conditions(q store.Query) (where string, args []any) {
	clauses := []string{"kind = ?"}
	args = []any{q.Kind}
	if q.Account != "" {
		clauses = append(clauses, "account = ?")
		args = append(args, q.Account)
	}
	if q.Region != "" {
		clauses = append(clauses, "region = ?")
		args = append(args, q.Region)
	}
	switch {
	case !q.Below:
		clauses = append(clauses, "parent = ?")
		args = append(args, q.Parent)
	case q.Parent != "":
		clause, more := below(q.Parent)
		clauses = append(clauses, clause)
		args = append(args, more...)
	}
	if q.Name != "" {
		// Without the second half the index of names would not be used.
		clauses = append(clauses, "name = ? AND name <> ''")
		args = append(args, q.Name)
	}
	if len(q.Statuses) > 0 {
		clause, more := inStatus(q.Statuses)
		clauses = append(clauses, clause)
		args = append(args, more...)
	}
	return strings.Join(clauses, " AND "), args
}

// inStatus matches a record in any of these statuses, of which there is at least
// one.
func inStatus(statuses []string) (where string, args []any) {
	for _, status := range statuses {
		args = append(args, status)
	}
	return "status IN (?" + strings.Repeat(", ?", len(statuses)-1) + ")", args
}

// below matches a parent and everything under it. '0' follows '/' in ASCII, so
// that the range is of an index, and no character of a path is a wildcard.
func below(parent string) (where string, args []any) {
	return "(parent = ? OR parent >= ? AND parent < ?)", []any{parent, parent + "/", parent + "0"}
}

// A position is where a page ended: eight bytes of the last record's place, and
// eight that tell which list it is of. It holds no secret: with a forged one a
// caller sees what it may see anyhow.
const positionSize = 16

func encodePosition(q store.Query, seq int64) string {
	position := binary.BigEndian.AppendUint64(make([]byte, 0, positionSize), uint64(seq))
	return base64.RawURLEncoding.EncodeToString(append(position, fingerprint(q)...))
}

func decodePosition(q store.Query) (int64, error) {
	if q.After == "" {
		return 0, nil
	}
	position, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || len(position) != positionSize || !slices.Equal(position[8:], fingerprint(q)) {
		return 0, fault.New(fault.Invalid, "The provided nextToken is invalid.")
	}
	seq := int64(binary.BigEndian.Uint64(position))
	if seq < 0 {
		return 0, fault.New(fault.Invalid, "The provided nextToken is invalid.")
	}
	return seq, nil
}

// fingerprint tells lists apart. Pages of one list may have different sizes.
func fingerprint(q store.Query) []byte {
	q.After, q.Limit = "", 0
	q.Statuses = slices.Sorted(slices.Values(q.Statuses))
	text, err := json.Marshal(q)
	if err != nil {
		panic(err) // strings
	}
	sum := sha256.Sum256(text)
	return sum[:8]
}
