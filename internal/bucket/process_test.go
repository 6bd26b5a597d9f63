package bucket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/fault"
)

// logged is a logger that remembers.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// children are the processes that this one has started, where that can be
// found out: their IDs by the command line.
func children(t *testing.T, marker string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("no /proc here")
	}
	var found []int
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")); err == nil && bytes.Contains(line, []byte("\x00"+marker+"\x00")) {
			found = append(found, id)
		}
	}
	return found
}

func TestGatewayThatDies(t *testing.T) {
	t.Parallel()
	marker, log := "marker-of-"+t.Name(), &logged{}
	f := newFixture(t, func(p *bucket.Params) {
		p.Command = append(p.Command, marker)
		p.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	if got := children(t, marker); len(got) != 0 {
		t.Fatalf("got the processes %v before anybody asked", got)
	}
	c := bucketOf(t, f, "docs")
	first := children(t, marker)
	if len(first) != 1 {
		t.Fatalf("got the processes %v, want one", first)
	}
	process, err := os.FindProcess(first[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The SDK tries again by itself, as every client of S3 does.
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: strings.NewReader("x")}); err != nil {
		t.Errorf("after its death: %v", err)
	}
	second := children(t, marker)
	if len(second) != 1 || second[0] == first[0] {
		t.Errorf("got the processes %v, want another one than %v", second, first)
	}
	if text := log.String(); !strings.Contains(text, "the process of the buckets has ended") {
		t.Errorf("got the log %s", text)
	}
	if err := f.server.Close(); err != nil {
		t.Fatal(err)
	}
	if got := children(t, marker); len(got) != 0 {
		t.Errorf("got the processes %v after Close", got)
	}
	if _, err := f.client(func(o *s3.Options) { o.RetryMaxAttempts = 1 }).ListBuckets(t.Context(), &s3.ListBucketsInput{}); code(err) != "ServiceUnavailable" {
		t.Errorf("after Close: got %v", err)
	}
}

// Folders for temporary files are cleaned up now and then. Who lost the socket
// gets another one.
func TestSocketThatIsGone(t *testing.T) { //nolint:paralleltest // it sets the environment
	dir, err := os.MkdirTemp("", "s3") //nolint:usetesting // its path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	marker := "marker-of-" + t.Name()
	if got := children(t, marker); len(got) != 0 { // or it skips the test
		t.Fatalf("got the processes %v before anybody asked", got)
	}
	f := newFixture(t, func(p *bucket.Params) { p.Command = append(p.Command, marker) })
	c := bucketOf(t, f, "docs")
	large := bytes.Repeat([]byte("x"), 20<<20)
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("large"), Body: bytes.NewReader(large)}); err != nil {
		t.Fatal(err)
	}
	// It has the one connection that there is.
	begun, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("docs"), Key: aws.String("large")})
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(dir, "outcrop-s3-*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("got the folders %v (%v), want one", folders, err)
	}
	if err := os.RemoveAll(folders[0]); err != nil {
		t.Fatal(err)
	}
	// The SDK tries again by itself.
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: aws.String("large")}); err != nil {
		t.Errorf("without the socket: %v", err)
	}
	if n, err := io.Copy(io.Discard, begun.Body); err != nil || n != int64(len(large)) {
		t.Errorf("got %d bytes (%v) of what was begun", n, err)
	}
	for range 100 {
		if len(children(t, marker)) == 1 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("got the processes %v, want one", children(t, marker))
}

// A server that was killed says nothing any more; its gateway ends by itself and
// leaves nothing behind.
func TestServerThatDies(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "s3") //nolint:usetesting // its path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	folder := filepath.Join(dir, "socket")
	buckets := filepath.Join(dir, "buckets")
	for _, name := range []string{folder, buckets} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := json.Marshal(gateway.Config{
		Dir: buckets, SideCar: filepath.Join(dir, "attributes"), Socket: filepath.Join(folder, "s3"), Region: "us-east-1", AccessKeyID: account, Secret: "s",
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "gateway")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(append(cfg, '\n')); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || strings.TrimSpace(line) != gateway.Ready {
		t.Fatalf("got %q (%v), want that it is ready", line, err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the folder is gone", err)
	}
}

func TestGatewayThatDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"no command":    nil,
		"no program":    {filepath.Join(t.TempDir(), "none")},
		"another one":   {os.Args[0], "-test.run=NothingAtAll"},
		"no such place": {os.Args[0], "gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logged{}
			f := newFixture(t, func(p *bucket.Params) {
				p.Command = command
				p.Logger = slog.New(slog.NewTextHandler(log, nil))
				if name == "no such place" {
					file := filepath.Join(t.TempDir(), "file")
					if err := os.WriteFile(file, nil, 0o600); err != nil {
						t.Fatal(err)
					}
					p.Dir = filepath.Join(file, "buckets")
				}
			})
			_, err := f.client(func(o *s3.Options) { o.RetryMaxAttempts = 1 }).ListBuckets(t.Context(), &s3.ListBucketsInput{})
			if code(err) != "ServiceUnavailable" {
				t.Errorf("got %v, want ServiceUnavailable", err)
			}
			if text := log.String(); !strings.Contains(text, "the buckets cannot be served") {
				t.Errorf("got the log %s", text)
			}
		})
	}
}

