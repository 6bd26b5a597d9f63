// Package s3 is the knowledge.Source of a bucket, wherever it is: at Outcrop's
// own endpoint, at another one, or at Amazon S3.
//
// It lists and reads, and writes nothing. Where the bucket is and with which
// keys it is asked are its parameters; package app takes them from the
// configuration.
package s3

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

const (
	// maxAttempts bounds how often a request is tried.
	maxAttempts = 4
	// maxBackoff is the longest pause between two tries.
	maxBackoff = 5 * time.Second
	// stall is the longest time without an answer, or a byte of an object.
	stall = time.Minute
	// byTime begins the ETag of an object that its store has none for: a file
	// that somebody put into the folder of a bucket.
	byTime = "mtime-"
)

// Params say where buckets are and who asks. The zero value is Amazon S3, asked
// by nobody.
type Params struct {
	// Endpoint is the URL of an endpoint; empty: Amazon's.
	Endpoint string
	// Name is what messages call the endpoint; empty: they do not name it.
	Name string
	// PathStyle: the bucket is named in the path, not in the host name.
	PathStyle bool
	// Region of the buckets; empty: that of the data source.
	Region string
	// Client sends the requests; nil: one of the SDK's own.
	Client aws.HTTPClient
	// Credentials sign the requests; nil: they are not signed.
	Credentials aws.CredentialsProvider
	// MaxBackoff is the longest pause between two tries; 5 s when it is zero.
	MaxBackoff time.Duration
	// Stall is the longest time without an answer, or a byte of an object; a
	// minute when it is zero.
	Stall time.Duration
}

// Buckets opens the sources of data sources that are buckets.
type Buckets struct{ p Params }

// New returns Buckets.
func New(p Params) *Buckets {
	if p.MaxBackoff == 0 {
		p.MaxBackoff = maxBackoff
	}
	if p.Stall == 0 {
		p.Stall = stall
	}
	return &Buckets{p}
}

var (
	_ knowledge.Sources = (*Buckets)(nil)
	_ knowledge.Source  = (*source)(nil)
)

// Open implements knowledge.Sources. That there is no such bucket is found out
// when its source is used.
func (b *Buckets) Open(_ context.Context, ds knowledge.DataSource) (knowledge.Source, error) {
	if ds.Kind != knowledge.S3 {
		return nil, fault.New(fault.Unsupported, "A data source of type %s has no bucket.", ds.Kind)
	}
	if ds.Bucket == "" {
		return nil, fault.New(fault.Invalid, "The data source names no bucket.")
	}
	s := &source{bucket: ds.Bucket, prefixes: outermost(ds.Prefixes), stall: b.p.Stall, endpoint: b.p.Name}
	if ds.BucketOwner != "" {
		s.owner = aws.String(ds.BucketOwner)
	}
	options := s3.Options{
		Region: b.p.Region, UsePathStyle: b.p.PathStyle, Credentials: b.p.Credentials,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = maxAttempts, b.p.MaxBackoff
			o.Retryables = append(o.Retryables, retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusTooManyRequests: {}}})
		}),
		// Objects that were put by parts have checksums that cannot be checked
		// here; the SDK would complain about each of them in a log.
		DisableLogOutputChecksumValidationSkipped: true,
	}
	if options.Region == "" {
		options.Region = ds.Region
	}
	if options.Credentials == nil {
		options.Credentials = aws.AnonymousCredentials{}
	}
	if b.p.Endpoint != "" {
		options.BaseEndpoint = aws.String(b.p.Endpoint)
	}
	if b.p.Client != nil {
		options.HTTPClient = b.p.Client
	}
	s.client = s3.New(options)
	return s, nil
}

// outermost sorts prefixes and drops those that another one is a prefix of, so
// that no object is listed twice. No prefix is the one that all keys have.
func outermost(prefixes []string) []string {
	if len(prefixes) == 0 {
		return []string{""}
	}
	sorted := slices.Sorted(slices.Values(prefixes))
	kept := sorted[:0]
	for _, p := range sorted {
		if len(kept) == 0 || !strings.HasPrefix(p, kept[len(kept)-1]) {
			kept = append(kept, p)
		}
	}
	return kept
}

// source is one bucket.
type source struct {
	client   *s3.Client
	bucket   string
	owner    *string
	prefixes []string
	stall    time.Duration
	endpoint string // for messages
}

