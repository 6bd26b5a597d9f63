package bucket_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// outside makes a file in a folder beside that of the buckets, where the
// server's own state is.
func (f *fixture) outside(t *testing.T) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(f.dir), "victim", "file")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func untouched(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 || files[0].Name() != filepath.Base(path) {
		t.Errorf("beside the buckets are %v (%v), want the one file", files, err)
	}
}

// What is in the body of a request or in its query must not lead out of the
// folder of the buckets either.
func TestNothingLeadsOutside(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	docs := aws.String("docs")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"keep", "go"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String(key), Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	path := f.outside(t)

	deleted, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: docs, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("../../victim/file")}, {Key: aws.String("go")}, {Key: aws.String("../docs/keep")}, {Key: aws.String(".sgwtmp/multipart")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(deleted.Deleted) != 1 || *deleted.Deleted[0].Key != "go" {
		t.Errorf("got deleted %v, want the one object", deleted.Deleted)
	}
	if len(deleted.Errors) != 3 || *deleted.Errors[0].Code != "InvalidArgument" || *deleted.Errors[0].Key != "../../victim/file" {
		t.Errorf("got errors %v, want one for each of the other keys", deleted.Errors)
	}
	if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: aws.String("keep")}); err != nil {
		t.Errorf("keep: %v", err)
	}

	for _, id := range []string{"../../../../../victim", "../../../../../victim/file", "..", "", "no-such-id", strings.Repeat("x", 300)} {
		upload := aws.String(id)
		key := aws.String("big")
		calls := map[string]error{}
		_, calls["part"] = c.UploadPart(ctx, &s3.UploadPartInput{Bucket: docs, Key: key, UploadId: upload, PartNumber: aws.Int32(1), Body: strings.NewReader("evil")})
		_, calls["list"] = c.ListParts(ctx, &s3.ListPartsInput{Bucket: docs, Key: key, UploadId: upload})
		_, calls["copy"] = c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: docs, Key: key, UploadId: upload, PartNumber: aws.Int32(1), CopySource: aws.String("docs/keep")})
		_, calls["complete"] = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: docs, Key: key, UploadId: upload,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: aws.String("d41d8cd98f00b204e9800998ecf8427e")}}}})
		_, calls["abort"] = c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: docs, Key: key, UploadId: upload})
		for name, err := range calls {
			if got := code(err); got != "NoSuchUpload" {
				t.Errorf("%s with the upload %.40q: got %v, want NoSuchUpload", name, id, err)
			}
		}
	}
	for _, source := range []string{"docs/../../victim/file", "docs/%2e%2e/%2e%2e/victim/file", "../victim/file", "docs/.sgwtmp/x", ".sgwtmp/x"} {
		_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: aws.String("stolen"), CopySource: aws.String(source)})
		if code(err) != "InvalidArgument" {
			t.Errorf("copy of %s: got %v, want InvalidArgument", source, err)
		}
	}
	untouched(t, path)
}

// A key that the backend would hide, or that a list could not name, is refused
// before anything is kept.
func TestKeysThatWouldBeLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	docs := aws.String("docs")
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: docs}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{".sgwtmp/x", ".SGWTMP/x", ".sgwtmp", "x/.sgwtmp/y", "a\x01b", "a\x7f/\x00", "\ufffe", "a\x1f"} {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: docs, Key: aws.String(key), Body: strings.NewReader("x")})
		if code(err) != "InvalidArgument" {
			t.Errorf("%q: got %v, want InvalidArgument", key, err)
		}
	}
	files, err := os.ReadDir(filepath.Join(f.dir, "docs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(files) != 0 {
		t.Errorf("got %v (%v), want nothing kept", files, err)
	}
	for _, key := range []string{"a\tb", "a\nb", "a\x7fb", "a.sgwtmp/x", "\u00a0"} {
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: docs, Key: aws.String(key), Body: strings.NewReader("x")}); err != nil {
			t.Errorf("%q: %v", key, err)
		}
		listed, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: docs, Prefix: aws.String(key)})
		if err != nil || len(listed.Contents) != 1 || *listed.Contents[0].Key != key {
			t.Errorf("list of %q: got %v, %v", key, listed, err)
		}
	}
}

// A folder of keys cannot be an object too. The parts stay, so that the client
// can complete the upload when the folder is gone.
func TestMultipartUploadOverAFolder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	docs, key := aws.String("docs"), aws.String("folder")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String("folder/in"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	made, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: docs, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: docs, Key: key, UploadId: made.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("whole")})
	if err != nil {
		t.Fatal(err)
	}
	in := &s3.CompleteMultipartUploadInput{Bucket: docs, Key: key, UploadId: made.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}}
	if _, err := c.CompleteMultipartUpload(ctx, in); code(err) != "ExistingObjectIsDirectory" {
		t.Errorf("got %v, want ExistingObjectIsDirectory", err)
	}
	if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: aws.String("folder/in")}); err != nil {
		t.Errorf("the object in the folder: %v", err)
	}
	if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: docs, Key: aws.String("folder/in")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CompleteMultipartUpload(ctx, in); err != nil {
		t.Errorf("when the folder is gone: %v", err)
	}
}

