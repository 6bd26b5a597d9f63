package fetch

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/progress"
	"github.com/outcrop/outcrop/test/hub"
)

func content(n int) []byte {
	body := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	if _, err := source.Read(body); err != nil {
		panic(err)
	}
	return body
}

func client(p Params) *Client {
	p.Wait = func(ctx context.Context, _ int) error { return ctx.Err() }
	return New(p)
}

func ranges(h *hub.Hub) []string {
	var got []string
	for _, r := range h.Requests() {
		got = append(got, r.Range)
	}
	return got
}

func TestFile(t *testing.T) {
	t.Parallel()
	const size = 600_000
	body := content(size)
	digest := Sum(body)
	tests := []struct {
		name   string
		fault  *hub.Fault
		part   []byte // left by an earlier try
		memo   string // "digest", "address" or none
		job    Job
		want   fault.Kind
		fails  bool
		ranges []string
		keeps  int // bytes of the part after a failure
	}{
		{name: "whole", job: Job{Size: size, Digest: digest}, ranges: []string{""}},
		{name: "nothing known", ranges: []string{""}},
		{name: "cut twice", fault: &hub.Fault{CutAfter: 200_000, Times: 2}, job: Job{Digest: digest}, ranges: []string{"", "bytes=200000-", "bytes=400000-"}},
		{name: "cut again and again, but always a little further", fault: &hub.Fault{CutAfter: 50_000}, job: Job{Digest: digest},
			ranges: []string{"", "bytes=50000-", "bytes=100000-", "bytes=150000-", "bytes=200000-", "bytes=250000-", "bytes=300000-", "bytes=350000-", "bytes=400000-", "bytes=450000-", "bytes=500000-", "bytes=550000-"}},
		{name: "goes on after a restart", part: body[:123_456], memo: "digest", job: Job{Digest: digest}, ranges: []string{"bytes=123456-"}},
		{name: "goes on by validator", part: body[:123_456], memo: "address", ranges: []string{"bytes=123456-"}},
		{name: "a part of something else", part: body[:123_456], memo: "other", job: Job{Digest: digest}, ranges: []string{""}},
		{name: "a part without a note", part: body[:123_456], job: Job{Digest: digest}, ranges: []string{""}},
		{name: "the part is all there", part: body, memo: "digest", job: Job{Digest: digest}, ranges: []string{"bytes=600000-"}},
		{name: "the part is all there and the size is known", part: body, memo: "digest", job: Job{Digest: digest, Size: size}},
		{name: "the part is damaged", part: make([]byte, 1000), memo: "digest", job: Job{Digest: digest}, ranges: []string{"bytes=1000-", ""}},
		{name: "the part is too long", part: make([]byte, size+1), memo: "digest", job: Job{Digest: digest, Size: size}, ranges: []string{""}},
		{name: "the server knows no ranges", fault: &hub.Fault{NoRanges: true}, part: body[:1000], memo: "digest", job: Job{Digest: digest}, ranges: []string{"bytes=1000-"}},
		{name: "busy once", fault: &hub.Fault{Status: 503, Times: 1}, job: Job{Digest: digest}, ranges: []string{"", ""}},
		{name: "broken for good", fault: &hub.Fault{Status: 500}, want: fault.Unavailable, fails: true, ranges: []string{"", "", ""}},
		{name: "not there", fault: &hub.Fault{Status: 404}, want: fault.NotFound, fails: true, ranges: []string{""}},
		{name: "not allowed", fault: &hub.Fault{Status: 401}, want: fault.Denied, fails: true, ranges: []string{""}},
		{name: "another digest", job: Job{Digest: Sum(nil)}, want: fault.Invalid, fails: true, ranges: []string{""}},
		{name: "another size", job: Job{Size: 5}, want: fault.Invalid, fails: true, ranges: []string{""}},
		{name: "dead after a while", fault: &hub.Fault{Status: 502}, part: body[:1000], memo: "digest", job: Job{Digest: digest}, want: fault.Unavailable, fails: true,
			ranges: []string{"bytes=1000-", "bytes=1000-", "bytes=1000-"}, keeps: 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := hub.New(t)
			h.Add("/file", "application/octet-stream", body)
			h.Fail("/file", tt.fault)
			path := filepath.Join(t.TempDir(), "file")
			job := tt.job
			job.Title, job.URL, job.Path = "the file", h.URL+"/file", path
			if tt.part != nil {
				leave(t, job, tt.part, tt.memo)
			}
			result, err := client(Params{Retries: 2}).File(t.Context(), job)
			if diff := cmp.Diff(tt.ranges, ranges(h)); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
			if tt.fails {
				if !fault.Is(err, tt.want) {
					t.Errorf("got %v, want a fault of kind %v", err, tt.want)
				}
				if _, err := os.Stat(path); err == nil {
					t.Error("the file is in place after a failure")
				}
				part, _ := os.ReadFile(path + ".part")
				if len(part) != tt.keeps {
					t.Errorf("part: got %d bytes, want %d", len(part), tt.keeps)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, body) {
				t.Errorf("got %d bytes, %v, want the %d that were sent", len(got), err, size)
			}
			if result != (Result{size, digest}) {
				t.Errorf("result: got %v, want %v", result, Result{size, digest})
			}
			if left, _ := filepath.Glob(path + ".part*"); len(left) > 0 {
				t.Errorf("got %v left over, want nothing", left)
			}
		})
	}
}

