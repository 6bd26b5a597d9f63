package ingest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
)

// documentAttempts is how often documents that were given directly are tried
// while something that they need is not there.
const documentAttempts = 5

// documents indexes or removes documents that were given to a data source
// directly.
func (w *Worker) documents(ctx context.Context, work registry.Work, attempts int) error {
	log := w.log.With(slog.String("knowledge_base", work.Base), slog.String("data_source", work.Source), slog.String("request", work.Request))
	base, ds, err := w.resources(ctx, work)
	if err == nil && work.Documents != nil {
		if err = w.removeDocuments(ctx, work); err == nil && len(work.Documents.Put) > 0 {
			d := &direct{w: w, log: log, work: work, ds: ds}
			if attempts >= mostAttempts {
				// Also what takes the whole server down, which then can say nothing.
				err = fault.New(fault.Invalid, "The request was interrupted %d times and is given up.", mostAttempts)
			} else {
				err = d.checked(ctx, base)
			}
			if err != nil && !pointless(err) && ctx.Err() == nil && (!passes(err) || attempts >= documentAttempts) {
				log.ErrorContext(ctx, "documents cannot be indexed", slog.String("cause", err.Error()))
				err = d.giveUp(ctx, err)
			}
		}
	}
	if err != nil && !pointless(err) {
		return err
	}
	return w.p.Registry.FinishDocuments(ctx, work)
}

// pointless reports whether an error says that nobody wants the work any more.
func pointless(err error) bool { return errors.Is(err, errGone) || errors.Is(err, errStop) }

// removeDocuments takes documents out of the index.
func (w *Worker) removeDocuments(ctx context.Context, work registry.Work) error {
	if len(work.Documents.Delete) == 0 {
		return nil
	}
	index, err := w.p.Indexes.Existing(ctx, work.Base)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return w.insist(ctx, func() error {
		return index.Remove(ctx, "", work.Source, work.Documents.Delete, knowledge.OutcomeNone)
	})
}

// direct is one request of direct ingestion.
type direct struct {
	w     *Worker
	log   *slog.Logger
	work  registry.Work
	ds    knowledge.DataSource
	index knowledge.Index
	model knowledge.Embedding
}

// checked is put, until the data source is deleted.
func (d *direct) checked(ctx context.Context, base knowledge.Base) error {
	ctx, end := d.w.every(ctx, func(ctx context.Context) error {
		if _, _, err := d.w.resources(ctx, d.work); err != nil && pointless(err) {
			return err
		}
		return nil
	})
	defer end()
	err := d.put(ctx, base)
	if cause := context.Cause(ctx); err != nil && cause != nil && pointless(cause) {
		return cause
	}
	return err
}

// put indexes the documents of the request. It does all of them again after a
// crash, which comes to the same.
func (d *direct) put(ctx context.Context, base knowledge.Base) (err error) {
	if d.model, d.index, err = d.w.openIndex(ctx, base); err != nil {
		return err
	}
	// Of two with one ID the last counts.
	list := slices.Clone(d.work.Documents.Put)
	slices.Reverse(list)
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(in registry.InlineDocument) bool {
		again := seen[in.ID]
		seen[in.ID] = true
		return again
	})
	slices.Reverse(list)
	for _, in := range list {
		if err := d.mark(ctx, in, knowledge.Pending); err != nil {
			return err
		}
	}
	line := &pipeline{w: d.w, log: d.log, index: d.index, model: d.model, readers: d.w.p.Readers}
	return line.run(ctx, d.tasks(list))
}

func (d *direct) tasks(list []registry.InlineDocument) iter.Seq[task] {
	return func(yield func(task) bool) {
		for _, in := range list {
			if !yield(task{size: int64(len(in.Content)), prepare: func(ctx context.Context) (*prepared, error) { return d.prepare(ctx, in) }}) {
				return
			}
		}
	}
}

// known is a document as the index has it; nil: not at all.
func (d *direct) known(ctx context.Context, id string) (*knowledge.Document, error) {
	doc, err := d.index.Document(ctx, d.work.Source, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil //nolint:nilnil // nil says it
	}
	return &doc, err
}

