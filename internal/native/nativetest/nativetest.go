// Package nativetest is the contract that every family of package native
// passes, as golden files: bodies in, hub requests out; answers in, bodies and
// chunks out. Only tests import it.
//
// A family's testdata has a folder requests with one body per case, and the
// golden next to it; a folder extra likewise for additional request fields; and
// a folder answers that Run fills. Run with -update to write the goldens.
package nativetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/goldentest"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
)

// Model returns a model whose ids are predictable.
func Model(id string) native.Model {
	return native.Model{ID: id, NewID: func(prefix string, length int) string {
		return prefix + strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 4)[:length-len(prefix)]
	}}
}

// Run holds a family against its golden files, and its streams against its
// whole answers.
func Run(t *testing.T, f native.Family, m native.Model) {
	t.Helper()
	t.Run("requests", func(t *testing.T) {
		t.Parallel()
		each(t, "requests", func(body []byte) []byte { return decoded(f.Decode(m, body)) })
	})
	t.Run("extra", func(t *testing.T) {
		t.Parallel()
		each(t, "extra", func(fields []byte) []byte {
			var req inference.Request
			if err := f.Extra(m, fields, &req); err != nil {
				return decoded(nil, err)
			}
			return decoded(&req, nil)
		})
	})
	for _, c := range answers() {
		t.Run("answers/"+c.name, func(t *testing.T) {
			t.Parallel()
			whole, err := f.Complete(m, c.answer())
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(whole) {
				t.Errorf("got %q, want JSON", whole)
			}
			goldentest.Check(t, filepath.Join("testdata", "answers", c.name+".json"), string(whole)+"\n")
			goldentest.Check(t, filepath.Join("testdata", "answers", c.name+".jsonl"), string(stream(t, f, m, c)))
		})
	}
	t.Run("write fails", func(t *testing.T) {
		t.Parallel()
		broken := fmt.Errorf("broken")
		c := answers()[0]
		s := f.Stream(m, func([]byte) error { return broken })
		var err error
		for _, ev := range c.events {
			if err = s.Event(ev); err != nil {
				break
			}
		}
		if err == nil { // the whole answer is one chunk
			err = s.End(native.Metrics{})
		}
		if err != broken { //nolint:errorlint // the very error has to come back
			t.Errorf("got %v from a stream that cannot be written, want %v", err, broken)
		}
		if err := f.Stream(m, func([]byte) error { return broken }).End(native.Metrics{}); err != broken { //nolint:errorlint // as above
			t.Errorf("got %v from the end of a stream that cannot be written, want %v", err, broken)
		}
	})
}

// Fuzz holds that Decode and Extra refuse only with modeled sentences, and
// that what Decode accepts can be served.
func Fuzz(f *testing.F, family native.Family, m native.Model) {
	for _, dir := range []string{"requests", "extra"} {
		for _, name := range cases(f, dir) {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := family.Decode(m, body)
		check(t, err)
		if err == nil {
			if len(req.Messages) == 0 && req.Prompt == nil {
				t.Errorf("got a request without messages and prompt of %q", body)
			}
			if req.MaxTokens < 0 || req.TopK != nil && *req.TopK < 0 {
				t.Errorf("got negative limits %d, %v of %q", req.MaxTokens, req.TopK, body)
			}
		}
		var extra inference.Request
		check(t, family.Extra(m, body, &extra))
	})
}

