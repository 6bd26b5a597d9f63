// Package hub is a small server of model files for tests: it serves real bytes
// in the shapes of a Hugging Face hub, an Ollama registry, plain addresses, an
// npm registry and a Python package index, with ranges and validators, and can
// be told to fail in the ways that real ones do.
//
// It is for tests only and keeps everything in memory.
package hub

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"time"
)

// Hub is a running server. Its methods may be called while it serves.
type Hub struct {
	URL    string
	Server *httptest.Server

	mu       sync.Mutex
	pages    map[string]page
	faults   map[string]*Fault
	repos    map[string]map[string]hfFile
	requests []*Request
}

type page struct {
	kind string
	body []byte
	etag string
}

type hfFile struct {
	size int64
	oid  string
}

// Fault is what goes wrong with a path.
type Fault struct {
	Status   int               // answered instead of the file; 0: none
	Header   map[string]string // of that answer
	CutAfter int64             // the connection ends after so many bytes of an answer; 0: never
	Times    int               // so often; 0: always
	NoRanges bool              // ranges are ignored
	NoETag   bool              // no validator is sent
	Hold     chan struct{}     // after CutAfter bytes the answer waits for this instead of being cut
}

// Request is what a client asked.
type Request struct {
	Path, Range, Authorization string
	Status                     int // 0 while it is answered
}

// Owner is the test that a hub belongs to: a testing.TB.
type Owner interface {
	Cleanup(f func())
}

// New starts a hub; it is closed with the test.
func New(t Owner) *Hub {
	h := &Hub{pages: map[string]page{}, faults: map[string]*Fault{}, repos: map[string]map[string]hfFile{}}
	h.Server = httptest.NewServer(h)
	h.URL = h.Server.URL
	t.Cleanup(h.Server.Close)
	return h
}

// Add serves bytes at a path.
func (h *Hub) Add(path, kind string, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[path] = page{kind, body, `"` + Sum(body)[:32] + `"`}
}

// Fail makes a path fail; a nil fault mends it.
func (h *Hub) Fail(path string, f *Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f == nil {
		delete(h.faults, path)
		return
	}
	h.faults[path] = f
}

// Requests returns what was asked for so far, in order, and forgets it.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	requests := make([]Request, len(h.requests))
	for i, r := range h.requests {
		requests[i] = *r
	}
	h.requests = nil
	return requests
}

// Sum returns the SHA-256 sum in hex.
func Sum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// AddFile serves a file of a Hugging Face repository and lists it; digest ""
// is the true one.
func (h *Hub) AddFile(repo, path string, body []byte, digest string) {
	if digest == "" {
		digest = Sum(body)
	}
	h.Add("/"+repo+"/resolve/main/"+path, "application/octet-stream", body)
	h.mu.Lock()
	if h.repos[repo] == nil {
		h.repos[repo] = map[string]hfFile{}
	}
	h.repos[repo][path] = hfFile{int64(len(body)), digest}
	var listing []map[string]any
	for path, f := range h.repos[repo] {
		listing = append(listing, map[string]any{"type": "file", "path": path, "size": f.size, "oid": f.oid[:40],
			"lfs": map[string]any{"oid": f.oid, "size": f.size, "pointerSize": 134}})
	}
	sort.Slice(listing, func(i, j int) bool { return listing[i]["path"].(string) < listing[j]["path"].(string) })
	h.mu.Unlock()
	h.Add("/api/models/"+repo+"/tree/main", "application/json", mustJSON(listing))
}

// Layer is a layer of an Ollama model.
type Layer struct {
	MediaType string
	Body      []byte
	Digest    string // "": the true one, "sha256:…"
}

// AddOllama serves a model of an Ollama registry, such as "library/tiny".
func (h *Hub) AddOllama(model, tag string, layers ...Layer) {
	var list []map[string]any
	for _, l := range layers {
		if l.Digest == "" {
			l.Digest = "sha256:" + Sum(l.Body)
		}
		h.Add("/v2/"+model+"/blobs/"+l.Digest, "application/octet-stream", l.Body)
		list = append(list, map[string]any{"mediaType": l.MediaType, "digest": l.Digest, "size": len(l.Body)})
	}
	h.Add("/v2/"+model+"/manifests/"+tag, "application/vnd.docker.distribution.manifest.v2+json", mustJSON(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
		"config": map[string]any{"mediaType": "application/vnd.docker.container.image.v1+json", "digest": "sha256:" + Sum(nil), "size": 0}, "layers": list,
	}))
}

