package bucket_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// bucketOf makes a bucket and returns a client for it.
func bucketOf(t *testing.T, f *fixture, name string) *s3.Client {
	t.Helper()
	c := f.client()
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *s3.Client, bucket, key string) ([]byte, *s3.GetObjectOutput) {
	t.Helper()
	got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return data, got
}

func crc(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}

// chunked is what a client makes of a body that it sends in chunks, which are
// signed when there is a chain, with a trailer when trailer is not empty.
func chunked(chain *sigv4.Chain, data []byte, size int, trailer string) []byte {
	var b bytes.Buffer
	previous := ""
	sign := func(algorithm, what string) string {
		t := chain.Time()
		key := chain.SigningKey(t)
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte("AWS4-HMAC-SHA256-" + algorithm + "\n" + t.Format("20060102T150405Z") + "\n" + chain.Scope(t) + "\n" + previous + "\n" + what))
		previous = hex.EncodeToString(mac.Sum(nil))
		return previous
	}
	chunk := func(part []byte) {
		fmt.Fprintf(&b, "%x", len(part))
		if chain != nil {
			sum := sha256.Sum256(part)
			b.WriteString(";chunk-signature=" + sign("PAYLOAD", sigv4.EmptyHash+"\n"+hex.EncodeToString(sum[:])))
		}
		b.WriteString("\r\n")
		b.Write(part)
		if len(part) > 0 || trailer == "" {
			b.WriteString("\r\n")
		}
	}
	if chain != nil {
		previous = chain.Seed()
	}
	for len(data) > 0 {
		n := min(size, len(data))
		chunk(data[:n])
		data = data[n:]
	}
	chunk(nil)
	if trailer != "" {
		b.WriteString(trailer + "\r\n")
		if chain != nil {
			sum := sha256.Sum256([]byte(trailer + "\n"))
			b.WriteString("x-amz-trailer-signature:" + sign("TRAILER", hex.EncodeToString(sum[:])) + "\r\n")
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

type upload struct {
	payload sigv4.Payload
	data    []byte
	chunk   int
	trailer string
	// lengthUnknown: the body is sent without saying how long it is.
	lengthUnknown bool
	change        func(body []byte) []byte
	header        map[string]string
}

// put sends an object as an old client would, byte by byte under control.
func (f *fixture) put(t *testing.T, path string, u upload) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Encoding", "gzip,aws-chunked") // not that anybody looks into it
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(u.data)))
	if name, _, ok := strings.Cut(u.trailer, ":"); ok {
		r.Header.Set("X-Amz-Trailer", name)
	}
	for name, value := range u.header {
		r.Header.Set(name, value)
	}
	signer := sigv4.Signer{AccessKeyID: f.root.AccessKeyID, Secret: f.root.Secret, Region: "eu-west-1", Service: "s3"}
	chain := signer.SignPayload(r, u.payload, time.Now())
	if u.payload == sigv4.PayloadUnsignedTrailer {
		chain = nil
	}
	body := chunked(chain, u.data, u.chunk, u.trailer)
	if u.change != nil {
		body = u.change(body)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if u.lengthUnknown {
		r.ContentLength = -1
	}
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

func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	large := make([]byte, 300_000)
	_, _ = rand.Read(large)
	for name, u := range map[string]upload{
		"signed":                       {payload: sigv4.PayloadChunked, data: large, chunk: 64 << 10},
		"signed, empty":                {payload: sigv4.PayloadChunked, chunk: 64 << 10},
		"signed, with trailer":         {payload: sigv4.PayloadChunkedTrailer, data: large, chunk: 70_000, trailer: "x-amz-checksum-crc32:" + crc(large)},
		"signed, empty, with trailer":  {payload: sigv4.PayloadChunkedTrailer, chunk: 1, trailer: "x-amz-checksum-crc32:" + crc(nil)},
		"not signed":                   {payload: sigv4.PayloadUnsignedTrailer, data: large, chunk: 128 << 10, trailer: "x-amz-checksum-crc32:" + crc(large)},
		"not signed, length not known": {payload: sigv4.PayloadUnsignedTrailer, data: large, chunk: 20_000, trailer: "x-amz-checksum-crc32:" + crc(large), lengthUnknown: true},
		"signed, length not known":     {payload: sigv4.PayloadChunkedTrailer, data: large[:65536], chunk: 65536, trailer: "x-amz-checksum-crc32:" + crc(large[:65536]), lengthUnknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			key := strings.ReplaceAll(name, " ", "-")
			if status, text := f.put(t, "/docs/"+key, u); status != http.StatusOK {
				t.Fatalf("got %d %s", status, text)
			}
			data, object := get(t, c, "docs", key)
			if !bytes.Equal(data, u.data) {
				t.Errorf("got %d other bytes, want %d", len(data), len(u.data))
			}
			if got := aws.ToString(object.ContentEncoding); got != "gzip" {
				t.Errorf("got the encoding %q, want the object's own", got)
			}
			if u.trailer != "" {
				if got, want := aws.ToString(object.ChecksumCRC32), crc(u.data); got != want {
					t.Errorf("got the checksum %q, want %q", got, want)
				}
			}
		})
	}
}

