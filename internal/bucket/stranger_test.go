package bucket_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/sigv4"
)

func (f *fixture) signer() sigv4.Signer {
	return sigv4.Signer{AccessKeyID: f.root.AccessKeyID, Secret: f.root.Secret, Region: "eu-west-1", Service: "s3"}
}

func (f *fixture) request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func answer(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func putText(t *testing.T, c *s3.Client, key, text string) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: &key, Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
}

// Who was given a URL for one object must not make another operation of it by a
// header that nobody signed, nor who sees a request on its way.
func TestHeadersThatNobodySigned(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "secret", "secret")
	presign := func(method, path string) *http.Request {
		r := f.request(t, method, path, "")
		f.signer().Presign(r, [32]byte{}, time.Now(), time.Minute)
		return r
	}
	signed := func() *http.Request {
		r := f.request(t, http.MethodPut, "/docs/signed", "mine")
		f.signer().Sign(r, sha256.Sum256([]byte("mine")), time.Now())
		return r
	}
	for name, tc := range map[string]struct {
		r             *http.Request
		header, value string
		want          int
	}{
		"copy by URL":       {presign(http.MethodPut, "/docs/mine"), "X-Amz-Copy-Source", "/docs/secret", http.StatusForbidden},
		"metadata by URL":   {presign(http.MethodPut, "/docs/mine"), "x-amz-meta-a", "b", http.StatusForbidden},
		"overridden by URL": {presign(http.MethodPut, "/docs/mine?x-amz-tagging=a%3Db"), "X-Amz-Tagging", "a=c", http.StatusForbidden},
		"copy":              {signed(), "X-Amz-Copy-Source", "/docs/secret", http.StatusForbidden},
		"length":            {signed(), "X-Amz-Decoded-Content-Length", "2", http.StatusForbidden},
		"hash by URL":       {presign(http.MethodGet, "/docs/secret"), "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", http.StatusOK},
		"time by URL":       {presign(http.MethodGet, "/docs/secret"), "X-Amz-Date", "20200101T000000Z", http.StatusOK},
		"a proxy's":         {presign(http.MethodGet, "/docs/secret"), "X-Amzn-Trace-Id", "Root=1", http.StatusOK},
		"another":           {signed(), "X-Forwarded-For", "192.0.2.1", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			tc.r.Header.Set(tc.header, tc.value)
			status, text := answer(t, tc.r)
			if status != tc.want || tc.want == http.StatusForbidden && !strings.Contains(text, "<Code>AccessDenied</Code>") {
				t.Errorf("got %d %s, want %d", status, text, tc.want)
			}
		})
	}
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: aws.String("mine")}); code(err) != "NotFound" {
		t.Errorf("the object: got %v, want none", err)
	}
}

// The header Connection is not signed, and says which headers a proxy leaves
// out. It must not take away what the client has signed.
func TestHeadersThatAreTakenAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "source", "of the copy")
	r := f.request(t, http.MethodPut, "/docs/changed", "evil")
	f.signer().Sign(r, sha256.Sum256([]byte("good")), time.Now())
	r.Header.Set("Connection", "X-Amz-Content-Sha256")
	if status, text := answer(t, r); status != http.StatusBadRequest || !strings.Contains(text, "<Code>XAmzContentSHA256Mismatch</Code>") {
		t.Errorf("another body: got %d %s", status, text)
	}
	r = f.request(t, http.MethodPut, "/docs/copy", "")
	r.Header.Set("X-Amz-Copy-Source", "/docs/source")
	f.signer().Sign(r, sha256.Sum256(nil), time.Now())
	r.Header.Set("Connection", "X-Amz-Copy-Source")
	if status, text := answer(t, r); status != http.StatusOK {
		t.Errorf("copy: got %d %s", status, text)
	}
	if data, _ := get(t, c, "docs", "copy"); string(data) != "of the copy" {
		t.Errorf("got %q, want the copy", data)
	}
}

