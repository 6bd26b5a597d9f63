package bedrockagent_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

// Lists go on where they ended, also where identifiers are too long for a
// position, and some of the documents wait in the queue.
func TestListDocumentsInPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b, _, err := f.registry.CreateBase(t.Context(), knowledge.Base{Account: f.account, Region: f.region, Name: "b", EmbeddingModel: "amazon.titan-embed-text-v2:0"}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	ds, _, err := f.registry.CreateSource(t.Context(), knowledge.DataSource{Account: f.account, Region: f.region, Base: b.ID, Name: "s", Kind: knowledge.Custom}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	index, err := f.indexes.Open(t.Context(), b.ID, knowledge.Spec{Model: "m", Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "z"}
	for i := range 4 {
		want = append(want, fmt.Sprint("short ", i), strings.Repeat("é", 1000)+fmt.Sprint(i), strings.Repeat("é", 749)+fmt.Sprint(i), strings.Repeat("x", 1499+i))
	}
	slices.Sort(want)
	var queued registry.DocumentsWork
	for i, id := range want {
		if i%3 == 0 {
			text := "x"
			queued.Put = append(queued.Put, registry.InlineDocument{ID: id, Text: &text})
			continue
		}
		if err := index.Put(t.Context(), "", knowledge.Document{Source: ds.ID, ID: id, Status: knowledge.Indexed, Updated: f.time}, &knowledge.Content{}, knowledge.OutcomeNone); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.registry.QueueDocuments(t.Context(), ds, queued, store.Token{}); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, 5, 8, len(want) - 1, len(want), len(want) + 1} {
		var got []string
		for next := ""; ; {
			body, err := json.Marshal(map[string]any{"maxResults": limit, "nextToken": next})
			if next == "" {
				body, err = json.Marshal(map[string]any{"maxResults": limit})
			}
			if err != nil {
				t.Fatal(err)
			}
			answer := f.send("POST", "/knowledgebases/"+b.ID+"/datasources/"+ds.ID+"/documents", body)
			_, text, ok := strings.Cut(answer, "200\n")
			if !ok {
				t.Fatalf("limit %d: got %s", limit, answer)
			}
			var page struct {
				NextToken       string
				DocumentDetails []struct {
					Identifier struct{ Custom struct{ ID string } }
					Status     string
				}
			}
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				t.Fatal(err)
			}
			if n := len(page.DocumentDetails); n > limit || n == 0 {
				t.Errorf("limit %d: got a page of %d", limit, n)
			}
			for _, d := range page.DocumentDetails {
				got = append(got, d.Identifier.Custom.ID)
				if d.Status != "INDEXED" && d.Status != "STARTING" {
					t.Errorf("limit %d: got the status %s", limit, d.Status)
				}
			}
			if next = page.NextToken; next == "" {
				break
			}
			if len(got) > 2*len(want) {
				t.Fatalf("limit %d: got no end", limit)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %d documents, want each of the %d once and in their order", limit, len(got), len(want))
		}
	}
}