// ask is the context of one request: an endpoint that says nothing is given up.
func (s *source) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.stall, errStalled)
}

// List implements knowledge.Source.
func (s *source) List(ctx context.Context, yield func(knowledge.Object) error) error {
	last := ""
	for _, prefix := range s.prefixes {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			Bucket: &s.bucket, Prefix: aws.String(prefix), ExpectedBucketOwner: s.owner,
			// Keys may have characters that XML cannot.
			EncodingType: types.EncodingTypeUrl,
		})
		for pages.HasMorePages() {
			asking, cancel := s.ask(ctx)
			page, err := pages.NextPage(asking)
			cancel()
			if err != nil {
				return s.failed(ctx, err, "")
			}
			for i := range page.Contents {
				o := &page.Contents[i]
				key, err := listedKey(o, page.EncodingType)
				if err != nil {
					return fault.Wrap(fault.Upstream, err, "The list of the bucket %s cannot be read.", s.bucket)
				}
				if key < last {
					// Whoever compares this list with another one in order would
					// take what is missing here for deleted.
					return fault.New(fault.Upstream, "The bucket %s is not listed in the order of its keys.", s.bucket)
				}
				last = key
				if strings.HasSuffix(key, "/") && aws.ToInt64(o.Size) == 0 {
					continue // stands for a folder
				}
				if err := yield(s.object(key, o.Size, o.ETag, o.LastModified)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func listedKey(o *types.Object, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(o.Key), nil
	}
	return url.QueryUnescape(aws.ToString(o.Key))
}

func (s *source) object(key string, size *int64, etag *string, modified *time.Time) knowledge.Object {
	o := knowledge.Object{
		ID: "s3://" + s.bucket + "/" + key, Name: key[strings.LastIndex(key, "/")+1:],
		Size: aws.ToInt64(size), ETag: strings.Trim(aws.ToString(etag), `"`), Modified: aws.ToTime(modified),
	}
	if o.ETag == "" {
		// Seconds, for a list may know more of them than an answer's header.
		o.ETag = byTime + strconv.FormatInt(o.Modified.Unix(), 10) + "-" + strconv.FormatInt(o.Size, 10)
	}
	return o
}

// key returns the key that an ID means. NotFound: it is in another bucket.
func (s *source) key(id string) (string, error) {
	key, ok := strings.CutPrefix(id, "s3://"+s.bucket+"/")
	if !ok || key == "" {
		return "", fault.New(fault.NotFound, "%s is not in the bucket %s.", id, s.bucket)
	}
	return key, nil
}

// Stat implements knowledge.Source.
func (s *source) Stat(ctx context.Context, id string) (knowledge.Object, error) {
	key, err := s.key(id)
	if err != nil {
		return knowledge.Object{}, err
	}
	asking, cancel := s.ask(ctx)
	defer cancel()
	head, err := s.client.HeadObject(asking, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: s.owner})
	if err != nil {
		return knowledge.Object{}, s.failed(ctx, err, id)
	}
	return s.object(key, head.ContentLength, head.ETag, head.LastModified), nil
}

// Open implements knowledge.Source.
func (s *source) Open(ctx context.Context, o knowledge.Object) (io.ReadCloser, error) {
	key, err := s.key(o.ID)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: s.owner}
	named := !strings.HasPrefix(o.ETag, byTime)
	if named {
		in.IfMatch = aws.String(`"` + o.ETag + `"`)
	}
	// The answer's body ends with this context, when nothing comes any more.
	reading, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(s.stall, func() { cancel(errStalled) })
	got, err := s.client.GetObject(reading, in)
	if err != nil {
		timer.Stop()
		cancel(nil)
		return nil, s.failed(ctx, err, o.ID)
	}
	r := &reader{ctx: ctx, s: s, id: o.ID, body: got.Body, cancel: cancel, timer: timer}
	if !named && s.object(key, got.ContentLength, got.ETag, got.LastModified).ETag != o.ETag {
		_ = r.Close() // nothing was read of it
		return nil, changed(nil, o.ID)
	}
	return r, nil
}

// reader reads an object and says in our words why it ends early.
type reader struct {
	ctx    context.Context // of who reads
	s      *source
	id     string
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.timer.Reset(r.s.stall)
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF is never wrapped
		err = r.s.failed(r.ctx, err, r.id)
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.timer.Stop()
	err := r.body.Close()
	r.cancel(nil)
	return err
}