// leave puts a part there as an earlier run would have.
func leave(t *testing.T, job Job, part []byte, kind string) {
	t.Helper()
	if err := os.WriteFile(job.Path+".part", part, 0o600); err != nil {
		t.Fatal(err)
	}
	var note string
	switch kind {
	case "digest":
		note = `{"digest": "` + job.Digest.String() + `"}`
	case "address":
		note = `{"address": "` + Sum([]byte(job.URL)).Hex + `", "validator": "\"` + Sum(content(600_000)).Hex[:32] + `\""}`
	case "other":
		note = `{"digest": "sha256:00"}`
	default:
		return
	}
	if err := os.WriteFile(job.Path+".part.json", []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestChangedMeanwhile resumes a file without a digest that is another one now.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	job := Job{Title: "the file", URL: h.URL + "/file", Path: filepath.Join(t.TempDir(), "file")}
	h.Add("/file", "application/octet-stream", content(100_000))
	h.Fail("/file", &hub.Fault{CutAfter: 40_000, Times: 1})
	c := client(Params{Retries: -1})
	if _, err := c.File(t.Context(), job); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want the connection lost", err)
	}
	now := append([]byte("changed"), content(100_000)...)
	h.Add("/file", "application/octet-stream", now)
	if _, err := c.File(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(job.Path); err != nil || !bytes.Equal(got, now) {
		t.Errorf("got %d bytes, %v, want the new file and nothing of the old", len(got), err)
	}
}

// smallDisk has room for so many bytes.
type smallDisk struct {
	*os.File
	room *atomic.Int64
}

func (d smallDisk) Write(p []byte) (int, error) {
	room := d.room.Load()
	if int64(len(p)) <= room {
		d.room.Add(-int64(len(p)))
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:room])
	d.room.Store(0)
	if err == nil {
		err = &os.PathError{Op: "write", Path: d.Name(), Err: syscall.ENOSPC}
	}
	return n, err
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	body := content(500_000)
	h := hub.New(t)
	h.Add("/file", "application/octet-stream", body)
	job := Job{Title: "the file", URL: h.URL + "/file", Path: filepath.Join(t.TempDir(), "file"), Digest: Sum(body)}
	var room atomic.Int64
	room.Store(300_000)
	c := client(Params{})
	c.open = func(path string) (partFile, error) {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		return smallDisk{file, &room}, err
	}
	_, err := c.File(t.Context(), job)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.As(err).Message, "is full: 300.0 kB of 500.0 kB of the file have arrived and are kept") {
		t.Errorf("got %v, want it to say that the disk is full and what is kept", err)
	}
	room.Store(1 << 30)
	h.Requests()
	if _, err := c.File(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bytes=300000-"}, ranges(h)); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

// A server that never stops sending, or says no size, does not fill the disk.
func TestReserve(t *testing.T) {
	t.Parallel()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(content(10_000)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush() // without a size in the header
		}
	}))
	t.Cleanup(endless.Close)
	for _, tc := range []struct {
		name    string
		reserve int64
		disk    int64 // -1 not known
		most    int64 // bytes that may be kept
		want    string
	}{
		{"a reserve is kept", 200_000, 600_000, 400_000, "would have less than 200.0 kB left: "},
		{"nothing to give", 200_000, 200_000, 0, "would have less than 200.0 kB left: 0 B of the file have arrived"},
		{"the reserve without configuration", 0, 256<<20 + 300_000, 300_000, "would have less than 268.4 MB left: "},
		{"no reserve", -1, 0, 1 << 20, "is full: 1.0 MB of the file have arrived"},
		{"free space is not known", 200_000, -1, 1 << 20, "is full: 1.0 MB of the file have arrived"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			job := Job{Title: "the file", URL: endless.URL + "/file", Path: filepath.Join(t.TempDir(), "file")}
			size := func() int64 {
				info, err := os.Stat(job.Path + ".part")
				if err != nil {
					return 0
				}
				return info.Size()
			}
			c := client(Params{Reserve: tc.reserve, Free: func(dir string) int64 {
				if dir != filepath.Dir(job.Path) {
					t.Errorf("got the free bytes of %s asked for, want those of %s", dir, filepath.Dir(job.Path))
				}
				if tc.disk < 0 {
					return -1
				}
				return tc.disk - size()
			}})
			var room atomic.Int64
			room.Store(1 << 20)
			c.open = func(path string) (partFile, error) {
				file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
				return smallDisk{file, &room}, err
			}
			_, err := c.File(t.Context(), job)
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.As(err).Message, tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
			if got := size(); got > tc.most || tc.most > 0 && got < tc.most-200_000 {
				t.Errorf("got %d bytes kept, want nearly %d", got, tc.most)
			}
		})
	}
}