// mark shows where a document is. Its chunks stay.
func (d *direct) mark(ctx context.Context, in registry.InlineDocument, status knowledge.DocumentStatus) error {
	known, err := d.known(ctx, in.ID)
	if err != nil {
		return err
	}
	doc := knowledge.Document{Source: d.work.Source, ID: in.ID, Modality: modality, MIME: in.MIME}
	if known != nil {
		doc = *known
	}
	doc.Status, doc.Reason, doc.Updated = status, "", d.w.p.Now()
	return d.w.insist(ctx, func() error { return d.index.Put(ctx, "", doc, nil, knowledge.OutcomeNone) })
}

// prepare reads and cuts one document.
func (d *direct) prepare(ctx context.Context, in registry.InlineDocument) (*prepared, error) {
	if err := d.mark(ctx, in, knowledge.InProgress); err != nil {
		return nil, err
	}
	known, err := d.known(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	doc := knowledge.Document{Source: d.work.Source, ID: in.ID, ETag: d.work.Request, Modality: modality, MIME: in.MIME}
	r := &reader{w: d.w, log: d.log, ds: d.ds, model: d.model}
	attrs := &attributes{values: in.Metadata, embed: in.EmbedKeys}
	if in.MetadataURI != "" {
		o, err := d.find(ctx, r, in, in.MetadataURI)
		if err == nil {
			attrs, doc.MetadataETag, err = r.attributes(ctx, &o)
		}
		if err != nil {
			return d.refuse(ctx, doc, known, "The metadata file cannot be used.", err)
		}
	}
	switch {
	case in.FromSource:
		o, err := d.find(ctx, r, in, in.Object)
		if err != nil {
			return d.refuse(ctx, doc, known, "The object cannot be read.", err)
		}
		return r.content(ctx, doc, change{object: o, known: known}, attrs, knowledge.OutcomeNone)
	case in.Text != nil:
		doc.Size, doc.MIME = int64(len(*in.Text)), "text/plain"
		text := &document.Text{MIME: doc.MIME, Pages: []document.Page{{Number: -1, Text: *in.Text}}}
		return r.text(ctx, doc, known, text, attrs, knowledge.OutcomeNone)
	default:
		doc.Size = int64(len(in.Content))
		file := document.Input{Name: path.Base(in.ID), MIME: in.MIME, Content: in.Content, Records: attrs.record}
		return r.file(ctx, doc, known, file, attrs, knowledge.OutcomeNone)
	}
}

// refuse is a document that cannot be read, unless the reason may pass.
func (d *direct) refuse(ctx context.Context, doc knowledge.Document, known *knowledge.Document, what string, err error) (*prepared, error) {
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case passes(err):
		return nil, err
	}
	return failed(doc, known, what+" "+reasonOf(err)), nil
}

// find opens the bucket of an object for the reader, whatever bucket the data
// source has, and finds the object.
func (d *direct) find(ctx context.Context, r *reader, in registry.InlineDocument, uri string) (knowledge.Object, error) {
	bucket, _, ok := strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	if !ok || !strings.HasPrefix(uri, "s3://") {
		return knowledge.Object{}, fault.New(fault.Invalid, "It is not the URI of an object in S3.")
	}
	ds := d.ds
	if ds.Kind != knowledge.S3 || ds.Bucket != bucket {
		ds.Kind, ds.Bucket, ds.BucketOwner = knowledge.S3, bucket, in.ObjectOwner
	}
	ds.Prefixes = nil
	source, err := d.w.p.Sources.Open(ctx, ds)
	if err != nil {
		return knowledge.Object{}, err
	}
	r.source = source
	return source.Stat(ctx, uri)
}

// giveUp shows in the documents that are not done why they never will be. Where
// the index cannot be opened there is nothing to show it in.
func (d *direct) giveUp(ctx context.Context, cause error) error {
	if d.index == nil {
		index, err := d.w.p.Indexes.Existing(ctx, d.work.Base)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		d.index = index
	}
	for _, in := range d.work.Documents.Put {
		known, err := d.known(ctx, in.ID)
		if err != nil {
			return err
		}
		if known != nil && known.Status != knowledge.Pending && known.Status != knowledge.InProgress && known.ETag == d.work.Request {
			continue
		}
		doc := knowledge.Document{Source: d.work.Source, ID: in.ID, ETag: d.work.Request, Modality: modality, MIME: in.MIME}
		p := failed(doc, known, reasonOf(cause))
		p.doc.Updated = d.w.p.Now()
		if err := d.index.Put(ctx, "", p.doc, nil, knowledge.OutcomeNone); err != nil {
			return err
		}
	}
	return nil
}