// What would be answered with success and not be done is refused: an object
// that is kept in the clear although its client sent a key for it, and one that
// a lock keeps which nobody can open.
func TestNoPromisesThatAreNotKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	docs, key := aws.String("docs"), aws.String("secret")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("locked"), ObjectLockEnabledForBucket: aws.Bool(true)}); code(err) != "NotImplemented" {
		t.Errorf("object lock: got %v, want NotImplemented", err)
	}
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs, ObjectLockEnabledForBucket: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: docs, Key: key, Body: strings.NewReader("x"),
		SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), SSECustomerKeyMD5: aws.String("x"),
	})
	if code(err) != "NotImplemented" {
		t.Errorf("a key of the client: got %v, want NotImplemented", err)
	}
	for want, change := range map[string]func(*s3.PutObjectInput){
		"NotImplemented":                func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAwsKms },
		"AccessControlListNotSupported": func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLPublicRead },
	} {
		in := &s3.PutObjectInput{Bucket: docs, Key: key, Body: strings.NewReader("x")}
		change(in)
		if _, err := c.PutObject(ctx, in); code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	grant := &s3.PutObjectInput{Bucket: docs, Key: key, Body: strings.NewReader("x"), GrantRead: aws.String("uri=http://acs.amazonaws.com/groups/global/AllUsers")}
	if _, err := c.PutObject(ctx, grant); code(err) != "AccessControlListNotSupported" {
		t.Errorf("a grant: got %v, want that there are no ACLs", err)
	}
	public := &s3.CreateBucketInput{Bucket: aws.String("public"), ACL: types.BucketCannedACLPublicRead}
	if _, err := c.CreateBucket(ctx, public); code(err) != "InvalidBucketAclWithObjectOwnership" {
		t.Errorf("a public bucket: got %v, want that there are no ACLs", err)
	}
	if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: key}); code(err) != "NotFound" {
		t.Errorf("the object: got %v, want none", err)
	}
	kept := &s3.PutObjectInput{
		Bucket: docs, Key: key, Body: strings.NewReader("x"), ServerSideEncryption: types.ServerSideEncryptionAes256, ACL: types.ObjectCannedACLBucketOwnerFullControl,
	}
	if _, err := c.PutObject(ctx, kept); err != nil {
		t.Errorf("what every bucket does: %v", err)
	}
}

// Bodies that say what to do are read whole and parsed, so they are bounded.
func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	docs := aws.String("docs")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: docs}); err != nil {
		t.Fatal(err)
	}
	objects := func(n int, key string) *types.Delete {
		d := &types.Delete{Quiet: aws.Bool(true)}
		for range n {
			d.Objects = append(d.Objects, types.ObjectIdentifier{Key: &key})
		}
		return d
	}
	for _, tc := range []struct {
		delete *types.Delete
		want   string
	}{
		{objects(1000, strings.Repeat("k", 200)), ""},
		{objects(1001, "k"), "MalformedXML"},
		{objects(6000, strings.Repeat("k", 1000)), "MaxMessageLengthExceeded"},
	} {
		if _, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: docs, Delete: tc.delete}); code(err) != tc.want {
			t.Errorf("%d objects: got %v, want %q", len(tc.delete.Objects), err, tc.want)
		}
	}
	// An object of that size is none of these.
	if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String("large"), Body: strings.NewReader(strings.Repeat("x", 5<<20))}); err != nil {
		t.Errorf("put: %v", err)
	}
}

// A folder that nobody has put is no object: to delete it is to do nothing, and
// no error. One that was put goes, and what is in it stays.
func TestDeletingFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	ctx := t.Context()
	docs := aws.String("docs")
	for _, key := range []string{"one/in", "two/in", "marked/", "marked/in"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String(key), Body: strings.NewReader(strings.Repeat("x", strings.Count(key, "in")))}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: docs, Key: aws.String("one/")}); err != nil {
		t.Errorf("one: %v", err)
	}
	deleted, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: docs, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("two/")}, {Key: aws.String("marked/")}}}})
	if err != nil || len(deleted.Deleted) != 2 || len(deleted.Errors) != 0 {
		t.Errorf("got %+v (%v), want both deleted", deleted, err)
	}
	listed, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: docs})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range listed.Contents {
		keys = append(keys, *o.Key)
	}
	if got := strings.Join(keys, " "); got != "marked/in one/in two/in" {
		t.Errorf("got %s", got)
	}
}

// An object that stands for a folder is copied as any other; a folder that
// nobody has put is none.
func TestCopyingFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	ctx := t.Context()
	docs := aws.String("docs")
	for _, key := range []string{"marked/", "marked/in", "other/in"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: docs, Key: aws.String(key), Metadata: map[string]string{"who": "me"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"copied/", "a/b/", "file"} {
		if _, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: &key, CopySource: aws.String("docs/marked/")}); err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: docs, Key: &key})
		if err != nil || *head.ContentLength != 0 || head.Metadata["who"] != "me" {
			t.Errorf("%s: got %+v (%v), want an empty object with the metadata", key, head, err)
		}
	}
	for _, source := range []string{"docs/other/", "docs/none/", "docs/marked/in/"} {
		_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: docs, Key: aws.String("no"), CopySource: &source})
		if code(err) != "NoSuchKey" {
			t.Errorf("%s: got %v, want NoSuchKey", source, err)
		}
	}
}
