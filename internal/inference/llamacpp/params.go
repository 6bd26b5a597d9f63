// Package llamacpp is the backend of the models that run inside Outcrop: it
// starts one child process for each loaded model, speaks the runner's framed
// protocol with it over pipes, and supervises it.
//
// It computes nothing itself and loads no native code: that is package runner,
// in the child. It does not download anything: the engine's parts and the
// models' files are named by the functions in Params. Package app builds it;
// the router calls it.
//
// What always holds: a child that dies costs its own requests in flight an
// error and nothing else; the next request starts it again. At most one child
// exists for a model, whoever asks for it at the same time. Close leaves no
// process behind.
package llamacpp

import (
	"context"
	"log/slog"
	"time"
)

// Params are the parts and limits of a Backend. Command, Engine and Locate are
// required; a zero limit means its default.
type Params struct {
	// Command runs package runner as a child: the executable and its leading
	// arguments, {os.Executable(), "runner"}.
	Command []string
	// Env is the child's whole environment. Nil means the few variables of
	// this process that the engine needs (PATH, HOME, TMPDIR and the like),
	// and no credentials.
	Env []string
	// Engine tells where the engine's parts are. It is called before a child
	// is started, may wait while they are fetched, and may answer a fault
	// (NotReady while they are not there).
	Engine func(ctx context.Context) (Engine, error)
	// Locate finds a model's file by the backend's name for it. A name that
	// does not exist is fault.NotFound.
	Locate func(ctx context.Context, name string) (Model, error)
	// Logger gets the life of the children and never a prompt. Nil discards.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	IdleTimeout time.Duration // a model unused for so long is unloaded; default 10 minutes, negative: never
	LoadTimeout time.Duration // without any progress while loading; default 2 minutes
	StopTimeout time.Duration // from the polite stop to the kill; default 3 seconds
	MemoryLimit int64         // bytes of all loaded models together; default: three quarters of the machine's, or of the container's; negative: no limit
	MaxQueue    int           // requests in one model's child, waiting ones included; default 256
	Slots       int           // sequences computed together; default 16
	Context     int           // tokens that one request may use; default: the model's own up to 8192, as memory allows
	CacheBytes  int64         // of one model's key-value cache, which takes more only if one request of full length needs it; default: a 64th of MemoryLimit, at least 192 MiB
	Threads     int           // the most threads of one child; default: the machine's cores
}

// Engine is where the engine's parts are.
type Engine struct {
	Library string // directory of libllama, libggml and their variants
	Jinja   string // file of the template renderer's script
}

// Model is where a model's weights are.
type Model struct {
	Path   string // a GGUF file
	Digest string // sha256 in hexadecimal; empty when not known
}
