package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/logfile"
)

// contents are the files in their order, as "name: lines".
func contents(t *testing.T, dir string) []string {
	t.Helper()
	files, err := logfile.Files(dir, "log")
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, 0, len(files))
	for _, f := range files {
		text, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, filepath.Base(f.Path)+": "+strings.ReplaceAll(string(text), "\n", "/"))
	}
	return list
}

func TestFilesAreCutByDayAndSize(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made")
	now := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	l, err := logfile.Open(logfile.Params{Dir: dir, Name: "log", Size: 10, Keep: 48 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	write := func(line string) {
		t.Helper()
		if err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"one", "two", "three", "longer than a file"} {
		write(line)
	}
	now = now.Add(time.Hour)
	write("four")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write("five") // opens it again
	want := "log-2026-11-20.jsonl: one/two/|log-2026-11-20.2.jsonl: three/|log-2026-11-20.3.jsonl: longer than a file/|log-2026-11-21.jsonl: four/five/"
	if got := strings.Join(contents(t, dir), "|"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	now = now.Add(73 * time.Hour)
	write("six")
	if got, want := strings.Join(contents(t, dir), "|"), "log-2026-11-24.jsonl: six/"; got != want {
		t.Errorf("after the old ones are due: got %s, want %s", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "log-2026-11-24.jsonl")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got the mode %v (%v), want one for the owner alone", info.Mode(), err)
	}
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"log-yesterday.jsonl", "other-2020-01-01.jsonl", "log-2020-01-01.x.jsonl", "log-2020-01-01.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := logfile.Open(logfile.Params{Dir: dir, Name: "log", Keep: time.Hour}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("got %d files (%v), want the three that are not the log's", len(left), err)
	}
}

// What a full disk or a machine without power has cut off does not take the next
// line with it.
// What stands where an old file should be, and cannot be removed, costs no line.
func TestOldFilesThatStayCostNoLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	l, err := logfile.Open(logfile.Params{Dir: dir, Name: "log", Keep: 48 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.MkdirAll(filepath.Join(dir, "log-2026-01-01.jsonl", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Write([]byte("one")); err == nil {
		t.Error("got no error, want to be told of what cannot be removed")
	}
	if err := l.Write([]byte("two")); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "log-2026-11-20.jsonl")); string(text) != "one\ntwo\n" {
		t.Errorf("got %q, %v, want both lines", text, err)
	}
}

func TestHalfALineIsEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log-2026-11-21.jsonl"), []byte("one\nha"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := logfile.Open(logfile.Params{Dir: dir, Name: "log", Now: func() time.Time { return time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"two", "three"} {
		if err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(contents(t, dir), "|"), "log-2026-11-21.jsonl: one/ha/two/three/"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Two servers on one data directory write the same files.
func TestLinesOfSeveralWritersStayWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	const writers, lines = 4, 200
	var all sync.WaitGroup
	for w := range writers {
		l, err := logfile.Open(logfile.Params{Dir: dir, Name: "log", Now: func() time.Time { return day }})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for i := range lines {
				if err := l.Write([]byte(fmt.Sprintf("%d %d %s", w, i, strings.Repeat("x", 500)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(filepath.Join(dir, "log-2026-11-21.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(got) != writers*lines {
		t.Errorf("got %d lines, want %d", len(got), writers*lines)
	}
	for _, line := range got {
		if !strings.HasSuffix(line, strings.Repeat("x", 500)) || strings.Count(line, " ") != 2 {
			t.Fatalf("got the line %q, want a whole one", line)
		}
	}
}