// AddNPM serves a package version below /npm/ and returns its archive and the
// archive's integrity. The packument names the public registry's address, as
// mirrors that copy it do.
func (h *Hub) AddNPM(pkg, version string, files map[string][]byte) (archive []byte, integrity string) {
	archive = tarball(files)
	sum := sha512.Sum512(archive)
	integrity = "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	name := pkg[strings.LastIndexByte(pkg, '/')+1:]
	path := pkg + "/-/" + name + "-" + version + ".tgz"
	h.Add("/npm/"+path, "application/octet-stream", archive)
	h.Add("/npm/"+strings.Replace(pkg, "/", "%2f", 1), "application/json", mustJSON(map[string]any{
		"name": pkg, "versions": map[string]any{version: map[string]any{"dist": map[string]any{"tarball": "https://registry.npmjs.org/" + path, "integrity": integrity}}},
	}))
	return archive, integrity
}

// AddPyPI serves a wheel below /pypi/, with a page in HTML and one in JSON, and
// returns the archive and its integrity.
func (h *Hub) AddPyPI(project, wheel string, files map[string][]byte) (archive []byte, integrity string) {
	archive = zipped(files)
	sum := sha256.Sum256(archive)
	h.Add("/files/"+wheel, "application/zip", archive)
	h.Add("/pypi/"+project+"/", "text/html", fmt.Appendf(nil, `<!DOCTYPE html><html><body>
<a data-requires-python="&gt;=3.8" href="../../files/other-1.0-py3-none-any.whl">other</a><br/>
<A HREF='../../files/%s#sha256=%x'>%s</A></body></html>`, wheel, sum, wheel))
	h.Add("/json/"+project+"/", "application/vnd.pypi.simple.v1+json", mustJSON(map[string]any{
		"meta": map[string]any{"api-version": "1.0"}, "name": project,
		"files": []map[string]any{{"filename": wheel, "url": h.URL + "/files/" + wheel, "hashes": map[string]string{"sha256": hex.EncodeToString(sum[:])}}},
	}))
	return archive, "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// ServeHTTP implements http.Handler.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	request := &Request{Path: path, Range: r.Header.Get("Range"), Authorization: r.Header.Get("Authorization")}
	h.mu.Lock()
	h.requests = append(h.requests, request)
	p, found := h.pages[path]
	fault := h.takeFault(path)
	h.mu.Unlock()
	out := &recorder{ResponseWriter: w, status: http.StatusOK, left: -1}
	defer func() {
		h.mu.Lock()
		request.Status = out.status
		h.mu.Unlock()
		if out.cut {
			panic(http.ErrAbortHandler) // the one way to end a connection without ending its answer
		}
	}()
	if fault != nil && fault.Status != 0 {
		for name, value := range fault.Header {
			w.Header().Set(name, value)
		}
		http.Error(out, "the test wants it so", fault.Status)
		return
	}
	if !found {
		http.NotFound(out, r)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	if fault == nil || !fault.NoETag {
		w.Header().Set("ETag", p.etag)
	}
	if fault != nil && fault.NoRanges {
		r.Header.Del("Range")
	}
	if fault != nil && fault.CutAfter > 0 {
		out.left, out.hold = fault.CutAfter, fault.Hold
	}
	http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(p.body))
}

func (h *Hub) takeFault(path string) *Fault {
	f := h.faults[path]
	if f == nil {
		return nil
	}
	now := *f
	if f.Times > 0 {
		if f.Times--; f.Times == 0 {
			delete(h.faults, path)
		}
	}
	return &now
}

// recorder notes the status and lets only so many bytes through.
type recorder struct {
	http.ResponseWriter
	status int
	left   int64 // -1: all
	cut    bool
	hold   chan struct{}
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.left < 0 || int64(len(p)) <= r.left {
		if r.left >= 0 {
			r.left -= int64(len(p))
		}
		return r.ResponseWriter.Write(p)
	}
	n, err := r.ResponseWriter.Write(p[:r.left])
	r.left -= int64(n)
	if err != nil {
		return n, err
	}
	if err := http.NewResponseController(r.ResponseWriter).Flush(); err != nil {
		return n, err
	}
	if r.hold != nil {
		<-r.hold
		r.left = -1
		rest, err := r.ResponseWriter.Write(p[n:])
		return n + rest, err
	}
	r.cut = true
	return n, http.ErrAbortHandler
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

func sorted(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func tarball(files map[string][]byte) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	tarred := tar.NewWriter(zip)
	for _, name := range sorted(files) {
		if err := tarred.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}); err != nil {
			panic(err)
		}
		if _, err := tarred.Write(files[name]); err != nil {
			panic(err)
		}
	}
	if err := tarred.Close(); err != nil {
		panic(err)
	}
	if err := zip.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func zipped(files map[string][]byte) []byte {
	var out bytes.Buffer
	zip := zip.NewWriter(&out)
	for _, name := range sorted(files) {
		w, err := zip.Create(name)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			panic(err)
		}
	}
	if err := zip.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
