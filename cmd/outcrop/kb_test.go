package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
)

// script answers requests with what it was given, and remembers them. The last
// answer to a request is repeated.
type script struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]string // by "METHOD path"; "!Name text" is an exception
	asked   []string
}

// kbCLI is a command line beside a server that follows a script.
func kbCLI(t *testing.T, answers map[string][]string) (*cli, *script) {
	t.Helper()
	s := &script{t: t, answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c := newCLI(t)
	c.env["OUTCROP_LISTEN"] = strings.TrimPrefix(server.URL, "http://")
	return c, s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.Method + " " + r.URL.EscapedPath()
	s.asked = append(s.asked, strings.TrimSpace(key+" "+string(body)))
	left := s.answers[key]
	if len(left) == 0 {
		s.t.Errorf("got the request %s, want none like it", key)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer := left[0]
	if len(left) > 1 {
		s.answers[key] = left[1:]
	}
	if text, ok := strings.CutPrefix(answer, "!"); ok {
		name, message, _ := strings.Cut(text, " ")
		w.Header().Set("X-Amzn-Errortype", name+":http://internal.amazon.com/coral/com.amazon.bedrock/")
		w.WriteHeader(http.StatusBadRequest)
		answer = `{"message":"` + message + `"}`
	}
	w.Header().Set("X-Amzn-Bedrock-Knowledge-Base-Session-Id", "session-1")
	_, _ = io.WriteString(w, answer)
}

const (
	oneBase = `{"knowledgeBaseSummaries":[{"knowledgeBaseId":"BASE000001","name":"handbook","status":"ACTIVE","updatedAt":"2026-11-20T10:00:00Z","description":"All of it"}]}`
	bases   = "POST /knowledgebases/"
	sources = "POST /knowledgebases/BASE000001/datasources/"
	source  = "GET /knowledgebases/BASE000001/datasources/SOURCE0001"
	oneList = `{"dataSourceSummaries":[{"dataSourceId":"SOURCE0001","name":"handbook","status":"AVAILABLE","updatedAt":"2026-11-20T10:00:00Z"}]}`
	oneS3   = `{"dataSource":{"dataSourceId":"SOURCE0001","name":"handbook","status":"AVAILABLE","updatedAt":"2026-11-20T10:00:00Z","dataSourceConfiguration":{"type":"S3","s3Configuration":{"bucketArn":"arn:aws:s3:::docs","inclusionPrefixes":["a/"]}},"vectorIngestionConfiguration":{"chunkingConfiguration":{"chunkingStrategy":"FIXED_SIZE","fixedSizeChunkingConfiguration":{"maxTokens":100,"overlapPercentage":10}}}}}`
	start   = "PUT /knowledgebases/BASE000001/datasources/SOURCE0001/ingestionjobs/"
	latest  = "POST /knowledgebases/BASE000001/datasources/SOURCE0001/ingestionjobs/"
	theJob  = "GET /knowledgebases/BASE000001/datasources/SOURCE0001/ingestionjobs/JOB0000001"
	begun   = `{"ingestionJob":{"ingestionJobId":"JOB0000001","dataSourceId":"SOURCE0001","status":"STARTING","startedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:00Z"}}`
	running = `{"ingestionJob":{"ingestionJobId":"JOB0000001","status":"IN_PROGRESS","startedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:01Z","statistics":{"numberOfDocumentsScanned":40,"numberOfNewDocumentsIndexed":20}}}`
	ended   = `{"ingestionJob":{"ingestionJobId":"JOB0000001","status":"COMPLETE","startedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:02.5Z","statistics":{"numberOfDocumentsScanned":40,"numberOfNewDocumentsIndexed":38,"numberOfDocumentsDeleted":1,"numberOfDocumentsFailed":0}}}`
)

func TestKBList(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}})
	want := "ID          NAME      STATUS  UPDATED               DESCRIPTION\n" +
		"BASE000001  handbook  ACTIVE  2026-11-20T10:00:00Z  All of it\n"
	if diff := cmp.Diff(want, c.must("kb", "list")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if got := c.must("kb", "ls", "--json"); !strings.Contains(got, `"knowledgeBaseId": "BASE000001"`) {
		t.Errorf("got %s", got)
	}
}

