package registry

import (
	"context"
	"maps"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// CreateBase adds a base, which is ACTIVE at once, and gives it its ID. created
// is false when the token was used before: then the first one's base is
// returned. Conflict: the name is taken in this account and region.
// QuotaExceeded: too many tags.
func (r *Registry) CreateBase(ctx context.Context, b knowledge.Base, token store.Token) (made knowledge.Base, created bool, err error) {
	if err := checkTags(b.Tags); err != nil {
		return knowledge.Base{}, false, err
	}
	b.ID, b.Status = r.newID(), knowledge.BaseActive
	b.Created = r.time()
	b.Updated = b.Created
	rec, err := baseRecord(b)
	if err != nil {
		return knowledge.Base{}, false, err
	}
	rec, created, err = r.store.Create(ctx, rec, store.Create{Token: token})
	if err != nil {
		return knowledge.Base{}, false, baseTaken(err, b.Name)
	}
	made, err = baseOf(rec)
	return made, created, err
}

// Base returns a base. NotFound, with the text for clients.
func (r *Registry) Base(ctx context.Context, account, region, id string) (knowledge.Base, error) {
	rec, err := r.store.Get(ctx, baseKey(account, region, id))
	if err != nil {
		return knowledge.Base{}, instead(err, noBase(id))
	}
	return baseOf(rec)
}

// Bases lists the bases of an account and region in the order of their
// creation, from the position after (empty: the start). A limit of 0 is none.
// next is empty at the end. Invalid: after is not a position of this list.
func (r *Registry) Bases(ctx context.Context, account, region string, limit int, after string) (list []knowledge.Base, next string, err error) {
	page, err := r.store.List(ctx, store.Query{Kind: kindBase, Account: account, Region: region, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	list, err = each(page.Records, baseOf)
	return list, page.Next, err
}

// UpdateBase replaces what a base is, if its Version is still the one given.
// Created stays, Updated is set. Conflict: it was changed since, or the name is
// taken. NotFound.
func (r *Registry) UpdateBase(ctx context.Context, b knowledge.Base) (knowledge.Base, error) {
	b.Updated = r.time()
	rec, err := baseRecord(b)
	if err != nil {
		return knowledge.Base{}, err
	}
	rec, err = r.store.Update(ctx, rec)
	if err != nil {
		return knowledge.Base{}, baseTaken(instead(err, noBase(b.ID)), b.Name)
	}
	return baseOf(rec)
}

// TagBase sets tags of a base and removes others. Updated stays, as for AWS a
// tag is no part of a resource. NotFound. QuotaExceeded: too many tags.
func (r *Registry) TagBase(ctx context.Context, account, region, id string, set map[string]string, remove []string) error {
	return r.retry(ctx, func() error {
		rec, err := r.store.Get(ctx, baseKey(account, region, id))
		if err != nil {
			return instead(err, noBase(id))
		}
		tags := maps.Clone(rec.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, set)
		for _, key := range remove {
			delete(tags, key)
		}
		if err := checkTags(tags); err != nil {
			return err
		}
		rec.Tags = tags
		_, err = r.store.Update(ctx, rec)
		return instead(err, noBase(id))
	})
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fault.New(fault.QuotaExceeded, "The number of tags exceeds the limit of %d tags for a resource.", maxTags)
	}
	return nil
}

// DeleteBase makes a base DELETING, stops the jobs of its data sources, and
// queues the WorkDeleteBase that ends in RemoveBase. A base that is DELETING
// already is returned as it is. NotFound.
func (r *Registry) DeleteBase(ctx context.Context, account, region, id string) (b knowledge.Base, err error) {
	err = r.retry(ctx, func() error {
		if b, err = r.Base(ctx, account, region, id); err != nil || b.Status == knowledge.BaseDeleting {
			return err
		}
		b.Status, b.Reasons, b.Updated = knowledge.BaseDeleting, nil, r.time()
		rec, err := baseRecord(b)
		if err != nil {
			return err
		}
		work, err := queued("delete-base/"+id+"/"+version(b.Version), WorkDeleteBase, Work{Account: account, Region: region, Base: id})
		if err != nil {
			return err
		}
		if rec, err = r.store.Update(ctx, rec, work); err != nil {
			return instead(err, noBase(id))
		}
		b, err = baseOf(rec)
		return err
	})
	if err != nil {
		return knowledge.Base{}, err
	}
	return b, r.stopAll(ctx, account, region, id)
}

// RemoveBase drops the records of a base, its data sources and jobs. It is the
// end of a WorkDeleteBase, when the index is gone. A base that there is not is
// no error: the work is done again after a crash.
func (r *Registry) RemoveBase(ctx context.Context, account, region, id string) error {
	err := r.store.Delete(ctx, baseKey(account, region, id))
	return instead(err, nil)
}

func baseKey(account, region, id string) store.Key {
	return store.Key{Kind: kindBase, Account: account, Region: region, ID: id}
}

func baseRecord(b knowledge.Base) (store.Record, error) {
	body, err := store.Encode(b)
	return store.Record{
		Key: baseKey(b.Account, b.Region, b.ID), Name: b.Name, Status: string(b.Status), Version: b.Version,
		Tags: b.Tags, Body: body, Created: b.Created, Updated: b.Updated,
	}, err
}

func baseOf(rec store.Record) (knowledge.Base, error) {
	var b knowledge.Base
	if err := rec.Decode(&b); err != nil {
		return knowledge.Base{}, err
	}
	b.Account, b.Region, b.ID, b.Name = rec.Account, rec.Region, rec.ID, rec.Name
	b.Status, b.Tags, b.Version = knowledge.BaseStatus(rec.Status), rec.Tags, rec.Version
	b.Created, b.Updated = rec.Created, rec.Updated
	return b, nil
}

func baseTaken(err error, name string) error {
	if store.Reason(err) == store.NameTaken {
		return fault.Wrap(fault.Conflict, err, "KnowledgeBase with name %s already exists.", name)
	}
	return err
}
