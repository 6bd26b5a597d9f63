package profile_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/profile"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	settings := []profile.Setting{{"region", "us-east-1"}, {"endpoint_url", "http://127.0.0.1:8484"}}
	for name, tc := range map[string]struct{ old, want string }{
		"empty file": {"", "[profile outcrop]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n"},
		"other profiles stay": {
			"# mine\n[default]\nregion=eu-west-1\n",
			"# mine\n[default]\nregion=eu-west-1\n\n[profile outcrop]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n",
		},
		"own keys stay, named ones change": {
			"[profile outcrop]\nregion=eu-west-1 \n; note\noutput = json\n\n[default]\nregion=eu-west-1\n",
			"[profile outcrop]\nregion = us-east-1\n; note\noutput = json\nendpoint_url = http://127.0.0.1:8484\n\n[default]\nregion=eu-west-1\n",
		},
		"nested keys are not ours": {
			"[profile outcrop]\ns3 =\n  region = x\n",
			"[profile outcrop]\ns3 =\n  region = x\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n",
		},
		"spaces in the header": {
			"[ profile   outcrop ]\nregion = a\n",
			"[ profile   outcrop ]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n",
		},
		"windows line ends": {
			"[default]\r\nregion = a\r\n",
			"[default]\r\nregion = a\r\n\r\n[profile outcrop]\r\nregion = us-east-1\r\nendpoint_url = http://127.0.0.1:8484\r\n",
		},
		"no last line end": {
			"[default]\nregion = a",
			"[default]\nregion = a\n\n[profile outcrop]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:8484\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "aws", "config")
			if tc.old != "" {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(tc.old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // writing twice changes nothing more
				if err := profile.Write(path, "profile outcrop", settings); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
				t.Errorf("mode: got %v, want %v", got, want)
			}
		})
	}
}

func TestWriteKeepsTheMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // it has no such modes
	}
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := profile.Write(path, "outcrop", []profile.Setting{{"region", "us-east-1"}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o640); got != want {
		t.Errorf("mode: got %v, want %v", got, want)
	}
}

func TestWriteRefusesLineBreaks(t *testing.T) {
	t.Parallel()
	err := profile.Write(filepath.Join(t.TempDir(), "c"), "outcrop", []profile.Setting{{"a", "b\n[default]"}})
	if !errors.Is(err, profile.ErrSyntax) {
		t.Errorf("got %v, want ErrSyntax", err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	config, credentials := profile.Paths(func(name string) string {
		return map[string]string{"AWS_CONFIG_FILE": "/c"}[name]
	}, "/home/a")
	if want := filepath.Join("/home/a", ".aws", "credentials"); config != "/c" || credentials != want {
		t.Errorf("got %q and %q, want /c and %q", config, credentials, want)
	}
}
