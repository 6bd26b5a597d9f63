package iam

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestLoadRootMakesOneKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "credentials")
	const starts = 8
	keys := make([]RootKey, starts)
	var wait sync.WaitGroup
	for i := range keys {
		wait.Go(func() {
			var err error
			if keys[i], err = LoadRoot(path, RootParams{Rand: rand.Reader}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	made := 0
	for _, k := range keys {
		if k.Made {
			made++
		}
		if k.AccessKeyID != keys[0].AccessKeyID || k.Secret != keys[0].Secret {
			t.Error("got different keys from starts at the same time")
		}
	}
	if made != 1 || len(keys[0].AccessKeyID) != 20 || len(keys[0].Secret) != 40 {
		t.Errorf("got %d makers of %q with a secret of %d characters, want one, 20 and 40", made, keys[0].AccessKeyID, len(keys[0].Secret))
	}
	again, err := LoadRoot(path, RootParams{Rand: rand.Reader})
	if err != nil || again.Made || again.Secret != keys[0].Secret {
		t.Errorf("second start: got made %v, error %v", again.Made, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("got files %v, error %v; want only the credentials", left, err)
	}
}

func TestLoadRoot(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		file   string
		params RootParams
		id     string
		secret Secret
		err    string
	}{
		"configured":     {params: RootParams{AccessKeyID: "test", SecretAccessKey: "test2"}, id: "test", secret: "test2"},
		"half":           {params: RootParams{AccessKeyID: "test"}, err: "only one half"},
		"other half":     {params: RootParams{SecretAccessKey: "s"}, err: "only one half"},
		"slash":          {params: RootParams{AccessKeyID: "a/b", SecretAccessKey: "s"}, err: "cannot be in a credential scope"},
		"by aws":         {file: "; mine\n[other]\naws_access_key_id=x\n[default]\nregion = eu\naws_access_key_id=ID\naws_secret_access_key=a/b=c+d\n", id: "ID", secret: "a/b=c+d"},
		"from windows":   {file: "[default]\r\naws_access_key_id = ID\r\naws_secret_access_key = S\r\n", id: "ID", secret: "S"},
		"incomplete":     {file: "[default]\naws_access_key_id = ID\n", err: "lacks"},
		"empty":          {file: " ", err: "lacks"},
		"over the file":  {file: "[default]\n", params: RootParams{AccessKeyID: "i", SecretAccessKey: "s"}, id: "i", secret: "s"},
		"another folder": {file: "[profile]\naws_access_key_id=x\naws_secret_access_key=y\n", err: "lacks"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "credentials")
			if tc.file != "" {
				if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := LoadRoot(path, tc.params)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil || got.AccessKeyID != tc.id || got.Secret != tc.secret {
				t.Errorf("got %s and %q, error %v; want %s and %q", got.AccessKeyID, got.Secret.Reveal(), err, tc.id, tc.secret.Reveal())
			}
		})
	}
}

func TestLoadRootNarrowsTheFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // its modes say nothing about others
	}
	for mode, want := range map[os.FileMode]os.FileMode{0o644: 0o600, 0o660: 0o600, 0o440: 0o400, 0o600: 0o600, 0o400: 0o400} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "credentials")
			if err := os.WriteFile(path, []byte("[default]\naws_access_key_id = ID\naws_secret_access_key = S\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if got, err := LoadRoot(path, RootParams{}); err != nil || got.AccessKeyID != "ID" {
				t.Errorf("got %s, error %v; want ID", got.AccessKeyID, err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("mode: got %v, want %v", got, want)
			}
		})
	}
}
