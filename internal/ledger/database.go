package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/outcrop/outcrop/internal/price"
	"github.com/outcrop/outcrop/internal/sqlite"
)

// application marks the file as Outcrop's usage database.
const application = 0x4f435544

func migrations() []string {
	return []string{`
CREATE TABLE usage (
	id          TEXT PRIMARY KEY,
	version     INTEGER NOT NULL,
	server      TEXT NOT NULL,
	time        INTEGER NOT NULL, -- microseconds since 1970
	account     TEXT NOT NULL,
	region      TEXT NOT NULL,
	service     TEXT NOT NULL,
	operation   TEXT NOT NULL,
	principal   TEXT NOT NULL,
	name        TEXT NOT NULL,
	access_key  TEXT NOT NULL,
	model       TEXT NOT NULL,
	base_model  TEXT NOT NULL,
	resource    TEXT NOT NULL,
	served_by   TEXT NOT NULL,
	backend     TEXT NOT NULL,
	stand_in    INTEGER NOT NULL,
	input       INTEGER NOT NULL,
	output      INTEGER NOT NULL,
	cache_read  INTEGER NOT NULL,
	cache_write INTEGER NOT NULL,
	queries     INTEGER NOT NULL,
	cost        INTEGER NOT NULL, -- pico-dollars, the sum of the following
	cost_input  INTEGER NOT NULL,
	cost_output INTEGER NOT NULL,
	cost_read   INTEGER NOT NULL,
	cost_write  INTEGER NOT NULL,
	cost_query  INTEGER NOT NULL,
	priced      INTEGER NOT NULL,
	latency     INTEGER NOT NULL, -- microseconds
	first_token INTEGER NOT NULL, -- microseconds
	status      INTEGER NOT NULL,
	outcome     TEXT NOT NULL,
	tags        TEXT NOT NULL, -- JSON
	metadata    TEXT NOT NULL  -- JSON
);
CREATE INDEX usage_time ON usage (time);
CREATE INDEX usage_open ON usage (server) WHERE outcome = '';

-- What was spent on a day: by everybody, by one who calls, under one cost tag.
CREATE TABLE spend (
	day     INTEGER NOT NULL, -- since 1970, UTC
	account TEXT NOT NULL,
	scope   TEXT NOT NULL,
	micro   INTEGER NOT NULL, -- micro-dollars
	pico    INTEGER NOT NULL, -- pico-dollars beside them
	PRIMARY KEY (account, scope, day)
) WITHOUT ROWID;
CREATE TRIGGER usage_inserted AFTER INSERT ON usage WHEN NEW.cost > 0 BEGIN
	INSERT INTO spend SELECT NEW.time / 86400000000, NEW.account, scope, NEW.cost / 1000000, NEW.cost % 1000000
	FROM (SELECT 'all' AS scope UNION ALL SELECT NEW.name UNION ALL SELECT 'tag/' || key || '=' || value FROM json_each(NEW.tags)) WHERE true
	ON CONFLICT DO UPDATE SET micro = micro + excluded.micro, pico = pico + excluded.pico;
END;
CREATE TRIGGER usage_changed AFTER UPDATE OF cost ON usage WHEN NEW.cost <> OLD.cost BEGIN
	INSERT INTO spend SELECT NEW.time / 86400000000, NEW.account, scope,
		NEW.cost / 1000000 - OLD.cost / 1000000, NEW.cost % 1000000 - OLD.cost % 1000000
	FROM (SELECT 'all' AS scope UNION ALL SELECT NEW.name UNION ALL SELECT 'tag/' || key || '=' || value FROM json_each(NEW.tags)) WHERE true
	ON CONFLICT DO UPDATE SET micro = micro + excluded.micro, pico = pico + excluded.pico;
END;

-- The lines of a bill: what was used of each kind, and what it cost.
CREATE VIEW item AS
	SELECT *, 'input-tokens' AS kind, input AS quantity, cost_input AS amount FROM usage WHERE input > 0
	UNION ALL SELECT *, 'output-tokens', output, cost_output FROM usage WHERE output > 0
	UNION ALL SELECT *, 'cache-read-input-tokens', cache_read, cost_read FROM usage WHERE cache_read > 0
	UNION ALL SELECT *, 'cache-write-input-tokens', cache_write, cost_write FROM usage WHERE cache_write > 0
	UNION ALL SELECT *, 'search-units', queries, cost_query FROM usage WHERE queries > 0;
`, `
-- What was used in an hour, by what became of the calls: the sums of a day are
-- there at once, however many calls it had.
CREATE TABLE total (
	hour        INTEGER NOT NULL, -- since 1970
	account     TEXT NOT NULL,
	outcome     TEXT NOT NULL,
	calls       INTEGER NOT NULL,
	unpriced    INTEGER NOT NULL,
	input       INTEGER NOT NULL,
	output      INTEGER NOT NULL,
	cache_read  INTEGER NOT NULL,
	cache_write INTEGER NOT NULL,
	queries     INTEGER NOT NULL,
	micro       INTEGER NOT NULL, -- micro-dollars
	pico        INTEGER NOT NULL, -- pico-dollars beside them
	PRIMARY KEY (account, hour, outcome)
) WITHOUT ROWID;
INSERT INTO total SELECT time / 3600000000, account, outcome, count(*), sum(priced = 0), sum(input), sum(output), sum(cache_read), sum(cache_write),
	sum(queries), sum(cost / 1000000), sum(cost % 1000000) FROM usage GROUP BY 1, 2, 3;
CREATE TRIGGER total_inserted AFTER INSERT ON usage BEGIN
	INSERT INTO total VALUES (NEW.time / 3600000000, NEW.account, NEW.outcome, 1, NEW.priced = 0, NEW.input, NEW.output, NEW.cache_read, NEW.cache_write,
		NEW.queries, NEW.cost / 1000000, NEW.cost % 1000000)
	ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, unpriced = unpriced + excluded.unpriced, input = input + excluded.input,
		output = output + excluded.output, cache_read = cache_read + excluded.cache_read, cache_write = cache_write + excluded.cache_write,
		queries = queries + excluded.queries, micro = micro + excluded.micro, pico = pico + excluded.pico;
END;
CREATE TRIGGER total_changed AFTER UPDATE ON usage BEGIN
	UPDATE total SET calls = calls - 1, unpriced = unpriced - (OLD.priced = 0), input = input - OLD.input, output = output - OLD.output,
		cache_read = cache_read - OLD.cache_read, cache_write = cache_write - OLD.cache_write, queries = queries - OLD.queries,
		micro = micro - OLD.cost / 1000000, pico = pico - OLD.cost % 1000000
	WHERE account = OLD.account AND hour = OLD.time / 3600000000 AND outcome = OLD.outcome;
	INSERT INTO total VALUES (NEW.time / 3600000000, NEW.account, NEW.outcome, 1, NEW.priced = 0, NEW.input, NEW.output, NEW.cache_read, NEW.cache_write,
		NEW.queries, NEW.cost / 1000000, NEW.cost % 1000000)
	ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, unpriced = unpriced + excluded.unpriced, input = input + excluded.input,
		output = output + excluded.output, cache_read = cache_read + excluded.cache_read, cache_write = cache_write + excluded.cache_write,
		queries = queries + excluded.queries, micro = micro + excluded.micro, pico = pico + excluded.pico;
END;
`}
}

