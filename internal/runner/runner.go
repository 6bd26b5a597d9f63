// Package runner is the child process that holds one model: it loads the
// native engine, turns requests into tokens, computes many answers at once,
// and speaks package protocol over its standard input and output.
//
// It listens on no port, finds no models and restarts nothing: package
// inference/llamacpp supervises it. The command line calls Main for its hidden
// subcommand; nothing else uses the package.
//
// What always holds: a frame that was asked for is answered or its request
// canceled; one goroutine, on a thread of its own, makes every call that
// computes; what native code prints never reaches the frames; the end of
// standard input ends the process at once.
package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Exit codes of Main.
const (
	ExitOK    = 0
	ExitLoad  = 3 // the model could not be loaded; Failed says why
	ExitFrame = 4 // the server sent something that is not a frame
	ExitPipe  = 5 // the server cannot be written to
)

// Main serves one model over the process's own standard files and returns the
// exit code. It takes standard output away from the rest of the process.
func Main(stdin, stdout, stderr *os.File) int {
	frames, err := takeStdout(stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "runner: take standard output:", err)
		return ExitPipe
	}
	// The server decides when this process ends; a Ctrl-C in its terminal
	// reaches both, and the requests in flight are still to be answered.
	ignoreInterrupt()
	return serve(stdin, frames, stderr)
}

// serve runs the protocol until the input ends or the engine gives up.
func serve(in io.Reader, out io.Writer, logs io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := newOutput(out)
	o.json(protocol.KindHello, 0, protocol.Hello{Version: protocol.Version})

	r := bufio.NewReaderSize(in, 64<<10)
	var load protocol.Load
	switch f, err := protocol.Read(r); {
	case err != nil:
		return readExit(err, logs)
	case f.Kind != protocol.KindLoad || f.Decode(&load) != nil:
		fmt.Fprintln(logs, "runner: the first frame does not say what to load")
		return ExitFrame
	}

	s := newSession(o)
	exit := make(chan int, 2)
	go func() { exit <- s.compute(ctx, load, logs) }()
	go func() { exit <- s.read(ctx, r, logs) }()
	code := <-exit
	if code == ExitLoad {
		o.close()
	}
	return code
}

func readExit(err error, logs io.Writer) int {
	if errors.Is(err, io.EOF) {
		return ExitOK
	}
	fmt.Fprintln(logs, "runner: read a frame:", err)
	return ExitFrame
}

// session is the state that the reading and the computing goroutine share.
type session struct {
	out     *output
	machine loadMeter
	ready   chan struct{} // closed when model is set
	model   *loaded

	preparing chan struct{} // has an element for each request that is being prepared
	counting  chan struct{} // has an element for each request whose texts are being counted

	mu       sync.Mutex
	requests map[uint32]*request
}

func newSession(o *output) *session {
	s := &session{
		out: o, machine: newLoadMeter(), requests: make(map[uint32]*request),
		ready: make(chan struct{}), preparing: make(chan struct{}, mostPreparing), counting: make(chan struct{}, mostCounting),
	}
	s.machine.idle() // begins to count
	return s
}

// read takes frames until the input ends.
func (s *session) read(ctx context.Context, r io.Reader, logs io.Writer) int {
	for {
		f, err := protocol.Read(r)
		if err != nil {
			return readExit(err, logs)
		}
		switch f.Kind {
		case protocol.KindGenerate, protocol.KindCount, protocol.KindEmbed, protocol.KindCountTexts:
			s.start(ctx, f)
		case protocol.KindCancel:
			s.cancel(f.ID)
		default:
			fmt.Fprintln(logs, "runner: a frame of kind", f.Kind, "is not for a runner")
			return ExitFrame
		}
	}
}

// randomSeed never is the number that the library takes for "choose one".
func randomSeed() uint32 { return rand.Uint32N(1<<32 - 1) }
