// Package llamacpptest gives tests the real engine with the default models. The
// executable of the test plays the engine's child process, so its TestMain calls
// Main or Play.
//
// Only tests import it. Which models there are and where is for package packtest
// to say.
package llamacpptest

import (
	"context"
	"os"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/runner"
)

// asRunner makes the test's executable play the child process.
const asRunner = "OUTCROP_RUNNER_IN_TEST"

// Main is a TestMain that plays the child process when it is one.
func Main(m *testing.M) {
	if IsChild() {
		Play()
	}
	os.Exit(m.Run())
}

// IsChild reports whether this process has to play the child process.
func IsChild() bool { return os.Getenv(asRunner) != "" }

// Play is the child process and does not return.
func Play() { os.Exit(runner.Main(os.Stdin, os.Stdout, os.Stderr)) }

// Names are what a test calls the default models; it has no others.
type Names struct {
	Chat      string // empty: there is none
	Embedding string // empty: there is none
}

// Params are of a backend with the default models. The test is skipped where
// there is no engine for the machine.
func Params(t testing.TB, names Names) llamacpp.Params {
	t.Helper()
	packs := packtest.Open(t)
	library, err := packs.Engine()
	if err != nil {
		t.Skip(err)
	}
	jinja, err := packs.Jinja()
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]llamacpp.Model{}
	add := func(name string, locate func() (string, error)) {
		if name == "" {
			return
		}
		path, err := locate()
		if err != nil {
			t.Fatal(err)
		}
		models[name] = llamacpp.Model{Path: path}
	}
	add(names.Chat, packs.ChatModel)
	add(names.Embedding, packs.EmbeddingModel)
	return llamacpp.Params{
		Command: []string{os.Args[0]},
		Env:     append(os.Environ(), asRunner+"=1"),
		Engine: func(context.Context) (llamacpp.Engine, error) {
			return llamacpp.Engine{Library: library, Jinja: jinja}, nil
		},
		Locate: func(_ context.Context, name string) (llamacpp.Model, error) {
			m, ok := models[name]
			if !ok {
				return llamacpp.Model{}, fault.New(fault.NotFound, "There is no model %s.", name)
			}
			return m, nil
		},
	}
}

// Open returns a backend with the default models, which ends with the test.
func Open(t testing.TB, names Names) *llamacpp.Backend {
	t.Helper()
	b := llamacpp.New(Params(t, names))
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}
