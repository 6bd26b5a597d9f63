package ingest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

const (
	// readTries is how often an object is opened that changes while it is read,
	// or cannot be read at the moment.
	readTries = 4
	// mostUnreadable is how many documents in a row may be unreadable before the
	// source is to blame, and how many it may refuse where it gives none.
	mostUnreadable = 10
)

// reader makes documents out of objects. It is safe for concurrent use.
type reader struct {
	w      *Worker
	log    *slog.Logger
	source knowledge.Source // nil where documents come without one
	ds     knowledge.DataSource
	model  knowledge.Embedding

	unreadable atomic.Int32          // documents in a row
	refused    atomic.Int64          // documents that the source has and does not give
	refusal    atomic.Pointer[error] // why, of the last one
}

// object prepares what has changed of an object.
func (r *reader) object(ctx context.Context, c change) (p *prepared, err error) {
	doc := knowledge.Document{
		Source: r.ds.ID, ID: c.object.ID, ETag: c.object.ETag, Modality: modality, Size: c.object.Size,
	}
	attrs, etag, err := r.attributes(ctx, c.metadata)
	doc.MetadataETag = etag
	if err != nil {
		if !ofDocument(err) {
			return nil, err
		}
		if c.same {
			return metadataFailed(c.known, reasonOf(err)), nil
		}
		return failed(doc, c.known, reasonOf(err)), nil
	}
	if c.same && !c.shaped && !attrs.shapes() {
		doc.MIME, doc.Chunks = c.known.MIME, c.known.Chunks
		setStatus(&doc, attrs, nil)
		return &prepared{doc: doc, metadata: &attrs.values, outcome: knowledge.OutcomeMetadataModified}, nil
	}
	outcome := knowledge.OutcomeNew
	switch {
	case c.same:
		outcome = knowledge.OutcomeMetadataModified
	case c.known != nil && c.known.Chunks > 0:
		outcome = knowledge.OutcomeModified
	}
	return r.content(ctx, doc, c, attrs, outcome)
}

// content prepares the content of an object.
func (r *reader) content(ctx context.Context, doc knowledge.Document, c change, attrs *attributes, outcome knowledge.Outcome) (*prepared, error) {
	if attrs.shapes() {
		doc.MetadataETag += contentMark
	}
	content, o, err := r.read(ctx, c.object, document.MaxSize, "The size of the file is more than the limit of 50 MB.")
	doc.ETag, doc.Size = o.ETag, o.Size
	if err != nil {
		if !ofDocument(err) {
			return nil, err
		}
		return failed(doc, c.known, reasonOf(err)), nil
	}
	in := document.Input{Name: o.Name, MIME: doc.MIME, Content: content, Records: attrs.record}
	return r.file(ctx, doc, c.known, in, attrs, outcome)
}

// modality is what all documents are so far.
const modality = "TEXT"

// file parses and cuts a file. What is wrong with it is in the result.
func (r *reader) file(ctx context.Context, doc knowledge.Document, known *knowledge.Document, in document.Input, attrs *attributes, outcome knowledge.Outcome) (*prepared, error) {
	text, err := r.parse(ctx, in)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case fault.Is(err, fault.Unsupported):
		return ignored(doc, reasonOf(err)), nil
	case err != nil:
		return failed(doc, known, reasonOf(err)), nil
	}
	return r.text(ctx, doc, known, text, attrs, outcome)
}

