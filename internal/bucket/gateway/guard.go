package gateway

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// Representable reports whether a bucket can hold a key, and an answer name it.
// Its segments are names of folders, and those have no empty ones, none that
// lead elsewhere, and not the one of the backend's own files, which it shows at
// no depth. The answers are XML, which has no words for most control characters: such an
// object would be listed under another name.
func Representable(key string) bool {
	for segment := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." || strings.EqualFold(segment, posix.MetaTmpDir) {
			return false
		}
	}
	return utf8.ValidString(key) && !strings.ContainsFunc(key, nameless)
}

// nameless reports whether XML 1.0 has no way to write a character.
func nameless(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// guarded refuses what the backend would make a path of without looking: keys
// that are in the body of a request or in a header, and the IDs of multipart
// uploads. They lead out of the folder of the buckets otherwise, and one of
// the operations removes what it finds there with all that is in it.
type guarded struct {
	backend.Backend

	dir string // of the buckets
}

// upload is an ID of a multipart upload as the backend makes them.
var upload = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func uploadID(id *string) error {
	switch {
	case id == nil:
		return s3err.GetNoSuchUploadErr("")
	case !upload.MatchString(*id):
		return s3err.GetNoSuchUploadErr(*id)
	}
	return nil
}

// copySource refuses a source whose key no bucket can hold.
func copySource(source *string) error {
	if source == nil {
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgCopySourceBucket, "")
	}
	bucket, key, _, err := backend.ParseCopySource(*source)
	switch {
	case err != nil:
		return err
	case bucket == "" || strings.HasPrefix(bucket, "."):
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgCopySourceBucket, bucket)
	case !Representable(key):
		return s3err.GetInvalidArgumentErr(s3err.InvalidArgCopySourceObject, key)
	}
	return nil
}

// AbortMultipartUpload implements backend.Backend.
func (g *guarded) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	if err := uploadID(in.UploadId); err != nil {
		return err
	}
	return g.Backend.AbortMultipartUpload(ctx, in)
}

// CompleteMultipartUpload implements backend.Backend. A key that is a folder of
// other keys is refused in the words of PutObject; the parts stay.
func (g *guarded) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	var none s3response.CompleteMultipartUploadResult
	if err := uploadID(in.UploadId); err != nil {
		return none, "", err
	}
	if in.Bucket != nil && in.Key != nil {
		if info, err := os.Stat(filepath.Join(g.dir, *in.Bucket, *in.Key)); err == nil && info.IsDir() {
			return none, "", s3err.GetAPIError(s3err.ErrExistingObjectIsDirectory)
		}
	}
	return g.Backend.CompleteMultipartUpload(ctx, in)
}

// ListParts implements backend.Backend.
func (g *guarded) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	if err := uploadID(in.UploadId); err != nil {
		return s3response.ListPartsResult{}, err
	}
	return g.Backend.ListParts(ctx, in)
}

// UploadPart implements backend.Backend.
func (g *guarded) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	if err := uploadID(in.UploadId); err != nil {
		return nil, err
	}
	return g.Backend.UploadPart(ctx, in)
}

// UploadPartCopy implements backend.Backend.
func (g *guarded) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (s3response.CopyPartResult, error) {
	if err := uploadID(in.UploadId); err != nil {
		return s3response.CopyPartResult{}, err
	}
	if err := copySource(in.CopySource); err != nil {
		return s3response.CopyPartResult{}, err
	}
	return g.Backend.UploadPartCopy(ctx, in)
}

// CopyObject implements backend.Backend.
func (g *guarded) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	if err := copySource(in.CopySource); err != nil {
		return s3response.CopyObjectOutput{}, err
	}
	bucket, key, _, err := backend.ParseCopySource(*in.CopySource)
	if err == nil && strings.HasSuffix(key, "/") {
		return g.copyFolder(ctx, bucket, key, &in)
	}
	return g.Backend.CopyObject(ctx, in)
}

