package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// tokenLife is how long a token answers.
const tokenLife = 24 * time.Hour

const columns = "seq, kind, account, region, parent, id, name, status, version, tags, body, created, updated"

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, r store.Record, how store.Create) (made store.Record, created bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if how.Token.Value != "" {
			if first, found, err := s.answered(ctx, tx, r.Key, how.Token); err != nil || found {
				made = first
				return err
			}
		}
		for _, c := range how.While {
			query, args := "SELECT 1 FROM record WHERE "+byKey, keyArgs(c.Key)
			if len(c.Statuses) > 0 {
				clause, more := inStatus(c.Statuses)
				query += " AND " + clause
				args = append(args, more...)
			}
			if found, err := exists(ctx, tx, query, args...); err != nil {
				return err
			} else if !found {
				return store.Conflict(store.Gone)
			}
		}
		for _, q := range how.Unless {
			where, args := conditions(q)
			if found, err := exists(ctx, tx, "SELECT 1 FROM record WHERE "+where, args...); err != nil {
				return err
			} else if found {
				return store.Conflict(store.Excluded)
			}
		}
		if made, err = s.insert(ctx, tx, r, how); err != nil {
			return err
		}
		created = true
		return nil
	})
	if err != nil {
		return store.Record{}, false, err
	}
	if created && how.Enqueue != nil {
		s.signal()
	}
	return made, created, nil
}

// answered finds the record that a token made.
func (s *Store) answered(ctx context.Context, tx *sql.Tx, k store.Key, t store.Token) (store.Record, bool, error) {
	if _, err := tx.ExecContext(ctx, "DELETE FROM token WHERE created <= ?", nanos(s.now().Add(-tokenLife))); err != nil {
		return store.Record{}, false, err
	}
	var seq int64
	var request string
	err := tx.QueryRowContext(ctx, "SELECT record, request FROM token WHERE kind = ? AND account = ? AND region = ? AND parent = ? AND value = ?",
		k.Kind, k.Account, k.Region, k.Parent, t.Value).Scan(&seq, &request)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Record{}, false, nil
	case err != nil:
		return store.Record{}, false, err
	case request != t.Request:
		return store.Record{}, false, store.Conflict(store.TokenUsed)
	}
	first, err := scan(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM record WHERE seq = ?", seq))
	return first.Record, err == nil, err
}

