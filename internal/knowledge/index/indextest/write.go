package indextest

import (
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

func testDocuments(t *testing.T, s Subject) {
	index := open(t, s)
	_, err := index.Document(t.Context(), source, "a")
	wantKind(t, "a document that there is not", err, fault.NotFound)

	var want []knowledge.Document
	for i := range 10 {
		d := document(fmt.Sprintf("s3://bucket/%c ä/file", 'a'+i))
		d.MetadataETag = "m"
		d.Size = 1 << 40
		d.Reason = "why"
		d.Chunks = i % 3
		if i%2 == 1 {
			d.Status = knowledge.Failed
			err = index.Put(t.Context(), "", d, nil, knowledge.OutcomeNone)
		} else {
			content := &knowledge.Content{}
			for c := range d.Chunks {
				content.Chunks = append(content.Chunks, chunk(fmt.Sprint(i, c), "text", unit(size, 1)))
			}
			err = index.Put(t.Context(), "", d, content, knowledge.OutcomeNone)
		}
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, d)
	}
	other := document("s3://bucket/other")
	other.Source = "DS00000002"
	put(t, index, other, nil)

	got, err := index.Document(t.Context(), source, want[3].ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want[3], got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	for _, limit := range []int{0, 1, 3, 10, 11} {
		var all []knowledge.Document
		for after := ""; ; after = all[len(all)-1].ID {
			page, err := index.Documents(t.Context(), source, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if limit > 0 && len(page) > limit {
				t.Errorf("limit %d: got %d documents", limit, len(page))
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
		}
		if diff := gocmp.Diff(want, all); diff != "" {
			t.Errorf("limit %d: documents (-want +got):\n%s", limit, diff)
		}
	}
}

func testReplace(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), knowledge.Metadata{"v": knowledge.Number(1)}, chunk("a1", "zebra one", unit(size, 1)), chunk("a2", "zebra two", unit(size, 0, 1)))
	put(t, index, document("b"), nil, chunk("b1", "zebra three", unit(size, 0, 0, 1)))
	text := knowledge.Query{Mode: knowledge.TextSearch, Text: "zebra", Limit: 10}
	for round, tc := range []struct {
		chunks []string
		want   []string
	}{
		{[]string{"a3"}, []string{"a3", "b1"}},
		{[]string{"a4", "a5", "a6", "a7"}, []string{"a4", "a5", "a6", "a7", "b1"}},
		{nil, []string{"b1"}}, // an empty content removes them
		{[]string{"a8"}, []string{"a8", "b1"}},
	} {
		var chunks []knowledge.Chunk
		for _, id := range tc.chunks {
			chunks = append(chunks, chunk(id, "zebra again", unit(size, 1)))
		}
		put(t, index, document("a"), knowledge.Metadata{"round": knowledge.Number(float64(round))}, chunks...)
		if diff := gocmp.Diff(tc.want, all(t, index, nil)); diff != "" {
			t.Errorf("round %d: chunks (-want +got):\n%s", round, diff)
		}
		found := ids(search(t, index, text))
		slices.Sort(found)
		if diff := gocmp.Diff(tc.want, found); diff != "" {
			t.Errorf("round %d: chunks by text (-want +got):\n%s", round, diff)
		}
		got := all(t, index, &knowledge.Filter{Operator: knowledge.Equals, Key: "round", Value: knowledge.Number(float64(round))})
		if diff := gocmp.Diff(tc.chunks, got); diff != "" && len(tc.chunks)+len(got) > 0 {
			t.Errorf("round %d: chunks by the new metadata (-want +got):\n%s", round, diff)
		}
	}
	if got := all(t, index, &knowledge.Filter{Operator: knowledge.Equals, Key: "v", Value: knowledge.Number(1)}); len(got) != 0 {
		t.Errorf("got %v by metadata that was replaced, want nothing", got)
	}
}

func testStatus(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), knowledge.Metadata{"k": knowledge.String("v")}, chunk("1", "one", unit(size, 1)))
	for _, status := range []knowledge.DocumentStatus{knowledge.Pending, knowledge.Failed} {
		d := document("a")
		d.Status, d.Reason, d.Chunks, d.MIME = status, "because", 7, "text/html"
		if err := index.Put(t.Context(), "", d, nil, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
		got, err := index.Document(t.Context(), source, "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(d, got); diff != "" {
			t.Errorf("document (-want +got):\n%s", diff)
		}
		hits := search(t, index, knowledge.Query{Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 5, Filter: &knowledge.Filter{
			Operator: knowledge.All, Members: []knowledge.Filter{
				{Operator: knowledge.Equals, Key: "k", Value: knowledge.String("v")},
				{Operator: knowledge.Equals, Key: knowledge.KeyMIME, Value: knowledge.String("text/html")},
			},
		}})
		wantIDs(t, "chunks are kept", hits, "1")
	}
}

