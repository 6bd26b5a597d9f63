package s3

import (
	"context"
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/outcrop/outcrop/internal/fault"
)

var errStalled = errors.New("nothing came for too long")

// failed classifies an error of the endpoint. id is the object that was asked
// for; empty: the bucket was.
func (s *source) failed(ctx context.Context, err error, id string) error {
	if cause := ctx.Err(); cause != nil {
		return cause // the caller has lost interest
	}
	code, status := "", 0
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		code = e.ErrorCode()
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = e.HTTPStatusCode()
	}
	what := id
	if what == "" {
		what = "The bucket " + s.bucket
	}
	switch code {
	case "NoSuchBucket", "InvalidBucketName":
		return fault.Wrap(fault.NotFound, err, "The bucket %s does not exist.", s.bucket)
	case "NoSuchKey", "NotFound":
		return fault.Wrap(fault.NotFound, err, "%s does not exist.", what)
	case "PreconditionFailed":
		return changed(err, what)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "AuthorizationHeaderMalformed", "AuthFailure":
		return fault.Wrap(fault.Denied, err, "The keys for the bucket %s are not accepted (%s).", s.bucket, code)
	case "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException", "BucketRegionError":
		return fault.Wrap(fault.Invalid, err, "The bucket %s is in another region.", s.bucket)
	case "InvalidObjectState":
		return fault.Wrap(fault.Unsupported, err, "%s is archived and has to be restored first.", what)
	}
	switch {
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fault.Wrap(fault.Denied, err, "Access to %s was denied.", lower(what))
	case status == http.StatusNotFound && id == "":
		return fault.Wrap(fault.NotFound, err, "The bucket %s does not exist.", s.bucket)
	case status == http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "%s does not exist.", what)
	case status == http.StatusPreconditionFailed:
		return changed(err, what)
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect:
		return fault.Wrap(fault.Invalid, err, "The bucket %s is in another region.", s.bucket)
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fault.Wrap(fault.Upstream, err, "%s cannot be read: the endpoint refused it (%s).", what, code)
	}
	endpoint := "its endpoint"
	if s.endpoint != "" {
		endpoint += " " + s.endpoint
	}
	return fault.Wrap(fault.Unavailable, err, "%s cannot be read: %s does not answer as it should.", what, endpoint)
}

func changed(err error, what string) error {
	return fault.Wrap(fault.Conflict, err, "%s has changed.", what)
}

// lower makes the beginning of a sentence fit for the middle of one.
func lower(what string) string {
	if what != "" && what[0] == 'T' {
		return "t" + what[1:]
	}
	return what
}
