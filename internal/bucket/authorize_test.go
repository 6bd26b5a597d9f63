package bucket_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/fault"
)

// judge is a Decide that notes what it is asked and refuses what it is told to.
type judge struct {
	mu     sync.Mutex
	asked  []string
	refuse string // what an action and a resource contain
	last   bucket.Question
}

func (j *judge) decide(_ context.Context, q bucket.Question) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := q.Action + " " + q.Resource
	j.asked, j.last = append(j.asked, text), q
	if j.refuse != "" && strings.Contains(text, j.refuse) {
		return fault.New(fault.Denied, "not you")
	}
	return nil
}

func (j *judge) take(refuse string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.asked, j.refuse = nil, refuse
	return asked
}

func TestWhatRequestsTake(t *testing.T) {
	t.Parallel()
	j := &judge{}
	f := newFixture(t, func(p *bucket.Params) { p.Decide = j.decide })
	c, ctx, docs := f.client(), t.Context(), aws.String("docs")
	put := func(key string) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: &key, Body: strings.NewReader("x")})
		return err
	}
	do := func(name string, f func() error, want ...string) {
		t.Helper()
		j.take("")
		if err := f(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, j.take("")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	const a = "arn:aws:s3:::docs"
	do("create", func() error {
		_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}})
		return err
	}, "s3:CreateBucket "+a)
	do("put", func() error { return put("a b/c") }, "s3:PutObject "+a+"/a b/c")
	do("put with tags", func() error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String("t"), Body: strings.NewReader("x"), Tagging: aws.String("k=v%20w")})
		return err
	}, "s3:PutObject "+a+"/t", "s3:PutObjectTagging "+a+"/t")
	if got := j.last.Values["s3:requestobjecttag/k"]; !slices.Equal(got, []string{"v w"}) {
		t.Errorf("the tag of the request: got %q", got)
	}
	do("get", func() error {
		_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: docs, Key: aws.String("t")})
		return err
	}, "s3:GetObject "+a+"/t")
	do("get a version", func() error {
		_, _ = c.GetObject(ctx, &s3.GetObjectInput{Bucket: docs, Key: aws.String("t"), VersionId: aws.String("null")}) // of no interest
		return nil
	}, "s3:GetObjectVersion "+a+"/t")
	do("head", func() error {
		_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: aws.String("t")})
		return err
	}, "s3:GetObject "+a+"/t")
	do("list", func() error {
		_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: docs, Prefix: aws.String("a b/"), Delimiter: aws.String("/")})
		return err
	}, "s3:ListBucket "+a)
	if diff := cmp.Diff([]string{"a b/", "/"}, append(slices.Clone(j.last.Values["s3:prefix"]), j.last.Values["s3:delimiter"]...)); diff != "" {
		t.Errorf("the keys of a list (-want +got):\n%s", diff)
	}
	do("list all", func() error { _, err := c.ListBuckets(ctx, nil); return err }, "s3:ListAllMyBuckets *")
	do("copy", func() error {
		_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: aws.String("copy"), CopySource: aws.String("docs/a%20b/c")})
		return err
	}, "s3:PutObject "+a+"/copy", "s3:GetObject "+a+"/a b/c")
	do("delete", func() error {
		_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: docs, Key: aws.String("copy")})
		return err
	}, "s3:DeleteObject "+a+"/copy")

	j.take("GetObject arn:aws:s3:::docs/t")
	if _, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: aws.String("mine"), CopySource: aws.String("/docs/t")}); code(err) != "AccessDenied" {
		t.Errorf("copy what one may not read: got %v, want AccessDenied", err)
	}
	if _, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: docs, Key: aws.String("t")}); code(err) != "AccessDenied" || !strings.Contains(err.Error(), "not you") {
		t.Errorf("got %v, want AccessDenied with the reason", err)
	}
}

