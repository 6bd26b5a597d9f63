package ingest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/knowledge"
)

// pageSize is how many documents of the index are read at a time.
const pageSize = 1000

// contentMark ends the MetadataETag of a document whose metadata shaped what was
// embedded of it: when that metadata changes or goes, the document is read again.
const contentMark = "+content"

// change is a document that a sync has to do something about.
type change struct {
	object   knowledge.Object
	metadata *knowledge.Object   // its metadata file, when there is one
	known    *knowledge.Document // as the index has it; nil: not at all
	same     bool                // the content that was indexed is still the same
	shaped   bool                // by the metadata that was indexed; see contentMark
}

// plan is what a sync has to do.
type plan struct {
	scanned  int64 // documents of the source
	metadata int64 // metadata files of the source
	changes  []change
	// ignored are documents of a format that is not read, which have not
	// changed since that was found out.
	ignored []knowledge.Document
	// gone are documents that the source has no more. Of unindexed ones, which
	// nothing could be found in, no count is kept.
	gone, unindexed []string
}

// listing is all objects of a source, in the order of their IDs.
func listing(ctx context.Context, source knowledge.Source) ([]knowledge.Object, error) {
	var objects []knowledge.Object
	err := source.List(ctx, func(o knowledge.Object) error {
		objects = append(objects, o)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	byID := func(a, b knowledge.Object) int { return cmp.Compare(a.ID, b.ID) }
	// Some stores that speak S3 list in an order of their own, which would make
	// documents look deleted.
	if !slices.IsSortedFunc(objects, byID) {
		slices.SortStableFunc(objects, byID)
	}
	return slices.CompactFunc(objects, func(a, b knowledge.Object) bool { return a.ID == b.ID }), nil
}

// pages calls yield for each document of a source that the index has, in the
// order of their IDs.
func pages(ctx context.Context, index knowledge.Index, source string, yield func(knowledge.Document)) error {
	after := ""
	for {
		page, err := index.Documents(ctx, source, after, pageSize)
		if err != nil {
			return err
		}
		for _, d := range page {
			yield(d)
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// makePlan compares a complete listing with the index.
//
// A document is read when the index does not have it, when its ETag is another
// one, and when it failed: the reason may have passed. It is not read again when
// its format is one that is not read.
func makePlan(ctx context.Context, objects []knowledge.Object, index knowledge.Index, source string) (*plan, error) {
	p := &plan{}
	isMetadata := func(o knowledge.Object) bool { return strings.HasSuffix(o.ID, metadataSuffix) }
	metadata := map[string]*knowledge.Object{} // by the document's ID
	for i, o := range objects {
		if isMetadata(o) {
			metadata[strings.TrimSuffix(o.ID, metadataSuffix)] = &objects[i]
		}
	}
	p.metadata = int64(len(metadata))
	documents := slices.DeleteFunc(slices.Clone(objects), isMetadata)
	p.scanned = int64(len(documents))

	next := 0
	fresh := func(before string, all bool) {
		for ; next < len(documents) && (all || documents[next].ID < before); next++ {
			o := documents[next]
			p.changes = append(p.changes, change{object: o, metadata: metadata[o.ID]})
		}
	}
	err := pages(ctx, index, source, func(known knowledge.Document) {
		fresh(known.ID, false)
		if next < len(documents) && documents[next].ID == known.ID {
			p.compare(documents[next], metadata[known.ID], known)
			next++
			return
		}
		if known.Chunks > 0 {
			p.gone = append(p.gone, known.ID)
		} else {
			p.unindexed = append(p.unindexed, known.ID)
		}
	})
	if err != nil {
		return nil, err
	}
	fresh("", true)
	return p, nil
}

// compare adds a document to the plan that both the source and the index have.
func (p *plan) compare(o knowledge.Object, metadata *knowledge.Object, known knowledge.Document) {
	same := known.ETag == o.ETag
	etag, shaped := strings.CutSuffix(known.MetadataETag, contentMark)
	c := change{object: o, metadata: metadata, known: &known, shaped: shaped}
	sameMetadata := metadata == nil && etag == "" || metadata != nil && etag == metadata.ETag
	switch known.Status {
	case knowledge.Ignored:
		if same {
			p.ignored = append(p.ignored, known)
			return
		}
	case knowledge.Indexed, knowledge.PartiallyIndexed, knowledge.MetadataPartiallyIndexed:
		if same && sameMetadata {
			return
		}
		c.same = same
	case knowledge.MetadataUpdateFailed:
		c.same = same
	default: // it failed, or a process that was to index it did not get to it
	}
	p.changes = append(p.changes, c)
}