// copyFolder copies an object that stands for a folder. The backend would read
// the folder itself, as if it were a file.
func (g *guarded) copyFolder(ctx context.Context, bucket, key string, in *s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	var none s3response.CopyObjectOutput
	head, err := g.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &bucket, Key: &key, IfMatch: in.CopySourceIfMatch, IfUnmodifiedSince: in.CopySourceIfUnmodifiedSince,
	})
	if err != nil {
		return none, err
	}
	put := s3response.PutObjectInput{
		Bucket: in.Bucket, Key: in.Key, ContentLength: new(int64), Body: http.NoBody,
		ContentType: head.ContentType, Metadata: head.Metadata,
	}
	if in.MetadataDirective == types.MetadataDirectiveReplace {
		put.ContentType, put.Metadata = in.ContentType, in.Metadata
	}
	made, err := g.PutObject(ctx, put)
	if err != nil {
		return none, err
	}
	now := time.Now()
	return s3response.CopyObjectOutput{CopyObjectResult: &s3response.CopyObjectResult{ETag: &made.ETag, LastModified: &now}}, nil
}

// noSuchKey refuses a key that no bucket can hold; the backend would clean its
// path and find another object.
func noSuchKey(key *string) error {
	if key == nil || !Representable(*key) {
		return s3err.GetAPIError(s3err.ErrNoSuchKey)
	}
	return nil
}

// GetObject implements backend.Backend.
func (g *guarded) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	if err := noSuchKey(in.Key); err != nil {
		return nil, err
	}
	return g.Backend.GetObject(ctx, in)
}

// HeadObject implements backend.Backend.
func (g *guarded) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	if err := noSuchKey(in.Key); err != nil {
		return nil, err
	}
	return g.Backend.HeadObject(ctx, in)
}

// DeleteObject implements backend.Backend. A folder that nobody has put is no
// object, and there is nothing to delete; the backend says that it is not empty.
func (g *guarded) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	out, err := g.Backend.DeleteObject(ctx, in)
	if e, ok := errors.AsType[s3err.APIError](err); ok && holdsKeys(e.Code) {
		return &s3.DeleteObjectOutput{}, nil
	}
	return out, err
}

// holdsKeys reports whether a code is that of the error which S3 does not have.
func holdsKeys(code string) bool { return code == s3err.GetAPIError(s3err.ErrDirectoryNotEmpty).Code }

// maxDeleted is how many objects one request deletes at most; S3's own limit.
const maxDeleted = 1000

// DeleteObjects implements backend.Backend. Keys that no bucket can hold are
// errors of their own; the others are deleted.
func (g *guarded) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	var refused []types.Error
	if in.Delete != nil && len(in.Delete.Objects) > maxDeleted {
		return s3response.DeleteResult{}, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if in.Delete != nil {
		kept := make([]types.ObjectIdentifier, 0, len(in.Delete.Objects))
		for _, o := range in.Delete.Objects {
			if o.Key == nil || !Representable(*o.Key) {
				refused = append(refused, s3err.ObjectDeleteError(o.Key, o.VersionId, s3err.APIError{
					Code: "InvalidArgument", Description: KeyRule, HTTPStatusCode: http.StatusBadRequest,
				}))
				continue
			}
			kept = append(kept, o)
		}
		if len(refused) > 0 {
			only := *in
			only.Delete = &types.Delete{Objects: kept, Quiet: in.Delete.Quiet}
			in = &only
		}
	}
	result, err := g.Backend.DeleteObjects(ctx, in)
	failed := result.Error
	result.Error = nil
	for i := range failed {
		if failed[i].Code != nil && holdsKeys(*failed[i].Code) { // see DeleteObject
			result.Deleted = append(result.Deleted, types.DeletedObject{Key: failed[i].Key})
			continue
		}
		result.Error = append(result.Error, failed[i])
	}
	result.Error = append(result.Error, refused...)
	return result, err
}

// KeyRule says to clients what Representable asks for.
const KeyRule = "Object keys with empty segments, '.', '..' or '" + posix.MetaTmpDir +
	"' between slashes, or control characters are not supported by this server."
