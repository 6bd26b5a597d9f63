package gen

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Lock is api/MODELS.lock: which release of botocore the models come from, and
// the digest of everything that is read of it. Lines are
//
//	botocore VERSION
//	sha256 HEX WHEEL-FILE
//	sha256 HEX SERVICE/API-VERSION/service-2.json.gz
//
// Blank lines and lines that begin with # do not count.
type Lock struct {
	Version string
	Wheel   File
	Models  []File
}

// File is a name and a SHA-256 digest in lower-case hex.
type File struct{ Name, Digest string }

// Service is the directory that a model lies in: "bedrock-runtime".
func (f File) Service() string { return strings.SplitN(f.Name, "/", 2)[0] }

// ReadLock reads a lock file.
func ReadLock(name string) (*Lock, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	lock := &Lock{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case len(f) == 2 && f[0] == "botocore":
			lock.Version = f[1]
		case len(f) == 3 && f[0] == "sha256" && strings.HasSuffix(f[2], ".whl"):
			lock.Wheel = File{Name: f[2], Digest: f[1]}
		case len(f) == 3 && f[0] == "sha256":
			lock.Models = append(lock.Models, File{Name: f[2], Digest: f[1]})
		default:
			return nil, fmt.Errorf("%s:%d: not a lock line", name, n)
		}
	}
	if lock.Version == "" || lock.Wheel.Name == "" || len(lock.Models) == 0 {
		return nil, fmt.Errorf("%s: incomplete", name)
	}
	return lock, lines.Err()
}

// FromDirectory reads a model from a botocore data directory.
func (l *Lock) FromDirectory(dir string, f File) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return nil, err
	}
	return unpack(f, raw)
}

// FromWheel reads a model out of a wheel.
func (l *Lock) FromWheel(wheel string, f File) ([]byte, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	raw, err := fs.ReadFile(archive, path.Join("botocore/data", f.Name))
	if err != nil {
		return nil, err
	}
	return unpack(f, raw)
}

// unpack checks the digest of a model file and decompresses it.
func unpack(f File, raw []byte) ([]byte, error) {
	if err := f.check(raw); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(f.Name, ".gz") {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return io.ReadAll(z)
}

func (f File) check(raw []byte) error {
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); got != f.Digest {
		return fmt.Errorf("%s: digest is %s, the lock says %s", f.Name, got, f.Digest)
	}
	return nil
}

// Download makes sure that the locked wheel lies in cache, asking pip for it
// when it does not, and returns its path. The digest is checked each time.
func (l *Lock) Download(ctx context.Context, cache string) (string, error) {
	name := filepath.Join(cache, l.Wheel.Name)
	if _, err := os.Stat(name); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return "", err
		}
		pip := exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--only-binary", ":all:", "--dest", cache, "botocore=="+l.Version)
		if out, err := pip.CombinedOutput(); err != nil {
			return "", fmt.Errorf("pip download botocore==%s: %w\n%s", l.Version, err, bytes.TrimSpace(out))
		}
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	return name, l.Wheel.check(raw)
}
