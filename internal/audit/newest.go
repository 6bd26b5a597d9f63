package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/outcrop/outcrop/internal/logfile"
)

// Place is where a reading stops: before a byte of a file of the trail. The zero
// value is the end of the trail, or its beginning where a reading has come there.
type Place struct {
	File   string // name, without its folder
	Offset int64
}

const (
	// block is how much of a file is read at once, bytes.
	block = 64 << 10
	// mostRead is how much one reading looks at: what is rare is found in several.
	mostRead = 64 << 20
	// longestEvent is what is looked at for the beginning of a line; what is longer is no
	// event.
	longestEvent = 4 << 20
)

// Newest gives the events before a place to yield, the newest first, each with its
// own text, which is yield's only until it returns. It reads the files from their
// ends and ends after so many events, or when it has looked at enough. The result
// is where the next reading goes on: the zero value when there is nothing older. A
// line that is no event is passed over.
func Newest(dir string, f Filter, from Place, limit int, yield func(e *Event, text []byte)) (Place, error) {
	files, err := logfile.Files(dir, FileName)
	if err != nil {
		return Place{}, err
	}
	if from.File != "" {
		i := slices.IndexFunc(files, func(p logfile.Piece) bool { return filepath.Base(p.Path) == from.File })
		if i < 0 {
			return Place{}, nil // it was removed for its age, with all before it
		}
		files = files[:i+1]
	}
	found, read := 0, int64(0)
	for _, file := range slices.Backward(files) {
		if !f.Since.IsZero() && file.Day.AddDate(0, 0, 1).Before(f.Since) {
			return Place{}, nil
		}
		name := filepath.Base(file.Path)
		end := int64(-1)
		if name == from.File {
			end = from.Offset
		} else if !f.Until.IsZero() && file.Day.After(f.Until) {
			continue
		}
		b, err := openBackwards(file.Path, end)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Place{}, fmt.Errorf("read the audit trail: %w", err)
		}
		next, err := func() (Place, error) {
			defer b.file.Close()
			for {
				line, at, err := b.line()
				if errors.Is(err, io.EOF) {
					return Place{}, nil
				}
				if err != nil {
					return Place{}, fmt.Errorf("read the audit trail: %w", err)
				}
				read += int64(len(line))
				var e Event
				if len(line) > 0 && json.Unmarshal(line, &e) == nil && f.Match(&e) {
					yield(&e, line)
					found++
				}
				if found == limit || read > mostRead {
					return Place{name, at}, nil
				}
			}
		}()
		if err != nil || next != (Place{}) {
			return next, err
		}
	}
	return Place{}, nil
}

// IsPattern reports whether text is a pattern that Filter understands.
func IsPattern(text string) bool {
	_, err := path.Match(text, "")
	return err == nil
}

// backwards reads the lines of a file from its end.
type backwards struct {
	file *os.File
	at   int64  // of the first byte of rest
	rest []byte // what was read and not given yet
	skip bool   // the line that rest ends with is too long
	done bool
}

// openBackwards opens a file for the lines before an offset; -1: before its last
// end of a line, for what comes after it is still being written.
func openBackwards(name string, end int64) (*backwards, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	b := &backwards{file: file, at: info.Size()}
	if end >= 0 {
		b.at = min(end, info.Size())
		return b, nil
	}
	for {
		if i := bytes.LastIndexByte(b.rest, '\n'); i >= 0 {
			b.rest = b.rest[:i+1]
			return b, nil
		}
		b.rest = b.rest[:0]
		if err := b.more(); err != nil {
			if errors.Is(err, io.EOF) {
				b.rest, b.done = nil, true
				return b, nil
			}
			return nil, errors.Join(err, file.Close())
		}
	}
}

// more reads the block before what is there.
func (b *backwards) more() error {
	n := min(b.at, block)
	if n == 0 {
		return io.EOF
	}
	text := make([]byte, n, int(n)+len(b.rest))
	if _, err := b.file.ReadAt(text, b.at-n); err != nil {
		return err
	}
	b.at -= n
	b.rest = append(text, b.rest...)
	return nil
}

// line returns the line before what was returned, without its end, and where it
// begins. io.EOF: there is none.
func (b *backwards) line() ([]byte, int64, error) {
	if b.done {
		return nil, 0, io.EOF
	}
	b.rest = bytes.TrimSuffix(b.rest, []byte("\n"))
	for {
		if i := bytes.LastIndexByte(b.rest, '\n'); i >= 0 {
			line := b.rest[i+1:]
			b.rest = b.rest[:i+1]
			return b.whole(line), b.at + int64(i) + 1, nil
		}
		if len(b.rest) > longestEvent {
			b.rest, b.skip = b.rest[:0], true
		}
		err := b.more()
		if errors.Is(err, io.EOF) {
			b.done = true
			return b.whole(b.rest), 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// whole is a line, or nothing where the end of it was let go.
func (b *backwards) whole(line []byte) []byte {
	if b.skip {
		b.skip = false
		return nil
	}
	return line
}