func TestKBCreateAndSync(t *testing.T) {
	t.Parallel()
	c, s := kbCLI(t, map[string][]string{
		"PUT /knowledgebases/": {`{"knowledgeBase":{"knowledgeBaseId":"BASE000001","name":"handbook"}}`},
		sources:                {`{"dataSourceSummaries":[{"dataSourceId":"OTHER00001","name":"docs-a"}]}`},
		"PUT /knowledgebases/BASE000001/datasources/": {oneS3},
		start:  {begun},
		theJob: {running, ended},
	})
	code, stdout, stderr := c.run("kb", "create", "handbook", "--from", "s3://docs/a/", "--chunking", "fixed:100,10%", "--sync")
	if code != 0 {
		t.Fatalf("exit code: got %d and %s", code, stderr)
	}
	want := "handbook is there (BASE000001)\n" +
		"s3://docs/a/ is a source of handbook (SOURCE0001)\n" +
		"handbook: COMPLETE in 2.5s: 40 scanned, 38 new, 1 deleted\n"
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if want := "handbook: 40 documents\nhandbook: 20 of 40 documents\n"; !strings.HasPrefix(stderr, want) {
		t.Errorf("progress: got %q, want %q", stderr, want)
	}
	wantAsked := []string{
		`PUT /knowledgebases/ {"name":"handbook","roleArn":"arn:aws:iam::000000000000:role/AmazonBedrockExecutionRoleForKnowledgeBase_outcrop","knowledgeBaseConfiguration":{"type":"VECTOR","vectorKnowledgeBaseConfiguration":{"embeddingModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"}}}`,
		`POST /knowledgebases/BASE000001/datasources/ {"maxResults":1000}`,
		`PUT /knowledgebases/BASE000001/datasources/ {"name":"docs-a-2","dataSourceConfiguration":{"type":"S3","s3Configuration":{"bucketArn":"arn:aws:s3:::docs","inclusionPrefixes":["a/"]}},"vectorIngestionConfiguration":{"chunkingConfiguration":{"chunkingStrategy":"FIXED_SIZE","fixedSizeChunkingConfiguration":{"maxTokens":100,"overlapPercentage":10}}}}`,
		start + ` {}`, theJob, theJob,
	}
	if diff := cmp.Diff(wantAsked, s.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestKBSyncThatFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, end, stdout, stderr string
	}{
		{
			"documents", `{"ingestionJob":{"ingestionJobId":"JOB0000001","status":"COMPLETE","statistics":{"numberOfDocumentsScanned":2,"numberOfNewDocumentsIndexed":1,"numberOfDocumentsFailed":1},"failureReasons":["s3://docs/a.pdf: it is encrypted"],"startedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:01Z"}}`,
			"handbook: COMPLETE in 1s: 2 scanned, 1 new, 1 failed\n", "  s3://docs/a.pdf: it is encrypted\noutcrop: not everything could be indexed\n",
		},
		{
			"job", `{"ingestionJob":{"ingestionJobId":"JOB0000001","status":"FAILED","failureReasons":["there is no bucket docs"],"startedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:01Z"}}`,
			"handbook: FAILED in 1s: 0 scanned\n", "  there is no bucket docs\noutcrop: not everything could be indexed\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {oneList}, source: {oneS3}, start: {begun}, theJob: {tt.end}})
			code, stdout, stderr := c.run("kb", "sync", "handbook")
			if code != 1 || stdout != tt.stdout || !strings.HasSuffix(stderr, tt.stderr) {
				t.Errorf("got exit code %d, %q and %q, want 1, %q and %q", code, stdout, stderr, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestKBSyncWaitsForTheOneUnderWay(t *testing.T) {
	t.Parallel()
	const other = "GET /knowledgebases/BASE000001/datasources/SOURCE0001/ingestionjobs/JOB0000000"
	c, s := kbCLI(t, map[string][]string{
		bases: {oneBase}, sources: {oneList}, source: {oneS3},
		start:  {"!ConflictException One at a time.", begun},
		latest: {`{"ingestionJobSummaries":[{"ingestionJobId":"JOB0000000","status":"IN_PROGRESS"}]}`},
		other:  {`{"ingestionJob":{"ingestionJobId":"JOB0000000","status":"COMPLETE"}}`},
		theJob: {ended},
	})
	c.must("kb", "sync", "BASE000001")
	if !slices.Contains(s.asked, other) {
		t.Errorf("got the requests %q, want the other job followed", s.asked)
	}
}

func TestKBSyncInBackground(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {oneList}, source: {oneS3}, start: {begun}})
	if got, want := c.must("kb", "sync", "handbook", "--watch=false"), "handbook: job JOB0000001 has started\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKBSyncInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan struct{})
	c, s := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {oneList}, source: {oneS3}, start: {begun}, theJob: {running}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r)
		if r.Method+" "+r.URL.Path == theJob {
			select {
			case <-seen:
			default:
				close(seen)
				cancel()
			}
		}
	}))
	defer server.Close()
	c.env["OUTCROP_LISTEN"] = strings.TrimPrefix(server.URL, "http://")
	var stderr strings.Builder
	code := execute(ctx, []string{"kb", "sync", "handbook"}, strings.NewReader(""), io.Discard, &stderr, func(name string) string { return c.env[name] })
	if code != 130 || !strings.Contains(stderr.String(), "job JOB0000001 goes on in the server") {
		t.Errorf("got exit code %d and %q, want 130 and a word about the job", code, stderr.String())
	}
}

