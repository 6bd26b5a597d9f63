package llamacpp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/clocktest"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/gguf"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/runner/protocol"
)

// Environment variables of the fake child.
const (
	fakeMode  = "OUTCROP_FAKE_RUNNER"
	fakeCount = "OUTCROP_FAKE_COUNT" // a file that gets a line at each start
)

// playFake is a child that computes nothing and does what its mode or the
// prompt says.
func playFake(mode string) int {
	signal.Ignore(os.Interrupt)
	if f, err := os.OpenFile(os.Getenv(fakeCount), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		fmt.Fprintln(f, os.Getpid())
		f.Close()
	}
	out := protocol.NewSender(os.Stdout)
	version := protocol.Version
	switch mode {
	case "crash":
		fmt.Fprintln(os.Stderr, "boom: native trouble")
		return 7
	case "garbage":
		fmt.Println("llama_model_loader: loaded meta data")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	case "version":
		version = 99
	}
	_ = out.AddJSON(protocol.KindHello, 0, protocol.Hello{Version: version})
	in := bufio.NewReader(os.Stdin)
	if _, err := protocol.Read(in); err != nil {
		return 0
	}
	switch mode {
	case "silent":
		_, _ = io.Copy(io.Discard, in)
		return 0
	case "refuses":
		_ = out.AddJSON(protocol.KindFailed, 0, protocol.Failure(fault.New(fault.Upstream, "The model file is not usable: magic.")))
		out.Close()
		return 3
	case "slow":
		for range 6 {
			_ = out.AddJSON(protocol.KindProgress, 0, protocol.Progress{Fraction: 0.5})
			time.Sleep(slowStep)
		}
	case "deaf": // does not end when it is asked to
		_ = out.AddJSON(protocol.KindLoaded, 0, protocol.Loaded{Family: "fake", Context: 100, Generates: true})
		select {}
	}
	_ = out.AddJSON(protocol.KindLoaded, 0, protocol.Loaded{Family: "fake", Context: 100, Generates: true, Bytes: 100 << 20})
	for {
		f, err := protocol.Read(in)
		if err != nil {
			return 0
		}
		if f.Kind == protocol.KindCancel {
			continue
		}
		var g protocol.Generate
		if f.Decode(&g) != nil {
			return 9
		}
		text := g.Messages[0].Parts[0].Text
		if text == "die before" {
			return 8
		}
		_ = out.AddJSON(protocol.KindStarted, f.ID, protocol.Started{InputTokens: 1})
		_ = out.Add(func(dst []byte) []byte {
			return protocol.AppendDelta(dst, protocol.KindDelta, f.ID, protocol.Delta{OutputTokens: 1, Text: text})
		})
		switch text {
		case "die":
			out.Close()
			return 8
		case "hold":
			continue
		}
		_ = out.AddJSON(protocol.KindFinished, f.ID, protocol.Finished{Reason: inference.StopEndTurn, InputTokens: 1, OutputTokens: 1})
	}
}

const slowStep = 100 * time.Millisecond

// fakes is a backend whose children are fakes.
type fakes struct {
	*llamacpp.Backend
	t     *testing.T
	clock *clocktest.Clock
	count string
}

func openFakes(t *testing.T, mode string, change func(*llamacpp.Params)) *fakes {
	t.Helper()
	dir := t.TempDir()
	model := filepath.Join(dir, "model.gguf")
	f, err := os.Create(model)
	if err != nil {
		t.Fatal(err)
	}
	if err := gguf.Write(f, []gguf.KV{{Key: "general.architecture", Value: "llama"}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	fk := &fakes{t: t, clock: clocktest.New(time.Unix(1e9, 0)), count: filepath.Join(dir, "count")}
	p := llamacpp.Params{
		Command: []string{os.Args[0]},
		Env:     append(os.Environ(), fakeMode+"="+mode, fakeCount+"="+fk.count),
		Engine:  func(context.Context) (llamacpp.Engine, error) { return llamacpp.Engine{}, nil },
		Locate: func(_ context.Context, name string) (llamacpp.Model, error) {
			return llamacpp.Model{Path: model}, nil
		},
		Now: fk.clock.Now,
	}
	if change != nil {
		change(&p)
	}
	fk.Backend = open(t, p)
	return fk
}

// starts is how many children there have been.
func (f *fakes) starts() int {
	data, err := os.ReadFile(f.count)
	if err != nil {
		return 0
	}
	return strings.Count(string(data), "\n")
}

func ask(model, text string) *inference.Request {
	return &inference.Request{Model: model, Messages: []inference.Message{
		{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: text}}},
	}}
}

func (f *fakes) say(text string) error {
	a, err := inference.Collect(f.t.Context(), f, ask("m", text))
	if err == nil && a.Text != text {
		f.t.Errorf("got %q, want %q", a.Text, text)
	}
	return err
}
