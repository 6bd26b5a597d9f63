// Package logfile is a file of lines that grows without end and is cut into
// pieces: one for each day, more where a day has much to say, and the oldest ones
// are removed.
//
// It knows nothing of what the lines say. Several processes may write the same
// files: each line is appended in one piece.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Params are the settings of a File. Dir and Name are required.
type Params struct {
	Dir  string // made when it is not there, for its owner only
	Name string // the files' names begin with it
	// Size is the number of bytes after which a day gets a further file; 0:
	// never.
	Size int64
	// Keep is how long a file is kept after its day; 0: for ever.
	Keep time.Duration
	Now  func() time.Time // time.Now when nil
}

// File is safe for concurrent use.
type File struct {
	p Params

	mu   sync.Mutex
	f    *os.File
	day  string
	part int
	size int64
	torn bool // the last line is not whole
}

// Extension ends the files' names: each line is a JSON text.
const Extension = ".jsonl"

const dayFormat = "2006-01-02"

// Open makes the folder and removes what is too old. The file itself is made by
// the first line.
func Open(p Params) (*File, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of a log: %w", err)
	}
	l := &File{p: p}
	return l, l.sweep(p.Now())
}

// Write appends a line, which must have no end of line in it. When it returns
// without an error the line is the operating system's: it survives the end of
// this process, however that comes, but not the machine's. The first line of a
// day is written also when the error is that an old file cannot be removed.
func (l *File) Write(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.p.Now().UTC()
	var swept error // the line is written all the same
	if day := now.Format(dayFormat); l.f == nil || day != l.day {
		if err := l.turn(day, 1); err != nil {
			return err
		}
		swept = l.sweep(now)
	}
	for l.p.Size > 0 && l.size > 0 && l.size+int64(len(line))+1 > l.p.Size {
		if err := l.turn(l.day, l.part+1); err != nil {
			return err
		}
	}
	text := append(slices.Clip(line), '\n')
	if l.torn {
		text = append([]byte("\n"), text...)
	}
	n, err := l.f.Write(text)
	l.size += int64(n)
	// What a full disk has cut off shall not take the next line with it.
	l.torn = n > 0 && n < len(text) || l.torn && n == 0
	if err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	return swept
}

// turn opens a file of a day for appending. The caller holds the lock.
func (l *File) turn(day string, part int) error {
	name := l.p.Name + "-" + day
	if part > 1 {
		name += "." + strconv.Itoa(part)
	}
	f, err := os.OpenFile(filepath.Join(l.p.Dir, name+Extension), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open a log: %w", err), f.Close())
	}
	torn := false
	if size := info.Size(); size > 0 {
		// A machine that lost its power leaves half a line.
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return errors.Join(fmt.Errorf("open a log: %w", err), f.Close())
		}
		torn = last[0] != '\n'
	}
	if l.f != nil {
		err = l.f.Close()
	}
	l.f, l.day, l.part, l.size, l.torn = f, day, part, info.Size(), torn
	if err != nil {
		return fmt.Errorf("close a log: %w", err)
	}
	return nil
}

// sweep removes files whose day is too long ago.
func (l *File) sweep(now time.Time) error {
	if l.p.Keep == 0 {
		return nil
	}
	files, err := Files(l.p.Dir, l.p.Name)
	if err != nil {
		return err
	}
	for _, f := range files {
		if now.Sub(f.Day.AddDate(0, 0, 1)) <= l.p.Keep {
			break // they are in the order of their days
		}
		if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old log: %w", err)
		}
	}
	return nil
}

// Close closes the file. A Write after it opens it again.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return f.Close()
}

// Piece is one of the files.
type Piece struct {
	Path string
	Day  time.Time // its beginning, in UTC
	part int
}

// Files lists the files of a name in the order in which they were written. A
// folder that is not there has none.
func Files(dir, name string) ([]Piece, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	var files []Piece
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), name+"-")
		if rest, ok2 := strings.CutSuffix(rest, Extension); ok && ok2 {
			day, number, more := strings.Cut(rest, ".")
			at, err := time.Parse(dayFormat, day)
			part := 1
			if err == nil && more {
				part, err = strconv.Atoi(number)
			}
			if err == nil {
				files = append(files, Piece{Path: filepath.Join(dir, e.Name()), Day: at, part: part})
			}
		}
	}
	slices.SortFunc(files, func(a, b Piece) int {
		if c := a.Day.Compare(b.Day); c != 0 {
			return c
		}
		return a.part - b.part
	})
	return files, nil
}
