package library

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/library/source"
	"github.com/outcrop/outcrop/internal/library/source/huggingface"
	"github.com/outcrop/outcrop/internal/library/source/ollama"
	"github.com/outcrop/outcrop/internal/library/source/web"
)

// Options change what a model is added as.
type Options struct {
	Name string // local name; empty: made of the reference
	// Remote refuses a file of this machine: who asks is not at it.
	Remote bool
}

// Pull adds the model that a reference names: hf.co/org/repo:quant (also
// hf:org/repo and org/repo), ollama.com/library/model:tag, an address that ends
// in .gguf, or a file on this machine. A model that is there already with the
// same digests is returned as it is; one from the same source with others is
// replaced. It goes on where an earlier Pull stopped.
//
// Faults: Invalid (no such form of reference; not a GGUF, cut off, wrong
// digest: nothing is entered), NotFound, Denied, Conflict (the name is taken),
// Unsupported, Unavailable (offline, no connection, disk full: what has arrived
// is kept).
func (l *Library) Pull(ctx context.Context, ref string, o Options) (*Model, error) {
	if !o.Remote && isPath(ref) {
		return l.Import(ctx, ref, o)
	}
	plan, err := l.plan(ctx, ref)
	if err != nil {
		return nil, err
	}
	name, unlock, err := l.claim(ctx, o.Name, plan.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if m, here, err := l.present(name, plan.Source, plan.Files); here || err != nil {
		return m, err
	}
	dir := l.incoming(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fetch.DiskFault(err, "cannot make %s", dir)
	}
	m := &Model{Name: name, Source: plan.Source, License: plan.License, Template: plan.Template, System: plan.System, Defaults: plan.Defaults}
	for i, remote := range plan.Files {
		title := name
		if len(plan.Files) > 1 {
			title = fmt.Sprintf("%s (%d of %d)", name, i+1, len(plan.Files))
		}
		file, err := l.download(ctx, dir, title, remote)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, file)
	}
	return l.enter(m, dir)
}

// Planned is what a Pull would add.
type Planned struct {
	Name    string
	Source  string // without secrets
	Size    int64  // bytes of all files; 0 where the source does not tell
	License string
	Here    bool // it is there already, just like this
}

// Plan finds out what a Pull would add, and fetches nothing of it. It takes no file
// of this machine. Faults as Pull's, Conflict when another model has the name.
func (l *Library) Plan(ctx context.Context, ref string, o Options) (*Planned, error) {
	plan, err := l.plan(ctx, ref)
	if err != nil {
		return nil, err
	}
	p := &Planned{Name: cmp.Or(o.Name, plan.Name), Source: plan.Source, License: plan.License}
	if err := checkName(p.Name); err != nil {
		return nil, err
	}
	for _, f := range plan.Files {
		p.Size += max(0, f.Size)
	}
	_, p.Here, err = l.present(p.Name, plan.Source, plan.Files)
	return p, err
}

func (l *Library) plan(ctx context.Context, ref string) (*source.Plan, error) {
	if l.fetch.Offline() {
		return nil, fault.New(fault.Unavailable, "offline: models cannot be pulled; import a file with: outcrop models import FILE")
	}
	return l.resolve(ctx, ref)
}

// With returns the library over another client, as for one download whose progress
// somebody wants to see.
func (l *Library) With(c *fetch.Client) *Library {
	return &Library{dir: l.dir, packs: l.packs, fetch: c, getenv: l.getenv, now: l.now}
}

// Client returns the client that downloads.
func (l *Library) Client() *fetch.Client { return l.fetch }

