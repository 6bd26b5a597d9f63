package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// The kinds of work in the store's queue. Work is done at least once: it must
// bear being done again, and that what it is about has gone.
const (
	WorkSync         = "sync"          // run Work.Job
	WorkDocuments    = "documents"     // Work.Documents; ends with FinishDocuments
	WorkDeleteBase   = "delete-base"   // drop the index; ends with RemoveBase
	WorkDeleteSource = "delete-source" // remove the source's documents unless it retains them; ends with RemoveSource
)

// Work is the payload of a store.Job of these kinds.
type Work struct {
	Account   string         `json:"account"`
	Region    string         `json:"region"`
	Base      string         `json:"base"`
	Source    string         `json:"source,omitempty"`
	Job       string         `json:"job,omitempty"`     // of WorkSync
	Request   string         `json:"request,omitempty"` // of WorkDocuments: what FinishDocuments is told
	Documents *DocumentsWork `json:"documents,omitempty"`
}

// DocumentsWork is one request of direct ingestion or deletion.
type DocumentsWork struct {
	Put    []InlineDocument `json:"put,omitempty"`
	Delete []string         `json:"delete,omitempty"` // document IDs
}

// InlineDocument is a document that is given to a data source directly.
type InlineDocument struct {
	ID          string             `json:"id"`                    // custom ID, or s3://bucket/key
	FromSource  bool               `json:"fromSource,omitempty"`  // the content is the object Object
	Object      string             `json:"object,omitempty"`      // s3://bucket/key
	ObjectOwner string             `json:"objectOwner,omitempty"` // account that must own the bucket; empty: any
	MIME        string             `json:"mime,omitempty"`
	Text        *string            `json:"text,omitempty"`
	Content     []byte             `json:"content,omitempty"`
	Metadata    knowledge.Metadata `json:"metadata,omitempty"`
	EmbedKeys   []string           `json:"embedKeys,omitempty"`   // keys of Metadata that are embedded with the text
	MetadataURI string             `json:"metadataUri,omitempty"` // s3://… of a metadata file
}

// DecodeWork reads the payload of a queued job.
func DecodeWork(j store.Job) (Work, error) {
	var w Work
	if err := json.Unmarshal(j.Payload, &w); err != nil {
		return Work{}, fmt.Errorf("decode the work %s: %w", j.ID, err)
	}
	return w, nil
}

// QueueDocuments queues documents that are put into a data source or removed
// from it, as one WorkDocuments. When it returns they survive a crash. A token
// that was used before queues nothing.
//
// NotFound: the base or the data source. Invalid: it is being deleted, or a job
// of it has not ended: of two that write the same document the later one would
// have to win, and nobody could tell which that is.
func (r *Registry) QueueDocuments(ctx context.Context, ds knowledge.DataSource, w DocumentsWork, token store.Token) error {
	if err := r.checkSource(ctx, ds.Account, ds.Region, ds.Base, ds.ID); err != nil {
		return err
	}
	request := r.newID()
	work, err := queued("documents/"+ds.Base+"/"+ds.ID+"/"+request, WorkDocuments,
		Work{Account: ds.Account, Region: ds.Region, Base: ds.Base, Source: ds.ID, Request: request, Documents: &w})
	if err != nil {
		return err
	}
	now := r.time()
	if err := r.forgetDocuments(ctx, ds, now); err != nil {
		return err
	}
	names := requestedDocuments{Delete: w.Delete}
	for _, d := range w.Put {
		names.Put = append(names.Put, d.ID)
	}
	body, err := store.Encode(names)
	if err != nil {
		return err
	}
	rec := store.Record{
		Key:    documentsKey(ds.Account, ds.Region, ds.Base, ds.ID, request),
		Status: documentsPending, Body: body, Created: now, Updated: now,
	}
	_, _, err = r.store.Create(ctx, rec, store.Create{
		Token: token, While: usableSource(ds.Account, ds.Region, ds.Base, ds.ID),
		Unless: []store.Query{activeJobs(ds.Account, ds.Region, rec.Parent)}, Enqueue: &work,
	})
	if store.Reason(err) == store.Gone {
		return cmp.Or(r.checkSource(ctx, ds.Account, ds.Region, ds.Base, ds.ID), err)
	}
	if store.Reason(err) == store.Excluded {
		return fault.Wrap(fault.Invalid, err, "DataSource with id %s in KnowledgeBase with id %s has an ongoing ingestion job. Wait until it is complete, and try your request again.", ds.ID, ds.Base)
	}
	return err
}

