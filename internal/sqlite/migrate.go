package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/outcrop/outcrop/internal/fault"
)

// migrate brings the file to the newest version, in one transaction: when a
// script fails, or the process is killed, the file stays what it was. Of two
// processes that open it at once, the second finds the work done.
func (db *DB) migrate(ctx context.Context, path string, o Options) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		var version int
		var application int32
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return fmt.Errorf("read the version of %s: %w", path, err)
		}
		if err := tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
			return fmt.Errorf("read the application of %s: %w", path, err)
		}
		if err := check(ctx, tx, path, version, application, o); err != nil {
			return err
		}
		if version == len(o.Migrations) {
			return nil
		}
		for i, script := range o.Migrations[version:] {
			if _, err := tx.ExecContext(ctx, script); err != nil {
				return fmt.Errorf("bring %s from version %d to %d: %w", path, version+i, version+i+1, err)
			}
		}
		header := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", len(o.Migrations), o.Application)
		if _, err := tx.ExecContext(ctx, header); err != nil {
			return fmt.Errorf("set the version of %s: %w", path, err)
		}
		return nil
	})
}

// check refuses a file that this program would spoil.
func check(ctx context.Context, tx *sql.Tx, path string, version int, application int32, o Options) error {
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return fmt.Errorf("read the tables of %s: %w", path, err)
	}
	switch fresh := version == 0 && tables == 0; {
	case version > len(o.Migrations):
		return fault.New(fault.Invalid, "The database %s was written by a newer version of Outcrop (its version is %d, this program knows %d). Use that version, or another data folder.",
			path, version, len(o.Migrations))
	case !fresh && (version == 0 || application != o.Application):
		return fault.New(fault.Invalid, "The database %s belongs to another program. Move it away, or use another data folder.", path)
	}
	return nil
}
