package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// journal is what a server has written down and not yet put into the database:
// files of lines, the newest of which grows. A line is one write to the file,
// which a kill of the process cannot take back. Only a power cut can, for the
// disk is not waited for.
//
// Every server has a journal of its own, known by a random name and a lock that
// the operating system frees when the process dies, however it dies.
type journal struct {
	dir  string
	name string // of the server
	lock *flock.Flock

	mu      sync.Mutex
	file    *os.File
	segment int   // number of file
	size    int64 // of file
	torn    bool  // the last write was cut off: its line has no end
}

const (
	lockSuffix    = ".lock"
	segmentSuffix = ".journal"
)

// openJournal makes the journal of this server.
func openJournal(dir, name string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the usage journal: %w", err)
	}
	j := &journal{dir: dir, name: name, lock: flock.New(filepath.Join(dir, name+lockSuffix), flock.SetPermissions(0o600))}
	locked, err := j.lock.TryLock()
	if err != nil || !locked {
		return nil, errors.Join(fmt.Errorf("lock the usage journal %s", name), err)
	}
	if err := j.rotate(); err != nil {
		return nil, errors.Join(err, j.lock.Unlock())
	}
	return j, nil
}

func segmentPath(dir, name string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%06d%s", name, n, segmentSuffix))
}

// rotate begins a new file.
func (j *journal) rotate() error {
	file, err := os.OpenFile(segmentPath(j.dir, j.name, j.segment+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("make a file of the usage journal: %w", err)
	}
	j.mu.Lock()
	old := j.file
	j.file, j.size, j.torn = file, 0, false
	j.segment++
	j.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// append writes a line. The caller holds mu.
func (j *journal) append(line []byte) error {
	if j.torn {
		// What is there of the line before must not spoil this one.
		n, err := j.file.Write([]byte{'\n'})
		j.size += int64(n)
		if err != nil {
			return err
		}
		j.torn = false
	}
	n, err := j.file.Write(line)
	j.size += int64(n)
	j.torn = err != nil && n > 0
	return err
}

// end is the place after the last line. The caller holds mu.
func (j *journal) end() place { return place{j.segment, j.size} }

// place is a position in a journal.
type place struct {
	segment int
	offset  int64
}

// remove deletes the files before a place that has been read to.
func (j *journal) remove(before int) error {
	segments, err := segmentsOf(j.dir, j.name)
	if err != nil {
		return err
	}
	for _, n := range segments {
		if n < before {
			if err := os.Remove(segmentPath(j.dir, j.name, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// close gives the journal up. With keep it stays for the next server to read.
func (j *journal) close(keep bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.file.Close()
	if keep {
		return errors.Join(err, j.lock.Unlock())
	}
	return errors.Join(err, j.remove(j.segment+1), j.lock.Unlock(), os.Remove(j.lock.Path()))
}

// segmentsOf lists the files of a server's journal, the oldest first.
func segmentsOf(dir, name string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), name+"-")
		number, isSegment := strings.CutSuffix(rest, segmentSuffix)
		n, err := strconv.Atoi(number)
		if ok && isSegment && err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// servers lists the names of the servers that have journals in a folder.
func servers(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), lockSuffix); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// chunk is how much of a journal is read at once, bytes.
const chunk = 1 << 20

// maxLine is the longest line that is believed to be one, bytes. The longest
// that is written has a few hundred short texts.
const maxLine = chunk / 2

// read gives the lines of a file from an offset up to a limit, in batches, each
// with the offset after it. What is no record is counted in damaged: the rest of
// the file is read all the same. A line without an end is left alone.
func read(r io.ReaderAt, from, to int64, yield func(batch []Record, next int64) error) (damaged int, err error) {
	buf := make([]byte, chunk)
	skip := false // within a line that is too long
	for from < to {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return damaged, err
		}
		if n == 0 {
			return damaged, nil
		}
		block := buf[:n]
		last := bytes.LastIndexByte(block, '\n')
		if last < 0 {
			if n < maxLine {
				return damaged, nil
			}
			skip = true
			from += int64(n)
			continue
		}
		var batch []Record
		for text := range bytes.Lines(block[:last+1]) {
			text = text[:len(text)-1]
			if skip {
				skip = false
				damaged++
				continue
			}
			if len(text) == 0 {
				continue // after a write that was cut off
			}
			record, err := readLine(text)
			if err != nil {
				damaged++
				continue
			}
			batch = append(batch, record)
		}
		from += int64(last) + 1
		if err := yield(batch, from); err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}
