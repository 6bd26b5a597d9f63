package bucket_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outcrop/outcrop/internal/bucket"
	"github.com/outcrop/outcrop/internal/sigv4"
)

// benchmark puts one object of a size and returns its client.
func benchmark(b *testing.B, size int) (*s3.Client, []byte) {
	b.Helper()
	// The outcomes that the fixture keeps would fill its channel.
	f := newFixture(b, func(p *bucket.Params) { p.Signatures = sigv4.New(sigv4.Params{Keys: p.Keys, Services: []string{"s3"}}) })
	go func() {
		for range f.outcomes { // they are of no interest
		}
	}()
	c := f.client(func(o *s3.Options) {
		o.HTTPClient = http.DefaultClient
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	if _, err := c.CreateBucket(b.Context(), &s3.CreateBucketInput{Bucket: aws.String("docs")}); err != nil {
		b.Fatal(err)
	}
	if _, err := c.PutObject(b.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: bytes.NewReader(data)}); err != nil {
		b.Fatal(err)
	}
	return c, data
}

// BenchmarkGet reads an object of 4 KiB: what one request costs.
func BenchmarkGet(b *testing.B) {
	c, _ := benchmark(b, 4<<10)
	for b.Loop() {
		got, err := c.GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String("docs"), Key: aws.String("a")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, got.Body); err != nil {
			b.Fatal(err)
		}
		got.Body.Close()
	}
}

// BenchmarkGetLarge reads an object of 64 MiB.
func BenchmarkGetLarge(b *testing.B) {
	c, data := benchmark(b, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		got, err := c.GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String("docs"), Key: aws.String("a")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, got.Body); err != nil {
			b.Fatal(err)
		}
		got.Body.Close()
	}
}

// BenchmarkPutLarge writes an object of 64 MiB; most of the time is the
// client's and the gateway's hashing.
func BenchmarkPutLarge(b *testing.B) {
	c, data := benchmark(b, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := c.PutObject(b.Context(), &s3.PutObjectInput{Bucket: aws.String("docs"), Key: aws.String("a"), Body: bytes.NewReader(data)}); err != nil {
			b.Fatal(err)
		}
	}
}