func (s *Store) insert(ctx context.Context, tx *sql.Tx, r store.Record, how store.Create) (store.Record, error) {
	if found, err := exists(ctx, tx, "SELECT 1 FROM record WHERE "+byKey, keyArgs(r.Key)...); err != nil {
		return store.Record{}, err
	} else if found {
		return store.Record{}, store.Conflict(store.KeyTaken)
	}
	if err := freeName(ctx, tx, r); err != nil {
		return store.Record{}, err
	}
	tags, err := encodeTags(r.Tags)
	if err != nil {
		return store.Record{}, err
	}
	made, err := scan(tx.QueryRowContext(ctx, `INSERT INTO record (kind, account, region, parent, id, name, status, version, tags, body, created, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?) RETURNING `+columns,
		r.Kind, r.Account, r.Region, r.Parent, r.ID, r.Name, r.Status, tags, body(r), nanos(r.Created), nanos(r.Updated)))
	if err != nil {
		return store.Record{}, err
	}
	if how.Token.Value != "" {
		if _, err := tx.ExecContext(ctx, "INSERT INTO token (kind, account, region, parent, value, request, record, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			r.Kind, r.Account, r.Region, r.Parent, how.Token.Value, how.Token.Request, made.seq, nanos(s.now())); err != nil {
			return store.Record{}, err
		}
	}
	if how.Enqueue != nil {
		err = s.enqueue(ctx, tx, *how.Enqueue)
	}
	return made.Record, err
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key store.Key) (store.Record, error) {
	var r row
	err := s.db.Read(ctx, func(tx *sql.Tx) (err error) {
		r, err = scan(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM record WHERE "+byKey, keyArgs(key)...))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return store.Record{}, missing(key)
	}
	return r.Record, err
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, r store.Record, enqueue ...store.Job) (store.Record, error) {
	tags, err := encodeTags(r.Tags)
	if err != nil {
		return store.Record{}, err
	}
	var made row
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := freeName(ctx, tx, r); err != nil {
			return err
		}
		args := append([]any{r.Name, r.Status, tags, body(r), nanos(r.Updated)}, keyArgs(r.Key)...)
		made, err = scan(tx.QueryRowContext(ctx,
			"UPDATE record SET name = ?, status = ?, tags = ?, body = ?, updated = ?, version = version + 1 WHERE "+byKey+" AND version = ? RETURNING "+columns,
			append(args, r.Version)...))
		if errors.Is(err, sql.ErrNoRows) {
			if found, err := exists(ctx, tx, "SELECT 1 FROM record WHERE "+byKey, keyArgs(r.Key)...); err != nil {
				return err
			} else if found {
				return store.Conflict(store.Changed)
			}
			return missing(r.Key)
		}
		if err != nil {
			return err
		}
		for _, j := range enqueue {
			if err := s.enqueue(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.Record{}, err
	}
	if len(enqueue) > 0 {
		s.signal()
	}
	return made.Record, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, key store.Key) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		found, err := changed(tx.ExecContext(ctx, "DELETE FROM record WHERE "+byKey, keyArgs(key)...))
		if err != nil {
			return err
		}
		if !found {
			return missing(key)
		}
		path := key.ID
		if key.Parent != "" {
			path = key.Parent + "/" + key.ID
		}
		where, args := below(path)
		statement := "DELETE FROM record WHERE account = ? AND region = ? AND " + where //nolint:gosec // where is a constant
		_, err = tx.ExecContext(ctx, statement, append([]any{key.Account, key.Region}, args...)...)
		return err
	})
}

// freeName fails when another record has the name of r.
func freeName(ctx context.Context, tx *sql.Tx, r store.Record) error {
	if r.Name == "" {
		return nil
	}
	found, err := exists(ctx, tx, "SELECT 1 FROM record WHERE kind = ? AND account = ? AND region = ? AND parent = ? AND name = ? AND name <> '' AND id <> ?",
		r.Kind, r.Account, r.Region, r.Parent, r.Name, r.ID)
	if err == nil && found {
		return store.Conflict(store.NameTaken)
	}
	return err
}

const byKey = "kind = ? AND account = ? AND region = ? AND parent = ? AND id = ?"

func keyArgs(k store.Key) []any { return []any{k.Kind, k.Account, k.Region, k.Parent, k.ID} }

func missing(k store.Key) error {
	return fault.New(fault.NotFound, "The %s %s does not exist.", k.Kind, k.ID)
}

// row is a record with its place in the order.
type row struct {
	store.Record

	seq int64
}

// scan reads columns. The error is sql.ErrNoRows when there is none.
func scan(from interface{ Scan(dest ...any) error }) (row, error) {
	var r row
	var tags string
	var body []byte
	var created, updated int64
	if err := from.Scan(&r.seq, &r.Kind, &r.Account, &r.Region, &r.Parent, &r.ID, &r.Name, &r.Status, &r.Version, &tags, &body, &created, &updated); err != nil {
		return row{}, err
	}
	if err := json.Unmarshal([]byte(tags), &r.Tags); err != nil {
		return row{}, fmt.Errorf("tags of the %s %s: %w", r.Kind, r.ID, err)
	}
	r.Body, r.Created, r.Updated = body, moment(created), moment(updated)
	return r, nil
}

// encodeTags makes no difference between no tags and an empty map.
func encodeTags(tags map[string]string) (string, error) {
	if len(tags) == 0 {
		return "null", nil
	}
	text, err := json.Marshal(tags)
	return string(text), err
}

func body(r store.Record) []byte {
	if r.Body == nil {
		return []byte{}
	}
	return r.Body
}
