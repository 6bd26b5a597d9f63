package registry

import (
	"cmp"
	"context"
	"slices"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// CreateSource adds a data source to a base, AVAILABLE at once, and gives it its
// ID. created is false when the token was used before for this base. NotFound:
// the base. Conflict: the name is taken in the base. Invalid: the base is being
// deleted.
func (r *Registry) CreateSource(ctx context.Context, ds knowledge.DataSource, token store.Token) (made knowledge.DataSource, created bool, err error) {
	if err := r.checkBase(ctx, ds.Account, ds.Region, ds.Base); err != nil {
		return knowledge.DataSource{}, false, err
	}
	ds.ID, ds.Status = r.newID(), knowledge.SourceAvailable
	ds.Created = r.time()
	ds.Updated = ds.Created
	rec, err := sourceRecord(ds)
	if err != nil {
		return knowledge.DataSource{}, false, err
	}
	rec, created, err = r.store.Create(ctx, rec, store.Create{Token: token, While: []store.Condition{usableBase(ds.Account, ds.Region, ds.Base)}})
	if store.Reason(err) == store.Gone {
		return knowledge.DataSource{}, false, cmp.Or(r.checkBase(ctx, ds.Account, ds.Region, ds.Base), err)
	}
	if err != nil {
		return knowledge.DataSource{}, false, sourceTaken(err, ds.Name)
	}
	made, err = sourceOf(rec)
	return made, created, err
}

// Source returns a data source. NotFound, with the text for clients.
func (r *Registry) Source(ctx context.Context, account, region, base, id string) (knowledge.DataSource, error) {
	rec, err := r.store.Get(ctx, sourceKey(account, region, base, id))
	if err != nil {
		return knowledge.DataSource{}, instead(err, noSource(base, id))
	}
	return sourceOf(rec)
}

// Sources lists the data sources of a base as Bases does. NotFound: the base.
func (r *Registry) Sources(ctx context.Context, account, region, base string, limit int, after string) (list []knowledge.DataSource, next string, err error) {
	if _, err := r.Base(ctx, account, region, base); err != nil {
		return nil, "", err
	}
	page, err := r.store.List(ctx, store.Query{Kind: kindSource, Account: account, Region: region, Parent: base, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	list, err = each(page.Records, sourceOf)
	return list, page.Next, err
}

// AllSources returns the data sources of a kind of every account, region and
// base, for watching folders.
func (r *Registry) AllSources(ctx context.Context, kind knowledge.SourceKind) ([]knowledge.DataSource, error) {
	page, err := r.store.List(ctx, store.Query{Kind: kindSource, Below: true})
	if err != nil {
		return nil, err
	}
	list, err := each(page.Records, sourceOf)
	return slices.DeleteFunc(list, func(ds knowledge.DataSource) bool { return ds.Kind != kind }), err
}

// UpdateSource replaces what a data source is, if its Version is still the one
// given. Created stays, Updated is set. Conflict: it was changed since, or the
// name is taken. NotFound.
func (r *Registry) UpdateSource(ctx context.Context, ds knowledge.DataSource) (knowledge.DataSource, error) {
	ds.Updated = r.time()
	rec, err := sourceRecord(ds)
	if err != nil {
		return knowledge.DataSource{}, err
	}
	rec, err = r.store.Update(ctx, rec)
	if err != nil {
		return knowledge.DataSource{}, sourceTaken(instead(err, noSource(ds.Base, ds.ID)), ds.Name)
	}
	return sourceOf(rec)
}

// DeleteSource makes a data source DELETING, stops its job, and queues the
// WorkDeleteSource that ends in RemoveSource. One that is DELETING already is
// returned as it is. NotFound.
func (r *Registry) DeleteSource(ctx context.Context, account, region, base, id string) (ds knowledge.DataSource, err error) {
	err = r.retry(ctx, func() error {
		if ds, err = r.Source(ctx, account, region, base, id); err != nil || ds.Status == knowledge.SourceDeleting {
			return err
		}
		ds.Status, ds.Reasons, ds.Updated = knowledge.SourceDeleting, nil, r.time()
		rec, err := sourceRecord(ds)
		if err != nil {
			return err
		}
		work, err := queued("delete-source/"+base+"/"+id+"/"+version(ds.Version), WorkDeleteSource, Work{Account: account, Region: region, Base: base, Source: id})
		if err != nil {
			return err
		}
		if rec, err = r.store.Update(ctx, rec, work); err != nil {
			return instead(err, noSource(base, id))
		}
		ds, err = sourceOf(rec)
		return err
	})
	if err != nil {
		return knowledge.DataSource{}, err
	}
	return ds, r.stopAll(ctx, account, region, base+"/"+id)
}

// RemoveSource drops the records of a data source and its jobs. It is the end
// of a WorkDeleteSource, when its documents have left the index (unless they
// are retained). A data source that there is not is no error.
func (r *Registry) RemoveSource(ctx context.Context, account, region, base, id string) error {
	err := r.store.Delete(ctx, sourceKey(account, region, base, id))
	return instead(err, nil)
}

// checkBase fails when a base does not exist or is being deleted.
func (r *Registry) checkBase(ctx context.Context, account, region, id string) error {
	b, err := r.Base(ctx, account, region, id)
	if err == nil && b.Status != knowledge.BaseActive && b.Status != knowledge.BaseUpdating {
		return fault.New(fault.Invalid, "Knowledge Base with id %s is in status %s. Only an ACTIVE Knowledge Base can be used.", id, b.Status)
	}
	return err
}

// usableBase and usableSource are what checkBase and checkSource ask for, as
// conditions for a transaction: a delete may come between the check and it.
func usableBase(account, region, id string) store.Condition {
	return store.Condition{Key: baseKey(account, region, id), Statuses: []string{string(knowledge.BaseActive), string(knowledge.BaseUpdating)}}
}

func usableSource(account, region, base, id string) []store.Condition {
	return []store.Condition{
		usableBase(account, region, base),
		{Key: sourceKey(account, region, base, id), Statuses: []string{string(knowledge.SourceAvailable)}},
	}
}

// checkSource fails when a data source or its base does not exist or is being
// deleted.
func (r *Registry) checkSource(ctx context.Context, account, region, base, id string) error {
	if err := r.checkBase(ctx, account, region, base); err != nil {
		return err
	}
	ds, err := r.Source(ctx, account, region, base, id)
	if err == nil && ds.Status != knowledge.SourceAvailable {
		return fault.New(fault.Invalid, "DataSource with id %s in KnowledgeBase with id %s is in status %s. Only an AVAILABLE DataSource can be used.", id, base, ds.Status)
	}
	return err
}

func sourceKey(account, region, base, id string) store.Key {
	return store.Key{Kind: kindSource, Account: account, Region: region, Parent: base, ID: id}
}

func sourceRecord(ds knowledge.DataSource) (store.Record, error) {
	body, err := store.Encode(ds)
	return store.Record{
		Key: sourceKey(ds.Account, ds.Region, ds.Base, ds.ID), Name: ds.Name, Status: string(ds.Status), Version: ds.Version,
		Body: body, Created: ds.Created, Updated: ds.Updated,
	}, err
}

func sourceOf(rec store.Record) (knowledge.DataSource, error) {
	var ds knowledge.DataSource
	if err := rec.Decode(&ds); err != nil {
		return knowledge.DataSource{}, err
	}
	ds.Account, ds.Region, ds.Base, ds.ID, ds.Name = rec.Account, rec.Region, rec.Parent, rec.ID, rec.Name
	ds.Status, ds.Version, ds.Created, ds.Updated = knowledge.SourceStatus(rec.Status), rec.Version, rec.Created, rec.Updated
	return ds, nil
}

func sourceTaken(err error, name string) error {
	if store.Reason(err) == store.NameTaken {
		return fault.Wrap(fault.Conflict, err, "DataSource with name %s already exists.", name)
	}
	return err
}