// Each server has a process of its own, also two of one folder.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	one := newFixture(t, nil)
	two := newFixture(t, nil)
	same := newFixture(t, func(p *bucket.Params) { p.Dir = one.dir })
	first := bucketOf(t, one, "docs")
	bucketOf(t, two, "docs")
	if _, err := first.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		f    *fixture
		want int
	}{"the other folder": {two, 0}, "the same folder": {same, 1}} {
		listed, err := tc.f.client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("docs")})
		if err != nil || len(listed.Contents) != tc.want {
			t.Errorf("%s: got %v (%v), want %d objects", name, listed, err, tc.want)
		}
	}
	directory, err := os.Getwd()
	if err != nil || !strings.HasSuffix(filepath.ToSlash(directory), "internal/bucket") {
		t.Errorf("got the working directory %s (%v), want the one from before", directory, err)
	}
}

// Attributes go into a folder of their own where the file system has none. The
// folder is there already, as if an earlier start had found that out.
func TestAttributesBesideTheObjects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *bucket.Params) {
		if err := os.MkdirAll(p.AttributesDir, 0o700); err != nil {
			t.Fatal(err)
		}
	})
	c := bucketOf(t, f, "docs")
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("docs"), Key: aws.String("a/b"), Body: strings.NewReader("x"), ContentType: aws.String("text/markdown"), Metadata: map[string]string{"who": "me"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, got := get(t, c, "docs", "a/b"); got.Metadata["who"] != "me" || *got.ContentType != "text/markdown" {
		t.Errorf("got %v, %s", got.Metadata, *got.ContentType)
	}
	if entries, err := os.ReadDir(filepath.Join(filepath.Dir(f.dir), "attributes", "docs")); err != nil || len(entries) == 0 {
		t.Errorf("got %v (%v), want the attributes there", entries, err)
	}
}

func TestOverHTTP2(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("got %s, want HTTP/2", r.Proto)
		}
		var o bucket.Outcome
		f.server.Serve(w, r, "00000000-0000-4000-8000-000000000000", &o)
	}))
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	client := front.Client()
	client.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"h2"}
	client.Transport.(*http.Transport).TLSClientConfig.MinVersion = tls.VersionTLS12
	f.url = front.URL
	c := f.client(func(o *s3.Options) { o.HTTPClient = client })
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("docs")}); err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("two"), 1<<20)
	// Over TLS the SDK sends chunks with a trailer, whatever the body is.
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
	if got, _ := get(t, c, "docs", "a"); !bytes.Equal(got, data) {
		t.Errorf("got %d other bytes", len(got))
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *bucket.Params) {
		p.Signatures, p.Keys = nil, nil
		p.Guard = func(r *http.Request) error {
			if r.Header.Get("Origin") != "" {
				return fault.New(fault.Denied, "not from there")
			}
			return nil
		}
	})
	for origin, want := range map[string]int{"": http.StatusOK, "https://evil.example": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%q: got %d, want %d", origin, response.StatusCode, want)
		}
	}
}

// The server's own client needs no key, and streams.
func TestOwnClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	bucketOf(t, f, "docs")
	c := s3.New(s3.Options{
		Region: "ap-south-1", BaseEndpoint: aws.String("http://buckets"), UsePathStyle: true, HTTPClient: f.server.Client(), Credentials: aws.AnonymousCredentials{},
	})
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a b+c%.txt"), Body: strings.NewReader("mine")}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("docs"), Key: aws.String("a b+c%.txt")})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if text, err := io.ReadAll(got.Body); err != nil || string(text) != "mine" {
		t.Errorf("got %q (%v)", text, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := c.ListBuckets(ctx, &s3.ListBucketsInput{}); err == nil {
		t.Error("got an answer after the end of the context")
	}
}
