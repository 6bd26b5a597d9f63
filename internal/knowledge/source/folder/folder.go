// Package folder is the knowledge.Source of a folder of this machine: what is
// in it and below are objects, known by file:// URLs.
//
// It never leaves the folder, whatever links lead out of it, and leaves out
// what is hidden or what an editor keeps beside the file it edits. It notices
// no changes by itself: package ingest asks for the list again.
package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
)

// Params say what is no document.
type Params struct {
	// Private is a folder that no folder of documents may hold: the server's
	// own data, with its keys. Empty: there is none.
	Private string
}

// Folders opens the sources of data sources that are folders.
type Folders struct{ p Params }

// New returns Folders.
func New(p Params) Folders { return Folders{p} }

var (
	_ knowledge.Sources = Folders{}
	_ knowledge.Source  = (*source)(nil)
)

// Open implements knowledge.Sources. That there is no such folder is found out
// when its source is used. Invalid: the path is not absolute.
func (f Folders) Open(_ context.Context, ds knowledge.DataSource) (knowledge.Source, error) {
	if ds.Kind != knowledge.Folder {
		return nil, fault.New(fault.Unsupported, "A data source of type %s has no folder.", ds.Kind)
	}
	if !filepath.IsAbs(ds.Path) {
		return nil, fault.New(fault.Invalid, "The folder %s is not an absolute path.", ds.Path)
	}
	return &source{path: filepath.Clean(ds.Path), private: f.p.Private}, nil
}

// source is one folder.
type source struct{ path, private string }

// open opens the folder anew each time: it may have been replaced, and the
// server's own data may have been moved into it.
func (s *source) open() (*os.Root, error) {
	root, err := os.OpenRoot(s.path)
	switch {
	case err == nil:
		if s.holdsPrivate(root) {
			_ = root.Close() // nothing was read
			return nil, fault.New(fault.Denied, "The folder %s holds the server's own data.", s.path)
		}
		return root, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(fault.NotFound, err, "The folder %s does not exist.", s.path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Wrap(fault.Denied, err, "The folder %s may not be read.", s.path)
	case errors.Is(err, errNoFolder):
		return nil, fault.Wrap(fault.NotFound, err, "%s is not a folder.", s.path)
	}
	if info, statErr := os.Stat(s.path); statErr == nil && !info.IsDir() {
		return nil, fault.Wrap(fault.NotFound, err, "%s is not a folder.", s.path)
	}
	return nil, fault.Wrap(fault.Unavailable, err, "The folder %s cannot be read.", s.path)
}

// holdsPrivate reports whether the private folder is the folder or below it, by
// whatever name.
func (s *source) holdsPrivate(root *os.Root) bool {
	if s.private == "" {
		return false
	}
	this, err := root.Stat(".")
	if err != nil {
		return false // it cannot be read either
	}
	path, err := filepath.Abs(s.private)
	if err != nil {
		return false
	}
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		path = followed
	}
	for {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, this) {
			return true
		}
		above := filepath.Dir(path)
		if above == path {
			return false
		}
		path = above
	}
}

// List implements knowledge.Source. A folder below that may not be read fails
// it: its documents are not known to be gone.
func (s *source) List(ctx context.Context, yield func(knowledge.Object) error) error {
	root, err := s.open()
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it was only read
	w := walk{ctx: ctx, source: s, root: root, yield: yield}
	return w.folder(".")
}

type walk struct {
	ctx    context.Context
	source *source
	root   *os.Root
	yield  func(knowledge.Object) error
}

// entry is one name in a folder. Names are visited by their place in an ID,
// where a folder's has a slash behind it.
type entry struct {
	name, place string
	folder      bool
}

