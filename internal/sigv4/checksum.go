package sigv4

import (
	"crypto/sha1" //nolint:gosec // a checksum that clients choose, not a signature
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/outcrop/outcrop/internal/fault"
)

// nvmePolynomial is CRC-64/NVME in the reversed form that hash/crc64 takes.
const nvmePolynomial = 0x9a6c9329ac4bc9b5

// checksum is one checksum that a trailer announces.
type checksum struct {
	name string // header name
	hash hash.Hash
	sent string // base64, once the trailer is read
}

// newChecksum returns nil for trailers that are no checksum known here.
func newChecksum(name string) *checksum {
	var h hash.Hash
	switch name {
	case "x-amz-checksum-crc32":
		h = crc32.NewIEEE()
	case "x-amz-checksum-crc32c":
		h = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "x-amz-checksum-crc64nvme":
		h = crc64.New(crc64.MakeTable(nvmePolynomial))
	case "x-amz-checksum-sha1":
		h = sha1.New() //nolint:gosec // see the import
	case "x-amz-checksum-sha256":
		h = sha256.New()
	default:
		return nil
	}
	return &checksum{name: name, hash: h}
}

func (c *checksum) check() error {
	want := base64.StdEncoding.EncodeToString(c.hash.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(c.sent), []byte(want)) != 1 {
		return fault.New(fault.Invalid, "The %s you specified did not match the calculated checksum.", c.name).WithCode("BadDigest")
	}
	return nil
}
