package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/store"
)

func TestKBAddFolder(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	cfg := config.Default()
	getenv := func(name string) string { return c.env[name] }
	cfg.Data = c.env["OUTCROP_DATA"]
	state, err := app.State(t.Context(), &cfg, getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
	// The server's side: a base that is in the state.
	resources := registry.New(registry.Params{Store: state})
	base, _, err := resources.CreateBase(t.Context(), knowledge.Base{Account: cfg.Account, Region: "eu-west-1", Name: "handbook"}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string][]string{
		bases: {`{"knowledgeBaseSummaries":[{"knowledgeBaseId":"` + base.ID + `","name":"handbook"}]}`},
		"POST /knowledgebases/" + base.ID + "/datasources/": {`{"dataSourceSummaries":[]}`},
	}
	s := &script{t: t, answers: answers}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.Path, "/knowledgebases/"+base.ID+"/datasources/"); ok && id != "" {
			s.mu.Lock()
			answers["GET "+r.URL.Path] = []string{`{"dataSource":{"dataSourceId":"` + id + `"}}`}
			s.mu.Unlock()
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.env["OUTCROP_LISTEN"] = strings.TrimPrefix(server.URL, "http://")

	folder := t.TempDir()
	c.must("kb", "--region", "eu-west-1", "add", "handbook", folder, "--watch", "--chunking", "hierarchical:800,80,8")
	sources, err := resources.AllSources(t.Context(), knowledge.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) != 1 {
		t.Fatalf("sources: got %d, want 1", len(sources))
	}
	got := sources[0]
	want := knowledge.DataSource{
		Account: cfg.Account, Region: "eu-west-1", Base: base.ID, ID: got.ID, Name: got.Name, Description: folderURI(folder),
		Kind: knowledge.Folder, Status: knowledge.SourceAvailable, Path: folder, Watch: true,
		Chunking: knowledge.Chunking{Strategy: knowledge.Hierarchical, ParentTokens: 800, ChildTokens: 80, OverlapTokens: 8},
		Config:   got.Config, Created: got.Created, Updated: got.Updated, Version: got.Version,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}

	// A folder with the server's own data in it is none of documents.
	for _, own := range []string{cfg.Data, filepath.Dir(cfg.Data)} {
		for _, args := range [][]string{{"add", "handbook", own}, {"create", "another", "--from", own}} {
			code, _, stderr := c.run(append([]string{"kb", "--region", "eu-west-1"}, args...)...)
			if code != 2 || !strings.Contains(stderr, "holds the data directory") {
				t.Errorf("%v: got exit code %d and %q, want it refused before anything is made", args, code, stderr)
			}
		}
	}

	// Nothing is made in a base that there is not.
	answers[bases] = []string{`{"knowledgeBaseSummaries":[{"knowledgeBaseId":"AAAAAAAAAA","name":"other"}]}`}
	answers["POST /knowledgebases/AAAAAAAAAA/datasources/"] = []string{`{"dataSourceSummaries":[]}`}
	if code, _, stderr := c.run("kb", "--region", "eu-west-1", "add", "other", folder); code != 1 || !strings.Contains(stderr, "AAAAAAAAAA") {
		t.Errorf("unknown base: got exit code %d and %q", code, stderr)
	}
}