func (w *walk) folder(name string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := w.read(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := e.name
		if name != "." {
			path = name + "/" + e.name
		}
		if e.folder {
			err = w.folder(path)
		} else {
			err = w.file(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the entries of a folder that count, in order.
func (w *walk) read(name string) ([]entry, error) {
	dir, err := w.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, w.failed(name, err)
	}
	defer dir.Close()
	listed, err := dir.ReadDir(-1)
	if err != nil {
		return nil, w.failed(name, err)
	}
	entries := make([]entry, 0, len(listed))
	for _, d := range listed {
		if !passedOver(d.Name()) && (d.IsDir() || d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0) {
			e := entry{name: d.Name(), place: escape(d.Name()), folder: d.IsDir()}
			if e.folder {
				e.place += "/"
			}
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.place, b.place) })
	return entries, nil
}

// failed decides what a folder that cannot be read means: one that has gone
// meanwhile has no files.
func (w *walk) failed(name string, err error) error {
	path := filepath.Join(w.source.path, filepath.FromSlash(name))
	switch {
	case name != "." && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "The folder %s may not be read.", path)
	}
	return fault.Wrap(fault.Unavailable, err, "The folder %s cannot be read.", path)
}

// file yields one file, unless it has gone meanwhile or is none: a link leads
// to a file below the folder, or it is passed over.
func (w *walk) file(path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	info, err := w.root.Stat(filepath.FromSlash(path))
	if err != nil || !info.Mode().IsRegular() {
		return nil //nolint:nilerr // as above
	}
	return w.yield(w.source.object(path, info))
}

func (s *source) object(path string, info fs.FileInfo) knowledge.Object {
	return knowledge.Object{
		ID: s.id(path), Name: path[strings.LastIndex(path, "/")+1:],
		Size: info.Size(), ETag: etag(info), Modified: info.ModTime(),
	}
}

// etag is made of what changes when a file is written or replaced. To hash the
// contents would be to read everything at each look at the folder.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf("%x-%x-%x", info.Size(), info.ModTime().UnixNano(), inode(info))
}

// Stat implements knowledge.Source. It also finds what List passes over, for
// who asks for it by name wants it.
func (s *source) Stat(ctx context.Context, id string) (knowledge.Object, error) {
	if err := ctx.Err(); err != nil {
		return knowledge.Object{}, err
	}
	path, err := s.local(id)
	if err != nil {
		return knowledge.Object{}, err
	}
	root, err := s.open()
	if err != nil {
		return knowledge.Object{}, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	info, err := root.Stat(filepath.FromSlash(path))
	if err != nil {
		return knowledge.Object{}, fileError(id, err)
	}
	if !info.Mode().IsRegular() {
		return knowledge.Object{}, notFound(id, nil)
	}
	return s.object(path, info), nil
}

// Open implements knowledge.Source. The reader ends with Conflict when the file
// was written to meanwhile.
func (s *source) Open(ctx context.Context, o knowledge.Object) (io.ReadCloser, error) {
	now, err := s.Stat(ctx, o.ID) // a pipe would block when it is opened
	if err != nil {
		return nil, err
	}
	path, err := s.local(now.ID)
	if err != nil {
		return nil, err
	}
	root, err := s.open()
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	file, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, fileError(o.ID, err)
	}
	r := &reader{file: file, id: o.ID, etag: o.ETag}
	if err := r.check(); err != nil {
		_ = file.Close() // it was only read
		return nil, err
	}
	return r, nil
}

// reader reads a file that has to stay as it is.
type reader struct {
	file     *os.File
	id, etag string
}

// check compares the open file with what was asked for.
func (r *reader) check() error {
	info, err := r.file.Stat()
	if err != nil {
		return fileError(r.id, err)
	}
	if etag(info) != r.etag {
		return fault.New(fault.Conflict, "%s has changed.", r.id)
	}
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		if changed := r.check(); changed != nil {
			return n, changed
		}
	default:
		return n, fault.Wrap(fault.Unavailable, err, "%s cannot be read.", r.id)
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }

func notFound(id string, cause error) error {
	return fault.Wrap(fault.NotFound, cause, "%s does not exist.", id)
}

// fileError classifies what keeps a file from being opened. What leads out of
// the folder, or through a file, is not there.
func fileError(id string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "%s may not be read.", id)
	case errors.Is(err, errBusy):
		return fault.Wrap(fault.Unavailable, err, "%s cannot be read.", id)
	}
	return notFound(id, err)
}
