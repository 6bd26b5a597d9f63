package bedrockagent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/store"
)

// What a client writes is what the worker reads, and what another client sees
// when nothing but that is known.
func TestDataSourceReachesTheWorker(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config string // vectorIngestionConfiguration
		want   knowledge.Chunking
	}{
		"none":               {"", knowledge.Chunking{}},
		"empty":              {`{}`, knowledge.Chunking{}},
		"no chunking":        {`{"chunkingConfiguration": {"chunkingStrategy": "NONE"}}`, knowledge.Chunking{Strategy: knowledge.NoChunking}},
		"fixed by default":   {`{"chunkingConfiguration": {"chunkingStrategy": "FIXED_SIZE"}}`, knowledge.Chunking{Strategy: knowledge.FixedSize, MaxTokens: 300, OverlapPercent: 20}},
		"levels by default":  {`{"chunkingConfiguration": {"chunkingStrategy": "HIERARCHICAL"}}`, knowledge.Chunking{Strategy: knowledge.Hierarchical, ParentTokens: 1500, ChildTokens: 300, OverlapTokens: 60}},
		"meaning by default": {`{"chunkingConfiguration": {"chunkingStrategy": "SEMANTIC"}}`, knowledge.Chunking{Strategy: knowledge.Semantic, MaxTokens: 300, BreakpointPercentile: 95}},
		"fixed": {
			`{"chunkingConfiguration": {"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": {"maxTokens": 8192, "overlapPercentage": 1}}}`,
			knowledge.Chunking{Strategy: knowledge.FixedSize, MaxTokens: 8192, OverlapPercent: 1},
		},
		"levels": {
			`{"chunkingConfiguration": {"chunkingStrategy": "HIERARCHICAL", "hierarchicalChunkingConfiguration": {"levelConfigurations": [{"maxTokens": 3}, {"maxTokens": 2}], "overlapTokens": 1}}}`,
			knowledge.Chunking{Strategy: knowledge.Hierarchical, ParentTokens: 3, ChildTokens: 2, OverlapTokens: 1},
		},
		"meaning": {
			`{"chunkingConfiguration": {"chunkingStrategy": "SEMANTIC", "semanticChunkingConfiguration": {"maxTokens": 200, "bufferSize": 1, "breakpointPercentileThreshold": 50}}}`,
			knowledge.Chunking{Strategy: knowledge.Semantic, MaxTokens: 200, BufferSize: 1, BreakpointPercentile: 50},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			b := f.base("amazon.titan-embed-text-v2:0")
			body := `{"name": "s", "dataSourceConfiguration": {"type": "S3", "s3Configuration": {"bucketArn": "arn:aws-cn:s3:::my.docs", "inclusionPrefixes": ["a/"], "bucketOwnerAccountId": "123456789012"}}`
			if tt.config != "" {
				body += `, "vectorIngestionConfiguration": ` + tt.config
			}
			answer := f.send("PUT", "/knowledgebases/"+b.ID+"/datasources/", []byte(body+"}"))
			var made struct{ DataSource struct{ DataSourceID string } }
			_, text, _ := strings.Cut(answer, "200\n")
			if err := json.Unmarshal([]byte(text), &made); err != nil {
				t.Fatal(err, answer)
			}
			got, err := f.registry.Source(t.Context(), f.account, f.region, b.ID, made.DataSource.DataSourceID)
			if err != nil {
				t.Fatal(err)
			}
			want := knowledge.DataSource{
				Account: f.account, Region: f.region, Base: b.ID, ID: made.DataSource.DataSourceID, Name: "s", Kind: knowledge.S3, Status: knowledge.SourceAvailable,
				Bucket: "my.docs", BucketOwner: "123456789012", Prefixes: []string{"a/"}, Chunking: tt.want,
				Config: got.Config, Created: f.time, Updated: f.time, Version: 1,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("data source: got differs from want (-want +got):\n%s", diff)
			}

			// The same, made by somebody else: an update with what is shown changes nothing.
			bare := want
			bare.Config, bare.Name = nil, "bare"
			if bare, _, err = f.registry.CreateSource(t.Context(), bare, store.Token{}); err != nil {
				t.Fatal(err)
			}
			target := "/knowledgebases/" + b.ID + "/datasources/" + bare.ID
			shown := f.send("GET", target, nil)
			var source struct {
				DataSource map[string]json.RawMessage
			}
			_, text, _ = strings.Cut(shown, "200\n")
			if err := json.Unmarshal([]byte(text), &source); err != nil {
				t.Fatal(err, shown)
			}
			again, err := json.Marshal(source.DataSource)
			if err != nil {
				t.Fatal(err)
			}
			if updated := f.send("PUT", target, again); !strings.HasPrefix(updated, "UpdateDataSource: 200") {
				t.Errorf("update with what is shown: got %s", updated)
			}
			changed, err := f.registry.Source(t.Context(), f.account, f.region, b.ID, bare.ID)
			if err != nil {
				t.Fatal(err)
			}
			bare.Version, bare.Config = 2, changed.Config
			bare.BucketOwner, bare.Prefixes = want.BucketOwner, want.Prefixes
			if diff := cmp.Diff(bare, changed); diff != "" {
				t.Errorf("updated with what is shown: got differs from want (-want +got):\n%s", diff)
			}
		})
	}
}

