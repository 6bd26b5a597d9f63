package sqlite

import (
	"context"
	"database/sql"
	"errors"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/outcrop/outcrop/internal/fault"
)

// Classify turns an error of the database into a fault with a text for clients.
// What is not the client's business and no fault already (a broken query, a
// damaged file) stays as it is, which makes it Internal.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	var failed *driver.Error
	if errors.As(err, &known) || !errors.As(err, &failed) {
		return err
	}
	switch failed.Code() & 0xff { // the rest tells where in SQLite
	case lib.SQLITE_FULL:
		return fault.Wrap(fault.Unavailable, err, "The server's disk is full. Free some space, and try your request again.")
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return fault.Wrap(fault.Unavailable, err, "The server cannot read or write its data; its disk may be full or broken. Try your request again.")
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL:
		return fault.Wrap(fault.Unavailable, err, "The server's database is busy. Try your request again.")
	case lib.SQLITE_INTERRUPT:
		return fault.Wrap(fault.Canceled, err, "the request was canceled")
	case lib.SQLITE_NOTADB:
		return fault.Wrap(fault.Invalid, err, "A file of the server's data folder is not a database. Move it away, or use another data folder.")
	}
	return err
}

// classify is Classify for an operation that had a context: what fails because
// the context ended says so.
func classify(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		var failed *driver.Error
		interrupted := errors.As(err, &failed) && failed.Code()&0xff == lib.SQLITE_INTERRUPT
		if interrupted || errors.Is(err, sql.ErrTxDone) {
			return ended
		}
	}
	return Classify(err)
}

// Unique reports whether err says that a row like this exists: a primary key or
// a UNIQUE constraint was violated.
func Unique(err error) bool {
	var failed *driver.Error
	if !errors.As(err, &failed) {
		return false
	}
	code := failed.Code()
	return code == lib.SQLITE_CONSTRAINT_UNIQUE || code == lib.SQLITE_CONSTRAINT_PRIMARYKEY || code == lib.SQLITE_CONSTRAINT_ROWID
}