func TestChunkedBodiesThatAreWrong(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[(at+len(b))%len(b)] ^= 1
			return b
		}
	}
	for name, tc := range map[string]struct {
		u    upload
		want string
	}{
		"a byte of a signed chunk":   {upload{payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10, change: flip(200_000)}, "SignatureDoesNotMatch"},
		"a byte with a trailer":      {upload{payload: sigv4.PayloadChunkedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data), change: flip(200_000)}, "SignatureDoesNotMatch"},
		"a byte of the trailer":      {upload{payload: sigv4.PayloadChunkedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data), change: flip(-10)}, "SignatureDoesNotMatch"},
		"a byte that nobody signed":  {upload{payload: sigv4.PayloadUnsignedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data), change: flip(200_000)}, "BadDigest"},
		"the same, length not known": {upload{payload: sigv4.PayloadUnsignedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data), change: flip(200_000), lengthUnknown: true}, "BadDigest"},
		"cut off":                    {upload{payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10, change: func(b []byte) []byte { return b[:100_000] }}, "IncompleteBody"},
		"no chunks at all":           {upload{payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10, change: func([]byte) []byte { return data }}, "IncompleteBody"},
		"another length":             {upload{payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10, header: map[string]string{"X-Amz-Decoded-Content-Length": "5"}}, "IncompleteBody"},
		"no length":                  {upload{payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10, header: map[string]string{"X-Amz-Decoded-Content-Length": "many"}}, "MissingContentLength"},
		"events":                     {upload{payload: sigv4.PayloadEvents, data: data, chunk: 64 << 10}, "InvalidArgument"},
		"length not known":           {upload{payload: sigv4.PayloadUnsigned, data: data, chunk: 64 << 10, lengthUnknown: true}, "MissingContentLength"},
	} {
		t.Run(name, func(t *testing.T) {
			status, text := f.put(t, "/docs/"+strings.ReplaceAll(name, " ", "-"), tc.u)
			if status < http.StatusBadRequest || !strings.Contains(text, "<Code>"+tc.want+"</Code>") {
				t.Errorf("got %d %s, want %s", status, text, tc.want)
			}
			listed, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("docs")})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range listed.Contents {
				t.Errorf("%d bytes were kept", *o.Size)
			}
		})
	}
}

// A client that dies in the middle leaves nothing behind, and what was there
// before stays.
func TestClientThatDies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: strings.NewReader("before")}); err != nil {
		t.Fatal(err)
	}
	<-f.outcomes
	<-f.outcomes
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.url+"/docs/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Signer{AccessKeyID: f.root.AccessKeyID, Secret: f.root.Secret, Region: "eu-west-1", Service: "s3"}.SignPayload(r, sigv4.PayloadUnsigned, time.Now())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, 1<<20))), 2<<20
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Errorf("got %s, want that the body is too short", response.Status)
	}
	if o := <-f.outcomes; o.Code == "" {
		t.Errorf("got %+v, want an error", o)
	}
	if data, _ := get(t, c, "docs", "a"); string(data) != "before" {
		t.Errorf("got %d bytes, want what was there before", len(data))
	}
}

