package ingest_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/ingest"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
)

const uri = "s3://b/"

func TestSyncFollowsTheSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.bucket.put(uri+"a.txt", "alpha")
	w.bucket.put(uri+"b.txt", "beta")
	w.bucket.put(uri+"c.txt", "gamma")
	w.bucket.put(uri+"a.txt.metadata.json", `{"metadataAttributes":{"n":1}}`)
	w.bucket.put(uri+"alone.metadata.json", `{"metadataAttributes":{"n":1}}`)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 3, MetadataScanned: 2, New: 3})
	w.wantTexts(uri+"b.txt", "beta")
	w.wantStatus(uri+"a.txt", knowledge.Indexed, "")

	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 3, MetadataScanned: 2})

	w.bucket.put(uri+"b.txt", "beta two")
	w.bucket.put(uri+"a.txt.metadata.json", `{"metadataAttributes":{"n":2}}`)
	w.bucket.remove(uri + "c.txt")
	w.bucket.put(uri+"d.txt", "delta")
	opened := w.bucket.opened[uri+"a.txt"]
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{
		Scanned: 3, MetadataScanned: 2, New: 1, Modified: 1, MetadataModified: 1, Deleted: 1,
	})
	w.wantTexts(uri+"b.txt", "beta two")
	w.wantTexts(uri + "c.txt")
	if got, _ := w.document(uri + "a.txt"); !got.content.Metadata["n"].Equal(knowledge.Number(2)) || w.bucket.opened[uri+"a.txt"] != opened {
		t.Errorf("got %v, and the document was read %d times more, want new metadata alone", got.content.Metadata, w.bucket.opened[uri+"a.txt"]-opened)
	}
}

func TestDocumentsFailAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	w.bucket.put(uri+"good.txt", "good")
	w.bucket.put(uri+"encrypted.pdf", "!invalid")
	w.bucket.put(uri+"also-encrypted.pdf", "!invalid too")
	w.bucket.put(uri+"image.png", "!unsupported")
	w.bucket.put(uri+"panic.txt", "!panic")
	w.bucket.put(uri+"empty.txt", "")
	w.bucket.set(func(b *bucket) { b.files[uri+"huge.txt"] = file{etag: "h", size: 50<<20 + 1} })
	first := w.sync()
	w.want(first, knowledge.JobComplete, knowledge.Statistics{Scanned: 7, New: 1, Failed: 4, Skipped: 2})
	w.wantReasons(first,
		"Encountered error: Ignored 2 files. The file is encrypted. [Files: s3://b/also-encrypted.pdf, s3://b/encrypted.pdf].",
		"Encountered error: Ignored 1 files. The size of the file is more than the limit of 50 MB. [Files: s3://b/huge.txt].",
		"Encountered error: Ignored 1 files. The file cannot be read. [Files: s3://b/panic.txt].",
	)
	w.wantStatus(uri+"image.png", knowledge.Ignored, "Files of this format are not read.")
	w.wantStatus(uri+"empty.txt", knowledge.Ignored, "The file has no text.")
	w.wantStatus(uri+"encrypted.pdf", knowledge.Failed, "The file is encrypted.")
	if n := w.bucket.opened[uri+"huge.txt"]; n != 0 {
		t.Errorf("got %d looks into a file that is too large, want none", n)
	}

	// What failed is tried again, as the reason may have passed; what is not
	// read is not.
	second := w.sync()
	w.want(second, knowledge.JobComplete, knowledge.Statistics{Scanned: 7, Failed: 4, Skipped: 2})
	w.wantReasons(second, first.Reasons...)
	for id, want := range map[string]int{"image.png": 1, "encrypted.pdf": 2, "good.txt": 1} {
		if got := w.bucket.opened[uri+id]; got != want {
			t.Errorf("%s was opened %d times, want %d", id, got, want)
		}
	}

	// A new version that cannot be read leaves the old one where it is.
	w.bucket.put(uri+"good.txt", "!invalid now")
	w.bucket.put(uri+"encrypted.pdf", "open")
	w.bucket.remove(uri + "panic.txt")
	w.bucket.remove(uri + "huge.txt")
	third := w.sync()
	w.want(third, knowledge.JobComplete, knowledge.Statistics{Scanned: 5, New: 1, Failed: 2, Skipped: 2})
	w.wantTexts(uri+"good.txt", "good")
	w.wantStatus(uri+"good.txt", knowledge.Failed, "The file is encrypted.")
	w.bucket.put(uri+"good.txt", "good again")
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 5, Modified: 1, Failed: 1, Skipped: 2})
	w.wantTexts(uri+"good.txt", "good again")

	// What becomes a file without text has nothing to be found by.
	w.bucket.put(uri+"good.txt", "!unsupported")
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 5, Failed: 1, Skipped: 3})
	w.wantTexts(uri + "good.txt")
}

func TestMetadataFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for name, metadata := range map[string]string{
		"simple":   `{"metadataAttributes":{"s":"x","n":1.5,"b":true,"l":["p","q"]}}`,
		"long":     `{"metadataAttributes":{"s":{"value":{"type":"STRING","stringValue":"x"},"includeForEmbedding":true},"l":{"value":{"type":"STRING_LIST","stringListValue":["p","q"]},"includeForEmbedding":true},"n":{"value":{"type":"NUMBER","numberValue":2}}}}`,
		"partly":   `{"metadataAttributes":{"ok":1,"null":null,"object":{"a":1},"mixed":["a",1],"type":{"value":{"type":"NUMBER","stringValue":"x"}},"x-amz-bedrock-kb-source-uri":"s3://lie"}}`,
		"broken":   `{"metadataAttributes":{`,
		"none":     `{"attributes":{}}`,
		"array":    `[]`,
		"too-long": `{"metadataAttributes":{"s":"` + strings.Repeat("x", 10<<10) + `"}}`,
		"records":  `{"metadataAttributes":{"s":"x"},"documentStructureConfiguration":{"type":"RECORD_BASED_STRUCTURE_METADATA","recordBasedStructureMetadata":{"contentFields":[{"fieldName":"col"}]}}}`,
		"fields":   `{"metadataAttributes":{},"documentStructureConfiguration":{"type":"RECORD_BASED_STRUCTURE_METADATA","recordBasedStructureMetadata":{"contentFields":[]}}}`,
	} {
		w.bucket.put(uri+name, "text of "+name)
		w.bucket.put(uri+name+".metadata.json", metadata)
	}
	first := w.sync()
	w.want(first, knowledge.JobComplete, knowledge.Statistics{Scanned: 9, MetadataScanned: 9, New: 4, Failed: 5})
	w.wantReasons(first,
		"Encountered error: Ignored 2 files. The metadata file is not JSON of the expected form. [Files: s3://b/array, s3://b/broken].",
		"Encountered error: Ignored 1 files. The documentStructureConfiguration of the metadata file does not name exactly one content field. [Files: s3://b/fields].",
		"Encountered error: Ignored 1 files. The metadata file has no metadataAttributes. [Files: s3://b/none].",
		"Encountered error: Left out metadata of 1 files. Attributes of the metadata file were left out: the key x-amz-bedrock-kb-source-uri is reserved; "+
			"the value of mixed is not a string, a number, a boolean or a list of strings; the value of null is not a string, a number, a boolean or a list of strings; "+
			"the value of object is an object without a valid value; the value of type is not of the type that it names. [Files: s3://b/partly].",
		"Encountered error: Ignored 1 files. The size of the metadata file is more than the limit of 10 KB. [Files: s3://b/too-long].",
	)
	for name, want := range map[string]knowledge.Metadata{
		"simple": {"s": knowledge.String("x"), "n": knowledge.Number(1.5), "b": knowledge.Bool(true), "l": knowledge.List([]string{"p", "q"})},
		"long":   {"s": knowledge.String("x"), "n": knowledge.Number(2), "l": knowledge.List([]string{"p", "q"})},
		"partly": {"ok": knowledge.Number(1)},
	} {
		if got, _ := w.document(uri + name); !cmp.Equal(want, got.content.Metadata) {
			t.Errorf("%s: got %v, want %v", name, got.content.Metadata, want)
		}
	}
	e, _ := w.document(uri + "long")
	if want := vectorOf("l: p, q\ns: x\n\ntext of long"); !cmp.Equal(want, e.content.Chunks[0].Vector) || e.content.Chunks[0].Text != "text of long" {
		t.Errorf("got the text %q, want one that was embedded with its attributes and is without them", e.content.Chunks[0].Text)
	}
	e, _ = w.document(uri + "records")
	if want := (knowledge.Metadata{"column": knowledge.String("col")}); len(e.content.Chunks) != 1 || !cmp.Equal(want, e.content.Chunks[0].Metadata) {
		t.Errorf("got %v, want a chunk with the columns of its row", e.content.Chunks)
	}
	if w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 9, MetadataScanned: 9, Failed: 5}); t.Failed() {
		return
	}

	// Metadata alone changes: the content is read again only where it matters.
	opened := maps.Clone(w.bucket.opened)
	w.bucket.put(uri+"simple.metadata.json", `{"metadataAttributes":{"s":"y"}}`)
	w.bucket.put(uri+"long.metadata.json", `{"metadataAttributes":{"s":"y"}}`)
	w.bucket.put(uri+"partly.metadata.json", `{`)
	w.bucket.remove(uri + "records.metadata.json")
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 9, MetadataScanned: 8, MetadataModified: 3, Failed: 6})
	for name, want := range map[string]int{"simple": 0, "long": 1, "partly": 0, "records": 1} {
		if got := w.bucket.opened[uri+name] - opened[uri+name]; got != want {
			t.Errorf("%s was opened %d times, want %d", name, got, want)
		}
	}
	e, _ = w.document(uri + "long")
	if !cmp.Equal(vectorOf("text of long"), e.content.Chunks[0].Vector) {
		t.Error("a document that was embedded with attributes was not embedded again without")
	}
	w.wantStatus(uri+"partly", knowledge.MetadataUpdateFailed, "The metadata file is not JSON of the expected form.")
	if e, _ := w.document(uri + "partly"); !cmp.Equal(knowledge.Metadata{"ok": knowledge.Number(1)}, e.content.Metadata) {
		t.Errorf("got %v, want the metadata from before", e.content.Metadata)
	}
	w.bucket.put(uri+"partly.metadata.json", `{"metadataAttributes":{}}`)
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 9, MetadataScanned: 8, MetadataModified: 1, Failed: 5})
	w.wantStatus(uri+"partly", knowledge.Indexed, "")
}

func TestListingThatFailsDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"gone":   fault.New(fault.NotFound, "The bucket b does not exist."),
		"denied": fault.New(fault.Denied, "Access to the bucket b is denied."),
		"down":   fault.New(fault.Unavailable, "The bucket b cannot be reached."),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			w.bucket.put(uri+"a.txt", "alpha")
			w.sync()
			w.bucket.set(func(b *bucket) { b.listErr = err })
			j := w.sync()
			w.want(j, knowledge.JobFailed, knowledge.Statistics{})
			w.wantReasons(j, "Encountered error: "+fault.As(err).Message)
			w.wantTexts(uri+"a.txt", "alpha")
			w.bucket.set(func(b *bucket) { b.listErr = nil })
			w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 1})
		})
	}
}

func TestObjectsMoveDuringASync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for _, name := range []string{"known", "new", "changes", "restless", "shrinks", "secret"} {
		if name != "new" {
			w.bucket.put(uri+name, "old "+name)
		}
	}
	w.sync()
	for _, name := range []string{"known", "new", "changes", "restless", "shrinks", "secret"} {
		w.bucket.put(uri+name, "next "+name)
	}
	tries := 0
	w.bucket.set(func(b *bucket) {
		b.files[uri+"shrinks"] = file{content: "short", etag: "s", size: 100}
		b.open = func(_ context.Context, o knowledge.Object) error {
			switch o.ID {
			case uri + "known", uri + "new":
				w.bucket.remove(o.ID)
			case uri + "changes":
				w.bucket.put(o.ID, "next but one")
			case uri + "restless":
				tries++
				w.bucket.put(o.ID, fmt.Sprint("version ", tries))
			case uri + "secret":
				return fault.New(fault.Denied, "Access is denied.")
			}
			return nil
		}
	})
	w.params = func(p *ingest.Params) { p.Readers = 1 }
	j := w.sync()
	w.want(j, knowledge.JobComplete, knowledge.Statistics{Scanned: 6, Modified: 1, Failed: 5})
	w.wantReasons(j,
		"Encountered error: Ignored 2 files. The file was deleted while the sync was running. [Files: s3://b/known, s3://b/new].",
		"Encountered error: Ignored 2 files. The file changed again and again while it was read. [Files: s3://b/restless, s3://b/shrinks].",
		"Encountered error: Ignored 1 files. The file cannot be read. Access is denied. [Files: s3://b/secret].",
	)
	w.wantTexts(uri+"known", "old known")
	w.wantTexts(uri+"changes", "next but one")
	w.wantTexts(uri+"restless", "old restless")
	w.bucket.set(func(b *bucket) { b.open = nil })
	w.bucket.put(uri+"shrinks", "short")
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 4, Modified: 3, Deleted: 1})
	w.wantTexts(uri + "known")
}

func TestSourceThatGoesAwayEndsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for i := range 100 {
		w.bucket.put(fmt.Sprintf("%s%02d", uri, i), "text")
	}
	w.bucket.set(func(b *bucket) {
		b.open = func(context.Context, knowledge.Object) error {
			return fault.New(fault.Unavailable, "The bucket cannot be reached.")
		}
	})
	j := w.sync()
	if j.Status != knowledge.JobFailed || j.Reasons[0] != "Encountered error: The bucket cannot be reached." || j.Statistics.Failed > 12 {
		t.Errorf("got %s, %v, %+v, want a job that failed soon", j.Status, j.Reasons, j.Statistics)
	}
	w.bucket.set(func(b *bucket) { b.open = nil })
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 100, New: 100})
}

func TestSourceThatRefusesSomeDocumentsGivesTheOthers(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]struct {
		kind      fault.Kind
		say, want string
	}{
		"archived": {fault.Unsupported, "%s is archived and has to be restored first.", "It is archived and has to be restored first."},
		"denied":   {fault.Denied, "Access to %s was denied.", "Access to it was denied."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start()
			for i := range 20 {
				w.bucket.put(fmt.Sprintf("%s2019/%02d", uri, i), "old")
			}
			w.bucket.put(uri+"2026/new", "new")
			w.bucket.set(func(b *bucket) {
				b.open = func(_ context.Context, o knowledge.Object) error {
					if strings.HasPrefix(o.ID, uri+"2019/") {
						return fault.New(refusal.kind, refusal.say, o.ID)
					}
					return nil
				}
			})
			j := w.sync()
			w.want(j, knowledge.JobComplete, knowledge.Statistics{Scanned: 21, New: 1, Failed: 20})
			if want := "Encountered error: Ignored 20 files. The file cannot be read. " + refusal.want + " [Files: "; len(j.Reasons) != 1 || !strings.HasPrefix(j.Reasons[0], want) {
				t.Errorf("got %q, want one reason: %s…", j.Reasons, want)
			}
			w.wantTexts(uri+"2026/new", "new")
			w.wantStatus(uri+"2019/07", knowledge.Failed, "The file cannot be read. "+refusal.want)
		})
	}
}

func TestSourceThatRefusesAllDocumentsFailsTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	for i := range 20 {
		w.bucket.put(fmt.Sprintf("%s%02d", uri, i), "text")
	}
	w.bucket.set(func(b *bucket) {
		b.open = func(context.Context, knowledge.Object) error { return fault.New(fault.Denied, "Access was denied.") }
	})
	j := w.sync()
	w.want(j, knowledge.JobFailed, knowledge.Statistics{Scanned: 20, Failed: 20})
	if len(j.Reasons) == 0 || j.Reasons[0] != "Encountered error: Access was denied." {
		t.Errorf("got %q, want why first", j.Reasons)
	}
	w.bucket.set(func(b *bucket) { b.open = nil })
	w.want(w.sync(), knowledge.JobComplete, knowledge.Statistics{Scanned: 20, New: 20})
}

func TestSyncOfDirectDocumentsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source = w.addSource(knowledge.DataSource{Name: "custom", Kind: knowledge.Custom})
	w.start()
	w.queue(registry.DocumentsWork{Put: []registry.InlineDocument{{ID: "a", Text: text("alpha")}}})
	w.untilDone()
	j := w.sync()
	w.want(j, knowledge.JobFailed, knowledge.Statistics{})
	w.wantReasons(j, "Encountered error: A data source of the type CUSTOM has nothing to sync. Give it documents with IngestKnowledgeBaseDocuments.")
	w.wantTexts("a", "alpha")
}