// A folder stays the folder that it is, whatever a client writes: its description
// is where it is shown which one.
func TestFolderKeepsItsDescription(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.base("amazon.titan-embed-text-v2:0")
	folder, _, err := f.registry.CreateSource(t.Context(), knowledge.DataSource{
		Account: f.account, Region: f.region, Base: b.ID, Name: "notes", Description: "file:///notes", Kind: knowledge.Folder, Path: "/notes", Watch: true,
	}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	for _, description := range []string{"", `, "description": "file:///etc"`} {
		body := `{"name": "renamed", "dataSourceConfiguration": {"type": "CUSTOM"}` + description + `}`
		if got := f.send("PUT", "/knowledgebases/"+b.ID+"/datasources/"+folder.ID, []byte(body)); !strings.HasPrefix(got, "UpdateDataSource: 200") {
			t.Fatal(got)
		}
		got, err := f.registry.Source(t.Context(), f.account, f.region, b.ID, folder.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "renamed" || got.Description != "file:///notes" || got.Path != "/notes" || got.Kind != knowledge.Folder || !got.Watch {
			t.Errorf("update with %s: got %+v, want another name and nothing else", body, got)
		}
	}
}

func (f *fixture) base(model string) knowledge.Base {
	f.t.Helper()
	b, _, err := f.registry.CreateBase(f.t.Context(), knowledge.Base{Account: f.account, Region: f.region, Name: "b", RoleARN: "role", EmbeddingModel: model}, store.Token{})
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// The operator has taken a model away since the base was made.
func TestWorkWithoutAModelIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.base("acme.gone-embeddings")
	ds, _, err := f.registry.CreateSource(t.Context(), knowledge.DataSource{Account: f.account, Region: f.region, Base: b.ID, Name: "s", Kind: knowledge.Custom}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	target := "/knowledgebases/" + b.ID + "/datasources/" + ds.ID
	want := "invalid: Knowledge base role role is not able to call specified bedrock embedding model acme.gone-embeddings: "
	for what, got := range map[string]string{
		"StartIngestionJob":            f.send("PUT", target+"/ingestionjobs/", []byte("{}")),
		"IngestKnowledgeBaseDocuments": f.send("PUT", target+"/documents", []byte(`{"documents": [{"content": {"dataSourceType": "CUSTOM", "custom": {"customDocumentIdentifier": {"id": "a"}, "sourceType": "IN_LINE", "inlineContent": {"type": "TEXT", "textContent": {"data": "x"}}}}}]}`)),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s…", what, got, want)
		}
	}
	// But it can still be looked at, renamed and deleted.
	shown := f.send("GET", "/knowledgebases/"+b.ID, nil)
	if !strings.Contains(shown, `"embeddingModelArn": "acme.gone-embeddings"`) {
		t.Errorf("GetKnowledgeBase: got %s", shown)
	}
	renamed := f.send("PUT", "/knowledgebases/"+b.ID, []byte(`{"name": "c", "roleArn": "arn:aws:iam::000000000000:role/kb",
		"knowledgeBaseConfiguration": {"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": "acme.gone-embeddings"}}}`))
	if !strings.HasPrefix(renamed, "UpdateKnowledgeBase: 202") {
		t.Errorf("UpdateKnowledgeBase: got %s", renamed)
	}
	if got := f.send("DELETE", "/knowledgebases/"+b.ID, nil); !strings.HasPrefix(got, "DeleteKnowledgeBase: 202") {
		t.Errorf("DeleteKnowledgeBase: got %s", got)
	}
}

// A job tells as much of its failures as the service model allows.
func TestFailureReasonsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	b := f.base("amazon.titan-embed-text-v2:0")
	ds, _, err := f.registry.CreateSource(t.Context(), knowledge.DataSource{Account: f.account, Region: f.region, Base: b.ID, Name: "s", Kind: knowledge.S3, Bucket: "b"}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := f.registry.StartJob(t.Context(), knowledge.Job{Account: f.account, Region: f.region, Base: b.ID, Source: ds.ID}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	j.Status = knowledge.JobFailed
	for i := range 2050 {
		reason := "short"
		if i > 2040 {
			reason = strings.Repeat("ß", 3000)
		}
		j.Reasons = append(j.Reasons, reason)
	}
	if _, err := f.registry.UpdateJob(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	answer := f.send("GET", "/knowledgebases/"+b.ID+"/datasources/"+ds.ID+"/ingestionjobs/"+j.ID, nil)
	_, text, _ := strings.Cut(answer, "200\n")
	var got struct {
		IngestionJob struct{ FailureReasons []string }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if reasons := got.IngestionJob.FailureReasons; len(reasons) != 2048 || reasons[2047] != strings.Repeat("ß", 2048) {
		t.Errorf("got %d reasons, the last of %d bytes, want 2048 of 2048 characters", len(reasons), len(reasons[len(reasons)-1]))
	}
}
