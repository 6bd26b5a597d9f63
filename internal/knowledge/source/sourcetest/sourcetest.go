// Package sourcetest is the contract of knowledge.Source as tests: every
// adapter runs it against the real thing that it reads.
//
// It knows the port alone. Only tests import it.
package sourcetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Fixture is a source with a way to change what it offers.
type Fixture struct {
	Source knowledge.Source
	// Put makes or replaces an object; its name has slashes. A replaced object
	// is different from the one before in the adapter's eyes.
	Put func(t *testing.T, name, content string)
	// Remove removes an object.
	Remove func(t *testing.T, name string)
	// ID is what an object of that name is known by.
	ID func(name string) string
	// Missing is a source of the same kind over nothing at all: no bucket, no
	// folder.
	Missing knowledge.Source
}

// names are what people call their files, in no order.
var names = []string{
	"report.pdf", "Report.pdf", "a/b.txt", "a-b.txt", "a.txt", "a/b/c.txt", "a b.txt", "a+b.txt", "a%20b.txt", "100%.txt",
	"ümläut.txt", "世界/文書.md", "emoji 🙂.txt", "quote'd (1).txt", "semi;colon.txt", "hash#tag.txt", "quest?ion.txt", "report.pdf.metadata.json",
}

// Run runs the contract. newFixture makes an empty source each time.
func Run(t *testing.T, newFixture func(t *testing.T) Fixture) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
		"EmptyListIsNoError":          emptyList,
		"ListIsInOrderOfIDs":          order,
		"ListedObjectsOpen":           listedOpen,
		"StatTellsWhatListTells":      stat,
		"ETagChangesWithTheContent":   etags,
		"ChangedObjectIsAConflict":    changed,
		"RemovedObjectIsNotFound":     removed,
		"ForeignIDIsNotFound":         foreign,
		"MissingIsNotFound":           missing,
		"YieldStopsTheList":           yieldStops,
		"CanceledContextStopsTheList": canceled,
		"ConcurrentUse":               concurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, newFixture(t)) })
	}
}

func list(t *testing.T, s knowledge.Source) []knowledge.Object {
	t.Helper()
	var objects []knowledge.Object
	err := s.List(t.Context(), func(o knowledge.Object) error {
		objects = append(objects, o)
		return nil
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return objects
}

func read(ctx context.Context, s knowledge.Source, o knowledge.Object) (string, error) {
	r, err := s.Open(ctx, o)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: got %v, want %s", what, err, kind)
	}
}

func emptyList(t *testing.T, f Fixture) {
	if got := list(t, f.Source); len(got) > 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

func order(t *testing.T, f Fixture) {
	var want []string
	for _, name := range names {
		f.Put(t, name, name)
		want = append(want, f.ID(name))
	}
	slices.Sort(want)
	var got []string
	for _, o := range list(t, f.Source) {
		got = append(got, o.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func listedOpen(t *testing.T, f Fixture) {
	byID := map[string]string{}
	for _, name := range names {
		f.Put(t, name, "content of "+name)
		byID[f.ID(name)] = name
	}
	for _, o := range list(t, f.Source) {
		name := byID[o.ID]
		text, err := read(t.Context(), f.Source, o)
		if want := "content of " + name; err != nil || text != want {
			t.Errorf("%s: got %q (%v), want %q", o.ID, text, err, want)
		}
		if want := name[strings.LastIndex(name, "/")+1:]; o.Name != want || o.Size != int64(len(text)) || o.ETag == "" || o.Modified.IsZero() {
			t.Errorf("%s: got %+v, want the name %s, %d bytes, an ETag and a time", o.ID, o, want, len(text))
		}
	}
}

func stat(t *testing.T, f Fixture) {
	f.Put(t, "dir/a b.txt", "text")
	want := list(t, f.Source)[0]
	got, err := f.Source.Stat(t.Context(), f.ID("dir/a b.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got.Modified, want.Modified = got.Modified.UTC(), want.Modified.UTC()
	// A list may tell a part of a second that a header has no room for.
	if got.Modified.Unix() != want.Modified.Unix() {
		t.Errorf("got the time %s, want %s", got.Modified, want.Modified)
	}
	got.Modified = want.Modified
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

func etags(t *testing.T, f Fixture) {
	f.Put(t, "a.txt", "one")
	f.Put(t, "b.txt", "same")
	before := list(t, f.Source)
	if again := list(t, f.Source); again[0].ETag != before[0].ETag {
		t.Errorf("got %s, then %s for the same object", before[0].ETag, again[0].ETag)
	}
	f.Put(t, "a.txt", "two")
	after := list(t, f.Source)
	if after[0].ETag == before[0].ETag {
		t.Errorf("got %s for another content", after[0].ETag)
	}
	if after[1].ETag != before[1].ETag {
		t.Errorf("got %s, then %s for an object that nobody touched", before[1].ETag, after[1].ETag)
	}
}

func changed(t *testing.T, f Fixture) {
	f.Put(t, "a.txt", "one")
	old := list(t, f.Source)[0]
	f.Put(t, "a.txt", "two")
	_, err := read(t.Context(), f.Source, old)
	wantKind(t, "open", err, fault.Conflict)
	now, err := f.Source.Stat(t.Context(), old.ID)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := read(t.Context(), f.Source, now); err != nil || text != "two" {
		t.Errorf("got %q (%v), want what it is now", text, err)
	}
}

func removed(t *testing.T, f Fixture) {
	f.Put(t, "dir/a.txt", "one")
	old := list(t, f.Source)[0]
	f.Remove(t, "dir/a.txt")
	_, err := read(t.Context(), f.Source, old)
	wantKind(t, "open", err, fault.NotFound)
	_, err = f.Source.Stat(t.Context(), old.ID)
	wantKind(t, "stat", err, fault.NotFound)
}

func foreign(t *testing.T, f Fixture) {
	f.Put(t, "a.txt", "one")
	for _, id := range []string{"", "x", "s3://", "s3://another-bucket/a.txt", "file:///etc/hostname", "file://host/a.txt", f.ID("none.txt"), f.ID("a.txt") + "/b"} {
		_, err := f.Source.Stat(t.Context(), id)
		wantKind(t, "stat of "+id, err, fault.NotFound)
		_, err = read(t.Context(), f.Source, knowledge.Object{ID: id, ETag: "x"})
		wantKind(t, "open of "+id, err, fault.NotFound)
	}
}

func missing(t *testing.T, f Fixture) {
	err := f.Missing.List(t.Context(), func(knowledge.Object) error { return nil })
	wantKind(t, "list", err, fault.NotFound)
}

func yieldStops(t *testing.T, f Fixture) {
	f.Put(t, "a.txt", "one")
	f.Put(t, "b.txt", "two")
	stop := errors.New("stop")
	seen := 0
	err := f.Source.List(t.Context(), func(knowledge.Object) error {
		seen++
		return stop
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("got %v after %d objects, want the caller's error after the first", err, seen)
	}
}

func canceled(t *testing.T, f Fixture) {
	f.Put(t, "a.txt", "one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := f.Source.List(ctx, func(knowledge.Object) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func concurrent(t *testing.T, f Fixture) {
	for _, name := range names {
		f.Put(t, name, name)
	}
	objects := list(t, f.Source)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range objects {
				o := objects[(i+j)%len(objects)]
				if _, err := read(t.Context(), f.Source, o); err != nil {
					t.Errorf("%s: %v", o.ID, err)
				}
			}
			if got := len(list(t, f.Source)); got != len(objects) {
				t.Errorf("got %d objects, want %d", got, len(objects))
			}
		})
	}
	wg.Wait()
}