// However a source is written, what is copied is what was asked about.
func TestSourcesOfCopies(t *testing.T) {
	t.Parallel()
	j := &judge{}
	f := newFixture(t, func(p *bucket.Params) { p.Decide = j.decide })
	c, ctx, docs := f.client(), t.Context(), aws.String("docs")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a b", "a+b", "a%20b", "deep/x"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: &key, Body: strings.NewReader(key)}); err != nil {
			t.Fatal(err)
		}
	}
	for header, want := range map[string]string{
		"docs/a+b": "a b", "docs/a%20b": "a b", "/docs/a%2Bb": "a+b", "docs/a%2520b": "a%20b", "docs%2Fdeep%2fx": "deep/x",
		"docs/deep/../a b": "", "docs//a b": "", "//docs/a b": "", "docs": "", "docs/%zz": "", "docs/../docs/a b": "",
	} {
		j.take("")
		_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: aws.String("copy"), CopySource: &header})
		asked := j.take("")
		if want == "" {
			if code(err) != "InvalidArgument" {
				t.Errorf("%s: got %v, want InvalidArgument", header, err)
			}
			continue
		}
		if err != nil || !slices.Contains(asked, "s3:GetObject arn:aws:s3:::docs/"+want) {
			t.Errorf("%s: got %v, and was asked %q", header, err, asked)
			continue
		}
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: docs, Key: aws.String("copy")})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(got.Body); err != nil || string(text) != want {
			t.Errorf("%s: got %q, %v, want %q", header, text, err, want)
		}
	}
}

// Who may not list a bucket is not told that an object is not there.
func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	j := &judge{}
	f := newFixture(t, func(p *bucket.Params) { p.Decide = j.decide })
	c, ctx, docs := f.client(), t.Context(), aws.String("docs")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ refuse, get, head, bucket string }{
		{"", "NoSuchKey", "NotFound", "NoSuchBucket"},
		{"ListBucket", "AccessDenied", "Forbidden", "NoSuchBucket"},
	} {
		j.take(tc.refuse)
		if _, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: docs, Key: aws.String("none")}); code(err) != tc.get {
			t.Errorf("get without %q: got %v, want %s", tc.refuse, err, tc.get)
		}
		if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: aws.String("none")}); code(err) != tc.head {
			t.Errorf("head without %q: got %v, want %s", tc.refuse, err, tc.head)
		}
		if _, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("nowhere"), Key: aws.String("none")}); code(err) != tc.bucket {
			t.Errorf("no bucket, without %q: got %v, want %s", tc.refuse, err, tc.bucket)
		}
	}
}

func TestDeleteOneByOne(t *testing.T) {
	t.Parallel()
	j := &judge{}
	f := newFixture(t, func(p *bucket.Params) { p.Decide = j.decide })
	c, ctx, docs := f.client(), t.Context(), aws.String("docs")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}}); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name             string
		refuse           string
		deleted, refused []string
	}{
		{"some", "docs/keep", []string{"go & <away>", "go2"}, []string{"keep1", "keep2"}},
		{"none", "DeleteObject", nil, []string{"go & <away>", "go2", "keep1", "keep2"}},
		{"all", "", []string{"go & <away>", "go2", "keep1", "keep2"}, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			j.take("")
			var objects []types.ObjectIdentifier
			for _, key := range []string{"go & <away>", "keep1", "keep2", "go2"} {
				if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: &key, Body: strings.NewReader("x")}); err != nil {
					t.Fatal(err)
				}
				objects = append(objects, types.ObjectIdentifier{Key: &key})
			}
			j.take(tc.refuse)
			out, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: docs, Delete: &types.Delete{Objects: objects}})
			if err != nil {
				t.Fatal(err)
			}
			var deleted, refused []string
			for _, d := range out.Deleted {
				deleted = append(deleted, *d.Key)
			}
			for _, e := range out.Errors {
				if refused = append(refused, *e.Key); *e.Code != "AccessDenied" || *e.Message != "not you" {
					t.Errorf("%s: got %s, %s", *e.Key, *e.Code, *e.Message)
				}
			}
			slices.Sort(deleted)
			slices.Sort(refused)
			if diff := cmp.Diff(tc.deleted, deleted); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.refused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			j.take("")
			list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: docs})
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, o := range list.Contents {
				left = append(left, *o.Key)
			}
			if diff := cmp.Diff(tc.refused, left); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}
