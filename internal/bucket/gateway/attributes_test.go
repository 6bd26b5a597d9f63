package gateway

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/s3err"
)

// full has no room for any attribute.
type full struct {
	meta.MetadataStorer

	err error
}

func (f full) StoreAttribute(*os.File, string, string, string, []byte) error {
	return fmt.Errorf("set attribute: %w", f.err)
}

func TestSparing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		attribute string
		err       error
		fails     bool
	}{
		{partsAttribute, s3err.GetAPIError(s3err.ErrNoSpaceLeftOnDevice), false},
		{partsAttribute, syscall.ENOSPC, false},
		{partsAttribute, syscall.E2BIG, false},
		{partsAttribute, syscall.EIO, true},
		{partsAttribute, s3err.GetAPIError(s3err.ErrMethodNotAllowed), true},
		{"etag", syscall.ENOSPC, true},
	} {
		err := sparing{full{err: tc.err}}.StoreAttribute(nil, "docs", "large", tc.attribute, nil)
		if got := err != nil; got != tc.fails {
			t.Errorf("%s with %v: got %v, want that it fails: %t", tc.attribute, tc.err, err, tc.fails)
		}
	}
}

// The file system that the tests run on says it in one of these ways, if it has
// a limit below that of the kernel.
func TestSparingOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if !hasAttributes(dir) {
		t.Skip("no attributes here")
	}
	if err := os.WriteFile(filepath.Join(dir, "large"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 60<<10)
	_, _ = rand.Read(value)
	store := sparing{meta.XattrMeta{}}
	if err := store.StoreAttribute(nil, dir, "large", partsAttribute, value); err != nil {
		t.Errorf("got %v", err)
	}
	if got, err := store.RetrieveAttribute(nil, dir, "large", partsAttribute); err == nil && !bytes.Equal(got, value) {
		t.Errorf("got %d other bytes", len(got))
	}
}