// text cuts the text of a document.
func (r *reader) text(ctx context.Context, doc knowledge.Document, known *knowledge.Document, text *document.Text, attrs *attributes, outcome knowledge.Outcome) (*prepared, error) {
	doc.MIME = text.MIME
	content, err := r.split(ctx, text)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Upstream), fault.Is(err, fault.Timeout):
		return failed(doc, known, reasonOf(err)), nil
	case err != nil:
		return nil, err // the model is gone
	case content == nil || len(content.Chunks) == 0:
		return ignored(doc, strings.Join(append([]string{"The file has no text."}, text.Notes...), " ")), nil
	}
	if r.bytes(content) > mostBytes {
		return failed(doc, known, "The file makes too many passages, or they overlap too much. Split the file, or choose other passages."), nil
	}
	content.Metadata = attrs.values
	doc.Chunks = len(content.Chunks)
	setStatus(&doc, attrs, text.Notes)
	p := &prepared{doc: doc, known: known, content: content, outcome: outcome, texts: make([]string, len(content.Chunks))}
	head := preface(attrs.values, attrs.embed)
	for i := range content.Chunks {
		c := &content.Chunks[i]
		c.ID = chunkID(doc, i)
		p.texts[i] = head + c.Text
	}
	return p, nil
}

// mostBytes is how much the index may keep of one document, which is written
// whole: about 50 MB of text in passages of 30 tokens, with vectors of 384
// dimensions.
const mostBytes = 1 << 30

// bytes is how much a content takes in the index.
func (r *reader) bytes(c *knowledge.Content) int64 {
	n := int64(len(c.Chunks)) * int64(4*r.model.Spec().Dimensions)
	for i := range c.Chunks {
		n += int64(len(c.Chunks[i].Text))
	}
	for _, text := range c.Parents {
		n += int64(len(text))
	}
	return n
}

// parse contains a panic of a parser: files are strangers'.
func (r *reader) parse(ctx context.Context, in document.Input) (text *document.Text, err error) {
	defer r.contain(ctx, "a parser panicked", &err)
	return r.w.p.Parser.Parse(ctx, in)
}

// split contains a panic as parse does: what a parser makes of a stranger's
// file can be strange too.
func (r *reader) split(ctx context.Context, text *document.Text) (content *knowledge.Content, err error) {
	defer r.contain(ctx, "a text could not be cut: panic", &err)
	return r.w.p.Splitter.Split(ctx, text, r.ds.Chunking, r.model)
}

