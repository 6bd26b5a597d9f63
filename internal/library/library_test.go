package library_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/library"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/progress"
	"github.com/outcrop/outcrop/test/hub"
)

// model makes a whole little GGUF; extra values are put behind its own.
func model(t testing.TB, name string, extra ...gguf.KV) []byte {
	t.Helper()
	var out bytes.Buffer
	values := append([]gguf.KV{
		{Key: "general.architecture", Value: "llama"}, {Key: "general.name", Value: name}, {Key: "general.file_type", Value: uint32(1)},
		{Key: "llama.context_length", Value: uint32(2048)}, {Key: "llama.embedding_length", Value: uint32(64)}, {Key: "tokenizer.chat_template", Value: "{{ messages }}"},
	}, extra...)
	err := gguf.Write(&out, values, []gguf.TensorData{{
		Tensor:  gguf.Tensor{Name: "token_embd.weight", Dims: []uint64{64, 512}, Type: gguf.F16},
		Content: func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte(name)[:1], 64*512*2)); return err },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type world struct {
	*hub.Hub
	dir string
	env map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	h := hub.New(t)
	return &world{h, t.TempDir(), map[string]string{"HF_ENDPOINT": h.URL, "OUTCROP_OLLAMA_REGISTRY": h.URL}}
}

type setting func(*fetch.Params)

func offline(p *fetch.Params) { p.Offline = true }
func noRetry(p *fetch.Params) { p.Retries = -1 }

func (w *world) open(t *testing.T, settings ...setting) *library.Library {
	t.Helper()
	packs, err := pack.Open(w.dir, pack.Params{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	p := fetch.Params{Retries: 2, Wait: func(ctx context.Context, _ int) error { return ctx.Err() }}
	for _, set := range settings {
		set(&p)
	}
	return library.Open(w.dir, packs, library.Params{
		Fetch:  fetch.New(p),
		Getenv: func(name string) string { return w.env[name] },
		Now:    func() time.Time { return time.Unix(1_800_000_000, 0) },
	})
}

// entered lists the files of the library without locks.
func (w *world) entered(t *testing.T) []string {
	t.Helper()
	names := []string{}
	root := filepath.Join(w.dir, "library")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".lock-") {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestPull(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref, as    string
		name, from string
		files      []string
	}{
		{ref: "hf.co/org/Tiny-GGUF:Q8_0", name: "tiny-q8_0", from: "hf.co/org/Tiny-GGUF:Q8_0", files: []string{"Tiny-Q8_0.gguf"}},
		{ref: "hf:org/Tiny-GGUF:q8_0", name: "tiny-q8_0", from: "hf.co/org/Tiny-GGUF:Q8_0", files: []string{"Tiny-Q8_0.gguf"}},
		{ref: "org/Tiny-GGUF", name: "tiny-q4_k_m", from: "hf.co/org/Tiny-GGUF:Q4_K_M", files: []string{"Tiny-Q4_K_M.gguf"}},
		{ref: "huggingface.co/org/Tiny-GGUF:latest", name: "tiny-q4_k_m", from: "hf.co/org/Tiny-GGUF:Q4_K_M", files: []string{"Tiny-Q4_K_M.gguf"}},
		{ref: "https://huggingface.co/org/Tiny-GGUF/blob/main/Tiny-Q8_0.gguf", name: "tiny-q8_0", from: "hf.co/org/Tiny-GGUF/Tiny-Q8_0.gguf", files: []string{"Tiny-Q8_0.gguf"}},
		{ref: "org/Tiny-GGUF/Tiny-Q8_0.gguf", name: "tiny-q8_0", from: "hf.co/org/Tiny-GGUF/Tiny-Q8_0.gguf", files: []string{"Tiny-Q8_0.gguf"}},
		{ref: "hf.co/org/Tiny-GGUF:IQ2_XS", name: "tiny-iq2_xs", from: "hf.co/org/Tiny-GGUF:IQ2_XS", files: []string{"Tiny.IQ2_XS-00001-of-00002.gguf", "Tiny.IQ2_XS-00002-of-00002.gguf"}},
		{ref: "hf.co/org/single", name: "only", from: "hf.co/org/single", files: []string{"Only.gguf"}},
		{ref: "ollama.com/library/tiny:1b", name: "tiny-1b", from: "ollama.com/library/tiny:1b", files: []string{"tiny-1b.gguf"}},
		{ref: "ollama.com/tiny", name: "tiny", from: "ollama.com/library/tiny:latest", files: []string{"tiny.gguf"}},
		{ref: "ollama:tiny:1b", name: "tiny-1b", from: "ollama.com/library/tiny:1b", files: []string{"tiny-1b.gguf"}},
		{ref: "registry.ollama.ai/me/tiny:1b", name: "tiny-1b", from: "ollama.com/me/tiny:1b", files: []string{"tiny-1b.gguf"}},
		{ref: "URL/files/My%20Model.gguf", name: "my-model", from: "URL/files/My%20Model.gguf", files: []string{"My Model.gguf"}},
		{ref: "URL/files/My%20Model.gguf?key=s3cret#sha256=SUM", as: "other", name: "other", from: "URL/files/My%20Model.gguf", files: []string{"My Model.gguf"}},
	}
	for _, tt := range tests {
		t.Run(tt.ref, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			whole := model(t, "whole")
			w.AddFile("org/Tiny-GGUF", "Tiny-Q4_K_M.gguf", whole, "")
			w.AddFile("org/Tiny-GGUF", "Tiny-Q8_0.gguf", whole, "")
			w.AddFile("org/Tiny-GGUF", "mmproj-Tiny-Q8_0.gguf", []byte("no"), "")
			w.AddFile("org/Tiny-GGUF", "README.md", []byte("no"), "")
			for i := range 2 {
				part := model(t, "part", gguf.KV{Key: "split.count", Value: uint16(2)}, gguf.KV{Key: "split.no", Value: uint16(i)})
				w.AddFile("org/Tiny-GGUF", fmt.Sprintf("IQ2_XS/Tiny.IQ2_XS-%05d-of-00002.gguf", i+1), part, "")
			}
			w.AddFile("org/single", "Only.gguf", whole, "")
			for _, of := range []string{"library/tiny", "me/tiny"} {
				for _, tag := range []string{"1b", "latest"} {
					w.AddOllama(of, tag, hub.Layer{MediaType: "application/vnd.ollama.image.model", Body: whole}, hub.Layer{MediaType: "application/vnd.ollama.image.template", Body: []byte("{{ .Prompt }}")},
						hub.Layer{MediaType: "application/vnd.ollama.image.params", Body: []byte(`{"stop":["x"]}`)}, hub.Layer{MediaType: "application/vnd.ollama.image.license", Body: []byte("MIT")})
				}
			}
			w.Add("/files/My%20Model.gguf", "application/octet-stream", whole)
			with := strings.NewReplacer("URL", w.URL, "SUM", hub.Sum(whole))
			lib := w.open(t)
			got, err := lib.Pull(t.Context(), with.Replace(tt.ref), library.Options{Name: tt.as})
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != tt.name || got.Source != with.Replace(tt.from) {
				t.Errorf("got %s from %s, want %s from %s", got.Name, got.Source, tt.name, with.Replace(tt.from))
			}
			want := []string{}
			for _, file := range tt.files {
				want = append(want, tt.name+"/"+file)
			}
			want = append(want, tt.name+"/manifest.json")
			slices.Sort(want)
			if diff := cmp.Diff(want, w.entered(t)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			found, err := w.open(t, offline).Find(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, found); diff != "" {
				t.Errorf("found (-pulled +found):\n%s", diff)
			}
			if found.Architecture != "llama" || found.ContextLength != 2048 || found.EmbeddingLength != 64 || !found.ChatTemplate || found.Parameters != uint64(32768*len(tt.files)) || found.Path != filepath.Join(w.dir, "library", tt.name, tt.files[0]) {
				t.Errorf("got %+v, want what the GGUF says", found)
			}
			if strings.Contains(tt.ref, "ollama") && (found.Template != "{{ .Prompt }}" || string(found.Defaults) == "") {
				t.Errorf("got template %q and defaults %s, want those of the registry", found.Template, found.Defaults)
			}
			w.Requests()
			if _, err := lib.Pull(t.Context(), with.Replace(tt.ref), library.Options{Name: tt.as}); err != nil {
				t.Errorf("again: got %v, want no error", err)
			}
			for _, r := range w.Requests() {
				if strings.HasSuffix(r.Path, ".gguf") {
					t.Errorf("again: %s was fetched, want nothing", r.Path)
				}
			}
		})
	}
}

func TestPullFaults(t *testing.T) {
	t.Parallel()
	const file = "/org/repo/resolve/main/m-Q4_0.gguf"
	tests := []struct {
		name string
		ref  string
		make func(t *testing.T, w *world, whole []byte)
		want fault.Kind
		text string
		left []string
	}{
		{name: "nonsense", ref: "nonsense", want: fault.Invalid, text: "names no model to pull"},
		{name: "bad repository", ref: "hf.co/a b/c", want: fault.Invalid, text: "org/repo"},
		{name: "no such repository", ref: "hf.co/org/none", want: fault.NotFound, text: "hf.co/org/none"},
		{name: "private", ref: "hf.co/org/none", make: func(_ *testing.T, w *world, _ []byte) {
			w.Fail("/api/models/org/none/tree/main", &hub.Fault{Status: 401})
		}, want: fault.NotFound, text: "set HF_TOKEN"},
		{name: "gated", ref: "hf.co/org/none", make: func(_ *testing.T, w *world, _ []byte) {
			w.Fail("/api/models/org/none/tree/main", &hub.Fault{Status: 403})
		}, want: fault.Denied, text: "accept its terms"},
		{name: "no such quantization", ref: "hf.co/org/repo:Q2_K", want: fault.NotFound, text: "it has Q4_0"},
		{name: "no such file", ref: "hf.co/org/repo/x.gguf", want: fault.NotFound, text: "has no file x.gguf"},
		{name: "no GGUF", ref: "hf.co/org/weights", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddFile("org/weights", "model.safetensors", whole, "")
		}, want: fault.NotFound, text: "has no GGUF"},
		{name: "part missing", ref: "hf.co/org/parts", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddFile("org/parts", "m-Q4_0-00001-of-00002.gguf", whole, "")
		}, want: fault.NotFound, text: "1 of the 2 parts"},
		{name: "several without a quantization", ref: "hf.co/org/many", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddFile("org/many", "m-Q2_K.gguf", whole, "")
			w.AddFile("org/many", "m-Q6_K.gguf", whole, "")
		}, want: fault.Invalid, text: "Q2_K, Q6_K"},
		{name: "wrong digest", ref: "hf.co/org/repo", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddFile("org/repo", "m-Q4_0.gguf", whole, hub.Sum(nil))
		}, want: fault.Invalid, text: "is not the expected file"},
		{name: "no GGUF in it", ref: "hf.co/org/repo", make: func(_ *testing.T, w *world, _ []byte) {
			w.AddFile("org/repo", "m-Q4_0.gguf", []byte("<html>"), "")
		}, want: fault.Invalid, text: "m-Q4_0.gguf is not entered: not a GGUF"},
		{name: "cut off before it was put on the hub", ref: "hf.co/org/repo", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddFile("org/repo", "m-Q4_0.gguf", whole[:len(whole)-100], "")
		}, want: fault.Invalid, text: "is cut off"},
		{name: "no architecture", ref: "URL/x.gguf", make: func(t *testing.T, w *world, _ []byte) {
			var out bytes.Buffer
			if err := gguf.Write(&out, nil, nil); err != nil {
				t.Fatal(err)
			}
			w.Add("/x.gguf", "", out.Bytes())
		}, want: fault.Invalid, text: "architecture"},
		{name: "one part of several at an address", ref: "URL/x-00001-of-00002.gguf", want: fault.Unsupported, text: "models import"},
		{name: "connection lost for good", ref: "hf.co/org/repo", make: func(_ *testing.T, w *world, _ []byte) {
			w.Fail(file, &hub.Fault{CutAfter: 1000, Times: 1})
		}, want: fault.Unavailable, text: "no answer from", left: []string{".incoming/repo-q4_0/m-Q4_0.gguf.part", ".incoming/repo-q4_0/m-Q4_0.gguf.part.json"}},
		{name: "address is no GGUF", ref: "URL/x.bin", want: fault.Invalid, text: "does not end in .gguf"},
		{name: "address is not there", ref: "URL/x.gguf", want: fault.NotFound, text: "404"},
		{name: "bad digest in the address", ref: "URL/x.gguf#sha256=12", want: fault.Invalid, text: "64 hexadecimal digits"},
		{name: "no such model in the registry", ref: "ollama.com/library/none", want: fault.NotFound, text: "ollama.com/library/none:latest does not exist"},
		{name: "an adapter", ref: "ollama.com/library/lora", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddOllama("library/lora", "latest", hub.Layer{MediaType: "application/vnd.ollama.image.adapter", Body: whole})
		}, want: fault.Unsupported, text: "adapter"},
		{name: "no model in the registry's model", ref: "ollama.com/library/cloud", make: func(_ *testing.T, w *world, _ []byte) {
			w.AddOllama("library/cloud", "latest")
		}, want: fault.Unsupported, text: "no model file"},
		{name: "wrong digest in the registry", ref: "ollama.com/library/bad", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddOllama("library/bad", "latest", hub.Layer{MediaType: "application/vnd.ollama.image.model", Body: whole, Digest: "sha256:" + hub.Sum(nil)})
		}, want: fault.Invalid, text: "is not the expected file"},
		{name: "digest of the registry is none", ref: "ollama.com/library/bad", make: func(_ *testing.T, w *world, whole []byte) {
			w.AddOllama("library/bad", "latest", hub.Layer{MediaType: "application/vnd.ollama.image.model", Body: whole, Digest: "sha256:../../x"})
		}, want: fault.Invalid, text: "64 hexadecimal digits"},
		{name: "name of a built-in model", ref: "hf.co/org/repo smollm2-135m-instruct", want: fault.Conflict, text: "--name"},
		{name: "name is none", ref: "hf.co/org/repo ../x", want: fault.Invalid, text: "cannot be the name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			whole := model(t, "whole")
			w.AddFile("org/repo", "m-Q4_0.gguf", whole, "")
			w.AddFile("org/repo", "README.md", []byte("no"), "")
			if tt.make != nil {
				tt.make(t, w, whole)
			}
			ref, name, _ := strings.Cut(strings.Replace(tt.ref, "URL", w.URL, 1), " ")
			if tt.name == "bad repository" {
				ref, name = tt.ref, ""
			}
			_, err := w.open(t, noRetry).Pull(t.Context(), ref, library.Options{Name: name})
			if !fault.Is(err, tt.want) || !strings.Contains(fault.As(err).Message, tt.text) {
				t.Errorf("got %v, want a fault of kind %v with %q", err, tt.want, tt.text)
			}
			if diff := cmp.Diff(append([]string{}, tt.left...), w.entered(t)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			models, err := w.open(t).List()
			if err != nil || len(models) != 2 {
				t.Errorf("list: got %d models, %v, want the two built-in ones", len(models), err)
			}
		})
	}
}

func TestPullGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = "/org/repo/resolve/main/m-Q4_0.gguf"
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "whole"), "")
	w.Fail(file, &hub.Fault{CutAfter: 30_000, Times: 1})
	if _, err := w.open(t, noRetry).Pull(t.Context(), "org/repo", library.Options{}); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want the connection lost", err)
	}
	w.Requests()
	if _, err := w.open(t).Pull(t.Context(), "org/repo", library.Options{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range w.Requests() {
		if r.Path == file {
			got = append(got, r.Range)
		}
	}
	if diff := cmp.Diff([]string{"bytes=30000-"}, got); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

func TestPullTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "whole"), "")
	var group sync.WaitGroup
	for range 4 {
		lib := w.open(t)
		group.Go(func() {
			if _, err := lib.Pull(t.Context(), "org/repo", library.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	fetched := 0
	for _, r := range w.Requests() {
		if strings.HasSuffix(r.Path, ".gguf") {
			fetched++
		}
	}
	if fetched != 1 {
		t.Errorf("fetched: got %d times, want once", fetched)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lib := w.open(t)
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "first"), "")
	first, err := lib.Pull(t.Context(), "org/repo", library.Options{Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	w.AddFile("org/other", "m-Q4_0.gguf", model(t, "other"), "")
	if _, err := lib.Pull(t.Context(), "org/other", library.Options{Name: "mine"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("another source under the same name: got %v, want conflict", err)
	}
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "newer"), "")
	second, err := lib.Pull(t.Context(), "org/repo", library.Options{Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest() == second.Digest() {
		t.Error("the same source with another file: got the old one, want the new one")
	}
	if diff := cmp.Diff([]string{"mine/m-Q4_0.gguf", "mine/manifest.json"}, w.entered(t)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["HF_TOKEN"] = "s3cret"
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "whole"), "")
	w.Add("/elsewhere.gguf", "", model(t, "whole"))
	lib := w.open(t)
	if _, err := lib.Pull(t.Context(), "org/repo", library.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.Requests() {
		if r.Authorization != "Bearer s3cret" {
			t.Errorf("%s: got authorization %q, want the token", r.Path, r.Authorization)
		}
	}
	if _, err := lib.Pull(t.Context(), w.URL+"/elsewhere.gguf", library.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.Requests() {
		if r.Authorization != "" {
			t.Errorf("%s: got authorization %q, want none", r.Path, r.Authorization)
		}
	}
	for _, name := range w.entered(t) {
		raw, err := os.ReadFile(filepath.Join(w.dir, "library", name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("s3cret")) {
			t.Errorf("%s has the token in it", name)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	whole := model(t, "whole")
	part := func(i int) []byte {
		return model(t, "part", gguf.KV{Key: "split.count", Value: uint16(2)}, gguf.KV{Key: "split.no", Value: uint16(i)})
	}
	tests := []struct {
		name  string
		files map[string][]byte
		path  string
		want  string
		text  string // of the fault, when it fails
	}{
		{name: "file", files: map[string][]byte{"My Model.Q4_0.gguf": whole}, path: "My Model.Q4_0.gguf", want: "my-model.q4_0"},
		{name: "all parts", files: map[string][]byte{"m-00001-of-00002.gguf": part(0), "m-00002-of-00002.gguf": part(1)}, path: "m-00002-of-00002.gguf", want: "m"},
		{name: "part missing", files: map[string][]byte{"m-00001-of-00002.gguf": part(0)}, path: "m-00001-of-00002.gguf", text: "m-00002-of-00002.gguf is not beside it"},
		{name: "part under another name", files: map[string][]byte{"m.gguf": part(0)}, path: "m.gguf", text: "one of 2 parts"},
		{name: "not there", path: "none.gguf", text: "there is no file"},
		{name: "no GGUF", files: map[string][]byte{"m.gguf": []byte("PK\x03\x04")}, path: "m.gguf", text: "m.gguf is not entered: not a GGUF"},
		{name: "cut off", files: map[string][]byte{"m.gguf": whole[:len(whole)/2]}, path: "m.gguf", text: "cut off"},
		{name: "empty", files: map[string][]byte{"m.gguf": nil}, path: "m.gguf", text: "not a GGUF"},
		{name: "a directory", files: map[string][]byte{"d/m.gguf": whole}, path: "d", text: "not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, from := newWorld(t), t.TempDir()
			for _, name := range slices.Sorted(maps.Keys(tt.files)) {
				path := filepath.Join(from, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, tt.files[name], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			lib := w.open(t, offline)
			got, err := lib.Pull(t.Context(), filepath.Join(from, tt.path), library.Options{})
			if tt.text != "" {
				if err == nil || !strings.Contains(fault.As(err).Message, tt.text) || fault.Is(err, fault.Internal) {
					t.Errorf("got %v, want a fault with %q", err, tt.text)
				}
				if left := w.entered(t); len(left) != 0 {
					t.Errorf("files: got %v, want none", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != tt.want || len(got.Files) != len(tt.files) || got.Problem != "" {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			if _, err := lib.Import(t.Context(), filepath.Join(from, tt.path), library.Options{}); err != nil {
				t.Errorf("again: got %v, want no error", err)
			}
			if err := os.RemoveAll(from); err != nil {
				t.Fatal(err)
			}
			if _, err := lib.Find(tt.want); err != nil {
				t.Errorf("after the original is gone: %v", err)
			}
			if err := lib.Remove(t.Context(), tt.want); err != nil {
				t.Error(err)
			}
			if _, err := lib.Find(tt.want); !fault.Is(err, fault.NotFound) {
				t.Errorf("after remove: got %v, want not found", err)
			}
			if left := w.entered(t); len(left) != 0 {
				t.Errorf("after remove: got %v, want nothing left", left)
			}
		})
	}
}

// The original of an imported file can be the same file on the disk.
func TestChangedOriginal(t *testing.T) {
	t.Parallel()
	whole := model(t, "whole")
	other := slices.Clone(whole)
	other[len(other)-1] ^= 1
	tests := []struct {
		name   string
		change func(original, own string) error
		text   string // of the fault; empty when the model stays good
		again  bool   // importing it again makes it good
	}{
		{name: "nothing", change: func(string, string) error { return nil }},
		{name: "other bytes", change: func(original, _ string) error { return writeLater(original, other) }, text: "has been changed since it was imported", again: true},
		{name: "another size", change: func(original, _ string) error { return writeLater(original, other[:100]) }, text: "has been changed"},
		{name: "the same bytes again", change: func(original, _ string) error { return writeLater(original, whole) }},
		{name: "a new file in place of the original", change: func(original, _ string) error {
			return errors.Join(os.Remove(original), os.WriteFile(original, other, 0o600))
		}},
		{name: "copied without its time", change: func(_, own string) error {
			return errors.Join(os.Remove(own), writeLater(own, whole))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, original := newWorld(t), filepath.Join(t.TempDir(), "m.gguf")
			if err := os.WriteFile(original, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			lib := w.open(t, offline)
			m, err := lib.Import(t.Context(), original, library.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if a, b := stat(t, original), stat(t, m.Path); !os.SameFile(a, b) {
				t.Fatalf("%s and %s: got two files, want one", original, m.Path)
			}
			if err := tt.change(original, m.Path); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time from memory
				_, err = lib.Find("m")
				if tt.text == "" && err != nil || tt.text != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.As(err).Message, tt.text)) {
					t.Errorf("got %v, want an invalid model with %q in its fault", err, tt.text)
				}
			}
			if tt.again {
				if got, err := lib.Import(t.Context(), original, library.Options{}); err != nil || got.Problem != "" {
					t.Errorf("imported again: got %+v, %v, want a good model", got, err)
				}
			}
		})
	}
}

// writeLater writes a file in place, which then has a later time.
func writeLater(path string, content []byte) error {
	later := time.Now().Add(time.Hour)
	return errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, later, later))
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestImportOfALink(t *testing.T) {
	t.Parallel()
	w, from := newWorld(t), t.TempDir()
	original := filepath.Join(from, "blob")
	if err := os.WriteFile(original, model(t, "whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(from, "m.gguf")
	if err := os.Symlink(original, link); err != nil {
		t.Skip(err)
	}
	lib := w.open(t)
	if _, err := lib.Import(t.Context(), link, library.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(from); err != nil {
		t.Fatal(err)
	}
	if _, err := lib.Find("m"); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(dir string) error
		text   string
	}{
		{"file gone", func(dir string) error { return os.Remove(filepath.Join(dir, "m.gguf")) }, "m.gguf is missing"},
		{"file shorter", func(dir string) error { return os.Truncate(filepath.Join(dir, "m.gguf"), 10) }, "has been changed"},
		{"manifest gone", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "manifest is missing"},
		{"manifest damaged", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"files": [`), 0o600)
		}, "manifest is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			file := filepath.Join(t.TempDir(), "m.gguf")
			if err := os.WriteFile(file, model(t, "whole"), 0o600); err != nil {
				t.Fatal(err)
			}
			lib := w.open(t)
			if _, err := lib.Import(t.Context(), file, library.Options{}); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(filepath.Join(w.dir, "library", "m")); err != nil {
				t.Fatal(err)
			}
			if _, err := lib.Find("m"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("find: got %v, want %q", err, tt.text)
			}
			models, err := lib.List()
			if err != nil || len(models) != 3 || !strings.Contains(models[2].Problem, tt.text) {
				t.Errorf("list: got %v, %v, want the model with its problem", models, err)
			}
			// The import was a hard link: give back the bytes before it is repaired.
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := lib.Import(t.Context(), file, library.Options{}); err != nil {
				t.Errorf("import again: %v", err)
			}
			if _, err := lib.Find("m"); err != nil {
				t.Errorf("after import: %v", err)
			}
		})
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddFile("org/repo", "m-Q4_0.gguf", model(t, "whole"), "")
	_, err := w.open(t, offline).Pull(t.Context(), "org/repo", library.Options{})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "offline") {
		t.Errorf("got %v, want offline", err)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("requests: got %v, want none", got)
	}
}

func TestBuiltIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lib := w.open(t)
	for _, name := range []string{"smollm2-135m-instruct", "all-minilm-l6-v2"} {
		if _, err := lib.Find(name); !fault.Is(err, fault.NotReady) {
			t.Errorf("%s before it is fetched: got %v, want not ready", name, err)
		}
		if err := lib.Remove(t.Context(), name); !fault.Is(err, fault.Invalid) {
			t.Errorf("remove %s: got %v, want invalid", name, err)
		}
	}
	packs := packtest.Open(t, pack.Chat, pack.Embedding)
	lib = library.Open(packtest.Models(t), packs, library.Params{})
	chat, err := lib.Find("smollm2-135m-instruct")
	if err != nil {
		t.Fatal(err)
	}
	if chat.Architecture != "llama" || chat.ContextLength != 8192 || !chat.ChatTemplate || chat.Quantization != "Q4_1" || chat.Size() != 98362432 || chat.Digest() == "" {
		t.Errorf("chat: got %+v", chat)
	}
	embedding, err := lib.Find("all-minilm-l6-v2")
	if err != nil {
		t.Fatal(err)
	}
	if embedding.Architecture != "bert" || embedding.EmbeddingLength != 384 || embedding.MaxInput != 256 || embedding.Digest() != pack.EmbeddingSHA256 {
		t.Errorf("embedding: got %+v", embedding)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(file, model(t, "whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	lib := w.open(t)
	m, err := lib.Import(t.Context(), file, library.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Source, m.Path = "SOURCE", "PATH"
	var out bytes.Buffer
	if err := library.PrintList(&out, []*library.Model{m}); err != nil {
		t.Fatal(err)
	}
	want := "NAME  SIZE     QUANT  ARCH   PARAMS  CONTEXT  ADDED       SOURCE\n" +
		"m     65.9 kB  F16    llama  32.8K   2048     2027-01-15  SOURCE\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := library.PrintModel(&out, m); err != nil {
		t.Fatal(err)
	}
	want = "name           m\nsource         SOURCE\narchitecture   llama\nparameters     32.8K\nquantization   F16\ncontext        2048 tokens\nembedding      64\nchat template  yes\n" +
		"size           65.9 kB\nsha256         " + m.Digest() + "\nfile           PATH\nadded          2027-01-15T08:00:00Z\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("show (-want +got):\n%s", diff)
	}
}

// A plan tells what a pull would add and fetches nothing of it.
func TestPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := model(t, "whole")
	w.AddFile("org/repo", "m-Q4_0.gguf", content, "")
	l := w.open(t)
	want := &library.Planned{Name: "repo-q4_0", Size: int64(len(content))}
	p, err := l.Plan(t.Context(), "org/repo", library.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want.Source, want.License = p.Source, p.License
	if diff := cmp.Diff(want, p); diff != "" || !strings.Contains(p.Source, "org/repo") {
		t.Errorf("from %s (-want +got):\n%s", p.Source, diff)
	}
	if got := w.entered(t); len(got) != 0 {
		t.Errorf("got the files %v, want none", got)
	}
	// With another client the same library is filled, and its progress is seen.
	seen := &titles{}
	if _, err := l.With(l.Client().WithProgress(seen)).Pull(t.Context(), "org/repo", library.Options{Name: "mine", Remote: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mine"}, seen.list); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if p, err = l.Plan(t.Context(), "org/repo", library.Options{Name: "mine"}); err != nil || !p.Here {
		t.Errorf("of what is there: got %+v, %v", p, err)
	}
	w.AddFile("other/repo", "m-Q4_0.gguf", model(t, "other"), "")
	if _, err := l.Plan(t.Context(), "other/repo", library.Options{Name: "mine"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("of a name that is taken: got %v", err)
	}
	if _, err := l.Plan(t.Context(), "org/repo", library.Options{Name: "../x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("of a name that is none: got %v", err)
	}
	if _, err := w.open(t, offline).Plan(t.Context(), "org/repo", library.Options{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("offline: got %v", err)
	}
}

// titles are the pieces of work that were begun.
type titles struct {
	progress.Silent
	list []string
}

func (p *titles) Begin(title string, total int64) progress.Bar {
	p.list = append(p.list, title)
	return p.Silent.Begin(title, total)
}

// Who is not at the machine cannot reach its files.
func TestRemotePullTakesNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(file, model(t, "mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := w.open(t)
	for _, ref := range []string{file, "file:" + file, "./m.gguf", "~/m.gguf"} {
		if _, err := l.Pull(t.Context(), ref, library.Options{Remote: true}); err == nil || len(w.entered(t)) != 0 {
			t.Errorf("%s: got %v and %v, want it refused", ref, err, w.entered(t))
		}
		if _, err := l.Plan(t.Context(), ref, library.Options{}); err == nil {
			t.Errorf("a plan of %s", ref)
		}
	}
}
