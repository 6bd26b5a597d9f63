package folder_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/knowledge"
	"github.com/outcrop/outcrop/internal/knowledge/source/folder"
	"github.com/outcrop/outcrop/internal/knowledge/source/sourcetest"
)

func open(t *testing.T, path string) knowledge.Source {
	t.Helper()
	return openBeside(t, path, "")
}

// openBeside opens a folder of a server whose own data is in private.
func openBeside(t *testing.T, path, private string) knowledge.Source {
	t.Helper()
	s, err := folder.New(folder.Params{Private: private}).Open(t.Context(), knowledge.DataSource{Kind: knowledge.Folder, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// As editors write: the new one beside the old one, then in its place.
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func ids(t *testing.T, s knowledge.Source, dir string) []string {
	t.Helper()
	var got []string
	if err := s.List(t.Context(), func(o knowledge.Object) error {
		got = append(got, strings.TrimPrefix(o.ID, "file://"+filepath.ToSlash(dir)+"/"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestContract(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
		dir := filepath.Join(t.TempDir(), "my docs")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		escaper := strings.NewReplacer(" ", "%20", "%", "%25", "+", "%2B", "ü", "%C3%BC", "ä", "%C3%A4", "世界", "%E4%B8%96%E7%95%8C", "文書", "%E6%96%87%E6%9B%B8",
			"🙂", "%F0%9F%99%82", "'", "%27", "(", "%28", ")", "%29", ";", "%3B", "#", "%23", "?", "%3F")
		return sourcetest.Fixture{
			Source:  open(t, dir),
			Missing: open(t, filepath.Join(dir, "none")),
			Put:     func(t *testing.T, name, content string) { put(t, dir, name, content) },
			Remove: func(t *testing.T, name string) {
				if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
					t.Fatal(err)
				}
			},
			ID: func(name string) string { return "file://" + escaper.Replace(filepath.ToSlash(dir)+"/"+name) },
		}
	})
}

func TestPassedOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{
		"a.txt", "b.txt", ".hidden", ".git/config", "a.txt~", "#a.txt#", "~$b.docx", ".b.txt.swp", "x.TMP", "y.crdownload", "Thumbs.db", "sub/desktop.ini", "sub/c.txt",
	} {
		put(t, dir, name, "x")
	}
	s := open(t, dir)
	if diff := cmp.Diff([]string{"a.txt", "b.txt", "sub/c.txt"}, ids(t, s, dir)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestLinksStayInside(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	put(t, outside, "secret.txt", "secret")
	put(t, dir, "sub/a.txt", "a")
	for link, target := range map[string]string{
		"in.txt": "sub/a.txt", "out.txt": filepath.Join(outside, "secret.txt"), "outdir": outside, "loop": ".", "subdir": "sub", "nowhere": "none", "up.txt": "../" + filepath.Base(outside) + "/secret.txt",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	s := open(t, dir)
	if diff := cmp.Diff([]string{"in.txt", "sub/a.txt"}, ids(t, s, dir)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, name := range []string{"out.txt", "outdir/secret.txt", "../" + filepath.Base(outside) + "/secret.txt", "%2E%2E/x", "sub/../in.txt", "sub//a.txt", "loop"} {
		if _, err := s.Stat(t.Context(), "file://"+filepath.ToSlash(dir)+"/"+name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: got %v, want NotFound", name, err)
		}
	}
}

// The server's own data is never read, also when it got into a folder of
// documents after that was added, or the folder's name leads to it now.
func TestPrivateFolder(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	docs, data := filepath.Join(top, "docs"), filepath.Join(top, "docs", "sub", "data")
	put(t, docs, "a.txt", "a")
	put(t, data, "credentials", "secret")
	put(t, filepath.Join(data, "buckets", "handbook"), "b.txt", "b")
	link := filepath.Join(top, "link")
	if err := os.Symlink(docs, link); err != nil {
		t.Skip("no links here:", err)
	}
	for _, path := range []string{docs, data, filepath.Join(docs, "sub"), link} {
		for _, private := range []string{data, filepath.Join(link, "sub", "data")} {
			s := openBeside(t, path, private)
			if err := s.List(t.Context(), func(o knowledge.Object) error { t.Errorf("got %s", o.ID); return nil }); !fault.Is(err, fault.Denied) {
				t.Errorf("%s with %s: got %v, want Denied", path, private, err)
			}
			if _, err := s.Stat(t.Context(), "file://"+filepath.ToSlash(path)+"/a.txt"); !fault.Is(err, fault.Denied) {
				t.Errorf("%s with %s: got %v for a file, want Denied", path, private, err)
			}
		}
	}
	// What is beside it, or in it by purpose, is as good as any other folder.
	bucket := filepath.Join(data, "buckets", "handbook")
	if diff := cmp.Diff([]string{"b.txt"}, ids(t, openBeside(t, bucket, data), bucket)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.txt", "sub/data/buckets/handbook/b.txt", "sub/data/credentials"}, ids(t, openBeside(t, docs, filepath.Join(top, "none")), docs)); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestChangesWhileItIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	put(t, dir, "a.txt", "one")
	s := open(t, dir)
	o, err := s.Stat(t.Context(), "file://"+filepath.ToSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.WriteFile(path, []byte("two, in place"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want a conflict at the end", err)
	}
	// Of the same size, and touched: another time is enough.
	put(t, dir, "a.txt", "one")
	if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), o); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "file", "x")
	none := func(knowledge.Object) error { return nil }
	if err := open(t, filepath.Join(dir, "file")).List(t.Context(), none); !fault.Is(err, fault.NotFound) {
		t.Errorf("a file in its place: got %v, want NotFound", err)
	}
	if _, err := folder.New(folder.Params{}).Open(t.Context(), knowledge.DataSource{Kind: knowledge.Folder, Path: "relative"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a relative path: got %v, want Invalid", err)
	}
	if _, err := folder.New(folder.Params{}).Open(t.Context(), knowledge.DataSource{Kind: knowledge.S3}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a bucket: got %v, want Unsupported", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, dir).Stat(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if os.Geteuid() == 0 {
		return // root may read everything
	}
	put(t, dir, "locked/a.txt", "x")
	if err := os.Chmod(filepath.Join(dir, "locked"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "locked"), 0o755) })
	if err := open(t, dir).List(t.Context(), none); !fault.Is(err, fault.Denied) {
		t.Errorf("a locked folder: got %v, want Denied", err)
	}
}
