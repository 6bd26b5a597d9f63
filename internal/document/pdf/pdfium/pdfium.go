// Package pdfium gets the text out of PDF files with PDFium, compiled to
// WebAssembly and run by wazero: no cgo, and what a hostile file breaks is a
// sandbox that is thrown away.
//
// It is a binding of the few functions that text needs, and returns lines with
// their places on the page. How lines become paragraphs is the business of
// package pdf, its only caller. The module itself is not part of the program;
// whoever opens a Reader brings it.
package pdfium

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/outcrop/outcrop/internal/fault"
)

// Limits of one instance of the module.
const (
	pageSize   = 64 << 10             // of WebAssembly memory
	maxMemory  = 768 << 20 / pageSize // a file of 50 MiB and what PDFium makes of it
	keepMemory = 96 << 20             // an instance that has grown beyond this is not used again
	keepFiles  = 200                  // an instance that has read so many files is not used again
)

// Params are the parts of a Reader that have a default.
type Params struct {
	// CacheDir keeps the compiled module between runs: compiling takes a second
	// or two, loading what was compiled a few hundredths. It holds machine code
	// that is run, so it is made with mode 0700, and not used where others may
	// write. Empty: compiled at each Open.
	CacheDir string
	// Instances is how many files are read at once; 0: 2.
	Instances int
}

// Line is a line of text on a page, in points from the page's lower left corner.
type Line struct {
	Text        string
	Left, Right float64
	Base        float64 // height of the first character's origin
	Size        float64 // of the first character's font, as it appears
	Hyphen      bool    // it ends in a word that goes on in the next line; the hyphen is not in Text
}

// Reader reads PDF files. It is safe for concurrent use.
type Reader struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache
	slots    chan struct{}
	life     context.Context // until Close
	end      context.CancelFunc

	mu   sync.Mutex
	idle []*instance
}

// Open compiles the module, or loads it from the cache. Faults: Internal when it
// is not a module that this package can run.
func Open(ctx context.Context, wasm []byte, p Params) (_ *Reader, err error) {
	if p.Instances <= 0 {
		p.Instances = 2
	}
	r := &Reader{slots: make(chan struct{}, p.Instances)}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			r.end()
			_ = r.closeRuntime()
		}
	}()
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(maxMemory)
	if fueled, err := withFuel(wasm); err == nil {
		wasm = fueled
	} else {
		config = config.WithCloseOnContextDone(true) // slower, and as safe
	}
	// A cache that cannot be had costs time at the next start, not the text.
	if isOurs(p.CacheDir) {
		if r.cache, err = wazero.NewCompilationCacheWithDir(p.CacheDir); err == nil {
			config = config.WithCompilationCache(r.cache)
		}
	}
	r.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if r.compiled, err = r.runtime.CompileModule(ctx, wasm); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the PDF reader cannot be compiled")
	}
	if err = instantiateEnv(ctx, r.runtime, r.compiled); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the PDF reader cannot be set up")
	}
	return r, nil
}

// isOurs makes a folder, and reports whether others cannot write there. Windows
// has no modes; its folders are the user's own.
func isOurs(dir string) bool {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return false
	}
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o022 == 0)
}

// Read calls emit for each page in order, with its number from 0 and its lines
// in reading order. It stops and returns emit's error when there is one. A page
// that cannot be read has no lines and is counted in the result.
//
// Faults: Invalid (encrypted, damaged, needs too much memory), Internal (the
// module itself fails), Unavailable (closed). The context's own error when it
// ends, which is noticed within a millisecond.
func (r *Reader) Read(ctx context.Context, content []byte, emit func(page int, lines []Line) error) (unreadable int, err error) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.life.Done():
		return 0, errClosed()
	}
	defer func() { <-r.slots }()
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	in, err := r.take(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		// A panic of a host function, and the caller's own, end the instance too.
		if in != nil {
			in.close()
		}
	}()
	unreadable, err = in.read(ctx, content, emit)
	var trap *trapError
	switch {
	case caller.Err() != nil:
		return unreadable, caller.Err()
	case r.life.Err() != nil:
		return unreadable, errClosed()
	case errors.As(err, &trap) && in.exhausted:
		return unreadable, fault.Wrap(fault.Invalid, err, "The file needs too much memory to be read.")
	case errors.As(err, &trap):
		return unreadable, fault.Wrap(fault.Invalid, err, "The file is damaged: reading it failed.")
	}
	if r.keep(in) {
		in = nil
	}
	return unreadable, err
}

// take returns an idle instance, or a new one.
func (r *Reader) take(ctx context.Context) (*instance, error) {
	if r.life.Err() != nil {
		return nil, errClosed()
	}
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		in := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return in, nil
	}
	r.mu.Unlock()
	in, err := r.instantiate(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Wrap(fault.Internal, err, "the PDF reader cannot be started")
	}
	return in, nil
}

// keep puts an instance back unless it is worn.
func (r *Reader) keep(in *instance) bool {
	if in.files >= keepFiles || in.mod.Memory().Size() > keepMemory {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, in)
	return true
}

func errClosed() error { return fault.New(fault.Unavailable, "the PDF reader is closed") }

// Close ends what is being read and frees the module. It may be called once.
func (r *Reader) Close() error {
	r.end()
	// The code that runs must not be taken away from under it.
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	return r.closeRuntime()
}

func (r *Reader) closeRuntime() error {
	ctx := context.Background()
	var errs []error
	if r.runtime != nil {
		errs = append(errs, r.runtime.Close(ctx))
	}
	if r.cache != nil {
		errs = append(errs, r.cache.Close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Wrap(fault.Internal, err, "the PDF reader could not be closed")
	}
	return nil
}