// database is the file with all records.
type database struct {
	db     *sqlite.DB
	upsert *sql.Stmt
}

func openDatabase(ctx context.Context, path string) (*database, error) {
	// It waits for the disk at every commit, for what is committed leaves the
	// journal; there is one commit a second.
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrations: migrations(), Application: application})
	if err != nil {
		return nil, err
	}
	upsert, err := db.Writer().PrepareContext(ctx, `
INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET version = excluded.version,
	model = excluded.model, base_model = excluded.base_model, resource = excluded.resource, served_by = excluded.served_by,
	backend = excluded.backend, stand_in = excluded.stand_in, input = excluded.input, output = excluded.output,
	cache_read = excluded.cache_read, cache_write = excluded.cache_write, queries = excluded.queries, cost = excluded.cost,
	cost_input = excluded.cost_input, cost_output = excluded.cost_output, cost_read = excluded.cost_read,
	cost_write = excluded.cost_write, cost_query = excluded.cost_query, priced = excluded.priced, latency = excluded.latency,
	first_token = excluded.first_token, status = excluded.status, outcome = excluded.outcome
WHERE excluded.version > version`)
	if err != nil {
		return nil, errors.Join(sqlite.Classify(err), db.Close())
	}
	return &database{db, upsert}, nil
}