// contain is deferred, and makes a panic an error of one document.
func (r *reader) contain(ctx context.Context, what string, err *error) {
	if p := recover(); p != nil {
		r.log.ErrorContext(ctx, what, slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		*err = fault.New(fault.Invalid, "The file cannot be read.")
	}
}

// chunkID is a UUID that a chunk of a version of a document always gets, so that
// work that is done again makes the same index.
func chunkID(doc knowledge.Document, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", doc.Source, doc.ID, doc.ETag, i))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8: made by a rule of one's own
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// setStatus is the status of a document that is indexed.
func setStatus(doc *knowledge.Document, attrs *attributes, notes []string) {
	doc.Status = knowledge.Indexed
	if len(attrs.left) > 0 {
		doc.Status = knowledge.MetadataPartiallyIndexed
		notes = append([]string{"Attributes of the metadata file were left out: " + strings.Join(attrs.left, "; ") + "."}, notes...)
	}
	doc.Reason = strings.Join(notes, " ")
}

// ignored is a document in which there is nothing to index. An older version
// that had something leaves the index.
func ignored(doc knowledge.Document, reason string) *prepared {
	doc.Status, doc.Reason, doc.Chunks = knowledge.Ignored, reason, 0
	return &prepared{doc: doc, content: &knowledge.Content{}, outcome: knowledge.OutcomeSkipped}
}

// metadataFailed is a document whose content is as it was and whose new metadata
// cannot be used: the old one stays.
func metadataFailed(known *knowledge.Document, reason string) *prepared {
	doc := *known
	doc.Status, doc.Reason = knowledge.MetadataUpdateFailed, reason
	return &prepared{doc: doc, outcome: knowledge.OutcomeFailed}
}

// attributes reads a metadata file, and returns the ETag that was read. Without
// a file, or when it has gone meanwhile, there are none. A file that is wrong
// fails its document (see ofDocument): with some of its attributes missing a
// document could be found by those who were not to find it.
func (r *reader) attributes(ctx context.Context, o *knowledge.Object) (*attributes, string, error) {
	if o == nil {
		return &attributes{}, "", nil
	}
	text, read, err := r.read(ctx, *o, maxMetadataSize, "The size of the metadata file is more than the limit of 10 KB.")
	switch {
	case fault.Is(err, fault.NotFound):
		return &attributes{}, "", nil
	case err != nil:
		return nil, read.ETag, err
	}
	attrs, err := parseMetadata(text)
	return attrs, read.ETag, err
}

// documentFault marks what is wrong with one document only.
type documentFault struct{ error }

func (f documentFault) Unwrap() error { return f.error }

// ofDocument reports whether an error is of one document, not of everything.
func ofDocument(err error) bool {
	if _, ok := err.(documentFault); ok { //nolint:errorlint // what wraps one is something else
		return true
	}
	return fault.Is(err, fault.Invalid)
}

// read returns the content of an object, and the object as it was read: it may
// have changed since it was listed. An object of more than limit bytes is not
// opened.
func (r *reader) read(ctx context.Context, o knowledge.Object, limit int64, tooLarge string) ([]byte, knowledge.Object, error) {
	var err error
	for try := 1; ; try++ {
		if o.Size > limit {
			return nil, o, fault.New(fault.Invalid, "%s", tooLarge)
		}
		var content []byte
		if content, err = r.readOnce(ctx, o); err == nil {
			r.unreadable.Store(0)
			return content, o, nil
		}
		changed := fault.Is(err, fault.Conflict)
		if ctx.Err() != nil {
			return nil, o, context.Cause(ctx)
		}
		if try == readTries || !changed && !passes(err) && !fault.Is(err, fault.Internal) {
			break
		}
		if !changed {
			if err := wait(ctx, r.w.backoff(try)); err != nil {
				return nil, o, err
			}
			continue
		}
		now, err := r.source.Stat(ctx, o.ID)
		if err == nil {
			o = now
		} else if fault.Is(err, fault.NotFound) {
			return nil, o, vanished(err)
		}
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, o, vanished(err)
	case fault.Is(err, fault.Conflict):
		return nil, o, documentFault{fault.Wrap(fault.Conflict, err, "The file changed again and again while it was read.")}
	case !passes(err) && !fault.Is(err, fault.Internal):
		// The source is there. It says no to this one, which is archived or
		// somebody else's, and may give all others.
		r.refusal.Store(&err)
		r.refused.Add(1)
	case r.unreadable.Add(1) >= mostUnreadable:
		return nil, o, err
	}
	return nil, o, documentFault{fault.Wrap(fault.KindOf(err), err, "The file cannot be read. %s", unnamed(reasonOf(err), o.ID))}
}

// unnamed is a reason without the name of its document: where it stands the name
// is told, and the job tells a reason that many documents have only once.
func unnamed(reason, id string) string {
	if rest, ok := strings.CutPrefix(reason, id); ok {
		return "It" + rest
	}
	return strings.ReplaceAll(reason, id, "it")
}

// denied is the error of a source that refused all of its documents: who may
// list a bucket may not be allowed to read it.
func (r *reader) denied(scanned int64) error {
	n := r.refused.Load()
	if n < mostUnreadable || n < scanned {
		return nil
	}
	return *r.refusal.Load()
}

// vanished is a document that was deleted since the source was listed. Its
// chunks stay for now: that a document is gone is believed of a listing alone,
// not of a bucket that disappears while it is read.
func vanished(err error) error {
	return documentFault{fault.Wrap(fault.NotFound, err, "The file was deleted while the sync was running.")}
}

func (r *reader) readOnce(ctx context.Context, o knowledge.Object) ([]byte, error) {
	file, err := r.source.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content := make([]byte, 0, o.Size+1)
	for {
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		switch {
		case err == io.EOF && int64(len(content)) == o.Size:
			return content, nil
		case err == io.EOF || int64(len(content)) > o.Size:
			return nil, fault.New(fault.Conflict, "the object is not as long as it was listed")
		case err != nil:
			return nil, err
		}
	}
}