func testMetadata(t *testing.T, s Subject) {
	index := open(t, s)
	own := chunk("1", "one", unit(size, 1))
	own.Metadata = knowledge.Metadata{"own": knowledge.Bool(true), "both": knowledge.String("chunk")}
	own.Page = 4
	put(t, index, document("a"), knowledge.Metadata{"old": knowledge.String("x"), "both": knowledge.String("document")}, own, chunk("2", "two", unit(size, 0, 1)))
	d := document("a")
	d.MetadataETag, d.Chunks = "new", 2
	metadata := knowledge.Metadata{"new": knowledge.Number(2), "both": knowledge.String("changed")}
	if err := index.PutMetadata(t.Context(), "job", d, metadata, knowledge.OutcomeMetadataModified); err != nil {
		t.Fatal(err)
	}
	got, err := index.Document(t.Context(), source, "a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(d, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		key   string
		value knowledge.Value
		want  []string
	}{
		"old":               {"old", knowledge.String("x"), nil},
		"new":               {"new", knowledge.Number(2), []string{"1", "2"}},
		"own":               {"own", knowledge.Bool(true), []string{"1"}},
		"page":              {knowledge.KeyPageNumber, knowledge.Number(4), []string{"1"}},
		"own over new":      {"both", knowledge.String("chunk"), []string{"1"}},
		"new where not own": {"both", knowledge.String("changed"), []string{"2"}},
	} {
		got := all(t, index, &knowledge.Filter{Operator: knowledge.Equals, Key: tc.key, Value: tc.value})
		if diff := gocmp.Diff(tc.want, got); diff != "" && len(tc.want)+len(got) > 0 {
			t.Errorf("%s: chunks (-want +got):\n%s", name, diff)
		}
	}
	if counts, err := index.Outcomes(t.Context(), "job"); err != nil || counts[knowledge.OutcomeMetadataModified] != 1 {
		t.Errorf("got outcomes %v, %v, want one of metadata", counts, err)
	}
}

