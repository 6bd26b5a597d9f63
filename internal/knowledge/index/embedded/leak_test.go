package embedded_test

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/index/embedded"
)

func TestFaultsNameNoPath(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"a folder in its place": func(path string) error { return os.Mkdir(path, 0o700) },
		"no database": func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600)
		},
		"a database of others":      func(path string) error { return foreign(path, "PRAGMA application_id = 5; CREATE TABLE t (x)") },
		"a database of a newer one": func(path string) error { return foreign(path, "PRAGMA user_version = 900; CREATE TABLE t (x)") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "KB00000001", "index.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			x, err := embedded.Open(dir, embedded.Params{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			_, err = x.Existing(t.Context(), "KB00000001")
			_, opened := x.Open(t.Context(), "KB00000001", knowledge.Spec{Model: "m", Dimensions: 4})
			for _, err := range []error{err, opened} {
				f := fault.As(err)
				if err == nil || f.Kind != fault.Unavailable || strings.Contains(f.Message, dir) || !strings.Contains(err.Error(), dir) {
					t.Errorf("got %s, %q (%v), want Unavailable, and the path in the cause alone", f.Kind, f.Message, err)
				}
			}
			if got := log.String(); strings.Count(got, "KB00000001 path="+path+" cause=") != 2 {
				t.Errorf("got the log %q, want where and why, for both", got)
			}
		})
	}
}

// foreign makes a database with a script.
func foreign(path, script string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	_, err = db.Exec(script)
	return errors.Join(err, db.Close())
}
