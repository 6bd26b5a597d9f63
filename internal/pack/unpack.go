package pack

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
)

// apacheLicense is put beside packs under that licence whose archive lacks the
// text.
//
//go:embed licenses/Apache-2.0.txt
var apacheLicense []byte

// pdfiumLicense is put beside the PDF reader: its package has only the licence
// of its JavaScript.
//
//go:embed licenses/PDFium.txt
var pdfiumLicense []byte

// unpack takes the pinned files out of an archive into a directory of their own
// and renames it into place. Names in the archive are only compared, never used
// as paths, and no file may become larger than its pin says.
func (s *Store) unpack(ctx context.Context, pin *Pin, archive string) (err error) {
	tmp, err := s.scratch(pin)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
		}
	}()
	want := make(map[string]PinFile, len(pin.Files))
	for _, file := range pin.Files {
		want[file.Path] = file
	}
	bar := s.fetch.Progress().Begin("unpacking the "+pin.Title, pin.unpacked())
	done := int64(0)
	each := eachTar
	if pin.Registry == "pypi" {
		each = eachZip
	}
	err = each(archive, func(name string, content io.Reader) error {
		file, ok := want[name]
		if !ok {
			return nil
		}
		delete(want, name)
		if err := writeFile(ctx, filepath.Join(tmp, file.As), content, file, func(n int64) { bar.Set(done + n) }); err != nil {
			return err
		}
		done += file.Size
		return nil
	})
	bar.End(err)
	if err != nil {
		if fault.Is(err, fault.Internal) {
			return fault.Wrap(fault.Invalid, err, "cannot unpack the %s: %v", pin.Title, err)
		}
		return err
	}
	for name := range want {
		return fault.New(fault.Invalid, "the archive of the %s lacks %s", pin.Title, name)
	}
	if err := writeLicense(pin, tmp); err != nil {
		return err
	}
	if err := s.writeStamp(pin, tmp); err != nil {
		return err
	}
	return replaceDir(tmp, s.path(pin))
}

// scratch makes the directory that will become a pack. The caller holds the
// pack's lock, so what is there of that kind was left by a process that died.
func (s *Store) scratch(pin *Pin) (string, error) {
	parent, prefix := filepath.Join(s.dir, pin.Name), "."+pin.Version+".new-"
	left, err := os.ReadDir(parent) // no pattern: the folders' own names may hold signs of one
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fetch.DiskFault(err, "cannot look into %s", parent)
	}
	for _, entry := range left {
		if !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, entry.Name())); err != nil {
			return "", fetch.DiskFault(err, "cannot remove %s", entry.Name())
		}
	}
	dir, err := os.MkdirTemp(parent, prefix+"*")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return "", fetch.DiskFault(err, "cannot unpack the %s", pin.Title)
	}
	return dir, nil
}

// replaceDir puts a directory in place of another, which may not exist.
func replaceDir(from, to string) error {
	old := from + ".old"
	err := os.Rename(to, old)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fetch.DiskFault(err, "cannot replace %s", to)
	}
	if err := os.Rename(from, to); err != nil {
		return fetch.DiskFault(err, "cannot put %s in place", to)
	}
	// What stays of the old one is unused; the next replacement has another name.
	_ = os.RemoveAll(old)
	return nil
}

func eachTar(archive string, visit func(name string, content io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	entries := tar.NewReader(zipped)
	for {
		entry, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		if err := visit(entry.Name, entries); err != nil {
			return err
		}
	}
}

func eachZip(archive string, visit func(name string, content io.Reader) error) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	for _, entry := range reader.File {
		if !entry.Mode().IsRegular() {
			continue
		}
		content, err := entry.Open()
		if err != nil {
			return err
		}
		err = visit(entry.Name, content)
		content.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(ctx context.Context, path string, content io.Reader, pin PinFile, progress func(int64)) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	defer file.Close()
	sum, size, err := fetch.CopySum(ctx, diskWriter{file, path}, io.LimitReader(content, pin.Size+1), progress)
	if err != nil {
		return err
	}
	if size != pin.Size || sum.Hex != pin.SHA256 {
		return fault.New(fault.Invalid, "%s is not the pinned file: it has SHA-256 %s, expected %s", pin.Path, sum.Hex, pin.SHA256)
	}
	return settle(file, path)
}

// settle closes a written file for good.
func settle(file *os.File, path string) error {
	if err := file.Sync(); err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	if err := file.Close(); err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	// Whole seconds survive image layers and archives, so the stamp does too.
	now := time.Now().Truncate(time.Second)
	if err := os.Chtimes(path, now, now); err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	return nil
}

// diskWriter makes write errors faults, so that they are not taken for errors
// of the archive.
type diskWriter struct {
	file *os.File
	path string
}

func (w diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if err != nil {
		err = fetch.DiskFault(err, "cannot write %s", w.path)
	}
	return n, err
}

func writeLicense(pin *Pin, dir string) error {
	if pin.Name == PDFium {
		return writeText(filepath.Join(dir, "LICENSE.pdfium"), pdfiumLicense)
	}
	if pin.License != "Apache-2.0" {
		return nil
	}
	for _, file := range pin.Files {
		if file.As == "LICENSE" {
			return nil
		}
	}
	return writeText(filepath.Join(dir, "LICENSE"), apacheLicense)
}

func writeText(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	return nil
}

func (s *Store) writeStamp(pin *Pin, dir string) error {
	st := stamp{Integrity: pin.Integrity, Files: make(map[string]stampFile, len(pin.Files))}
	for _, file := range pin.Files {
		info, err := os.Stat(filepath.Join(dir, file.As))
		if err != nil {
			return fetch.DiskFault(err, "cannot read %s", file.As)
		}
		st.Files[file.As] = stampFile{Size: info.Size(), Modified: info.ModTime(), SHA256: file.SHA256}
	}
	raw, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stampName)
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fetch.DiskFault(err, "cannot write %s", path)
	}
	return nil
}
