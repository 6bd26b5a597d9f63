package pack_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
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
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/registry"
	"github.com/outcrop/outcrop/test/hub"
)

var library = bytes.Repeat([]byte("library "), 100_000)

// mirror is a hub with one npm and one PyPI pack, and the pins for them.
type mirror struct {
	*hub.Hub
	pins []pack.Pin
}

func newMirror(t *testing.T) mirror {
	t.Helper()
	h := hub.New(t)
	tgz, tgzIntegrity := h.AddNPM("@engine/linux", "1.0.0", map[string][]byte{
		"package/bins/libx.so": library, "package/LICENSE": []byte("MIT"), "package/unused": []byte("no"), "../../escape": []byte("no"),
	})
	whl, whlIntegrity := h.AddPyPI("model", "model-1.0-py3-none-any.whl", map[string][]byte{"model/m.gguf": []byte("weights")})
	return mirror{h, []pack.Pin{
		{Name: "engine", Version: "1.0.0", Title: "engine", Platform: "test/one", Registry: "npm", Package: "@engine/linux", License: "MIT", Size: int64(len(tgz)), Integrity: tgzIntegrity, Files: []pack.PinFile{
			{Path: "package/bins/libx.so", As: "libx.so", Size: int64(len(library)), SHA256: hub.Sum(library)},
			{Path: "package/LICENSE", As: "LICENSE", Size: 3, SHA256: hub.Sum([]byte("MIT"))},
		}},
		{Name: "model", Version: "1.0", Title: "model", Registry: "pypi", Package: "model", File: "model-1.0-py3-none-any.whl", License: "Apache-2.0", Size: int64(len(whl)), Integrity: whlIntegrity, Files: []pack.PinFile{
			{Path: "model/m.gguf", As: "m.gguf", Size: 7, SHA256: hub.Sum([]byte("weights"))},
		}},
		{Name: "unpinned", Version: "1.0", Title: "unpinned engine", Platform: "test/two", Registry: "npm", Package: "@engine/other"},
	}}
}

