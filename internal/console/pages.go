package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed all:web
var web embed.FS //nolint:gochecknoglobals // what go:embed needs

// The folder that the pages are built into, which is not committed, and what is
// shown where they have not been built.
const (
	builtFolder = "build"
	indexName   = "index.html"
	placeholder = "placeholder.html"
)

func embedded() fs.FS {
	sub, err := fs.Sub(web, "web")
	if err != nil {
		return web // "web" is a path, so that this cannot be
	}
	return sub
}

// policy is what a page may do: be made of the console's own files, and call the
// console. Nobody can put it into a frame, and a script that gets into the text of
// a page is not run.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; " +
	"connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// page is one file, with what a browser may get instead of it.
type page struct {
	data      []byte
	kind      string // of its content
	tag       string
	immutable bool
	packed    []packed // the best first
}

// packed is a file in another encoding.
type packed struct {
	encoding string
	data     []byte
}

// encodings are the names of encodings and how files in them end, the best first.
var encodings = [...][2]string{{"br", ".br"}, {"gzip", ".gz"}} //nolint:gochecknoglobals // a constant table

// pages are the files that are given out.
type pages struct {
	files map[string]*page // by path below Prefix
	index *page            // of every path that is no file
}

// openPages reads the files that were built, or what says that none were.
func openPages(files fs.FS) (*pages, error) {
	p := &pages{files: map[string]*page{}}
	built, err := fs.Sub(files, builtFolder)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(built, indexName); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return p, p.add(files, placeholder, "placeholder.css")
	}
	err = fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		switch hidden := name != "." && strings.HasPrefix(d.Name(), "."); {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return fs.SkipDir // what the build tells itself
		case hidden || d.IsDir():
			return nil
		}
		for _, e := range encodings {
			if _, err := fs.Stat(built, strings.TrimSuffix(name, e[1])); strings.HasSuffix(name, e[1]) && err == nil {
				return nil // it is read with the file that it is instead of
			}
		}
		return p.add(built, name)
	})
	return p, err
}

func (p *pages) add(files fs.FS, names ...string) error {
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("the console's page %s: %w", name, err)
		}
		sum := sha256.Sum256(data)
		one := &page{data: data, kind: kindOf(name), tag: hex.EncodeToString(sum[:12]), immutable: strings.HasPrefix(Prefix+name, assetPrefix)}
		for _, e := range encodings {
			if small, err := fs.ReadFile(files, name+e[1]); err == nil && len(small) < len(data) {
				one.packed = append(one.packed, packed{e[0], small})
			}
		}
		p.files[name] = one
		if name == indexName || name == placeholder {
			p.index = one
		}
	}
	return nil
}

// kinds are the content types of what a build makes. Those that the machine knows
// are another thing on every machine.
var kinds = map[string]string{ //nolint:gochecknoglobals // a constant table
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".woff": "font/woff", ".txt": "text/plain; charset=utf-8",
	".map": "application/json", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}

func kindOf(name string) string {
	if kind := kinds[path.Ext(name)]; kind != "" {
		return kind
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// serve answers with a file, or with the page that finds out by itself what a path
// is for.
func (p *pages) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Pages are only read.", http.StatusMethodNotAllowed)
		return
	}
	one := p.files[strings.TrimPrefix(r.URL.Path, Prefix)]
	switch {
	case one != nil:
	case strings.HasPrefix(r.URL.Path, assetPrefix):
		h.Set("Cache-Control", "no-store") // it may be there after the next build
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	default:
		one = p.index
	}
	h.Set("Cache-Control", "no-cache")
	if one.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", one.kind)
	data, tag := one.data, one.tag
	if len(one.packed) > 0 {
		h.Set("Vary", "Accept-Encoding")
		accepted := acceptedEncodings(r.Header.Values("Accept-Encoding"))
		for _, small := range one.packed {
			if accepted[small.encoding] {
				data, tag = small.data, tag+"-"+small.encoding
				h.Set("Content-Encoding", small.encoding)
				break
			}
		}
	}
	tag = `"` + tag + `"`
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Type")
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = bytes.NewReader(data).WriteTo(w) // a client that is gone reads nothing
}

// acceptedEncodings reads the header: those that a client takes.
func acceptedEncodings(values []string) map[string]bool {
	accepted := map[string]bool{}
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			quality, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
			q, err := strconv.ParseFloat(strings.TrimSpace(quality), 64)
			accepted[strings.ToLower(strings.TrimSpace(name))] = !ok || err == nil && q > 0
		}
	}
	return accepted
}

// matches reports whether a client has what a tag is of.
func matches(values []string, tag string) bool {
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}
