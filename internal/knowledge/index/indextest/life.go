package indextest

import (
	"context"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

func testOpen(t *testing.T, s Subject) {
	indexes := s(t)
	got := make([]knowledge.Index, 8)
	var running sync.WaitGroup
	for i := range got {
		running.Go(func() {
			var err error
			if got[i], err = indexes.Open(t.Context(), base, spec()); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	for i, index := range got {
		if index != got[0] {
			t.Errorf("call %d: got another index than the first one, want the same", i)
		}
	}
	if diff := gocmp.Diff(spec(), got[0].Spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	other, err := indexes.Open(t.Context(), "KB00000002", spec())
	if err != nil {
		t.Fatal(err)
	}
	put(t, other, document("a"), nil, chunk("1", "one", unit(size, 1)))
	if hits := all(t, got[0], nil); len(hits) != 0 {
		t.Errorf("got %v in one index, want what was put into another one only there", hits)
	}
}

func testExisting(t *testing.T, s Subject) {
	indexes := s(t)
	for _, name := range []string{base, "", "..", "../x", "a/b", `a\b`} {
		_, err := indexes.Existing(t.Context(), name)
		wantKind(t, "an index that there is not, "+name, err, fault.NotFound)
	}
	made := openAs(t, indexes, spec())
	got, err := indexes.Existing(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if got != made {
		t.Error("got another index, want the one that is open")
	}
	later, err := s(t).Existing(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(spec(), later.Spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func testOtherModel(t *testing.T, s Subject) {
	indexes := s(t)
	openAs(t, indexes, spec())
	for name, change := range map[string]func(*knowledge.Spec){
		"model":      func(s *knowledge.Spec) { s.Model = "other/embedding" },
		"digest":     func(s *knowledge.Spec) { s.Digest = "sha256:fedcba9876543210" },
		"dimensions": func(s *knowledge.Spec) { s.Dimensions = 2 * size },
		"binary":     func(s *knowledge.Spec) { s.Binary = true },
	} {
		other := spec()
		change(&other)
		for when, indexes := range map[string]knowledge.Indexes{"open": indexes, "opened again": s(t)} {
			_, err := indexes.Open(t.Context(), base, other)
			wantKind(t, name+", "+when, err, fault.Conflict)
			if m := fault.As(err).Message; !strings.Contains(m, spec().Model) || !strings.Contains(m, other.Model) {
				t.Errorf("%s, %s: got message %q, want one that names both models", name, when, m)
			}
		}
	}
	for name, wrong := range map[string]knowledge.Spec{
		"no model":      {Dimensions: size},
		"no dimensions": {Model: "m"},
		"negative":      {Model: "m", Dimensions: -1},
	} {
		_, err := indexes.Open(t.Context(), "KB00000003", wrong)
		wantKind(t, name, err, fault.Invalid)
	}
}

func testDrop(t *testing.T, s Subject) {
	indexes := s(t)
	for _, name := range []string{base, "", "..", "a/b"} {
		if err := indexes.Drop(t.Context(), name); err != nil {
			t.Errorf("an index that there is not, %q: %v", name, err)
		}
	}
	index := openAs(t, indexes, spec())
	put(t, index, document("a"), nil, chunk("1", "one", unit(size, 1)))
	if err := indexes.Drop(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	if _, err := index.Search(t.Context(), knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 1}); err == nil {
		t.Error("a search in a dropped index: got no error, want one")
	}
	if err := index.Put(t.Context(), "", document("b"), nil, ""); err == nil {
		t.Error("a write into a dropped index: got no error, want one")
	}
	_, err := indexes.Existing(t.Context(), base)
	wantKind(t, "after the drop", err, fault.NotFound)
	other := spec()
	other.Model = "other/embedding"
	if got := all(t, openAs(t, indexes, other), nil); len(got) != 0 {
		t.Errorf("got %v in the index made anew, want nothing", got)
	}
}

func testClose(t *testing.T, s Subject) {
	indexes := s(t)
	index := openAs(t, indexes, spec())
	put(t, index, document("a"), nil, chunk("1", "one", unit(size, 1)))
	for range 2 {
		if err := indexes.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := indexes.Open(t.Context(), base, spec())
	wantKind(t, "Open", err, fault.Unavailable)
	_, err = indexes.Existing(t.Context(), base)
	wantKind(t, "Existing", err, fault.Unavailable)
	wantKind(t, "Drop", indexes.Drop(t.Context(), base), fault.Unavailable)
	wantKind(t, "Put", index.Put(t.Context(), "", document("b"), nil, ""), fault.Unavailable)
	_, err = index.Search(t.Context(), knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 1})
	wantKind(t, "Search", err, fault.Unavailable)
}

func testCanceled(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), nil, chunk("1", "one", unit(size, 1)))
	ctx := canceled()
	doc := document("b")
	for name, call := range map[string]func(context.Context) error{
		"Put": func(ctx context.Context) error {
			return index.Put(ctx, "job", doc, &knowledge.Content{Chunks: []knowledge.Chunk{chunk("2", "two", unit(size, 1))}}, knowledge.OutcomeNew)
		},
		"PutMetadata": func(ctx context.Context) error {
			return index.PutMetadata(ctx, "job", document("a"), knowledge.Metadata{"k": knowledge.String("v")}, knowledge.OutcomeNew)
		},
		"Remove": func(ctx context.Context) error {
			return index.Remove(ctx, "job", source, []string{"a"}, knowledge.OutcomeDeleted)
		},
		"RemoveSource": func(ctx context.Context) error { return index.RemoveSource(ctx, source) },
		"Search": func(ctx context.Context) error {
			_, err := index.Search(ctx, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 1})
			return err
		},
		"Documents": func(ctx context.Context) error {
			_, err := index.Documents(ctx, source, "", 0)
			return err
		},
	} {
		wantKind(t, name, call(ctx), fault.Canceled)
	}
	if got := all(t, index, nil); len(got) != 1 || got[0] != "1" {
		t.Errorf("got %v, want what there was before", got)
	}
	if counts, err := index.Outcomes(t.Context(), "job"); err != nil || len(counts) != 0 {
		t.Errorf("got outcomes %v, %v, want none", counts, err)
	}
}