// put writes records in one transaction. A version that is there, or a later
// one, stays: putting twice is as good as putting once.
func (d *database) put(ctx context.Context, server string, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		upsert := tx.StmtContext(ctx, d.upsert) //nolint:sqlclosecheck // the transaction closes it
		for i := range records {
			r := &records[i]
			if _, err := upsert.ExecContext(ctx,
				r.ID, r.Version, server, r.Time.UnixMicro(), r.Account, r.Region, r.Service, r.Operation, r.Principal, r.Name, r.AccessKeyID,
				r.Model, r.ModelID, r.Resource, r.ServedBy, r.Backend, r.StandIn, r.Input, r.Output, r.CacheRead, r.CacheWrite, r.Queries,
				int64(r.Cost.Total()), int64(r.Cost.Input), int64(r.Cost.Output), int64(r.Cost.CacheRead), int64(r.Cost.CacheWrite), int64(r.Cost.Query),
				r.Priced, r.Latency.Microseconds(), r.FirstToken.Microseconds(), r.Status, r.Outcome, object(r.Tags), object(r.Metadata),
			); err != nil {
				return err
			}
		}
		return nil
	})
}

func object(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	w := writer{}
	w.members(m)
	return string(w.b)
}

// interrupt ends the calls of a server that is dead.
func (d *database) interrupt(ctx context.Context, server string) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE usage SET outcome = ? WHERE server = ? AND outcome = ''", Interrupted, server)
		return err
	})
}

// pruned is how many records one transaction of prune deletes: requests of other
// processes wait for it.
const pruned = 2000

// keepSpend is how long sums of days are kept: longer than any budget's period.
const keepSpend = 100 * 24 * time.Hour

// prune deletes the records from before a time, and returns how many.
func (d *database) prune(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for {
		var n int64
		err := d.db.Write(ctx, func(tx *sql.Tx) error {
			done, err := tx.ExecContext(ctx, "DELETE FROM usage WHERE rowid IN (SELECT rowid FROM usage WHERE time < ? LIMIT ?)", before.UnixMicro(), pruned)
			if err != nil {
				return err
			}
			n, err = done.RowsAffected()
			return err
		})
		total += n
		if err != nil || n < pruned {
			return total, err
		}
	}
}

func (d *database) pruneSpend(ctx context.Context, before time.Time) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM spend WHERE day < ?", day(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM total WHERE hour < ?", hour(before))
		return err
	})
}

// spent is what a scope spent on the days from first to last.
func (d *database) spent(ctx context.Context, tx *sql.Tx, account, scope string, first, last int64) (s price.Sum, err error) {
	err = tx.QueryRowContext(ctx, "SELECT coalesce(sum(micro), 0), coalesce(sum(pico), 0) FROM spend WHERE account = ? AND scope = ? AND day BETWEEN ? AND ?",
		account, scope, first, last).Scan(&s.Micro, (*int64)(&s.Pico))
	return s, err
}

// day counts the days since 1970, in UTC.
func day(t time.Time) int64 { return t.UnixMicro() / (24 * time.Hour).Microseconds() }

// hour counts the hours since 1970.
func hour(t time.Time) int64 { return t.UnixMicro() / time.Hour.Microseconds() }

func (d *database) close() error { return errors.Join(d.upsert.Close(), d.db.Close()) }
