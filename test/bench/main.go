// Command bench measures a built Outcrop binary from outside and compares the
// figures with the targets that the project has set itself. It prints a table
// and fails when a target is missed.
//
// It starts and stops servers of its own, offline, on free ports, in folders
// that it removes; engine and models have to be in the models folder already.
// Figures depend on the machine and on what else it does, so this is not part
// of the tests: "make bench" runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// options are the command line.
type options struct {
	bin, models string
	model       string
	starts      int
	calls       int
	streams     int

	collection         string
	documents, queries int
	peer               string
	python             string
	figures            string
	only               string
}

func main() {
	var other func() error
	switch {
	case len(os.Args) == 2 && os.Args[1] == upstreamCommand:
		other = runUpstream
	case len(os.Args) == 3 && os.Args[1] == relayCommand:
		other = func() error { return runRelay(os.Args[2]) }
	case len(os.Args) == 3 && os.Args[1] == proxyCommand:
		other = func() error { return runProxy(os.Args[2]) }
	}
	if other != nil {
		if err := other(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "outcrop-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	var r report
	for _, part := range []struct {
		name    string
		measure func(ctx context.Context, o options, folder string, r *report) error
	}{
		{"start", measureStart}, {"server", measureServer}, {"gateway", measureGateway}, {"knowledge", measureKnowledge},
	} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.measure(ctx, o, folder, &r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err := readFigures(o.figures, &r); err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	if err := r.write(out); err != nil {
		return err
	}
	if missed := r.missed(); missed > 0 {
		return fmt.Errorf("%d of %d targets missed", missed, r.targets())
	}
	return nil
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.bin, "bin", "bin/outcrop", "the binary")
	flags.StringVar(&o.models, "models", "", "folder of the engine and the models")
	flags.StringVar(&o.model, "model", "anthropic.claude-3-5-sonnet-20241022-v2:0", "model ID to call")
	flags.IntVar(&o.starts, "starts", 11, "number of starts to measure")
	flags.IntVar(&o.calls, "calls", 200, "number of Converse calls to measure")
	flags.IntVar(&o.streams, "streams", 7, "number of streams to measure")
	flags.StringVar(&o.collection, "collection", "../shared/data/cranfield", "folder of the Cranfield collection, which knowledge bases are measured with")
	flags.IntVar(&o.documents, "documents", 600, "number of its documents to index")
	flags.IntVar(&o.queries, "queries", 60, "number of its queries to ask")
	flags.StringVar(&o.peer, "peer", "", "folder to install the peer in; without one there is no comparison")
	flags.StringVar(&o.python, "python", "python3", "Python that the peer is installed for")
	flags.StringVar(&o.figures, "figures", "", "output of the Go benchmarks, of which some have targets")
	flags.StringVar(&o.only, "only", "", "measure one part alone: start, server, gateway or knowledge")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.starts < 1 || o.calls < 1 || o.streams < 1 || o.documents < 1 || o.queries < 1 {
		return o, errors.New("usage: bench [flags]; counts are at least 1")
	}
	for _, path := range []*string{&o.bin, &o.models, &o.collection, &o.peer, &o.figures} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return o, err
		}
	}
	return o, nil
}
