package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// built is what a build leaves behind.
func built() fstest.MapFS {
	return fstest.MapFS{
		"placeholder.html":            file("placeholder"),
		"placeholder.css":             file("css"),
		"build/index.html":            file("the page, long enough to be packed"),
		"build/index.html.br":         file("br page"),
		"build/assets/app-1.js":       file("script, long enough to be packed"),
		"build/assets/app-1.js.br":    file("br"),
		"build/assets/app-1.js.gz":    file("gzip"),
		"build/assets/only-2.js":      file("script, long enough to be packed"),
		"build/assets/only-2.js.gz":   file("gzip"),
		"build/assets/small-3.css":    file("a"),
		"build/assets/small-3.css.br": file("larger"),
		"build/assets/_helper-4.js":   file("helper"),
		"build/data.gz":               file("an archive"),
		"build/mark.svg":              file("<svg/>"),
		"build/.vite/manifest.json":   file("{}"),
	}
}

func open(t *testing.T, files fstest.MapFS) *pages {
	t.Helper()
	p, err := openPages(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, p *pages, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	p.serve(w, r)
	return w
}

func TestPages(t *testing.T) {
	t.Parallel()
	p := open(t, built())
	const always, never, unknown = "no-cache", "public, max-age=31536000, immutable", "no-store"
	const html, js = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
	page := "the page, long enough to be packed"
	for _, tc := range []struct {
		path, accept          string
		status                int
		body, kind, enc, keep string
	}{
		{"/console/", "", 200, page, html, "", always},
		{"/console/", "gzip, deflate, br", 200, "br page", html, "br", always},
		{"/console/", "gzip, br;q=0", 200, page, html, "", always},
		{"/console/models/anthropic.claude-3-haiku-20240307-v1:0", "", 200, page, html, "", always},
		{"/console/sign-in", "", 200, page, html, "", always},
		{"/console/call", "", 200, page, html, "", always},
		{"/console/assets/app-1.js", "", 200, "script, long enough to be packed", js, "", never},
		{"/console/assets/app-1.js", "gzip", 200, "gzip", js, "gzip", never},
		{"/console/assets/app-1.js", "gzip, br", 200, "br", js, "br", never},
		{"/console/assets/app-1.js", "br;q=0.0, gzip;q=0.5", 200, "gzip", js, "gzip", never},
		{"/console/assets/only-2.js", "br, gzip", 200, "gzip", js, "gzip", never},
		{"/console/assets/small-3.css", "br", 200, "a", "text/css; charset=utf-8", "", never},
		{"/console/assets/_helper-4.js", "", 200, "helper", js, "", never},
		{"/console/mark.svg", "", 200, "<svg/>", "image/svg+xml", "", always},
		{"/console/data.gz", "gzip", 200, "an archive", kindOf("data.gz"), "", always},
		{"/console/assets/gone-1.js", "", 404, "There is no such file.\n", "text/plain; charset=utf-8", "", unknown},
		{"/console/assets/app-1.js.br", "", 404, "There is no such file.\n", "text/plain; charset=utf-8", "", unknown},
		{"/console/assets/", "", 404, "There is no such file.\n", "text/plain; charset=utf-8", "", unknown},
		{"/console/.vite/manifest.json", "", 200, page, html, "", always},
	} {
		w := get(t, p, http.MethodGet, tc.path, http.Header{"Accept-Encoding": {tc.accept}})
		h := w.Header()
		if w.Code != tc.status || w.Body.String() != tc.body || h.Get("Content-Type") != tc.kind || h.Get("Content-Encoding") != tc.enc || h.Get("Cache-Control") != tc.keep {
			t.Errorf("%s (%s): got %d %q %v", tc.path, tc.accept, w.Code, w.Body, h)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Content-Security-Policy": contentPolicy,
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s: got %q", tc.path, name, got)
			}
		}
		if tc.status != http.StatusOK {
			continue
		}
		head := get(t, p, http.MethodHead, tc.path, http.Header{"Accept-Encoding": {tc.accept}})
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != h.Get("Content-Length") || head.Header().Get("ETag") != h.Get("ETag") {
			t.Errorf("HEAD %s: got %d %v", tc.path, head.Code, head.Header())
		}
		for _, tag := range []string{h.Get("ETag"), "W/" + h.Get("ETag"), `"other", ` + h.Get("ETag"), "*"} {
			same := get(t, p, http.MethodGet, tc.path, http.Header{"Accept-Encoding": {tc.accept}, "If-None-Match": {tag}})
			if same.Code != http.StatusNotModified || same.Body.Len() != 0 {
				t.Errorf("%s with %s: got %d", tc.path, tag, same.Code)
			}
		}
		if w := get(t, p, http.MethodGet, tc.path, http.Header{"If-None-Match": {`"other"`}}); w.Code != http.StatusOK {
			t.Errorf("%s with another tag: got %d", tc.path, w.Code)
		}
	}
	if w := get(t, p, http.MethodPost, "/console/", nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d", w.Code)
	}
}

// Encodings of a file have tags of their own, so that no cache takes one for
// another.
func TestTagsTellEncodingsApart(t *testing.T) {
	t.Parallel()
	p := open(t, built())
	tags := map[string]bool{}
	for _, accept := range []string{"", "gzip", "br"} {
		w := get(t, p, http.MethodGet, "/console/assets/app-1.js", http.Header{"Accept-Encoding": {accept}})
		tags[w.Header().Get("ETag")] = true
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: got Vary %q", accept, w.Header().Get("Vary"))
		}
	}
	if len(tags) != 3 {
		t.Errorf("got %v", tags)
	}
}

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	files := built()
	for name := range files {
		if strings.HasPrefix(name, "build/") {
			delete(files, name)
		}
	}
	p := open(t, files)
	for path, want := range map[string]string{"/console/": "placeholder", "/console/models": "placeholder", "/console/placeholder.css": "css"} {
		if w := get(t, p, http.MethodGet, path, nil); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	if _, err := openPages(fstest.MapFS{}); err == nil {
		t.Error("a binary without any page is made")
	}
}

// What is committed is enough for a console that says what is missing, and what was
// built is whole.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	p, err := openPages(embedded())
	if err != nil {
		t.Fatal(err)
	}
	w := get(t, p, http.MethodGet, "/console/", nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<title>Outcrop</title>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	// The policy lets run nothing that stands in the page itself.
	for _, forbidden := range []string{"<script>", "<style", " style=", " onload=", "javascript:"} {
		if strings.Contains(w.Body.String(), forbidden) {
			t.Errorf("the page has %s, which its own policy forbids", forbidden)
		}
	}
}

func TestRedirectToTheFolder(t *testing.T) {
	t.Parallel()
	b := newPlace(t, nil).browse()
	if r := b.do(http.MethodGet, "/console", "", nil); r.StatusCode != http.StatusPermanentRedirect || r.Header.Get("Location") != "/console/" {
		t.Errorf("got %d to %s", r.StatusCode, r.Header.Get("Location"))
	}
}
