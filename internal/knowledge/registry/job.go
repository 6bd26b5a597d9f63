package registry

import (
	"cmp"
	"context"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// active and ended are the states of jobs.
var (
	active = []string{string(knowledge.JobStarting), string(knowledge.JobInProgress), string(knowledge.JobStopping)}
	ended  = []string{string(knowledge.JobComplete), string(knowledge.JobFailed), string(knowledge.JobStopped)}
)

// StartJob adds a job in STARTING, gives it its ID, and queues the WorkSync that
// runs it. created is false when the token was used before for this data source.
//
// NotFound: the base or the data source. Conflict: a job of the data source has
// not ended. Invalid: the data source is being deleted, or documents that were
// given to it directly are not indexed yet.
func (r *Registry) StartJob(ctx context.Context, j knowledge.Job, token store.Token) (made knowledge.Job, created bool, err error) {
	if err := r.checkSource(ctx, j.Account, j.Region, j.Base, j.Source); err != nil {
		return knowledge.Job{}, false, err
	}
	j.ID, j.Status, j.Reasons, j.Statistics = r.newID(), knowledge.JobStarting, nil, knowledge.Statistics{}
	j.Started = r.time()
	j.Updated = j.Started
	rec, err := jobRecord(j)
	if err != nil {
		return knowledge.Job{}, false, err
	}
	work, err := queued("sync/"+j.Base+"/"+j.Source+"/"+j.ID, WorkSync, Work{Account: j.Account, Region: j.Region, Base: j.Base, Source: j.Source, Job: j.ID})
	if err != nil {
		return knowledge.Job{}, false, err
	}
	if err := r.forgetJobs(ctx, rec); err != nil {
		return knowledge.Job{}, false, err
	}
	rec, created, err = r.store.Create(ctx, rec, store.Create{
		Token:   token,
		While:   usableSource(j.Account, j.Region, j.Base, j.Source),
		Unless:  []store.Query{activeJobs(j.Account, j.Region, rec.Parent), pendingDocuments(j.Account, j.Region, rec.Parent)},
		Enqueue: &work,
	})
	switch store.Reason(err) {
	case store.Gone:
		return knowledge.Job{}, false, cmp.Or(r.checkSource(ctx, j.Account, j.Region, j.Base, j.Source), err)
	case store.Excluded:
		return knowledge.Job{}, false, r.whyExcluded(ctx, err, j)
	}
	if err != nil {
		return knowledge.Job{}, false, err
	}
	made, err = jobOf(rec)
	return made, created, err
}

// forgetJobs drops the oldest jobs of a data source when there are too many.
func (r *Registry) forgetJobs(ctx context.Context, of store.Record) error {
	page, err := r.store.List(ctx, store.Query{Kind: kindJob, Account: of.Account, Region: of.Region, Parent: of.Parent, Statuses: ended})
	if err != nil {
		return err
	}
	for i := range len(page.Records) - r.keepJobs {
		if err := r.store.Delete(ctx, page.Records[i].Key); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// whyExcluded words why a job cannot start: documents wait, or a job runs.
func (r *Registry) whyExcluded(ctx context.Context, cause error, j knowledge.Job) error {
	waiting, err := r.Busy(ctx, knowledge.DataSource{Account: j.Account, Region: j.Region, Base: j.Base, ID: j.Source})
	switch {
	case err != nil:
		return err
	case waiting:
		return fault.Wrap(fault.Invalid, cause, "There is an ongoing KnowledgeBaseDocuments API request for DataSource with id %s in KnowledgeBase with id %s. Wait until it is complete, and try your request again.", j.Source, j.Base)
	}
	return fault.Wrap(fault.Conflict, cause, "DataSource with id %s in KnowledgeBase with id %s already has an ongoing ingestion job. Wait until it is complete, or stop it, and try your request again.", j.Source, j.Base)
}

// Job returns a job. NotFound, with the text for clients.
func (r *Registry) Job(ctx context.Context, account, region, base, source, id string) (knowledge.Job, error) {
	rec, err := r.store.Get(ctx, jobKey(account, region, base, source, id))
	if err != nil {
		return knowledge.Job{}, instead(err, noJob(base, source, id))
	}
	return jobOf(rec)
}

// UpdateJob replaces what a job is, if its Version is still the one given.
// Started stays, Updated is set. Conflict with the store.Reason store.Changed:
// it was changed since, so read it again (it may be STOPPING now). NotFound.
func (r *Registry) UpdateJob(ctx context.Context, j knowledge.Job) (knowledge.Job, error) {
	j.Updated = r.time()
	rec, err := jobRecord(j)
	if err != nil {
		return knowledge.Job{}, err
	}
	rec, err = r.store.Update(ctx, rec)
	if err != nil {
		return knowledge.Job{}, instead(err, noJob(j.Base, j.Source, j.ID))
	}
	return jobOf(rec)
}

// StopJob asks a job to stop: it is STOPPING, and the worker that sees it makes
// it STOPPED. A job that is STOPPING already is returned as it is. NotFound.
// Invalid: it has ended.
func (r *Registry) StopJob(ctx context.Context, account, region, base, source, id string) (j knowledge.Job, err error) {
	err = r.retry(ctx, func() error {
		if j, err = r.Job(ctx, account, region, base, source, id); err != nil {
			return err
		}
		switch j.Status {
		case knowledge.JobStarting, knowledge.JobInProgress:
			j.Status = knowledge.JobStopping
			j, err = r.UpdateJob(ctx, j)
			return err
		case knowledge.JobStopping:
			return nil
		default:
			return fault.New(fault.Invalid, "IngestionJob with id %s is in status %s. Only a STARTING or IN_PROGRESS job can be stopped.", id, j.Status)
		}
	})
	if err != nil {
		return knowledge.Job{}, err
	}
	return j, nil
}

// stopAll asks the jobs of a base, or of a data source, to stop: what they work
// on is being deleted.
func (r *Registry) stopAll(ctx context.Context, account, region, parent string) error {
	query := activeJobs(account, region, parent)
	query.Below = true
	page, err := r.store.List(ctx, query)
	if err != nil {
		return err
	}
	for _, rec := range page.Records {
		base, source, _ := strings.Cut(rec.Parent, "/")
		// One that has ended meanwhile is what was wanted.
		if _, err := r.StopJob(ctx, account, region, base, source, rec.ID); err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

func activeJobs(account, region, parent string) store.Query {
	return store.Query{Kind: kindJob, Account: account, Region: region, Parent: parent, Statuses: active}
}

func jobKey(account, region, base, source, id string) store.Key {
	return store.Key{Kind: kindJob, Account: account, Region: region, Parent: base + "/" + source, ID: id}
}

func jobRecord(j knowledge.Job) (store.Record, error) {
	body, err := store.Encode(j)
	return store.Record{
		Key: jobKey(j.Account, j.Region, j.Base, j.Source, j.ID), Status: string(j.Status), Version: j.Version,
		Body: body, Created: j.Started, Updated: j.Updated,
	}, err
}

func jobOf(rec store.Record) (knowledge.Job, error) {
	var j knowledge.Job
	if err := rec.Decode(&j); err != nil {
		return knowledge.Job{}, err
	}
	j.Account, j.Region, j.ID = rec.Account, rec.Region, rec.ID
	j.Base, j.Source, _ = strings.Cut(rec.Parent, "/")
	j.Status, j.Version, j.Started, j.Updated = knowledge.JobStatus(rec.Status), rec.Version, rec.Created, rec.Updated
	return j, nil
}