// An object may be of the type of a form. It is kept as it is.
func TestObjectsThatLookLikeForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\ntext\r\n--x--\r\n"
	for name, text := range map[string]string{"form": form, "large": strings.Replace(form, "text", strings.Repeat("text", 100_000), 1), "other": "no form at all"} {
		const as = "multipart/form-data; boundary=x"
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String(name), Body: strings.NewReader(text), ContentType: aws.String(as)}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if data, object := get(t, c, "docs", name); string(data) != text || *object.ContentType != as {
			t.Errorf("%s: got %d bytes of %s, want %d", name, len(data), *object.ContentType, len(text))
		}
		r := f.request(t, http.MethodPut, "/docs/raw-"+name, text)
		r.Header.Set("Content-Type", as)
		f.signer().SignPayload(r, sigv4.PayloadUnsigned, time.Now())
		if status, answered := answer(t, r); status != http.StatusOK {
			t.Errorf("%s: got %d %s", name, status, answered)
			continue
		}
		if data, _ := get(t, c, "docs", "raw-"+name); string(data) != text {
			t.Errorf("%s, not hashed: got %d bytes, want %d", name, len(data), len(text))
		}
	}
}

// A request that names two operations is neither: the gateway would choose
// another one than the one that was checked.
func TestTwoOperationsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "a", "x")
	large := strings.Repeat("x", 5<<20)
	for target, body := range map[string]string{
		"/docs/a?partNumber=1&uploadId=x&tagging": large,
		"/docs/a?partNumber=1&acl":                large,
		"/docs/a?partNumber=1&retention":          large,
		"/docs?tagging&policy":                    "{}",
	} {
		r := f.request(t, http.MethodPut, target, body)
		f.signer().Sign(r, sha256.Sum256([]byte(body)), time.Now())
		if status, text := answer(t, r); status != http.StatusBadRequest || !strings.Contains(text, "<Code>InvalidArgument</Code>") {
			t.Errorf("%s: got %d %.300s", target, status, text)
		}
	}
	// A URL that stands for a copy is one, with no body to speak of.
	r := f.request(t, http.MethodPut, "/docs/b?x-amz-copy-source=%2Fdocs%2Fa", large)
	f.signer().Presign(r, [32]byte{}, time.Now(), time.Minute)
	if status, text := answer(t, r); status != http.StatusBadRequest || !strings.Contains(text, "<Code>MaxMessageLengthExceeded</Code>") {
		t.Errorf("copy with a body: got %d %.300s", status, text)
	}
}

// The length that is announced for what is inside of chunks is what the gateway
// reserves on the disk.
func TestAnnouncedLengths(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	data := []byte("0123456789")
	for _, length := range []string{"5368709121", "9223372036854775807"} {
		for _, payload := range []sigv4.Payload{sigv4.PayloadChunked, sigv4.PayloadChunkedTrailer, sigv4.PayloadUnsignedTrailer} {
			u := upload{payload: payload, data: data, chunk: 10, header: map[string]string{"X-Amz-Decoded-Content-Length": length}}
			if payload != sigv4.PayloadChunked {
				u.trailer = "x-amz-checksum-crc32:" + crc(data)
			}
			if status, text := f.put(t, "/docs/huge", u); status != http.StatusBadRequest || !strings.Contains(text, "<Code>EntityTooLarge</Code>") {
				t.Errorf("%d, %s: got %d %s", payload, length, status, text)
			}
		}
	}
	// It means nothing where there are no chunks.
	for _, length := range []string{"5", "100", "x"} {
		r := f.request(t, http.MethodPut, "/docs/plain", string(data))
		r.Header.Set("X-Amz-Decoded-Content-Length", length)
		f.signer().SignPayload(r, sigv4.PayloadUnsigned, time.Now())
		if status, text := answer(t, r); status != http.StatusOK {
			t.Errorf("%s: got %d %s", length, status, text)
			continue
		}
		if got, _ := get(t, c, "docs", "plain"); !bytes.Equal(got, data) {
			t.Errorf("%s: got %q", length, got)
		}
	}
}

