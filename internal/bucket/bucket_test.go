package bucket_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/iam/credential/credentialtest"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// TestMain is the gateway's process too: the test binary starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "gateway" {
		os.Exit(gateway.Main(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const account = "123456789012"

// fixture is a server of buckets behind HTTP.
type fixture struct {
	server *bucket.Server
	keys   *credentialtest.Place
	root   iam.RootKey
	url    string
	dir    string
	// outcomes of the requests that were served.
	outcomes chan bucket.Outcome
}

func newFixture(t testing.TB, change func(*bucket.Params)) *fixture {
	t.Helper()
	data := t.TempDir()
	f := &fixture{
		root: iam.RootKey{AccessKeyID: "AKIAROOT", Secret: "root-secret"}, dir: filepath.Join(data, "buckets"),
		outcomes: make(chan bucket.Outcome, 1000),
	}
	keys := credentialtest.Open(t, account, f.root, time.Now, "ann")
	f.keys = keys
	p := bucket.Params{
		Dir: f.dir, AttributesDir: filepath.Join(data, "attributes"), Command: []string{os.Args[0], "gateway"},
		Account: account, Domain: "localhost", Keys: keys, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Signatures: sigv4.New(sigv4.Params{Keys: keys, Services: []string{"s3"}}),
		Decide:     func(context.Context, bucket.Question) error { return nil },
	}
	if change != nil {
		change(&p)
	}
	f.server = bucket.New(p)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var o bucket.Outcome
		defer func() { f.outcomes <- o }()
		f.server.Serve(w, r, "00000000-0000-4000-8000-000000000000", &o)
	}))
	f.url = front.URL
	t.Cleanup(func() {
		front.Close()
		if err := f.server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func (f *fixture) client(change ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(f.url), UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: f.root.AccessKeyID, SecretAccessKey: f.root.Secret.Reveal()}, nil
		}),
	}, change...)
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestObjects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: aws.String("docs"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}); err != nil {
		t.Fatal(err)
	}
	keys := []string{"a b.txt", "a+b.txt", "a%20b.txt", "ümlaut/世界.md", "deep/er/file.txt", "quote'\"&<>.txt", "semi;colon=1.txt", "~tilde*().txt"}
	for _, key := range keys {
		put, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("docs"), Key: aws.String(key), Body: strings.NewReader("text of " + key),
			ContentType: aws.String("text/plain"), Metadata: map[string]string{"who": "me"},
		})
		if err != nil {
			t.Fatalf("put %q: %v", key, err)
		}
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("docs"), Key: aws.String(key)})
		if err != nil {
			t.Fatalf("get %q: %v", key, err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil || string(text) != "text of "+key || got.Metadata["who"] != "me" || *got.ETag != *put.ETag || *got.ContentType != "text/plain" {
			t.Errorf("%q: got %q (%v) with %v, %s, want ETag %s", key, text, err, got.Metadata, *got.ETag, *put.ETag)
		}
	}
	listed, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("docs"), FetchOwner: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, o := range listed.Contents {
		got[*o.Key] = true
		if o.Owner == nil || *o.Owner.ID != account {
			t.Errorf("%s: got the owner %v, want the account", *o.Key, o.Owner)
		}
	}
	for _, key := range keys {
		if !got[key] {
			t.Errorf("%q is not in the list %v", key, got)
		}
	}
	if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: aws.String("none")}); code(err) != "NotFound" {
		t.Errorf("head of nothing: got %v", err)
	}
	_, err = c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("none"), Key: aws.String("none")})
	if code(err) != "NoSuchBucket" {
		t.Errorf("no bucket: got %v", err)
	}
}

func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	list := func(c *s3.Client) error {
		_, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		return err
	}
	as := func(id, secret, token string) *s3.Client {
		return f.client(func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
			})
		})
	}
	key, secret, err := f.keys.CreateAccessKey(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		c    *s3.Client
		want string
	}{
		"root":         {f.client(), ""},
		"user":         {as(key.ID, secret.Reveal(), ""), ""},
		"wrong secret": {as(key.ID, "wrong", ""), "SignatureDoesNotMatch"},
		"unknown key":  {as("AKIANOBODY", "x", ""), "InvalidAccessKeyId"},
		"token":        {as(key.ID, secret.Reveal(), "x"), "InvalidAccessKeyId"},
		"nobody":       {f.client(func(o *s3.Options) { o.Credentials = aws.AnonymousCredentials{} }), "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(list(tc.c)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if diff := cmp.Diff("arn:aws:iam::"+account+":user/ann", findOutcome(f, func(o bucket.Outcome) bool { return o.Principal.AccessKeyID == key.ID }).Principal.ARN); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
}

func findOutcome(f *fixture, match func(bucket.Outcome) bool) bucket.Outcome {
	for {
		select {
		case o := <-f.outcomes:
			if match(o) {
				return o
			}
		default:
			return bucket.Outcome{}
		}
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("large")}); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 40<<20)
	_, _ = rand.Read(data)
	if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("large"), Key: aws.String("x"), Body: bytes.NewReader(data)}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("large"), Key: aws.String("x"), Range: aws.String("bytes=1000-30000000")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(got.Body)
	if err != nil || !bytes.Equal(text, data[1000:30000001]) {
		t.Errorf("got %d bytes (%v), not what was put", len(text), err)
	}
	// The error comes, although the client still sends.
	if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("none"), Key: aws.String("x"), Body: bytes.NewReader(data)}); code(err) != "NoSuchBucket" {
		t.Errorf("no bucket: got %v", err)
	}
}

// A program that begins with making its bucket can be run twice in us-east-1, as
// at Amazon S3, and what is in the bucket stays.
func TestBucketCreatedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for region, want := range map[string]string{"us-east-1": "", "eu-central-1": "BucketAlreadyOwnedByYou"} {
		c := f.client(func(o *s3.Options) { o.Region = region })
		name := aws.String("docs-" + region)
		input := &s3.CreateBucketInput{Bucket: name}
		if region != "us-east-1" {
			input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
		}
		if _, err := c.CreateBucket(t.Context(), input); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: aws.String("a"), Body: strings.NewReader("text")}); err != nil {
			t.Fatal(err)
		}
		made, err := c.CreateBucket(t.Context(), input)
		if code(err) != want {
			t.Errorf("%s: got %v, want %q", region, err, want)
		} else if err == nil && aws.ToString(made.Location) != "/"+*name {
			t.Errorf("%s: got location %q", region, aws.ToString(made.Location))
		}
		if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: name, Key: aws.String("a")}); err != nil {
			t.Errorf("%s: the object has gone: %v", region, err)
		}
	}
}
