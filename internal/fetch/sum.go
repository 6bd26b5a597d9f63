package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// SumFile returns the SHA-256 digest of a file, and its size in bytes. progress
// is told how many have been read. Errors are those of the file system, and
// ctx's.
func SumFile(ctx context.Context, path string, progress func(int64)) (Digest, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return Digest{}, 0, err
	}
	defer file.Close()
	return CopySum(ctx, io.Discard, file, progress)
}

// CopySum copies to the end of from, and returns the SHA-256 digest of what it
// read and the number of bytes. Errors are those of from and to, and ctx's.
func CopySum(ctx context.Context, to io.Writer, from io.Reader, progress func(int64)) (Digest, int64, error) {
	sum, total, buffer := sha256.New(), int64(0), make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return Digest{}, total, err
		}
		n, err := from.Read(buffer)
		sum.Write(buffer[:n])
		if _, err := to.Write(buffer[:n]); err != nil {
			return Digest{}, total, err
		}
		total += int64(n)
		progress(total)
		if err == io.EOF {
			return Digest{"sha256", hex.EncodeToString(sum.Sum(nil))}, total, nil
		}
		if err != nil {
			return Digest{}, total, err
		}
	}
}

// Sum returns the SHA-256 digest of bytes.
func Sum(p []byte) Digest {
	sum := sha256.Sum256(p)
	return Digest{"sha256", hex.EncodeToString(sum[:])}
}
