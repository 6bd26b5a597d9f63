package bedrockagent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/resourcepolicy"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/bedrockagent"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// fixture is a service on a real store and real indexes, with a clock and IDs
// that are the same in every run.
type fixture struct {
	t        *testing.T
	time     time.Time
	ids      int
	account  string
	region   string
	store    store.Store
	registry *registry.Registry
	indexes  knowledge.Indexes
	handlers map[string]schema.Handler
	routes   *restjson.Router
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), account: "000000000000", region: "us-east-1"}
	now := func() time.Time { return f.time }
	s, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := embedded.Open(t.TempDir(), embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, closer := range []interface{ Close() error }{indexes, s} {
			if err := closer.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	f.store, f.indexes = s, indexes
	f.registry = registry.New(registry.Params{Store: s, Now: now, NewID: func() string {
		f.ids++
		return fmt.Sprintf("ID%08d", f.ids)
	}})
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	models, err := router.New(c, map[string]inference.Backend{"mem": mem.New(mem.Params{})}, router.Params{DefaultChat: "chat", DefaultEmbedding: "vectors"})
	if err != nil {
		t.Fatal(err)
	}
	f.handlers = map[string]schema.Handler{}
	for _, h := range api.Handlers(bedrockagent.New(c, models, f.registry, indexes, resourcepolicy.New(resourcepolicy.Params{Store: s, Now: now}))) {
		f.handlers[h.Op.Name] = h
	}
	f.routes = restjson.NewRouter(api.Schema())
	return f
}

// send takes a request the way of the edge: route, decode, check, call, encode.
func (f *fixture) send(method, target string, body []byte) string {
	f.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		f.t.Fatal(err)
	}
	matches := f.routes.Match(method, u.EscapedPath(), u.RawQuery)
	if len(matches) == 0 {
		f.t.Fatalf("%s %s: got no operation", method, target)
	}
	m := matches[0]
	resp, err := f.answer(m, u.Query(), body)
	if err != nil {
		fields := ""
		if e := fault.As(err); e.Kind == fault.Internal {
			fields = " " + err.Error() // what no client sees, a test should
		}
		return fmt.Sprintf("%s: %s: %s%s", m.Op.Name, fault.KindOf(err), fault.As(err).Message, fields)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, resp.Body, "", "  "); err != nil {
		f.t.Fatalf("%s: %v in %s", m.Op.Name, err, resp.Body)
	}
	return fmt.Sprintf("%s: %d\n%s", m.Op.Name, resp.Status, indented.String())
}

func (f *fixture) answer(m restjson.Match, query url.Values, body []byte) (*schema.Response, error) {
	codec := restjson.Codec{}
	input, err := codec.DecodeRequest(&schema.Request{Service: m.Service, Op: m.Op, Labels: m.Labels, Query: query, Header: http.Header{}, Body: body})
	if err != nil {
		return nil, err
	}
	if err := constraint.Check(m.Op.Input, input); err != nil {
		return nil, err
	}
	ctx := call.With(f.t.Context(), &call.Call{Account: f.account, Region: f.region})
	out, err := f.handlers[m.Op.Name].Unary(ctx, input)
	if err != nil {
		return nil, err
	}
	return codec.EncodeResponse(m.Service, m.Op, out, "")
}