// isPath reports whether a reference means a file on this machine.
func isPath(ref string) bool {
	for _, prefix := range []string{"./", "../", "/", "~/", `.\`, `..\`, "file:"} {
		if strings.HasPrefix(ref, prefix) {
			return true
		}
	}
	if filepath.IsAbs(ref) {
		return true
	}
	info, err := os.Stat(ref)
	return err == nil && info.Mode().IsRegular()
}

// resolve asks the kind of source that a reference belongs to.
func (l *Library) resolve(ctx context.Context, ref string) (*source.Plan, error) {
	token := l.getenv("HF_TOKEN")
	if token == "" {
		token = l.getenv("HUGGING_FACE_HUB_TOKEN")
	}
	hub := huggingface.New(l.fetch, l.getenv("HF_ENDPOINT"), token)
	rest := ref
	if u, err := url.Parse(ref); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		endpoint, endpointErr := url.Parse(hub.Endpoint())
		own := endpointErr == nil && u.Host == endpoint.Host && strings.Contains(u.Path, "/resolve/")
		if !own && !huggingFaceHost(u.Host) {
			return web.Resolve(ref)
		}
		rest = "hf:" + strings.Trim(u.Path, "/")
	}
	for _, prefix := range []string{"hf:", "hf.co/", "huggingface.co/", "www.huggingface.co/"} {
		if repo, ok := strings.CutPrefix(rest, prefix); ok {
			parsed, err := huggingface.Parse(repo)
			if err != nil {
				return nil, err
			}
			return hub.Resolve(ctx, parsed)
		}
	}
	registry := ollama.New(l.fetch, l.getenv("OUTCROP_OLLAMA_REGISTRY"))
	host, path, slash := strings.Cut(rest, "/")
	if model, ok := strings.CutPrefix(rest, "ollama:"); ok {
		rest, host, path, slash = "ollama.com/"+model, "ollama.com", model, true
	}
	switch {
	case slash && path != "" && strings.ContainsAny(host, ".:"):
		parsed, err := ollama.Parse(rest)
		if err != nil {
			return nil, err
		}
		return registry.Resolve(ctx, parsed)
	case slash:
		parsed, err := huggingface.Parse(rest)
		if err != nil {
			return nil, err
		}
		return hub.Resolve(ctx, parsed)
	}
	return nil, fault.New(fault.Invalid, "%.200q names no model to pull; write hf.co/org/repo:Q4_K_M, ollama.com/library/model:tag, https://…/model.gguf or ./model.gguf", ref)
}

func huggingFaceHost(host string) bool {
	return host == "huggingface.co" || host == "www.huggingface.co" || host == "hf.co"
}

// claim settles the name of a model that is to be added and locks it.
func (l *Library) claim(ctx context.Context, wanted, proposed string) (string, func(), error) {
	name := wanted
	if name == "" {
		name = proposed
	}
	if err := checkName(name); err != nil {
		return "", nil, err
	}
	if l.builtIn(name) != nil {
		return "", nil, fault.New(fault.Conflict, "%s is the name of a model that comes with Outcrop; give another one with --name", name)
	}
	unlock, err := fetch.Lock(ctx, filepath.Join(l.dir, ".lock-"+name), name, l.fetch.Progress())
	return name, unlock, err
}

// present says whether the model that would be added is here already, and
// returns it. Fault: Conflict when it is from somewhere else.
func (l *Library) present(name, from string, files []source.Remote) (m *Model, here bool, err error) {
	m, err = l.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if m.Problem != "" {
		return nil, false, nil // it is broken: replace it
	}
	same := len(files) == len(m.Files)
	for i := 0; same && i < len(files); i++ {
		// A source that tells no digest is not asked again for what is here.
		same = files[i].Digest.Hex == m.Files[i].SHA256 || files[i].Digest.IsZero() && m.Source == from
	}
	if same {
		l.fetch.Progress().Note(name + " is here already")
		return m, true, nil
	}
	if m.Source != from {
		return nil, false, fault.New(fault.Conflict, "there is a model %s already, from %s; give another name with --name, or remove it first", name, m.Source)
	}
	return nil, false, nil
}

// download gets a file into dir, unless it is there whole.
func (l *Library) download(ctx context.Context, dir, title string, remote source.Remote) (File, error) {
	path := filepath.Join(dir, remote.Name)
	if _, err := os.Stat(path); err == nil && !remote.Digest.IsZero() {
		// An earlier part of a pull that stopped at a later one.
		if sum, size, err := fetch.SumFile(ctx, path, func(int64) {}); err == nil && sum == remote.Digest {
			return File{Name: remote.Name, Size: size, SHA256: sum.Hex}, nil
		}
	}
	result, err := l.fetch.File(ctx, fetch.Job{Title: title, URL: remote.URL, Header: remote.Header, Path: path, Size: remote.Size, Digest: remote.Digest})
	return File{Name: remote.Name, Size: result.Size, SHA256: result.Digest.Hex}, err
}

// enter checks the files in dir and makes them a model.
func (l *Library) enter(m *Model, dir string) (*Model, error) {
	for i, file := range m.Files {
		header, err := gguf.Inspect(filepath.Join(dir, file.Name))
		if err == nil && i == 0 && header.Text("general.architecture") == "" {
			err = fault.New(fault.Invalid, "the GGUF does not say which architecture it is")
		}
		if err == nil && header.Info().SplitParts > 1 && header.Info().SplitParts != int64(len(m.Files)) {
			err = fault.New(fault.Invalid, "it is one of %d parts, of which %d were given", header.Info().SplitParts, len(m.Files))
		}
		if err != nil {
			// What is no model now will be none after another try.
			_ = os.RemoveAll(dir)
			return nil, fault.Wrap(fault.KindOf(err), err, "%s is not entered: %s", file.Name, fault.As(err).Message)
		}
		if i == 0 {
			m.describe(header)
			continue
		}
		m.Parameters += header.Info().Parameters
	}
	m.Imported = l.now().UTC().Truncate(1e9)
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, manifestName), append(raw, '\n'), 0o644); err != nil {
		return nil, fetch.DiskFault(err, "cannot write the manifest of %s", m.Name)
	}
	to, old := filepath.Join(l.dir, m.Name), l.incoming(m.Name+".replaced")
	if err := os.RemoveAll(old); err != nil {
		return nil, fetch.DiskFault(err, "cannot replace %s", m.Name)
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fetch.DiskFault(err, "cannot replace %s", m.Name)
	}
	if err := os.Rename(dir, to); err != nil {
		return nil, fetch.DiskFault(err, "cannot put %s in place", m.Name)
	}
	// A remainder is removed the next time; it is not found meanwhile.
	_ = os.RemoveAll(old)
	return l.read(m.Name)
}

// Import adds a GGUF file of this machine: by hard link where that is possible,
// else by copy. Of a model in several parts any part may be named; the others
// lie beside it. Faults as Pull.
func (l *Library) Import(ctx context.Context, path string, o Options) (*Model, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the home directory that ~ stands for is not known")
		}
		path = filepath.Join(home, rest)
	}
	path, err := filepath.Abs(strings.TrimPrefix(strings.TrimPrefix(path, "file:"), "//"))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cannot find %s", path)
	}
	paths, stem, err := partsOf(path)
	if err != nil {
		return nil, err
	}
	// Looked at before anything is copied: this is where mistakes show.
	for _, p := range paths {
		if _, err := gguf.Inspect(p); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "%s is not entered: %s", filepath.Base(p), fault.As(err).Message)
		}
	}
	name, unlock, err := l.claim(ctx, o.Name, source.CleanName(stem))
	if err != nil {
		return nil, err
	}
	defer unlock()
	m := &Model{Name: name, Source: path}
	planned := make([]source.Remote, 0, len(paths))
	modified := make([]time.Time, 0, len(paths))
	for _, p := range paths {
		// Before the sum: what is written while it is made has a later time.
		info, err := os.Stat(p)
		if err != nil {
			return nil, fetch.DiskFault(err, "cannot read %s", p)
		}
		modified = append(modified, info.ModTime().UTC())
		sum, _, err := fetch.SumFile(ctx, p, func(int64) {})
		if err != nil {
			return nil, fetch.DiskFault(err, "cannot read %s", p)
		}
		planned = append(planned, source.Remote{Name: filepath.Base(p), Digest: sum})
	}
	if m, here, err := l.present(name, path, planned); here || err != nil {
		return m, err
	}
	dir := l.incoming(name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, fetch.DiskFault(err, "cannot write %s", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fetch.DiskFault(err, "cannot make %s", dir)
	}
	for i, p := range paths {
		file := File{Name: planned[i].Name, SHA256: planned[i].Digest.Hex}
		var shared bool
		file.Size, shared, err = l.take(ctx, p, filepath.Join(dir, file.Name), planned[i].Digest)
		if err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
		if shared {
			file.Modified = modified[i]
		}
		m.Files = append(m.Files, file)
	}
	return l.enter(m, dir)
}

// partsOf returns the files of the model that path belongs to, and its stem.
func partsOf(path string) ([]string, string, error) {
	base := filepath.Base(path)
	stem, _, parts, ok := source.Split(base)
	if !ok {
		return []string{path}, strings.TrimSuffix(base, filepath.Ext(base)), nil
	}
	var paths []string
	for i := 1; fmt.Sprintf("%05d", i) <= parts; i++ {
		p := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%05d-of-%s.gguf", stem, i, parts))
		if _, err := os.Stat(p); err != nil {
			return nil, "", fault.Wrap(fault.NotFound, err, "%s is one of several parts, and %s is not beside it", base, filepath.Base(p))
		}
		paths = append(paths, p)
	}
	return paths, stem, nil
}

// take links or copies a file and returns its size, and whether it is shared
// with the original: a link.
func (l *Library) take(ctx context.Context, from, to string, sum fetch.Digest) (size int64, shared bool, err error) {
	// A link to a symbolic link would be one.
	from, err = filepath.EvalSymlinks(from)
	if err != nil {
		return 0, false, fetch.DiskFault(err, "cannot read %s", from)
	}
	info, err := os.Stat(from)
	if err != nil {
		return 0, false, fetch.DiskFault(err, "cannot read %s", from)
	}
	if os.Link(from, to) == nil {
		return info.Size(), true, nil
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, false, fetch.DiskFault(err, "cannot read %s", from)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, false, fetch.DiskFault(err, "cannot write %s", to)
	}
	defer out.Close()
	bar := l.fetch.Progress().Begin("copying "+filepath.Base(from), info.Size())
	got, n, err := fetch.CopySum(ctx, out, in, bar.Set)
	if err == nil {
		err = out.Close()
	}
	if err == nil && got != sum {
		err = fault.New(fault.Invalid, "%s changed while it was copied", from)
	}
	bar.End(err)
	if err != nil && fault.Is(err, fault.Internal) {
		err = fetch.DiskFault(err, "cannot copy %s", from)
	}
	return n, false, err
}