func TestKBWithoutSources(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {`{"dataSourceSummaries":[{"dataSourceId":"SOURCE0001","name":"put"}]}`},
		source: {`{"dataSource":{"dataSourceId":"SOURCE0001","name":"put","dataSourceConfiguration":{"type":"CUSTOM"}}}`}})
	if code, _, stderr := c.run("kb", "sync", "handbook"); code != 1 || !strings.Contains(stderr, "handbook has no source to sync; add one with") {
		t.Errorf("got exit code %d and %q", code, stderr)
	}
}

func TestKBShow(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{
		bases: {oneBase}, sources: {oneList}, source: {oneS3},
		"GET /knowledgebases/BASE000001": {`{"knowledgeBase":{"knowledgeBaseId":"BASE000001","name":"handbook","status":"ACTIVE","createdAt":"2026-11-20T09:00:00Z","updatedAt":"2026-11-20T10:00:00Z","knowledgeBaseConfiguration":{"type":"VECTOR","vectorKnowledgeBaseConfiguration":{"embeddingModelArn":"arn:aws:bedrock:us-east-1::foundation-model/m"}}}}`},
		latest:                           {`{"ingestionJobSummaries":[{"ingestionJobId":"JOB0000001","status":"COMPLETE","updatedAt":"2026-11-20T10:00:01Z","statistics":{"numberOfDocumentsScanned":3}}]}`},
	})
	want := "id               BASE000001\n" +
		"name             handbook\n" +
		"status           ACTIVE\n" +
		"embedding model  arn:aws:bedrock:us-east-1::foundation-model/m\n" +
		"created          2026-11-20T09:00:00Z\n" +
		"\n" +
		"SOURCE      NAME      FROM          CHUNKING      STATUS     LAST SYNC\n" +
		"SOURCE0001  handbook  s3://docs/a/  fixed:100,10  AVAILABLE  COMPLETE 2026-11-20T10:00:01Z, 3 scanned\n"
	if diff := cmp.Diff(want, c.must("kb", "show", "handbook")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got := c.must("kb", "show", "handbook", "--json"); !strings.Contains(got, `"lastIngestionJob": {`) {
		t.Errorf("got %s", got)
	}
}

