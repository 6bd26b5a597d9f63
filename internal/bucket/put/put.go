// Package put writes objects into buckets, wherever those are: at Outcrop's own
// endpoint, at another one, or at Amazon S3.
//
// It writes and reads nothing; who reads is knowledge/source/s3. Where the
// buckets are and with which keys they are asked are its parameters; package app
// takes them from the configuration.
package put

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
)

// Params say where buckets are and who asks. The zero value is Amazon S3, asked
// by nobody.
type Params struct {
	Endpoint    string                  // URL; empty: Amazon's
	PathStyle   bool                    // the bucket is named in the path, not in the host name
	Region      string                  // of the buckets; empty: the object's own
	Client      aws.HTTPClient          // nil: one of the SDK's own
	Credentials aws.CredentialsProvider // nil: requests are not signed
}

// Writer puts objects. It is safe for concurrent use.
type Writer struct {
	p      Params
	client *s3.Client
}

var _ delivery.Putter = (*Writer)(nil)

// New returns a Writer. It opens nothing.
func New(p Params) *Writer {
	// One try: who delivers has a rhythm of its own for those that fail.
	options := s3.Options{Region: p.Region, UsePathStyle: p.PathStyle, Credentials: p.Credentials, RetryMaxAttempts: 1}
	if options.Credentials == nil {
		options.Credentials = aws.AnonymousCredentials{}
	}
	if p.Endpoint != "" {
		options.BaseEndpoint = aws.String(p.Endpoint)
	}
	if p.Client != nil {
		options.HTTPClient = p.Client
	}
	return &Writer{p: p, client: s3.New(options)}
}

// Put implements delivery.Putter. NotFound: there is no such bucket. Denied: the
// keys may not write there.
func (w *Writer) Put(ctx context.Context, o delivery.Object) error {
	in := &s3.PutObjectInput{Bucket: &o.Bucket, Key: &o.Key, Body: bytes.NewReader(o.Body), ContentLength: aws.Int64(int64(len(o.Body)))}
	if o.ContentType != "" {
		in.ContentType = &o.ContentType
	}
	if o.Encoding != "" {
		in.ContentEncoding = &o.Encoding
	}
	if o.Owner != "" {
		in.ExpectedBucketOwner = &o.Owner
	}
	_, err := w.client.PutObject(ctx, in, func(options *s3.Options) {
		if options.Region == "" {
			options.Region = o.Region
		}
	})
	return classified(err, o.Bucket)
}

func classified(err error, bucket string) error {
	if err == nil {
		return nil
	}
	code, status := "", 0
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		code = e.ErrorCode()
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = e.HTTPStatusCode()
	}
	switch {
	case code == "NoSuchBucket" || code == "InvalidBucketName" || status == http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "The bucket %s does not exist.", bucket)
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fault.Wrap(fault.Denied, err, "Writing into the bucket %s was denied.", bucket)
	}
	return fault.Wrap(fault.Unavailable, err, "The bucket %s cannot be written to.", bucket)
}