func TestFreeSpace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := freeSpace(dir); got <= 0 {
		t.Errorf("freeSpace(%s): got %d, want some bytes", dir, got)
	}
	if got := freeSpace(filepath.Join(dir, "none")); got != -1 {
		t.Errorf("freeSpace of a directory that does not exist: got %d, want -1", got)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	body := content(500_000)
	h := hub.New(t)
	h.Add("/file", "application/octet-stream", body)
	hold := make(chan struct{})
	h.Fail("/file", &hub.Fault{CutAfter: 200_000, Times: 1, Hold: hold})
	ctx, cancel := context.WithCancel(t.Context())
	sink := &watcher{after: 200_000, then: cancel}
	job := Job{Title: "the file", URL: h.URL + "/file", Path: filepath.Join(t.TempDir(), "file"), Digest: Sum(body)}
	_, err := client(Params{Progress: sink}).File(ctx, job)
	close(hold)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if info, err := os.Stat(job.Path + ".part"); err != nil || info.Size() != 200_000 {
		t.Errorf("part: got %v, %v, want 200000 bytes", info, err)
	}
}

// watcher is a Sink that does something when enough bytes are there.
type watcher struct {
	progress.Silent
	after int64
	then  func()
	notes []string
}

func (w *watcher) Begin(string, int64) progress.Bar { return watchBar{w.Silent.Begin("", 0), w} }
func (w *watcher) Note(text string)                 { w.notes = append(w.notes, text) }

type watchBar struct {
	progress.Bar
	w *watcher
}