func TestKBSearch(t *testing.T) {
	t.Parallel()
	const retrieve = "POST /knowledgebases/BASE000001/retrieve"
	c, s := kbCLI(t, map[string][]string{bases: {oneBase}, retrieve: {`{"retrievalResults":[{"content":{"text":"Thirty days.\n\nNo more."},"location":{"type":"S3","s3Location":{"uri":"s3://docs/refunds.pdf"}},"metadata":{"x-amz-bedrock-kb-document-page-number":2.0},"score":0.61234},{"content":{"text":"Shipping."},"location":{"type":"CUSTOM","customDocumentLocation":{"id":"file:///a.txt"}},"score":0.5}]}`}})
	got := c.must("kb", "search", "handbook", "refunds?", "--hybrid", "-n", "2", "--filter", `{"equals":{"key":"year","value":2026}}`)
	want := "1. s3://docs/refunds.pdf, page 3 (0.612)\n   Thirty days.\n\n   No more.\n\n2. file:///a.txt (0.500)\n   Shipping.\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	wantAsked := retrieve + ` {"retrievalQuery":{"text":"refunds?"},"retrievalConfiguration":{"vectorSearchConfiguration":{"numberOfResults":2,"overrideSearchType":"HYBRID","filter":{"equals":{"key":"year","value":2026}}}}}`
	if got := s.asked[len(s.asked)-1]; got != wantAsked {
		t.Errorf("request: got %s, want %s", got, wantAsked)
	}
	if got := c.must("kb", "search", "handbook", "refunds?", "--json"); !strings.Contains(got, `"score": 0.61234`) {
		t.Errorf("got %s", got)
	}
}

func TestKBAsk(t *testing.T) {
	t.Parallel()
	var stream []byte
	for _, event := range [][2]string{
		{"output", `{"text":"Thirty "}`}, {"output", `{"text":"days."}`},
		{"citation", `{"retrievedReferences":[{"location":{"type":"S3","s3Location":{"uri":"s3://docs/refunds.pdf"}}},{"location":{"type":"S3","s3Location":{"uri":"s3://docs/refunds.pdf"}}}]}`},
	} {
		var err error
		if stream, err = eventstream.Append(stream, eventstream.EventHeaders(event[0], "application/json"), []byte(event[1])); err != nil {
			t.Fatal(err)
		}
	}
	const ask = "POST /retrieveAndGenerateStream"
	c, s := kbCLI(t, map[string][]string{bases: {oneBase}, ask: {string(stream)}})
	code, stdout, stderr := c.run("kb", "ask", "handbook", "How long?", "--session", "session-0")
	if want := "Thirty days.\n\nSource: s3://docs/refunds.pdf\n"; code != 0 || stdout != want || stderr != "go on with: --session session-1\n" {
		t.Errorf("got exit code %d, %q and %q, want 0, %q and the session", code, stdout, stderr, want)
	}
	want := ask + ` {"input":{"text":"How long?"},"sessionId":"session-0","retrieveAndGenerateConfiguration":{"type":"KNOWLEDGE_BASE","knowledgeBaseConfiguration":{"knowledgeBaseId":"BASE000001","modelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0","retrievalConfiguration":{"vectorSearchConfiguration":{"numberOfResults":5}}}}}`
	if got := s.asked[len(s.asked)-1]; got != want {
		t.Errorf("request: got %s, want %s", got, want)
	}
	if got := c.must("kb", "ask", "handbook", "How long?", "--json"); !strings.Contains(got, `"text": "Thirty days."`) {
		t.Errorf("got %s", got)
	}
}

func TestKBDocs(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {oneList}, "POST /knowledgebases/BASE000001/datasources/SOURCE0001/documents": {
		`{"documentDetails":[{"status":"INDEXED","identifier":{"dataSourceType":"S3","s3":{"uri":"s3://docs/a.md"}},"updatedAt":"2026-11-20T10:00:00Z"},{"status":"FAILED","statusReason":"it is encrypted","identifier":{"dataSourceType":"CUSTOM","custom":{"id":"b"}}}]}`,
	}})
	want := "STATUS   DOCUMENT        UPDATED               REASON\n" +
		"INDEXED  s3://docs/a.md  2026-11-20T10:00:00Z  \n" +
		"FAILED   b               -                     it is encrypted\n"
	if diff := cmp.Diff(want, c.must("kb", "docs", "handbook")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if got := c.must("kb", "docs", "handbook", "--json"); !strings.Contains(got, `"dataSourceName": "handbook"`) {
		t.Errorf("got %s", got)
	}
}

func TestKBCreateUnderANameThatIsTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, bases, stderr string
	}{
		{"of a base", oneBase, "the knowledge base BASE000001 (ACTIVE) has the name handbook already; take another name, or give it a source with: " + os.Args[0] + " kb add handbook s3://docs/a/\n"},
		{"of none that is listed", `{"knowledgeBaseSummaries":[]}`, "ConflictException: Taken.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := kbCLI(t, map[string][]string{"PUT /knowledgebases/": {"!ConflictException Taken."}, bases: {tt.bases}})
			if code, _, stderr := c.run("kb", "create", "handbook", "--from", "s3://docs/a/"); code != 1 || stderr != "outcrop: "+tt.stderr {
				t.Errorf("got exit code %d and %q, want 1 and %q", code, stderr, tt.stderr)
			}
		})
	}
}

// Whoever finds nothing is told what the base lacks.
func TestKBThatFindsNothing(t *testing.T) {
	t.Parallel()
	const documents = "POST /knowledgebases/BASE000001/datasources/SOURCE0001/documents"
	stream, err := eventstream.Append(nil, eventstream.EventHeaders("output", "application/json"), []byte(`{"text":"Sorry."}`))
	if err != nil {
		t.Fatal(err)
	}
	const fits = "nothing in handbook fits the question\n"
	self := os.Args[0]
	for _, tt := range []struct {
		name, sources, documents string
		search, ask              string
	}{
		{"no sources", `{"dataSourceSummaries":[]}`, "", "handbook has no source of documents; add one with: " + self + " kb add handbook s3://bucket/prefix\n", ""},
		{"no documents", oneList, `{"documentDetails":[]}`, "handbook has no synced documents; sync it with: " + self + " kb sync handbook\n", ""},
		{"failed documents", oneList, `{"documentDetails":[{"status":"FAILED"}]}`, "no document of handbook is indexed; what became of each tells: " + self + " kb docs handbook\n", ""},
		{"more documents than are looked at", oneList, `{"documentDetails":[{"status":"FAILED"}],"nextToken":"more"}`, fits, "none"},
		{"documents", oneList, `{"documentDetails":[{"status":"FAILED"},{"status":"INDEXED"}]}`, fits, "none"},
		{"who knows", oneList, "!InternalServerException No.", fits, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := kbCLI(t, map[string][]string{
				bases: {oneBase}, sources: {tt.sources}, documents: {tt.documents},
				"POST /knowledgebases/BASE000001/retrieve": {`{"retrievalResults":[]}`}, "POST /retrieveAndGenerateStream": {string(stream)},
			})
			if code, stdout, stderr := c.run("kb", "search", "handbook", "q"); code != 0 || stdout != "" || stderr != tt.search {
				t.Errorf("search: got exit code %d, %q and %q, want 0, nothing and %q", code, stdout, stderr, tt.search)
			}
			want := "go on with: --session session-1\n"
			if tt.ask == "" {
				want = tt.search + want
			}
			if code, stdout, stderr := c.run("kb", "ask", "handbook", "q"); code != 0 || stdout != "Sorry.\n\n" || stderr != want {
				t.Errorf("ask: got exit code %d, %q and %q, want 0, the answer and %q", code, stdout, stderr, want)
			}
		})
	}
}