// FuzzEmbedding is Fuzz for an embedding family.
func FuzzEmbedding(f *testing.F, family native.Embedding, m native.Model, dir string) {
	for _, name := range cases(f, filepath.Join(dir, "requests")) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := family.Decode(m, body)
		check(t, err)
		if err == nil && (len(req.Texts)+len(req.Images) == 0 || req.Count() == 0 || req.Dimensions <= 0 || len(req.Types) == 0) {
			t.Errorf("got the request %+v of %q, want inputs, dimensions and types", req, body)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Unsupported {
		t.Errorf("got %v, want invalid or unsupported", err)
	}
	if len(fault.As(err).Message) > 8000 {
		t.Errorf("got a message of %d bytes, want a sentence", len(fault.As(err).Message))
	}
}

// RunEmbedding holds an embedding family against the golden files of a folder
// below testdata. A request that is accepted is answered, with a short vector.
func RunEmbedding(t *testing.T, f native.Embedding, m native.Model, dir string) {
	t.Helper()
	each(t, filepath.Join(dir, "requests"), func(body []byte) []byte {
		req, err := f.Decode(m, body)
		if err != nil {
			return decoded(nil, err)
		}
		out := indent(req)
		short := *req
		short.Dimensions = 4
		answer := &inference.Embeddings{}
		for i := range req.Count() {
			answer.Vectors = append(answer.Vectors, []float32{0.25, -0.5, 0.1 * float32(i+1), 1e-7})
			answer.InputTokens = append(answer.InputTokens, 6)
		}
		data, err := f.Encode(m, &short, answer)
		if err != nil {
			t.Fatal(err)
		}
		return append(append(append(out, "---\n"...), data...), '\n')
	})
}

// cases lists the bodies of a folder. The ending .txt is for what is not JSON.
func cases(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	for _, end := range []string{"*.json", "*.txt"} {
		found, err := filepath.Glob(filepath.Join("testdata", dir, end))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return names
}

func each(t *testing.T, dir string, do func(body []byte) []byte) {
	t.Helper()
	names := cases(t, dir)
	if len(names) == 0 {
		t.Fatalf("testdata/%s has no cases", dir)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, strings.TrimSuffix(name, filepath.Ext(name))+".golden", string(do(data)))
		})
	}
}

func decoded(req *inference.Request, err error) []byte {
	if err != nil {
		f := fault.As(err)
		return fmt.Appendf(nil, "%v: %s\n", f.Kind, f.Message)
	}
	// How the answer is taken is not the families' to say.
	return bytes.ReplaceAll(indent(req), []byte("  \"Whole\": false,\n"), nil)
}

func indent(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

// script is an answer as a backend makes it.
type script struct {
	name   string
	events []inference.Event
}

func (s script) answer() *inference.Answer {
	var c inference.Collector
	for _, ev := range s.events {
		c.Add(ev)
	}
	return c.Answer()
}

func answers() []script {
	answer := func(name string, reason inference.StopReason, sequence string, texts ...string) script {
		s := script{name: name, events: []inference.Event{inference.Started{Model: "mem", InputTokens: 12}}}
		for i, text := range texts {
			s.events = append(s.events, inference.TextDelta{Text: text, OutputTokens: i + 1})
		}
		usage := inference.Usage{InputTokens: 12, OutputTokens: len(texts)}
		s.events = append(s.events, inference.Finished{Reason: reason, StopSequence: sequence, Usage: usage, Elapsed: 40 * time.Millisecond})
		return s
	}
	return []script{
		answer("end_turn", inference.StopEndTurn, "", "Hello", ", <world> & \"all\"", "\n日本"),
		answer("max_tokens", inference.StopMaxTokens, "", "Once", " upon"),
		answer("stop_sequence", inference.StopSequence, "END", "One", " two "),
		answer("context_window", inference.StopContextWindow, "", "long"),
		answer("filtered", inference.StopFiltered, "", "no"),
		answer("empty", inference.StopEndTurn, ""),
	}
}

func stream(t *testing.T, f native.Family, m native.Model, c script) []byte {
	t.Helper()
	var b bytes.Buffer
	s := f.Stream(m, func(chunk []byte) error {
		if !json.Valid(chunk) || bytes.ContainsRune(chunk, '\n') {
			t.Errorf("got chunk %q, want JSON on one line", chunk)
		}
		b.Write(chunk)
		b.WriteByte('\n')
		return nil
	})
	var out int
	for _, ev := range c.events {
		if err := s.Event(ev); err != nil {
			t.Fatal(err)
		}
		if ev, ok := ev.(inference.Finished); ok {
			out = ev.Usage.OutputTokens
		}
	}
	before := bytes.Count(b.Bytes(), []byte("\n"))
	metrics := native.Metrics{InputTokens: 12, OutputTokens: out, Latency: 45 * time.Millisecond, FirstByteLatency: 7 * time.Millisecond}
	if err := s.End(metrics); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(b.Bytes(), []byte("\n")) - before; got != 1 {
		t.Errorf("got %d chunks from End, want 1", got)
	}
	if got := bytes.Count(b.Bytes(), []byte("amazon-bedrock-invocationMetrics")); got != 1 {
		t.Errorf("got metrics %d times, want once", got)
	}
	return b.Bytes()
}