func TestChecksumsOfTheSDK(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	data := bytes.Repeat([]byte("checked "), 50_000)
	for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha256} {
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("docs"), Key: aws.String(string(algorithm)), Body: bytes.NewReader(data), ChecksumAlgorithm: algorithm,
		}); err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if got, _ := get(t, c, "docs", string(algorithm)); !bytes.Equal(got, data) {
			t.Errorf("%s: got other bytes", algorithm)
		}
	}
}

// Without authentication a request is taken for what it says, signed by anybody
// or by nobody.
func TestWithoutAuthentication(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(p *bucket.Params) { p.Signatures, p.Keys = nil, nil })
	f.root.Secret = "nobody checks this"
	c := bucketOf(t, f, "docs")
	data := bytes.Repeat([]byte("x"), 100_000)
	for name, u := range map[string]upload{
		"signed":     {payload: sigv4.PayloadChunked, data: data, chunk: 64 << 10},
		"trailer":    {payload: sigv4.PayloadChunkedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data)},
		"not signed": {payload: sigv4.PayloadUnsignedTrailer, data: data, chunk: 64 << 10, trailer: "x-amz-checksum-crc32:" + crc(data)},
	} {
		if status, text := f.put(t, "/docs/"+strings.ReplaceAll(name, " ", "-"), u); status != http.StatusOK {
			t.Errorf("%s: got %d %s", name, status, text)
		} else if got, _ := get(t, c, "docs", strings.ReplaceAll(name, " ", "-")); !bytes.Equal(got, data) {
			t.Errorf("%s: got %d other bytes", name, len(got))
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.url+"/docs/by%20hand", strings.NewReader("by hand"))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %v (%v)", response, err)
	}
	response, err := http.Get(f.url + "/docs/by%20hand")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "by hand" {
		t.Errorf("got %s (%v)", text, err)
	}
	response, err = http.Get(f.url + "/docs/none")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(text), "<Code>NoSuchKey</Code>") {
		t.Errorf("got %s (%v)", text, err)
	}
}

// A bucket in the host name, as SDKs write it for endpoints that are names.
func TestBucketInTheHostName(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	address := strings.TrimPrefix(f.url, "http://")
	_, port, _ := strings.Cut(address, ":")
	f.url = "http://localhost:" + port
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address) // whatever the name is
	}}
	t.Cleanup(transport.CloseIdleConnections)
	c := f.client(func(o *s3.Options) {
		o.UsePathStyle, o.HTTPClient = false, &http.Client{Transport: transport}
	})
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("docs")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a b/ü.txt"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	if data, _ := get(t, c, "docs", "a b/ü.txt"); string(data) != "x" {
		t.Errorf("got %q", data)
	}
	listed, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("docs")})
	if err != nil || len(listed.Contents) != 1 {
		t.Errorf("got %v (%v), want one object", listed, err)
	}
}

// A presigned URL carries in its query what would be headers.
func TestPresignedByTheSDK(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	c := bucketOf(t, f, "docs")
	presigned, err := s3.NewPresignClient(c).PresignPutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("docs"), Key: aws.String("a b.txt"), Metadata: map[string]string{"who": "me"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), presigned.Method, presigned.URL, strings.NewReader("by URL"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range presigned.SignedHeader {
		if name != "Host" && name != "Content-Length" {
			r.Header[name] = values
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("got %s %s (%v)", response.Status, text, err)
	}
	if data, object := get(t, c, "docs", "a b.txt"); string(data) != "by URL" || object.Metadata["who"] != "me" {
		t.Errorf("got %q with %v", data, object.Metadata)
	}
}