// Clients on slow lines take their time; nobody else has to wait for them.
func TestSlowUploads(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "a", "x")
	for i := range 100 {
		r := f.request(t, http.MethodPut, fmt.Sprintf("/docs/slow-%d", i), "")
		r.Header.Set("Content-Length", "10000000")
		f.signer().SignPayload(r, sigv4.PayloadUnsigned, time.Now())
		var head bytes.Buffer
		fmt.Fprintf(&head, "PUT %s HTTP/1.1\r\nHost: %s\r\n", r.URL.Path, r.URL.Host)
		if err := r.Header.Write(&head); err != nil {
			t.Fatal(err)
		}
		head.WriteString("\r\n")
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", r.URL.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() {
			_, _ = conn.Write(append(head.Bytes(), make([]byte, 600<<10)...))
		}()
	}
	time.Sleep(2 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	began := time.Now()
	if _, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: aws.String("a")}); err != nil {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

// What would be headers but cannot be is the client's mistake.
func TestOddParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	bucketOf(t, f, "docs")
	for _, query := range []string{"x-amz-meta-a=a%0D%0AX-Evil:%201", "x-amz-meta-%0D%0AX-Evil=1", "x-amz-meta-a%20b=1", "x-amz-meta-%00=1"} {
		r := f.request(t, http.MethodPut, "/docs/a?"+query, "x")
		f.signer().Presign(r, [32]byte{}, time.Now(), time.Minute)
		if status, text := answer(t, r); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", query, status, text)
		}
	}
}

// The server's own requests are held to the same keys.
func TestOtherNamesOfAnObject(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "dir/a", "x")
	f.outside(t)
	own := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://buckets"), UsePathStyle: true, HTTPClient: f.server.Client(), Credentials: aws.AnonymousCredentials{},
	})
	for _, key := range []string{"dir//a", "dir/./a", "dir/x/../a", "dir/.sgwtmp", "../docs/dir/a", "../../victim/file", "..", "."} {
		outside := strings.HasPrefix(key, ".")
		if _, err := own.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: &key}); err == nil || !outside && code(err) != "NotFound" {
			t.Errorf("head of %s: got %v, want NotFound", key, err)
		}
		if _, err := own.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("docs"), Key: &key}); err == nil || !outside && code(err) != "NoSuchKey" {
			t.Errorf("%s: got %v, want NoSuchKey", key, err)
		}
	}
	if _, err := own.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("docs"), Key: aws.String("dir/a")}); err != nil {
		t.Error(err)
	}
}

// Without authentication, a page that somebody put into a bucket must not be
// able to call the API that it shares its origin with.
func TestPagesWithoutAuthentication(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *bucket.Params) { p.Signatures, p.Keys = nil, nil })
	c := bucketOf(t, f, "docs")
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("page.html"), Body: strings.NewReader("<script>"), ContentType: aws.String("text/html")}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs/page.html", "/docs/page.html?response-content-type=text/html", "/docs"} {
		response, err := http.Get(f.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Content-Security-Policy"); got != "sandbox" {
			t.Errorf("%s: got %q, want that its scripts do not run", path, got)
		}
		if got := response.Header.Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
			t.Errorf("%s: got %q, want that no other page may use it", path, got)
		}
	}
}

// A page that somebody has put into a bucket and that is opened by its URL must be
// of no origin, for the console is of the origin that the URL has. Programs get
// objects as S3 has them.
func TestPagesByURL(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	putText(t, c, "page", "<script>alert(1)</script>")
	for name, tc := range map[string]struct {
		path    string
		presign bool
		sandbox bool
	}{
		"by URL":       {"/docs/page", true, true},
		"as HTML":      {"/docs/page?response-content-type=text%2Fhtml", true, true},
		"as SVG":       {"/docs/page?response-content-type=image%2Fsvg%2Bxml", true, true},
		"as PDF":       {"/docs/page?response-content-type=application%2Fpdf", true, false},
		"as PDF, near": {"/docs/page?response-content-type=application%2Fpdf%2C%20text%2Fhtml", true, true},
		"nothing":      {"/docs/absent", true, true},
		"by a program": {"/docs/page?response-content-type=text%2Fhtml", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := f.request(t, http.MethodGet, tc.path, "")
			if tc.presign {
				f.signer().Presign(r, [32]byte{}, time.Now(), time.Minute)
			} else {
				f.signer().Sign(r, sha256.Sum256(nil), time.Now())
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got := response.Header.Get("Content-Security-Policy")
			if strings.HasPrefix(got, "sandbox") != tc.sandbox || strings.Contains(got, "allow-same-origin") {
				t.Errorf("got %d with the policy %q, want a sandbox: %v", response.StatusCode, got, tc.sandbox)
			}
		})
	}
}
