package llamacpp_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference/backendtest"
	"github.com/outcrop/outcrop/internal/inference/llamacpp"
	"github.com/outcrop/outcrop/internal/pack/packtest"
	"github.com/outcrop/outcrop/internal/runner"
)

// asRunner makes this test's executable play the child.
const asRunner = "OUTCROP_RUNNER_IN_TEST"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeMode); mode != "" {
		os.Exit(playFake(mode))
	}
	if os.Getenv(asRunner) != "" {
		os.Exit(runner.Main(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const (
	chatModel = "chat"
	vecModel  = "embedding"
)

// params run the real engine with the real default models, and with files
// that a test puts into the directory, which is returned.
func params(t testing.TB) (llamacpp.Params, string) {
	t.Helper()
	store := packtest.Open(t)
	library, err := store.Engine()
	if err != nil {
		t.Skip(err)
	}
	jinja, err := store.Jinja()
	if err != nil {
		t.Fatal(err)
	}
	chat, err := store.ChatModel()
	if err != nil {
		t.Fatal(err)
	}
	vec, err := store.EmbeddingModel()
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]string{chatModel: chat, vecModel: vec}
	dir := t.TempDir()
	return llamacpp.Params{
		Command: []string{os.Args[0]},
		Env:     append(os.Environ(), asRunner+"=1"),
		Engine: func(context.Context) (llamacpp.Engine, error) {
			return llamacpp.Engine{Library: library, Jinja: jinja}, nil
		},
		Locate: func(_ context.Context, name string) (llamacpp.Model, error) {
			if path, ok := models[name]; ok {
				return llamacpp.Model{Path: path}, nil
			}
			if path := filepath.Join(dir, name); fileExists(path) {
				return llamacpp.Model{Path: path}, nil
			}
			return llamacpp.Model{}, fault.New(fault.NotFound, "There is no model %s.", name)
		},
	}, dir
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func open(t testing.TB, p llamacpp.Params) *llamacpp.Backend {
	t.Helper()
	b := llamacpp.New(p)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestContract(t *testing.T) {
	t.Parallel()
	p, _ := params(t)
	backendtest.Run(t, func(t *testing.T) backendtest.Subject {
		return backendtest.Subject{
			Backend: open(t, p), Model: chatModel, Embedding: vecModel,
			Long: "Write a very long story about the sea and a ship.",
		}
	})
}
