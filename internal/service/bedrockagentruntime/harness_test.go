package bedrockagentruntime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/chunk"
	"github.com/outcrop/outcrop/internal/document"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/answer"
	"github.com/outcrop/outcrop/internal/knowledge/embed"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
	"github.com/outcrop/outcrop/internal/knowledge/registry"
	"github.com/outcrop/outcrop/internal/knowledge/retrieve"
	"github.com/outcrop/outcrop/internal/native/all"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/bedrockagentruntime"
	"github.com/outcrop/outcrop/internal/service/serving"
	"github.com/outcrop/outcrop/internal/store"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
	"github.com/outcrop/outcrop/internal/wire/constraint"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// fixture is a service on a real store and a real index, whose models follow a
// script. The base BASE000001 has documents of each kind of place.
type fixture struct {
	service *bedrockagentruntime.Service
	sources *sources
}

func newFixture(t testing.TB, script string) *fixture {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	size, chat := scripted(t, script)
	backend := mem.New(mem.Params{
		Models: []inference.ModelInfo{
			{Name: "chat", ContextWindow: 4096, Parameters: size}, {Name: "vectors", Dimensions: 64, ContextWindow: 512, Digest: "d"}, {Name: "rank"},
		},
		Answer: chat, Reranker: "rank",
	})
	r, err := router.New(c, map[string]inference.Backend{"mem": backend}, router.Params{
		DefaultChat: "chat", DefaultEmbedding: "vectors",
		Routes: []router.Route{{Match: "cohere.rerank-v3-5:0", Model: "rank"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	now := func() time.Time { return time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC) }
	state, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), sqlitestore.Params{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := embedded.Open(t.TempDir(), embedded.Params{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(indexes.Close(), state.Close()) })
	bases := registry.New(registry.Params{Store: state, Now: now, NewID: func() string { return "BASE000001" }})
	embeddings := embed.New(r, embedding.New(r, embedding.Params{}), embed.Params{Patience: -1})
	f := &fixture{sources: &sources{}}
	base, _, err := bases.CreateBase(t.Context(), knowledge.Base{Account: account, Region: "us-east-1", Name: "base", EmbeddingModel: titan}, store.Token{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, embeddings, indexes, base)
	ranker := retrieve.NewRanker(r)
	retriever := retrieve.New(retrieve.Params{Bases: bases, Indexes: indexes, Embeddings: embeddings, Ranker: ranker})
	ids := 0
	f.service = bedrockagentruntime.New(bedrockagentruntime.Params{
		Router: r, Retriever: retriever, Ranker: ranker, Now: now, Families: serving.Families{Text: all.Families(), Embeddings: all.Embeddings()},
		Answerer: answer.New(answer.Params{
			Retriever: retriever, Store: state, Embeddings: embeddings, EmbeddingModel: titan, Sources: f.sources, Parser: plainText{}, Splitter: chunk.New(), Now: now,
			NewID: func() string {
				ids++
				return fmt.Sprintf("00000000-0000-4000-8000-%012d", ids)
			},
		}),
	})
	return f
}

const (
	account = "000000000000"
	titan   = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
)

func fill(t testing.TB, embeddings knowledge.Embeddings, indexes knowledge.Indexes, base knowledge.Base) {
	t.Helper()
	e, err := embeddings.Open(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	index, err := indexes.Open(t.Context(), base.ID, e.Spec())
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range []struct {
		id, text string
		page     int
		metadata knowledge.Metadata
	}{
		{"s3://bucket/refunds.pdf", "Refunds take seven days.", 2, knowledge.Metadata{
			"year": knowledge.Number(2024), "rate": knowledge.Number(0.5), "draft": knowledge.Bool(false), "tags": knowledge.List([]string{"money", "law"}),
		}},
		{"ticket-17", "Express shipping costs fifteen euros.", -1, knowledge.Metadata{"year": knowledge.Number(2025), "author": knowledge.String("Ada")}},
		{"file:///srv/notes/hours.md", "The store opens at nine.", -1, nil},
	} {
		vectors, err := e.Embed(t.Context(), []string{d.text})
		if err != nil {
			t.Fatal(err)
		}
		content := &knowledge.Content{Metadata: d.metadata, Chunks: []knowledge.Chunk{{
			ID: fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", i), Text: d.text, Parent: -1, Page: d.page, Vector: vectors[0],
		}}}
		doc := knowledge.Document{Source: "SOURCE0001", ID: d.id, ETag: "1", Modality: "TEXT", MIME: "text/plain", Status: knowledge.Indexed, Chunks: 1}
		if err := index.Put(t.Context(), "", doc, content, knowledge.OutcomeNew); err != nil {
			t.Fatal(err)
		}
	}
}

// scripted is the size of the model "chat" and what it says.
func scripted(t testing.TB, name string) (size int64, say func(*inference.Request) (mem.Answer, error)) {
	t.Helper()
	switch name {
	case "small":
		return 135e6, mem.Say("Refunds take seven days. That is all.")
	case "large":
		return 8e9, mem.Say("<answer><answer_part><text>They take a week.</text><sources><source>1</source></sources></answer_part><answer_part><text>That is all.</text><sources></sources></answer_part></answer>")
	case "echo":
		return 8e9, func(req *inference.Request) (mem.Answer, error) {
			var b strings.Builder
			for _, part := range req.System {
				b.WriteString("[system] " + part.(inference.Text).Text + " ")
			}
			for _, m := range req.Messages {
				for _, part := range m.Parts {
					b.WriteString("[" + string(m.Role) + "] " + part.(inference.Text).Text + " ")
				}
			}
			fmt.Fprintf(&b, "max=%d temperature=%v", req.MaxTokens, *req.Temperature)
			if req.TopP != nil {
				fmt.Fprintf(&b, " top_p=%v", *req.TopP)
			}
			if req.TopK != nil {
				fmt.Fprintf(&b, " top_k=%v", *req.TopK)
			}
			return mem.Answer{Tokens: []string{b.String()}}, nil
		}
	case "busy":
		return 135e6, mem.Fail(fault.New(fault.Unavailable, "Too many connections, please wait before trying again."))
	case "broken":
		return 135e6, func(*inference.Request) (mem.Answer, error) {
			return mem.Answer{Tokens: mem.Tokens("Refunds take seven days."), Before: func(_ context.Context, step int) error {
				if step == 3 {
					return fault.New(fault.Upstream, "The model stopped working.")
				}
				return nil
			}}, nil
		}
	}
	t.Fatalf("no script %q", name)
	return 0, nil
}

// plainText reads plain text.
type plainText struct{}

func (plainText) Parse(_ context.Context, in document.Input) (*document.Text, error) {
	if strings.HasSuffix(in.Name, ".exe") {
		return nil, fault.New(fault.Unsupported, "The format is not supported.")
	}
	return &document.Text{MIME: "text/plain", Pages: []document.Page{{Number: -1, Text: string(in.Content)}}}, nil
}
func (plainText) Close() error { return nil }

// sources have no objects.
type sources struct{}

func (*sources) Open(_ context.Context, ds knowledge.DataSource) (knowledge.Source, error) {
	return nil, fault.New(fault.NotFound, "There is no bucket %s.", ds.Bucket)
}

// newCall is a call as the edge would make it.
func newCall(ctx context.Context, region string) (context.Context, *call.Call) {
	c := &call.Call{RequestID: "00000000-0000-4000-8000-000000000000", Account: account, Region: region}
	return call.With(ctx, c), c
}

// recorder is a sink that writes down what the edge would send.
type recorder struct {
	op     *schema.Operation
	call   *call.Call
	opened bool
	out    bytes.Buffer
	fail   error // of the second event
	sent   int
}

func (r *recorder) Open(output any) error {
	if r.opened {
		return errors.New("opened twice")
	}
	r.opened = true
	header := r.call.Header()
	resp, err := restjson.Codec{}.EncodeResponse(api.Schema(), r.op, output, r.call.RequestID)
	if err != nil {
		return err
	}
	maps.Copy(header, resp.Header)
	writeHeader(&r.out, header)
	return nil
}

func (r *recorder) Send(event any) error {
	if !r.opened {
		return errors.New("an event before Open")
	}
	if r.sent++; r.sent == 2 && r.fail != nil {
		return r.fail
	}
	name, _, payload, err := restjson.EncodeEvent(r.op, event, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(&r.out, "%s %s\n", name, payload)
	return nil
}

func writeHeader(b *bytes.Buffer, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(b, "%s: %s\n", name, strings.Join(h[name], ", "))
	}
	b.WriteByte('\n')
}

// exchange runs one operation as the edge does and returns the answer as text.
func (f *fixture) exchange(ctx context.Context, operation, region, label, body string) (string, error) {
	ctx, c := newCall(ctx, region)
	for _, h := range api.Handlers(f.service) {
		if h.Op.Name != operation {
			continue
		}
		codec := restjson.Codec{}
		in, err := codec.DecodeRequest(&schema.Request{
			Service: api.Schema(), Op: h.Op, Labels: map[string]string{"knowledgeBaseId": label}, Header: http.Header{}, Body: []byte(body),
		})
		if err != nil {
			return "", fmt.Errorf("decode: %w", err)
		}
		if err := constraint.Check(h.Op.Input, in); err != nil {
			return describe(err) + "\n", nil
		}
		if h.Stream != nil {
			rec := &recorder{op: h.Op, call: c}
			if err := h.Stream(ctx, in, nil, rec); err != nil {
				fmt.Fprintf(&rec.out, "%s\n", describe(err))
			}
			return rec.out.String(), nil
		}
		out, err := h.Unary(ctx, in)
		if err != nil {
			return describe(err) + "\n", nil
		}
		resp, err := codec.EncodeResponse(api.Schema(), h.Op, out, c.RequestID)
		if err != nil {
			return "", fmt.Errorf("encode: %w", err)
		}
		header := c.Header()
		maps.Copy(header, resp.Header)
		var b bytes.Buffer
		writeHeader(&b, header)
		b.Write(resp.Body)
		b.WriteByte('\n')
		return b.String(), nil
	}
	return "", fmt.Errorf("no operation %s", operation)
}

func describe(err error) string {
	f := fault.As(err)
	return fmt.Sprintf("fault %s: %s", f.Kind, f.Message)
}

// TestCases runs testdata/<operation>/<case>.txt: a region, the script of the
// models and the label in the path, then a body, and after the line "=> answer"
// what must come back.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d case files, %v", len(files), err)
	}
	for _, file := range files {
		operation := filepath.Base(filepath.Dir(file))
		t.Run(operation+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(data), "\n=> answer\n")
			head, body, _ := strings.Cut(request, "\n\n")
			fields := strings.Fields(head)
			if len(fields) < 2 {
				t.Fatalf("%s: the first line is not a region and a script", file)
			}
			label := ""
			if len(fields) > 2 {
				label = fields[2]
			}
			got, err := newFixture(t, fields[1]).exchange(t.Context(), operation, fields[0], label, body)
			if err != nil {
				t.Fatal(err)
			}
			if goldentest.Updating() {
				if err := os.WriteFile(file, []byte(request+"\n=> answer\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}
