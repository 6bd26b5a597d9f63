// Package scripted is the backend that plays a model: what it answers, and how
// it fails, is written in a file of rules. It is made for the tests of programs
// that use models, so the same requests get the same answers, at once, and what
// was asked can be read back.
//
// It is no model and knows no prompt syntax. Its tokens are words, its vectors
// are drawn from a hash of the text: equal texts have equal ones, and that is all
// they mean. docs/SCRIPTED.md is the reference of the rules.
package scripted

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
)

// Caller is what is known of the call beside the hub's request: rules can ask
// for it. All members may be empty.
type Caller struct {
	RequestID string
	Operation string // "ConverseStream"
	Model     string // the identifier that was asked for
	ModelID   string // its base model ID
	Principal string // ARN
}

// Params are what a Backend is made of. The zero value echoes.
type Params struct {
	// Script are the rules to begin with, and those that Reset comes back to; nil
	// is none.
	Script *Script
	// Caller tells about the call in progress; nil knows nothing.
	Caller func(ctx context.Context) Caller
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Wait waits for the delays of a script; nil really does. It returns ctx's
	// error when that ends first.
	Wait func(ctx context.Context, d time.Duration) error
	// Calls is how many calls are kept to be read; 1000 when 0.
	Calls int
}

// Backend is an inference.Backend with all optional powers that a script can
// have. It is safe for concurrent use.
type Backend struct {
	p    Params
	ctx  context.Context
	stop context.CancelFunc

	mu         sync.Mutex
	script     *Script
	counts     []int // of the rules: the calls that each was reached by
	generation int   // of the script: it changes with it
	journal    journal
	closed     bool
	running    sync.WaitGroup
}

// Open reads the rules in a file. The error names the file and the lines.
func Open(file string) (*Script, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	s, err := parse(data, settings{chunk: chunkWord}, dir)
	if err != nil {
		return nil, &FileError{File: filepath.Base(file), Err: err}
	}
	return s, nil
}

// FileError says what is wrong with a rule file.
type FileError struct {
	File string
	Err  error
}

// Error has a line for each mistake.
func (e *FileError) Error() string {
	lines := strings.Split(e.Err.Error(), "\n")
	for i, line := range lines {
		lines[i] = e.File + ": " + line
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// New returns a Backend.
func New(p Params) *Backend {
	if p.Script == nil {
		p.Script, _ = Parse(nil) // no rules have no mistakes
	}
	if p.Caller == nil {
		p.Caller = func(context.Context) Caller { return Caller{} }
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Wait == nil {
		p.Wait = wait
	}
	b := &Backend{p: p, journal: newJournal(cmp.Or(p.Calls, 1000))}
	b.ctx, b.stop = context.WithCancel(context.Background())
	b.use(p.Script)
	return b
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// use puts a script in force; the counts begin anew. b.mu is held, or nobody
// else knows b yet.
func (b *Backend) use(s *Script) {
	b.script, b.counts = s, make([]int, len(s.rules))
	b.generation++
}

// Close implements inference.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.running.Wait()
	return nil
}

func stopping() error { return fault.New(fault.Unavailable, "The server is stopping.") }

// enter makes Close wait for a call.
func (b *Backend) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, stopping()
	}
	b.running.Add(1)
	return b.running.Done, nil
}

// The properties of a model of which a script says nothing.
const (
	defaultWindow     = 200_000
	defaultDimensions = 1024
)

// model finds what is known about a model. A script with a list of models has no
// other ones.
func (s *Script) model(names ...string) (model, error) {
	for _, m := range s.models {
		for _, name := range names {
			if name != "" && wild(m.match, name) {
				return m, nil
			}
		}
	}
	if len(s.models) > 0 {
		return model{}, fault.New(fault.NotFound, "The script has no model %s.", names[0])
	}
	return model{}, nil
}

// Describe implements inference.Describer.
func (b *Backend) Describe(ctx context.Context, name string) (*inference.ModelInfo, error) {
	leave, err := b.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	c := b.p.Caller(ctx)
	b.mu.Lock()
	s := b.script
	b.mu.Unlock()
	m, err := s.model(name, c.Model, c.ModelID)
	if err != nil {
		return nil, err
	}
	info := &inference.ModelInfo{Name: name, Family: "scripted", ContextWindow: cmp.Or(m.window, defaultWindow)}
	if m.kind != "text" && m.kind != "rerank" && m.kind != "image" {
		info.Dimensions = cmp.Or(m.dimensions, s.set.dimensions, defaultDimensions)
	}
	return info, nil
}

// wild matches a pattern with * and ? against a whole name; * takes any text.
func wild(pattern, name string) bool {
	star, at := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, at = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			at++
			p, n = star+1, at
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

var (
	_ inference.Backend      = (*Backend)(nil)
	_ inference.Embedder     = (*Backend)(nil)
	_ inference.TokenCounter = (*Backend)(nil)
	_ inference.Tokenizer    = (*Backend)(nil)
	_ inference.Describer    = (*Backend)(nil)
	_ inference.Reranker     = (*Backend)(nil)
)