// command does what the world around the service does between two requests.
func (f *fixture) command(line string) string {
	f.t.Helper()
	words := strings.Fields(line)
	check := func(err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatalf("%s: %v", line, err)
		}
	}
	switch words[0] {
	case "@pass": // time
		d, err := time.ParseDuration(words[1])
		check(err)
		f.time = f.time.Add(d)
	case "@caller": // account, region
		f.account, f.region = words[1], words[2]
	case "@source": // a data source that the command line made: base, kind, path, strategy
		ds, _, err := f.registry.CreateSource(f.t.Context(), knowledge.DataSource{
			Account: f.account, Region: f.region, Base: words[1], Name: strings.ToLower(words[2]), Kind: knowledge.SourceKind(words[2]), Path: words[3],
			Chunking: knowledge.Chunking{Strategy: knowledge.ChunkingStrategy(words[4]), MaxTokens: 100, OverlapPercent: 10},
		}, store.Token{})
		check(err)
		return ds.ID
	case "@job": // what the worker makes of a job: base, source, job, status, statistics
		j, err := f.registry.Job(f.t.Context(), f.account, f.region, words[1], words[2], words[3])
		check(err)
		j.Status = knowledge.JobStatus(words[4])
		check(json.Unmarshal([]byte(words[5]), &j.Statistics))
		j.Reasons = words[6:]
		_, err = f.registry.UpdateJob(f.t.Context(), j)
		check(err)
	case "@index": // what the worker makes of a document: base, source, document, status, reason
		index, err := f.indexes.Open(f.t.Context(), words[1], knowledge.Spec{Model: "m", Dimensions: 2})
		check(err)
		check(index.Put(f.t.Context(), "", knowledge.Document{
			Source: words[2], ID: words[3], Status: knowledge.DocumentStatus(words[4]), Reason: strings.Join(words[5:], " "), Updated: f.time,
		}, &knowledge.Content{}, knowledge.OutcomeNone))
	case "@remove": // base, source, document
		index, err := f.indexes.Existing(f.t.Context(), words[1])
		check(err)
		check(index.Remove(f.t.Context(), "", words[2], words[3:], knowledge.OutcomeNone))
	case "@work": // shows what is queued, and finishes it
		return f.work()
	default:
		f.t.Fatalf("unknown command %s", line)
	}
	return "done"
}

func (f *fixture) work() string {
	f.t.Helper()
	var out strings.Builder
	for {
		j, ok, err := f.store.Claim(f.t.Context(), []string{registry.WorkSync, registry.WorkDocuments, registry.WorkDeleteBase, registry.WorkDeleteSource}, time.Hour)
		if err != nil {
			f.t.Fatal(err)
		}
		if !ok {
			return strings.TrimSuffix(out.String(), "\n")
		}
		fmt.Fprintf(&out, "%s %s\n", j.Kind, j.Payload)
		w, err := registry.DecodeWork(j)
		if err == nil && w.Documents != nil {
			err = f.registry.FinishDocuments(f.t.Context(), w)
		}
		if err == nil {
			err = f.store.Finish(f.t.Context(), j)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// TestScenarios plays the files of testdata. A file is a list of exchanges,
// between lines of dashes: a comment, the request (a line "METHOD /path" and a
// body) or a command, a line "->", and what came of it. $NEXT is the nextToken
// of the answer before.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newFixture(t).play(string(text))
			if goldentest.Updating() {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("got differs from want (-want +got):\n%s", diff)
			}
		})
	}
}

const border = "----\n"

func (f *fixture) play(text string) string {
	f.t.Helper()
	var out strings.Builder
	next := ""
	for i, exchange := range strings.Split(text, border) {
		asked, _, _ := strings.Cut(exchange, "->\n")
		asked = strings.TrimRight(asked, "\n") + "\n"
		if i > 0 {
			out.WriteString(border)
		}
		out.WriteString(asked + "->\n")
		var lines []string
		for line := range strings.Lines(asked) {
			if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
				lines = append(lines, strings.ReplaceAll(line, "$NEXT", next))
			}
		}
		if len(lines) == 0 {
			f.t.Fatalf("exchange %d asks nothing", i+1)
		}
		var answer string
		if strings.HasPrefix(lines[0], "@") {
			answer = f.command(strings.TrimSpace(lines[0]))
		} else {
			method, target, _ := strings.Cut(strings.TrimSpace(lines[0]), " ")
			answer = f.send(method, target, []byte(strings.Join(lines[1:], "")))
			next = nextToken(answer)
		}
		out.WriteString(answer + "\n")
	}
	return out.String()
}

func nextToken(answer string) string {
	_, body, _ := strings.Cut(answer, "\n")
	var page struct {
		NextToken string `json:"nextToken"`
	}
	_ = json.Unmarshal([]byte(body), &page) // an error answer has none
	return page.NextToken
}
