package bucket

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/bucket/gateway"
	"github.com/outcrop/outcrop/internal/iam"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	type want struct{ Bucket, Key, Path, Query string }
	for name, tc := range map[string]struct {
		host, uri string
		want      want
	}{
		"nothing":            {"localhost:8484", "/", want{"", "", "/", ""}},
		"bucket":             {"localhost:8484", "/docs", want{"docs", "", "/docs", ""}},
		"bucket with slash":  {"localhost:8484", "/docs/", want{"docs", "", "/docs/", ""}},
		"object":             {"localhost:8484", "/docs/a/b%20c+d.txt?x-id=GetObject", want{"docs", "a/b c+d.txt", "/docs/a/b%20c%2Bd.txt", "x-id=GetObject"}},
		"escaped slash":      {"localhost:8484", "/docs%2Fa", want{"docs", "a", "/docs/a", ""}},
		"not escaped":        {"localhost:8484", "/docs/a|b", want{"docs", "a|b", "/docs/a%7Cb", ""}},
		"no escape":          {"localhost:8484", "/docs/100%25.txt", want{"docs", "100%.txt", "/docs/100%25.txt", ""}},
		"query":              {"localhost:8484", "/docs?prefix=a+b%2F&list-type=2&&delimiter", want{"docs", "", "/docs", "prefix=a%20b%2F&list-type=2&delimiter="}},
		"bucket in the host": {"docs.localhost:8484", "/a.txt", want{"docs", "a.txt", "/docs/a.txt", ""}},
		"nothing in the key": {"docs.localhost:8484", "/", want{"docs", "", "/docs/", ""}},
		"dots in the bucket": {"my.docs.localhost", "/a.txt", want{"my.docs", "a.txt", "/my.docs/a.txt", ""}},
		"address":            {"127.0.0.1:8484", "/docs/a", want{"docs", "a", "/docs/a", ""}},
		"amazon":             {"s3.eu-central-1.amazonaws.com", "/docs/a", want{"docs", "a", "/docs/a", ""}},
		"amazon, hosted":     {"docs.s3.eu-central-1.amazonaws.com", "/a", want{"docs", "a", "/docs/a", ""}},
		"amazon, old":        {"docs.s3.amazonaws.com", "/a", want{"docs", "a", "/docs/a", ""}},
		"amazon, dual stack": {"docs.s3.dualstack.us-west-2.amazonaws.com", "/a", want{"docs", "a", "/docs/a", ""}},
		"another name":       {"outcrop.example:8484", "/docs/a", want{"docs", "a", "/docs/a", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, tc.uri, nil)
			r.Host = tc.host
			got := parseTarget(r, "localhost")
			if diff := cmp.Diff(tc.want, want{got.bucket, got.key, got.path, got.rawQuery()}); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOperationOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, uri string
		copies      bool
		want        operation
	}{
		"list buckets":        {"GET", "/", false, done("ListBuckets", "ListAllMyBuckets")},
		"list":                {"GET", "/docs", false, done("ListObjects", "ListBucket")},
		"list, version 2":     {"GET", "/docs/?list-type=2&prefix=a", false, done("ListObjectsV2", "ListBucket")},
		"create":              {"PUT", "/docs", false, done("CreateBucket", "CreateBucket")},
		"delete many":         {"POST", "/docs?delete", false, done("DeleteObjects", "DeleteObject")},
		"get":                 {"GET", "/docs/a", false, done("GetObject", "GetObject")},
		"head":                {"HEAD", "/docs/a", false, done("HeadObject", "GetObject")},
		"put":                 {"PUT", "/docs/a?x-id=PutObject", false, done("PutObject", "PutObject")},
		"copy":                {"PUT", "/docs/a", true, done("CopyObject", "PutObject")},
		"part":                {"PUT", "/docs/a?partNumber=1&uploadId=x", false, done("UploadPart", "PutObject")},
		"part by copy":        {"PUT", "/docs/a?partNumber=1&uploadId=x", true, done("UploadPartCopy", "PutObject")},
		"complete":            {"POST", "/docs/a?uploadId=x", false, done("CompleteMultipartUpload", "PutObject")},
		"abort":               {"DELETE", "/docs/a?uploadId=x", false, done("AbortMultipartUpload", "AbortMultipartUpload")},
		"policy":              {"PUT", "/docs?policy", false, refused("PutBucketPolicy")},
		"form":                {"POST", "/docs", false, refused("PostObject")},
		"select":              {"POST", "/docs/a?select&select-type=2", false, refused("SelectObjectContent")},
		"nothing in the path": {"GET", "//docs", false, operation{}},
		"another method":      {"PATCH", "/docs/create", false, operation{}},
		"administration":      {"PATCH", "/list-users", false, operation{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.uri, nil)
			if tc.copies {
				r.Header.Set("X-Amz-Copy-Source", "docs/b")
			}
			target := parseTarget(r, "")
			if got := operationOf(r, &target); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestRepresentable(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"a": true, "a/b": true, "folder/": true, "..a": true, "a..": true, ".hidden": true, "...": true,
		"..": false, "a/..": false, "../a": false, "a/./b": false, "a//b": false, "/a": false, "a//": false, "a\x00": false,
	} {
		if got := gateway.Representable(key); got != want {
			t.Errorf("%q: got %t, want %t", key, got, want)
		}
	}
}

// example is the key of the examples in Amazon's description of these
// signatures; they are of 2007.
type example struct{}

func (example) Lookup(id, _ string) (iam.Credential, error) {
	if id != "AKIAIOSFODNN7EXAMPLE" {
		return iam.Credential{}, iam.ErrUnknownKey()
	}
	return iam.Credential{AccessKeyID: id, Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Principal: iam.Principal{UserID: "johnsmith"}}, nil
}

func TestOldSignatures(t *testing.T) {
	t.Parallel()
	const hosted, plain = "johnsmith.s3.amazonaws.com", "s3.amazonaws.com"
	for name, tc := range map[string]struct {
		method, host, uri, date, signature string
		header                             map[string]string
		want                               string // code of the error
	}{
		"get":          {"GET", hosted, "/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", nil, ""},
		"put":          {"PUT", hosted, "/photos/puppy.jpg", "Tue, 27 Mar 2007 21:15:45 +0000", "MyyxeRY7whkBe+bq8fHCL/2kKUg=", map[string]string{"Content-Type": "image/jpeg"}, ""},
		"list":         {"GET", hosted, "/?prefix=photos&max-keys=50&marker=puppy", "Tue, 27 Mar 2007 19:42:41 +0000", "htDYFYduRNen8P9ZfE/s9SuKy0U=", nil, ""},
		"parameter":    {"GET", hosted, "/?acl", "Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM=", nil, ""},
		"buckets":      {"GET", plain, "/", "Wed, 28 Mar 2007 01:29:59 +0000", "qGdzdERIC03wnaRNKh6OqZehG9s=", nil, ""},
		"another byte": {"GET", hosted, "/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMV=", nil, "SignatureDoesNotMatch"},
		"another path": {"GET", hosted, "/photos/kitten.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", nil, "SignatureDoesNotMatch"},
		"no date":      {"GET", hosted, "/photos/puppy.jpg", "", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", nil, "AccessDenied"},
		"another day":  {"GET", hosted, "/photos/puppy.jpg", "Mon, 26 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", nil, "RequestTimeTooSkewed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.uri, nil)
			r.Host = tc.host
			r.Header.Set("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:"+tc.signature)
			if tc.date != "" {
				r.Header.Set("Date", tc.date)
			}
			for name, value := range tc.header {
				r.Header.Set(name, value)
			}
			now := time.Date(2007, 3, 27, 19, 40, 0, 0, time.UTC)
			if at, err := oldTime(r); err == nil && tc.want == "" {
				now = at
			}
			s := &Server{p: Params{Keys: example{}, Now: func() time.Time { return now }}}
			target := parseTarget(r, "")
			principal, err := s.verifyOld(r, &target)
			got := ""
			if err != nil {
				got = failureOf(err).code
			}
			if got != tc.want || (err == nil) != (principal.UserID == "johnsmith") {
				t.Errorf("got %v of %v, want %q", err, principal, tc.want)
			}
		})
	}
}
