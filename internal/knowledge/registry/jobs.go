package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// JobOrder is what a list of jobs is ordered by.
type JobOrder string

// The orders. Jobs of one status are ordered by their start, the newest first.
const (
	ByStart  JobOrder = "STARTED_AT"
	ByStatus JobOrder = "STATUS"
)

// JobQuery selects and orders jobs of a data source.
type JobQuery struct {
	Statuses  []knowledge.JobStatus // any of these; empty: all
	Order     JobOrder              // empty: ByStart
	Ascending bool                  // else the newest, or the last status, first
	Limit     int                   // 0: all
	After     string                // what the call before returned; empty: from the start
}

// Jobs lists jobs of a data source. next is empty at the end. NotFound: the base
// or the data source. Invalid: After is not a position of this list.
func (r *Registry) Jobs(ctx context.Context, account, region, base, source string, q JobQuery) (list []knowledge.Job, next string, err error) {
	if _, err := r.Base(ctx, account, region, base); err != nil {
		return nil, "", err
	}
	if _, err := r.Source(ctx, account, region, base, source); err != nil {
		return nil, "", err
	}
	after, err := decodePlace(q)
	if err != nil {
		return nil, "", err
	}
	query := store.Query{Kind: kindJob, Account: account, Region: region, Parent: base + "/" + source}
	for _, status := range q.Statuses {
		query.Statuses = append(query.Statuses, string(status))
	}
	// All of them, because the store knows only the order of creation. A data
	// source has as many jobs as it had syncs.
	page, err := r.store.List(ctx, query)
	if err != nil {
		return nil, "", err
	}
	records := page.Records
	slices.SortFunc(records, func(a, b store.Record) int { return q.compare(placeOf(a), placeOf(b)) })
	if after != nil {
		from, found := slices.BinarySearchFunc(records, *after, func(rec store.Record, p place) int { return q.compare(placeOf(rec), p) })
		if found {
			from++
		}
		records = records[from:]
	}
	if q.Limit > 0 && len(records) > q.Limit {
		records = records[:q.Limit]
		next = encodePlace(q, placeOf(records[q.Limit-1]))
	}
	list, err = each(records, jobOf)
	return list, next, err
}

// place is where a job is in a list. It stays valid when the job changes.
type place struct {
	Order     JobOrder            `json:"o"`
	Ascending bool                `json:"a,omitempty"`
	Status    knowledge.JobStatus `json:"s"`
	Started   int64               `json:"t"` // µs since 1970
	ID        string              `json:"i"`
}

func placeOf(rec store.Record) place {
	return place{Status: knowledge.JobStatus(rec.Status), Started: rec.Created.UnixMicro(), ID: rec.ID}
}

func (q JobQuery) order() JobOrder { return cmp.Or(q.Order, ByStart) }

func (q JobQuery) compare(a, b place) int {
	direction := -1
	if q.Ascending {
		direction = 1
	}
	byStart := cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.ID, b.ID))
	if q.order() == ByStatus {
		return cmp.Or(direction*cmp.Compare(a.Status, b.Status), -byStart)
	}
	return direction * byStart
}

func encodePlace(q JobQuery, p place) string {
	p.Order, p.Ascending = q.order(), q.Ascending
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePlace(q JobQuery) (*place, error) {
	if q.After == "" {
		return nil, nil //nolint:nilnil // no position is the start
	}
	var p place
	text, err := base64.RawURLEncoding.DecodeString(q.After)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil || p.ID == "" || p.Order != q.order() || p.Ascending != q.Ascending {
		return nil, fault.New(fault.Invalid, "The provided nextToken is invalid.")
	}
	return &p, nil
}