// FinishDocuments says that a WorkDocuments is done, so that the data source is
// not busy any more. Nothing happens when it was said before.
func (r *Registry) FinishDocuments(ctx context.Context, w Work) error {
	return r.retry(ctx, func() error {
		rec, err := r.store.Get(ctx, documentsKey(w.Account, w.Region, w.Base, w.Source, w.Request))
		if err != nil {
			return instead(err, nil)
		}
		if rec.Status == documentsDone {
			return nil
		}
		// The record stays, as long as a client may repeat its token.
		rec.Status, rec.Updated = documentsDone, r.time()
		_, err = r.store.Update(ctx, rec)
		return instead(err, nil)
	})
}

// forgetDocuments drops requests that are done and whose tokens the store has
// forgotten.
func (r *Registry) forgetDocuments(ctx context.Context, ds knowledge.DataSource, now time.Time) error {
	query := pendingDocuments(ds.Account, ds.Region, ds.Base+"/"+ds.ID)
	query.Statuses, query.Limit = []string{documentsDone}, 10
	page, err := r.store.List(ctx, query)
	if err != nil {
		return err
	}
	for _, rec := range page.Records {
		if now.Sub(rec.Created) < 25*time.Hour {
			break // the others are younger
		}
		if err := r.store.Delete(ctx, rec.Key); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// Busy reports whether documents that were given to a data source directly are
// not indexed yet.
func (r *Registry) Busy(ctx context.Context, ds knowledge.DataSource) (bool, error) {
	query := pendingDocuments(ds.Account, ds.Region, ds.Base+"/"+ds.ID)
	query.Limit = 1
	page, err := r.store.List(ctx, query)
	return len(page.Records) > 0, err
}

// PendingDocument is what was asked of a document and is not done yet.
type PendingDocument struct {
	Delete bool // it is to be removed; else put
	Since  time.Time
}

// PendingDocuments are the documents of requests that are not done, by ID. Of
// some of them the index may have the outcome already: those that it has
// changed since.
func (r *Registry) PendingDocuments(ctx context.Context, ds knowledge.DataSource) (map[string]PendingDocument, error) {
	page, err := r.store.List(ctx, pendingDocuments(ds.Account, ds.Region, ds.Base+"/"+ds.ID))
	if err != nil || len(page.Records) == 0 {
		return nil, err
	}
	pending := map[string]PendingDocument{}
	for _, rec := range page.Records { // in their order, so that the last request counts
		var names requestedDocuments
		if err := rec.Decode(&names); err != nil {
			return nil, err
		}
		for _, id := range names.Put {
			pending[id] = PendingDocument{Since: rec.Created}
		}
		for _, id := range names.Delete {
			pending[id] = PendingDocument{Delete: true, Since: rec.Created}
		}
	}
	return pending, nil
}

// requestedDocuments is the body of a record of a request: its documents' IDs.
// Their content is in the queue alone.
type requestedDocuments struct {
	Put    []string `json:"put,omitempty"`
	Delete []string `json:"delete,omitempty"`
}

// The states of a request of direct ingestion.
const (
	documentsPending = "PENDING"
	documentsDone    = "DONE"
)

func pendingDocuments(account, region, parent string) store.Query {
	return store.Query{Kind: kindDocuments, Account: account, Region: region, Parent: parent, Statuses: []string{documentsPending}}
}

func documentsKey(account, region, base, source, request string) store.Key {
	return store.Key{Kind: kindDocuments, Account: account, Region: region, Parent: base + "/" + source, ID: request}
}

// queued makes a job for the store's queue. What is done to one data source is
// done in the order in which it was asked for: of two requests that put the
// same document the later one wins, and a data source is deleted when nobody
// writes its documents any more.
func queued(id, kind string, w Work) (store.Job, error) {
	payload, err := store.Encode(w)
	job := store.Job{ID: id, Kind: kind, Payload: payload}
	if w.Source != "" {
		job.Group = w.Base + "/" + w.Source
	}
	return job, err
}

func version(v int64) string { return strconv.FormatInt(v, 10) }

const (
	attempts = 10
	pause    = 5 * time.Millisecond
)

// retry repeats f, which reads a resource and changes it, as long as somebody
// else is faster.
func (r *Registry) retry(ctx context.Context, f func() error) error {
	for attempt := 1; ; attempt++ {
		err := f()
		if store.Reason(err) != store.Changed || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * pause):
		}
	}
}

// each translates records.
func each[T any](records []store.Record, read func(store.Record) (T, error)) ([]T, error) {
	list := make([]T, 0, len(records))
	for _, rec := range records {
		item, err := read(rec)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}