func (m mirror) open(t *testing.T, dir string, p pack.Params) *pack.Store {
	t.Helper()
	env := registry.Env{GOOS: "linux", Root: t.TempDir(), Home: t.TempDir(), Dir: t.TempDir(), Getenv: func(name string) string {
		return map[string]string{"npm_config_registry": m.URL + "/npm/", "PIP_INDEX_URL": m.URL + "/pypi/"}[name]
	}}
	p.Env, p.Platform = &env, "test/one"
	if p.Pins == nil {
		p.Pins = m.pins
	}
	p.Fetch = fetch.New(fetch.Params{Offline: p.Offline, Retries: 2, Wait: func(ctx context.Context, _ int) error { return ctx.Err() }})
	store, err := pack.Open(dir, p)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func integrity(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	m, dir := newMirror(t), t.TempDir()
	store := m.open(t, dir, pack.Params{})
	if _, err := store.Engine(); !fault.Is(err, fault.NotReady) {
		t.Errorf("before: got %v, want not ready", err)
	}
	if err := store.Ensure(t.Context(), "engine", "model"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"packs/.lock-engine", "packs/.lock-model",
		"packs/engine/1.0.0/.verified.json", "packs/engine/1.0.0/LICENSE", "packs/engine/1.0.0/libx.so",
		"packs/model/1.0/.verified.json", "packs/model/1.0/LICENSE", "packs/model/1.0/m.gguf",
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	engine, err := store.Engine()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(engine, "libx.so")); err != nil || !bytes.Equal(got, library) {
		t.Errorf("library: got %d bytes, %v, want %d", len(got), err, len(library))
	}
	if text, err := os.ReadFile(filepath.Join(dir, "packs/model/1.0/LICENSE")); err != nil || !strings.Contains(string(text), "Apache License") {
		t.Errorf("licence of the model: got %.40q, %v, want the Apache License", text, err)
	}
	m.Requests()
	again := m.open(t, dir, pack.Params{Offline: true})
	if err := again.Ensure(t.Context(), "engine", "model"); err != nil {
		t.Errorf("second start, offline: got %v, want no error", err)
	}
	if got := m.Requests(); len(got) != 0 {
		t.Errorf("second start: got requests %v, want none", got)
	}
}

func TestEnsureFaults(t *testing.T) {
	t.Parallel()
	const archive = "/npm/@engine/linux/-/linux-1.0.0.tgz"
	tests := []struct {
		name    string
		names   []string
		spoil   func(m *mirror)
		offline bool
		want    fault.Kind
		text    string
	}{
		{name: "no such pack", names: []string{"none"}, want: fault.NotFound, text: `no pack "none"`},
		{name: "offline", names: []string{"engine", "model"}, offline: true, want: fault.Unavailable, text: "not on this machine yet: engine, model"},
		{name: "no digest pinned", names: []string{"unpinned"}, want: fault.Unsupported, text: "no digest is pinned for the unpinned engine"},
		{name: "another archive", names: []string{"engine"}, spoil: func(m *mirror) { m.Add(archive, "", bytes.Repeat([]byte("x"), int(m.pins[0].Size))) }, want: fault.Invalid, text: "is not the expected file"},
		{name: "archive of another size", names: []string{"engine"}, spoil: func(m *mirror) { m.Add(archive, "", []byte("x")) }, want: fault.Invalid, text: "has 1 bytes where"},
		{name: "another file in the archive", names: []string{"engine"}, spoil: func(m *mirror) { m.pins[0].Files[0].SHA256 = hub.Sum(nil) }, want: fault.Invalid, text: "is not the pinned file"},
		{name: "file longer than pinned", names: []string{"engine"}, spoil: func(m *mirror) { m.pins[0].Files[0].Size = 5 }, want: fault.Invalid, text: "is not the pinned file"},
		{name: "file missing in the archive", names: []string{"model"}, spoil: func(m *mirror) { m.pins[1].Files[0].Path = "other" }, want: fault.Invalid, text: "lacks other"},
		{name: "archive is none", names: []string{"model"}, spoil: func(m *mirror) {
			m.Add("/files/model-1.0-py3-none-any.whl", "", []byte("no zip"))
			m.pins[1].Size, m.pins[1].Integrity = 6, integrity([]byte("no zip"))
		}, want: fault.Invalid, text: "cannot unpack the model"},
		{name: "registry is down", names: []string{"engine"}, spoil: func(m *mirror) { m.Fail("/npm/@engine%2flinux", &hub.Fault{Status: 503}) }, want: fault.Unavailable, text: "503"},
		{name: "registry wants credentials", names: []string{"engine"}, spoil: func(m *mirror) { m.Fail(archive, &hub.Fault{Status: 401}) }, want: fault.Denied, text: "401"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, dir := newMirror(t), t.TempDir()
			if tt.spoil != nil {
				tt.spoil(&m)
			}
			err := m.open(t, dir, pack.Params{Offline: tt.offline}).Ensure(t.Context(), tt.names...)
			if !fault.Is(err, tt.want) || !strings.Contains(fault.As(err).Message, tt.text) {
				t.Errorf("got %v, want a fault of kind %v with %q", err, tt.want, tt.text)
			}
			for _, name := range tree(t, dir) {
				if !strings.Contains(name, ".lock-") {
					t.Errorf("%s is left over", name)
				}
			}
		})
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	m, dir := newMirror(t), t.TempDir()
	const archive = "/npm/@engine/linux/-/linux-1.0.0.tgz"
	m.Fail(archive, &hub.Fault{CutAfter: 700, Times: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := fetch.New(fetch.Params{Retries: -1})
	env := registry.Env{GOOS: "linux", Getenv: func(name string) string { return map[string]string{"npm_config_registry": m.URL + "/npm/"}[name] }}
	first, err := pack.Open(dir, pack.Params{Env: &env, Pins: m.pins, Platform: "test/one", Fetch: stop})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Ensure(ctx, "engine"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want the connection lost", err)
	}
	m.Requests()
	if err := m.open(t, dir, pack.Params{}).Ensure(ctx, "engine"); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.Requests() {
		if r.Path == archive && r.Range != "bytes=700-" {
			t.Errorf("range: got %q, want bytes=700-", r.Range)
		}
	}
}

// TestLeftByADeadProcess has a half-unpacked directory of one that was killed.
func TestLeftByADeadProcess(t *testing.T) {
	t.Parallel()
	m, dir := newMirror(t), filepath.Join(t.TempDir(), "models [1]")
	left := filepath.Join(dir, "packs/engine/.1.0.0.new-123")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.open(t, dir, pack.Params{}).Ensure(t.Context(), "engine"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is still there", left)
	}
}

func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	m, dir := newMirror(t), t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		store := m.open(t, dir, pack.Params{})
		group.Go(func() {
			if err := store.Ensure(t.Context(), "engine"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	fetched := 0
	for _, r := range m.Requests() {
		if strings.HasSuffix(r.Path, ".tgz") {
			fetched++
		}
	}
	if fetched != 1 {
		t.Errorf("fetched: got %d times, want once", fetched)
	}
}

func TestVerifyAndRepair(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(t *testing.T, file string)
		want   fault.Kind
		fine   bool
	}{
		{name: "as it was", change: func(*testing.T, string) {}, fine: true},
		{name: "copied, so that the times are others", change: func(t *testing.T, file string) {
			if err := os.Chtimes(file, time.Unix(5, 0), time.Unix(5, 0)); err != nil {
				t.Fatal(err)
			}
		}, fine: true},
		{name: "changed", change: func(t *testing.T, file string) {
			raw := bytes.Clone(library)
			raw[5]++
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, time.Unix(5, 0), time.Unix(5, 0)); err != nil {
				t.Fatal(err)
			}
		}, want: fault.Invalid},
		{name: "shorter", change: func(t *testing.T, file string) {
			if err := os.Truncate(file, 5); err != nil {
				t.Fatal(err)
			}
		}, want: fault.Invalid},
		{name: "gone", change: func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, want: fault.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, dir := newMirror(t), t.TempDir()
			if err := m.open(t, dir, pack.Params{}).Ensure(t.Context(), "engine"); err != nil {
				t.Fatal(err)
			}
			tt.change(t, filepath.Join(dir, "packs/engine/1.0.0/libx.so"))
			offline := m.open(t, dir, pack.Params{Offline: true})
			if err := offline.Ensure(t.Context(), "engine"); (err == nil) != tt.fine {
				t.Errorf("offline start: got %v, want fine = %v", err, tt.fine)
			}
			err := m.open(t, dir, pack.Params{}).Verify(t.Context(), "engine")
			if tt.fine && err != nil || !tt.fine && !fault.Is(err, tt.want) {
				t.Errorf("verify: got %v, want %v", err, tt.want)
			}
			if err := m.open(t, dir, pack.Params{}).Repair(t.Context(), "engine"); err != nil {
				t.Fatal(err)
			}
			if err := offline.Verify(t.Context(), "engine"); err != nil {
				t.Errorf("after repair: got %v, want no error", err)
			}
		})
	}
}

// TestPins looks at pins.json itself.
func TestPins(t *testing.T) {
	t.Parallel()
	pins, err := pack.Pins()
	if err != nil {
		t.Fatal(err)
	}
	unpinned := map[string]bool{"engine-mac-arm64-metal": true, "engine-mac-x64": true, "engine-win-x64": true}
	for _, pin := range pins {
		if unpinned[pin.Name] != (pin.Integrity == "") {
			t.Errorf("%s: got integrity %q, want one = %v", pin.Name, pin.Integrity, !unpinned[pin.Name])
		}
		if pin.Integrity == "" {
			continue
		}
		if _, err := fetch.Integrity(pin.Integrity); err != nil {
			t.Errorf("%s: %v", pin.Name, err)
		}
		names := map[string]bool{}
		for _, file := range pin.Files {
			if file.As != filepath.Base(file.As) || names[file.As] || file.Size == 0 {
				t.Errorf("%s: the file %q is no name, has no size or is there twice", pin.Name, file.As)
			}
			names[file.As] = true
			if _, err := fetch.SHA256(file.SHA256); err != nil {
				t.Errorf("%s: %v", pin.Name, err)
			}
		}
		if !slices.Contains([]string{"MIT", "Apache-2.0", "MIT AND BSD-3-Clause AND Apache-2.0"}, pin.License) {
			t.Errorf("%s: got licence %q, want one that is allowed", pin.Name, pin.License)
		}
		if !names["LICENSE"] && pin.License != "Apache-2.0" {
			t.Errorf("%s has no licence text", pin.Name)
		}
	}
	for platform, want := range map[string]string{"linux/amd64": "engine-linux-x64", "linux/arm64": "engine-linux-arm64", "darwin/arm64": "engine-mac-arm64-metal"} {
		store, err := pack.Open(t.TempDir(), pack.Params{Platform: platform, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := store.EngineName(); err != nil || got != want {
			t.Errorf("engine of %s: got %q, %v, want %q", platform, got, err, want)
		}
	}
	store, err := pack.Open(t.TempDir(), pack.Params{Platform: "plan9/386", Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.EngineName(); !fault.Is(err, fault.Unsupported) {
		t.Errorf("engine of plan9/386: got %v, want unsupported", err)
	}
}