func TestKBDocsWithALongKey(t *testing.T) {
	t.Parallel()
	key := "s3://docs/" + strings.Repeat("é/", 500) + "report.pdf"
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, sources: {oneList}, "POST /knowledgebases/BASE000001/datasources/SOURCE0001/documents": {
		`{"documentDetails":[{"status":"FAILED","statusReason":"it is encrypted","identifier":{"dataSourceType":"S3","s3":{"uri":"` + key + `"}}}]}`,
	}})
	want := "STATUS  DOCUMENT" + strings.Repeat(" ", 66) + "UPDATED  REASON\n" +
		"FAILED  …/" + strings.Repeat("é/", 30) + "report.pdf  -        it is encrypted\n"
	if diff := cmp.Diff(want, c.must("kb", "docs", "handbook")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if got := c.must("kb", "docs", "handbook", "--json"); !strings.Contains(got, `"uri": "`+key+`"`) {
		t.Errorf("got %s, want the whole key", got)
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want, cell string }{
		{"lines of any system", "a\r\nb\nc\rd", "a\nb\nc\nd", "a\uFFFD\uFFFDb\uFFFDc\uFFFDd"},
		{"tab", "a\tb", "a\tb", "a\uFFFDb"},
		{"controls", "\x1b[2J\x7f\u0085\u009b", "\uFFFD[2J\uFFFD\uFFFD\uFFFD", "\uFFFD[2J\uFFFD\uFFFD\uFFFD"},
		{"direction", "invoice\u202Efdp.exe\u2066\u2069\u200E\u200F\u061C", "invoice\uFFFDfdp.exe\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", "invoice\uFFFDfdp.exe\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"letters", "שלום 日本 é 👩\u200D🚀", "שלום 日本 é 👩\u200D🚀", "שלום 日本 é 👩\u200D🚀"},
	} {
		if got := visible(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if got := cell(tt.text); got != tt.cell {
			t.Errorf("%s in a table: got %q, want %q", tt.name, got, tt.cell)
		}
	}
}

// JSON on a terminal does not steer it either, and says the same.
func TestKBJSONShowsNoControls(t *testing.T) {
	t.Parallel()
	const text = "é\x1b[2J\x7f\u009b2J\u202Efdp\r\n"
	c, _ := kbCLI(t, map[string][]string{bases: {oneBase}, "POST /knowledgebases/BASE000001/retrieve": {
		`{"retrievalResults":[{"content":{"text":"é\u001b[2J\u007f\u009b2J\u202Efdp\r\n"},"location":{"type":"S3"},"score":0.5}]}`,
	}})
	got := c.must("kb", "search", "handbook", "q", "--json")
	if want := `"text": "é\u001b[2J\u007f\u009b2J\u202efdp\r\n"`; !strings.Contains(got, want) {
		t.Errorf("got %q, want it to have %s", got, want)
	}
	var results []client.Result
	if err := json.Unmarshal([]byte(got), &results); err != nil || len(results) != 1 || results[0].Content.Text != text {
		t.Errorf("got %+v (%v), want the text as it was", results, err)
	}
}

// What strangers wrote must not steer the terminal, nor tear a table.
func TestKBShowsNoControls(t *testing.T) {
	t.Parallel()
	c, _ := kbCLI(t, map[string][]string{
		bases: {oneBase}, sources: {oneList},
		"POST /knowledgebases/BASE000001/datasources/SOURCE0001/documents": {`{"documentDetails":[{"status":"FAILED","statusReason":"bad\u001b[2J","identifier":{"dataSourceType":"S3","s3":{"uri":"s3://docs/a\nb\u001b[31m.md"}}}]}`},
		"POST /knowledgebases/BASE000001/retrieve":                         {`{"retrievalResults":[{"content":{"text":"one\u001b]0;title\u0007\ntwo\u009b2J"},"location":{"type":"S3","s3Location":{"uri":"s3://docs/a\nb"}},"score":0.5}]}`},
	})
	want := "STATUS  DOCUMENT               UPDATED  REASON\n" +
		"FAILED  s3://docs/a\uFFFDb\uFFFD[31m.md  -        bad\uFFFD[2J\n"
	if diff := cmp.Diff(want, c.must("kb", "docs", "handbook")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	want = "1. s3://docs/a\uFFFDb (0.500)\n   one\uFFFD]0;title\uFFFD\n   two\uFFFD2J\n\n"
	if diff := cmp.Diff(want, c.must("kb", "search", "handbook", "x")); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestKBRemove(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, end, want string
		code            int
	}{
		{"well", "!ResourceNotFoundException Gone.", "removed handbook (BASE000001)", 0},
		{"not", `{"knowledgeBase":{"status":"DELETE_UNSUCCESSFUL","failureReasons":["the disk is full"]}}`, "handbook could not be removed: the disk is full", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := kbCLI(t, map[string][]string{
				bases: {oneBase}, "DELETE /knowledgebases/BASE000001": {`{}`},
				"GET /knowledgebases/BASE000001": {`{"knowledgeBase":{"status":"DELETING"}}`, tt.end},
			})
			code, stdout, stderr := c.run("kb", "rm", "handbook")
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("got exit code %d and %q, want %d and %q", code, stdout+stderr, tt.code, tt.want)
			}
		})
	}
}

func TestKBErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown base", []string{"show", "nothing"}, 1, `there is no knowledge base "nothing" in us-east-1; outcrop kb list shows`},
		{"no name", []string{"create"}, 2, "accepts 1 arg"},
		{"no such folder", []string{"create", "a", "--from", filepath.Join(folder, "none")}, 2, "no such file"},
		{"other scheme", []string{"add", "handbook", "https://example.org/"}, 2, "documents come from s3://bucket/prefix or a folder, not from https"},
		{"bad bucket", []string{"add", "handbook", "s3://Not_A_Bucket/"}, 2, `"Not_A_Bucket" is no name of a bucket`},
		{"watch a bucket", []string{"add", "handbook", "s3://docs", "--watch"}, 2, "--watch is for folders"},
		{"sync nothing", []string{"create", "a", "--sync"}, 2, "--sync needs something to sync"},
		{"chunk nothing", []string{"create", "a", "--chunking", "none"}, 2, "--chunking belongs to a source"},
		{"unknown chunking", []string{"add", "handbook", "s3://docs", "--chunking", "large"}, 2, `chunking "large" is not one of`},
		{"two modes", []string{"search", "handbook", "q", "--hybrid", "--semantic"}, 2, "exclude each other"},
		{"no results", []string{"search", "handbook", "q", "-n", "0"}, 2, "-n is at least 1"},
		{"dimensions below none", []string{"create", "a", "--dimensions", "-5"}, 2, "vectors cannot have -5 dimensions"},
		{"bucket as a folder", []string{"create", "a", "--from", "clib"}, 2, "a bucket is written s3://clib\n"},
		{"prefix as a folder", []string{"add", "handbook", "clib/2026"}, 2, "a bucket is written s3://clib/2026\n"},
		{"filter", []string{"ask", "handbook", "q", "--filter", "{year}"}, 2, "the filter is no JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := kbCLI(t, map[string][]string{bases: {oneBase}})
			code, _, stderr := c.run(append([]string{"kb"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stderr, tt.want) {
				t.Errorf("got exit code %d and %q, want %d and %q", code, stderr, tt.code, tt.want)
			}
		})
	}
}

func TestKBWithoutAServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := newCLI(t)
	c.env["OUTCROP_LISTEN"] = strings.TrimPrefix(server.URL, "http://")
	for _, args := range [][]string{{"list"}, {"create", "a"}, {"ask", "a", "q"}} {
		code, _, stderr := c.run(append([]string{"kb"}, args...)...)
		if want := "no server answers at " + server.URL + "; start one with: "; code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%q: got exit code %d and %q, want 1 and %q", args, code, stderr, want)
		}
	}
}

func TestKBWithAServerThatGoesAway(t *testing.T) {
	t.Parallel()
	c, s := kbCLI(t, map[string][]string{bases: {oneBase}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method+" "+r.URL.Path != bases {
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.env["OUTCROP_LISTEN"] = strings.TrimPrefix(server.URL, "http://")
	want := "outcrop: the server ended the connection to " + server.URL + "; if it runs no more, start it with: " + os.Args[0] + " serve\n"
	for _, args := range [][]string{{"create", "a"}, {"search", "handbook", "q"}, {"ask", "handbook", "q"}, {"show", "handbook"}} {
		if code, _, stderr := c.run(append([]string{"kb"}, args...)...); code != 1 || stderr != want {
			t.Errorf("%q: got exit code %d and %q, want 1 and %q", args, code, stderr, want)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "my notes")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text, want string
		name       string
	}{
		{"s3://docs", "s3://docs/", "docs"},
		{"s3://docs/a/b_c/", "s3://docs/a/b_c/", "docs-a-b-c"},
		{folder, folderURI(folder), "my-notes"},
		{folderURI(folder), folderURI(folder), "my-notes"},
	} {
		o, err := parseOrigin(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := o.String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.text, got, tt.want)
		}
		if got := o.sourceName(nil); got != tt.name {
			t.Errorf("%s: got the name %s, want %s", tt.text, got, tt.name)
		}
	}
	for _, text := range []string{"", "s3://", "s3://a", "file://elsewhere/x", "gs://docs", filepath.Join(folder, "none")} {
		if o, err := parseOrigin(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, o)
		}
	}
}

func TestSourceNames(t *testing.T) {
	t.Parallel()
	long := origin{bucket: "docs", prefix: strings.Repeat("x", 98) + "/y"}
	for _, tt := range []struct {
		o     origin
		taken []string
		want  string
	}{
		{origin{bucket: "docs"}, []string{"docs", "docs-2"}, "docs-3"},
		{long, nil, "docs-" + strings.Repeat("x", 95)},
		{long, []string{"docs-" + strings.Repeat("x", 95)}, "docs-" + strings.Repeat("x", 93) + "-2"},
		{origin{folder: "/"}, nil, "source"},
		{origin{folder: "/home/ann/日本"}, nil, "source"},
	} {
		if got := tt.o.sourceName(tt.taken); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.o, got, tt.want)
		}
	}
}

