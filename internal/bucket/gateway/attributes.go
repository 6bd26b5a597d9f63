package gateway

import (
	"errors"
	"os"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3err"
)

// partsAttribute is where the backend keeps where the parts of an object that
// was put by parts begin. It is asked for by who reads such an object part by
// part; without it the object is of one part.
const partsAttribute = "mp-metadata"

// sparing keeps attributes with the files, and does without the one that grows
// with the number of parts where there is no room for it. Many file systems have
// 4 KiB for all attributes of a file, which are some 700 parts; an object of
// more could never be completed.
type sparing struct{ meta.MetadataStorer }

// StoreAttribute implements meta.MetadataStorer.
func (s sparing) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	err := s.MetadataStorer.StoreAttribute(f, bucket, object, attribute, value)
	if attribute == partsAttribute && noRoom(err) {
		return nil
	}
	return err
}

// noRoom reports whether there is no room for an attribute; the library has an
// answer to clients for one of the ways to say so.
func noRoom(err error) bool {
	if e, ok := errors.AsType[s3err.APIError](err); ok {
		return e.Code == s3err.GetAPIError(s3err.ErrNoSpaceLeftOnDevice).Code
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.E2BIG)
}
