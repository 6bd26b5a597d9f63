package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/source/s3"
	"github.com/outcrop/outcrop/internal/knowledge/source/sourcetest"
)

// TestMain is the gateway's process too: the test binary starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "gateway" {
		os.Exit(gateway.Main(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const account = "123456789012"

// embedded is Outcrop's own endpoint with a client that writes.
type embedded struct {
	dir     string // of the buckets
	buckets *s3.Buckets
	client  *awss3.Client
}

func newEmbedded(t *testing.T) *embedded {
	t.Helper()
	data := t.TempDir()
	server := bucket.New(bucket.Params{
		Dir: filepath.Join(data, "buckets"), AttributesDir: filepath.Join(data, "attributes"), Command: []string{os.Args[0], "gateway"},
		Account: account, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &embedded{
		dir:     filepath.Join(data, "buckets"),
		buckets: s3.New(s3.Params{Endpoint: "http://buckets", PathStyle: true, Client: server.Client()}),
		client: awss3.New(awss3.Options{
			Region: "us-east-1", BaseEndpoint: aws.String("http://buckets"), UsePathStyle: true, HTTPClient: server.Client(), Credentials: aws.AnonymousCredentials{},
		}),
	}
}

func (e *embedded) bucket(t *testing.T, name string) {
	t.Helper()
	if _, err := e.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func (e *embedded) put(t *testing.T, bucket, key, content string) {
	t.Helper()
	if _, err := e.client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func (e *embedded) open(t *testing.T, ds knowledge.DataSource) knowledge.Source {
	t.Helper()
	ds.Kind, ds.Region = knowledge.S3, "eu-west-1"
	s, err := e.buckets.Open(t.Context(), ds)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t)
	var made atomic.Int32
	sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
		name := fmt.Sprintf("docs-%d", made.Add(1))
		e.bucket(t, name)
		return sourcetest.Fixture{
			Source:  e.open(t, knowledge.DataSource{Bucket: name}),
			Missing: e.open(t, knowledge.DataSource{Bucket: "no-such-bucket"}),
			Put:     func(t *testing.T, key, content string) { e.put(t, name, key, content) },
			Remove: func(t *testing.T, key string) {
				if _, err := e.client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &name, Key: &key}); err != nil {
					t.Fatal(err)
				}
			},
			ID: func(key string) string { return "s3://" + name + "/" + key },
		}
	})
}

func keys(t *testing.T, s knowledge.Source) []string {
	t.Helper()
	var got []string
	if err := s.List(t.Context(), func(o knowledge.Object) error {
		got = append(got, o.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t)
	e.bucket(t, "docs")
	for _, key := range []string{"a/1", "a/b/2", "ab/3", "c/4", "d/5", "folder/"} {
		content := "x"
		if strings.HasSuffix(key, "/") {
			content = ""
		}
		e.put(t, "docs", key, content)
	}
	for name, tc := range map[string]struct{ prefixes, want []string }{
		"none":        {nil, []string{"a/1", "a/b/2", "ab/3", "c/4", "d/5"}},
		"one":         {[]string{"a/"}, []string{"a/1", "a/b/2"}},
		"part":        {[]string{"a"}, []string{"a/1", "a/b/2", "ab/3"}},
		"overlapping": {[]string{"d/", "a/b/", "a/", "d/5", "a/"}, []string{"a/1", "a/b/2", "d/5"}},
		"nothing":     {[]string{"x/"}, nil},
		"empty":       {[]string{"d/", ""}, []string{"a/1", "a/b/2", "ab/3", "c/4", "d/5"}},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, key := range tc.want {
				want = append(want, "s3://docs/"+key)
			}
			if diff := cmp.Diff(want, keys(t, e.open(t, knowledge.DataSource{Bucket: "docs", Prefixes: tc.prefixes}))); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyPages(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t)
	e.bucket(t, "docs")
	const many = 1203
	var want []string
	for i := range many {
		key := fmt.Sprintf("%04d/%d-%d.txt", i/100, i%3, i)
		e.put(t, "docs", key, "x")
		want = append(want, "s3://docs/"+key)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, keys(t, e.open(t, knowledge.DataSource{Bucket: "docs"}))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t)
	e.bucket(t, "docs")
	e.put(t, "docs", "a", "x")
	if got := keys(t, e.open(t, knowledge.DataSource{Bucket: "docs", BucketOwner: account})); len(got) != 1 {
		t.Errorf("its owner: got %v", got)
	}
	s := e.open(t, knowledge.DataSource{Bucket: "docs", BucketOwner: "999999999999"})
	err := s.List(t.Context(), func(knowledge.Object) error { return nil })
	if !fault.Is(err, fault.Denied) {
		t.Errorf("another owner: got %v, want Denied", err)
	}
	if _, err := s.Stat(t.Context(), "s3://docs/a"); !fault.Is(err, fault.Denied) {
		t.Errorf("another owner: got %v, want Denied", err)
	}
}

// answering opens a source over an endpoint that answers as it is told.
func answering(t *testing.T, handler http.HandlerFunc) knowledge.Source {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s, err := s3.New(s3.Params{Endpoint: server.URL, PathStyle: true, Region: "us-east-1", MaxBackoff: time.Millisecond}).
		Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3, Bucket: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestErrorsOfEndpoints(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		code   string
		want   fault.Kind
		text   string // part of the message
		tries  int32
	}{
		"no bucket":         {404, "NoSuchBucket", fault.NotFound, "bucket docs does not exist", 1},
		"no bucket, silent": {404, "", fault.NotFound, "bucket docs does not exist", 1},
		"denied":            {403, "AccessDenied", fault.Denied, "the bucket docs was denied", 1},
		"denied, silent":    {403, "", fault.Denied, "the bucket docs was denied", 1},
		"unknown key":       {403, "InvalidAccessKeyId", fault.Denied, "InvalidAccessKeyId", 1},
		"old token":         {400, "ExpiredToken", fault.Denied, "ExpiredToken", 1},
		"another region":    {301, "PermanentRedirect", fault.Invalid, "another region", 1},
		"bad request":       {400, "InvalidArgument", fault.Upstream, "InvalidArgument", 1},
		"broken":            {500, "InternalError", fault.Unavailable, "endpoint", 4},
		"busy":              {503, "SlowDown", fault.Unavailable, "endpoint", 4},
		"busy, throttled":   {429, "", fault.Unavailable, "endpoint", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				tries.Add(1)
				w.WriteHeader(tc.status)
				if tc.code != "" {
					fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", tc.code)
				}
			})
			err := s.List(t.Context(), func(knowledge.Object) error { return nil })
			if f := fault.As(err); f.Kind != tc.want || !strings.Contains(f.Message, tc.text) {
				t.Errorf("got %v, want %s with %q", err, tc.want, tc.text)
			}
			if got := tries.Load(); got != tc.tries {
				t.Errorf("got %d tries, want %d", got, tc.tries)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s, err := s3.New(s3.Params{Endpoint: "http://127.0.0.1:1", PathStyle: true, MaxBackoff: time.Millisecond}).
		Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3, Bucket: "docs", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.List(t.Context(), func(knowledge.Object) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.Header.Get("If-Match"), `"e"`; got != want {
			t.Errorf("got If-Match %s, want %s", got, want)
		}
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("the beginning"))
	})
	r, err := s.Open(t.Context(), knowledge.Object{ID: "s3://docs/a", ETag: "e"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("the beginning"))
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, knowledge.Object{ID: "s3://docs/a", ETag: "e"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestListOutOfOrder(t *testing.T) {
	t.Parallel()
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<ListBucketResult><Contents><Key>b</Key></Contents><Contents><Key>a</Key></Contents></ListBucketResult>`)
	})
	if err := s.List(t.Context(), func(knowledge.Object) error { return nil }); !fault.Is(err, fault.Upstream) {
		t.Errorf("got %v, want Upstream", err)
	}
}

func TestKeysThatXMLCannotHold(t *testing.T) {
	t.Parallel()
	const key = "a b+c\x01%/ü"
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("encoding-type") != "url" {
			t.Error("the encoding was not asked for")
		}
		fmt.Fprintf(w, `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%s</Key></Contents></ListBucketResult>`, url.QueryEscape(key))
	})
	if diff := cmp.Diff([]string{"s3://docs/" + key}, keys(t, s)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestDataSourcesWithoutABucket(t *testing.T) {
	t.Parallel()
	b := s3.New(s3.Params{})
	if _, err := b.Open(t.Context(), knowledge.DataSource{Kind: knowledge.Custom}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want Unsupported", err)
	}
	if _, err := b.Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

// An endpoint that takes requests and never answers must not keep a sync for
// ever.
func TestSilentEndpoint(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	defer close(release)
	s, err := s3.New(s3.Params{Endpoint: server.URL, PathStyle: true, Region: "us-east-1", MaxBackoff: time.Millisecond, Stall: 20 * time.Millisecond}).
		Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3, Bucket: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"list": func() error { return s.List(t.Context(), func(knowledge.Object) error { return nil }) },
		"stat": func() error { _, err := s.Stat(t.Context(), "s3://docs/a"); return err },
		"open": func() error {
			_, err := s.Open(t.Context(), knowledge.Object{ID: "s3://docs/a", ETag: "e"})
			return err
		},
	} {
		if err := ask(); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v, want Unavailable", name, err)
		}
	}
}

// A file that was put into the folder of a bucket by hand has no ETag there.
// That it has changed is seen nevertheless.
func TestFilesPutByHand(t *testing.T) {
	t.Parallel()
	e := newEmbedded(t)
	e.bucket(t, "docs")
	path := filepath.Join(e.dir, "docs", "notes.txt")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := e.open(t, knowledge.DataSource{Bucket: "docs"})
	only := func() knowledge.Object {
		t.Helper()
		var all []knowledge.Object
		if err := s.List(t.Context(), func(o knowledge.Object) error { all = append(all, o); return nil }); err != nil || len(all) != 1 {
			t.Fatalf("got %v, %v, want the file", all, err)
		}
		return all[0]
	}
	began := time.Now().Add(-time.Hour)
	write("first", began)
	first := only()
	r, err := s.Open(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if closeErr := r.Close(); err != nil || closeErr != nil || string(text) != "first" {
		t.Errorf("got %q, %v, %v", text, err, closeErr)
	}
	if stat, err := s.Stat(t.Context(), first.ID); err != nil || stat.ETag != first.ETag {
		t.Errorf("stat: got %v, %v, want the ETag %s", stat, err, first.ETag)
	}
	write("other", began.Add(time.Second))
	if second := only(); second.ETag == first.ETag || second.ETag == "" {
		t.Errorf("got the ETag %q again", second.ETag)
	}
	if _, err := s.Open(t.Context(), first); !fault.Is(err, fault.Conflict) {
		t.Errorf("the file as it was: got %v, want Conflict", err)
	}
}