func TestParseChunking(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*client.Chunking{
		"":                      nil,
		"default":               nil,
		"none":                  {Strategy: "NONE"},
		"fixed":                 {Strategy: "FIXED_SIZE", Fixed: &client.FixedSizeChunking{MaxTokens: 300, OverlapPercentage: 20}},
		"fixed:512, 10%":        {Strategy: "FIXED_SIZE", Fixed: &client.FixedSizeChunking{MaxTokens: 512, OverlapPercentage: 10}},
		"hierarchical":          {Strategy: "HIERARCHICAL", Hierarchical: &client.HierarchicalChunking{Levels: []client.ChunkingLevel{{MaxTokens: 1500}, {MaxTokens: 300}}, OverlapTokens: 60}},
		"hierarchical:800,80,8": {Strategy: "HIERARCHICAL", Hierarchical: &client.HierarchicalChunking{Levels: []client.ChunkingLevel{{MaxTokens: 800}, {MaxTokens: 80}}, OverlapTokens: 8}},
		"semantic":              {Strategy: "SEMANTIC", Semantic: &client.SemanticChunking{MaxTokens: 300, BreakpointPercentile: 95}},
		"semantic:200,1,90":     {Strategy: "SEMANTIC", Semantic: &client.SemanticChunking{MaxTokens: 200, BufferSize: 1, BreakpointPercentile: 90}},
	} {
		got, err := parseChunking(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var wantAll *client.Ingestion
		if want != nil {
			wantAll = &client.Ingestion{Chunking: want}
		}
		if diff := cmp.Diff(wantAll, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"fixed:1", "fixed:a,b", "none:1", "default:1", "hierarchical:1,2", "semantic:1,2,3,4", "FIXED_SIZE", "fixed:0,10", "fixed:100,100", "semantic:300,2,95", "semantic:300,0,49", "hierarchical:9000,300,60", "hierarchical:300,300,60", "hierarchical:1500,300,300"} {
		if got, err := parseChunking(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}
