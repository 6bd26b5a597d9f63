package bedrockruntime_test

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

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/catalog"
	"github.com/outcrop/outcrop/internal/embedding"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/all"
	"github.com/outcrop/outcrop/internal/router"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// clock gives times 10 ms apart, so that latencies are the same in every run.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time {
	c.now = c.now.Add(10 * time.Millisecond)
	return c.now
}

// families are those that the server has.
func families() bedrockruntime.Families {
	return bedrockruntime.Families{Text: all.Families(), Embeddings: all.Embeddings(), Rerankings: all.Rerankings(), Images: all.Images()}
}

// newService returns a service whose local models are all the backend's:
// "chat", "own" and "vectors" of backend "mem".
func newService(t testing.TB, b inference.Backend, p bedrockruntime.Params) *bedrockruntime.Service {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(c, map[string]inference.Backend{"mem": b}, router.Params{
		DefaultChat: "chat", DefaultEmbedding: "vectors",
		Routes: []router.Route{
			{Match: "acme.plain", Model: "own"},
			{Match: "acme.lost-vectors", Model: "lost", Like: "amazon.titan-embed-text-v2:0"},
			{Match: "acme.painter", Model: "painter", Like: "amazon.nova-canvas-v1:0"},
			{Match: "acme.eye", Model: "eye", Like: "cohere.embed-v4:0"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Now == nil {
		p.Now = (&clock{now: time.Unix(1_790_000_000, 0)}).Now
	}
	p.NewID = func(prefix string, length int) string { return prefix + strings.Repeat("0", length-len(prefix)) }
	return bedrockruntime.New(r, embedding.New(r, embedding.Params{}), families(), p)
}

// newCall is a call as the edge would make it.
func newCall(ctx context.Context, region string) (context.Context, *call.Call) {
	c := &call.Call{RequestID: "00000000-0000-4000-8000-000000000000", Account: "000000000000", Region: region}
	return call.With(ctx, c), c
}

// recorder is a sink that writes down what the edge would send.
type recorder struct {
	op     *schema.Operation
	call   *call.Call
	opened bool
	out    bytes.Buffer
	onSend func(n int) error // fails the n-th event, counted from 1
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
	r.sent++
	if r.onSend != nil {
		if err := r.onSend(r.sent); err != nil {
			return err
		}
	}
	if e, ok := event.(*api.ResponseStream); ok {
		fmt.Fprintf(&r.out, "chunk %s\n", e.Chunk.Bytes)
		return nil
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

// exchange runs one operation as the edge does, without its checks, and returns
// the answer as text.
func exchange(ctx context.Context, svc *bedrockruntime.Service, operation, region, modelID string, header http.Header, body string) (string, error) {
	ctx, c := newCall(ctx, region)
	for _, h := range api.Handlers(svc) {
		if h.Op.Name != operation {
			continue
		}
		codec := restjson.Codec{}
		in, err := codec.DecodeRequest(&schema.Request{
			Service: api.Schema(), Op: h.Op, Labels: map[string]string{"modelId": modelID}, Header: header, Body: []byte(body),
		})
		if err != nil {
			return "", fmt.Errorf("decode: %w", err)
		}
		if h.Stream != nil {
			rec := &recorder{op: h.Op, call: c}
			err := h.Stream(ctx, in, nil, rec)
			if err != nil {
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
		all := c.Header()
		maps.Copy(all, resp.Header)
		var b bytes.Buffer
		writeHeader(&b, all)
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

// TestCases runs testdata/<operation>/<case>.txt: a region and a model ID, request
// headers, a body, and after the line "=> answer" what must come back. A line
// "X-Script: name" chooses what the backend does.
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
			lines := strings.Split(head, "\n")
			region, modelID, ok := strings.Cut(lines[0], " ")
			if !ok {
				t.Fatalf("%s: the first line is not a region and a model ID", file)
			}
			header, script := http.Header{}, "greeting"
			for _, line := range lines[1:] {
				name, value, ok := strings.Cut(line, ": ")
				switch {
				case !ok:
					t.Fatalf("%s: %q is not a header", file, line)
				case name == "X-Script":
					script = value
				default:
					header.Set(name, value)
				}
			}
			got, err := exchange(t.Context(), newService(t, scripted(t, script), bedrockruntime.Params{}), operation, region, modelID, header, body)
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