func (b watchBar) Set(done int64) {
	if done >= b.w.after && b.w.then != nil {
		b.w.then()
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	body := content(300_000)
	h := hub.New(t)
	h.Add("/file", "application/octet-stream", body)
	hold := make(chan struct{})
	h.Fail("/file", &hub.Fault{CutAfter: 100_000, Times: 1, Hold: hold})
	sink := &watcher{}
	job := Job{Title: "the file", URL: h.URL + "/file", Path: filepath.Join(t.TempDir(), "file"), Digest: Sum(body)}
	_, err := client(Params{Stall: 300 * time.Millisecond, Progress: sink}).File(t.Context(), job)
	close(hold)
	if err != nil {
		t.Fatal(err)
	}
	if len(sink.notes) != 1 || !strings.Contains(sink.notes[0], "nothing arrived for too long") {
		t.Errorf("notes: got %q, want one about the stall", sink.notes)
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	h.Add("/file", "text/plain", []byte("x"))
	c := client(Params{Offline: true})
	if _, err := c.File(t.Context(), Job{Title: "the file", URL: h.URL + "/file", Path: filepath.Join(t.TempDir(), "file")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("file: got %v, want unavailable", err)
	}
	if _, err := c.Document(t.Context(), h.URL+"/file", nil, 10); !fault.Is(err, fault.Unavailable) {
		t.Errorf("document: got %v, want unavailable", err)
	}
	if got := h.Requests(); len(got) != 0 {
		t.Errorf("requests: got %v, want none", got)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	h.Add("/doc", "text/plain", []byte("0123456789"))
	c := client(Params{})
	doc, err := c.Document(t.Context(), h.URL+"/doc", nil, 10)
	if err != nil || string(doc.Body) != "0123456789" {
		t.Errorf("got %v, %v, want the ten digits", doc, err)
	}
	if _, err := c.Document(t.Context(), h.URL+"/doc", nil, 9); !fault.Is(err, fault.Invalid) {
		t.Errorf("too long: got %v, want invalid", err)
	}
	for _, address := range []string{"", "::", "ftp", "http://"} {
		if _, err := c.Document(t.Context(), address, nil, 9); !fault.Is(err, fault.Invalid) {
			t.Errorf("address %q: got %v, want invalid", address, err)
		}
	}
}

// TestSecrets makes every kind of failure with secrets in the address and looks
// for them in errors and notes.
func TestSecrets(t *testing.T) {
	t.Parallel()
	h := hub.New(t)
	h.Fail("/broken", &hub.Fault{Status: 500})
	h.Fail("/moved", &hub.Fault{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/other?sig=s3cret"}})
	h.Add("/file", "text/plain", []byte("x"))
	secret := strings.Replace(h.URL, "http://", "http://user:s3cret@", 1)
	for _, address := range []string{secret + "/none?sig=s3cret", secret + "/broken?sig=s3cret", secret + "/moved", secret + "/file?sig=s3cret", "http://user:s3cret@127.0.0.1:1/x?sig=s3cret"} {
		sink := &watcher{}
		_, err := client(Params{Progress: sink, Retries: 1}).File(t.Context(), Job{Title: "the file", URL: address, Path: filepath.Join(t.TempDir(), "file"), Digest: Sum(nil)})
		if err == nil {
			t.Errorf("%s: got no error, want one", Redact(address))
			continue
		}
		if text := err.Error() + strings.Join(sink.notes, " "); strings.Contains(text, "s3cret") {
			t.Errorf("got the secret in %q", text)
		}
	}
}

func TestNoDowngrade(t *testing.T) {
	t.Parallel()
	plain := hub.New(t)
	plain.Add("/file", "text/plain", []byte("x"))
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/file", http.StatusFound))
	t.Cleanup(secure.Close)
	_, err := client(Params{HTTP: secure.Client(), Retries: -1}).Document(t.Context(), secure.URL, nil, 10)
	if err == nil || !strings.Contains(err.Error(), "redirected from https to http") {
		t.Errorf("got %v, want the redirect refused", err)
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	_, err := client(Params{}).Document(t.Context(), secure.URL, nil, 10)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.As(err).Message, "SSL_CERT_FILE") {
		t.Errorf("got %v, want it to name SSL_CERT_FILE", err)
	}
}

func TestDigests(t *testing.T) {
	t.Parallel()
	want := Sum([]byte("x"))
	if got, err := SHA256("sha256:" + strings.ToUpper(want.Hex)); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "sha256:", "12", strings.Repeat("z", 64), "md5:" + want.Hex} {
		if _, err := SHA256(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("SHA256(%q): got %v, want invalid", bad, err)
		}
		if _, err := Integrity(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Integrity(%q): got %v, want invalid", bad, err)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "lock")
	unlock, err := Lock(t.Context(), path, "the thing", progress.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sink := &cancelOnNote{cancel: cancel}
	if _, err := Lock(ctx, path, "the thing", sink); !errors.Is(err, context.Canceled) || sink.note != "waiting for another outcrop that works on the thing" {
		t.Errorf("got %v, note %q, want it to wait until it is canceled", err, sink.note)
	}
	unlock()
	again, err := Lock(t.Context(), path, "the thing", progress.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	again()
}

type cancelOnNote struct {
	progress.Silent
	cancel func()
	note   string
}

func (c *cancelOnNote) Note(text string) {
	c.note = text
	c.cancel()
}

func TestSumFile(t *testing.T) {
	t.Parallel()
	content := []byte(strings.Repeat("outcrop ", 100_000))
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var told int64
	got, size, err := SumFile(t.Context(), path, func(n int64) { told = n })
	if err != nil || got != Sum(content) || size != int64(len(content)) || told != size {
		t.Errorf("got %v, %d bytes, %d told, %v, want %v, %d bytes", got, size, told, err, Sum(content), len(content))
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := SumFile(canceled, path, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it canceled", err)
	}
	if _, _, err := SumFile(t.Context(), path+".not", func(int64) {}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}