func testRemove(t *testing.T, s Subject) {
	index := open(t, s)
	for _, id := range []string{"a", "b", "c"} {
		put(t, index, document(id), nil, chunk(id+"1", "same word", unit(size, 1)), chunk(id+"2", "same word", unit(size, 0, 1)))
	}
	other := document("a")
	other.Source = "DS00000002"
	put(t, index, other, nil, chunk("other", "same word", unit(size, 1)))
	if err := index.Remove(t.Context(), "job", source, []string{"a", "nowhere", "c", "a"}, knowledge.OutcomeDeleted); err != nil {
		t.Fatal(err)
	}
	if err := index.Remove(t.Context(), "job", source, nil, knowledge.OutcomeDeleted); err != nil {
		t.Fatal(err)
	}
	want := []string{"b1", "b2", "other"}
	if diff := gocmp.Diff(want, all(t, index, nil)); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	found := ids(search(t, index, knowledge.Query{Mode: knowledge.TextSearch, Text: "same", Limit: 10}))
	slices.Sort(found)
	if diff := gocmp.Diff(want, found); diff != "" {
		t.Errorf("chunks by text (-want +got):\n%s", diff)
	}
	_, err := index.Document(t.Context(), source, "a")
	wantKind(t, "the removed document", err, fault.NotFound)
	counts, err := index.Outcomes(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(map[knowledge.Outcome]int64{knowledge.OutcomeDeleted: 2}, counts); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func testRemoveSource(t *testing.T, s Subject) {
	index := open(t, s)
	for _, from := range []string{source, "DS00000002"} {
		for _, id := range []string{"a", "b"} {
			d := document(id)
			d.Source = from
			put(t, index, d, nil, chunk(from+id, "word", unit(size, 1)))
		}
	}
	for range 2 {
		if err := index.RemoveSource(t.Context(), source); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff([]string{"DS00000002a", "DS00000002b"}, all(t, index, nil)); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	if list, err := index.Documents(t.Context(), source, "", 0); err != nil || len(list) != 0 {
		t.Errorf("got documents %v, %v, want none", list, err)
	}
	if list, err := index.Documents(t.Context(), "DS00000002", "", 0); err != nil || len(list) != 2 {
		t.Errorf("got documents %v, %v, want those of the other source", list, err)
	}
}

func testOutcomes(t *testing.T, s Subject) {
	index := open(t, s)
	write := func(job, id string, outcome knowledge.Outcome) {
		t.Helper()
		if err := index.Put(t.Context(), job, document(id), nil, outcome); err != nil {
			t.Fatal(err)
		}
	}
	want := func(index knowledge.Index, job string, want map[knowledge.Outcome]int64) {
		t.Helper()
		got, err := index.Outcomes(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("outcomes of %s (-want +got):\n%s", job, diff)
		}
	}
	want(index, "one", map[knowledge.Outcome]int64{})
	write("one", "a", knowledge.OutcomeNew)
	write("one", "b", knowledge.OutcomeNew)
	write("one", "c", knowledge.OutcomeFailed)
	write("one", "b", knowledge.OutcomeModified) // the last one counts
	write("one", "a", knowledge.OutcomeNone)     // not counted, and the first one stays
	write("one", "d", knowledge.OutcomeNone)
	write("one", "e", knowledge.OutcomeSkipped)
	write("two", "a", knowledge.OutcomeModified)
	first := map[knowledge.Outcome]int64{
		knowledge.OutcomeNew: 1, knowledge.OutcomeModified: 1, knowledge.OutcomeFailed: 1, knowledge.OutcomeSkipped: 1,
	}
	second := map[knowledge.Outcome]int64{knowledge.OutcomeModified: 1}
	want(index, "one", first)
	want(index, "two", second)
	want(open(t, s), "one", first)
	if err := index.Forget(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if err := index.Forget(t.Context(), "nothing"); err != nil {
		t.Fatal(err)
	}
	want(index, "one", map[knowledge.Outcome]int64{})
	want(index, "two", second)
}

func testRefusals(t *testing.T, s Subject) {
	index := open(t, s)
	put(t, index, document("a"), nil, chunk("1", "one", unit(size, 1)))
	bad := unit(size, 1)
	bad[3] = float32(nan())
	part := chunk("2", "two", unit(size, 1))
	part.Parent = 0
	for name, c := range map[string]knowledge.Chunk{
		"short vector": chunk("2", "two", unit(size-1, 1)),
		"long vector":  chunk("2", "two", unit(size+1, 1)),
		"no vector":    chunk("2", "two", nil),
		"no number":    chunk("2", "two", bad),
		"no parent":    part,
	} {
		err := index.Put(t.Context(), "job", document("a"), &knowledge.Content{Chunks: []knowledge.Chunk{chunk("3", "three", unit(size, 1)), c}}, knowledge.OutcomeNew)
		wantKind(t, name, err, fault.Invalid)
	}
	for _, mode := range []knowledge.Mode{knowledge.SemanticSearch, knowledge.HybridSearch} {
		for name, v := range map[string][]float32{"short": unit(size-1, 1), "long": unit(size+1, 1), "none": nil, "no number": bad} {
			_, err := index.Search(t.Context(), knowledge.Query{Mode: mode, Vector: v, Text: "one", Limit: 1})
			wantKind(t, string(mode)+" with a vector that is "+name, err, fault.Invalid)
		}
	}
	_, err := index.Search(t.Context(), knowledge.Query{Mode: "OTHER", Vector: unit(size, 1), Limit: 1})
	wantKind(t, "another mode", err, fault.Invalid)
	_, err = index.Search(t.Context(), knowledge.Query{
		Mode: knowledge.SemanticSearch, Vector: unit(size, 1), Limit: 1, Filter: &knowledge.Filter{Operator: "near", Key: "k"},
	})
	wantKind(t, "another operator", err, fault.Invalid)
	if diff := gocmp.Diff([]string{"1"}, all(t, index, nil)); diff != "" {
		t.Errorf("chunks after refused writes (-want +got):\n%s", diff)
	}
	if counts, err := index.Outcomes(t.Context(), "job"); err != nil || len(counts) != 0 {
		t.Errorf("got outcomes %v, %v, want none of refused writes", counts, err)
	}
}
