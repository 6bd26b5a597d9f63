package bound

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/outcrop/outcrop/internal/fault"
)

// Limits of an archive. A ratio alone would refuse honest tables, which are
// almost nothing but repetition, so it counts only above a size.
const (
	MaxExpanded   = 256 << 20 // bytes of all parts together
	maxPart       = 192 << 20 // bytes of one part
	maxEntries    = 10_000
	ratioFrom     = 32 << 20 // bytes expanded from which the ratio counts
	maxRatio      = 150      // expanded to compressed
	maxCompressed = 64 << 20 // bytes of a part in the archive; a file is never larger
)

// Archive is a ZIP file, as the Office formats are. It is safe for one goroutine.
type Archive struct {
	parts map[string]*zip.File
	left  int64
}

// Open reads the directory of an archive. Media count for nothing: they are not
// read. Faults: Invalid (no archive, truncated, expands without bound).
func Open(content []byte) (*Archive, error) {
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The file is damaged or truncated.")
	}
	if len(reader.File) > maxEntries {
		return nil, fault.New(fault.Invalid, "The file has more than %d parts.", maxEntries)
	}
	a := &Archive{parts: make(map[string]*zip.File, len(reader.File)), left: MaxExpanded}
	var expanded, compressed uint64
	for _, file := range reader.File {
		if Media(file.Name) {
			continue
		}
		if file.UncompressedSize64 > maxPart || file.CompressedSize64 > maxCompressed {
			return nil, tooLarge()
		}
		expanded += file.UncompressedSize64
		compressed += file.CompressedSize64
		if expanded > MaxExpanded || expanded > ratioFrom && expanded/(compressed+1) > maxRatio {
			return nil, tooLarge()
		}
		if name := clean(file.Name); a.parts[name] == nil {
			a.parts[name] = file
		}
	}
	return a, nil
}

func tooLarge() error {
	return fault.New(fault.Invalid, "The file expands to far more than its size; it is not read.")
}

// Media reports whether a part holds pictures, fonts and the like, by its name.
func Media(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".xml", ".rels", ".vml", "":
		return false
	}
	return true
}

func clean(name string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
}

// Has reports whether there is a part of the name.
func (a *Archive) Has(name string) bool { return a.parts[clean(name)] != nil }

// Names returns the names of the parts in a folder, in no order.
func (a *Archive) Names(folder string) []string {
	var names []string
	for name := range a.parts {
		if path.Dir(name) == folder {
			names = append(names, name)
		}
	}
	return names
}

// Part returns a reader of a part, or nil when there is none. The reader fails
// with a fault where the part is damaged or is more than the archive may expand
// to; all parts that are read share that limit.
func (a *Archive) Part(name string) (io.Reader, error) {
	file := a.parts[clean(name)]
	if file == nil {
		return nil, nil //nolint:nilnil // a part that is not there is no error: most are optional
	}
	if file.Flags&1 != 0 {
		return nil, fault.New(fault.Invalid, "The file is encrypted with a password.")
	}
	// The reader has nothing to close but a decompressor without resources.
	content, err := file.Open()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The file is damaged: %s cannot be read.", path.Base(clean(name)))
	}
	return &partReader{archive: a, from: content, name: path.Base(clean(name))}, nil
}

type partReader struct {
	archive *Archive
	from    io.Reader
	name    string
}

func (r *partReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.archive.left -= int64(n); r.archive.left < 0 {
		return 0, tooLarge()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault.Wrap(fault.Invalid, err, "The file is damaged: %s cannot be read.", r.name)
	}
	return n, err
}
